//! What the columns of a Parquet file hold.

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::{Field, Kind, Wanted};

/// What the bits of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// As the physical type says.
    Plain,
    /// A number of 32 bits for a column of 32 bits.
    Single,
    /// An integer without a sign.
    Unsigned,
    /// An integer over 10^scale.
    Decimal(u32),
    /// Days since 1970.
    Date,
    /// Since midnight; digits of a second.
    Time(u32),
    /// Since 1970; digits of a second.
    Timestamp(u32),
    /// A floating point number of 16 bits.
    Half,
    /// A UUID.
    Uuid,
}

/// A column that holds one value per row.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its place among the file's leaf columns.
    pub index: usize,
    /// What its bits mean.
    pub meaning: Meaning,
    physical: Physical,
}

impl Leaf {
    /// How it is read, where it is.
    pub fn wanted(self, wanted: Wanted) -> Option<Self> {
        let is_single = self.physical == Physical::FLOAT && self.meaning == Meaning::Plain;
        match wanted {
            Wanted::Nothing => None,
            Wanted::Singles if is_single => Some(Self {
                meaning: Meaning::Single,
                ..self
            }),
            Wanted::Values | Wanted::Singles => Some(self),
        }
    }
}

/// The fields of a file, and where each is; fields that hold no single value are nowhere.
pub fn fields(schema: &SchemaDescriptor) -> (Vec<Field>, Vec<Option<Leaf>>) {
    let roots = schema.root_schema().get_fields().iter().enumerate();
    roots
        .map(|(root, declared)| {
            let optional = declared.get_basic_info().repetition() != Repetition::REQUIRED;
            let repeated = declared.get_basic_info().repetition() == Repetition::REPEATED;
            let field = |kind| Field::new(declared.name(), kind, optional);
            if declared.is_group() || repeated {
                let what = "holds a list, a map or a structure, and columns hold one value";
                return (field(Kind::Unreadable(what.into())), None);
            }
            let leaf = (0..schema.num_columns())
                .find(|leaf| schema.get_column_root_idx(*leaf) == root)
                .map(|leaf| (leaf, schema.column(leaf)));
            match leaf.map(|(index, column)| (index, column.physical_type(), kind(&column))) {
                Some((index, physical, Ok((kind, meaning)))) => {
                    let leaf = Leaf {
                        index,
                        meaning,
                        physical,
                    };
                    (field(kind), Some(leaf))
                }
                Some((_, _, Err(why))) => (field(Kind::Unreadable(why)), None),
                None => (field(Kind::Unreadable("has no values".into())), None),
            }
        })
        .unzip()
}

fn kind(column: &ColumnDescriptor) -> Result<(Kind, Meaning), String> {
    let physical = column.physical_type();
    let meaning = meaning(column)?;
    let kind = match (physical, meaning) {
        (Physical::BOOLEAN, Meaning::Plain) => Kind::Boolean,
        (Physical::INT32 | Physical::INT64, Meaning::Plain | Meaning::Unsigned) => Kind::Integer {
            bytes: width(column),
            signed: meaning == Meaning::Plain,
        },
        (Physical::FLOAT, Meaning::Plain) | (Physical::FIXED_LEN_BYTE_ARRAY, Meaning::Half) => {
            Kind::Float
        }
        (Physical::DOUBLE, Meaning::Plain) => Kind::Double,
        (
            Physical::INT32
            | Physical::INT64
            | Physical::BYTE_ARRAY
            | Physical::FIXED_LEN_BYTE_ARRAY,
            Meaning::Decimal(scale),
        ) => Kind::Decimal {
            precision: column.type_precision().unsigned_abs(),
            scale,
        },
        (Physical::INT32, Meaning::Date) => Kind::Date,
        (Physical::INT32 | Physical::INT64, Meaning::Time(digits)) => Kind::Time(digits),
        (Physical::INT64 | Physical::INT96, Meaning::Timestamp(digits)) => Kind::Timestamp(digits),
        (Physical::BYTE_ARRAY, Meaning::Plain) if is_text(column) => Kind::Text { most: None },
        (Physical::BYTE_ARRAY, Meaning::Plain) => Kind::Bytes { most: None },
        (Physical::FIXED_LEN_BYTE_ARRAY, Meaning::Plain) => Kind::Bytes {
            most: Some(column.type_length().unsigned_abs()),
        },
        (Physical::FIXED_LEN_BYTE_ARRAY, Meaning::Uuid) => Kind::Text { most: Some(36) },
        _ => return Err(format!("is a {physical} whose type is not read")),
    };
    Ok((kind, meaning))
}

fn is_text(column: &ColumnDescriptor) -> bool {
    matches!(
        column.logical_type_ref(),
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json)
    ) || matches!(
        column.converted_type(),
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
    )
}

fn width(column: &ColumnDescriptor) -> u8 {
    match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Integer(int)), _) => int.bit_width.unsigned_abs() / 8,
        (None, ConvertedType::INT_8 | ConvertedType::UINT_8) => 1,
        (None, ConvertedType::INT_16 | ConvertedType::UINT_16) => 2,
        _ if column.physical_type() == Physical::INT32 => 4,
        _ => 8,
    }
}

fn meaning(column: &ColumnDescriptor) -> Result<Meaning, String> {
    Ok(match column.logical_type_ref() {
        None => return converted(column),
        Some(LogicalType::Integer(int)) if !int.is_signed => Meaning::Unsigned,
        Some(LogicalType::Decimal(decimal)) => Meaning::Decimal(decimal.scale.unsigned_abs()),
        Some(LogicalType::Date) => Meaning::Date,
        Some(LogicalType::Time(time)) => Meaning::Time(digits(time.unit)),
        Some(LogicalType::Timestamp(time)) => Meaning::Timestamp(digits(time.unit)),
        Some(LogicalType::Float16) => Meaning::Half,
        Some(LogicalType::Uuid) => Meaning::Uuid,
        Some(
            LogicalType::Integer(_)
            | LogicalType::String
            | LogicalType::Enum
            | LogicalType::Json
            | LogicalType::Bson
            | LogicalType::Unknown,
        ) => Meaning::Plain,
        Some(other) => return Err(format!("is of the type {other:?}, which is not read")),
    })
}

/// What files of older writers say.
fn converted(column: &ColumnDescriptor) -> Result<Meaning, String> {
    Ok(match column.converted_type() {
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => Meaning::Unsigned,
        ConvertedType::DECIMAL => Meaning::Decimal(column.type_scale().unsigned_abs()),
        ConvertedType::DATE => Meaning::Date,
        ConvertedType::TIME_MILLIS => Meaning::Time(3),
        ConvertedType::TIME_MICROS => Meaning::Time(6),
        ConvertedType::TIMESTAMP_MILLIS => Meaning::Timestamp(3),
        ConvertedType::TIMESTAMP_MICROS => Meaning::Timestamp(6),
        ConvertedType::INTERVAL => return Err("is an interval, which is not read".into()),
        // Nanoseconds of a day and its number: what wrote times before INT64 did.
        _ if column.physical_type() == Physical::INT96 => Meaning::Timestamp(9),
        _ => Meaning::Plain,
    })
}

fn digits(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::MILLIS => 3,
        TimeUnit::MICROS => 6,
        TimeUnit::NANOS => 9,
    }
}
