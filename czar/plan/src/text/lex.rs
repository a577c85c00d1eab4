//! Cuts SQL text into tokens with byte positions, by MariaDB's rules.
//!
//! Everything that must not be fooled by a quote or a comment starts here: the classes of
//! statements, the places of `?`, the labels of columns and the guard before the parser. Executable
//! comments (`/*! … */`, `/*M!100100 … */`) are resolved as MariaDB 10.11 resolves them. The modes
//! ANSI_QUOTES and NO_BACKSLASH_ESCAPES are never on: the proxy refuses to set them.

use thiserror::Error;

/// Version that decides which executable comments run, as MariaDB counts it.
const SERVER_VERSION: u32 = 101_119;
/// MySQL's own versions whose executable comments MariaDB skips unless they start with `/*M!`.
const SKIPPED_VERSIONS: std::ops::RangeInclusive<u32> = 50_700..=50_999;

/// Why text cannot be cut into tokens.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LexError {
    /// A string or quoted name has no end.
    #[error("the {what} that starts at byte {at} has no end")]
    Unterminated {
        /// What has no end.
        what: &'static str,
        /// Byte position of its start.
        at: usize,
    },
    /// More tokens than a statement may have.
    #[error("the statement has more than {limit} tokens")]
    TooManyTokens {
        /// How many it may have.
        limit: usize,
    },
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keyword or plain name.
    Word,
    /// Name in backquotes.
    QuotedName,
    /// String in single or double quotes, without what may stand before it (`_utf8`, `N`).
    Text,
    /// Decimal number, with point and exponent when it has them.
    Number,
    /// `0x4D` or `0b01`: a number or a string, as the context wants.
    Literal0x,
    /// `X'4D'`, `B'01'`, `N'…'`: the letter and the string.
    PrefixedText,
    /// `?`.
    Placeholder,
    /// `@name` or `@@name`, quoted names included.
    Variable,
    /// Anything else, longest match: `<=>`, `||`, `(`.
    Symbol,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: &'a str,
    /// Byte position of its start.
    pub start: usize,
}

impl Token<'_> {
    /// Byte position after its end.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword (given in capitals), outside quotes.
    pub fn is_word(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is this symbol.
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }
}

/// Cuts `sql` into at most `limit` tokens; white space and comments are left out.
pub fn tokens(sql: &str, limit: usize) -> Result<Vec<Token<'_>>, LexError> {
    let mut lexer = Lexer::new(sql);
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token()? {
        if tokens.len() == limit {
            return Err(LexError::TooManyTokens { limit });
        }
        tokens.push(token);
    }
    Ok(tokens)
}

/// The first token, if there is one and it can be read.
pub fn first(sql: &str) -> Option<Token<'_>> {
    Lexer::new(sql).next_token().ok().flatten()
}

struct Lexer<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Inside an executable comment whose body counts.
    in_executable: bool,
}

impl<'a> Lexer<'a> {
    fn new(sql: &'a str) -> Self {
        Self {
            sql,
            bytes: sql.as_bytes(),
            at: 0,
            in_executable: false,
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn next_token(&mut self) -> Result<Option<Token<'a>>, LexError> {
        self.skip_blank()?;
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let start = self.at;
        let kind = self.read()?;
        let text = self.sql.get(start..self.at).unwrap_or_default();
        Ok(Some(Token { kind, text, start }))
    }

    fn skip_blank(&mut self) -> Result<(), LexError> {
        loop {
            match self.peek(0) {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c if self.at < self.bytes.len() => {
                    self.at += 1;
                }
                b'#' => self.skip_line(),
                b'-' if self.peek(1) == b'-'
                    && (self.peek(2) <= b' ' || self.at + 2 >= self.bytes.len()) =>
                {
                    self.skip_line();
                }
                b'/' if self.peek(1) == b'*' => self.enter_comment()?,
                b'*' if self.in_executable && self.peek(1) == b'/' => {
                    self.in_executable = false;
                    self.at += 2;
                }
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        let length = self.rest().iter().position(|&byte| byte == b'\n');
        self.at = length.map_or(self.bytes.len(), |length| self.at + length + 1);
    }

    /// Skips a comment, or steps into it when MariaDB executes it.
    fn enter_comment(&mut self) -> Result<(), LexError> {
        let mariadb_only = matches!(self.peek(2), b'M' | b'm') && self.peek(3) == b'!';
        if self.in_executable || !(mariadb_only || self.peek(2) == b'!') {
            return self.skip_comment();
        }
        let head = if mariadb_only { 4 } else { 3 };
        let digits = (head..head + 6)
            .take_while(|&ahead| self.peek(ahead).is_ascii_digit())
            .count();
        let version_text = self
            .sql
            .get(self.at + head..self.at + head + digits)
            .unwrap_or_default();
        let version: u32 = version_text.parse().unwrap_or(0);
        let numbered = digits >= 5;
        let skipped = numbered
            && (version > SERVER_VERSION || (!mariadb_only && SKIPPED_VERSIONS.contains(&version)));
        if skipped {
            return self.skip_comment();
        }
        self.in_executable = true;
        self.at += head + if numbered { digits } else { 0 };
        Ok(())
    }

    fn skip_comment(&mut self) -> Result<(), LexError> {
        let start = self.at;
        let body = self.bytes.get(start + 2..).unwrap_or_default();
        let end = body.windows(2).position(|pair| pair == b"*/");
        let end = end.ok_or(LexError::Unterminated {
            what: "comment",
            at: start,
        })?;
        self.at = start + 2 + end + 2;
        Ok(())
    }

    fn read(&mut self) -> Result<Kind, LexError> {
        let (first, second) = (self.peek(0), self.peek(1));
        match first {
            b'\'' | b'"' => self.quoted(first, true, "string").map(|()| Kind::Text),
            b'`' => self
                .quoted(b'`', false, "quoted name")
                .map(|()| Kind::QuotedName),
            b'x' | b'X' | b'b' | b'B' | b'n' | b'N' if second == b'\'' => {
                self.at += 1;
                self.quoted(b'\'', true, "string")
                    .map(|()| Kind::PrefixedText)
            }
            b'@' => self.variable(),
            b'?' => {
                self.at += 1;
                Ok(Kind::Placeholder)
            }
            b'0'..=b'9' => Ok(self.number_or_word()),
            b'.' if second.is_ascii_digit() && !self.follows_name() => Ok(self.number_or_word()),
            _ if is_name_byte(first) => {
                self.name();
                Ok(Kind::Word)
            }
            _ => {
                self.symbol();
                Ok(Kind::Symbol)
            }
        }
    }

    /// Whether the byte before is part of a name, so that a point here separates names.
    fn follows_name(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.bytes.get(at));
        before.is_some_and(|&byte| is_name_byte(byte) || byte == b'`')
    }

    fn quoted(&mut self, quote: u8, backslash: bool, what: &'static str) -> Result<(), LexError> {
        let start = self.at;
        self.at += 1;
        while self.at < self.bytes.len() {
            let byte = self.peek(0);
            let escaped = byte == b'\\' && backslash;
            if escaped || (byte == quote && self.peek(1) == quote) {
                self.at += 2;
            } else if byte == quote {
                self.at += 1;
                return Ok(());
            } else {
                self.at += 1;
            }
        }
        Err(LexError::Unterminated { what, at: start })
    }

    fn variable(&mut self) -> Result<Kind, LexError> {
        self.at += 1;
        if self.peek(0) == b'@' {
            self.at += 1;
        }
        match self.peek(0) {
            quote @ (b'`' | b'\'' | b'"') => self.quoted(quote, quote != b'`', "variable name")?,
            _ => {
                while is_name_byte(self.peek(0)) || self.peek(0) == b'.' {
                    self.at += 1;
                }
            }
        }
        Ok(Kind::Variable)
    }

    fn name(&mut self) {
        let length = self
            .rest()
            .iter()
            .take_while(|&&byte| is_name_byte(byte))
            .count();
        self.at += length;
    }

    fn number_or_word(&mut self) -> Kind {
        let base = match (self.peek(0), self.peek(1)) {
            (b'0', b'x') => Some(u8::is_ascii_hexdigit as fn(&u8) -> bool),
            (b'0', b'b') => Some((|digit: &u8| matches!(digit, b'0' | b'1')) as fn(&u8) -> bool),
            _ => None,
        };
        if let Some(is_digit) = base {
            let digits = self
                .rest()
                .iter()
                .skip(2)
                .take_while(|byte| is_digit(byte))
                .count();
            if digits > 0 && !is_name_byte(self.peek(2 + digits)) {
                self.at += 2 + digits;
                return Kind::Literal0x;
            }
        }
        let digits = self.digits(0);
        let after = self.peek(digits);
        if after == b'.' {
            let fraction = self.digits(digits + 1);
            self.at += digits + 1 + fraction;
            self.exponent();
            return Kind::Number;
        }
        if matches!(after, b'e' | b'E') && self.exponent_length(digits) > 0 {
            self.at += digits;
            self.exponent();
            return Kind::Number;
        }
        if is_name_byte(after) {
            self.name();
            return Kind::Word;
        }
        self.at += digits;
        Kind::Number
    }

    fn digits(&self, ahead: usize) -> usize {
        let from = self.bytes.get(self.at + ahead..).unwrap_or_default();
        from.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Length of an exponent (`e-5`) `ahead` of here, 0 when there is none.
    fn exponent_length(&self, ahead: usize) -> usize {
        let sign = usize::from(matches!(self.peek(ahead + 1), b'+' | b'-'));
        match self.digits(ahead + 1 + sign) {
            0 => 0,
            digits => 1 + sign + digits,
        }
    }

    fn exponent(&mut self) {
        if matches!(self.peek(0), b'e' | b'E') {
            self.at += self.exponent_length(0);
        }
    }

    fn symbol(&mut self) {
        const LONG: [&[u8]; 10] = [
            b"<=>", b"<=", b">=", b"<>", b"!=", b"<<", b">>", b"||", b"&&", b":=",
        ];
        let long = LONG.iter().find(|symbol| self.rest().starts_with(symbol));
        self.at += long.map_or(1, |symbol| symbol.len());
    }
}

/// Letters, digits, `_`, `$` and everything beyond ASCII.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql, 1000)
            .unwrap()
            .into_iter()
            .map(|token| token.text)
            .collect()
    }

    #[test]
    fn quotes_hide_what_they_hold() {
        assert_eq!(
            texts(r#"a 'it''s \' ?' "x""y" `q``?`"#),
            ["a", r"'it''s \' ?'", r#""x""y""#, "`q``?`"]
        );
    }

    #[test]
    fn comments_are_skipped_and_executable_ones_run() {
        assert_eq!(texts("a -- b\n c # d\n e /* f */ g"), ["a", "c", "e", "g"]);
        assert_eq!(
            texts("a /*!40101 b */ c /*M!999999 d */ /*!50701 e */ /*M!50701 f */"),
            ["a", "b", "c", "f"]
        );
        assert_eq!(texts("/*! a /* in */ b */ c"), ["a", "b", "c"]);
    }

    #[test]
    fn two_dashes_without_a_space_are_two_minus_signs() {
        assert_eq!(texts("5--1"), ["5", "-", "-", "1"]);
        assert_eq!(texts("5--"), ["5"]);
    }

    #[test]
    fn numbers_and_names_that_start_with_digits() {
        assert_eq!(
            texts("1.5e-3 .5 1e5 1ea 0x4D 0xZ t.1 2a.b 1e"),
            [
                "1.5e-3", ".5", "1e5", "1ea", "0x4D", "0xZ", "t", ".", "1", "2a", ".", "b", "1e"
            ]
        );
        let kinds: Vec<Kind> = tokens("0x4D X'4D' N'a' @@x @`a b` ?", 9)
            .unwrap()
            .iter()
            .map(|t| t.kind)
            .collect();
        assert_eq!(
            kinds,
            [
                Kind::Literal0x,
                Kind::PrefixedText,
                Kind::PrefixedText,
                Kind::Variable,
                Kind::Variable,
                Kind::Placeholder
            ]
        );
    }

    #[test]
    fn an_unterminated_string_names_its_place() {
        assert_eq!(
            tokens("a 'b", 9),
            Err(LexError::Unterminated {
                what: "string",
                at: 2
            })
        );
        assert!(tokens("/* b", 9).is_err());
        assert!(tokens("'a\\", 9).is_err());
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        assert_eq!(
            tokens("a b c", 2),
            Err(LexError::TooManyTokens { limit: 2 })
        );
    }
}
