//! A catalogue in HATS or HiPSCat form: Parquet files by healpix pixel, and what describes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::arguments::Hats;
use super::files::{existing, in_folder, read};
use super::objects::Object;
use super::tables::{Field, Goes, Imported, Names, Role};
use crate::create::{ColumnRole, Guess, column, describe, guess, table_name};

/// What a catalogue says of itself.
type Properties = BTreeMap<String, String>;

/// Its family, table and ingest.
pub fn objects(hats: &Hats) -> Result<Vec<Object>> {
    let (gridded, archive) = (&hats.gridded, &hats.gridded.archive);
    let properties = properties(&archive.path)?;
    let copies = ["margin", "index", "association"];
    if properties
        .get("dataproduct_type")
        .is_some_and(|kind| copies.contains(&kind.as_str()))
    {
        bail!(
            "it holds copies of rows of another catalogue, or says where they are: both are made here from the catalogue itself"
        );
    }
    let folder = ["dataset", ""].into_iter().find(|folder| {
        let inside = archive.path.join(folder);
        first_order(&inside).is_ok_and(|order| order.is_some())
    });
    let folder = folder.context("no folder Norder=… is in it, or in its folder dataset")?;
    let (imported, role) = table(hats, &properties, folder)?;
    let mut objects = Vec::new();
    if !archive.existing {
        let notes = vec!["Decide: how finely the sky is cut; it never changes.".to_owned()];
        objects.push(Object::family(
            &archive.family,
            &archive.pool,
            &gridded.grid,
            notes,
        )?);
    }
    let names = Names {
        database: archive.database.as_deref().unwrap_or("sky"),
        family: &archive.family,
    };
    objects.extend(imported.objects(&role, names)?);
    Ok(objects)
}

/// The table that the files in `folder` hold.
fn table(hats: &Hats, properties: &Properties, folder: &str) -> Result<(Imported, Role)> {
    let archive = &hats.gridded.archive;
    let sample = first_file(&archive.path.join(folder))?.context("no Parquet file is in it")?;
    let description = describe(File::open(&sample)?, None);
    let found = description.with_context(|| sample.display().to_string())?;
    let (guess, role) = places(hats, properties, &found.fields)?;
    let goes = |index: usize, field: &orrery_formats::Field| match column(
        field,
        ColumnRole::of(&guess, index),
    ) {
        Some(column) => Goes::Column(Box::new(column)),
        None => {
            Goes::LeftOut("holds no single value, or has a name that no column may have".into())
        }
    };
    let fields = found.fields.iter().enumerate().map(|(index, field)| Field {
        name: field.name.clone(),
        goes: goes(index, field),
    });
    let rows = properties
        .get("hats_nrows")
        .map_or_else(String::new, |rows| {
            format!(" The catalogue says that it has {rows} rows.")
        });
    let pattern = match folder {
        "" => "Norder=*/**.parquet".to_owned(),
        folder => format!("{folder}/Norder=*/**.parquet"),
    };
    let imported = Imported {
        name: name(hats, properties),
        fields: fields.collect(),
        notes: vec![format!(
            "Decide: the key, by its name, and that no row has the key of another.{rows}"
        )],
        sources: vec![archive.place.source(&pattern)],
        dialect: json!({"format": "parquet", "notFinite": "null"}),
        named: true,
        ..Imported::default()
    };
    Ok((imported, role))
}

/// The key and the position: what the user and the catalogue say, else guesses.
fn places(
    hats: &Hats,
    properties: &Properties,
    fields: &[orrery_formats::Field],
) -> Result<(Guess, Role)> {
    let guessed = guess(fields);
    let place = |name: &str| {
        let mut fields = fields.iter();
        fields.position(|field| field.name.eq_ignore_ascii_case(name))
    };
    let said = |property: &str| place(properties.get(property)?);
    let position = said("hats_col_ra").zip(said("hats_col_dec"));
    let (longitude, latitude) = position
        .or(guessed.position)
        .context("it says not which columns are the position (hats_col_ra, hats_col_dec)")?;
    let key = match &hats.key {
        Some(key) => place(key).with_context(|| format!("it has no column {key}"))?,
        None => guessed
            .key
            .context("no column looks like a key that names each row once: say it with --key")?,
    };
    let name = |index: usize| fields.get(index).map(|field| field.name.clone());
    let (Some(key_name), Some(ra), Some(dec)) = (name(key), name(longitude), name(latitude)) else {
        bail!("its columns contradict each other");
    };
    let guess = Guess {
        key: Some(key),
        position: Some((longitude, latitude)),
    };
    Ok((guess, Role::Director(key_name, (ra, dec))))
}

fn name(hats: &Hats, properties: &Properties) -> String {
    let said = ["obs_collection", "catalog_name"].map(|name| properties.get(name));
    let folder = hats.gridded.archive.path.file_name();
    let folder = folder.map(|name| name.to_string_lossy().into_owned());
    let own = said.into_iter().flatten().next().cloned().or(folder);
    let named = || table_name(own.as_deref().unwrap_or_default());
    hats.table.clone().unwrap_or_else(named)
}

/// What describes the catalogue: lines `name = value`, or the JSON of HiPSCat.
fn properties(root: &Path) -> Result<Properties> {
    let lines = ["hats.properties", "properties"].map(|name| root.join(name));
    if let Some(path) = lines.into_iter().find_map(existing) {
        let text = read(&path)?;
        let pair = |line: &str| {
            let (name, value) = line.split_once('=')?;
            (!line.starts_with('#')).then(|| (name.trim().to_owned(), value.trim().to_owned()))
        };
        return Ok(text.lines().filter_map(pair).collect());
    }
    let Some(path) = existing(root.join("catalog_info.json")) else {
        if root.join("collection.properties").exists() {
            bail!("it is a collection of catalogues: name the folder of the one to load");
        }
        bail!("it has neither hats.properties nor catalog_info.json");
    };
    let json: BTreeMap<String, Value> =
        serde_json::from_str(&read(&path)?).with_context(|| path.display().to_string())?;
    let mut properties = Properties::new();
    for (own, name) in [
        ("catalog_name", "catalog_name"),
        ("catalog_type", "dataproduct_type"),
        ("ra_column", "hats_col_ra"),
        ("dec_column", "hats_col_dec"),
        ("total_rows", "hats_nrows"),
    ] {
        if let Some(value) = json.get(own) {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            properties.insert(name.to_owned(), text);
        }
    }
    Ok(properties)
}

/// The first folder `Norder=…` of `folder`.
fn first_order(folder: &Path) -> Result<Option<std::path::PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("Norder=") {
            folders.push(entry.path());
        }
    }
    Ok(folders.into_iter().min())
}

/// The first Parquet file below `folder`, by name.
fn first_file(folder: &Path) -> Result<Option<std::path::PathBuf>> {
    let mut folders = vec![first_order(folder)?.context("no folder Norder=…")?];
    while let Some(folder) = folders.pop() {
        if let Some(file) = in_folder(&folder, "")?
            .into_iter()
            .find(|file| file.ending.ends_with("parquet"))
        {
            return Ok(Some(folder.join(file.inside)));
        }
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        folders.sort_by(|a, b| b.cmp(a));
    }
    Ok(None)
}
