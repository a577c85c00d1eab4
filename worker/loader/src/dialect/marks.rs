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
    if let Some((what, remedy)) = no_text(&first) {
        return Err(refused(&format!("is {what}, not text; {remedy}")));
    }
    if charset == Charset::Binary {
        return Ok(Box::new(Cursor::new(first).chain(source)));
    }
    if let Some(encoding) = wide(&first) {
        return Err(refused(&format!(
            "is {encoding} text; make it UTF-8 first, for example with: iconv -f {encoding} -t UTF-8"
        )));
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

/// What else is published under names of text, and what to do about it.
fn no_text(first: &[u8]) -> Option<(&'static str, &'static str)> {
    const UNPACK: &str = "unpack it, or compress it with gzip or zstd alone";
    const SIGNS: [(&[u8], &str, &str); 9] = [
        (b"PK\x03\x04", "a ZIP archive", UNPACK),
        (b"BZh", "compressed by bzip2", UNPACK),
        (b"\xfd7zXZ\0", "compressed by xz", UNPACK),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
        (b"\x04\x22\x4d\x18", "compressed by lz4", UNPACK),
        (b"\x1f\x9d", "compressed by compress", UNPACK),
        (b"\x1f\x8b\x08", "compressed by gzip within", UNPACK),
        (b"\x28\xb5\x2f\xfd", "compressed by zstd within", UNPACK),
        (
            b"\x89HDF\r\n",
            "an HDF5 file",
            "write its table as Parquet or text",
        ),
    ];
    // The block that bzip2 begins with, so that a name `BZh…` stays text.
    let bzip2 = |first: &[u8]| first.get(4..10) == Some(b"\x31\x41\x59\x26\x53\x59");
    let sign = SIGNS
        .iter()
        .find(|(sign, ..)| first.starts_with(sign) && (*sign != b"BZh" || bzip2(first)));
    if let Some((_, what, remedy)) = sign {
        return Some((what, remedy));
    }
    if first.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive", "unpack it"));
    }
    let page = first.trim_ascii_start();
    let begins = |tag: &[u8]| {
        page.get(..tag.len())
            .is_some_and(|own| own.eq_ignore_ascii_case(tag))
    };
    (begins(b"<!doctype html") || begins(b"<html")).then_some((
        "a page of HTML",
        "its address leads to a page about the file, or to a log-in",
    ))
}

/// The encoding of more than eight bits that a mark names, or that two first characters have.
fn wide(first: &[u8]) -> Option<&'static str> {
    let is_zero: Vec<bool> = first.iter().take(8).map(|byte| *byte == 0).collect();
    let zeros = |pattern: &[bool]| is_zero.starts_with(pattern);
    let (y, n) = (true, false);
    match first {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ if zeros(&[n, y, y, y, n, y, y, y]) || zeros(&[y, y, y, n, y, y, y, n]) => Some("UTF-32"),
        _ if zeros(&[n, y, n, y]) || zeros(&[y, n, y, n]) => Some("UTF-16"),
        _ => None,
    }
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
    fn what_is_no_text_is_named() {
        let mut tar = b"object.csv".to_vec();
        tar.resize(257, 0);
        tar.extend_from_slice(b"ustar\x0000");
        for (first, what) in [
            (&b"PK\x03\x04\x14\0"[..], "a ZIP archive"),
            (b"BZh91AY&SY\x01", "bzip2"),
            (b"\xfd7zXZ\0\0\x04", "xz"),
            (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"),
            (b"\x04\x22\x4d\x18\x64", "lz4"),
            (b"\x1f\x9d\x90", "compress"),
            (b"\x1f\x8b\x08\0", "gzip within"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd within"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"\n <!DOCTYPE HTML>", "a page of HTML"),
            (b"<HTML><body>", "a page of HTML"),
            (&tar, "a tar archive"),
        ] {
            for charset in [Charset::Utf8, Charset::Binary] {
                let error = read(first, charset).unwrap_err().to_string();
                assert!(error.contains(what), "{error}");
            }
        }
        for text in [
            &b"BZh9,1\n"[..],
            b"PK,1\n",
            b"7z,1\n",
            b"<b>,html\n",
            b"<htm",
        ] {
            assert_eq!(read(text, Charset::Utf8).unwrap(), text);
        }
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
        for text in [
            &b"\xff\xfe\0\0i\0\0\0"[..],
            b"\0\0\xfe\xff\0\0\0i",
            b"i\0\0\0d\0\0\0",
            b"\0\0\0i\0\0\0d",
        ] {
            let error = read(text, Charset::Latin1).unwrap_err();
            assert!(error.to_string().contains("UTF-32"), "{text:?}: {error}");
        }
        let error = read(b"\xef\xbb\xbfab", Charset::Latin1).unwrap_err();
        assert!(error.to_string().contains("latin1"), "{error}");
    }
}
