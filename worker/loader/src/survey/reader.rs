//! The reader thread of a source file: stored bytes in, batches of records out.

use std::io::Read;
use std::sync::Arc;

use orrery_archive::ingest::FileFormat;
use orrery_worker_api::agent::SourceFile;
use tokio::sync::mpsc;

use super::plan::FieldMap;
use super::running::Running;
use super::unchanged::check_head;
use crate::dialect::marks;
use crate::dialect::preamble::Preamble;
use crate::dialect::records::{Batch, RecordError, Records};
use crate::fault::Fault;
use crate::progress;
use crate::source::{self, Opened, Place};
use crate::typed;

/// Records for the checking threads.
pub struct Work {
    /// Which field feeds which column.
    pub map: Arc<FieldMap>,
    /// The records.
    pub batch: Batch,
    /// Number of the first record that may be a row; comments, the header and what stands below it
    /// come before.
    pub first_row: u64,
}

/// A file as text, and how its fields feed the columns where that is known before its first record.
struct Input {
    text: Box<dyn Read + Send>,
    map: Option<Arc<FieldMap>>,
}

/// The reader thread: stored bytes in, batches out.
pub fn read_records(
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
    let Input { text, mut map } = input(running, file, &opened)?;
    let mut records = Records::new(text, dialect, running.part_bytes);
    let mut preamble = Preamble::new(dialect);
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

/// The text of a file, or its rows as text.
fn input(running: &Running, file: u32, opened: &Opened) -> Result<Input, Fault> {
    let name = running.name(file);
    let dialect = &running.plan.dialect;
    let bytes = opened.reader(dialect.compression)?;
    if dialect.format == FileFormat::Text {
        let text = marks::without_mark(bytes, dialect.charset)
            .map_err(|error| source::read_fault(name, &error))?;
        return Ok(Input { text, map: None });
    }
    let table = typed::Table::open(dialect, bytes, name, &running.directory)?;
    let map = Arc::new(field_map(running, name, Some(&table.names()))?);
    Ok(Input {
        text: table.text(&running.plan.wanted(&map), running.decoders, name)?,
        map: Some(map),
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
