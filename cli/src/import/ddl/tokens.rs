//! The parts of a statement. Pure.

/// A part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A word or a number.
    Word(String),
    /// A name in backquotes.
    Name(String),
    /// A text in quotes, without escapes.
    Text(String),
    /// What stands in parentheses.
    Group(String),
    /// A comma.
    Comma,
    /// Anything else.
    Other(char),
}

impl Token {
    /// Whether it is this keyword.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }

    /// The text of a word, a name or a text.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Word(text) | Self::Name(text) | Self::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// The parts of `text`, without comments.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = comment(rest) {
            comment
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let (token, length) = next(rest, first)?;
            found.push(token);
            length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(found)
}

fn next(rest: &str, first: char) -> Result<(Token, usize), String> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    Ok(match first {
        '`' => {
            let (name, length) = quoted(rest, '`')?;
            (Token::Name(name), length)
        }
        '\'' | '"' => {
            let (text, length) = quoted(rest, first)?;
            (Token::Text(text), length)
        }
        '(' => {
            let length = group(rest)?;
            let body = rest.get(1..length - 1).unwrap_or_default();
            (Token::Group(body.to_owned()), length)
        }
        ',' => (Token::Comma, 1),
        first if is_word(first) => {
            let mut length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            // The sign of an exponent.
            let number = first.is_ascii_digit() || first == '.';
            let tail = rest.get(length..).unwrap_or_default();
            if number
                && rest
                    .get(..length)
                    .is_some_and(|own| own.ends_with(['e', 'E']))
                && tail.starts_with(['-', '+'])
            {
                let digits = tail.get(1..).unwrap_or_default();
                length += 1 + digits
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(digits.len());
            }
            (
                Token::Word(rest.get(..length).unwrap_or_default().to_owned()),
                length,
            )
        }
        other => (Token::Other(other), other.len_utf8()),
    })
}

/// Bytes of a comment at the start of `rest`.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    let line = rest.starts_with("-- ") || rest.starts_with("--\n") || rest.starts_with('#');
    line.then(|| rest.find('\n').unwrap_or(rest.len()))
}

/// The text between quotes at the start of `rest`, and the bytes it takes with them.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote != '`' {
            match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, other)) => text.push(other),
                None => break,
            }
        } else if character != quote {
            text.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok((text, at + quote.len_utf8()));
        }
    }
    Err("a quote is not closed".into())
}

/// Bytes of the parentheses at the start of `rest`, with them.
fn group(rest: &str) -> Result<usize, String> {
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(character) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        at += match character {
            '`' | '\'' | '"' => quoted(rest.get(at..).unwrap_or_default(), character)?.1,
            other => other.len_utf8(),
        };
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(at);
        }
    }
    Err("a parenthesis is not closed".into())
}
