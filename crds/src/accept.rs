//! Acceptance: checks of a declared table that the schema's own rules cannot make, and the accepted
//! form with every default filled in.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::collations;
use crate::kinds::{ChunkedTableSpec, ReferenceTableSpec};
use orrery_archive::catalog::{AcceptedReference, AcceptedTable};
use orrery_archive::names::{CHUNK_COLUMN, SUB_CHUNK_COLUMN};
use orrery_archive::sql_type::{SqlType, SqlTypeError};
use orrery_archive::table::PositionColumns;
use orrery_archive::table::{Column, SecondaryKey};

/// Largest estimated row inside a page; InnoDB's limit.
pub const MAX_ROW_BYTES: u32 = 8126;

/// Why a declared table is not accepted. Messages name the field.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum TableError {
    /// A column type does not parse.
    #[error("spec.columns[{index}] `{name}`: {source}")]
    Type {
        /// Position in the list.
        index: usize,
        /// Column.
        name: String,
        /// What is wrong.
        source: SqlTypeError,
    },
    /// Two columns have one name.
    #[error(
        "spec.columns[{index}]: the name `{name}` is taken; column names differ by more than case"
    )]
    DuplicateColumn {
        /// Position of the second.
        index: usize,
        /// Name.
        name: String,
    },
    /// A name that Orrery uses.
    #[error("spec.columns[{index}]: `{name}` is reserved for Orrery's own column")]
    ReservedColumn {
        /// Position.
        index: usize,
        /// Name.
        name: String,
    },
    /// A name MariaDB does not take.
    #[error(
        "spec.columns[{index}]: `{name}` is no column name: it ends in a space or holds a control character"
    )]
    BadName {
        /// Position.
        index: usize,
        /// Name.
        name: String,
    },
    /// Default, charset or collation does not fit.
    #[error("spec.columns[{index}] `{name}`: {what}")]
    Attribute {
        /// Position.
        index: usize,
        /// Column.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A field names a column that is not there.
    #[error("{field}: `{name}` is no column of the table")]
    NoColumn {
        /// Field of the spec.
        field: String,
        /// Name.
        name: String,
    },
    /// A key or position column has an unfit type.
    #[error("{field}: `{name}` is {found}; {wanted}")]
    WrongType {
        /// Field of the spec.
        field: String,
        /// Column.
        name: String,
        /// Its type.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// A field is missing.
    #[error("{0}")]
    Missing(&'static str),
    /// Rows would not fit a page.
    #[error(
        "spec.columns: a row takes about {0} bytes, more than the {MAX_ROW_BYTES} that fit a page: make long columns TEXT or BLOB"
    )]
    RowTooLong(u32),
    /// Two secondary keys have one name, or one that Orrery uses.
    #[error("spec.indexes: the name `{0}` is taken")]
    DuplicateKey(String),
    /// Table default charset and collation do not fit.
    #[error("spec.collation: {0}")]
    Collation(String),
}

/// Checks a chunked table and fills in its defaults. `key` and `position` come back as the columns
/// are spelled.
pub fn chunked(spec: &ChunkedTableSpec) -> Result<AcceptedTable, TableError> {
    check_collation(&spec.charset, &spec.collation).map_err(TableError::Collation)?;
    let columns = accept_columns(&spec.columns, &spec.charset, &spec.collation, true)?;
    let key = spec.key.as_deref().ok_or(TableError::Missing(
        "spec.key: a chunked table needs its key column",
    ))?;
    let key = find(&columns, "spec.key", key)?;
    check_key(key)?;
    let position = spec
        .position
        .as_ref()
        .map(|position| accept_position(&columns, position))
        .transpose()?;
    check_secondary(&columns, &spec.indexes, &["PRIMARY", "key", "subChunk"])?;
    Ok(AcceptedTable {
        family: spec.family.clone(),
        key: key.name.clone(),
        position,
        indexes: spec.indexes.clone(),
        unique_key: spec.unique_key,
        charset: spec.charset.clone(),
        collation: spec.collation.clone(),
        scan_rating: spec.scan_rating,
        qserv_compat: spec.qserv_compat,
        columns,
    })
}

/// Checks a reference table and fills in its defaults.
pub fn reference(spec: &ReferenceTableSpec) -> Result<AcceptedReference, TableError> {
    check_collation(&spec.charset, &spec.collation).map_err(TableError::Collation)?;
    let columns = accept_columns(&spec.columns, &spec.charset, &spec.collation, false)?;
    for name in &spec.primary_key {
        find(&columns, "spec.primaryKey", name)?;
    }
    check_secondary(&columns, &spec.indexes, &["PRIMARY"])?;
    Ok(AcceptedReference {
        primary_key: spec.primary_key.clone(),
        indexes: spec.indexes.clone(),
        charset: spec.charset.clone(),
        collation: spec.collation.clone(),
        columns,
    })
}

/// The parsed type of an accepted column.
pub fn column_type(column: &Column) -> Result<SqlType, SqlTypeError> {
    SqlType::parse(&column.sql_type)
}

fn accept_columns(
    columns: &[Column],
    charset: &str,
    collation: &str,
    chunked: bool,
) -> Result<Vec<Column>, TableError> {
    let mut names = BTreeSet::new();
    let mut row_bytes = 0;
    let mut accepted = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        check_name(index, &column.name, chunked)?;
        if !names.insert(column.name.to_lowercase()) {
            return Err(TableError::DuplicateColumn {
                index,
                name: column.name.clone(),
            });
        }
        let (column, sql_type) = accept_column(index, column, charset, collation)?;
        row_bytes +=
            sql_type.inline_bytes(bytes_per_char(column.charset.as_deref().unwrap_or(charset)));
        accepted.push(column);
    }
    if row_bytes >= MAX_ROW_BYTES {
        Err(TableError::RowTooLong(row_bytes))
    } else {
        Ok(accepted)
    }
}

fn check_name(index: usize, name: &str, chunked: bool) -> Result<(), TableError> {
    let reserved = chunked
        && [CHUNK_COLUMN, SUB_CHUNK_COLUMN]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name));
    if reserved {
        return Err(TableError::ReservedColumn {
            index,
            name: name.into(),
        });
    }
    if name.ends_with(' ') || name.chars().any(|c| c.is_control() || c == '\0') {
        return Err(TableError::BadName {
            index,
            name: name.into(),
        });
    }
    Ok(())
}

/// Character set and collation that a JSON column has in MariaDB, whatever its table has.
const JSON: (&str, &str) = ("utf8mb4", "utf8mb4_bin");

fn accept_column(
    index: usize,
    column: &Column,
    charset: &str,
    collation: &str,
) -> Result<(Column, SqlType), TableError> {
    let sql_type = SqlType::parse(&column.sql_type).map_err(|source| TableError::Type {
        index,
        name: column.name.clone(),
        source,
    })?;
    let wrong = |what: String| TableError::Attribute {
        index,
        name: column.name.clone(),
        what,
    };
    let mut accepted = Column {
        sql_type: sql_type.to_string(),
        ..column.clone()
    };
    if sql_type == SqlType::Json {
        if column.charset.is_some() || column.collation.is_some() {
            return Err(wrong(
                "JSON has a charset and a collation of its own".into(),
            ));
        }
        (accepted.charset, accepted.collation) = (Some(JSON.0.into()), Some(JSON.1.into()));
    } else if sql_type.is_text() {
        let own_charset = column.charset.clone().unwrap_or_else(|| charset.to_owned());
        let own_collation = match (&column.collation, &column.charset) {
            (Some(own), _) => own.clone(),
            (None, Some(own)) if own != charset => {
                return Err(wrong(format!(
                    "a column with its own charset `{own}` needs its own collation too"
                )));
            }
            (None, _) => collation.to_owned(),
        };
        check_collation(&own_charset, &own_collation).map_err(wrong)?;
        accepted.charset = Some(own_charset);
        accepted.collation = Some(own_collation);
    } else if column.charset.is_some() || column.collation.is_some() {
        return Err(wrong(format!("{sql_type} has no charset or collation")));
    }
    if let Some(default) = &column.default {
        check_default(&sql_type, default).map_err(wrong)?;
    }
    Ok((accepted, sql_type))
}

fn check_default(sql_type: &SqlType, default: &str) -> Result<(), String> {
    let fits = match sql_type {
        SqlType::Integer { width, flags, .. } => {
            let (least, most) = width.range(flags.unsigned);
            default
                .parse::<i128>()
                .is_ok_and(|value| (least..=most).contains(&value))
        }
        SqlType::Decimal { .. } | SqlType::Float { .. } | SqlType::Double { .. } => {
            default.parse::<f64>().is_ok_and(f64::is_finite)
        }
        SqlType::Enum(members) => members.iter().any(|member| member == default),
        SqlType::Set(members) => default
            .split(',')
            .all(|part| default.is_empty() || members.iter().any(|member| member == part)),
        SqlType::Char(n) | SqlType::VarChar(n) => default.chars().count() <= *n as usize,
        SqlType::Binary(n) | SqlType::VarBinary(n) => default.len() <= *n as usize,
        SqlType::Bit(_) => return Err("a BIT column takes no default here".into()),
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("the default `{default}` does not fit {sql_type}"))
    }
}

/// Character sets Orrery loads, with the bytes a character takes at most.
fn bytes_per_char(charset: &str) -> u32 {
    match charset {
        "utf8mb4" => 4,
        "utf8mb3" | "utf8" => 3,
        _ => 1,
    }
}

fn check_collation(charset: &str, collation: &str) -> Result<(), String> {
    if !matches!(
        charset,
        "utf8mb4" | "utf8mb3" | "utf8" | "latin1" | "ascii" | "binary"
    ) {
        return Err(format!(
            "the charset `{charset}` is not one of utf8mb4, utf8mb3, latin1, ascii, binary"
        ));
    }
    if collations::is_of(collation, charset) {
        Ok(())
    } else {
        Err(format!(
            "the collation `{collation}` is none of charset `{charset}`"
        ))
    }
}

fn find<'a>(columns: &'a [Column], field: &str, name: &str) -> Result<&'a Column, TableError> {
    columns
        .iter()
        .find(|column| column.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| TableError::NoColumn {
            field: field.into(),
            name: name.into(),
        })
}

/// Keys are integers or strings that compare byte by byte (docs/design/ingest.md#director-index):
/// only then does a literal find its hash chunk.
fn check_key(key: &Column) -> Result<(), TableError> {
    let wanted =
        "a key is an integer, a VARBINARY or a VARCHAR with a …_nopad_bin collation of at most 255";
    let wrong = || TableError::WrongType {
        field: "spec.key".into(),
        name: key.name.clone(),
        found: key.sql_type.clone(),
        wanted,
    };
    match SqlType::parse(&key.sql_type).map_err(|_| wrong())? {
        SqlType::Integer { flags, .. } if !flags.zerofill => Ok(()),
        SqlType::VarBinary(n) if n <= 255 => Ok(()),
        SqlType::VarChar(n)
            if n <= 255
                && key
                    .collation
                    .as_deref()
                    .is_some_and(|collation| collation.ends_with("_nopad_bin")) =>
        {
            Ok(())
        }
        _ => Err(wrong()),
    }
}

fn accept_position(
    columns: &[Column],
    position: &PositionColumns,
) -> Result<PositionColumns, TableError> {
    let double = |field: &str, name: &str| {
        let column = find(columns, field, name)?;
        match SqlType::parse(&column.sql_type) {
            Ok(SqlType::Double { digits: None, .. }) => Ok(column.name.clone()),
            _ => Err(TableError::WrongType {
                field: field.into(),
                name: column.name.clone(),
                found: column.sql_type.clone(),
                wanted: "a position column is DOUBLE",
            }),
        }
    };
    Ok(PositionColumns {
        longitude: double("spec.position.longitude", &position.longitude)?,
        latitude: double("spec.position.latitude", &position.latitude)?,
    })
}

fn check_secondary(
    columns: &[Column],
    keys: &[SecondaryKey],
    taken: &[&str],
) -> Result<(), TableError> {
    let mut names: BTreeSet<String> = taken.iter().map(|name| name.to_lowercase()).collect();
    for key in keys {
        if !names.insert(key.name.to_lowercase()) {
            return Err(TableError::DuplicateKey(key.name.clone()));
        }
        for name in &key.columns {
            let column = find(columns, "spec.indexes", name)?;
            if matches!(
                SqlType::parse(&column.sql_type),
                Ok(SqlType::Text(_) | SqlType::Blob(_) | SqlType::Json)
            ) {
                return Err(TableError::WrongType {
                    field: "spec.indexes".into(),
                    name: column.name.clone(),
                    found: column.sql_type.clone(),
                    wanted: "TEXT and BLOB cannot be indexed here",
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use orrery_archive::table::ddl;
    use serde_json::json;

    use super::*;

    fn spec(patch: &serde_json::Value) -> ChunkedTableSpec {
        let mut value = json!({
            "database": "sky", "table": "Object", "family": "f", "role": "director", "key": "OBJECTID",
            "position": {"longitude": "ra", "latitude": "decl"},
            "columns": [
                {"name": "objectId", "type": "bigint", "nullable": false},
                {"name": "ra", "type": "double", "nullable": false},
                {"name": "decl", "type": "double", "nullable": false},
                {"name": "name", "type": "varchar(20)"},
            ],
        });
        for (name, field) in patch.as_object().into_iter().flatten() {
            value[name] = field.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    fn refused(patch: &serde_json::Value) -> String {
        chunked(&spec(patch)).unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_filled_in_and_names_are_spelled_as_declared() {
        let accepted = chunked(&spec(&json!({}))).unwrap();
        assert_eq!(accepted.key, "objectId");
        assert_eq!(accepted.columns[0].sql_type, "BIGINT");
        assert_eq!(
            accepted.columns[3].collation.as_deref(),
            Some("utf8mb4_general_ci")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |column: serde_json::Value| {
            let mut columns = json!([{"name": "objectId", "type": "bigint"}, {"name": "ra", "type": "double"}, {"name": "decl", "type": "double"}]);
            columns.as_array_mut().unwrap().push(column);
            json!({ "columns": columns })
        };
        assert_eq!(
            refused(&with(json!({"name": "x", "type": "BIGNUM"}))),
            "spec.columns[3] `x`: unknown type `BIGNUM`"
        );
        assert!(
            refused(&with(json!({"name": "RA", "type": "int"}))).contains("the name `RA` is taken")
        );
        assert!(refused(&with(json!({"name": "chunkid", "type": "int"}))).contains("reserved"));
        assert!(
            refused(&with(
                json!({"name": "x", "type": "tinyint", "default": "300"})
            ))
            .contains("does not fit TINYINT")
        );
        assert!(
            refused(&with(
                json!({"name": "x", "type": "int", "charset": "latin1"})
            ))
            .contains("no charset")
        );
        assert!(
            refused(&json!({"position": {"longitude": "raa", "latitude": "decl"}}))
                .contains("spec.position.longitude: `raa` is no column")
        );
        assert!(refused(&json!({"key": "name"})).contains("a key is an integer"));
        assert!(
            refused(&json!({"position": {"longitude": "name", "latitude": "decl"}}))
                .contains("a position column is DOUBLE")
        );
        assert!(refused(&json!({"collation": "latin1_bin"})).contains("none of charset `utf8mb4`"));
        for collation in ["utf8mb4_0900_ai_ci", "utf8mb4_bin);DROP TABLE x;-- "] {
            let column = json!({"name": "x", "type": "text", "collation": collation});
            let message = refused(&with(column));
            assert!(message.contains("none of charset `utf8mb4`"), "{message}");
        }
        let json = json!({"name": "x", "type": "json", "charset": "latin1"});
        assert!(refused(&with(json)).contains("JSON has a charset"));
    }

    /// MariaDB takes no charset in the definition of a JSON column, and gives it one.
    #[test]
    fn a_json_column_is_defined_without_a_charset_and_known_with_its_own() {
        let columns = json!([
            {"name": "objectId", "type": "bigint", "nullable": false},
            {"name": "ra", "type": "double", "nullable": false},
            {"name": "decl", "type": "double", "nullable": false},
            {"name": "j", "type": "json"},
        ]);
        let latin1 = json!({"columns": columns, "charset": "latin1", "collation": "latin1_bin"});
        let accepted = chunked(&spec(&latin1)).unwrap();
        let column = &accepted.columns[3];
        assert_eq!(column.charset.as_deref(), Some("utf8mb4"));
        assert_eq!(column.collation.as_deref(), Some("utf8mb4_bin"));
        let ddl = ddl::home(&accepted, true);
        assert!(ddl.contains("`j` JSON NULL DEFAULT NULL"), "{ddl}");
    }

    #[test]
    fn a_row_that_does_not_fit_a_page_is_refused() {
        let columns: Vec<_> = [("objectId", "bigint"), ("ra", "double"), ("decl", "double")]
            .into_iter()
            .map(|(name, kind)| json!({"name": name, "type": kind}))
            .chain((0..40).map(|i| json!({"name": format!("b{i}"), "type": "binary(255)"})))
            .collect();
        assert!(refused(&json!({ "columns": columns })).contains("more than the 8126"));
    }
}
