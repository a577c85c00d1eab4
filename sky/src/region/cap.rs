//! Spherical caps, the building block of covers: a circle is one, an edge of a polygon bounds one
//! of 90 degrees, an ellipse lies in five.

use super::longitudes::{DILATION_DEG, Longitudes};
use crate::angle::{DEG_PER_RAD, POLE_EPSILON_DEG, RAD_PER_DEG};
use crate::vector::Vector;

/// From this radius on a cap counts as the whole sky: distances close to 180 degrees are known to
/// about 1e-8 radians only, more than the dilation.
const WHOLE_SKY_DEG: f64 = 179.9;

/// All points within an angle of a centre, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cap {
    lon: f64,
    lat: f64,
    radius: f64,
}

impl Cap {
    pub(super) fn new(lon: f64, lat: f64, radius: f64) -> Self {
        Self { lon, lat, radius }
    }

    /// The cap around the direction of a vector.
    pub(super) fn around(direction: Vector, radius: f64) -> Self {
        let (lon, lat) = direction.to_lon_lat();
        Self { lon, lat, radius }
    }

    /// Southern and northern limit.
    pub(super) fn latitudes(&self) -> (f64, f64) {
        if self.radius >= WHOLE_SKY_DEG {
            return (-90.0, 90.0);
        }
        (
            (self.lat - self.radius).max(-90.0),
            (self.lat + self.radius).min(90.0),
        )
    }

    /// Longitudes of the cap between two latitudes: a superset, dilated.
    pub(super) fn longitudes(&self, south: f64, north: f64) -> Longitudes {
        if self.radius >= WHOLE_SKY_DEG {
            return Longitudes::all();
        }
        let radius = self.radius + DILATION_DEG;
        let south = south.max(self.lat - radius).max(-90.0);
        let north = north.min(self.lat + radius).min(90.0);
        if south > north {
            return Longitudes::none();
        }
        let mut widest = self
            .half_width(south, radius)
            .max(self.half_width(north, radius));
        // Between the ends the half-width has one extremum at most, where a meridian touches the
        // cap.
        let touching = (self.lat * RAD_PER_DEG).sin() / (radius * RAD_PER_DEG).cos();
        if touching.abs() <= 1.0 {
            let touching = touching.asin() * DEG_PER_RAD;
            // The comparison is generous: evaluating a point next to the band only widens the
            // answer.
            if (south - POLE_EPSILON_DEG..=north + POLE_EPSILON_DEG).contains(&touching) {
                widest = widest.max(self.half_width(touching, radius));
            }
        }
        if widest < 0.0 {
            Longitudes::none()
        } else {
            Longitudes::arc(self.lon - widest, 2.0 * widest)
        }
    }

    /// Half the longitude range of the cap at a latitude that it reaches, degrees.
    fn half_width(&self, lat: f64, radius: f64) -> f64 {
        let offset = lat - self.lat;
        // sin²(radius/2) − sin²(offset/2) as a product, which keeps its digits when the two are
        // close.
        let rise = ((radius + offset) * 0.5 * RAD_PER_DEG).sin()
            * ((radius - offset) * 0.5 * RAD_PER_DEG).sin();
        if lat.abs() > 90.0 - POLE_EPSILON_DEG || self.lat.abs() > 90.0 - POLE_EPSILON_DEG {
            // A meridian is too short here to distinguish longitudes.
            return 180.0;
        }
        let spread = (lat * RAD_PER_DEG).cos() * (self.lat * RAD_PER_DEG).cos();
        // Below 0 by rounding only, at the cap's ends.
        let sine_squared = (rise / spread).max(0.0);
        if sine_squared < 1.0 {
            2.0 * DEG_PER_RAD * sine_squared.sqrt().asin()
        } else {
            180.0
        }
    }
}

/// Longitudes common to all caps between two latitudes: a superset.
pub(super) fn common_longitudes(caps: &[Cap], south: f64, north: f64) -> Longitudes {
    let mut common = Longitudes::all();
    for cap in caps {
        common = common.intersect(&cap.longitudes(south, north));
        if common.is_empty() {
            break;
        }
    }
    common
}
