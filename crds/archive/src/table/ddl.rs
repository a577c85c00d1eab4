//! DDL of physical tables and of the shadow server's empty tables.
//!
//! Charset and collation stand in every definition (docs/design/ingest.md#charsets), so that no
//! server default can change what a text compares to. Everything returned is what follows the
//! table's name in `CREATE TABLE`.

use crate::catalog::{AcceptedReference, AcceptedTable, TableKind};
use crate::names::{CHUNK_COLUMN, SUB_CHUNK_COLUMN};
use crate::sql_type::SqlType;
use crate::table::UniqueKey;
use crate::table::{Column, SecondaryKey};

/// `sql_mode` in which a czar makes its shadow tables.
pub const SHADOW_MODE: &str = "STRICT_ALL_TABLES";

/// Columns of a director index table, in order.
pub const INDEX_FIELDS: [&str; 4] = ["k", "chunkId", "subChunkId", "orphan"];

/// Characters of a string that becomes part of a key of a temporary table.
const LONGEST_KEY_PART: u32 = 64;

/// `name` in backquotes.
pub fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `text` as a string literal that means the same whatever the client's charset.
pub fn quote_string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// What a director's or child's home table looks like.
pub fn home(table: &AcceptedTable, director: bool) -> String {
    let key = quote_identifier(&table.key);
    let key = if director && table.unique_key == UniqueKey::Enforced {
        format!("PRIMARY KEY ({key})")
    } else {
        format!("KEY `key` ({key})")
    };
    chunked(table, &key)
}

/// What an overlap table looks like. Its rows are copies; what may not be there twice is refused
/// where they live, so no key is unique.
pub fn overlap(table: &AcceptedTable) -> String {
    chunked(
        table,
        &format!("KEY `key` ({})", quote_identifier(&table.key)),
    )
}

/// What a director index table looks like; `key_type` is the SQL type of the key column.
pub fn index(key_type: &SqlType) -> String {
    let key = match key_type {
        SqlType::Integer { width, flags, .. } => SqlType::Integer {
            width: *width,
            display: None,
            flags: *flags,
        }
        .to_string(),
        SqlType::VarChar(n) => format!("VARBINARY({})", n * 4),
        other => other.to_string(),
    };
    format!(
        "(`k` {key} NOT NULL, `chunkId` INT UNSIGNED NOT NULL, `subChunkId` INT UNSIGNED NOT NULL, `orphan` TINYINT NOT NULL, \
         PRIMARY KEY (`k`,`chunkId`,`subChunkId`)) {}",
        options("binary", "binary")
    )
}

/// What a reference table looks like.
pub fn reference(table: &AcceptedReference) -> String {
    let mut items = columns(&table.columns);
    if !table.primary_key.is_empty() {
        items.push(format!("PRIMARY KEY ({})", list(&table.primary_key)));
    }
    items.extend(table.indexes.iter().map(secondary));
    format!(
        "({}) {}",
        items.join(", "),
        options(&table.charset, &table.collation)
    )
}

/// What a table's empty shadow looks like: the same as one plain table holding all rows would.
pub fn shadow(kind: &TableKind) -> String {
    match kind {
        TableKind::Director(table, _) => home(table, true),
        TableKind::Child(table, _) => home(table, false),
        TableKind::Reference(table) => reference(table),
    }
}

/// What a temporary table with the rows of some columns of a table looks like; `wanted` chooses them
/// by name. Columns and keys are those of [`shadow`], as far as they are wanted, and so is the
/// engine: the server reads it in the same ways, and its columns have the same flags.
pub fn temporary(kind: &TableKind, wanted: &dyn Fn(&str) -> bool) -> String {
    let (own, key, indexes, charset) = match kind {
        TableKind::Director(table, _) | TableKind::Child(table, _) => (
            chunked_columns(table),
            vec![table.key.clone()],
            &table.indexes,
            (&table.charset, &table.collation),
        ),
        TableKind::Reference(table) => (
            columns(&table.columns),
            table.primary_key.clone(),
            &table.indexes,
            (&table.charset, &table.collation),
        ),
    };
    let definitions = field_names(kind).into_iter().zip(own);
    let mut items: Vec<String> = definitions
        .filter(|(name, _)| wanted(name))
        .map(|(_, definition)| definition)
        .collect();
    let kept = |columns: &[String]| {
        let fits = |name: &&String| wanted(name) && is_short(kind, name);
        columns.iter().take_while(fits).cloned().collect::<Vec<_>>()
    };
    let is_whole = kept(&key).len() == key.len();
    let word = if is_whole && is_unique(kind) {
        "PRIMARY KEY"
    } else {
        "KEY"
    };
    let sub_chunk = kind.is_chunked().then(|| vec![SUB_CHUNK_COLUMN.to_owned()]);
    let others = indexes.iter().map(|index| &index.columns).chain(&sub_chunk);
    for (word, columns) in std::iter::once((word, &key)).chain(others.map(|other| ("KEY", other))) {
        let columns = kept(columns);
        if !columns.is_empty() {
            items.push(format!("{word} ({})", list(&columns)));
        }
    }
    let (charset, collation) = charset;
    format!("({}) {}", items.join(", "), options(charset, collation))
}

/// Whether a table's first key has each value once.
fn is_unique(kind: &TableKind) -> bool {
    match kind {
        TableKind::Director(table, _) => table.unique_key == UniqueKey::Enforced,
        TableKind::Child(..) => false,
        TableKind::Reference(_) => true,
    }
}

/// Names of all columns, in order.
pub fn field_names(kind: &TableKind) -> Vec<String> {
    match kind {
        TableKind::Director(table, _) | TableKind::Child(table, _) => chunked_fields(table),
        TableKind::Reference(table) => {
            let own = table.columns.iter().map(|column| column.name.clone());
            own.collect()
        }
    }
}

/// Whether a column's values fit into a key of any engine.
fn is_short(kind: &TableKind, name: &str) -> bool {
    let declared = kind.columns().iter().find(|column| column.name == name);
    declared.is_none_or(|column| match SqlType::parse(&column.sql_type) {
        Ok(SqlType::Text(_) | SqlType::Blob(_)) | Err(_) => false,
        Ok(
            SqlType::Char(length)
            | SqlType::VarChar(length)
            | SqlType::Binary(length)
            | SqlType::VarBinary(length),
        ) => length <= LONGEST_KEY_PART,
        Ok(_) => true,
    })
}

/// Fields of a loaded row of a chunked table, in order.
pub fn chunked_fields(table: &AcceptedTable) -> Vec<String> {
    let own = table.columns.iter().map(|column| column.name.clone());
    own.chain([CHUNK_COLUMN.to_owned(), SUB_CHUNK_COLUMN.to_owned()])
        .collect()
}

fn chunked_columns(table: &AcceptedTable) -> Vec<String> {
    let visibility = if table.qserv_compat { "" } else { " INVISIBLE" };
    let mut items = columns(&table.columns);
    for name in [CHUNK_COLUMN, SUB_CHUNK_COLUMN] {
        items.push(format!(
            "`{name}` INT UNSIGNED NOT NULL DEFAULT 0{visibility}"
        ));
    }
    items
}

fn chunked(table: &AcceptedTable, key: &str) -> String {
    let mut items = chunked_columns(table);
    items.push(key.to_owned());
    items.push(format!("KEY `subChunk` (`{SUB_CHUNK_COLUMN}`)"));
    items.extend(table.indexes.iter().map(secondary));
    format!(
        "({}) {}",
        items.join(", "),
        options(&table.charset, &table.collation)
    )
}

fn columns(columns: &[Column]) -> Vec<String> {
    columns.iter().map(column).collect()
}

fn column(column: &Column) -> String {
    let mut text = format!("{} {}", quote_identifier(&column.name), column.sql_type);
    // MariaDB gives a JSON column its charset, and takes none.
    let is_json = column.sql_type == SqlType::Json.to_string();
    if let Some(charset) = column.charset.as_ref().filter(|_| !is_json) {
        text.push_str(&format!(" CHARACTER SET {charset}"));
    }
    if let Some(collation) = column.collation.as_ref().filter(|_| !is_json) {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    text.push_str(if column.nullable {
        " NULL"
    } else {
        " NOT NULL"
    });
    match &column.default {
        Some(default) => text.push_str(&format!(" DEFAULT {}", quote_string(default))),
        None if column.nullable => text.push_str(" DEFAULT NULL"),
        None => {}
    }
    if !column.description.is_empty() {
        text.push_str(&format!(" COMMENT {}", quote_string(&column.description)));
    }
    text
}

fn secondary(key: &SecondaryKey) -> String {
    format!(
        "KEY {} ({})",
        quote_identifier(&key.name),
        list(&key.columns)
    )
}

fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| quote_identifier(name))
        .collect::<Vec<_>>()
        .join(",")
}

fn options(charset: &str, collation: &str) -> String {
    format!("ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET {charset} COLLATE {collation}")
}
