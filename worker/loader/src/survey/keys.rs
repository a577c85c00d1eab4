//! Index entries on disk, by hash chunk, until every row was read; then each hash chunk's are
//! sorted and judged.
//!
//! Memory is bounded: a hash chunk too large to sort at once is split by another hash first. The
//! order of arrival does not matter, so parallel files give the same result.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use orrery_archive::catalog::hash_chunk;
use orrery_archive::names::ChunkId;
use orrery_sky::Cell;

use super::place::Placed;
use crate::fault::Fault;

/// Bytes of entries sorted at once; with what is known of their keys, they take some ten times as
/// much memory.
const SORTED: u64 = 1 << 20;
/// Most files that a larger set is split into.
const SPLIT: u64 = 64;

/// An entry with its source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Key, as text.
    pub key: Vec<u8>,
    /// Index of the source file.
    pub file: u32,
    /// Record number.
    pub record: u64,
    /// Chunk.
    pub chunk: ChunkId,
    /// Sub-chunk.
    pub sub_chunk: u32,
    /// Whether it is a child without a director row.
    pub orphan: bool,
}

impl Entry {
    /// Where the row is.
    pub fn cell(&self) -> Cell {
        Cell {
            chunk: self.chunk,
            sub_chunk: self.sub_chunk,
        }
    }
}

/// Entries of all files, by hash chunk.
#[derive(Debug)]
pub struct KeySpool {
    directory: PathBuf,
    chunks: Vec<Mutex<Option<BufWriter<File>>>>,
}

impl KeySpool {
    /// An empty spool for an index of so many hash chunks.
    pub fn new(directory: &Path, chunks: u32) -> Self {
        Self {
            directory: directory.to_owned(),
            chunks: (0..chunks.max(1)).map(|_| Mutex::new(None)).collect(),
        }
    }

    /// Adds the entries of a batch of `file`.
    pub fn append(&self, file: u32, batch: &Placed) -> Result<(), Fault> {
        let mut buckets: Vec<Vec<u8>> = vec![Vec::new(); self.chunks.len()];
        for entry in &batch.entries {
            let key = batch.keys.get(entry.key.clone());
            let key = key.ok_or(Fault::Internal("keys"))?;
            let chunk = hash_chunk(key, self.chunks.len() as u32);
            if let Some(bucket) = buckets.get_mut(chunk as usize) {
                write_entry(bucket, key, (file, entry.record), entry.cell, entry.orphan);
            }
        }
        for ((chunk, writer), bucket) in (0..).zip(&self.chunks).zip(buckets) {
            if !bucket.is_empty() {
                let path = self.path(chunk);
                let mut writer = lock(writer);
                append(&mut writer, &path, &bucket).map_err(|error| Fault::disk(&path, error))?;
            }
        }
        Ok(())
    }

    /// Calls `judge` with the sorted entries of each hash chunk, in groups that never divide a key,
    /// and removes them.
    pub fn drain(
        &self,
        mut judge: impl FnMut(ChunkId, Vec<Entry>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for (chunk, writer) in (0..).zip(&self.chunks) {
            let path = self.path(chunk);
            let Some(mut writer) = lock(writer).take() else {
                continue;
            };
            writer.flush().map_err(|error| Fault::disk(&path, error))?;
            drop(writer);
            drain_file(&path, 1, &mut |entries| judge(chunk, entries))?;
        }
        Ok(())
    }

    fn path(&self, chunk: ChunkId) -> PathBuf {
        self.directory.join(format!("keys-{chunk:05}"))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn append(writer: &mut Option<BufWriter<File>>, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let writer = match writer {
        Some(writer) => writer,
        none => none.insert(BufWriter::new(File::create(path)?)),
    };
    writer.write_all(bytes)
}

fn drain_file(
    path: &Path,
    level: u32,
    judge: &mut dyn FnMut(Vec<Entry>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let fault = |error| Fault::disk(path, error);
    let size = fs::metadata(path).map_err(fault)?.len();
    // Entries of one key never part: a set that no longer shrinks is sorted whatever its size.
    if size <= SORTED || level > 4 {
        let mut entries = Vec::new();
        each_entry(path, |entry| {
            entries.push(entry);
            Ok(())
        })
        .map_err(fault)?;
        fs::remove_file(path).map_err(fault)?;
        entries.sort_unstable();
        return judge(entries);
    }
    // Half of what is sorted at once in each, because they are not even.
    let split = (size / (SORTED / 2)).min(SPLIT) as u32;
    let parts: Vec<PathBuf> = (0..split)
        .map(|part| path.with_extension(format!("{level}-{part:02}")))
        .collect();
    let mut writers = parts
        .iter()
        .map(|part| File::create(part).map(BufWriter::new))
        .collect::<io::Result<Vec<_>>>()
        .map_err(fault)?;
    each_entry(path, |entry| {
        let mut salted = entry.key.clone();
        salted.extend_from_slice(&level.to_le_bytes());
        let part = hash_chunk(&salted, split);
        let mut bytes = Vec::new();
        let place = (entry.file, entry.record);
        write_entry(&mut bytes, &entry.key, place, entry.cell(), entry.orphan);
        writers
            .get_mut(part as usize)
            .map_or(Ok(()), |writer| writer.write_all(&bytes))
    })
    .map_err(fault)?;
    for mut writer in writers {
        writer.flush().map_err(fault)?;
    }
    fs::remove_file(path).map_err(fault)?;
    parts
        .iter()
        .try_for_each(|part| drain_file(part, level + 1, judge))
}

fn write_entry(
    bytes: &mut Vec<u8>,
    key: &[u8],
    (file, record): (u32, u64),
    cell: Cell,
    orphan: bool,
) {
    bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&file.to_le_bytes());
    bytes.extend_from_slice(&record.to_le_bytes());
    bytes.extend_from_slice(&cell.chunk.to_le_bytes());
    bytes.extend_from_slice(&cell.sub_chunk.to_le_bytes());
    bytes.push(u8::from(orphan));
}

fn each_entry(path: &Path, mut use_entry: impl FnMut(Entry) -> io::Result<()>) -> io::Result<()> {
    let mut source = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut left = source.get_ref().metadata()?.len();
    while left > 0 {
        let entry = read_entry(&mut source)?;
        left = left.saturating_sub(entry.key.len() as u64 + 25);
        use_entry(entry)?;
    }
    Ok(())
}

fn read_entry(source: &mut impl Read) -> io::Result<Entry> {
    let length = u32::from_le_bytes(array(source)?);
    let mut key = vec![0; length as usize];
    source.read_exact(&mut key)?;
    Ok(Entry {
        key,
        file: u32::from_le_bytes(array(source)?),
        record: u64::from_le_bytes(array(source)?),
        chunk: u32::from_le_bytes(array(source)?),
        sub_chunk: u32::from_le_bytes(array(source)?),
        orphan: array::<1>(source)? != [0],
    })
}

fn array<const N: usize>(source: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The distinct keys of sorted entries.
pub fn keys(entries: &[Entry]) -> BTreeSet<&[u8]> {
    entries.iter().map(|entry| entry.key.as_slice()).collect()
}
