//! `kubectl orrery import`: families, tables and ingests, as YAML, from what another archive left.
//!
//! It asks no cluster, as [`crate::create`] does: what it prints is for a person to read, change and
//! apply, and every object in it is accepted by the rules of the kinds, or nothing is printed. Each
//! kind of archive has a module that reads it into [`tables::Imported`] tables.

mod arguments;
mod ddl;
mod felis;
mod files;
mod hats;
mod mirror;
mod mysqldump;
mod objects;
mod qserv;
mod roles;
mod tables;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use crate::output;
use arguments::{Archive, Felis, Gridded, Hats};
use mirror::Mirror;

/// What to read.
#[derive(Subcommand, Debug)]
pub enum Import {
    /// A catalogue that was prepared for Qserv: a folder with metadata.json, the JSON of its
    /// database and tables, and chunk files. The chunks that files name are compared with those
    /// that are found, row by row.
    Qserv(Archive),
    /// A catalogue in HATS or HiPSCat form: a folder of Parquet files by healpix pixel.
    Hats(Hats),
    /// A folder that `mysqldump --tab` wrote: a .sql and a .txt file for each table.
    Mysqldump(Gridded),
    /// Schemas in Felis YAML: a file, or a folder of them.
    Felis(Felis),
}

/// Prints the YAML.
pub async fn print(import: Import) -> Result<()> {
    output::write(format_args!("{}", yaml(import).await?))?;
    Ok(())
}

async fn yaml(mut import: Import) -> Result<String> {
    let shown = import.archive().path.display().to_string();
    // What it holds goes with it.
    let mirror = Mirror::of(&import.archive().path)?;
    if let Some(mirror) = &mirror {
        let fetched = fetch(&mut import, mirror).await;
        import.archive().path = fetched.with_context(|| shown.clone())?;
    }
    let objects = match &import {
        Import::Qserv(archive) => qserv::objects(archive),
        Import::Hats(hats) => hats::objects(hats),
        Import::Mysqldump(gridded) => mysqldump::objects(gridded),
        Import::Felis(felis) => felis::objects(felis),
    };
    let objects = objects.with_context(|| shown)?;
    Ok(objects::yaml(&objects))
}

/// Fetches what describes an archive; where it is then.
async fn fetch(import: &mut Import, mirror: &Mirror) -> Result<PathBuf> {
    match import {
        Import::Qserv(_) => qserv::fetch(mirror).await?,
        Import::Hats(_) => hats::fetch(mirror).await?,
        Import::Felis(_) => return mirror.itself().await,
        Import::Mysqldump(_) => bail!(
            "an address does not say which files are below it: name a folder, and with --url where its files are"
        ),
    }
    import.archive().place.default_to(mirror.base());
    Ok(mirror.folder().to_owned())
}

impl Import {
    fn archive(&mut self) -> &mut Archive {
        match self {
            Self::Qserv(archive) => archive,
            Self::Hats(hats) => &mut hats.gridded.archive,
            Self::Mysqldump(gridded) => &mut gridded.archive,
            Self::Felis(felis) => &mut felis.gridded.archive,
        }
    }
}

#[cfg(test)]
mod tests;
