//! Cells by which rows near each other are found: bins of longitude in strips of latitude, both
//! twice as wide as rows may be apart.
//!
//! Keeps true: of two positions that are no farther apart than the reach, the cell of one is among
//! the near cells of the other exactly once, rounding errors included. A position lies in one half
//! of its strip, so all that is near it is in that strip or in the next one on that side; it is the
//! same with bins. The bins of a strip divide the circle evenly, so that none is wider where
//! longitudes begin again; where the reach touches a pole the strip is one bin.

use crate::angle::{MARGIN_DEG, max_alpha, reduce_longitude};
use crate::separation::is_position;

/// Least height of a strip, degrees, so that numbers of bins have [`BIN_BITS`].
const LEAST_HEIGHT_DEG: f64 = 1e-4;

/// Bits of a cell's number that are those of its bin.
const BIN_BITS: u32 = 22;

/// How many cells are near a position at most: two strips, of each two bins.
pub const NEAR_CELLS: u32 = 4;

/// How far apart rows may be that are to be found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Half the height of a strip, degrees.
    half: f64,
}

impl Reach {
    /// A reach of so many degrees; `None` when nothing is that near to anything.
    pub fn new(degrees: f64) -> Option<Self> {
        let half = (degrees + MARGIN_DEG).clamp(LEAST_HEIGHT_DEG / 2.0, 180.0);
        (degrees >= 0.0).then_some(Self { half })
    }

    /// The cell of a position; `None` when it is no position. Longitudes may be any.
    pub fn cell(self, lon: f64, lat: f64) -> Option<i64> {
        self.near_cell(lon, lat, 0)
    }

    /// One of the cells in which everything is that is near a position: its own with step 0, then
    /// others, up to [`NEAR_CELLS`]. `None` when there is no such cell, or it has another step.
    pub fn near_cell(self, lon: f64, lat: f64, step: u32) -> Option<i64> {
        if !is_position(lon, lat) || step >= NEAR_CELLS {
            return None;
        }
        let (beside, across) = (step & 1 != 0, step & 2 != 0);
        let strip = place((lat + 90.0) / (2.0 * self.half), across);
        let bins = self.bins(strip);
        if strip < 0.0 || (beside && bins < 2.0) {
            return None;
        }
        // A longitude just below 360 may be rounded into the bin after the last, which is the first.
        let bin = place(reduce_longitude(lon) / 360.0 * bins, beside).rem_euclid(bins);
        Some(((strip as i64) << BIN_BITS) | bin as i64)
    }

    /// Number of bins in a strip: a whole number, at least 1.
    fn bins(self, strip: f64) -> f64 {
        let south = strip * 2.0 * self.half - 90.0;
        let highest = south.abs().max((south + 2.0 * self.half).abs()) + MARGIN_DEG;
        (180.0 / max_alpha(self.half, highest)).floor().max(1.0)
    }
}

/// The whole number at or below `at`, or its neighbour that is nearer to `at`.
fn place(at: f64, neighbour: bool) -> f64 {
    let own = at.floor();
    match (neighbour, at - own < 0.5) {
        (false, _) => own,
        (true, true) => own - 1.0,
        (true, false) => own + 1.0,
    }
}

#[cfg(test)]
mod tests;
