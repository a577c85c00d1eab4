//! Decompression, chosen by the dialect or by name and first bytes.
//!
//! Keeps true: a stream that ends inside a member or frame is an error, several members or frames
//! in a row are one file.

use std::io::{self, BufReader, Cursor, Read};

use super::broken::read_fault;
use super::gzip::Members;
use super::stored::Stored;
use crate::dialect::Compression;
use crate::fault::Fault;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Largest window of a zstd frame, as a power of two: 128 MiB, the most that `zstd` itself takes
/// without a flag.
const ZSTD_WINDOW_LOG: u32 = 27;
const BUFFER: usize = 256 << 10;

/// The decompressed bytes of `stored`.
pub fn reader(
    name: &str,
    mut stored: Stored,
    wanted: Compression,
) -> Result<Box<dyn Read + Send>, Fault> {
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
        Compression::Gzip => Ok(Box::new(Members::new(whole))),
        Compression::Zstd => {
            let fault = |error| read_fault(name, &error);
            let mut decoder = zstd::stream::read::Decoder::with_buffer(whole).map_err(fault)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(fault)?;
            Ok(Box::new(NamedWindow(decoder)))
        }
        Compression::None | Compression::Auto => Ok(Box::new(whole)),
    }
}

/// Says what to do about a window that is too large; zstd's own message names neither.
struct NamedWindow<R>(R);

impl<R: Read> Read for NamedWindow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            if error.to_string().contains("too much memory") {
                let most = 1_u32 << (ZSTD_WINDOW_LOG - 20);
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("its zstd window is larger than {most} MiB; compress it without --long, or with --long={ZSTD_WINDOW_LOG} at most"),
                )
            } else {
                error
            }
        })
    }
}

/// A frame that decoders skip, with which parallel compressors begin a file.
fn is_skippable(first: &[u8]) -> bool {
    matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// First bytes decide; a name that promises otherwise is an error, because reading on would give
/// rejects without end.
fn detect(name: &str, first: &[u8]) -> Result<Compression, Fault> {
    let path = name
        .split(['?', '#'])
        .next()
        .unwrap_or(name)
        .to_ascii_lowercase();
    let named = match path.rsplit('.').next() {
        Some("gz") => Compression::Gzip,
        Some("zst" | "zstd") => Compression::Zstd,
        _ => Compression::Auto,
    };
    let found = if first.starts_with(GZIP) {
        Compression::Gzip
    } else if first.starts_with(ZSTD) || is_skippable(first) {
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
