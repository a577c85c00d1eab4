//! From records to rows: every field checked, the row in the form it is loaded, its key and its own
//! cell found.
//!
//! Pure: a batch and the plan give rows and rejects.

use std::ops::Range;

use orrery_archive::catalog::hash_chunk;
use orrery_archive::ingest::PositionPolicy;
use orrery_sky::Cell;
use orrery_wire::load_data::NULL;

use super::claim::Claim;
use super::hints::lines_within;
use super::plan::{Cells, FieldMap, Role, Source, TablePlan, key_text};
use crate::dialect::fields::Fields;
use crate::dialect::records::Batch;
use crate::values::{self, shown};

/// A row that is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Record number.
    pub record: u64,
    /// Column to blame.
    pub column: Option<String>,
    /// Why.
    pub reason: String,
}

/// A checked row.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedRow {
    /// Record number.
    pub record: u64,
    /// Its columns in [`ParsedBatch::text`], without line end.
    pub text: Range<usize>,
    /// Its key in [`ParsedBatch::keys`].
    pub key: Option<Range<usize>>,
    /// Longitude and latitude, as stored.
    pub position: Option<(f64, f64)>,
    /// The cell its own position or key hash gives.
    pub cell: Option<Cell>,
    /// The cell that its file says.
    pub claim: Claim,
}

/// The rows of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedBatch {
    /// Part of the file.
    pub part: u32,
    /// Rows.
    pub rows: Vec<ParsedRow>,
    /// Columns of all rows.
    pub text: Vec<u8>,
    /// Keys of all rows.
    pub keys: Vec<u8>,
    /// Records that are no rows.
    pub rejects: Vec<Reject>,
    /// Records seen.
    pub records: u64,
    /// Decompressed bytes seen.
    pub bytes: u64,
}

impl ParsedBatch {
    /// The key of `row`.
    pub fn key(&self, row: &ParsedRow) -> Option<&[u8]> {
        self.keys.get(row.key.clone()?)
    }
}

/// Checks every record of `batch` from the record `first_row` on, but comments and what else is no
/// row.
pub fn parse(plan: &TablePlan, map: &FieldMap, batch: &Batch, first_row: u64) -> ParsedBatch {
    let mut reader = RowReader {
        plan,
        map,
        fields: Fields::default(),
        scratch: Vec::new(),
        columns: Vec::with_capacity(plan.columns.len()),
    };
    let mut parsed = ParsedBatch {
        part: batch.part,
        rows: Vec::with_capacity(batch.ends.len()),
        text: Vec::with_capacity(batch.data.len() + batch.data.len() / 8),
        bytes: batch.data.len() as u64,
        ..ParsedBatch::default()
    };
    for (record, line) in batch.records(&plan.dialect) {
        if record < first_row || plan.dialect.is_skipped(line) {
            continue;
        }
        parsed.records += 1;
        let start = parsed.text.len();
        match reader.read(record, line, &mut parsed) {
            Ok(row) => parsed.rows.push(row),
            Err((column, reason)) => {
                parsed.text.truncate(start);
                parsed.rejects.push(Reject {
                    record,
                    column: column.and_then(|column| Some(plan.columns.get(column)?.name.clone())),
                    reason,
                });
            }
        }
    }
    parsed
}

/// Column to blame, and why.
type Refusal = (Option<usize>, String);

/// The number of a chunk or sub-chunk that a field holds.
fn claimed(name: &str, value: Option<&[u8]>) -> Result<u32, Refusal> {
    let number = value.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
    number.ok_or_else(|| {
        let value = value.map_or_else(|| "NULL".into(), shown);
        (
            None,
            format!("the field {name} holds {value}, which is no chunk"),
        )
    })
}

struct RowReader<'a> {
    plan: &'a TablePlan,
    map: &'a FieldMap,
    fields: Fields,
    scratch: Vec<u8>,
    /// Where each column of the present row lies in the text.
    columns: Vec<Range<usize>>,
}

impl RowReader<'_> {
    fn read(
        &mut self,
        record: u64,
        line: &[u8],
        batch: &mut ParsedBatch,
    ) -> Result<ParsedRow, Refusal> {
        self.fields
            .split(line, &self.plan.dialect)
            .map_err(|error| (None, format!("{error}{}", lines_within(line))))?;
        if self.fields.len() != self.map.fields {
            let counts = wrong_count(self.fields.len(), self.map.fields);
            return Err((None, format!("{counts}{}", lines_within(line))));
        }
        let start = batch.text.len();
        self.write_columns(line, &mut batch.text)?;
        let position = self.position(&batch.text)?;
        let key = self.key(&batch.text)?;
        let cell = self.cell(position, key.as_deref())?;
        let claim = self.claim(line)?;
        let key = key.map(|key| {
            let start = batch.keys.len();
            batch.keys.extend_from_slice(&key);
            start..batch.keys.len()
        });
        Ok(ParsedRow {
            record,
            text: start..batch.text.len(),
            key,
            position,
            cell,
            claim,
        })
    }

    fn claim(&mut self, line: &[u8]) -> Result<Claim, Refusal> {
        let fields = self.map.claimed;
        let mut read = |name: &str, field: Option<usize>| {
            field
                .map(|field| {
                    let dialect = &self.plan.dialect;
                    let scratch = &mut self.scratch;
                    claimed(name, self.fields.value(field, line, dialect, scratch))
                })
                .transpose()
        };
        Ok(Claim {
            chunk: read("chunkId", fields.chunk)?,
            sub_chunk: read("subChunkId", fields.sub_chunk)?,
        })
    }

    fn write_columns(&mut self, line: &[u8], text: &mut Vec<u8>) -> Result<(), Refusal> {
        self.columns.clear();
        let plan = self.plan;
        for (column, (source, checker)) in self.map.sources.iter().zip(&plan.checkers).enumerate() {
            if column > 0 {
                text.push(b'\t');
            }
            let start = text.len();
            match source {
                Source::Default(value) => text.extend_from_slice(value),
                Source::Field(field) => {
                    let value = self
                        .fields
                        .value(*field, line, &plan.dialect, &mut self.scratch);
                    checker
                        .check(value, text)
                        .map_err(|bad| (Some(column), bad.0))?;
                }
            }
            if plan.positions == PositionPolicy::NormalizeLongitude
                && plan
                    .position
                    .is_some_and(|(longitude, _)| longitude == column)
            {
                normalize_longitude(text, start);
            }
            self.columns.push(start..text.len());
        }
        Ok(())
    }

    /// The value of `column` as loaded; `None` is NULL.
    fn loaded<'t>(&self, column: usize, text: &'t [u8]) -> Option<&'t [u8]> {
        let value = text.get(self.columns.get(column)?.clone())?;
        (value != NULL).then_some(value)
    }

    /// The chunk is computed from the value as stored (docs/design/ingest.md#positions); NULL and
    /// coordinates outside the sphere have no chunk.
    fn position(&self, text: &[u8]) -> Result<Option<(f64, f64)>, Refusal> {
        let Some((longitude, latitude)) = self.plan.position else {
            return Ok(None);
        };
        let value = |column| {
            self.loaded(column, text).map(|value| {
                values::parse_double(value)
                    .ok_or_else(|| (Some(column), "is not a number".to_owned()))
            })
        };
        let (lon, lat) = match (value(longitude), value(latitude)) {
            (Some(lon), Some(lat)) => (lon?, lat?),
            (lon, _) if matches!(self.plan.role, Role::Director { .. }) => {
                let missing = if lon.is_none() { longitude } else { latitude };
                return Err((
                    Some(missing),
                    "a row without a position has no chunk".into(),
                ));
            }
            _ => return Ok(None),
        };
        if !(0.0..=360.0).contains(&lon) {
            return Err((
                Some(longitude),
                format!("longitude {lon} is outside 0 to 360"),
            ));
        }
        if !(-90.0..=90.0).contains(&lat) {
            return Err((
                Some(latitude),
                format!("latitude {lat} is outside -90 to 90"),
            ));
        }
        Ok(Some((lon, lat)))
    }

    fn key(&self, text: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(key) = self.plan.key else {
            return Ok(None);
        };
        match self.loaded(key.column, text) {
            Some(value) => match key_text(value, key.text) {
                Some(text) => Ok(Some(text)),
                None => Err((Some(key.column), "a key must be UTF-8 text".into())),
            },
            None if self.plan.role == Role::Child => Ok(None),
            None => Err((Some(key.column), "a director row needs a key".into())),
        }
    }

    fn cell(
        &self,
        position: Option<(f64, f64)>,
        key: Option<&[u8]>,
    ) -> Result<Option<Cell>, Refusal> {
        match &self.plan.cells {
            Cells::Whole => Ok(Some(Cell {
                chunk: 0,
                sub_chunk: 0,
            })),
            Cells::Hash(chunks) => Ok(key.map(|key| Cell {
                chunk: hash_chunk(key, *chunks),
                sub_chunk: 0,
            })),
            Cells::Sphere(grid) => position
                .map(|(lon, lat)| grid.locate(lon, lat))
                .transpose()
                .map_err(|error| (None, error.to_string())),
        }
    }
}

fn wrong_count(found: usize, expected: usize) -> String {
    let what = if found < expected {
        "too few"
    } else {
        "too many"
    };
    format!("{what} fields: {found}, the table's fields are {expected}")
}

/// Brings a longitude outside [0, 360] into [0, 360), in the row itself: the chunk must fit the
/// value as stored.
fn normalize_longitude(text: &mut Vec<u8>, start: usize) {
    let value = text.get(start..).and_then(values::parse_double);
    let Some(value) = value.filter(|lon| lon.is_finite() && !(0.0..=360.0).contains(lon)) else {
        return;
    };
    let turned = value.rem_euclid(360.0);
    // A tiny negative value rounds up to a whole turn.
    let normal = if turned >= 360.0 { 0.0 } else { turned };
    text.truncate(start);
    text.extend_from_slice(normal.to_string().as_bytes());
}
