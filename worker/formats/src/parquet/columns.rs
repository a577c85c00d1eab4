//! The values of one column in one row group.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{
    AsBytes, BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;

use super::schema::{Leaf, Meaning};
use crate::{FormatError, calendar, text};

/// A column being read.
pub struct Column {
    meaning: Meaning,
    values: Values,
}

enum Values {
    Boolean(Buffer<BoolType>),
    Int32(Buffer<Int32Type>),
    Int64(Buffer<Int64Type>),
    Int96(Buffer<Int96Type>),
    Float(Buffer<FloatType>),
    Double(Buffer<DoubleType>),
    Bytes(Buffer<ByteArrayType>),
    Fixed(Buffer<FixedLenByteArrayType>),
}

impl Column {
    /// The column `leaf` of a row group.
    pub fn open(group: &dyn RowGroupReader, leaf: &Leaf) -> Result<Self> {
        let levels = group
            .metadata()
            .column(leaf.index)
            .column_descr()
            .max_def_level();
        let values = match group.get_column_reader(leaf.index)? {
            ColumnReader::BoolColumnReader(reader) => Values::Boolean(Buffer::new(reader, levels)),
            ColumnReader::Int32ColumnReader(reader) => Values::Int32(Buffer::new(reader, levels)),
            ColumnReader::Int64ColumnReader(reader) => Values::Int64(Buffer::new(reader, levels)),
            ColumnReader::Int96ColumnReader(reader) => Values::Int96(Buffer::new(reader, levels)),
            ColumnReader::FloatColumnReader(reader) => Values::Float(Buffer::new(reader, levels)),
            ColumnReader::DoubleColumnReader(reader) => Values::Double(Buffer::new(reader, levels)),
            ColumnReader::ByteArrayColumnReader(reader) => {
                Values::Bytes(Buffer::new(reader, levels))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                Values::Fixed(Buffer::new(reader, levels))
            }
        };
        Ok(Self {
            meaning: leaf.meaning,
            values,
        })
    }

    /// Decodes the next `rows` rows.
    pub fn fill(&mut self, rows: usize) -> Result<()> {
        match &mut self.values {
            Values::Boolean(buffer) => buffer.fill(rows),
            Values::Int32(buffer) => buffer.fill(rows),
            Values::Int64(buffer) => buffer.fill(rows),
            Values::Int96(buffer) => buffer.fill(rows),
            Values::Float(buffer) => buffer.fill(rows),
            Values::Double(buffer) => buffer.fill(rows),
            Values::Bytes(buffer) => buffer.fill(rows),
            Values::Fixed(buffer) => buffer.fill(rows),
        }
    }

    /// Appends the value of the next row.
    pub fn write_next(&mut self, out: &mut Vec<u8>) -> std::result::Result<(), FormatError> {
        let meaning = self.meaning;
        let written = match &mut self.values {
            Values::Boolean(buffer) => buffer.next()?.map(|value| text::boolean(*value, out)),
            Values::Int32(buffer) => buffer.next()?.map(|value| match meaning {
                Meaning::Unsigned => text::integer(*value as u32, out),
                _ => write_integer(i64::from(*value), meaning, out),
            }),
            Values::Int64(buffer) => buffer.next()?.map(|value| match meaning {
                Meaning::Unsigned => text::integer(*value as u64, out),
                _ => write_integer(*value, meaning, out),
            }),
            Values::Int96(buffer) => match buffer.next()? {
                Some(value) => Some(write_int96(value, out)?),
                None => None,
            },
            Values::Float(buffer) => {
                let value = buffer.next()?;
                value.map(|value| match meaning {
                    Meaning::Single => text::single(*value, out),
                    _ => text::double(f64::from(*value), out),
                })
            }
            Values::Double(buffer) => buffer.next()?.map(|value| text::double(*value, out)),
            Values::Bytes(buffer) => {
                let value = buffer.next()?;
                value.map(|value| write_bytes(value.as_bytes(), meaning, out))
            }
            Values::Fixed(buffer) => {
                let value = buffer.next()?;
                value.map(|value| write_bytes(value.as_bytes(), meaning, out))
            }
        };
        if written.is_none() {
            out.extend_from_slice(text::NULL);
        }
        Ok(())
    }
}

/// Rows of one column, decoded.
struct Buffer<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// Level of a value that is not NULL; 0 when none is.
    present: i16,
    levels: Vec<i16>,
    values: Vec<T::T>,
    next_row: usize,
    next_value: usize,
}

impl<T: DataType> Buffer<T> {
    fn new(reader: ColumnReaderImpl<T>, present: i16) -> Self {
        Self {
            reader,
            present,
            levels: Vec::new(),
            values: Vec::new(),
            next_row: 0,
            next_value: 0,
        }
    }

    fn fill(&mut self, rows: usize) -> Result<()> {
        self.levels.clear();
        self.values.clear();
        (self.next_row, self.next_value) = (0, 0);
        let mut filled = 0;
        while filled < rows {
            let levels = (self.present > 0).then_some(&mut self.levels);
            let (records, ..) =
                self.reader
                    .read_records(rows - filled, levels, None, &mut self.values)?;
            if records == 0 {
                return Err(ParquetError::EOF(format!(
                    "a column ends {} rows before its row group does",
                    rows - filled
                )));
            }
            filled += records;
        }
        Ok(())
    }

    /// The value of the next row; `None` is NULL.
    fn next(&mut self) -> std::result::Result<Option<&T::T>, FormatError> {
        let level = self.levels.get(self.next_row);
        self.next_row += 1;
        if level.is_some_and(|level| *level < self.present) {
            return Ok(None);
        }
        let value = self.values.get(self.next_value);
        self.next_value += 1;
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(FormatError::Broken(
                "is no sound Parquet file: a column has fewer values than rows".into(),
            )),
        }
    }
}

fn write_integer(value: i64, meaning: Meaning, out: &mut Vec<u8>) {
    match meaning {
        Meaning::Decimal(scale) => text::decimal(i128::from(value), scale, out),
        Meaning::Date => calendar::date(value, out),
        Meaning::Time(digits) => calendar::time(value, digits, out),
        Meaning::Timestamp(digits) => calendar::timestamp(value, digits, out),
        Meaning::Plain | Meaning::Single | Meaning::Unsigned | Meaning::Half | Meaning::Uuid => {
            text::integer(value, out);
        }
    }
}

/// Nanoseconds of a day, and the day's Julian number.
fn write_int96(value: &Int96, out: &mut Vec<u8>) -> std::result::Result<(), FormatError> {
    const JULIAN_DAY_OF_1970: i64 = 2_440_588;
    const NANOS_OF_DAY: i64 = 86_400_000_000_000;
    let [low, high, day] = value.data() else {
        return Err(FormatError::Broken("a time of 96 bits has others".into()));
    };
    let nanos = ((u64::from(*high) << 32) | u64::from(*low)) as i64;
    let days = i64::from(*day) - JULIAN_DAY_OF_1970 + nanos.div_euclid(NANOS_OF_DAY);
    calendar::date(days, out);
    out.push(b' ');
    calendar::time(nanos.rem_euclid(NANOS_OF_DAY), 9, out);
    Ok(())
}

fn write_bytes(value: &[u8], meaning: Meaning, out: &mut Vec<u8>) {
    match meaning {
        Meaning::Decimal(scale) => text::big_decimal(value, scale, out),
        Meaning::Half => text::double(half(value), out),
        Meaning::Uuid => {
            for (index, byte) in value.iter().enumerate() {
                if matches!(index, 4 | 6 | 8 | 10) {
                    out.push(b'-');
                }
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
        }
        _ => text::bytes(value, out),
    }
}

/// A floating point number of 16 bits, little-endian.
fn half(value: &[u8]) -> f64 {
    let bits = value
        .iter()
        .rev()
        .fold(0_u16, |bits, byte| (bits << 8) | u16::from(*byte));
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}
