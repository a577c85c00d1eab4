//! Angle arithmetic shared by the grid and the regions.
//!
//! The grid part repeats the floating-point operations of Qserv's partitioner in the same order, so
//! that a row on the border of two cells lands in the same one.

/// One arc second: closer to a pole than this, a band of latitude counts as the polar cap.
pub(crate) const POLE_EPSILON_DEG: f64 = 1.0 / 3600.0;

/// Degrees by which what rows are found by is wider than it must be: far more than any rounding
/// error.
pub(crate) const MARGIN_DEG: f64 = 1e-9;

/// Radians per degree, rounded to the nearest double.
pub(crate) const RAD_PER_DEG: f64 = 0.017_453_292_519_943_295;

/// Degrees per radian, rounded to the nearest double.
pub(crate) const DEG_PER_RAD: f64 = 57.295_779_513_082_32;

/// Number of equal longitude segments for a latitude band, such that two points in segments that do
/// not touch are at least `width` apart.
///
/// Never 0; 1 for a band that reaches a pole and for widths of half a circle and more.
pub(crate) fn segments(lat_a: f64, lat_b: f64, width: f64) -> u32 {
    let lat = lat_a.abs().max(lat_b.abs());
    if lat > 90.0 - POLE_EPSILON_DEG || width >= 180.0 {
        return 1;
    }
    let lat = lat * RAD_PER_DEG;
    let cos_width = (width * RAD_PER_DEG).cos();
    let sin_lat = lat.sin();
    let cos_lat = lat.cos();
    let x = cos_width - sin_lat * sin_lat;
    let u = cos_lat * cos_lat;
    let y = (u * u - x * x).abs().sqrt();
    (360.0 / (DEG_PER_RAD * y.atan2(x)).abs()).floor() as u32
}

/// Half-width in longitude that surely holds every point within `radius` of a point at latitude
/// `lat`.
pub(crate) fn max_alpha(radius: f64, lat: f64) -> f64 {
    if radius == 0.0 {
        return 0.0;
    }
    let lat = lat.clamp(-90.0, 90.0);
    if lat.abs() + radius > 90.0 - POLE_EPSILON_DEG {
        return 180.0;
    }
    let radius = radius * RAD_PER_DEG;
    let lat = lat * RAD_PER_DEG;
    let y = radius.sin();
    let x = ((lat - radius).cos() * (lat + radius).cos()).abs().sqrt();
    DEG_PER_RAD * (y / x).atan().abs()
}

/// The same longitude in [0, 360).
pub(crate) fn reduce_longitude(lon: f64) -> f64 {
    let reduced = lon.rem_euclid(360.0);
    // A tiny negative remainder rounds up to 360 itself.
    if reduced >= 360.0 { 0.0 } else { reduced }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact by definition")]
mod tests {
    use super::*;

    #[test]
    fn the_ring_below_the_polar_cap_has_five_segments() {
        let height = 180.0 / 85.0;
        assert_eq!(segments(90.0 - height, 90.0, height), 1);
        assert_eq!(segments(90.0 - 2.0 * height, 90.0 - height, height), 5);
        assert_eq!(
            segments(90.0 - 3.0 * height, 90.0 - 2.0 * height, height),
            12
        );
    }

    #[test]
    fn half_width_is_the_whole_circle_at_a_pole_and_nothing_without_overlap() {
        assert_eq!(max_alpha(0.0, 89.9), 0.0);
        assert_eq!(max_alpha(0.1, 89.95), 180.0);
        assert!((max_alpha(0.5, 0.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn reduction_never_gives_360() {
        assert_eq!(reduce_longitude(-1e-300), 0.0);
        assert_eq!(reduce_longitude(360.0), 0.0);
        assert_eq!(reduce_longitude(-90.0), 270.0);
    }
}
