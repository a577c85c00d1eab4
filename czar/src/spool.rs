//! Rows of a task, held until the task is complete.
//!
//! Keeps true (design §7, tasks): rows leave the czar only when their task is complete, so that a task can be sent again to another
//! replica at any time. A statement holds at most [`SpoolSpace::memory_per_statement`] bytes in memory, then writes files into a
//! directory of stated size, then fails with an error that names the limit. Files have no name and vanish with the process.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Rows gather in pieces of about this many bytes.
const PIECE: usize = 64 * 1024;
/// Bytes in front of each row: its length.
const FRAME: usize = 4;

/// Why rows cannot be held.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The directory is as full as it may get.
    #[error(
        "the result waiting to be sent needs more than the czar's spool of {limit} bytes; ask for fewer rows or columns"
    )]
    Full {
        /// Bytes all statements together may spool.
        limit: u64,
    },
    /// The directory cannot be used.
    #[error("the czar's spool directory cannot be used")]
    Io(#[from] std::io::Error),
    /// A file gave back something else than was written.
    #[error("a spool file is damaged")]
    Damaged,
}

/// What all statements of the czar share.
pub struct SpoolSpace {
    /// Directory for files.
    pub directory: PathBuf,
    /// Bytes a statement may hold in memory.
    pub memory_per_statement: u64,
    /// Bytes that all files together may have.
    pub disk: u64,
    disk_used: AtomicU64,
}

impl SpoolSpace {
    /// Space in `directory`, which must exist.
    pub fn new(directory: PathBuf, memory_per_statement: u64, disk: u64) -> Self {
        Self {
            directory,
            memory_per_statement,
            disk,
            disk_used: AtomicU64::new(0),
        }
    }

    /// Bytes in files now.
    pub fn disk_used(&self) -> u64 {
        self.disk_used.load(Ordering::Relaxed)
    }
}

/// What one statement may hold.
pub struct Budget {
    space: Arc<SpoolSpace>,
    memory_used: AtomicU64,
}

impl Budget {
    /// A fresh budget.
    pub fn new(space: Arc<SpoolSpace>) -> Arc<Self> {
        Arc::new(Self {
            space,
            memory_used: AtomicU64::new(0),
        })
    }

    /// Takes `bytes` of `used`, unless that would exceed `limit`.
    fn take(used: &AtomicU64, bytes: u64, limit: u64) -> bool {
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            now.checked_add(bytes).filter(|then| *then <= limit)
        })
        .is_ok()
    }
}

/// Rows of one task; filled, then read from the start.
pub struct Rows {
    budget: Arc<Budget>,
    /// Full pieces in memory; they come before the file's.
    pieces: Vec<Bytes>,
    /// Rows not yet in a piece; they come last.
    current: BytesMut,
    file: Option<Spill>,
    memory: u64,
    count: u64,
    /// Pieces read so far.
    read: usize,
}

/// Pieces in a file.
struct Spill {
    file: File,
    lengths: Vec<usize>,
    bytes: u64,
}

impl Rows {
    /// No rows yet.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            pieces: Vec::new(),
            current: BytesMut::new(),
            file: None,
            memory: 0,
            count: 0,
            read: 0,
        }
    }

    /// Rows held.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds a row packet. When it answers true, [`Self::settle`] must be called before the next one.
    pub fn push(&mut self, row: &[u8]) -> bool {
        self.current.put_u32_le(row.len() as u32);
        self.current.put_slice(row);
        self.count += 1;
        self.current.len() >= PIECE
    }

    /// Moves the rows gathered last into memory's share or into the file.
    pub async fn settle(&mut self) -> Result<(), SpoolError> {
        let length = self.current.len();
        let space = &self.budget.space;
        let bytes = length as u64;
        if self.file.is_none() && Budget::take(&self.budget.memory_used, bytes, space.memory_per_statement) {
            self.memory += bytes;
            self.pieces.push(self.current.split().freeze());
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(Spill::create(&space.directory).await?);
        }
        if !Budget::take(&space.disk_used, bytes, space.disk) {
            return Err(SpoolError::Full { limit: space.disk });
        }
        let Some(spill) = &mut self.file else {
            return Err(SpoolError::Damaged);
        };
        spill.bytes += bytes;
        spill.file.write_all(&self.current).await?;
        spill.lengths.push(length);
        self.current.clear();
        Ok(())
    }

    /// The next rows, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RowPiece>, SpoolError> {
        let place = self.read;
        self.read += 1;
        if let Some(piece) = self.pieces.get(place) {
            return Ok(Some(RowPiece(piece.clone())));
        }
        let place = place - self.pieces.len();
        let spilled = self.file.as_ref().map_or(0, |spill| spill.lengths.len());
        match &mut self.file {
            Some(spill) if place < spilled => Ok(Some(RowPiece(spill.read(place).await?))),
            _ if place == spilled && !self.current.is_empty() => {
                Ok(Some(RowPiece(Bytes::copy_from_slice(&self.current))))
            }
            _ => Ok(None),
        }
    }

    /// Reads from the start again.
    pub fn rewind(&mut self) {
        self.read = 0;
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.budget.memory_used.fetch_sub(self.memory, Ordering::Relaxed);
        if let Some(spill) = &self.file {
            self.budget
                .space
                .disk_used
                .fetch_sub(spill.bytes, Ordering::Relaxed);
        }
    }
}

impl Spill {
    async fn create(directory: &std::path::Path) -> Result<Self, std::io::Error> {
        let directory = directory.to_owned();
        let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory))
            .await
            .map_err(std::io::Error::other)??;
        Ok(Self {
            file: File::from_std(file),
            lengths: Vec::new(),
            bytes: 0,
        })
    }

    /// The piece at a place; pieces are read in order, from the first.
    async fn read(&mut self, place: usize) -> Result<Bytes, SpoolError> {
        if place == 0 {
            self.file.flush().await?;
            self.file.seek(SeekFrom::Start(0)).await?;
        }
        let length = self.lengths.get(place).copied().ok_or(SpoolError::Damaged)?;
        let mut piece = vec![0; length];
        self.file
            .read_exact(&mut piece)
            .await
            .map_err(|_| SpoolError::Damaged)?;
        Ok(piece.into())
    }
}

/// Some rows in one piece of memory; iterates over row packets.
#[derive(Debug, Clone)]
pub struct RowPiece(Bytes);

/// Gathers rows into a piece.
#[derive(Default)]
pub struct PieceBuilder(BytesMut);

impl PieceBuilder {
    /// Adds a row that `encode` appends; nothing is added when it fails.
    pub fn push<E>(&mut self, encode: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Result<(), E> {
        let start = self.0.len();
        self.0.put_u32_le(0);
        if let Err(error) = encode(&mut self.0) {
            self.0.truncate(start);
            return Err(error);
        }
        let length = (self.0.len() - start - FRAME) as u32;
        if let Some(frame) = self.0.get_mut(start..start + FRAME) {
            frame.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }

    /// Adds a row as it is.
    pub fn push_row(&mut self, row: &[u8]) {
        self.0.put_u32_le(row.len() as u32);
        self.0.put_slice(row);
    }

    /// Whether the piece is large enough to be sent.
    pub fn is_full(&self) -> bool {
        self.0.len() >= PIECE
    }

    /// The piece, if there are rows in it; the builder is empty then.
    pub fn take(&mut self) -> Option<RowPiece> {
        (!self.0.is_empty()).then(|| RowPiece(self.0.split().freeze()))
    }
}

impl Iterator for RowPiece {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.0.len() < FRAME {
            return None;
        }
        let length = self.0.get_u32_le() as usize;
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(memory: u64, disk: u64) -> (tempfile::TempDir, Arc<SpoolSpace>) {
        let directory = tempfile::tempdir().unwrap();
        let space = Arc::new(SpoolSpace::new(directory.path().to_owned(), memory, disk));
        (directory, space)
    }

    async fn fill(rows: &mut Rows, count: u32) -> Result<(), SpoolError> {
        for number in 0..count {
            if rows.push(format!("row {number} {}", "x".repeat(number as usize % 200)).as_bytes()) {
                rows.settle().await?;
            }
        }
        Ok(())
    }

    async fn read(rows: &mut Rows) -> Vec<Bytes> {
        let mut all = Vec::new();
        while let Some(piece) = rows.next().await.unwrap() {
            all.extend(piece);
        }
        all
    }

    #[tokio::test]
    async fn rows_come_back_in_order_from_memory_and_file() {
        let (_directory, space) = space(200_000, 10 << 20);
        let mut rows = Rows::new(Budget::new(space.clone()));
        fill(&mut rows, 20_000).await.unwrap();
        assert_eq!(rows.count(), 20_000);
        assert!(space.disk_used() > 0);
        let all = read(&mut rows).await;
        assert_eq!(all.len(), 20_000);
        for (number, row) in all.iter().enumerate() {
            assert!(row.starts_with(format!("row {number} ").as_bytes()));
        }
    }

    #[tokio::test]
    async fn rows_can_be_read_again() {
        let (_directory, space) = space(100_000, 10 << 20);
        let mut rows = Rows::new(Budget::new(space));
        fill(&mut rows, 5_000).await.unwrap();
        let first = read(&mut rows).await;
        rows.rewind();
        assert_eq!(read(&mut rows).await, first);
    }

    #[tokio::test]
    async fn a_full_spool_is_an_error_that_names_the_limit_and_everything_is_given_back() {
        let (_directory, space) = space(100_000, 300_000);
        let budget = Budget::new(space.clone());
        let mut rows = Rows::new(budget.clone());
        let error = fill(&mut rows, 20_000).await.unwrap_err();
        assert!(error.to_string().contains("300000 bytes"), "{error}");
        drop(rows);
        assert_eq!(space.disk_used(), 0);
        assert_eq!(budget.memory_used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn tasks_of_one_statement_share_its_memory() {
        let (_directory, space) = space(100_000, 10 << 20);
        let budget = Budget::new(space.clone());
        let mut first = Rows::new(budget.clone());
        fill(&mut first, 700).await.unwrap();
        assert_eq!(space.disk_used(), 0);
        let mut second = Rows::new(budget);
        fill(&mut second, 700).await.unwrap();
        assert!(space.disk_used() > 0, "the second task finds memory taken");
        assert_eq!(read(&mut second).await.len(), 700);
    }
}
