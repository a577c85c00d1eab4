//! Three-vectors: unit vectors of positions and normals of great circles.

use std::ops::{Add, Neg, Sub};

use crate::angle::{DEG_PER_RAD, RAD_PER_DEG};

/// A vector in the frame where longitude 0, latitude 0 is +x and the north pole is +z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Vector {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) z: f64,
}

impl Vector {
    /// The unit vector of a position in degrees.
    pub(crate) fn from_lon_lat(lon: f64, lat: f64) -> Self {
        let (sin_lon, cos_lon) = (lon * RAD_PER_DEG).sin_cos();
        let (sin_lat, cos_lat) = (lat * RAD_PER_DEG).sin_cos();
        Self {
            x: cos_lon * cos_lat,
            y: sin_lon * cos_lat,
            z: sin_lat,
        }
    }

    pub(crate) fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    pub(crate) fn cross(self, other: Self) -> Self {
        Self {
            x: self.y * other.z - self.z * other.y,
            y: self.z * other.x - self.x * other.z,
            z: self.x * other.y - self.y * other.x,
        }
    }

    /// Twice the cross product, computed so that nearly equal vectors lose no digits.
    pub(crate) fn robust_cross(self, other: Self) -> Self {
        (self - other).cross(self + other)
    }

    pub(crate) fn norm(self) -> f64 {
        self.dot(self).sqrt()
    }

    /// The vector scaled to length 1; it must have a length.
    pub(crate) fn unit(self) -> Self {
        let norm = self.norm();
        Self {
            x: self.x / norm,
            y: self.y / norm,
            z: self.z / norm,
        }
    }

    /// Longitude in (-180, 180] and latitude of the direction, degrees; the x axis for the zero
    /// vector.
    pub(crate) fn to_lon_lat(self) -> (f64, f64) {
        let lon = self.y.atan2(self.x) * DEG_PER_RAD;
        let lat = self.z.atan2(self.x.hypot(self.y)) * DEG_PER_RAD;
        (lon, lat.clamp(-90.0, 90.0))
    }
}

impl Add for Vector {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
            z: self.z + other.z,
        }
    }
}

impl Sub for Vector {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            x: self.x - other.x,
            y: self.y - other.y,
            z: self.z - other.z,
        }
    }
}

impl Neg for Vector {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            x: -self.x,
            y: -self.y,
            z: -self.z,
        }
    }
}
