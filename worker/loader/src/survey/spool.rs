//! The spool: rows on the loader's disk, by file, part, chunk and row set.
//!
//! One data file per (file, part), made of blocks of one (chunk, set) each, and next to it the list
//! of its blocks. A row in a block is its length (4 bytes), its record number (8 bytes), both
//! little-endian, and the row as `LOAD DATA` takes it, line end included. Blocks of one (chunk,
//! set) follow in the order of the records, so a load sends rows in file order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use orrery_archive::names::{ChunkId, RowSet};
use serde::{Deserialize, Serialize};

use super::place::Placed;
use crate::disk;
use crate::fault::Fault;

/// A chunk's buffer is written out before it grows beyond this size.
const BLOCK: usize = 128 << 10;
/// Bytes after which a part begins to go to the disk, so that its end waits for the rest alone.
const SYNCED: u64 = 16 << 20;
/// Bytes before each row in a block.
const ROW_HEAD: usize = 4 + 8;
/// Memory of the buffers of all files that are read at once.
const BUFFERED: usize = 32 << 20;

/// Rows of one (chunk, set) in a data file.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Chunk.
    pub chunk: ChunkId,
    /// Set.
    pub set: RowSet,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

/// Rows and their bytes as loaded.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a (file, part) holds.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct PartIndex {
    /// Blocks in the order of the data file.
    pub blocks: Vec<Block>,
}

/// Where a part's data is.
pub fn data_path(directory: &Path, file: u32, part: u32) -> PathBuf {
    directory.join(format!("rows-{file:04}-{part:05}.data"))
}

/// Where a part's list of blocks is.
pub fn index_path(directory: &Path, file: u32, part: u32) -> PathBuf {
    directory.join(format!("rows-{file:04}-{part:05}.json"))
}

/// Counts per chunk and set.
pub type Counts = BTreeMap<(ChunkId, RowSet), Count>;

/// Writes the rows of one source file.
#[derive(Debug)]
pub struct SpoolWriter {
    directory: PathBuf,
    file: u32,
    /// Whether rows end with chunk and sub-chunk.
    chunked: bool,
    /// All buffers are written out when they take this much memory.
    most: usize,
    part: Option<PartWriter>,
    /// Counts over all parts.
    pub counts: Counts,
    /// Parts that hold rows.
    pub parts: Vec<u32>,
}

impl SpoolWriter {
    /// A writer for the source file `file`, one of `at_once` that are read at the same time.
    pub fn new(directory: &Path, file: u32, chunked: bool, at_once: usize) -> Self {
        Self {
            directory: directory.to_owned(),
            file,
            chunked,
            most: BUFFERED / at_once.max(1),
            part: None,
            counts: Counts::new(),
            parts: Vec::new(),
        }
    }

    /// Adds the rows of a batch; batches come in order.
    pub fn append(&mut self, placed: &Placed) -> Result<(), Fault> {
        if placed.rows.is_empty() {
            return Ok(());
        }
        if self
            .part
            .as_ref()
            .is_none_or(|part| part.number != placed.part)
        {
            self.close()?;
            self.part = Some(PartWriter::new(
                &self.directory,
                self.file,
                placed.part,
                self.most,
            )?);
            self.parts.push(placed.part);
        }
        let Some(part) = &mut self.part else {
            return Ok(());
        };
        let path = &part.path;
        let mut suffix = Vec::new();
        for row in &placed.rows {
            let text = placed.text.get(row.text.clone());
            let copies = placed.overlaps.get(row.overlaps.clone());
            let (Some(text), Some(copies)) = (text, copies) else {
                return Err(Fault::Internal("spool"));
            };
            suffix.clear();
            if self.chunked {
                // Writing to a vector does not fail.
                let _ = write!(suffix, "\t{}\t{}", row.home.chunk, row.home.sub_chunk);
            }
            suffix.push(b'\n');
            let home = std::iter::once((row.home.chunk, RowSet::Home));
            for key in home.chain(copies.iter().map(|chunk| (*chunk, RowSet::Overlap))) {
                let count = self.counts.entry(key).or_default();
                count.rows += 1;
                count.bytes += (text.len() + suffix.len()) as u64;
                part.out
                    .push(key, row.record, text, &suffix)
                    .map_err(|error| Fault::disk(path, error))?;
            }
        }
        Ok(())
    }

    /// Writes and syncs what is left.
    pub fn close(&mut self) -> Result<(), Fault> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        let blocks = part
            .out
            .finish()
            .map_err(|error| Fault::disk(&part.path, error))?;
        disk::write_json(
            &index_path(&self.directory, self.file, part.number),
            &PartIndex { blocks },
        )
    }
}

#[derive(Debug)]
struct PartWriter {
    number: u32,
    path: PathBuf,
    out: BlockWriter,
}

impl PartWriter {
    fn new(directory: &Path, file: u32, number: u32, most: usize) -> Result<Self, Fault> {
        let path = data_path(directory, file, number);
        let out = File::create(&path).map_err(|error| Fault::disk(&path, error))?;
        Ok(Self {
            number,
            path,
            out: BlockWriter::new(out, most),
        })
    }
}

/// Rows of each (chunk, set) until they are enough for a block.
#[derive(Debug)]
struct BlockWriter {
    out: DataFile,
    buffers: BTreeMap<(ChunkId, RowSet), Vec<u8>>,
    /// Memory that they take, and the most that they may.
    taken: usize,
    most: usize,
}

impl BlockWriter {
    fn new(file: File, most: usize) -> Self {
        Self {
            out: DataFile::new(file),
            buffers: BTreeMap::new(),
            taken: 0,
            most,
        }
    }

    fn push(
        &mut self,
        key: (ChunkId, RowSet),
        record: u64,
        text: &[u8],
        suffix: &[u8],
    ) -> io::Result<()> {
        let length = text.len() + suffix.len();
        let buffer = self.buffers.entry(key).or_default();
        // A full buffer is written before it would grow, and stays for the next rows.
        if buffer.len() + length + ROW_HEAD > BLOCK && !buffer.is_empty() {
            self.out.write(key, buffer)?;
            buffer.clear();
        }
        let before = buffer.capacity();
        let needed = buffer.len() + length + ROW_HEAD;
        if needed > before {
            let wanted = (2 * before).clamp(needed, needed.max(BLOCK));
            buffer.reserve_exact(wanted - buffer.len());
        }
        buffer.extend_from_slice(&(length as u32).to_le_bytes());
        buffer.extend_from_slice(&record.to_le_bytes());
        buffer.extend_from_slice(text);
        buffer.extend_from_slice(suffix);
        self.taken += buffer.capacity() - before;
        if self.taken >= self.most {
            self.write_all()?;
        }
        Ok(())
    }

    fn write_all(&mut self) -> io::Result<()> {
        for (key, rows) in std::mem::take(&mut self.buffers) {
            if !rows.is_empty() {
                self.out.write(key, &rows)?;
            }
        }
        self.taken = 0;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<Block>> {
        self.write_all()?;
        self.out.finish()
    }
}

/// A data file and the list of its blocks.
#[derive(Debug)]
struct DataFile {
    out: BufWriter<File>,
    offset: u64,
    blocks: Vec<Block>,
    /// Brings to the disk what was written so far, while more is written.
    syncing: Option<JoinHandle<io::Result<()>>>,
    /// How much was written when that began.
    synced: u64,
}

impl DataFile {
    fn new(file: File) -> Self {
        Self {
            out: BufWriter::with_capacity(BLOCK, file),
            offset: 0,
            blocks: Vec::new(),
            syncing: None,
            synced: 0,
        }
    }

    fn write(&mut self, (chunk, set): (ChunkId, RowSet), rows: &[u8]) -> io::Result<()> {
        self.out.write_all(rows)?;
        self.blocks.push(Block {
            chunk,
            set,
            offset: self.offset,
            length: rows.len() as u64,
        });
        self.offset += rows.len() as u64;
        let running = self
            .syncing
            .as_ref()
            .is_some_and(|sync| !sync.is_finished());
        if self.offset - self.synced >= SYNCED && !running {
            self.sync_begun()?;
            let file = self.out.get_ref().try_clone()?;
            self.syncing = Some(thread::Builder::new().spawn(move || file.sync_data())?);
            self.synced = self.offset;
        }
        Ok(())
    }

    /// Waits for the sync that was begun. The kernel reports an error of the disk once, so it counts.
    fn sync_begun(&mut self) -> io::Result<()> {
        self.syncing.take().map_or(Ok(()), |sync| {
            let ended = sync.join();
            ended.unwrap_or_else(|_| Err(io::Error::other("the thread that syncs ended early")))
        })
    }

    fn finish(mut self) -> io::Result<Vec<Block>> {
        self.out.flush()?;
        self.sync_begun()?;
        self.out.get_ref().sync_all()?;
        Ok(self.blocks)
    }
}

/// Calls `row` with record number and text of every row of `block`, in order.
pub fn read_block(data: &File, block: &Block, mut row: impl FnMut(u64, &[u8])) -> io::Result<()> {
    let mut bytes = vec![0; block.length as usize];
    data.read_exact_at(&mut bytes, block.offset)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (text, record, after) = next_row(rest).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "a row's length does not fit its block",
            )
        })?;
        row(record, text);
        rest = after;
    }
    Ok(())
}

fn next_row(bytes: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (record, rest) = rest.split_first_chunk::<8>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((text, u64::from_le_bytes(*record), rest))
}
