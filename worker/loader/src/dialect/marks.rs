//! What stands before the text of a file: a byte order mark, which is no part of it, or the sign of
//! an encoding or of a format that is no text here.

use std::io::{self, Cursor, Read};

use super::Charset;

/// Bytes looked at.
const FIRST: u64 = 1024;
const UTF8: &[u8] = b"\xef\xbb\xbf";

/// A reader without the byte order mark; an error of kind `InvalidData` when the first bytes are of
/// another encoding.
pub fn without_mark(
    mut source: Box<dyn Read + Send>,
    charset: Charset,
) -> io::Result<Box<dyn Read + Send>> {
    let mut first = Vec::with_capacity(FIRST as usize);
    (&mut source).take(FIRST).read_to_end(&mut first)?;
    if let Some((what, format)) = other_format(&first) {
        return Err(refused(&format!(
            "is {what}, not text; set dialect.format: {format}"
        )));
    }
    if charset == Charset::Binary {
        return Ok(Box::new(Cursor::new(first).chain(source)));
    }
    if is_utf16(&first) {
        return Err(refused(
            "is UTF-16 text; make it UTF-8 first, for example with: iconv -f UTF-16 -t UTF-8",
        ));
    }
    if first.starts_with(UTF8) {
        if charset == Charset::Latin1 {
            return Err(refused(
                "begins with the byte order mark of UTF-8, and dialect.charset is latin1",
            ));
        }
        first.drain(..UTF8.len());
    }
    Ok(Box::new(Cursor::new(first).chain(source)))
}

/// The format with types whose sign a file begins with.
fn other_format(first: &[u8]) -> Option<(&'static str, &'static str)> {
    if first.starts_with(orrery_formats::parquet::MAGIC) {
        return Some(("a Parquet file", "parquet"));
    }
    if first.starts_with(orrery_formats::fits::MAGIC) {
        return Some(("a FITS file", "fits"));
    }
    let votable = orrery_formats::votable::MAGIC;
    let xml = first.starts_with(b"<?xml") || first.starts_with(votable);
    (xml && memchr::memmem::find(first, votable).is_some()).then_some(("a VOTable", "votable"))
}

/// A mark, or two characters of ASCII in 16 bits each.
fn is_utf16(first: &[u8]) -> bool {
    matches!(
        first,
        [0xff, 0xfe, ..]
            | [0xfe, 0xff, ..]
            | [1..=0x7f, 0, 1..=0x7f, 0, ..]
            | [0, 1..=0x7f, 0, 1..=0x7f, ..]
    )
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], charset: Charset) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        without_mark(Box::new(Cursor::new(text.to_vec())), charset)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn the_mark_of_utf8_is_no_text() {
        assert_eq!(read(b"\xef\xbb\xbfab", Charset::Utf8).unwrap(), b"ab");
        assert_eq!(read(b"\xef\xbb\xbf", Charset::Utf8).unwrap(), b"");
        assert_eq!(read(b"\xef\xbb", Charset::Utf8).unwrap(), b"\xef\xbb");
        assert_eq!(read(b"abcdef", Charset::Utf8).unwrap(), b"abcdef");
        assert_eq!(read(b"", Charset::Utf8).unwrap(), b"");
    }

    #[test]
    fn binary_fields_keep_every_byte() {
        assert_eq!(
            read(b"\xef\xbb\xbfab", Charset::Binary).unwrap(),
            b"\xef\xbb\xbfab"
        );
        assert_eq!(read(b"a\0b\0", Charset::Binary).unwrap(), b"a\0b\0");
    }

    #[test]
    fn a_file_with_types_is_no_text() {
        for (first, format) in [
            (&b"PAR1\x15\x04\x15"[..], "parquet"),
            (b"SIMPLE  =                    T / conforms to FITS", "fits"),
            (b"<?xml version='1.0'?>\n<VOTABLE version='1.4'>", "votable"),
            (b"<VOTABLE version='1.4'>", "votable"),
        ] {
            for charset in [Charset::Utf8, Charset::Binary] {
                let error = read(first, charset).unwrap_err().to_string();
                assert!(error.ends_with(&format!("format: {format}")), "{error}");
            }
        }
        assert_eq!(read(b"<?xml?>,1", Charset::Utf8).unwrap(), b"<?xml?>,1");
        assert_eq!(read(b"PAR,1", Charset::Utf8).unwrap(), b"PAR,1");
    }

    #[test]
    fn other_encodings_are_named() {
        for text in [
            &b"\xff\xfei\0d\0"[..],
            b"\xfe\xff\0i\0d",
            b"i\0d\0,\0",
            b"\0i\0d",
        ] {
            let error = read(text, Charset::Utf8).unwrap_err();
            assert!(error.to_string().contains("UTF-16"), "{text:?}: {error}");
        }
        let error = read(b"\xef\xbb\xbfab", Charset::Latin1).unwrap_err();
        assert!(error.to_string().contains("latin1"), "{error}");
    }
}
