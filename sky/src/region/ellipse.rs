//! Ellipses, as scisql defines them: on the plane that touches the sphere at the centre.

use super::cap::Cap;
use super::check::{RegionError, check_finite, check_latitude};
use crate::angle::{DEG_PER_RAD, RAD_PER_DEG, reduce_longitude};
use crate::separation::is_position;
use crate::vector::Vector;

const ARCSEC_PER_DEG: f64 = 3600.0;
/// Largest semi-major axis, arc seconds (10 degrees).
const MAX_SEMI_MAJOR: f64 = 36_000.0;

/// An ellipse on the sky, its border included: the points whose orthographic projection on the
/// centre's tangent plane lies in a plane ellipse.
///
/// Unlike scisql's, it has no second image on the far side of the sky.
#[derive(Debug, Clone, PartialEq)]
pub struct Ellipse {
    centre: Vector,
    /// Unit vectors along the two axes.
    axes: (Vector, Vector),
    /// Semi-axes as lengths on the unit sphere's tangent plane.
    lengths: (f64, f64),
    /// The caps whose intersection encloses the ellipse.
    caps: [Cap; 5],
}

impl Ellipse {
    /// An ellipse: centre in degrees, semi-axes in arc seconds (0 ≤ minor ≤ major ≤ 36,000),
    /// position angle of the major axis in degrees east of north.
    pub fn new(
        lon: f64,
        lat: f64,
        major: f64,
        minor: f64,
        angle: f64,
    ) -> Result<Self, RegionError> {
        check_finite(&[
            ("the centre's longitude", lon),
            ("the centre's latitude", lat),
            ("the semi-major axis", major),
            ("the semi-minor axis", minor),
            ("the position angle", angle),
        ])?;
        check_latitude("the centre's latitude", lat)?;
        if !(0.0 <= minor && minor <= major && major <= MAX_SEMI_MAJOR) {
            return Err(RegionError::SemiAxes { major, minor });
        }
        let lon = reduce_longitude(lon);
        let axes = axes(lon, lat, angle);
        let lengths = (
            major * RAD_PER_DEG / ARCSEC_PER_DEG,
            minor * RAD_PER_DEG / ARCSEC_PER_DEG,
        );
        let beyond = |length: f64| 90.0 + length.asin() * DEG_PER_RAD;
        let caps = [
            Cap::new(lon, lat, lengths.0.asin() * DEG_PER_RAD),
            Cap::around(axes.0, beyond(lengths.0)),
            Cap::around(-axes.0, beyond(lengths.0)),
            Cap::around(axes.1, beyond(lengths.1)),
            Cap::around(-axes.1, beyond(lengths.1)),
        ];
        Ok(Self {
            centre: Vector::from_lon_lat(lon, lat),
            axes,
            lengths,
            caps,
        })
    }

    /// Whether a point, degrees, lies in the ellipse.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        if !is_position(lon, lat) {
            return false;
        }
        let point = Vector::from_lon_lat(lon, lat);
        point.dot(self.centre) >= 0.0
            && ratio_squared(point.dot(self.axes.0), self.lengths.0)
                + ratio_squared(point.dot(self.axes.1), self.lengths.1)
                <= 1.0
    }

    pub(super) fn latitudes(&self) -> (f64, f64) {
        let [enclosing, ..] = &self.caps;
        enclosing.latitudes()
    }

    pub(super) fn caps(&self) -> &[Cap] {
        &self.caps
    }
}

/// Unit vectors along the major and minor axis.
fn axes(lon: f64, lat: f64, angle: f64) -> (Vector, Vector) {
    let (sin_lon, cos_lon) = (lon * RAD_PER_DEG).sin_cos();
    let (sin_lat, cos_lat) = (lat * RAD_PER_DEG).sin_cos();
    let (sin, cos) = (angle * RAD_PER_DEG).sin_cos();
    let north = Vector {
        x: -sin_lat * cos_lon,
        y: -sin_lat * sin_lon,
        z: cos_lat,
    };
    let east = Vector {
        x: -sin_lon,
        y: cos_lon,
        z: 0.0,
    };
    let combine = |n: f64, e: f64| Vector {
        x: n * north.x + e * east.x,
        y: n * north.y + e * east.y,
        z: n * north.z + e * east.z,
    };
    (combine(cos, sin), combine(-sin, cos))
}

/// `(offset / length)²`, where an axis of no length lets only an offset of 0 through.
fn ratio_squared(offset: f64, length: f64) -> f64 {
    if offset == 0.0 {
        return 0.0;
    }
    let ratio = offset / length;
    ratio * ratio
}
