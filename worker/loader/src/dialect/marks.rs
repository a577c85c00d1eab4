//! What stands before the text of a file: a byte order mark, which is no part of it, or the sign of
//! an encoding that is not read.

use std::io::{self, Cursor, Read};

use super::Charset;

const UTF8: &[u8] = b"\xef\xbb\xbf";

/// A reader without the byte order mark; an error of kind `InvalidData` when the first bytes are of
/// another encoding.
pub fn without_mark(
    mut source: Box<dyn Read + Send>,
    charset: Charset,
) -> io::Result<Box<dyn Read + Send>> {
    if charset == Charset::Binary {
        return Ok(source);
    }
    let mut first = Vec::with_capacity(4);
    (&mut source).take(4).read_to_end(&mut first)?;
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

/// A mark, or two characters of ASCII in 16 bits each.
fn is_utf16(first: &[u8]) -> bool {
    matches!(
        first,
        [0xff, 0xfe, ..]
            | [0xfe, 0xff, ..]
            | [1..=0x7f, 0, 1..=0x7f, 0]
            | [0, 1..=0x7f, 0, 1..=0x7f]
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
