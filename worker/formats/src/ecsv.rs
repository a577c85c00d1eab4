//! The header of ECSV, which astropy writes: YAML in comments before the line of names.

use serde::Deserialize;

use crate::{Field, FormatError, Kind};

/// What the header says.
#[derive(Debug)]
pub struct Header {
    /// Character between fields.
    pub delimiter: char,
    columns: Vec<Column>,
}

#[derive(Deserialize, Debug)]
struct Yaml {
    #[serde(default)]
    delimiter: Option<char>,
    datatype: Vec<Column>,
}

#[derive(Deserialize, Debug)]
struct Column {
    name: String,
    datatype: String,
    #[serde(default)]
    subtype: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    meta: serde_json::Value,
}

impl Column {
    /// The UCD among what else is kept of a column: a map, or a list of maps.
    fn ucd(&self) -> Option<String> {
        let of = |map: &serde_json::Value| map.get("ucd")?.as_str().map(str::to_owned);
        let mut list = self.meta.as_array().into_iter().flatten();
        of(&self.meta).or_else(|| list.find_map(of))
    }
}

impl Header {
    /// The header in comments, given without their `#`; `None` when they are of another kind.
    pub fn read(comments: &[&str]) -> Result<Option<Self>, FormatError> {
        if !comments
            .first()
            .is_some_and(|line| line.trim_start().starts_with("%ECSV"))
        {
            return Ok(None);
        }
        let broken = |what: String| FormatError::Broken(format!("its ECSV header: {what}"));
        // What else a program kept in it (`meta`) may have types of that program.
        let mut text = String::new();
        let mut meta = false;
        for line in comments.iter().skip(1) {
            let line = line.strip_prefix(' ').unwrap_or(line);
            if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
                meta = line.starts_with("meta:") || line.starts_with("schema:");
            }
            if !meta {
                text.push_str(line);
                text.push('\n');
            }
        }
        let yaml: Yaml =
            serde_saphyr::from_str(&text).map_err(|error| broken(error.to_string()))?;
        Ok(Some(Self {
            delimiter: yaml.delimiter.unwrap_or(' '),
            columns: yaml.datatype,
        }))
    }

    /// The field with what the header says of it.
    pub fn field(&self, guessed: Field) -> Result<Field, FormatError> {
        let column = self
            .columns
            .iter()
            .find(|column| column.name == guessed.name);
        let Some(column) = column else {
            return Err(FormatError::Broken(format!(
                "its ECSV header has no column `{}`",
                guessed.name
            )));
        };
        let integer = |bytes, signed| Kind::Integer { bytes, signed };
        let kind = match (column.datatype.as_str(), &column.subtype) {
            (_, Some(subtype)) => {
                Kind::Unreadable(format!("holds {subtype}, and columns hold one value"))
            }
            ("bool", None) => Kind::Boolean,
            ("int8", None) => integer(1, true),
            ("int16", None) => integer(2, true),
            ("int32", None) => integer(4, true),
            ("int64", None) => integer(8, true),
            ("uint8", None) => integer(1, false),
            ("uint16", None) => integer(2, false),
            ("uint32", None) => integer(4, false),
            ("uint64", None) => integer(8, false),
            ("float16" | "float32", None) => Kind::Float,
            ("float64" | "float128", None) => Kind::Double,
            // Its first rows say whether they are dates, and how long they are.
            ("string", None) => match guessed.kind {
                kind @ (Kind::Text { .. } | Kind::Date | Kind::Timestamp(_)) => kind,
                _ => Kind::Text { most: None },
            },
            (other, None) => Kind::Unreadable(format!("holds {other}, which is not read")),
        };
        Ok(Field {
            kind,
            unit: column.unit.clone(),
            description: column.description.clone(),
            ucd: column.ucd(),
            ..guessed
        })
    }
}
