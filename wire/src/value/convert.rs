//! From text cells to binary rows: how a prepared statement is answered from results that arrived
//! as text.
//!
//! Every type converts without loss but FLOAT, whose text has only six digits: whoever needs its
//! exact value must fetch it as DOUBLE.

use bytes::{BufMut, BytesMut};
use mysql_common::Value;
use mysql_common::io::BufMutExt;

use super::binary::{Layout, layout_of, put_row_header, put_temporal};
use super::error::ValueError;
use super::text::TextCells;
use crate::column::ColumnDef;

/// Most of a bad cell that an error message repeats, characters.
const SHOWN: usize = 40;

/// Turns text rows of one result into binary rows.
#[derive(Debug)]
pub struct TextToBinary<'a> {
    columns: &'a [ColumnDef],
}

impl<'a> TextToBinary<'a> {
    /// A converter for a result with these columns.
    pub fn new(columns: &'a [ColumnDef]) -> Self {
        Self { columns }
    }

    /// Appends the binary form of a text row packet.
    pub fn convert(&self, row: &[u8], out: &mut BytesMut) -> Result<(), ValueError> {
        let cells = TextCells::new(row).collect::<Result<Vec<_>, _>>()?;
        if cells.len() != self.columns.len() {
            return Err(ValueError::CellCount {
                cells: cells.len(),
                columns: self.columns.len(),
            });
        }
        put_row_header(out, cells.iter().map(Option::is_none));
        for (cell, column) in cells.iter().zip(self.columns) {
            if let Some(text) = cell {
                put_text_cell_as_binary(out, text, column)?;
            }
        }
        Ok(())
    }
}

/// Appends the binary form of one non-NULL text cell.
pub fn put_text_cell_as_binary(
    out: &mut BytesMut,
    text: &[u8],
    column: &ColumnDef,
) -> Result<(), ValueError> {
    let bad = || ValueError::Text {
        text: String::from_utf8_lossy(text).chars().take(SHOWN).collect(),
        type_name: format!("{:?}", column.column_type),
    };
    match layout_of(column.column_type).ok_or_else(bad)? {
        Layout::Null => {}
        Layout::Bytes => out.put_lenenc_str(text),
        Layout::Integer(size) if column.is_unsigned() => {
            let number = parse::<u64>(text).ok_or_else(bad)?;
            out.put_uint_le(number, size);
        }
        Layout::Integer(size) => {
            let number = parse::<i64>(text).ok_or_else(bad)?;
            out.put_int_le(number, size);
        }
        Layout::Float => out.put_f32_le(parse::<f32>(text).ok_or_else(bad)?),
        Layout::Double => out.put_f64_le(parse::<f64>(text).ok_or_else(bad)?),
        Layout::Date => put_temporal(out, &parse_date(text).ok_or_else(bad)?),
        Layout::Time => put_temporal(out, &parse_time(text).ok_or_else(bad)?),
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `YYYY-MM-DD`, then optionally ` hh:mm:ss` and a fraction.
fn parse_date(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let mut parts = date.split('-');
    let (year, month, day) = (
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    );
    if time.is_empty() {
        return parts
            .next()
            .is_none()
            .then_some(Value::Date(year, month, day, 0, 0, 0, 0));
    }
    let (hours, minutes, seconds, micros) = parse_clock(time)?;
    Some(Value::Date(
        year,
        month,
        day,
        u8::try_from(hours).ok()?,
        minutes,
        seconds,
        micros,
    ))
}

/// `[-]h…h:mm:ss` and optionally a fraction.
fn parse_time(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, clock) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (hours, minutes, seconds, micros) = parse_clock(clock)?;
    Some(Value::Time(
        negative,
        hours / 24,
        u8::try_from(hours % 24).ok()?,
        minutes,
        seconds,
        micros,
    ))
}

fn parse_clock(text: &str) -> Option<(u32, u8, u8, u32)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let hours = parts.next()?.parse().ok()?;
    let (minutes, seconds) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if parts.next().is_some() || fraction.len() > 6 {
        return None;
    }
    let micros = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<6}").parse().ok()?
    };
    Some((hours, minutes, seconds, micros))
}
