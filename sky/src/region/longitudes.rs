//! Sets of longitudes, as a cover computes them ring by ring.

use crate::angle::reduce_longitude;

/// How much a region is widened before its cells are chosen: 5e-12 radians, some 20,000 times the
/// rounding error of a longitude, and far below a milli arc second.
pub(super) const DILATION_DEG: f64 = 5e-12 * crate::angle::DEG_PER_RAD;

/// Closed intervals of longitude within [0, 360], ascending and apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Longitudes(Vec<(f64, f64)>);

impl Longitudes {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn all() -> Self {
        Self(vec![(0.0, 360.0)])
    }

    /// Eastwards from `west` over `width` degrees, dilated at both ends.
    pub(super) fn arc(west: f64, width: f64) -> Self {
        if width.is_nan() || width + 2.0 * DILATION_DEG >= 360.0 {
            return Self::all();
        }
        let west = reduce_longitude(west - DILATION_DEG);
        let east = west + width + 2.0 * DILATION_DEG;
        if east <= 360.0 {
            Self(vec![(west, east)])
        } else {
            Self(vec![(0.0, east - 360.0), (west, 360.0)])
        }
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        for &(west, east) in &self.0 {
            for &(other_west, other_east) in &other.0 {
                let (west, east) = (west.max(other_west), east.min(other_east));
                if west <= east {
                    common.push((west, east));
                }
            }
        }
        Self(common)
    }

    pub(super) fn intervals(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
