//! Where things are on the sky: the chunk grid, regions and the maths of the SQL functions.
//!
//! This crate is pure: no I/O, no clock, no global state, no `unsafe`. Everything that must agree
//! about a position shares it: the loader places rows with [`Grid::locate`] and
//! [`Grid::overlap_chunks`], the czar prunes with [`Region::cover`], and the SQL functions inside
//! mysqld answer with [`Region::contains`]. Two promises tie them together:
//!
//! - `Grid` gives the same chunk and sub-chunk numbers, bit for bit, as Qserv's partitioner;
//! - for any region and any point, `region.contains(point)` implies that the point's cell is in the
//!   region's cover, so pruning never loses a row.
//!
//! All angles are degrees unless a name says otherwise.

#![forbid(unsafe_code)]

mod angle;
mod cover;
mod grid;
pub mod htm;
mod near;
mod overlap;
pub mod photometry;
mod region;
pub mod separation;
pub mod statistics;
#[cfg(test)]
mod testing;
mod vector;

pub use cover::{ChunkCover, SubChunks};
pub use grid::{Bounds, Cell, Grid, GridError, Misplaced, PositionError};
pub use near::{NEAR_CELLS, Reach};
pub use region::{
    Circle, ConvexPolygon, Ellipse, LonLatBox, MAX_POLYGON_VERTICES, MIN_POLYGON_VERTICES, Region,
    RegionError,
};
