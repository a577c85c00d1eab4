//! Positions that tests of this crate try.

use proptest::prelude::*;

/// Positions with the borders of the sphere over-represented.
pub(crate) fn position() -> impl Strategy<Value = (f64, f64)> {
    let below_360 = f64::from_bits(360f64.to_bits() - 1);
    let lon = prop_oneof![
        4 => 0.0..360.0f64,
        1 => prop::sample::select(vec![0.0, -0.0, f64::MIN_POSITIVE, 1e-13, 90.0, 180.0, below_360, 360.0]),
        1 => 359.9..360.0f64,
        1 => 0.0..0.1f64,
    ];
    let lat = prop_oneof![
        4 => -90.0..=90.0f64,
        1 => prop::sample::select(vec![-90.0, 90.0, 0.0, -1e-300, 89.999_999_999, -89.999_999_999]),
        1 => 89.0..=90.0f64,
        1 => -90.0..=-89.0f64,
    ];
    (lon, lat)
}

/// Where one arrives from a position after so many degrees along a great circle, which begins at an
/// angle east of north.
pub(crate) fn step((lon, lat): (f64, f64), distance: f64, bearing: f64) -> (f64, f64) {
    let (distance, bearing) = (distance.to_radians(), bearing.to_radians());
    let (from, start) = (lat.to_radians(), lon.to_radians());
    let to = (from.sin() * distance.cos() + from.cos() * distance.sin() * bearing.cos())
        .clamp(-1.0, 1.0)
        .asin();
    let east =
        (bearing.sin() * distance.sin() * from.cos()).atan2(distance.cos() - from.sin() * to.sin());
    let lon = (start + east).to_degrees().rem_euclid(360.0);
    (lon, to.to_degrees().clamp(-90.0, 90.0))
}
