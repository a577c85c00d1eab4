//! Checked reading of protocol fields over `mysql_common`'s [`ParseBuf`].
//!
//! `ParseBuf` leaves the check of lengths to its caller in places and reads a malformed length as
//! 0; everything this crate parses goes through here instead, so that a short or odd packet is an
//! error with a name.

use mysql_common::io::ParseBuf;

use crate::error::WireError;

/// Fields taken from the front of a packet; every method fails instead of panicking when bytes are
/// missing.
pub trait Fields<'a> {
    /// One byte.
    fn u8_field(&mut self, what: &'static str) -> Result<u8, WireError>;
    /// Two bytes, little endian.
    fn u16_field(&mut self, what: &'static str) -> Result<u16, WireError>;
    /// Four bytes, little endian.
    fn u32_field(&mut self, what: &'static str) -> Result<u32, WireError>;
    /// Exactly `count` bytes.
    fn bytes_field(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], WireError>;
    /// A length-encoded integer; the NULL mark and 0xFF are errors.
    fn lenenc_int(&mut self, what: &'static str) -> Result<u64, WireError>;
    /// A length-encoded string.
    fn lenenc_str(&mut self, what: &'static str) -> Result<&'a [u8], WireError>;
    /// Bytes up to a zero byte, which is consumed and must be there.
    fn null_str(&mut self, what: &'static str) -> Result<&'a [u8], WireError>;
}

impl<'a> Fields<'a> for ParseBuf<'a> {
    fn u8_field(&mut self, what: &'static str) -> Result<u8, WireError> {
        self.checked_eat_u8().ok_or(WireError::Malformed(what))
    }

    fn u16_field(&mut self, what: &'static str) -> Result<u16, WireError> {
        self.checked_eat_u16_le().ok_or(WireError::Malformed(what))
    }

    fn u32_field(&mut self, what: &'static str) -> Result<u32, WireError> {
        self.checked_eat_u32_le().ok_or(WireError::Malformed(what))
    }

    fn bytes_field(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        self.checked_eat(count).ok_or(WireError::Malformed(what))
    }

    fn lenenc_int(&mut self, what: &'static str) -> Result<u64, WireError> {
        match self.0.first() {
            None | Some(0xFB | 0xFF) => Err(WireError::Malformed(what)),
            Some(_) => self
                .checked_eat_lenenc_int()
                .ok_or(WireError::Malformed(what)),
        }
    }

    fn lenenc_str(&mut self, what: &'static str) -> Result<&'a [u8], WireError> {
        let length =
            usize::try_from(self.lenenc_int(what)?).map_err(|_| WireError::Malformed(what))?;
        self.bytes_field(length, what)
    }

    fn null_str(&mut self, what: &'static str) -> Result<&'a [u8], WireError> {
        let end = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(WireError::Malformed(what))?;
        let text = self.bytes_field(end, what)?;
        self.u8_field(what)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_lies_is_an_error() {
        assert!(ParseBuf(&[5, b'a']).lenenc_str("x").is_err());
        assert!(
            ParseBuf(&[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
                .lenenc_str("x")
                .is_err()
        );
        assert!(ParseBuf(&[0xFB]).lenenc_int("x").is_err());
        assert!(ParseBuf(&[0xFF, 1, 2]).lenenc_int("x").is_err());
        assert!(ParseBuf(&[0xFC, 1]).lenenc_int("x").is_err());
        assert!(ParseBuf(b"abc").null_str("x").is_err());
    }

    #[test]
    fn fields_are_taken_in_order() {
        let mut buf = ParseBuf(b"ab\0\x03xyz\xfc\x00\x01\x07\0");
        assert_eq!(buf.null_str("s").unwrap(), b"ab");
        assert_eq!(buf.lenenc_str("s").unwrap(), b"xyz");
        assert_eq!(buf.lenenc_int("n").unwrap(), 256);
        assert_eq!(buf.u16_field("n").unwrap(), 7);
        assert!(buf.is_empty());
    }
}
