//! Schemas in Felis YAML: tables with columns, their meaning, keys and constraints.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use orrery_archive::sql_type::SqlType;
use orrery_archive::table::{Column, SecondaryKey};
use serde::Deserialize;
use serde_json::Value;

use super::arguments::Felis;
use super::ddl;
use super::files::{File, in_folder, read};
use super::mysqldump::spread;
use super::objects::Object;
use super::tables::{Field, Goes, Imported};

use crate::create::describe;

#[derive(Deserialize)]
struct Schema {
    name: String,
    tables: Vec<Table>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    #[serde(rename = "@id")]
    id: String,
    #[serde(default)]
    description: String,
    #[serde(rename = "primaryKey", default)]
    primary_key: OneOrMore,
    columns: Vec<Declared>,
    #[serde(default)]
    constraints: Vec<Constraint>,
    #[serde(default)]
    indexes: Vec<Index>,
}

/// One name, or a list of them.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum OneOrMore {
    #[default]
    None,
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
struct Declared {
    name: String,
    #[serde(rename = "@id")]
    id: String,
    datatype: String,
    #[serde(default)]
    length: Option<u32>,
    #[serde(default)]
    nullable: Option<bool>,
    #[serde(default)]
    description: String,
    #[serde(rename = "mysql:datatype", default)]
    mysql: Option<String>,
    #[serde(rename = "ivoa:unit", default)]
    ivoa_unit: Option<String>,
    #[serde(rename = "fits:tunit", default)]
    fits_unit: Option<String>,
    #[serde(rename = "ivoa:ucd", default)]
    ucd: Option<String>,
}

#[derive(Deserialize)]
struct Constraint {
    #[serde(rename = "@type")]
    kind: String,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(rename = "referencedColumns", default)]
    referenced: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    name: String,
    #[serde(default)]
    columns: Vec<String>,
}

/// Its family, tables, and ingests of the files in the folder of data.
pub fn objects(felis: &Felis) -> Result<Vec<Object>> {
    let archive = &felis.gridded.archive;
    let mut objects: Vec<Object> = Vec::new();
    for path in schemas(&archive.path)? {
        let shown = || path.display().to_string();
        let schema: Schema = serde_saphyr::from_str(&read(&path)?)
            .map_err(|error| anyhow!("{error}"))
            .with_context(shown)?;
        let ids = ids(&schema);
        let tables = schema
            .tables
            .iter()
            .map(|table| imported(felis, table, &ids));
        let tables: Vec<Imported> = tables.collect::<Result<_>>().with_context(shown)?;
        let database = archive.database.as_deref().unwrap_or(&schema.name);
        let mut made = spread(&felis.gridded, database, tables).with_context(shown)?;
        // Schemas of one folder share their family.
        if !objects.is_empty() {
            made.retain(|object| object.kind != "ChunkFamily");
        }
        objects.extend(made);
    }
    Ok(objects)
}

fn schemas(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let files = in_folder(path, "")?.into_iter();
    let files = files.filter(|file| ["yaml", "yml"].contains(&file.ending.as_str()));
    let paths: Vec<PathBuf> = files.map(|file| path.join(file.inside)).collect();
    if paths.is_empty() {
        bail!("it has no .yaml file");
    }
    Ok(paths)
}

/// Table and column of each `@id` of a column.
type Ids<'a> = std::collections::BTreeMap<&'a str, (&'a str, &'a str)>;

fn ids(schema: &Schema) -> Ids<'_> {
    let columns = |table| {
        let Table { name, columns, .. }: &Table = table;
        columns
            .iter()
            .map(|column| (column.id.as_str(), (name.as_str(), column.name.as_str())))
    };
    schema.tables.iter().flat_map(columns).collect()
}

fn imported(felis: &Felis, table: &Table, ids: &Ids<'_>) -> Result<Imported> {
    let names = |wanted: &[String]| -> Result<Vec<String>> {
        let name = |id: &String| {
            let (_, column) = ids
                .get(id.as_str())
                .with_context(|| format!("no column is called {id}"))?;
            Ok((*column).to_owned())
        };
        wanted.iter().map(name).collect()
    };
    let primary_key = match &table.primary_key {
        OneOrMore::None => Vec::new(),
        OneOrMore::One(id) => names(std::slice::from_ref(id))?,
        OneOrMore::More(own) => names(own)?,
    };
    let mut keys = Vec::new();
    for index in table
        .indexes
        .iter()
        .filter(|index| !index.columns.is_empty())
    {
        keys.push(SecondaryKey {
            name: index.name.clone(),
            columns: names(&index.columns)?,
        });
    }
    let fields = table.columns.iter().map(|declared| Field {
        name: declared.name.clone(),
        goes: match column(declared, &primary_key) {
            Ok(column) => Goes::Column(Box::new(column)),
            Err(why) => Goes::LeftOut(why),
        },
    });
    let (sources, dialect) = rows(felis, table)?;
    let mut notes = Vec::new();
    if sources.is_empty() {
        notes.push(format!(
            "No file of its rows was found: no ingest is made of {}.",
            table.id
        ));
    }
    Ok(Imported {
        name: table.name.clone(),
        fields: fields.collect(),
        primary_key,
        keys,
        references: references(table, ids)?,
        description: table.description.chars().take(4096).collect(),
        notes,
        sources,
        dialect,
        // Files of text have a header, others have names.
        named: true,
        ..Imported::default()
    })
}

/// Foreign keys of one column: the column, the other table, its column.
fn references(table: &Table, ids: &Ids<'_>) -> Result<Vec<(String, String, String)>> {
    let find = |id: &String| {
        ids.get(id.as_str())
            .with_context(|| format!("no column is called {id}"))
    };
    let mut references = Vec::new();
    let foreign = table.constraints.iter();
    for constraint in foreign.filter(|constraint| constraint.kind == "ForeignKey") {
        let columns = (
            constraint.columns.as_slice(),
            constraint.referenced.as_slice(),
        );
        if let ([own], [other]) = columns {
            let ((_, own), (other, column)) = (find(own)?, find(other)?);
            references.push(((*own).to_owned(), (*other).to_owned(), (*column).to_owned()));
        }
    }
    Ok(references)
}

fn column(declared: &Declared, primary_key: &[String]) -> Result<Column, String> {
    if ["chunkid", "subchunkid"].contains(&declared.name.to_ascii_lowercase().as_str()) {
        return Err("has a name that no column may have".into());
    }
    let sql_type = sql_type(declared)?;
    let mut column = ddl::column(&declared.name, &sql_type)?;
    column.nullable = declared.nullable.unwrap_or(true) && !primary_key.contains(&declared.name);
    column.description = declared.description.chars().take(1024).collect();
    let unit = declared.ivoa_unit.as_ref().or(declared.fits_unit.as_ref());
    column.unit = unit.map_or_else(String::new, |unit| unit.chars().take(64).collect());
    let ucd = declared.ucd.as_deref();
    column.ucd = ucd.map_or_else(String::new, |ucd| ucd.chars().take(128).collect());
    Ok(column)
}

fn sql_type(declared: &Declared) -> Result<String, String> {
    if let Some(own) = &declared.mysql
        && SqlType::parse(own).is_ok()
    {
        return Ok(own.clone());
    }
    let sized = |short: &str, long: &str| match declared.length {
        Some(length) if length <= 255 => format!("{short}({})", length.max(1)),
        _ => long.to_owned(),
    };
    Ok(match declared.datatype.as_str() {
        "boolean" | "byte" => "TINYINT".into(),
        "short" => "SMALLINT".into(),
        "int" => "INT".into(),
        "long" => "BIGINT".into(),
        "float" => "FLOAT".into(),
        "double" => "DOUBLE".into(),
        "char" => sized("CHAR", "TEXT"),
        "string" | "unicode" | "text" => sized("VARCHAR", "TEXT"),
        "binary" => sized("VARBINARY", "BLOB"),
        "timestamp" => "DATETIME(6)".into(),
        other => return Err(format!("is of the type {other}, which is not read")),
    })
}

/// The files of a table's rows, and how they are written: a file of its name, or those in a folder
/// of its name.
fn rows(felis: &Felis, table: &Table) -> Result<(Vec<Value>, Value)> {
    let Some(data) = &felis.data else {
        return Ok((Vec::new(), Value::Null));
    };
    let in_own = if data.join(&table.name).is_dir() {
        in_folder(data, &table.name)?
    } else {
        let mut files = in_folder(data, "")?;
        files.retain(|file| file.stem == table.name);
        files
    };
    let Some(first) = in_own.first() else {
        return Ok((Vec::new(), Value::Null));
    };
    let path = data.join(&first.inside);
    let file = std::fs::File::open(&path)?;
    let found = describe(file, None).with_context(|| path.display().to_string())?;
    let default = serde_json::to_value(orrery_archive::ingest::Dialect::default())?;
    let mut dialect = serde_json::to_value(&found.dialect)?;
    if let (Some(own), Some(default)) = (dialect.as_object_mut(), default.as_object()) {
        own.retain(|name, value| default.get(name) != Some(value));
    }
    let source = |file: &File| felis.gridded.archive.place.source(&file.inside);
    let sources: Result<Vec<Value>> = in_own.iter().map(source).collect();
    Ok((sources?, dialect))
}
