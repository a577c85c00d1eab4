//! The end of a survey: keys are judged, dropped rows are taken out of the counts, everything is
//! put on disk.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use orrery_archive::ingest::IngestSummary;
use orrery_archive::names::{ChunkId, RowSet};
use orrery_wire::load_data::{NULL, escape};
use orrery_worker_api::loader::{ChunkRows, Survey, Surveyed};
use tokio::runtime::Handle;

use super::files::{Bounds, FileResult};
use super::finished::{Finished, IndexPiece, dropped_path, finished_path, index_path};
use super::judge::{Dropped, IndexRow, judge};
use super::keys::{self, Entry};
use super::place::Known;
use super::plan::Role;
use super::rejects;
use super::rows::Reject;
use super::running::{Running, blocking};
use super::spool::{Counts, PartIndex, data_path, index_path as part_index_path, read_block};
use crate::disk;
use crate::fault::Fault;
use crate::progress;
use crate::values;

/// Bytes of index rows loaded at once.
const PIECE: u64 = 64 << 20;

/// Judges keys and writes the result.
pub async fn finish(
    running: Arc<Running>,
    survey: Survey,
    files: Vec<FileResult>,
) -> Result<Finished, Fault> {
    let runtime = Handle::current();
    blocking("key judge", move || {
        let (index, mut dropped) = judge_keys(&running, &runtime)?;
        dropped.sort_unstable();
        let mut totals = Totals::of(&files);
        if !dropped.is_empty() {
            totals = recount(&running, &files, &dropped)?;
        }
        let finished = result(&running, survey, files, totals, index, &dropped);
        save(&running, &finished, &dropped)?;
        Ok(finished)
    })
    .await
}

/// Rows by chunk and set, and their bounds.
struct Totals {
    counts: Counts,
    bounds: Option<Bounds>,
}

impl Totals {
    fn of(files: &[FileResult]) -> Self {
        let mut totals = Self {
            counts: Counts::new(),
            bounds: None,
        };
        for file in files {
            for (key, count) in &file.counts {
                let total = totals.counts.entry(*key).or_default();
                total.rows += count.rows;
                total.bytes += count.bytes;
            }
            totals.bounds = Bounds::union(totals.bounds, file.bounds);
        }
        totals
    }
}

fn judge_keys(
    running: &Running,
    runtime: &Handle,
) -> Result<(Vec<IndexPiece>, Vec<Dropped>), Fault> {
    let role = running.plan.role;
    let mut pieces = IndexWriter::default();
    let mut dropped = Vec::new();
    let judged = running.keys.drain(|chunk, entries: Vec<Entry>| {
        if running.stop.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        let known = match role {
            Role::Director { .. } => runtime.block_on(running.index.find(keys::keys(&entries)))?,
            Role::Child | Role::Reference => Known::new(),
        };
        let judged = judge(role, &entries, &known, &running.names);
        let before = dropped.len();
        dropped.extend(judged.dropped);
        for row in dropped.get(before..).unwrap_or_default() {
            running.reject(row.file, &[as_reject(running, row)])?;
        }
        pieces.write(&running.directory, chunk, &judged.index)
    });
    if let Err(Fault::TooManyRejects { .. }) = &judged {
        dropped.sort_by_key(|row| (row.file, row.record));
        list(running, &dropped)?;
    }
    judged?;
    Ok((pieces.finish()?, dropped))
}

fn as_reject(running: &Running, row: &Dropped) -> Reject {
    let column = running
        .plan
        .key
        .and_then(|key| running.plan.columns.get(key.column));
    Reject {
        record: row.record,
        column: column.map(|column| column.name.clone()),
        reason: row.reason.clone(),
    }
}

/// Writes index rows of one hash chunk after the other.
#[derive(Default)]
struct IndexWriter {
    open: Option<(ChunkId, BufWriter<File>)>,
    pieces: Vec<IndexPiece>,
}

impl IndexWriter {
    fn write(
        &mut self,
        directory: &Path,
        chunk: ChunkId,
        rows: &[IndexRow<'_>],
    ) -> Result<(), Fault> {
        let path = index_path(directory, chunk);
        self.write_rows(&path, chunk, rows)
            .map_err(|error| Fault::disk(&path, error))
    }

    fn write_rows(&mut self, path: &Path, chunk: ChunkId, rows: &[IndexRow<'_>]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != chunk) {
            self.sync()?;
            self.open = Some((chunk, BufWriter::new(File::create(path)?)));
        }
        let Some((_, out)) = &mut self.open else {
            return Ok(());
        };
        let mut text = Vec::new();
        for &(key, row_chunk, sub_chunk, orphan) in rows {
            text.clear();
            escape(key, &mut text);
            writeln!(text, "\t{row_chunk}\t{sub_chunk}\t{}", u8::from(orphan))?;
            out.write_all(&text)?;
            extend(&mut self.pieces, chunk, text.len() as u64);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some((_, mut out)) = self.open.take() {
            out.flush()?;
            out.get_ref().sync_all()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<IndexPiece>, Fault> {
        self.sync()
            .map_err(|error| Fault::disk(Path::new("index"), error))?;
        Ok(self.pieces)
    }
}

/// Adds a row of `length` bytes to the last piece of `chunk`, or begins the next one.
fn extend(pieces: &mut Vec<IndexPiece>, chunk: ChunkId, length: u64) {
    let (piece, offset) = match pieces.last_mut() {
        Some(last) if last.chunk == chunk && last.length < PIECE => {
            last.length += length;
            last.rows += 1;
            return;
        }
        Some(last) if last.chunk == chunk => (last.piece + 1, last.offset + last.length),
        _ => (0, 0),
    };
    pieces.push(IndexPiece {
        chunk,
        piece,
        offset,
        length,
        rows: 1,
    });
}

/// Counts the spooled rows again, without the dropped ones.
fn recount(running: &Running, files: &[FileResult], dropped: &[Dropped]) -> Result<Totals, Fault> {
    let gone: HashSet<(u32, u64)> = dropped.iter().map(|row| (row.file, row.record)).collect();
    let mut totals = Totals {
        counts: Counts::new(),
        bounds: None,
    };
    for file in files {
        for part in &file.parts {
            let path = data_path(&running.directory, file.file, *part);
            let index: PartIndex =
                disk::read_json(&part_index_path(&running.directory, file.file, *part))
                    .ok_or(Fault::Internal("spool"))?;
            let data = File::open(&path).map_err(|error| Fault::disk(&path, error))?;
            for block in &index.blocks {
                read_block(&data, block, |record, text| {
                    if gone.contains(&(file.file, record)) {
                        return;
                    }
                    let count = totals.counts.entry((block.chunk, block.set)).or_default();
                    count.rows += 1;
                    count.bytes += text.len() as u64;
                    if block.set == RowSet::Home
                        && let Some((lon, lat)) = position(running, text)
                    {
                        totals.bounds = Some(Bounds::with(totals.bounds, lon, lat));
                    }
                })
                .map_err(|error| Fault::disk(&path, error))?;
            }
        }
    }
    Ok(totals)
}

/// The position of a spooled row; a tab in a value is escaped, so tabs separate columns.
fn position(running: &Running, row: &[u8]) -> Option<(f64, f64)> {
    let (longitude, latitude) = running.plan.position?;
    let column = |index: usize| {
        let value = row.split(|byte| *byte == b'\t').nth(index)?;
        if value == NULL {
            None
        } else {
            values::parse_double(value)
        }
    };
    Some((column(longitude)?, column(latitude)?))
}

fn result(
    running: &Running,
    survey: Survey,
    files: Vec<FileResult>,
    totals: Totals,
    index: Vec<IndexPiece>,
    dropped: &[Dropped],
) -> Finished {
    let mut chunks: BTreeMap<ChunkId, ChunkRows> = BTreeMap::new();
    let mut summary = IngestSummary {
        rejects: progress::get(&running.progress.rejects),
        duplicates: dropped.iter().filter(|row| row.duplicate).count() as u64,
        orphans: files.iter().map(|file| file.orphans).sum(),
        moved: files.iter().map(|file| file.moved).sum(),
        bounds: totals.bounds.map(Bounds::to_vec),
        ..IngestSummary::default()
    };
    for ((chunk, set), count) in totals.counts {
        let rows = chunks.entry(chunk).or_default();
        rows.bytes += count.bytes;
        match set {
            RowSet::Home => {
                rows.rows += count.rows;
                summary.rows += count.rows;
                summary.bytes += count.bytes;
            }
            RowSet::Overlap => {
                rows.overlap_rows += count.rows;
                summary.overlap_rows += count.rows;
            }
        }
    }
    summary.chunks = chunks.values().filter(|rows| rows.rows > 0).count() as u64;
    let mut index_chunks = BTreeMap::new();
    for piece in &index {
        *index_chunks.entry(piece.chunk).or_default() += piece.rows;
    }
    Finished {
        survey,
        summary,
        samples: running.progress.samples.list(),
        records: progress::get(&running.progress.rows_read),
        bytes: progress::get(&running.progress.bytes_read),
        parts: files.iter().map(|file| file.parts.clone()).collect(),
        surveyed: Surveyed {
            files: files.into_iter().map(|file| file.source).collect(),
            chunks,
            index_chunks,
        },
        index,
    }
}

/// Writes the list of rejects; `dropped` are ascending.
pub(super) fn list(running: &Running, dropped: &[Dropped]) -> Result<(), Fault> {
    let key = running
        .plan
        .key
        .and_then(|key| running.plan.columns.get(key.column));
    rejects::write_list(
        &running.directory,
        &running.names,
        dropped,
        key.map_or("", |column| column.name.as_str()),
    )
}

/// The list of rejects and of dropped records first, then the state that says the survey has ended.
fn save(running: &Running, finished: &Finished, dropped: &[Dropped]) -> Result<(), Fault> {
    list(running, dropped)?;
    let records: Vec<(u32, u64)> = dropped.iter().map(|row| (row.file, row.record)).collect();
    disk::write_json(&dropped_path(&running.directory), &records)?;
    disk::write_json(&finished_path(&running.directory), finished)
}
