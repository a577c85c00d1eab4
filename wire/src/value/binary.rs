//! The binary protocol's rows and values.

use bytes::{BufMut, BytesMut};
use mysql_common::Value;
use mysql_common::constants::ColumnType;
use mysql_common::io::{BufMutExt, ParseBuf};
use mysql_common::proto::MySerialize;

use super::error::ValueError;
use crate::codec::Fields;
use crate::column::ColumnDef;
use crate::error::WireError;

/// The null bitmap of a row starts two bits late.
const ROW_BITMAP_OFFSET: usize = 2;

/// How the binary protocol stores a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A little-endian integer of this many bytes.
    Integer(usize),
    Float,
    Double,
    Date,
    Time,
    /// A length-encoded string.
    Bytes,
    Null,
}

/// The layout of a type; `None` for types that never travel.
pub(crate) fn layout_of(column_type: ColumnType) -> Option<Layout> {
    use ColumnType as T;
    Some(match column_type {
        T::MYSQL_TYPE_TINY => Layout::Integer(1),
        T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR => Layout::Integer(2),
        T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_INT24 => Layout::Integer(4),
        T::MYSQL_TYPE_LONGLONG => Layout::Integer(8),
        T::MYSQL_TYPE_FLOAT => Layout::Float,
        T::MYSQL_TYPE_DOUBLE => Layout::Double,
        T::MYSQL_TYPE_DATE
        | T::MYSQL_TYPE_NEWDATE
        | T::MYSQL_TYPE_DATETIME
        | T::MYSQL_TYPE_TIMESTAMP => Layout::Date,
        T::MYSQL_TYPE_TIME => Layout::Time,
        T::MYSQL_TYPE_NULL => Layout::Null,
        T::MYSQL_TYPE_TIMESTAMP2
        | T::MYSQL_TYPE_DATETIME2
        | T::MYSQL_TYPE_TIME2
        | T::MYSQL_TYPE_TYPED_ARRAY
        | T::MYSQL_TYPE_UNKNOWN => return None,
        _ => Layout::Bytes,
    })
}

/// The cells of one binary row.
#[derive(Debug, Clone)]
pub struct BinaryCells<'a> {
    columns: std::slice::Iter<'a, ColumnDef>,
    bitmap: &'a [u8],
    index: usize,
    buf: ParseBuf<'a>,
}

impl<'a> BinaryCells<'a> {
    /// Cells of a row packet with these columns.
    pub fn new(row: &'a [u8], columns: &'a [ColumnDef]) -> Result<Self, ValueError> {
        const WHAT: ValueError = ValueError::Malformed("binary row shorter than its null bitmap");
        let mut buf = ParseBuf(row);
        if buf.checked_eat_u8() != Some(0) {
            return Err(ValueError::Malformed("binary row does not start with 0"));
        }
        let bitmap = buf
            .checked_eat((columns.len() + ROW_BITMAP_OFFSET).div_ceil(8))
            .ok_or(WHAT)?;
        Ok(Self {
            columns: columns.iter(),
            bitmap,
            index: 0,
            buf,
        })
    }
}

impl Iterator for BinaryCells<'_> {
    type Item = Result<Value, ValueError>;

    fn next(&mut self) -> Option<Self::Item> {
        let column = self.columns.next()?;
        let is_null = bit(self.bitmap, self.index + ROW_BITMAP_OFFSET);
        self.index += 1;
        if is_null {
            return Some(Ok(Value::NULL));
        }
        let value = take_binary_value(&mut self.buf, column.column_type, column.is_unsigned());
        Some(value.map_err(|_| ValueError::Malformed("cell longer than its row")))
    }
}

/// Appends a whole row; one value per column.
pub fn encode_binary_row(
    out: &mut BytesMut,
    values: &[Value],
    columns: &[ColumnDef],
) -> Result<(), ValueError> {
    if values.len() != columns.len() {
        return Err(ValueError::CellCount {
            cells: values.len(),
            columns: columns.len(),
        });
    }
    put_row_header(out, values.iter().map(|value| *value == Value::NULL));
    for (value, column) in values.iter().zip(columns) {
        put_binary_value(out, value, column.column_type)?;
    }
    Ok(())
}

/// Appends the mark of a row and its null bitmap.
pub(crate) fn put_row_header(out: &mut BytesMut, nulls: impl ExactSizeIterator<Item = bool>) {
    out.put_u8(0);
    put_bitmap(out, nulls, ROW_BITMAP_OFFSET);
}

/// Appends a null bitmap whose first `offset` bits are unused.
pub(crate) fn put_bitmap(
    out: &mut BytesMut,
    nulls: impl ExactSizeIterator<Item = bool>,
    offset: usize,
) {
    let start = out.len();
    out.put_bytes(0, (nulls.len() + offset).div_ceil(8));
    for (index, is_null) in nulls.enumerate() {
        let position = index + offset;
        if let (true, Some(byte)) = (is_null, out.get_mut(start + position / 8)) {
            *byte |= 1 << (position % 8);
        }
    }
}

/// Bit `position` of a bitmap; bits beyond its end are 0.
pub(crate) fn bit(bitmap: &[u8], position: usize) -> bool {
    bitmap
        .get(position / 8)
        .is_some_and(|byte| byte & (1 << (position % 8)) != 0)
}

/// Appends one value as the column's type wants it. NULL appends nothing: it lives in the bitmap.
pub fn put_binary_value(
    out: &mut BytesMut,
    value: &Value,
    column_type: ColumnType,
) -> Result<(), ValueError> {
    let misfit = |kind| ValueError::Kind {
        kind,
        type_name: format!("{column_type:?}"),
    };
    let layout = layout_of(column_type).ok_or_else(|| misfit("any"))?;
    match (value, layout) {
        (Value::NULL, _) | (_, Layout::Null) => {}
        (Value::Int(number), Layout::Integer(size)) => out.put_int_le(*number, size),
        (Value::UInt(number), Layout::Integer(size)) => out.put_uint_le(*number, size),
        (Value::Float(number), Layout::Float) => out.put_f32_le(*number),
        (Value::Float(number), Layout::Double) => out.put_f64_le(f64::from(*number)),
        (Value::Double(number), Layout::Double) => out.put_f64_le(*number),
        (Value::Double(number), Layout::Float) => out.put_f32_le(*number as f32),
        (Value::Date(..), Layout::Date) | (Value::Time(..), Layout::Time) => {
            put_temporal(out, value);
        }
        (Value::Bytes(bytes), Layout::Bytes) => out.put_lenenc_str(bytes),
        (Value::Bytes(_), _) => return Err(misfit("string")),
        (Value::Int(_) | Value::UInt(_), _) => return Err(misfit("integer")),
        (Value::Float(_) | Value::Double(_), _) => return Err(misfit("floating point")),
        (Value::Date(..), _) => return Err(misfit("date")),
        (Value::Time(..), _) => return Err(misfit("time")),
    }
    Ok(())
}

/// `mysql_common` encodes dates and times exactly as the protocol wants them (length 0, 4, 7, 8, 11
/// or 12).
pub(crate) fn put_temporal(out: &mut BytesMut, value: &Value) {
    let mut encoded = Vec::with_capacity(13);
    value.serialize(&mut encoded);
    out.put_slice(&encoded);
}

/// Takes one value of a type off the front of a buffer.
pub(crate) fn take_binary_value(
    buf: &mut ParseBuf<'_>,
    column_type: ColumnType,
    unsigned: bool,
) -> Result<Value, WireError> {
    const WHAT: &str = "binary value";
    let layout = layout_of(column_type).ok_or(WireError::Malformed("type that never travels"))?;
    Ok(match layout {
        Layout::Null => Value::NULL,
        Layout::Integer(size) => take_integer(buf.bytes_field(size, WHAT)?, unsigned),
        Layout::Float => Value::Float(buf.checked_eat_f32_le().ok_or(WireError::Malformed(WHAT))?),
        Layout::Double => {
            Value::Double(buf.checked_eat_f64_le().ok_or(WireError::Malformed(WHAT))?)
        }
        Layout::Date => take_date(buf)?,
        Layout::Time => take_time(buf)?,
        Layout::Bytes => Value::Bytes(buf.lenenc_str(WHAT)?.to_vec()),
    })
}

fn take_integer(bytes: &[u8], unsigned: bool) -> Value {
    let raw = bytes
        .iter()
        .rev()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if unsigned {
        return Value::UInt(raw);
    }
    let unused_bits = 64 - 8 * bytes.len() as u32;
    Value::Int((raw << unused_bits) as i64 >> unused_bits)
}

fn take_date(buf: &mut ParseBuf<'_>) -> Result<Value, WireError> {
    const WHAT: &str = "binary date";
    let length = buf.u8_field(WHAT)?;
    let mut part = ParseBuf(buf.bytes_field(usize::from(length), WHAT)?);
    let (mut year, mut month, mut day) = (0, 0, 0);
    let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
    if length >= 4 {
        (year, month, day) = (
            part.u16_field(WHAT)?,
            part.u8_field(WHAT)?,
            part.u8_field(WHAT)?,
        );
    }
    if length >= 7 {
        (hour, minute, second) = (
            part.u8_field(WHAT)?,
            part.u8_field(WHAT)?,
            part.u8_field(WHAT)?,
        );
    }
    if length >= 11 {
        micros = part.u32_field(WHAT)?;
    }
    Ok(Value::Date(year, month, day, hour, minute, second, micros))
}

fn take_time(buf: &mut ParseBuf<'_>) -> Result<Value, WireError> {
    const WHAT: &str = "binary time";
    let length = buf.u8_field(WHAT)?;
    let mut part = ParseBuf(buf.bytes_field(usize::from(length), WHAT)?);
    if length < 8 {
        return Ok(Value::Time(false, 0, 0, 0, 0, 0));
    }
    let negative = part.u8_field(WHAT)? != 0;
    let days = part.u32_field(WHAT)?;
    let (hours, minutes, seconds) = (
        part.u8_field(WHAT)?,
        part.u8_field(WHAT)?,
        part.u8_field(WHAT)?,
    );
    let micros = if length >= 12 {
        part.u32_field(WHAT)?
    } else {
        0
    };
    Ok(Value::Time(negative, days, hours, minutes, seconds, micros))
}
