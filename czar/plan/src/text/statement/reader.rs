//! A statement's tokens, read by place.

use super::kinds::StatementError;
use super::quoting::{start_of, unquoted};
use crate::text::lex::{Kind, Token};

/// The tokens of one statement.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: &'a [Token<'a>],
    /// Byte position after the last token.
    pub(super) end: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn token(&self, at: usize) -> Option<&'a Token<'a>> {
        self.tokens.get(at)
    }

    pub(super) fn is(&self, at: usize, keyword: &str) -> bool {
        self.token(at).is_some_and(|token| token.is_word(keyword))
    }

    pub(super) fn is_any(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(at, keyword))
    }

    pub(super) fn is_symbol(&self, at: usize, symbol: &str) -> bool {
        self.token(at).is_some_and(|token| token.is_symbol(symbol))
    }

    /// The token at `at` in capitals, empty behind the end.
    pub(super) fn word(&self, at: usize) -> String {
        self.token(at)
            .map(|token| token.text.to_ascii_uppercase())
            .unwrap_or_default()
    }

    /// Source text from the token at `at` to the end.
    pub(super) fn text_from(&self, at: usize) -> &'a str {
        self.token(at)
            .and_then(|token| self.sql.get(token.start..self.end))
            .unwrap_or_default()
    }

    pub(super) fn syntax(&self, at: usize) -> StatementError {
        StatementError::Syntax {
            near: start_of(self.text_from(at)),
        }
    }

    pub(super) fn name(&self, at: usize) -> Result<String, StatementError> {
        let name = self
            .token(at)
            .filter(|token| matches!(token.kind, Kind::Word | Kind::QuotedName));
        name.map(unquoted).ok_or_else(|| self.syntax(at))
    }

    pub(super) fn number(&self, at: usize) -> Result<u64, StatementError> {
        let number = self.token(at).filter(|token| token.kind == Kind::Number);
        number
            .and_then(|token| token.text.parse().ok())
            .ok_or_else(|| self.syntax(at))
    }

    pub(super) fn at_end(&self, at: usize) -> Result<(), StatementError> {
        if at < self.tokens.len() {
            Err(self.syntax(at))
        } else {
            Ok(())
        }
    }
}
