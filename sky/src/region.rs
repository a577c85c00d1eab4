//! Regions of the sky: the predicate the SQL functions evaluate and the cells it can be true in.
//!
//! Keeps true: the constructors accept what scisql accepts; [`Region::contains`] is the one
//! predicate behind `scisql_s2PtIn*` and `qserv_areaspec_*`; and [`Region::cover`] holds the cell
//! of every point for which the predicate is true, rounding errors included. To that end covers are
//! computed from longitude ranges dilated by far more than any rounding error
//! ([`longitudes::DILATION_DEG`]).

mod cap;
mod check;
mod circle;
mod ellipse;
mod lon_lat_box;
mod longitudes;
mod polygon;
#[cfg(test)]
mod tests;

pub use check::{MAX_POLYGON_VERTICES, MIN_POLYGON_VERTICES, RegionError};
pub use circle::Circle;
pub use ellipse::Ellipse;
pub use lon_lat_box::LonLatBox;
pub use polygon::ConvexPolygon;

use crate::cover::{ChunkCover, SubChunks};
use crate::grid::{Grid, Ring};
use longitudes::{DILATION_DEG, Longitudes};

/// A region of the sky.
#[derive(Debug, Clone, PartialEq)]
pub enum Region {
    /// Limits in longitude and latitude.
    Box(LonLatBox),
    /// Everything within an angle of a point.
    Circle(Circle),
    /// An ellipse on the tangent plane.
    Ellipse(Ellipse),
    /// The inside of great-circle edges.
    ConvexPolygon(ConvexPolygon),
}

impl Region {
    /// A box, degrees. See [`LonLatBox::new`].
    pub fn lon_lat_box(
        lon_min: f64,
        lat_min: f64,
        lon_max: f64,
        lat_max: f64,
    ) -> Result<Self, RegionError> {
        LonLatBox::new(lon_min, lat_min, lon_max, lat_max).map(Self::Box)
    }

    /// A circle, degrees. See [`Circle::new`].
    pub fn circle(lon: f64, lat: f64, radius: f64) -> Result<Self, RegionError> {
        Circle::new(lon, lat, radius).map(Self::Circle)
    }

    /// An ellipse: centre and position angle in degrees, semi-axes in arc seconds. See
    /// [`Ellipse::new`].
    pub fn ellipse(
        lon: f64,
        lat: f64,
        major: f64,
        minor: f64,
        angle: f64,
    ) -> Result<Self, RegionError> {
        Ellipse::new(lon, lat, major, minor, angle).map(Self::Ellipse)
    }

    /// A convex polygon of (longitude, latitude) vertices, degrees. See [`ConvexPolygon::new`].
    pub fn convex_polygon(vertices: &[(f64, f64)]) -> Result<Self, RegionError> {
        ConvexPolygon::new(vertices).map(Self::ConvexPolygon)
    }

    /// Whether a point, degrees, lies in the region. Borders belong to it. Any finite longitude
    /// will do; what is no position (see [`crate::separation::is_position`]) lies in no region.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        match self {
            Self::Box(region) => region.contains(lon, lat),
            Self::Circle(region) => region.contains(lon, lat),
            Self::Ellipse(region) => region.contains(lon, lat),
            Self::ConvexPolygon(region) => region.contains(lon, lat),
        }
    }

    /// The cells of the grid that can hold a point of the region: never one too few, and few too
    /// many.
    pub fn cover(&self, grid: &Grid) -> ChunkCover {
        let mut cover = ChunkCover::empty();
        let Some((south, north)) = self.latitudes() else {
            return cover;
        };
        let first = grid.ring_at((south - DILATION_DEG).max(-90.0));
        let last = grid.ring_at((north + DILATION_DEG).min(90.0));
        let per_stripe = grid.sub_stripes();
        for stripe in first / per_stripe..=last / per_stripe {
            let base = stripe * per_stripe;
            let cells: Vec<Vec<(u32, u32)>> = (base..)
                .zip(grid.rings_of(stripe))
                .map(|(number, ring)| match number {
                    _ if number < first || number > last => Vec::new(),
                    _ => self.cells_of(grid, number, ring),
                })
                .collect();
            cover_stripe(grid.rings_of(stripe), &cells, &mut cover);
        }
        cover
    }

    /// Ranges of cell numbers, ends included, of one ring that the region may touch; ascending,
    /// apart.
    fn cells_of(&self, grid: &Grid, number: u32, ring: &Ring) -> Vec<(u32, u32)> {
        let (south, north) = grid.ring_latitudes(number);
        let (south, north) = (south - DILATION_DEG, north + DILATION_DEG);
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (west, east) in self.longitudes(south, north).intervals() {
            let (first, last) = (ring.cell_at(west), ring.cell_at(east));
            match ranges.last_mut() {
                Some(range) if first <= range.1 + 1 => range.1 = range.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        ranges
    }

    /// Southern and northern limit of the region, `None` when it is empty.
    fn latitudes(&self) -> Option<(f64, f64)> {
        match self {
            Self::Box(region) => region.latitudes(),
            Self::Circle(region) => Some(region.cap().latitudes()),
            Self::Ellipse(region) => Some(region.latitudes()),
            Self::ConvexPolygon(region) => Some(region.latitudes()),
        }
    }

    /// Longitudes of the region between two latitudes: a superset.
    fn longitudes(&self, south: f64, north: f64) -> Longitudes {
        match self {
            Self::Box(region) => region.longitudes(south, north),
            Self::Circle(region) => region.cap().longitudes(south, north),
            Self::Ellipse(region) => cap::common_longitudes(region.caps(), south, north),
            Self::ConvexPolygon(region) => region.longitudes(south, north),
        }
    }
}

/// Adds the chunks of one stripe, given the cell ranges of each of its rings.
fn cover_stripe(rings: &[Ring], cells: &[Vec<(u32, u32)>], cover: &mut ChunkCover) {
    let chunk_ranges = rings.iter().zip(cells).flat_map(|(ring, ranges)| {
        ranges
            .iter()
            .map(|&(first, last)| (first / ring.cells_per_chunk, last / ring.cells_per_chunk))
    });
    let mut chunks: Vec<u32> = chunk_ranges
        .flat_map(|(first, last)| first..=last)
        .collect();
    chunks.sort_unstable();
    chunks.dedup();
    for in_stripe in chunks {
        let mut ids = Vec::new();
        let mut all = 0;
        for (ring, ranges) in rings.iter().zip(cells) {
            let (west, east) = (
                in_stripe * ring.cells_per_chunk,
                (in_stripe + 1) * ring.cells_per_chunk - 1,
            );
            all += ring.cells_per_chunk as usize;
            for &(first, last) in ranges {
                ids.extend(
                    (first.max(west)..=last.min(east)).map(|number| ring.cell(number).sub_chunk),
                );
            }
        }
        let Some(ring) = rings.first() else { return };
        let chunk = ring.cell(in_stripe * ring.cells_per_chunk).chunk;
        cover.insert(
            chunk,
            if ids.len() == all {
                SubChunks::All
            } else {
                SubChunks::Some(ids)
            },
        );
    }
}
