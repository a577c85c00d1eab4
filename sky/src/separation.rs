//! Angular separation of two points, as `scisql_angSep` computes it.

use crate::angle::{DEG_PER_RAD, RAD_PER_DEG};
use crate::vector::Vector;

/// Whether a pair is a position: both finite and the latitude in [-90, 90]. Longitudes may be any.
pub fn is_position(lon: f64, lat: f64) -> bool {
    lon.is_finite() && (-90.0..=90.0).contains(&lat)
}

/// Separation in degrees of two positions in degrees; `None` unless both are positions.
pub fn spherical(lon1: f64, lat1: f64, lon2: f64, lat2: f64) -> Option<f64> {
    if !is_position(lon1, lat1) || !is_position(lon2, lat2) {
        return None;
    }
    let half_chord = (squared_chord(lon1, lat1, lon2, lat2) * 0.25).sqrt();
    Some((2.0 * DEG_PER_RAD * half_chord.asin()).min(180.0))
}

/// Separation in degrees of two vectors of any length; `None` unless all six components are finite.
///
/// The zero vector has no direction; its separation from anything is 0, as in scisql.
pub fn cartesian(first: [f64; 3], second: [f64; 3]) -> Option<f64> {
    if !first
        .iter()
        .chain(&second)
        .all(|component| component.is_finite())
    {
        return None;
    }
    let (a, b) = (scaled(first), scaled(second));
    let sine = a.cross(b).norm();
    let cosine = a.dot(b);
    if sine == 0.0 && cosine == 0.0 {
        return Some(0.0);
    }
    Some((sine.atan2(cosine) * DEG_PER_RAD).min(180.0))
}

/// The vector divided by its largest component, so that products neither overflow nor vanish.
fn scaled([x, y, z]: [f64; 3]) -> Vector {
    let largest = x.abs().max(y.abs()).max(z.abs());
    if largest == 0.0 {
        Vector { x, y, z }
    } else {
        Vector {
            x: x / largest,
            y: y / largest,
            z: z / largest,
        }
    }
}

/// Squared straight-line distance of two positions on the unit sphere, in [0, 4].
pub(crate) fn squared_chord(lon1: f64, lat1: f64, lon2: f64, lat2: f64) -> f64 {
    let x = ((lon1 - lon2) * RAD_PER_DEG * 0.5).sin();
    let x = x * x;
    let y = ((lat1 - lat2) * RAD_PER_DEG * 0.5).sin();
    let y = y * y;
    let z = ((lat1 + lat2) * RAD_PER_DEG * 0.5).cos();
    let z = z * z;
    (4.0 * (x * (z - y) + y)).clamp(0.0, 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_separations() {
        assert!((spherical(0.0, 0.0, 0.0, 90.0).unwrap() - 90.0).abs() < 1e-12);
        assert_eq!(spherical(0.0, 0.0, 180.0, 0.0), Some(180.0));
        assert_eq!(
            spherical(12.5, 33.0, 372.5, 33.0).map(|s| s < 1e-12),
            Some(true)
        );
        assert_eq!(cartesian([1.0, 0.0, 0.0], [0.0, 0.0, 1e-200]), Some(90.0));
        assert_eq!(cartesian([0.0; 3], [1.0, 2.0, 3.0]), Some(0.0));
    }

    #[test]
    fn what_is_no_position_has_no_separation() {
        assert_eq!(spherical(0.0, 90.0001, 0.0, 0.0), None);
        assert_eq!(spherical(f64::NAN, 0.0, 0.0, 0.0), None);
        assert_eq!(spherical(f64::INFINITY, 0.0, 0.0, 0.0), None);
        assert_eq!(cartesian([f64::NAN, 0.0, 0.0], [1.0, 0.0, 0.0]), None);
    }

    #[test]
    fn small_separations_keep_their_digits() {
        let arcsecond = 1.0 / 3600.0;
        let measured = spherical(10.0, 60.0, 10.0, 60.0 + arcsecond * 1e-3).unwrap_or_default();
        assert!(
            (measured / (arcsecond * 1e-3) - 1.0).abs() < 1e-6,
            "{measured}"
        );
    }
}
