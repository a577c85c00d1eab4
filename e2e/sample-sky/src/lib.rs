//! A made-up but realistic sky, the same for the same size and seed.
//!
//! Database `sky` has three tables: `Object` (stars, galaxies and quasars with magnitudes in six
//! bands), `Source` (what each exposure saw of an object: a light curve) and `Filter` (the six
//! bands). Every row is computed from the seed and its own number alone, so a table can be cut into
//! any number of files, and any one file can be written without the others, in memory that does not
//! grow.
//!
//! The objects fill whole chunks of the 85 × 12 grid around right ascension 0, each about equally.

#![forbid(unsafe_code)]

mod area;
mod field;
mod filter;
pub mod manifests;
mod object;
mod part;
mod random;
mod schema;
pub mod server;
mod source;

pub use area::{OVERLAP, STRIPES, SUB_STRIPES};
pub use part::{Blocks, MAX_FILES, MAX_OBJECTS, Part, PartError, Sky, Table};
pub use schema::{ColumnSpec, columns};

/// Changes whenever the same size and seed would give other rows; part of every file's entity tag.
pub const GENERATOR_VERSION: u32 = 1;
