//! From rows as a server sent them to rows as the statement's metadata says.
//!
//! Most rows pass untouched. They are converted cell by cell where joining statements or merging
//! has changed a column: ZEROFILL columns are padded, numbers with a fixed count of decimals
//! printed so, and in the binary protocol a value is written in the width of the column. So are
//! computed DECIMALs: MariaDB gives a remainder or a quotient that is zero the sign of its dividend
//! (`-0.000`), and takes it away where it stores the value; here zero has no sign, however the
//! statement was computed.

use bytes::BytesMut;
use orrery_wire::value::{
    BinaryCells, TextCells, ValueError, encode_binary_row, put_text_cell, put_text_value,
};
use orrery_wire::{ColumnDef, ColumnFlags, ColumnType, Format, Value};
use thiserror::Error;

/// Number of decimals from which on a floating point column has no fixed number of them.
const NOT_FIXED: u8 = 31;

/// Why rows cannot be encoded.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The result has other columns than the metadata.
    #[error("the result has {given} columns where {wanted} were expected")]
    Columns {
        /// Columns of the result.
        given: usize,
        /// Columns of the metadata.
        wanted: usize,
    },
    /// A cell cannot be converted.
    #[error("a value cannot be converted: {0}")]
    Value(#[from] ValueError),
}

/// Converts rows with some columns into rows with others.
pub struct Encoder<'a> {
    from: &'a [ColumnDef],
    to: &'a [ColumnDef],
    format: Format,
    is_raw: bool,
    values: Vec<Value>,
}

impl<'a> Encoder<'a> {
    /// An encoder for rows of a protocol.
    pub fn new(
        from: &'a [ColumnDef],
        to: &'a [ColumnDef],
        format: Format,
    ) -> Result<Self, EncodeError> {
        if from.len() != to.len() {
            return Err(EncodeError::Columns {
                given: from.len(),
                wanted: to.len(),
            });
        }
        let same = |(from, to): (&ColumnDef, &ColumnDef)| match format {
            Format::Text => TextCell::of(from, to) == TextCell::Same,
            Format::Binary => {
                from.column_type == to.column_type
                    && from.is_unsigned() == to.is_unsigned()
                    && !is_computed_decimal(to)
            }
        };
        let is_raw = from.iter().zip(to).all(same);
        Ok(Self {
            from,
            to,
            format,
            is_raw,
            values: Vec::new(),
        })
    }

    /// Whether rows pass untouched.
    pub fn is_raw(&self) -> bool {
        self.is_raw
    }

    /// Appends a row.
    pub fn encode(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), EncodeError> {
        if self.is_raw {
            out.extend_from_slice(row);
            return Ok(());
        }
        match self.format {
            Format::Text => self.encode_text(row, out),
            Format::Binary => self.encode_binary(row, out),
        }
    }

    fn encode_text(&self, row: &[u8], out: &mut BytesMut) -> Result<(), EncodeError> {
        for (cell, (from, to)) in TextCells::new(row).zip(self.from.iter().zip(self.to)) {
            match cell? {
                None => put_text_cell(out, None),
                Some(cell) => TextCell::of(from, to).put(cell, to, out),
            }
        }
        Ok(())
    }

    fn encode_binary(&mut self, row: &[u8], out: &mut BytesMut) -> Result<(), EncodeError> {
        self.values.clear();
        for (value, to) in BinaryCells::new(row, self.from)?.zip(self.to) {
            self.values.push(converted(value?, to));
        }
        Ok(encode_binary_row(out, &self.values, self.to)?)
    }
}

/// What happens to a text cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextCell {
    Same,
    Padded(usize),
    Fixed,
    Decimal,
}

impl TextCell {
    fn of(from: &ColumnDef, to: &ColumnDef) -> Self {
        let is_zerofill = |column: &ColumnDef| column.flags.contains(ColumnFlags::ZEROFILL_FLAG);
        if is_zerofill(to) && !is_zerofill(from) {
            return Self::Padded(to.length as usize);
        }
        if is_floating(to) && to.decimals < NOT_FIXED && from.decimals != to.decimals {
            return Self::Fixed;
        }
        if is_computed_decimal(to) {
            return Self::Decimal;
        }
        Self::Same
    }

    fn put(self, cell: &[u8], to: &ColumnDef, out: &mut BytesMut) {
        match self {
            Self::Same => put_text_cell(out, Some(cell)),
            Self::Padded(width) => {
                let padded = format!("{:0>width$}", String::from_utf8_lossy(cell));
                put_text_cell(out, Some(padded.as_bytes()));
            }
            Self::Fixed => match number(cell) {
                Some(number) => put_text_value(out, &Value::Double(number), to),
                None => put_text_cell(out, Some(cell)),
            },
            Self::Decimal => put_text_cell(out, Some(without_sign_of_zero(cell))),
        }
    }
}

/// Whether a column's values may be zeros with a sign: no table holds one.
fn is_computed_decimal(column: &ColumnDef) -> bool {
    column.column_type == ColumnType::MYSQL_TYPE_NEWDECIMAL && column.org_table.is_empty()
}

/// The text of a DECIMAL, zero without a sign.
fn without_sign_of_zero(text: &[u8]) -> &[u8] {
    match text {
        [b'-', number @ ..] if number.iter().all(|digit| matches!(digit, b'0' | b'.')) => number,
        _ => text,
    }
}

fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn is_floating(column: &ColumnDef) -> bool {
    matches!(
        column.column_type,
        ColumnType::MYSQL_TYPE_DOUBLE | ColumnType::MYSQL_TYPE_FLOAT
    )
}

fn is_integer(column: &ColumnDef) -> bool {
    use ColumnType as T;
    matches!(
        column.column_type,
        T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG
            | T::MYSQL_TYPE_YEAR
    )
}

/// A value in the form the binary protocol wants for a column; one that has no such form is left as
/// it is, for the encoder to refuse.
fn converted(value: Value, to: &ColumnDef) -> Value {
    match value {
        Value::Bytes(text) if is_integer(to) => integer(&text).unwrap_or(Value::Bytes(text)),
        Value::Bytes(text) if is_floating(to) => {
            number(&text).map_or(Value::Bytes(text), Value::Double)
        }
        Value::Int(number) if is_floating(to) => Value::Double(number as f64),
        Value::UInt(number) if is_floating(to) => Value::Double(number as f64),
        Value::Int(_) | Value::UInt(_) if is_integer(to) => value,
        Value::Int(number) => Value::Bytes(number.to_string().into_bytes()),
        Value::UInt(number) => Value::Bytes(number.to_string().into_bytes()),
        Value::Bytes(text) if is_computed_decimal(to) => {
            Value::Bytes(without_sign_of_zero(&text).to_vec())
        }
        other => other,
    }
}

/// An integer from its text.
fn integer(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse()
        .map(Value::Int)
        .or_else(|_| text.parse().map(Value::UInt))
        .ok()
}

/// Appends a row of values that this process has computed.
pub fn put_row(
    values: Vec<Value>,
    columns: &[ColumnDef],
    format: Format,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    match format {
        Format::Text => {
            for (value, column) in values.iter().zip(columns) {
                put_text_value(out, value, column);
            }
        }
        Format::Binary => {
            let values: Vec<Value> = values
                .into_iter()
                .zip(columns)
                .map(|(value, column)| converted(value, column))
                .collect();
            encode_binary_row(out, &values, columns)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use orrery_wire::value::encode_text_row;

    use super::*;

    fn text_row(cells: &[Option<&str>]) -> BytesMut {
        let mut row = BytesMut::new();
        encode_text_row(&mut row, cells.iter().map(|cell| cell.map(str::as_bytes)));
        row
    }

    fn column(column_type: ColumnType) -> ColumnDef {
        ColumnDef::expression("c", column_type, 10)
    }

    fn double(decimals: u8) -> ColumnDef {
        ColumnDef {
            decimals,
            ..column(ColumnType::MYSQL_TYPE_DOUBLE)
        }
    }

    #[test]
    fn equal_columns_pass_untouched_whatever_they_are_called() {
        let from = [ColumnDef {
            org_table: "Object_17__3".into(),
            ..double(31)
        }];
        let to = [double(31)];
        let encoder = Encoder::new(&from, &to, Format::Text).unwrap();
        assert!(encoder.is_raw());
    }

    #[test]
    fn what_joining_statements_takes_away_is_given_back() {
        let mut zerofill = ColumnDef {
            length: 5,
            ..column(ColumnType::MYSQL_TYPE_LONG)
        };
        zerofill.flags = ColumnFlags::ZEROFILL_FLAG | ColumnFlags::UNSIGNED_FLAG;
        let from = [column(ColumnType::MYSQL_TYPE_LONG), double(31)];
        let to = [zerofill, double(2)];
        let mut encoder = Encoder::new(&from, &to, Format::Text).unwrap();
        let mut out = BytesMut::new();
        encoder
            .encode(&text_row(&[Some("42"), Some("1.5")]), &mut out)
            .unwrap();
        encoder
            .encode(&text_row(&[None, Some("2")]), &mut out)
            .unwrap();
        let mut expected = text_row(&[Some("00042"), Some("1.50")]);
        expected.extend_from_slice(&text_row(&[None, Some("2.00")]));
        assert_eq!(out, expected);
    }

    #[test]
    fn zero_has_no_sign_in_a_computed_decimal() {
        let computed = [column(ColumnType::MYSQL_TYPE_NEWDECIMAL)];
        let stored = [ColumnDef {
            org_table: "Source".into(),
            ..column(ColumnType::MYSQL_TYPE_NEWDECIMAL)
        }];
        for (from, to) in [("-0.000", "0.000"), ("-0.010", "-0.010"), ("0.0", "0.0")] {
            let bytes = |text: &str| [Value::Bytes(text.into())];
            let mut out = BytesMut::new();
            let mut encoder = Encoder::new(&stored, &computed, Format::Text).unwrap();
            encoder.encode(&text_row(&[Some(from)]), &mut out).unwrap();
            assert_eq!(out, text_row(&[Some(to)]));
            let (mut row, mut expected) = (BytesMut::new(), BytesMut::new());
            encode_binary_row(&mut row, &bytes(from), &computed).unwrap();
            encode_binary_row(&mut expected, &bytes(to), &computed).unwrap();
            out.clear();
            let mut encoder = Encoder::new(&computed, &computed, Format::Binary).unwrap();
            encoder.encode(&row, &mut out).unwrap();
            assert_eq!(out, expected);
        }
        let encoder = Encoder::new(&stored, &stored, Format::Text).unwrap();
        assert!(encoder.is_raw(), "rows of a table pass untouched");
    }

    #[test]
    fn binary_values_are_written_in_the_width_of_the_column() {
        let from = [
            column(ColumnType::MYSQL_TYPE_LONGLONG),
            column(ColumnType::MYSQL_TYPE_NEWDECIMAL),
        ];
        let to = [
            column(ColumnType::MYSQL_TYPE_LONG),
            column(ColumnType::MYSQL_TYPE_LONGLONG),
        ];
        let mut row = BytesMut::new();
        encode_binary_row(
            &mut row,
            &[Value::Int(-7), Value::Bytes(b"12".to_vec())],
            &from,
        )
        .unwrap();
        let mut out = BytesMut::new();
        Encoder::new(&from, &to, Format::Binary)
            .unwrap()
            .encode(&row, &mut out)
            .unwrap();
        let mut expected = BytesMut::new();
        encode_binary_row(&mut expected, &[Value::Int(-7), Value::Int(12)], &to).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_result_with_other_columns_is_refused() {
        assert!(Encoder::new(&[double(31)], &[], Format::Text).is_err());
    }
}
