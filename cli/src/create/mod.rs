//! `kubectl orrery table create`: a table and an ingest, as YAML, from what a file's header says.
//!
//! It asks no cluster: what it prints is for a person to read, change and apply. What it says is
//! accepted by the rules of the kinds, or nothing is printed.

mod columns;
mod describe;
mod guess;
mod manifest;
mod source;

use anyhow::{Context as _, Result};
use clap::Args;
use orrery_crds::accept;

use crate::output;
pub use columns::{Role as ColumnRole, column};
pub use describe::describe;
pub use guess::{Guess, guess};
use manifest::{Names, manifest};
pub use manifest::{object_name, table_name};
pub use source::{head, open};

/// What to make, and from what.
#[derive(Args, Debug)]
pub struct Create {
    /// A file or an address (http, https): CSV, TSV, ECSV, Parquet, FITS or VOTable.
    #[arg(long)]
    from: String,
    /// Database of the table.
    #[arg(long, default_value = "sky")]
    database: String,
    /// Name of the table; made from the file's name when absent.
    #[arg(long)]
    table: Option<String>,
    /// Which table of a FITS or VOTable file with several: its name, or its number from 1.
    #[arg(long, value_name = "TABLE")]
    choose: Option<String>,
    /// The ChunkFamily of the table.
    #[arg(long, default_value = "sky")]
    family: String,
}

/// Prints the YAML.
pub async fn print(create: Create) -> Result<()> {
    let file = source::open(&create.from).await?;
    let description =
        describe(file, create.choose.as_deref()).with_context(|| create.from.clone())?;
    let names = Names {
        database: create.database,
        table: create
            .table
            .unwrap_or_else(|| manifest::table_name(&create.from)),
        family: create.family,
        from: create.from,
    };
    let manifest = manifest(&description, &names)?;
    match &manifest.table {
        manifest::Table::Chunked(spec) => accept::chunked(spec).map(drop),
        manifest::Table::Reference(spec) => accept::reference(spec).map(drop),
    }
    .context("the table that the header gives is not accepted")?;
    output::write(format_args!("{}", manifest.yaml))?;
    Ok(())
}

#[cfg(test)]
mod tests;
