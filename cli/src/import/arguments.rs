//! What the commands are given.

use std::path::PathBuf;

use clap::Args;

use super::files::Place;
use super::objects::Grid;

/// What another archive left, and where its files are for the loader.
#[derive(Args, Debug)]
pub struct Archive {
    /// The folder, or its address (http, https).
    pub path: PathBuf,
    /// Where its files are for the loader.
    #[command(flatten)]
    pub place: Place,
    /// The ChunkFamily of the tables.
    #[arg(long, default_value = "sky")]
    pub family: String,
    /// The WorkerPool of the family.
    #[arg(long, default_value = "main")]
    pub pool: String,
    /// The family exists: none is printed.
    #[arg(long)]
    pub existing: bool,
    /// Database of the tables; what the archive says, or else `sky`, when absent.
    #[arg(long)]
    pub database: Option<String>,
}

/// An archive that has no chunks yet.
#[derive(Args, Debug)]
pub struct Gridded {
    /// The archive.
    #[command(flatten)]
    pub archive: Archive,
    /// How the sky is to be cut.
    #[command(flatten)]
    pub grid: Grid,
}

/// A HATS catalogue.
#[derive(Args, Debug)]
pub struct Hats {
    /// The archive.
    #[command(flatten)]
    pub gridded: Gridded,
    /// Name of the table; the catalogue's when absent.
    #[arg(long)]
    pub table: Option<String>,
    /// The column that names each row once; guessed when absent.
    #[arg(long)]
    pub key: Option<String>,
}

/// Felis schemas.
#[derive(Args, Debug)]
pub struct Felis {
    /// The archive.
    #[command(flatten)]
    pub gridded: Gridded,
    /// A folder with a file `TABLE.…`, or a folder `TABLE`, for each table; no ingests are printed
    /// without it.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}
