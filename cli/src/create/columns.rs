//! The column of a field. Pure.

use orrery_archive::table::Column;
use orrery_formats::{Field, Kind};

use super::guess::Guess;

/// Longest text that stands in its row; longer ones, and those without a length, are TEXT.
const MOST_IN_ROW: u32 = 255;

/// The column of `field`; `None` when no column can hold its values, or may have its name.
pub fn column(field: &Field, role: Role) -> Option<Column> {
    let name = field.name.trim();
    let taken = ["chunkid", "subchunkid"].contains(&name.to_ascii_lowercase().as_str());
    if name.is_empty() || name != field.name || name.chars().count() > 64 || taken {
        return None;
    }
    let sql_type = match role {
        Role::Position => "DOUBLE".to_owned(),
        Role::Key | Role::Plain => sql_type(&field.kind, role)?,
    };
    let text = sql_type.starts_with("VARCHAR") && role == Role::Key;
    Some(Column {
        name: name.to_owned(),
        sql_type,
        nullable: role == Role::Plain,
        default: None,
        charset: None,
        collation: text.then(|| "utf8mb4_bin".to_owned()),
        description: cut(field.description.as_deref(), 1024),
        unit: cut(field.unit.as_deref(), 64),
        ucd: cut(field.ucd.as_deref(), 128),
    })
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The key.
    Key,
    /// Longitude or latitude.
    Position,
    /// Anything else.
    Plain,
}

impl Role {
    /// What the field at `index` is for.
    pub fn of(guess: &Guess, index: usize) -> Self {
        let (longitude, latitude) = guess.position.unzip();
        if longitude == Some(index) || latitude == Some(index) {
            Self::Position
        } else if guess.key == Some(index) {
            Self::Key
        } else {
            Self::Plain
        }
    }
}

fn sql_type(kind: &Kind, role: Role) -> Option<String> {
    Some(match kind {
        Kind::Boolean => "TINYINT".into(),
        Kind::Integer { bytes, signed } => {
            let name = match bytes {
                1 => "TINYINT",
                2 => "SMALLINT",
                4 => "INT",
                _ => "BIGINT",
            };
            format!("{name}{}", if *signed { "" } else { " UNSIGNED" })
        }
        Kind::Float => "FLOAT".into(),
        Kind::Double => "DOUBLE".into(),
        Kind::Decimal { precision, scale } if *precision <= 65 && *scale <= 38 => {
            format!("DECIMAL({precision},{scale})")
        }
        Kind::Text { most: Some(most) } if *most <= MOST_IN_ROW => {
            format!("VARCHAR({})", (*most).max(1))
        }
        Kind::Text { .. } if role == Role::Key => format!("VARCHAR({MOST_IN_ROW})"),
        Kind::Text { .. } => "TEXT".into(),
        Kind::Bytes { most: Some(most) } if *most <= MOST_IN_ROW => {
            format!("VARBINARY({})", (*most).max(1))
        }
        Kind::Bytes { .. } => "BLOB".into(),
        Kind::Date => "DATE".into(),
        Kind::Time(digits) => format!("TIME({})", digits.min(&6)),
        Kind::Timestamp(digits) => format!("DATETIME({})", digits.min(&6)),
        Kind::Decimal { .. } | Kind::Unreadable(_) => return None,
    })
}

fn cut(text: Option<&str>, most: usize) -> String {
    text.unwrap_or_default().chars().take(most).collect()
}
