//! Cuts a decompressed stream into batches of whole records and into parts.
//!
//! Keeps true: batches follow each other without a gap, none crosses a part border, and part
//! borders depend only on the bytes and the dialect: a part ends with the first record that reaches
//! [`PART_BYTES`].

use std::io::{self, Read};

use memchr::{memchr2, memchr3};
use thiserror::Error;

use super::Dialect;

/// Decompressed bytes after which a part ends.
pub const PART_BYTES: u64 = 256 << 20;
/// Longest record.
pub const MAX_RECORD: usize = 16 << 20;
/// Bytes after which a batch ends; large enough that look-ups and channels cost little per row.
const BATCH_BYTES: usize = 512 << 10;
/// Bytes asked from the source at once.
const READ_BYTES: usize = 256 << 10;

/// Why no more records can be cut.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The source failed.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A record has no end within reason.
    #[error(
        "record {0} is longer than {MAX_RECORD} bytes; a quote or an escape may be wrong, or lines do not end with a line feed"
    )]
    TooLong(u64),
    /// The file ends inside quotes.
    #[error("the file ends inside the quoted field of record {0}")]
    OpenQuote(u64),
}

/// Whole records of one part.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Index of the part.
    pub part: u32,
    /// Number of the first record in the file, from 1, the header included.
    pub first_record: u64,
    /// The records with their line endings.
    pub data: Vec<u8>,
    /// Where each record ends in `data`, line ending included.
    pub ends: Vec<usize>,
}

impl Batch {
    /// The records with their numbers, without line endings.
    pub fn records<'a>(&'a self, dialect: &'a Dialect) -> impl Iterator<Item = (u64, &'a [u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        (self.first_record..)
            .zip(starts.zip(&self.ends))
            .map(|(number, (start, &end))| {
                let record = self.data.get(start..end).unwrap_or_default();
                (number, without_line_ending(record, dialect))
            })
    }
}

fn without_line_ending<'a>(record: &'a [u8], dialect: &Dialect) -> &'a [u8] {
    // The last record of a file may lack its newline and still have the carriage return before it.
    let line = record.strip_suffix(b"\n").unwrap_or(record);
    match line.strip_suffix(b"\r") {
        Some(bare) if !ends_escaped(bare, dialect) => bare,
        _ => line,
    }
}

/// Whether the byte after `text` is escaped: an odd number of escapes stands before it.
pub(super) fn ends_escaped(text: &[u8], dialect: &Dialect) -> bool {
    dialect.escape.is_some_and(|escape| {
        text.iter()
            .rev()
            .take_while(|byte| **byte == escape)
            .count()
            % 2
            == 1
    })
}

/// Where a scan stands within a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first byte of a record: a comment, or the first field.
    RecordStart,
    /// In a comment, which ends with its line.
    Comment,
    FieldStart,
    Field,
    EscapedInField,
    Quoted,
    EscapedInQuotes,
    /// After a quote inside quotes: the end of the field, or the first of two.
    QuoteInQuotes,
}

/// Reads batches from `source`.
#[derive(Debug)]
pub struct Records<'a, R> {
    source: R,
    dialect: &'a Dialect,
    part_bytes: u64,
    buffer: Vec<u8>,
    scanned: usize,
    record_start: usize,
    ends: Vec<usize>,
    place: Place,
    at_end: bool,
    next_record: u64,
    part_start: u64,
    position: u64,
    parts: Vec<(u64, u64)>,
}

impl<'a, R: Read> Records<'a, R> {
    /// A reader with parts of `part_bytes` ([`PART_BYTES`] but in tests).
    pub fn new(source: R, dialect: &'a Dialect, part_bytes: u64) -> Self {
        Self {
            source,
            dialect,
            part_bytes,
            buffer: Vec::new(),
            scanned: 0,
            record_start: 0,
            ends: Vec::new(),
            place: Place::RecordStart,
            at_end: false,
            next_record: 1,
            part_start: 0,
            position: 0,
            parts: Vec::new(),
        }
    }

    /// The next batch, `None` at the end of the stream.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, RecordError> {
        loop {
            if self.scan() || (self.at_end && !self.ends.is_empty()) {
                return Ok(Some(self.cut()));
            }
            if self.at_end {
                self.close_part();
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Byte ranges of the parts so far; complete once [`Self::next_batch`] gave `None`.
    pub fn parts(&self) -> &[(u64, u64)] {
        &self.parts
    }

    /// Decompressed bytes handed out.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn record_number(&self) -> u64 {
        self.next_record + self.ends.len() as u64
    }

    fn fill(&mut self) -> Result<(), RecordError> {
        if self.buffer.len() - self.record_start > MAX_RECORD {
            return Err(RecordError::TooLong(self.record_number()));
        }
        let before = self.buffer.len();
        self.buffer.resize(before + READ_BYTES, 0);
        let target = self.buffer.get_mut(before..).unwrap_or_default();
        let read = loop {
            match self.source.read(target) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
        if read? == 0 {
            self.finish()?;
        }
        Ok(())
    }

    /// The last record may lack its newline.
    fn finish(&mut self) -> Result<(), RecordError> {
        if matches!(self.place, Place::Quoted | Place::EscapedInQuotes) {
            return Err(RecordError::OpenQuote(self.record_number()));
        }
        if self.record_start < self.buffer.len() {
            self.end_record(self.buffer.len());
        }
        self.at_end = true;
        Ok(())
    }

    fn end_record(&mut self, end: usize) {
        self.ends.push(end);
        self.record_start = end;
        self.place = Place::RecordStart;
    }

    /// Scans what is buffered; true when a batch is complete.
    fn scan(&mut self) -> bool {
        if self.batch_complete() {
            return true;
        }
        while let Some(end) = self.find_end() {
            self.scanned = end;
            self.end_record(end);
            if self.batch_complete() {
                return true;
            }
        }
        if self.place != Place::RecordStart {
            self.scanned = self.buffer.len();
        }
        false
    }

    fn batch_complete(&self) -> bool {
        let Some(&end) = self.ends.last() else {
            return false;
        };
        end >= BATCH_BYTES || self.position + end as u64 - self.part_start >= self.part_bytes
    }

    /// Position after the next record's newline.
    fn find_end(&mut self) -> Option<usize> {
        let dialect = self.dialect;
        let escape = dialect.escape.unwrap_or(b'\n');
        let mut at = self.scanned;
        while let Some(&byte) = self.buffer.get(at) {
            let rest = self.buffer.get(at..).unwrap_or_default();
            match self.place {
                Place::RecordStart => {
                    self.place = if dialect.is_comment(rest) {
                        Place::Comment
                    } else if rest.len() < dialect.comment.len()
                        && dialect.comment.starts_with(rest)
                    {
                        // Only the next read shows it.
                        self.scanned = at;
                        return None;
                    } else {
                        Place::FieldStart
                    };
                    continue;
                }
                Place::Comment => {
                    at += memchr::memchr(b'\n', rest)?;
                    return Some(at + 1);
                }
                Place::EscapedInField => self.place = Place::Field,
                Place::EscapedInQuotes => self.place = Place::Quoted,
                // A quote opens a field at its start; directly after a closing one it is the second
                // of two.
                Place::FieldStart | Place::QuoteInQuotes if Some(byte) == dialect.quote => {
                    self.place = Place::Quoted;
                }
                Place::FieldStart if dialect.is_trimmed(byte) => {}
                Place::FieldStart | Place::Field | Place::QuoteInQuotes => {
                    self.place = Place::Field;
                    let found = match dialect.quote {
                        Some(_) => memchr3(b'\n', escape, dialect.delimiter, rest),
                        None => memchr2(b'\n', escape, rest),
                    }?;
                    at += found;
                    match self.buffer.get(at) {
                        Some(b'\n') => return Some(at + 1),
                        Some(found) if *found == escape => self.place = Place::EscapedInField,
                        _ => self.place = Place::FieldStart,
                    }
                }
                Place::Quoted => {
                    let quote = dialect.quote.unwrap_or(b'\n');
                    let found = match dialect.escape {
                        Some(escape) => memchr2(quote, escape, rest),
                        None => memchr::memchr(quote, rest),
                    }?;
                    at += found;
                    self.place = if self.buffer.get(at) == Some(&quote) {
                        Place::QuoteInQuotes
                    } else {
                        Place::EscapedInQuotes
                    };
                }
            }
            at += 1;
        }
        None
    }

    /// Takes the complete records out of the buffer.
    fn cut(&mut self) -> Batch {
        let length = self.ends.last().copied().unwrap_or(0);
        let (_, tail) = self.buffer.split_at(length);
        let mut rest = Vec::with_capacity(BATCH_BYTES + READ_BYTES);
        rest.extend_from_slice(tail);
        self.buffer.truncate(length);
        let batch = Batch {
            part: self.parts.len() as u32,
            first_record: self.next_record,
            data: std::mem::replace(&mut self.buffer, rest),
            ends: std::mem::take(&mut self.ends),
        };
        self.next_record += batch.ends.len() as u64;
        self.position += length as u64;
        self.scanned -= length;
        self.record_start = 0;
        if self.position - self.part_start >= self.part_bytes {
            self.close_part();
        }
        batch
    }

    fn close_part(&mut self) {
        if self.position > self.part_start {
            self.parts.push((self.part_start, self.position));
            self.part_start = self.position;
        }
    }
}
