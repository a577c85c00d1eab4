//! Boxes in longitude and latitude.

use super::check::{RegionError, check_finite, check_latitude};
use super::longitudes::{DILATION_DEG, Longitudes};
use crate::angle::reduce_longitude;
use crate::separation::is_position;

/// A box in longitude and latitude, both limits included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LonLatBox {
    /// Longitudes from west to east, reduced to [0, 360), or `None` for the whole circle.
    longitudes: Option<(f64, f64)>,
    lat_min: f64,
    lat_max: f64,
}

impl LonLatBox {
    /// A box in degrees.
    ///
    /// With both longitudes in [0, 360] the first may be above the second: the box then spans
    /// longitude 0. Otherwise they must ascend, may have any size, and 360 degrees or more apart
    /// mean the whole circle. A box with `lat_min > lat_max` is empty, not an error.
    pub fn new(
        lon_min: f64,
        lat_min: f64,
        lon_max: f64,
        lat_max: f64,
    ) -> Result<Self, RegionError> {
        check_finite(&[
            ("the minimum longitude", lon_min),
            ("the minimum latitude", lat_min),
            ("the maximum longitude", lon_max),
            ("the maximum latitude", lat_max),
        ])?;
        check_latitude("the minimum latitude", lat_min)?;
        check_latitude("the maximum latitude", lat_max)?;
        if lon_max < lon_min && (lon_max < 0.0 || lon_min > 360.0) {
            return Err(RegionError::BoxLongitudes { lon_min, lon_max });
        }
        let longitudes = (lon_max - lon_min < 360.0)
            .then(|| (reduce_longitude(lon_min), reduce_longitude(lon_max)));
        Ok(Self {
            longitudes,
            lat_min,
            lat_max,
        })
    }

    /// Whether a point, degrees, lies in the box.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        if !is_position(lon, lat) || lat < self.lat_min || lat > self.lat_max {
            return false;
        }
        let Some((west, east)) = self.longitudes else {
            return true;
        };
        let lon = reduce_longitude(lon);
        if west <= east {
            west <= lon && lon <= east
        } else {
            west <= lon || lon <= east
        }
    }

    pub(super) fn latitudes(&self) -> Option<(f64, f64)> {
        (self.lat_min <= self.lat_max).then_some((self.lat_min, self.lat_max))
    }

    pub(super) fn longitudes(&self, south: f64, north: f64) -> Longitudes {
        if self.lat_max < south - DILATION_DEG || self.lat_min > north + DILATION_DEG {
            return Longitudes::none();
        }
        match self.longitudes {
            None => Longitudes::all(),
            Some((west, east)) if west <= east => Longitudes::arc(west, east - west),
            Some((west, east)) => Longitudes::arc(west, east + 360.0 - west),
        }
    }
}
