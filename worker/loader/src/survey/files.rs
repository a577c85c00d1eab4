//! One source file through the survey: reader thread, checking threads, and the writer that keeps
//! the order.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use orrery_worker_api::agent::SourceFile;
use tokio::sync::mpsc;

use super::place::{Known, Placed, place};
use super::plan::Role;
use super::reader::{Work, read_records};
use super::rejects::RejectWriter;
use super::rows::{ParsedBatch, parse};
use super::running::{Running, blocking};
use super::spool::{Counts, SpoolWriter};
use super::unchanged::check_file;
use crate::fault::Fault;
use crate::progress;
use crate::source::Place;

/// What a file gave.
pub struct FileResult {
    /// Index of the file.
    pub file: u32,
    /// The file as it was read.
    pub source: SourceFile,
    /// Parts that hold rows.
    pub parts: Vec<u32>,
    /// Rows by chunk and set.
    pub counts: Counts,
    /// Children without a director row.
    pub orphans: u64,
    /// Children moved to their director row's chunk.
    pub moved: u64,
    /// Smallest and largest longitude and latitude of home rows.
    pub bounds: Option<Bounds>,
}

/// lonMin, latMin, lonMax, latMax.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds([f64; 4]);

impl Bounds {
    /// Bounds that also hold a position.
    pub fn with(bounds: Option<Self>, lon: f64, lat: f64) -> Self {
        let [lon_min, lat_min, lon_max, lat_max] =
            bounds.map_or([lon, lat, lon, lat], |bounds| bounds.0);
        Self([
            lon_min.min(lon),
            lat_min.min(lat),
            lon_max.max(lon),
            lat_max.max(lat),
        ])
    }

    /// Bounds of both.
    pub fn union(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(Self([lon_min, lat_min, lon_max, lat_max]))) => Some(Self::with(
                Some(Self::with(Some(a), lon_min, lat_min)),
                lon_max,
                lat_max,
            )),
            (a, b) => a.or(b),
        }
    }

    /// As the summary has them.
    pub fn to_vec(self) -> Vec<f64> {
        self.0.to_vec()
    }
}

/// Reads `place` as source file `file`.
pub async fn read(running: Arc<Running>, file: u32, place: Place) -> Result<FileResult, Fault> {
    let (send, receive) = mpsc::channel(1);
    let reader = {
        let running = running.clone();
        blocking("reader", move || {
            read_records(&running, file, &place, &send)
        })
    };
    let results = write_all(running.clone(), file, receive);
    let (source, written) = tokio::join!(reader, results);
    // The writer's fault comes first: when it stops, the reader merely loses its channel.
    let (writer, mut result) = written?;
    let source = source?;
    check_file(&running, file, &source)?;
    result.parts.clone_from(&writer.parts);
    Ok(FileResult {
        source,
        counts: writer.counts,
        ..result
    })
}

/// Takes batches through the checks, several at a time, and writes them in order.
async fn write_all(
    running: Arc<Running>,
    file: u32,
    receive: mpsc::Receiver<Work>,
) -> Result<(SpoolWriter, FileResult), Fault> {
    let chunked = running.plan.role != Role::Reference;
    let mut output = Output {
        spool: SpoolWriter::new(&running.directory, file, chunked, running.files),
        rejects: RejectWriter::new(&running.directory, file),
    };
    let mut result = FileResult {
        file,
        source: empty_source(),
        parts: Vec::new(),
        counts: Counts::new(),
        orphans: 0,
        moved: 0,
        bounds: None,
    };
    let work = stream::unfold(receive, |mut receive| async move {
        Some((receive.recv().await?, receive))
    });
    let mut placed = Box::pin(
        work.map(|work| check(running.clone(), work))
            .buffered(running.ahead),
    );
    while let Some(batch) = placed.next().await {
        let batch = batch?;
        if let Err(fault) = running.reject(file, &batch.rejects) {
            // Those that ended the survey are in the list as well.
            blocking("spool writer", move || output.reject(&batch)).await?;
            return Err(fault);
        }
        result.orphans += batch.orphans;
        result.moved += batch.moved;
        for (lon, lat) in batch.rows.iter().filter_map(|row| row.position) {
            result.bounds = Some(Bounds::with(result.bounds, lon, lat));
        }
        let shared = running.clone();
        output = blocking("spool writer", move || output.append(&shared, file, &batch)).await?;
    }
    let spool = blocking("spool writer", move || output.close()).await?;
    Ok((spool, result))
}

struct Output {
    spool: SpoolWriter,
    rejects: RejectWriter,
}

impl Output {
    fn append(mut self, running: &Running, file: u32, batch: &Placed) -> Result<Self, Fault> {
        self.spool.append(batch)?;
        self.rejects.append(&batch.rejects)?;
        running.keys.append(file, batch)?;
        Ok(self)
    }

    /// Lists the rejects of the last batch.
    fn reject(mut self, batch: &Placed) -> Result<(), Fault> {
        self.rejects.append(&batch.rejects)?;
        self.rejects.close()
    }

    fn close(mut self) -> Result<SpoolWriter, Fault> {
        self.spool.close()?;
        self.rejects.close()?;
        Ok(self.spool)
    }
}

/// Checks and places one batch.
async fn check(running: Arc<Running>, work: Work) -> Result<Placed, Fault> {
    let Ok(_permit) = running.threads.clone().acquire_owned().await else {
        return Err(Fault::Cancelled);
    };
    if running.plan.role != Role::Child {
        return blocking("row checker", move || {
            let parsed = parse_counted(&running, &work);
            Ok(place(&running.plan, parsed, &Known::new()))
        })
        .await;
    }
    let shared = running.clone();
    let parsed = blocking("row checker", move || Ok(parse_counted(&shared, &work))).await?;
    let keys: BTreeSet<&[u8]> = parsed
        .rows
        .iter()
        .filter_map(|row| parsed.key(row))
        .collect();
    let known = running.index.find_remembering(keys).await?;
    blocking("row checker", move || {
        Ok(place(&running.plan, parsed, &known))
    })
    .await
}

fn parse_counted(running: &Running, work: &Work) -> ParsedBatch {
    let parsed = parse(&running.plan, &work.map, &work.batch, work.first_row);
    progress::add(&running.progress.rows_read, parsed.records);
    progress::add(&running.progress.bytes_read, parsed.bytes);
    parsed
}

fn empty_source() -> SourceFile {
    SourceFile {
        name: String::new(),
        size: 0,
        version: String::new(),
        sha256: String::new(),
        parts: Vec::new(),
    }
}
