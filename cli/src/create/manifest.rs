//! The objects as YAML, with a word where a person decides. Pure.

use anyhow::{Result, bail};
use orrery_archive::ingest::{Dialect, FileFormat};
use orrery_archive::table::Column;
use orrery_crds::kinds::{ChunkedTableSpec, ReferenceTableSpec};
use orrery_formats::{Field, Kind};
use serde_json::{Value, json};

use super::columns::{Role, column};
use super::describe::Description;
use super::guess::guess;

/// Names that the user gives.
pub struct Names {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// Family.
    pub family: String,
    /// File or address.
    pub from: String,
}

/// What is printed, and the table in it.
pub struct Manifest {
    /// The table.
    pub table: Table,
    /// Everything as YAML.
    pub yaml: String,
}

/// A table of either kind.
pub enum Table {
    /// With a key and a position.
    Chunked(Box<ChunkedTableSpec>),
    /// Without.
    Reference(Box<ReferenceTableSpec>),
}

/// The YAML of the table and of an Ingest of the file.
pub fn manifest(description: &Description, names: &Names) -> Result<Manifest> {
    let guess = guess(&description.fields);
    let columns: Vec<Option<Column>> = description
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| column(field, Role::of(&guess, index)))
        .collect();
    let kept: Vec<&Column> = columns.iter().flatten().collect();
    if kept.is_empty() {
        bail!("the file has no field that a column could hold");
    }
    let name = |index: usize| {
        columns
            .get(index)
            .and_then(Option::as_ref)
            .map(|own| own.name.clone())
    };
    let key = guess.key.and_then(name);
    let position = guess
        .position
        .and_then(|(ra, dec)| Some((name(ra)?, name(dec)?)));
    let chunked = key.zip(position);
    let mut spec = json!({
        "database": names.database, "table": names.table, "columns": kept, "description": format!("From {}.", shown(&names.from)),
    });
    let kind = if chunked.is_some() {
        "ChunkedTable"
    } else {
        "ReferenceTable"
    };
    if let Some((key, (longitude, latitude))) = &chunked {
        spec["family"] = json!(names.family);
        spec["role"] = json!("director");
        spec["key"] = json!(key);
        spec["position"] = json!({"longitude": longitude, "latitude": latitude});
    }
    let lines = decisions(chunked.as_ref(), names);
    let table = match chunked {
        Some(_) => Table::Chunked(Box::new(serde_json::from_value(spec.clone())?)),
        None => Table::Reference(Box::new(serde_json::from_value(spec.clone())?)),
    };
    let object = object_name(&names.database, &names.table);
    let mut yaml = format!(
        "apiVersion: orrery.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {object}\nspec:\n  database: {}\n  table: {}\n{lines}  \
         description: {}\n",
        scalar(&names.database),
        scalar(&names.table),
        scalar(spec["description"].as_str().unwrap_or_default())
    );
    if description.guessed {
        yaml.push_str("  # Decide: types and lengths are guesses from the first rows.\n");
    }
    yaml.push_str("  columns:\n");
    for (field, column) in description.fields.iter().zip(&columns) {
        yaml.push_str(&column_line(field, column.as_ref()));
    }
    yaml.push_str(&ingest(description, names, &columns, &object));
    Ok(Manifest { table, yaml })
}

/// The lines about what a person decides of the table.
fn decisions(chunked: Option<&(String, (String, String))>, names: &Names) -> String {
    match chunked {
        Some((key, (longitude, latitude))) => format!(
                "  # Decide: the family whose chunks the rows are spread over.\n  family: {}\n  \
                 # Decide: a director owns its keys; a table whose rows belong to those of another is a child.\n  role: director\n  \
                 # Decide: the column that names each row once, guessed by UCD and name.\n  key: {}\n  \
                 # Decide: longitude and latitude in degrees, guessed by UCD and name.\n  position: {{longitude: {}, latitude: {}}}\n",
                scalar(&names.family), scalar(key), scalar(longitude), scalar(latitude)
            ),
        None => "  # Decide: no key or no position in degrees was found, so that every worker holds the whole table.\n  \
             # For a large table make it a ChunkedTable with a family, a key and a position.\n"
        .to_owned(),
    }
}

fn column_line(field: &Field, column: Option<&Column>) -> String {
    let Some(column) = column else {
        let why = match &field.kind {
            Kind::Unreadable(why) => why.as_str(),
            Kind::Decimal { .. } => "has more digits than a DECIMAL can have",
            _ => "has a name that no column may have",
        };
        return format!(
            "    # Left out: {} {}\n",
            scalar(&field.name),
            one_line(why)
        );
    };
    let mut line = format!(
        "    - {{name: {}, type: {}",
        scalar(&column.name),
        scalar(&column.sql_type)
    );
    if !column.nullable {
        line.push_str(", nullable: false");
    }
    let collation = column.collation.as_deref().unwrap_or_default();
    for (name, value) in [
        ("collation", collation),
        ("unit", &column.unit),
        ("ucd", &column.ucd),
        ("description", &column.description),
    ] {
        if !value.is_empty() {
            line.push_str(&format!(", {name}: {}", scalar(value)));
        }
    }
    line.push_str("}\n");
    line
}

fn ingest(
    description: &Description,
    names: &Names,
    columns: &[Option<Column>],
    object: &str,
) -> String {
    let source = if names.from.starts_with("http") {
        format!("    - url: {}\n", scalar(&names.from))
    } else {
        let path = names.from.rsplit('/').next().unwrap_or_default();
        format!(
            "    # Decide: the claim that holds the file, and its path there.\n    - {{claim: files, path: {}}}\n",
            scalar(path)
        )
    };
    let mut yaml = format!(
        "---\napiVersion: orrery.dev/v1alpha1\nkind: Ingest\nmetadata:\n  name: {object}\nspec:\n  \
         target: {{database: {}, table: {}}}\n  sources:\n{source}  dialect:\n",
        scalar(&names.database),
        scalar(&names.table)
    );
    yaml.push_str(&dialect(&description.dialect));
    if columns.iter().any(Option::is_none) {
        yaml.push_str(
            "  # All fields in order; those that begin with - are left out.\n  fields:\n",
        );
        for (field, column) in description.fields.iter().zip(columns) {
            let dash = if column.is_none() { "-" } else { "" };
            yaml.push_str(&format!(
                "    - {}\n",
                scalar(&format!("{dash}{}", field.name))
            ));
        }
    }
    yaml
}

/// What differs from the defaults.
fn dialect(dialect: &Dialect) -> String {
    let value = |dialect: &Dialect| serde_json::to_value(dialect).unwrap_or(Value::Null);
    let (own, default) = (value(dialect), value(&Dialect::default()));
    let mut yaml = String::new();
    if dialect.format != FileFormat::Text {
        yaml.push_str("    # Decide: values that are missing are NaN in many such files.\n");
    }
    for (name, value) in own.as_object().into_iter().flatten() {
        if default.get(name) != Some(value) {
            yaml.push_str(&format!("    {name}: {value}\n"));
        }
    }
    yaml
}

/// A name for the objects of a table.
pub fn object_name(database: &str, table: &str) -> String {
    let text: String = format!("{database}-{table}")
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    text.get(..text.len().min(50))
        .unwrap_or(&text)
        .trim_matches('-')
        .to_owned()
}

/// A table's name from that of a file.
pub fn table_name(from: &str) -> String {
    let path = from.split(['?', '#']).next().unwrap_or(from);
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    let name: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take(32)
        .collect();
    // A name that ends in _<digits> would be that of a physical table.
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    if name.is_empty() { "Catalogue" } else { name }.to_owned()
}

/// The address without what may be a secret in it.
fn shown(from: &str) -> &str {
    from.split(['?', '#']).next().unwrap_or(from)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A scalar of YAML: plain where nothing in it could mean something else.
fn scalar(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '(' | ')');
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(word)
        && text.len() > 3
        && !["true", "false", "null"].contains(&text.to_ascii_lowercase().as_str());
    if plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
