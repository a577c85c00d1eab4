//! CHAR, VARCHAR, TEXT and JSON: text, brought from the file's character set into the column's.

use std::borrow::Cow;

use orrery_wire::load_data::escape;

use super::field::{BadValue, shown};
use crate::dialect::Charset;

/// Deepest nesting of arrays and objects MariaDB's JSON functions read.
const MOST_JSON_DEPTH: usize = 31;

/// Character set of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// utf8mb4.
    Utf8,
    /// utf8mb3: no character above U+FFFF.
    Utf8ThreeBytes,
    /// latin1, that is Windows-1252.
    Latin1,
    /// ascii.
    Ascii,
    /// binary: bytes.
    Binary,
}

impl Target {
    /// The character set of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "utf8mb4" => Some(Self::Utf8),
            "utf8mb3" | "utf8" => Some(Self::Utf8ThreeBytes),
            "latin1" => Some(Self::Latin1),
            "ascii" => Some(Self::Ascii),
            "binary" => Some(Self::Binary),
            _ => None,
        }
    }

    /// Number of characters in `bytes` of this set, or `None` when they are none.
    fn characters(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes)
                .ok()
                .map(|text| text.chars().count()),
            Self::Utf8ThreeBytes => {
                let text = std::str::from_utf8(bytes).ok()?;
                text.chars()
                    .all(|c| u32::from(c) <= 0xFFFF)
                    .then(|| text.chars().count())
            }
            Self::Ascii => bytes.is_ascii().then_some(bytes.len()),
            Self::Latin1 | Self::Binary => Some(bytes.len()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8mb4",
            Self::Utf8ThreeBytes => "utf8mb3",
            Self::Latin1 => "latin1",
            Self::Ascii => "ascii",
            Self::Binary => "binary",
        }
    }
}

/// How long a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Characters; more are fine when they are blanks.
    Characters(usize),
    /// Bytes.
    Bytes(u64),
    /// LONGTEXT that is valid JSON.
    Json,
}

/// A text column.
#[derive(Debug)]
pub struct Text {
    limit: Limit,
    target: Target,
    source: Charset,
}

impl Text {
    /// A column of `target` fed from files of `source`.
    pub fn new(limit: Limit, target: Target, source: Charset) -> Self {
        Self {
            limit,
            target,
            source,
        }
    }

    /// Checks `field` and writes it escaped, in the column's character set.
    pub fn check(&self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        let text = convert(field, self.source, self.target)?;
        let kept = match self.limit {
            Limit::Characters(most) => self.cut(&text, most)?,
            Limit::Bytes(most) => {
                self.characters(&text)?;
                if text.len() as u64 > most {
                    return Err(BadValue(format!(
                        "{} bytes are more than the {most} the column holds",
                        text.len()
                    )));
                }
                &text
            }
            Limit::Json => {
                self.characters(&text)?;
                check_json(&text)?;
                &text
            }
        };
        escape(kept, row);
        Ok(())
    }

    fn characters(&self, text: &[u8]) -> Result<usize, BadValue> {
        self.target.characters(text).ok_or_else(|| {
            BadValue(format!(
                "{} is not valid {}",
                shown(text),
                self.target.name()
            ))
        })
    }

    /// `text` without the blanks beyond `most` characters.
    fn cut<'a>(&self, text: &'a [u8], most: usize) -> Result<&'a [u8], BadValue> {
        let characters = self.characters(text)?;
        let excess = characters.saturating_sub(most);
        let (kept, beyond) = text.split_at(text.len() - excess.min(text.len()));
        if beyond.iter().all(|byte| *byte == b' ') && self.target.characters(kept).is_some() {
            return Ok(kept);
        }
        Err(BadValue(format!(
            "{} has {characters} characters, the column holds {most}",
            shown(text)
        )))
    }
}

fn check_json(text: &[u8]) -> Result<(), BadValue> {
    if nesting(text) > MOST_JSON_DEPTH {
        return Err(BadValue(format!(
            "JSON nested deeper than {MOST_JSON_DEPTH}"
        )));
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| BadValue(format!("{} is not valid JSON: {error}", shown(text))))
}

fn nesting(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// `field` in the column's character set.
pub fn convert(field: &[u8], source: Charset, target: Target) -> Result<Cow<'_, [u8]>, BadValue> {
    match (source, target) {
        (Charset::Latin1, Target::Utf8 | Target::Utf8ThreeBytes) => Ok(latin1_to_utf8(field)),
        (Charset::Utf8, Target::Latin1) => utf8_to_latin1(field),
        _ => Ok(Cow::Borrowed(field)),
    }
}

/// `field` in UTF-8.
pub fn latin1_to_utf8(field: &[u8]) -> Cow<'_, [u8]> {
    if field.is_ascii() {
        return Cow::Borrowed(field);
    }
    let text: String = field.iter().map(|byte| latin1_char(*byte)).collect();
    Cow::Owned(text.into_bytes())
}

fn utf8_to_latin1(field: &[u8]) -> Result<Cow<'_, [u8]>, BadValue> {
    if field.is_ascii() {
        return Ok(Cow::Borrowed(field));
    }
    let text = std::str::from_utf8(field)
        .map_err(|_| BadValue(format!("{} is not valid utf8mb4", shown(field))))?;
    text.chars()
        .map(|c| {
            (0..=u8::MAX)
                .find(|byte| latin1_char(*byte) == c)
                .ok_or_else(|| BadValue(format!("`{c}` does not exist in latin1")))
        })
        .collect::<Result<Vec<u8>, _>>()
        .map(Cow::Owned)
}

/// What MariaDB takes a latin1 byte for: Windows-1252, whose five holes are the control characters
/// of the same number.
fn latin1_char(byte: u8) -> char {
    const WINDOWS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    byte.checked_sub(0x80)
        .and_then(|offset| WINDOWS.get(usize::from(offset)).copied())
        .unwrap_or(char::from(byte))
}
