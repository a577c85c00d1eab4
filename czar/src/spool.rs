//! Rows of a task, held until the task is complete.
//!
//! Keeps true (docs/design/query.md#tasks): rows leave the czar only when their task is complete,
//! so that a task can be sent again to another replica at any time. A statement holds at most
//! [`SpoolSpace::memory_per_statement`] bytes in memory, then writes to one file in a directory of
//! stated size, then fails with an error that names the limit. Files have no name and vanish with
//! the process.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::task::spawn_blocking;

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
    #[error("the czar's spool directory cannot be used: {0}")]
    Io(#[from] std::io::Error),
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
    spill: Mutex<Spill>,
}

/// The statement's file.
#[derive(Default)]
struct Spill {
    file: Option<Arc<File>>,
    end: u64,
    /// Places whose rows have been sent.
    free: Vec<Extent>,
}

/// A place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    offset: u64,
    capacity: u64,
}

impl Budget {
    /// A fresh budget.
    pub fn new(space: Arc<SpoolSpace>) -> Arc<Self> {
        Arc::new(Self {
            space,
            memory_used: AtomicU64::new(0),
            spill: Mutex::default(),
        })
    }

    fn take_memory(&self, bytes: u64) -> bool {
        take(&self.memory_used, bytes, self.space.memory_per_statement)
    }

    /// A place in the file for this many bytes: one given back, or new at its end.
    fn extent(&self, bytes: u64) -> Result<(Arc<File>, Extent), SpoolError> {
        let mut spill = self.spill.lock();
        let file = match &spill.file {
            Some(file) => file.clone(),
            None => spill
                .file
                .insert(Arc::new(tempfile::tempfile_in(&self.space.directory)?))
                .clone(),
        };
        if let Some(place) = spill
            .free
            .iter()
            .position(|extent| extent.capacity >= bytes)
        {
            return Ok((file, spill.free.swap_remove(place)));
        }
        if !take(&self.space.disk_used, bytes, self.space.disk) {
            return Err(SpoolError::Full {
                limit: self.space.disk,
            });
        }
        let extent = Extent {
            offset: spill.end,
            capacity: bytes,
        };
        spill.end += bytes;
        Ok((file, extent))
    }

    fn file(&self) -> Result<Arc<File>, SpoolError> {
        let file = self.spill.lock().file.clone();
        file.ok_or_else(|| SpoolError::Io(std::io::ErrorKind::NotFound.into()))
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        let end = self.spill.get_mut().end;
        self.space.disk_used.fetch_sub(end, Ordering::Relaxed);
    }
}

/// Takes `bytes` of `used`, unless that would exceed `limit`.
fn take(used: &AtomicU64, bytes: u64, limit: u64) -> bool {
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
        now.checked_add(bytes).filter(|then| *then <= limit)
    })
    .is_ok()
}

/// Rows of one task; filled, finished, then read from the start.
pub struct Rows {
    budget: Arc<Budget>,
    pieces: Vec<Piece>,
    /// Rows not yet in a piece.
    current: BytesMut,
    count: u64,
    /// Bytes of the rows.
    bytes: u64,
    /// Pieces read so far.
    read: usize,
}

/// Some rows in their place.
enum Piece {
    Memory(Bytes),
    File { extent: Extent, length: usize },
}

impl Rows {
    /// No rows yet.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            pieces: Vec::new(),
            current: BytesMut::new(),
            count: 0,
            bytes: 0,
            read: 0,
        }
    }

    /// Rows held.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of the rows held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether another row fits into the piece under way. A piece that never outgrows its memory is
    /// never copied.
    pub fn has_room(&self, row: &[u8]) -> bool {
        self.current.is_empty() || self.current.len() + FRAME + row.len() <= PIECE
    }

    /// Adds a row packet. When it answers true, [`Self::settle`] must be called before the next
    /// one.
    pub fn push(&mut self, row: &[u8]) -> bool {
        self.current.put_u32_le(row.len() as u32);
        self.current.put_slice(row);
        self.count += 1;
        self.bytes += row.len() as u64;
        self.current.len() >= PIECE
    }

    /// Moves the rows gathered last into memory's share or into the file. To be called after the
    /// last row, too: only then can all rows be read.
    pub async fn settle(&mut self) -> Result<(), SpoolError> {
        if self.current.is_empty() {
            return Ok(());
        }
        let length = self.current.len();
        if self.budget.take_memory(length as u64) {
            self.pieces
                .push(Piece::Memory(self.current.split().freeze()));
            return Ok(());
        }
        let (file, extent) = self.budget.extent(length as u64)?;
        let rows = self.current.split().freeze();
        // Kept first, so that the place is given back whatever happens.
        self.pieces.push(Piece::File { extent, length });
        let written = spawn_blocking(move || file.write_all_at(&rows, extent.offset)).await;
        Ok(written.map_err(std::io::Error::other)??)
    }

    /// The next rows, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RowPiece>, SpoolError> {
        let Some(piece) = self.pieces.get(self.read) else {
            return Ok(None);
        };
        self.read += 1;
        let (extent, length) = match piece {
            Piece::Memory(rows) => return Ok(Some(RowPiece(rows.clone()))),
            Piece::File { extent, length } => (*extent, *length),
        };
        let file = self.budget.file()?;
        let read = spawn_blocking(move || {
            let mut rows = vec![0; length];
            file.read_exact_at(&mut rows, extent.offset).map(|()| rows)
        });
        let rows = read.await.map_err(std::io::Error::other)??;
        Ok(Some(RowPiece(rows.into())))
    }

    /// Reads from the start again.
    pub fn rewind(&mut self) {
        self.read = 0;
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        for piece in &self.pieces {
            match piece {
                Piece::Memory(rows) => {
                    self.budget
                        .memory_used
                        .fetch_sub(rows.len() as u64, Ordering::Relaxed);
                }
                Piece::File { extent, .. } => self.budget.spill.lock().free.push(*extent),
            }
        }
    }
}

/// Some rows in one piece of memory; iterates over row packets.
#[derive(Debug, Clone)]
pub struct RowPiece(Bytes);

impl RowPiece {
    /// The row packets, in place.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_ref();
        std::iter::from_fn(move || {
            let (frame, after) = rest.split_first_chunk::<FRAME>()?;
            let (row, after) = after.split_at_checked(u32::from_le_bytes(*frame) as usize)?;
            rest = after;
            Some(row)
        })
    }
}

/// Gathers rows into a piece.
#[derive(Default)]
pub struct PieceBuilder(BytesMut);

impl PieceBuilder {
    /// Adds a row that `encode` appends; nothing is added when it fails.
    pub fn push<E>(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
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
        rows.settle().await
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
    async fn a_long_result_takes_no_more_disk_than_waits_at_once() {
        let (_directory, space) = space(100_000, 2 << 20);
        let budget = Budget::new(space.clone());
        for _ in 0..20 {
            let mut rows = Rows::new(budget.clone());
            fill(&mut rows, 10_000).await.unwrap();
            assert_eq!(read(&mut rows).await.len(), 10_000);
        }
        assert!(space.disk_used() > 1 << 20);
    }

    #[tokio::test]
    async fn many_small_tasks_count_like_one_large_one() {
        let (_directory, space) = space(10_000, 20_000);
        let budget = Budget::new(space);
        let mut held = Vec::new();
        let error = loop {
            let mut rows = Rows::new(budget.clone());
            match fill(&mut rows, 10).await {
                Ok(()) => held.push(rows),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SpoolError::Full { limit: 20_000 }));
        assert!(held.len() > 10);
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
        assert_eq!(budget.memory_used.load(Ordering::Relaxed), 0);
        drop(budget);
        assert_eq!(space.disk_used(), 0);
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
