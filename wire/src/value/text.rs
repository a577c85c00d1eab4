//! The text protocol's rows.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use mysql_common::Value;
use mysql_common::io::{BufMutExt, ParseBuf};

use super::error::ValueError;
use super::number::{format_double, format_float};
use crate::codec::Fields;
use crate::column::ColumnDef;

/// Stands for NULL where a cell's length would be.
const NULL_MARK: u8 = 0xFB;
/// From this number of decimals on a DOUBLE has no fixed number of digits.
const NOT_FIXED: u8 = 31;

/// The cells of one text row, as the bytes the server sent; NULL is `None`.
#[derive(Debug, Clone)]
pub struct TextCells<'a>(ParseBuf<'a>);

impl<'a> TextCells<'a> {
    /// Cells of a row packet.
    pub fn new(row: &'a [u8]) -> Self {
        Self(ParseBuf(row))
    }
}

impl<'a> Iterator for TextCells<'a> {
    type Item = Result<Option<&'a [u8]>, ValueError>;

    fn next(&mut self) -> Option<Self::Item> {
        if *self.0.0.first()? == NULL_MARK {
            self.0.checked_skip(1);
            return Some(Ok(None));
        }
        let cell = self.0.lenenc_str("text cell");
        if cell.is_err() {
            self.0 = ParseBuf(&[]);
        }
        Some(
            cell.map(Some)
                .map_err(|_| ValueError::Malformed("cell longer than its row")),
        )
    }
}

/// Appends one cell.
pub fn put_text_cell(out: &mut BytesMut, cell: Option<&[u8]>) {
    match cell {
        None => out.put_u8(NULL_MARK),
        Some(bytes) => out.put_lenenc_str(bytes),
    }
}

/// Appends a row of cells.
pub fn encode_text_row<'c>(out: &mut BytesMut, cells: impl IntoIterator<Item = Option<&'c [u8]>>) {
    for cell in cells {
        put_text_cell(out, cell);
    }
}

/// Appends a value in the form MariaDB prints it for the column.
pub fn put_text_value(out: &mut BytesMut, value: &Value, column: &ColumnDef) {
    let text = match value {
        Value::NULL => return put_text_cell(out, None),
        Value::Bytes(bytes) => return put_text_cell(out, Some(bytes)),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) if column.decimals < NOT_FIXED => {
            fixed(f64::from(*number), column.decimals)
        }
        Value::Float(number) => format_float(*number),
        Value::Double(number) if column.decimals < NOT_FIXED => fixed(*number, column.decimals),
        Value::Double(number) => format_double(*number),
        Value::Date(..) | Value::Time(..) => temporal(value, column),
    };
    put_text_cell(out, Some(text.as_bytes()));
}

/// A number with so many decimals: those of its shortest form when there are no more, then zeros,
/// as MariaDB prints it.
fn fixed(number: f64, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let mut text = number.to_string();
    let given = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    if given > decimals {
        return format!("{number:.decimals$}");
    }
    if given == 0 && decimals > 0 {
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', decimals - given));
    text
}

fn temporal(value: &Value, column: &ColumnDef) -> String {
    use mysql_common::constants::ColumnType::{MYSQL_TYPE_DATE, MYSQL_TYPE_NEWDATE};
    let mut text = String::with_capacity(26);
    let micros = match *value {
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let _ = write!(text, "{year:04}-{month:02}-{day:02}");
            if matches!(column.column_type, MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE) {
                return text;
            }
            let _ = write!(text, " {hour:02}:{minute:02}:{second:02}");
            micros
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let hours = u64::from(days) * 24 + u64::from(hours);
            let sign = if negative { "-" } else { "" };
            let _ = write!(text, "{sign}{hours:02}:{minutes:02}:{seconds:02}");
            micros
        }
        _ => 0,
    };
    let digits = if column.decimals <= 6 {
        usize::from(column.decimals)
    } else {
        6
    };
    if digits > 0 && (column.decimals <= 6 || micros > 0) {
        let fraction = format!("{micros:06}");
        let _ = write!(text, ".{}", fraction.get(..digits).unwrap_or(&fraction));
    }
    text
}
