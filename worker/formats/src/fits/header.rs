//! Headers: cards of 80 bytes in blocks of 2880.

use std::io::{self, Read};

use crate::FormatError;

/// Bytes of a block.
pub const BLOCK: usize = 2880;
const CARD: usize = 80;
/// Blocks of the longest header that is read.
const MOST_BLOCKS: usize = 10_000;

/// The header of one part of a file.
#[derive(Debug, Default)]
pub struct Header {
    /// Keyword and value in order, strings without quotes.
    cards: Vec<(String, String)>,
}

impl Header {
    /// Reads the next header; `None` at the end of the file.
    pub fn read(source: &mut impl Read) -> Result<Option<Self>, FormatError> {
        let mut header = Self::default();
        let mut block = [0; BLOCK];
        for number in 0..MOST_BLOCKS {
            let read = fill(source, &mut block)?;
            // Tapes and copies by block leave zeros after the end.
            if number == 0
                && block
                    .get(..read)
                    .is_some_and(|read| read.iter().copied().all(is_padding))
            {
                return Ok(None);
            }
            if read < BLOCK {
                return Err(broken("ends within a header"));
            }
            for card in block.chunks(CARD) {
                if card.starts_with(b"END     ") {
                    return Ok(Some(header));
                }
                header.take(card)?;
            }
        }
        Err(broken("has a header without an end"))
    }

    fn take(&mut self, card: &[u8]) -> Result<(), FormatError> {
        if !card.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Err(broken("has bytes in a header that are no text"));
        }
        let card = String::from_utf8_lossy(card);
        let (keyword, rest) = card.split_at(8);
        let keyword = keyword.trim_end();
        if keyword == "CONTINUE" {
            if let Some((_, value)) = self.cards.last_mut()
                && value.ends_with('&')
            {
                let more = string(rest.trim_start());
                let more = more.ok_or_else(|| broken("continues a text with what is no text"))?;
                value.pop();
                value.push_str(&more);
            }
        } else if let Some(value) = rest.strip_prefix("= ") {
            let value = value.trim_start();
            let plain = || {
                value
                    .split('/')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            };
            let value = string(value).unwrap_or_else(plain);
            self.cards.push((keyword.to_owned(), value));
        }
        Ok(())
    }

    /// The value of a keyword.
    pub fn get(&self, keyword: &str) -> Option<&str> {
        let (_, value) = self.cards.iter().find(|(name, _)| name == keyword)?;
        Some(value)
    }

    /// An integer that must be there.
    pub fn size(&self, keyword: &str) -> Result<u64, FormatError> {
        let value = self.get(keyword).and_then(|value| value.parse().ok());
        value.ok_or_else(|| broken(&format!("has no sound {keyword} in a header")))
    }

    /// A number; `None` when it is not there.
    pub fn number<T: std::str::FromStr>(&self, keyword: &str) -> Result<Option<T>, FormatError> {
        let value = self.get(keyword);
        value
            // FORTRAN writes the exponent of doubles with a D.
            .map(|value| value.replace(['D', 'd'], "E").parse())
            .transpose()
            .map_err(|_| broken(&format!("has no sound {keyword} in a header")))
    }

    /// Bytes of the data that follows, without padding.
    pub fn data_bytes(&self) -> Result<u64, FormatError> {
        let axes = self.size("NAXIS")?;
        if axes == 0 {
            return Ok(0);
        }
        if self.get("GROUPS") == Some("T") {
            return Err(FormatError::Refused(
                "holds random groups, which are not read".into(),
            ));
        }
        let too_large = || broken("names more data than a file can hold");
        let mut elements = 1_u64;
        for axis in 1..=axes {
            elements = elements
                .checked_mul(self.size(&format!("NAXIS{axis}"))?)
                .ok_or_else(too_large)?;
        }
        let heap = self.number::<u64>("PCOUNT")?.unwrap_or(0);
        let groups = self.number::<u64>("GCOUNT")?.unwrap_or(1);
        let bits = self.number::<i64>("BITPIX")?.unwrap_or(8).unsigned_abs();
        elements
            .checked_add(heap)
            .and_then(|bytes| bytes.checked_mul(groups))
            .and_then(|bytes| bytes.checked_mul(bits / 8))
            .ok_or_else(too_large)
    }
}

/// A value in quotes, in which two quotes are one.
fn string(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = value.strip_prefix('\'')?.chars().peekable();
    while let Some(character) = rest.next() {
        if character == '\'' && rest.next_if_eq(&'\'').is_none() {
            break;
        }
        text.push(character);
    }
    text.truncate(text.trim_end().len());
    Some(text)
}

fn is_padding(byte: u8) -> bool {
    matches!(byte, 0 | b' ')
}

/// Reads until `block` is full or the file ends; the bytes read.
pub fn fill(source: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

pub(super) fn broken(what: &str) -> FormatError {
    FormatError::Broken(format!("is no sound FITS file: {what}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn header(cards: &[&str]) -> Result<Option<Header>, FormatError> {
        let mut block = String::new();
        for card in cards.iter().chain(&["END"]) {
            let _ = write!(block, "{card:<80}");
        }
        Header::read(&mut format!("{block:<BLOCK$}").as_bytes())
    }

    #[test]
    fn a_text_goes_over_several_cards_and_only_with_text() {
        let whole = header(&["TTYPE1  = 'long &'", "CONTINUE  'name'"]).unwrap();
        assert_eq!(whole.unwrap().get("TTYPE1"), Some("long name"));
        let broken = header(&["TTYPE1  = 'long &'", "CONTINUE  5"]).unwrap_err();
        assert!(broken.to_string().contains("continues a text"), "{broken}");
    }
}
