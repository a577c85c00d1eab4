//! Two databases with the same tables.
//!
//! A statement costs the servers as much as it reads tables: chunks times segments, for a join those
//! of both. Most statements therefore ask the database whose rows lie in few tables; every kind of
//! statement asks the other one as well.

use orrery_dev::archive::TableData;

use super::extreme::with_extreme;
use crate::data::{Layout, SKY};

/// Rows in many chunks.
pub const MANY: Layout = SKY;

/// Rows in few chunks, each in up to two segments.
pub const FEW: Layout = Layout {
    database: "few",
    segments: 2,
    longitudes: (10.0, 30.0),
    latitudes: (-10.0, 10.0),
};

/// The tables of both databases, with so many objects in each.
pub fn tables(objects: i64) -> anyhow::Result<Vec<TableData>> {
    let mut tables = with_extreme(&MANY, objects)?;
    tables.extend(with_extreme(&FEW, objects)?);
    Ok(tables)
}
