//! One source file through the survey: reader thread, checking threads, and the writer that keeps
//! the order.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use orrery_worker_api::agent::SourceFile;
use tokio::sync::mpsc;

use super::place::{Known, Placed, place};
use super::plan::{FieldMap, Role};
use super::rejects::RejectWriter;
use super::rows::{ParsedBatch, parse};
use super::running::{Running, blocking};
use super::spool::{Counts, SpoolWriter};
use crate::dialect::marks;
use crate::dialect::preamble::Preamble;
use crate::dialect::records::{Batch, RecordError, Records};
use crate::fault::Fault;
use crate::progress;
use crate::source::{self, Head, Place};

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

/// Records for the checking threads.
struct Work {
    map: Arc<FieldMap>,
    batch: Batch,
    /// Number of the first record that may be a row; comments, the header and what stands below it
    /// come before.
    first_row: u64,
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
        spool: SpoolWriter::new(&running.directory, file, chunked),
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
        running.reject(file, &batch.rejects)?;
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
        running.keys.append(file, &batch.entries)?;
        Ok(self)
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

/// The reader thread: stored bytes in, batches out.
fn read_records(
    running: &Running,
    file: u32,
    place: &Place,
    send: &mpsc::Sender<Work>,
) -> Result<SourceFile, Fault> {
    let name = running.name(file);
    let dialect = &running.plan.dialect;
    let opened = source::open(place, &running.http)?;
    check_head(running, file, opened.head())?;
    let stored = opened.stored();
    let mut counted = 0;
    let text = marks::without_mark(opened.reader(dialect.compression)?, dialect.charset)
        .map_err(|error| source::read_fault(name, &error))?;
    let mut records = Records::new(text, dialect, running.part_bytes);
    let mut preamble = Preamble::new(dialect);
    let mut map = None;
    while let Some(batch) = records
        .next_batch()
        .map_err(|error| record_fault(name, error))?
    {
        if running.stop.is_cancelled() {
            return Err(Fault::Cancelled);
        }
        preamble
            .take(&batch)
            .map_err(|fault| in_file(name, fault))?;
        let Some(first_row) = preamble.first_row() else {
            progress::add(&running.progress.bytes_read, batch.data.len() as u64);
            continue;
        };
        let map = match &map {
            Some(map) => Arc::clone(map),
            None => Arc::clone(map.insert(Arc::new(field_map(running, name, preamble.names())?))),
        };
        let work = Work {
            map,
            batch,
            first_row,
        };
        send.blocking_send(work).map_err(|_| Fault::Cancelled)?;
        let position = stored.position();
        progress::add(&running.progress.stored_read, position - counted);
        counted = position;
    }
    let parts = records.parts().to_vec();
    drop(records);
    let (size, sha256) = opened.finish()?;
    progress::add(&running.progress.stored_read, size.saturating_sub(counted));
    Ok(SourceFile {
        name: name.to_owned(),
        size,
        version: opened.head().version.clone(),
        sha256,
        parts,
    })
}

/// The survey's field names, else the header's, else the columns.
fn field_map(running: &Running, name: &str, header: Option<&[String]>) -> Result<FieldMap, Fault> {
    let plan = &running.plan;
    match header {
        None if running.fields.is_empty() => Ok(plan.column_fields()),
        Some(header) if running.fields.is_empty() => {
            plan.fields(header).map_err(|fault| in_file(name, fault))
        }
        Some(header) if header.len() != running.fields.len() => Err(Fault::BadFields(format!(
            "{name}: its header names {} fields, the ingest {}",
            header.len(),
            running.fields.len()
        ))),
        _ => plan.fields(&running.fields),
    }
}

/// Names the file in what is wrong with its fields.
fn in_file(name: &str, fault: Fault) -> Fault {
    match fault {
        Fault::BadFields(what) => Fault::BadFields(format!("{name}: {what}")),
        other => other,
    }
}

fn record_fault(name: &str, error: RecordError) -> Fault {
    match error {
        RecordError::Read(error) => source::read_fault(name, &error),
        other => Fault::BadFile {
            file: name.to_owned(),
            what: other.to_string(),
        },
    }
}

/// Compares what is known before reading with an earlier survey.
pub fn check_head(running: &Running, file: u32, head: &Head) -> Result<(), Fault> {
    let Some(expected) = expected(running, file) else {
        return Ok(());
    };
    let size = head.size.unwrap_or(expected.size);
    changed(running, file, "size", &expected.size, &size)?;
    changed(running, file, "version", &expected.version, &head.version)
}

/// Compares what was read with an earlier survey.
fn check_file(running: &Running, file: u32, found: &SourceFile) -> Result<(), Fault> {
    let Some(expected) = expected(running, file) else {
        return Ok(());
    };
    changed(running, file, "size", &expected.size, &found.size)?;
    changed(running, file, "SHA-256", &expected.sha256, &found.sha256)?;
    changed(
        running,
        file,
        "number of parts",
        &expected.parts.len(),
        &found.parts.len(),
    )?;
    if expected.parts == found.parts {
        return Ok(());
    }
    Err(Fault::SourceChanged {
        file: found.name.clone(),
        what: "its part borders differ from those of the earlier survey".into(),
    })
}

fn expected(running: &Running, file: u32) -> Option<&SourceFile> {
    running.expected.as_ref()?.get(file as usize)
}

fn changed<T: PartialEq + std::fmt::Display>(
    running: &Running,
    file: u32,
    what: &str,
    was: &T,
    is: &T,
) -> Result<(), Fault> {
    if was == is {
        return Ok(());
    }
    Err(Fault::SourceChanged {
        file: running.name(file).to_owned(),
        what: format!("its {what} was {was} and is {is}"),
    })
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
