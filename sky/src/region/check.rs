//! What the numbers of a region have to be.

use thiserror::Error;

/// Fewest vertices of a polygon.
pub const MIN_POLYGON_VERTICES: usize = 3;
/// Most vertices of a polygon.
pub const MAX_POLYGON_VERTICES: usize = 20;

/// Why a region cannot be made from the given numbers.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RegionError {
    /// A number is NaN or infinite.
    #[error("{name} is not a finite number")]
    NotFinite {
        /// Which number.
        name: &'static str,
    },
    /// A latitude is outside [-90, 90].
    #[error("{name} is {value}, outside [-90, 90]")]
    Latitude {
        /// Which latitude.
        name: &'static str,
        /// Its value, degrees.
        value: f64,
    },
    /// The western limit of a box is above the eastern one and one of them is outside [0, 360].
    #[error(
        "the box's longitudes {lon_min} to {lon_max} run backwards and are not both in [0, 360]"
    )]
    BoxLongitudes {
        /// Western limit, degrees.
        lon_min: f64,
        /// Eastern limit, degrees.
        lon_max: f64,
    },
    /// The radius of a circle is outside [0, 180].
    #[error("the radius is {0} degrees, outside [0, 180]")]
    Radius(f64),
    /// The semi-axes of an ellipse are not 0 ≤ minor ≤ major ≤ 36,000.
    #[error(
        "semi-axes of {major} and {minor} arc seconds do not satisfy 0 ≤ minor ≤ major ≤ 36000"
    )]
    SemiAxes {
        /// Semi-major axis, arc seconds.
        major: f64,
        /// Semi-minor axis, arc seconds.
        minor: f64,
    },
    /// A polygon has too few or too many vertices.
    #[error("a polygon has {MIN_POLYGON_VERTICES} to {MAX_POLYGON_VERTICES} vertices, not {0}")]
    VertexCount(usize),
    /// The polygon has a dent, crosses itself or does not fit into half the sky.
    #[error("the polygon is not convex, or spans half the sky or more (seen at vertex {vertex})")]
    NotConvex {
        /// Place of the vertex in the list, from 0.
        vertex: usize,
    },
    /// A byte string does not have the length of a polygon.
    #[error("{bytes} bytes are no polygon")]
    NotAPolygon {
        /// Length of the byte string.
        bytes: usize,
    },
    /// All vertices lie on one great circle.
    #[error("the polygon has no area")]
    NoArea,
}

/// Refuses numbers that are not finite, naming the first.
pub(super) fn check_finite(numbers: &[(&'static str, f64)]) -> Result<(), RegionError> {
    match numbers.iter().find(|(_, value)| !value.is_finite()) {
        Some(&(name, _)) => Err(RegionError::NotFinite { name }),
        None => Ok(()),
    }
}

/// Refuses a latitude outside [-90, 90].
pub(super) fn check_latitude(name: &'static str, value: f64) -> Result<(), RegionError> {
    if (-90.0..=90.0).contains(&value) {
        Ok(())
    } else {
        Err(RegionError::Latitude { name, value })
    }
}
