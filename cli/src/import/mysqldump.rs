//! A folder that `mysqldump --tab` wrote.

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;

use super::arguments::{Archive, Gridded};
use super::ddl::{self, CreateTable};
use super::files::{File, in_folder, read};
use super::objects::Object;
use super::roles;
use super::tables::{Field, Goes, Imported, Names};

/// Its family, tables and ingests.
pub fn objects(gridded: &Gridded) -> Result<Vec<Object>> {
    let archive = &gridded.archive;
    let files = in_folder(&archive.path, "")?;
    let mut tables = Vec::new();
    for file in files.iter().filter(|file| file.ending == "sql") {
        let text = read(&archive.path.join(&file.inside))?;
        let created = ddl::create_table(&text);
        let created = created.map_err(|what| anyhow!("{}: {what}", file.inside))?;
        // A view has no rows of its own.
        if let Some(created) = created {
            tables.push(table(&file.stem, created, &files, archive)?);
        }
    }
    if tables.is_empty() {
        bail!("no .sql file in it has a CREATE TABLE");
    }
    let database = archive.database.as_deref().unwrap_or("sky");
    spread(gridded, database, tables)
}

/// The objects of tables whose roles are guessed.
pub fn spread(gridded: &Gridded, database: &str, mut tables: Vec<Imported>) -> Result<Vec<Object>> {
    let archive = &gridded.archive;
    let roles = roles::guessed(&tables);
    let mut objects = Vec::new();
    if !archive.existing {
        let notes = vec!["Decide: how finely the sky is cut; it never changes.".to_owned()];
        let family = Object::family(&archive.family, &archive.pool, &gridded.grid, notes)?;
        objects.push(family);
    }
    let names = Names {
        database,
        family: &archive.family,
    };
    for (table, (role, says)) in tables.iter_mut().zip(roles) {
        table.notes.insert(0, says);
        objects.extend(
            table
                .objects(&role, names)
                .with_context(|| table.name.clone())?,
        );
    }
    Ok(objects)
}

fn table(name: &str, created: CreateTable, files: &[File], archive: &Archive) -> Result<Imported> {
    let fields = created.columns.into_iter().map(|(name, column)| {
        let reserved = ["chunkid", "subchunkid"].contains(&name.to_ascii_lowercase().as_str());
        let goes = match column {
            Ok(_) if reserved => Goes::LeftOut("has a name that no column may have".into()),
            Ok(column) => Goes::Column(Box::new(column)),
            Err(why) => Goes::LeftOut(why),
        };
        Field { name, goes }
    });
    // A column that is computed is not among the fields that mysqldump writes.
    let fields = fields
        .filter(|field| !matches!(&field.goes, Goes::LeftOut(why) if why.contains("computed")))
        .collect();
    let rows: Vec<&File> = files
        .iter()
        .filter(|file| file.stem == name && file.ending == "txt")
        .collect();
    let sources = match rows.as_slice() {
        [] => Vec::new(),
        [file] => vec![archive.place.source(&file.inside)?],
        _ => bail!("{name} has several .txt files"),
    };
    let mut notes = Vec::new();
    if sources.is_empty() {
        notes.push("Its .txt file is not in the folder: no ingest is made.".to_owned());
    }
    let charset = created.charset.unwrap_or_else(|| "utf8mb4".into());
    let collation = created
        .collation
        .unwrap_or_else(|| ddl::default_collation(&charset));
    Ok(Imported {
        name: name.to_owned(),
        fields,
        primary_key: created.primary_key,
        keys: created.keys,
        references: created.references,
        charset: Some((charset, collation)),
        description: created.comment,
        notes,
        sources,
        // Each text is written in the character set of its column.
        dialect: json!({"delimiter": "\\t", "charset": "binary"}),
        ..Imported::default()
    })
}
