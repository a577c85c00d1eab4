//! Decompression, chosen by the dialect or by name and first bytes.
//!
//! Keeps true: a stream that ends inside a member or frame is an error, several members or frames in a row are one file.

use std::io::{BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::{Stored, read_fault};
use crate::dialect::Compression;
use crate::fault::Fault;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BUFFER: usize = 256 << 10;

/// The decompressed bytes of `stored`.
pub fn reader(name: &str, mut stored: Stored, wanted: Compression) -> Result<Box<dyn Read + Send>, Fault> {
    let mut first = Vec::new();
    (&mut stored)
        .take(4)
        .read_to_end(&mut first)
        .map_err(|error| read_fault(name, &error))?;
    let compression = match wanted {
        Compression::Auto => detect(name, &first)?,
        other => other,
    };
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(first).chain(stored));
    match compression {
        Compression::Gzip => Ok(Box::new(MultiGzDecoder::new(whole))),
        Compression::Zstd => {
            let decoder =
                zstd::stream::read::Decoder::with_buffer(whole).map_err(|error| read_fault(name, &error))?;
            Ok(Box::new(decoder))
        }
        Compression::None | Compression::Auto => Ok(Box::new(whole)),
    }
}

/// First bytes decide; a name that promises otherwise is an error, because reading on would give rejects without end.
fn detect(name: &str, first: &[u8]) -> Result<Compression, Fault> {
    let path = name.split(['?', '#']).next().unwrap_or(name).to_ascii_lowercase();
    let named = match path.rsplit('.').next() {
        Some("gz") => Compression::Gzip,
        Some("zst" | "zstd") => Compression::Zstd,
        _ => Compression::Auto,
    };
    let found = if first.starts_with(GZIP) {
        Compression::Gzip
    } else if first.starts_with(ZSTD) {
        Compression::Zstd
    } else {
        Compression::None
    };
    if named != Compression::Auto && named != found {
        return Err(Fault::BadFile {
            file: name.to_owned(),
            what: format!(
                "its name says {} but its first bytes do not; set dialect.compression",
                if named == Compression::Gzip {
                    "gzip"
                } else {
                    "zstd"
                }
            ),
        });
    }
    Ok(found)
}
