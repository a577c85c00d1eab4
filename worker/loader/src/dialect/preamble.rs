//! What comes before a file's first row: comments, the header, and records below the header that
//! are no rows.

use super::Dialect;
use super::fields::Fields;
use super::records::Batch;
use crate::fault::Fault;

/// Reads on until the first row is found.
#[derive(Debug)]
pub struct Preamble<'a> {
    dialect: &'a Dialect,
    state: State,
    names: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The header is still to come.
    Header,
    /// So many records that are no rows are still to come.
    Skip(u32),
    /// Rows begin with the record of this number.
    Rows(u64),
}

impl<'a> Preamble<'a> {
    /// Before a file of this dialect.
    pub fn new(dialect: &'a Dialect) -> Self {
        Self {
            dialect,
            state: if dialect.header {
                State::Header
            } else {
                State::Rows(1)
            },
            names: None,
        }
    }

    /// Looks at the next batch of the file; costs nothing once rows have begun.
    pub fn take(&mut self, batch: &Batch) -> Result<(), Fault> {
        if matches!(self.state, State::Rows(_)) {
            return Ok(());
        }
        for (number, record) in batch.records(self.dialect) {
            if self.dialect.is_skipped(record) {
                continue;
            }
            self.state = match self.state {
                State::Header => {
                    self.names = Some(names(record, self.dialect)?);
                    State::after(self.dialect.skip_after_header, number)
                }
                State::Skip(left) => State::after(left - 1, number),
                State::Rows(_) => return Ok(()),
            };
        }
        Ok(())
    }

    /// Number of the first record that may be a row; `None` while it is still to come.
    pub fn first_row(&self) -> Option<u64> {
        match self.state {
            State::Rows(first) => Some(first),
            State::Header | State::Skip(_) => None,
        }
    }

    /// The header's names; `None` when the dialect has no header.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }
}

impl State {
    /// After record `number`, with so many records left that are no rows.
    fn after(left: u32, number: u64) -> Self {
        if left == 0 {
            Self::Rows(number + 1)
        } else {
            Self::Skip(left)
        }
    }
}

/// The names in a header. A name may be spelled like NULL.
fn names(record: &[u8], dialect: &Dialect) -> Result<Vec<String>, Fault> {
    let dialect = Dialect {
        nulls: Vec::new(),
        ..dialect.clone()
    };
    let mut fields = Fields::default();
    fields
        .split(record, &dialect)
        .map_err(|error| Fault::BadFields(format!("the header: {error}")))?;
    let mut scratch = Vec::new();
    (0..fields.len())
        .map(|index| {
            let name = fields
                .value(index, record, &dialect, &mut scratch)
                .ok_or_else(|| {
                    Fault::BadFields(format!("the header: field {} is NULL", index + 1))
                })?;
            Ok(String::from_utf8_lossy(name).trim().to_owned())
        })
        .collect()
}
