//! Rejects: counted against the limit, the first ones sampled, all of them listed in a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use orrery_archive::ingest::RejectSample;

use super::judge::Dropped;
use super::rows::Reject;
use crate::fault::Fault;

/// Rejects shown in the status.
pub const SAMPLES: usize = 10;
/// Rejects named in the message of a failure.
const NAMED: usize = 3;
/// Longest reason shown in the status, in characters.
const REASON: usize = 500;

/// The first rejects in the order of files and records, whatever the order they come in.
#[derive(Debug, Default)]
pub struct Samples {
    first: Mutex<BTreeMap<(u32, u64), RejectSample>>,
}

impl Samples {
    /// Adds a reject of the source file `file`, called `name`.
    pub fn add(&self, file: u32, name: &str, reject: &Reject) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (file, reject.record);
        let late =
            first.len() >= SAMPLES && first.last_key_value().is_some_and(|(last, _)| *last < key);
        if late {
            return;
        }
        first.insert(
            key,
            RejectSample {
                file: name.to_owned(),
                record: reject.record,
                column: reject.column.clone(),
                reason: reject.reason.chars().take(REASON).collect(),
            },
        );
        if first.len() > SAMPLES {
            first.pop_last();
        }
    }

    /// The samples in order.
    pub fn list(&self) -> Vec<RejectSample> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.values().cloned().collect()
    }

    /// The first ones in words.
    pub fn in_words(&self) -> String {
        let mut words = String::new();
        for sample in self.list().iter().take(NAMED) {
            if !words.is_empty() {
                words.push_str("; ");
            }
            // Writing to a string does not fail.
            let _ = write!(words, "{} record {}", sample.file, sample.record);
            if let Some(column) = &sample.column {
                let _ = write!(words, ", column `{column}`");
            }
            let _ = write!(words, ": {}", sample.reason);
        }
        words
    }
}

/// The list of rejects of one source file, in the order of its records.
#[derive(Debug)]
pub struct RejectWriter {
    path: PathBuf,
    out: Option<BufWriter<File>>,
}

impl RejectWriter {
    /// The list of source file `file`.
    pub fn new(directory: &Path, file: u32) -> Self {
        Self {
            path: part_path(directory, file),
            out: None,
        }
    }

    /// Adds rejects.
    pub fn append(&mut self, rejects: &[Reject]) -> Result<(), Fault> {
        if rejects.is_empty() {
            return Ok(());
        }
        self.write(rejects)
            .map_err(|error| Fault::disk(&self.path, error))
    }

    fn write(&mut self, rejects: &[Reject]) -> io::Result<()> {
        let out = match &mut self.out {
            Some(out) => out,
            none => none.insert(BufWriter::new(File::create(&self.path)?)),
        };
        for reject in rejects {
            let column = reject.column.as_deref().unwrap_or_default();
            writeln!(
                out,
                "{}\t{column}\t{}",
                reject.record,
                one_line(&reject.reason)
            )?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn close(self) -> Result<(), Fault> {
        self.out
            .map_or(Ok(()), |mut out| out.flush())
            .map_err(|error| Fault::disk(&self.path, error))
    }
}

/// Reasons and names stand in tab-separated lines.
fn one_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

fn part_path(directory: &Path, file: u32) -> PathBuf {
    directory.join(format!("rejects-{file:04}"))
}

/// Where the whole list is: lines of file, record, column (may be empty) and reason, separated by
/// tabs.
pub fn list_path(directory: &Path) -> PathBuf {
    directory.join("rejects.tsv")
}

/// Merges the files' lists with the dropped rows (ascending, key column `key`) into the whole list.
pub fn write_list(
    directory: &Path,
    names: &[String],
    dropped: &[Dropped],
    key: &str,
) -> Result<(), Fault> {
    let path = list_path(directory);
    let write = || -> io::Result<()> {
        let mut out = BufWriter::new(File::create(&path)?);
        for (file, name) in (0..).zip(names) {
            let from = dropped.partition_point(|row| row.file < file);
            let until = dropped.partition_point(|row| row.file <= file);
            let rows = dropped.get(from..until).unwrap_or_default();
            merge(
                &mut out,
                &part_path(directory, file),
                &one_line(name),
                rows,
                key,
            )?;
        }
        out.flush()?;
        out.get_ref().sync_all()
    };
    write().map_err(|error| Fault::disk(&path, error))
}

/// The first lines of the whole list, as far as they go into so many bytes; empty when there is no
/// list yet.
pub fn first_lines(directory: &Path, most: usize) -> io::Result<String> {
    let file = match File::open(list_path(directory)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let mut kept = String::new();
    for line in BufReader::new(file).lines() {
        let line = line?;
        if kept.len() + line.len() + 1 > most {
            break;
        }
        kept.push_str(&line);
        kept.push('\n');
    }
    Ok(kept)
}

fn merge(
    out: &mut impl Write,
    part: &Path,
    name: &str,
    rows: &[Dropped],
    key: &str,
) -> io::Result<()> {
    let mut rows = rows.iter().peekable();
    let lines: Box<dyn Iterator<Item = io::Result<String>>> = match File::open(part) {
        Ok(file) => Box::new(BufReader::new(file).lines()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Box::new(std::iter::empty()),
        Err(error) => return Err(error),
    };
    for line in lines {
        let line = line?;
        let record = line
            .split('\t')
            .next()
            .and_then(|record| record.parse::<u64>().ok());
        while let Some(row) = rows.next_if(|row| record.is_some_and(|record| row.record < record)) {
            writeln!(
                out,
                "{name}\t{}\t{key}\t{}",
                row.record,
                one_line(&row.reason)
            )?;
        }
        writeln!(out, "{name}\t{line}")?;
    }
    for row in rows {
        writeln!(
            out,
            "{name}\t{}\t{key}\t{}",
            row.record,
            one_line(&row.reason)
        )?;
    }
    Ok(())
}
