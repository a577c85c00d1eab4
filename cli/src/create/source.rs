//! The beginning of a file, or all of it, from a disk or an address.

use std::fs::File;
use std::io::{Read, Seek, Write};

use anyhow::{Context as _, Result, bail};
use orrery_formats::parquet;

/// Bytes in which a header must stand.
const HEAD: u64 = 8 << 20;

/// A local file that holds at least the header.
pub async fn open(from: &str) -> Result<File> {
    if !from.starts_with("http://") && !from.starts_with("https://") {
        return File::open(from).with_context(|| from.to_owned());
    }
    let mut response = reqwest::get(from).await?.error_for_status()?;
    let mut copy = tempfile::tempfile()?;
    let mut length = 0;
    let mut whole = false;
    while let Some(chunk) = response.chunk().await? {
        // The header of a Parquet file is at its end.
        whole |= length == 0 && chunk.starts_with(parquet::MAGIC);
        copy.write_all(&chunk)?;
        length += chunk.len() as u64;
        if length > HEAD && !whole {
            break;
        }
    }
    copy.rewind()?;
    Ok(copy)
}

/// The first decompressed bytes of `file`, and whether they are all.
pub fn head(file: &mut File) -> Result<(Vec<u8>, bool)> {
    let mut magic = Vec::new();
    Read::by_ref(file).take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    let reader: Box<dyn Read + '_> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(file)),
        // Parallel compressors begin with a frame that decoders skip.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            Box::new(zstd::stream::read::Decoder::new(file)?)
        }
        _ => Box::new(file),
    };
    let mut bytes = Vec::new();
    match reader.take(HEAD).read_to_end(&mut bytes) {
        Ok(_) => {}
        // The beginning of a compressed file that was not fetched to its end.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && !bytes.is_empty() => {
            return Ok((bytes, false));
        }
        Err(error) => return Err(error.into()),
    }
    if bytes.is_empty() {
        bail!("the file is empty");
    }
    let complete = (bytes.len() as u64) < HEAD;
    Ok((bytes, complete))
}
