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
mod mysqldump;
mod objects;
mod qserv;
mod roles;
mod tables;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::output;
use arguments::{Archive, Felis, Gridded, Hats};

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
pub fn print(import: &Import) -> Result<()> {
    output::write(format_args!("{}", yaml(import)?))?;
    Ok(())
}

fn yaml(import: &Import) -> Result<String> {
    let (archive, objects) = match import {
        Import::Qserv(archive) => (archive, qserv::objects(archive)),
        Import::Hats(hats) => (&hats.gridded.archive, hats::objects(hats)),
        Import::Mysqldump(gridded) => (&gridded.archive, mysqldump::objects(gridded)),
        Import::Felis(felis) => (&felis.gridded.archive, felis::objects(felis)),
    };
    let objects = objects.with_context(|| archive.path.display().to_string())?;
    Ok(objects::yaml(&objects))
}

#[cfg(test)]
mod tests;
