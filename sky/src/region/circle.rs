//! Circles: everything within an angle of a point.

use super::cap::Cap;
use super::check::{RegionError, check_finite, check_latitude};
use crate::angle::{RAD_PER_DEG, reduce_longitude};
use crate::separation::{is_position, squared_chord};

/// A circle on the sky, its border included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    lon: f64,
    lat: f64,
    radius: f64,
    /// Squared chord of the radius: comparing squared chords saves an arc sine per point.
    limit: f64,
}

impl Circle {
    /// A circle around a point, all in degrees; the radius lies in [0, 180].
    pub fn new(lon: f64, lat: f64, radius: f64) -> Result<Self, RegionError> {
        check_finite(&[
            ("the centre's longitude", lon),
            ("the centre's latitude", lat),
            ("the radius", radius),
        ])?;
        check_latitude("the centre's latitude", lat)?;
        if !(0.0..=180.0).contains(&radius) {
            return Err(RegionError::Radius(radius));
        }
        let half_chord = (radius * 0.5 * RAD_PER_DEG).sin();
        Ok(Self {
            lon: reduce_longitude(lon),
            lat,
            radius,
            limit: 4.0 * half_chord * half_chord,
        })
    }

    /// Whether a point, degrees, lies in the circle.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        is_position(lon, lat)
            && (lat - self.lat).abs() <= self.radius
            && squared_chord(lon, lat, self.lon, self.lat) <= self.limit
    }

    pub(super) fn cap(&self) -> Cap {
        Cap::new(self.lon, self.lat, self.radius)
    }
}
