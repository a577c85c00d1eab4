//! A catalogue as Qserv's ingest takes it: metadata.json names the JSON of the database and, for
//! each table, its schema and where its files are. Files of partitioned tables are called
//! `chunk_<id>.<ending>`; those of overlaps are left alone, because overlaps are made here.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use orrery_formats::csv;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Archive;
use super::ddl;
use super::files::{File, first_bytes, in_folder, read};
use super::mirror::Mirror;
use super::objects::{Grid, Object};
use super::tables::{Field, Goes, Imported, Names, Role};

#[derive(Deserialize)]
struct Metadata {
    database: String,
    #[serde(default)]
    charset_name: String,
    tables: Vec<TableEntry>,
}

#[derive(Deserialize)]
struct TableEntry {
    schema: String,
    #[serde(default)]
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    directory: String,
    #[serde(default)]
    chunks: Vec<u32>,
    #[serde(default)]
    files: Vec<String>,
}

#[derive(Deserialize)]
struct Database {
    #[serde(rename = "database")]
    name: String,
    num_stripes: u32,
    num_sub_stripes: u32,
    #[serde(default)]
    overlap: f64,
}

#[derive(Deserialize)]
struct Schema {
    table: String,
    #[serde(default)]
    is_partitioned: u8,
    #[serde(default)]
    director_table: String,
    #[serde(default)]
    director_table2: String,
    #[serde(default)]
    director_key: String,
    #[serde(default)]
    latitude_key: String,
    #[serde(default)]
    longitude_key: String,
    #[serde(default)]
    charset_name: String,
    #[serde(default)]
    collation_name: String,
    #[serde(rename = "schema")]
    columns: Vec<Declared>,
}

#[derive(Deserialize)]
struct Declared {
    name: String,
    #[serde(rename = "type")]
    declared: String,
}

/// Endings that chunk files have, the usual one first.
const ENDINGS: [&str; 3] = ["txt", "csv", "tsv"];

/// Fetches what describes it, and of each table the first file that has rows.
pub async fn fetch(mirror: &Mirror) -> Result<()> {
    let metadata: Metadata =
        serde_json::from_str(&mirror.needed("metadata.json").await?).context("metadata.json")?;
    mirror.needed(&metadata.database).await?;
    for entry in &metadata.tables {
        mirror.needed(&entry.schema).await?;
        let mut has_rows = false;
        for data in &entry.data {
            for name in names(mirror, data).await? {
                mirror.note(&name)?;
                has_rows = has_rows || mirror.sample(&name).await?;
            }
        }
    }
    Ok(())
}

/// Paths of the files that `data` lists: those of chunks have the ending that the first of them has.
async fn names(mirror: &Mirror, data: &Data) -> Result<Vec<String>> {
    let inside = |name: String| match data.directory.trim_matches('/') {
        "" => name,
        folder => format!("{folder}/{name}"),
    };
    let mut names: Vec<String> = data.files.iter().cloned().map(inside).collect();
    if let Some(first) = data.chunks.first() {
        let mut ending = None;
        for candidate in ENDINGS {
            let name = inside(format!("chunk_{first}.{candidate}"));
            if ending.is_none() && mirror.has(&name).await? {
                ending = Some(candidate);
            }
        }
        let ending = ending.with_context(|| {
            let name = inside(format!("chunk_{first}"));
            format!(
                "{name} is not there with any of the endings {}",
                ENDINGS.join(", ")
            )
        })?;
        let chunks = data.chunks.iter();
        names.extend(chunks.map(|chunk| inside(format!("chunk_{chunk}.{ending}"))));
    }
    Ok(names)
}

/// Its family, tables and ingests.
pub fn objects(archive: &Archive) -> Result<Vec<Object>> {
    let root = &archive.path;
    let metadata: Metadata = json_file(root, "metadata.json")?;
    let database: Database = json_file(root, &metadata.database)?;
    let mut objects = Vec::new();
    if !archive.existing {
        let grid = Grid {
            stripes: database.num_stripes,
            sub_stripes: database.num_sub_stripes,
            overlap: database.overlap,
        };
        let notes =
            vec!["Stripes, sub-stripes and overlap are those of the Qserv catalogue.".into()];
        objects.push(Object::family(
            &archive.family,
            &archive.pool,
            &grid,
            notes,
        )?);
    }
    let names = Names {
        database: archive.database.as_deref().unwrap_or(&database.name),
        family: &archive.family,
    };
    for entry in &metadata.tables {
        let schema: Schema = json_file(root, &entry.schema)?;
        let shown = || schema.table.clone();
        let role = role(&schema).with_context(shown)?;
        let table = table(archive, &metadata, entry, &schema).with_context(shown)?;
        objects.extend(table.objects(&role, names).with_context(shown)?);
    }
    Ok(objects)
}

fn json_file<T: serde::de::DeserializeOwned>(root: &Path, name: &str) -> Result<T> {
    serde_json::from_str(&read(&root.join(name))?).with_context(|| name.to_owned())
}

fn role(schema: &Schema) -> Result<Role> {
    if schema.is_partitioned == 0 {
        return Ok(Role::Reference);
    }
    if !schema.director_table2.is_empty() {
        bail!(
            "it pairs the rows of two directors, and such tables are not kept: take it out of metadata.json"
        );
    }
    let position = match (schema.longitude_key.as_str(), schema.latitude_key.as_str()) {
        ("", "") => None,
        (longitude, latitude) => Some((longitude.to_owned(), latitude.to_owned())),
    };
    let key = schema.director_key.clone();
    if key.is_empty() {
        bail!("it is partitioned, and has no director_key");
    }
    if schema.director_table.is_empty() || schema.director_table == schema.table {
        let position =
            position.context("it is a director without longitude_key and latitude_key")?;
        return Ok(Role::Director(key, position));
    }
    Ok(Role::Child(key, schema.director_table.clone(), position))
}

fn table(
    archive: &Archive,
    metadata: &Metadata,
    entry: &TableEntry,
    schema: &Schema,
) -> Result<Imported> {
    let mut fields = Vec::new();
    for declared in &schema.columns {
        fields.push(Field {
            name: declared.name.clone(),
            goes: goes(declared, schema.is_partitioned != 0)?,
        });
    }
    let files = files(&archive.path, entry)?;
    let dialect = dialect(&archive.path, &files, &fields, metadata)?;
    let charset = [&schema.charset_name, &metadata.charset_name];
    let charset = charset.into_iter().find(|name| !name.is_empty());
    let charset = charset.map_or("latin1", String::as_str);
    let collation = match schema.collation_name.as_str() {
        "" => ddl::default_collation(charset),
        name => name.to_owned(),
    };
    let chunked = schema.is_partitioned != 0;
    let paths: Vec<String> = files.iter().map(|file| file.inside.clone()).collect();
    let patterns = if chunked {
        patterns(&files)
    } else {
        paths.clone()
    };
    Ok(Imported {
        name: schema.table.clone(),
        fields,
        charset: Some((charset.to_owned(), collation)),
        qserv: chunked,
        sources: archive.place.sources(&paths, &patterns)?,
        dialect,
        ..Imported::default()
    })
}

fn goes(declared: &Declared, chunked: bool) -> Result<Goes> {
    let name = declared.name.to_ascii_lowercase();
    if chunked && ["chunkid", "subchunkid"].contains(&name.as_str()) {
        return Ok(Goes::Compared);
    }
    let column = ddl::column(&declared.name, &declared.declared);
    let column = column.map_err(|why| anyhow!("the column {} {why}", declared.name))?;
    Ok(Goes::Column(Box::new(column)))
}

/// The files with rows that the entry names, all of which must be there.
fn files(root: &Path, entry: &TableEntry) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for data in &entry.data {
        let folder = in_folder(root, &data.directory)?;
        for name in &data.files {
            let file = folder
                .iter()
                .find(|file| file.inside.ends_with(name.as_str()));
            found.push(
                file.with_context(|| format!("{name} is not in {}", data.directory))?
                    .clone(),
            );
        }
        let listed: BTreeSet<u32> = data.chunks.iter().copied().collect();
        let present: Vec<(u32, &File)> = folder
            .iter()
            .filter_map(|file| Some((chunk(file)?, file)))
            .collect();
        let have: BTreeSet<u32> = present.iter().map(|(chunk, _)| *chunk).collect();
        if !listed.is_empty() && listed != have {
            let differ: Vec<String> = listed
                .symmetric_difference(&have)
                .take(5)
                .map(u32::to_string)
                .collect();
            bail!(
                "metadata.json lists other chunks than the folder `{}` has files of, among them {}",
                data.directory,
                differ.join(", ")
            );
        }
        if !listed.is_empty() {
            found.extend(present.into_iter().map(|(_, file)| file.clone()));
        }
    }
    Ok(found)
}

/// The chunk of a file `chunk_<id>`.
fn chunk(file: &File) -> Option<u32> {
    file.stem.strip_prefix("chunk_")?.parse().ok()
}

/// Patterns that name the chunk files alone: one for each number of digits. Those of overlaps have
/// longer names.
fn patterns(files: &[File]) -> Vec<String> {
    let pattern = |file: &File| {
        let digits = file.stem.strip_prefix("chunk_").map_or(0, str::len);
        let (folder, name) = file.inside.rsplit_once('/').unwrap_or(("", &file.inside));
        let ending = name.get(file.stem.len()..).unwrap_or_default();
        let name = format!("chunk_{}{ending}", "?".repeat(digits));
        if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        }
    };
    let all: BTreeSet<String> = files.iter().map(pattern).collect();
    all.into_iter().collect()
}

/// How the files are written, by the first line of the first that has one: the delimiter is the one
/// that gives as many fields as the schema has.
fn dialect(root: &Path, files: &[File], fields: &[Field], metadata: &Metadata) -> Result<Value> {
    let charset = if matches!(metadata.charset_name.as_str(), "" | "latin1") {
        "latin1"
    } else {
        "utf8mb4"
    };
    for file in files {
        if file.ending == "parquet" {
            return Ok(json!({"format": "parquet"}));
        }
        let bytes = first_bytes(root, &file.inside)?;
        let text = String::from_utf8_lossy(&bytes);
        let Some(line) = text.lines().next() else {
            continue;
        };
        let fits = |delimiter: &char| csv::fields(line, *delimiter) == fields.len();
        if let Some(delimiter) = ['\t', ',', '|', ';'].into_iter().find(fits) {
            let delimiter = match delimiter {
                '\t' => "\\t".to_owned(),
                other => other.to_string(),
            };
            let mut dialect = json!({"delimiter": delimiter, "charset": charset});
            if line.contains('"') {
                dialect["quote"] = json!("\"");
            }
            return Ok(dialect);
        }
        bail!(
            "{}: its first line has other fields than the {} of the schema",
            file.inside,
            fields.len()
        );
    }
    Ok(json!({"delimiter": "\\t", "charset": charset}))
}
