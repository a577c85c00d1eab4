//! A catalogue in HATS or HiPSCat form: Parquet files by healpix pixel, and what describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::arguments::Hats;
use super::files::{existing, in_folder, read};
use super::mirror::Mirror;
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
        orders(&inside).is_ok_and(|orders| !orders.is_empty())
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
    let files = files(&archive.path, folder)?;
    // Of a catalogue at an address one file was fetched.
    let mut samples = files.iter().map(|file| archive.path.join(file));
    let sample = samples.find(|file| file.metadata().is_ok_and(|found| found.len() > 0));
    let sample = sample.context("no Parquet file is in it")?;
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
        sources: archive.place.sources(&files, &[pattern])?,
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

/// The folders `Norder=…` of `folder`.
fn orders(folder: &Path) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("Norder=") && entry.path().is_dir() {
            folders.push(name);
        }
    }
    Ok(folders)
}

/// The Parquet files of the catalogue in `folder` of `root`, as paths below `root`.
fn files(root: &Path, folder: &str) -> Result<Vec<String>> {
    let within = |folder: &str, name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    let orders = orders(&root.join(folder))?.into_iter();
    let mut folders: Vec<String> = orders.map(|order| within(folder, &order)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let inside = in_folder(root, &folder)?.into_iter();
        let inside = inside.filter(|file| file.inside.ends_with(".parquet"));
        files.extend(inside.map(|file| file.inside));
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            if entry.path().is_dir() {
                folders.push(within(&folder, &entry.file_name().to_string_lossy()));
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Fetches what describes it, and the first of its files; the others are those that it lists.
pub async fn fetch(mirror: &Mirror) -> Result<()> {
    let mut of_hats = false;
    for name in ["hats.properties", "properties"] {
        of_hats = of_hats || mirror.text(name).await?.is_some();
    }
    if !of_hats {
        mirror.needed("catalog_info.json").await?;
    }
    let list = mirror.needed("partition_info.csv").await?;
    let mut files = pixels(&list)?.into_iter().map(|(order, pixel)| {
        let folder = pixel / FOLDER * FOLDER;
        let name = format!("Norder={order}/Dir={folder}/Npix={pixel}.parquet");
        if of_hats {
            format!("dataset/{name}")
        } else {
            name
        }
    });
    let first = files.next().context("partition_info.csv lists no pixel")?;
    mirror.sample(&first).await?;
    files.try_for_each(|file| mirror.note(&file))
}

/// Pixels of one folder.
const FOLDER: u64 = 10_000;

/// Order and number of each pixel of the list, in order.
fn pixels(list: &str) -> Result<BTreeSet<(u8, u64)>> {
    let mut lines = list.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<&str> = lines
        .next()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let place = |name| header.iter().position(|own| *own == name);
    let (Some(order), Some(pixel)) = (place("Norder"), place("Npix")) else {
        bail!("partition_info.csv has no columns Norder and Npix");
    };
    let pixels = lines.map(|line| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let own = fields.get(order).zip(fields.get(pixel));
        let own = own.and_then(|(order, pixel)| Some((order.parse().ok()?, pixel.parse().ok()?)));
        own.with_context(|| format!("partition_info.csv: `{line}` is no pixel"))
    });
    pixels.collect()
}
