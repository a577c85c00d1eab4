//! Rows as text for `LOAD DATA`: every value arrives byte for byte.

use bytes::BufMut;
use memchr::memchr3;

/// How the text is to be read; stands after the table's name. Bytes are stored as they are,
/// whatever the character set of the session.
pub const FORMAT: &str =
    r"CHARACTER SET binary FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'";
/// NULL as [`FORMAT`] has it.
pub const NULL: &[u8] = b"\\N";

/// Appends `value` with the bytes escaped that mean something to [`FORMAT`].
pub fn escape(value: &[u8], row: &mut impl BufMut) {
    let mut rest = value;
    while let Some(at) = memchr3(b'\\', b'\t', b'\n', rest) {
        let (before, tail) = rest.split_at(at);
        row.put_slice(before);
        row.put_slice(match tail.first() {
            Some(b'\t') => b"\\t",
            Some(b'\n') => b"\\n",
            _ => b"\\\\",
        });
        rest = tail.get(1..).unwrap_or_default();
    }
    row.put_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_end_fields_and_rows_are_escaped() {
        let mut row = Vec::new();
        escape(b"a\tb\nc\\N\0\xff", &mut row);
        assert_eq!(row, b"a\\tb\\nc\\\\N\0\xff");
    }
}
