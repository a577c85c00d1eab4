//! Convex polygons with great-circle edges.

use super::cap::Cap;
use super::{RegionError, check_latitude};
use crate::separation::is_position;
use crate::vector::Vector;

/// Fewest vertices of a polygon.
pub const MIN_POLYGON_VERTICES: usize = 3;
/// Most vertices of a polygon.
pub const MAX_POLYGON_VERTICES: usize = 20;

/// How far outside an edge a vertex may seem to lie by rounding, radians (20 micro arc seconds).
const CONVEXITY_TOLERANCE: f64 = 1e-10;
/// Smallest distance of the middle from every edge, radians, for a polygon to have an inside.
const LEAST_DEPTH: f64 = 1e-15;

/// A convex polygon smaller than half the sky, its border included.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvexPolygon {
    /// Normals of the edges' great circles, pointing inwards.
    edges: Vec<Vector>,
    /// One hemisphere per edge.
    caps: Vec<Cap>,
}

impl ConvexPolygon {
    /// A polygon of 3 to 20 (longitude, latitude) vertices in degrees, in either orientation.
    ///
    /// Convexity is checked, where scisql takes any vertices and answers for something else.
    pub fn new(vertices: &[(f64, f64)]) -> Result<Self, RegionError> {
        if !(MIN_POLYGON_VERTICES..=MAX_POLYGON_VERTICES).contains(&vertices.len()) {
            return Err(RegionError::VertexCount(vertices.len()));
        }
        for &(lon, lat) in vertices {
            if !lon.is_finite() || !lat.is_finite() {
                return Err(RegionError::NotFinite { name: "a vertex" });
            }
            check_latitude("the latitude of a vertex", lat)?;
        }
        let corners: Vec<Vector> = vertices
            .iter()
            .map(|&(lon, lat)| Vector::from_lon_lat(lon, lat))
            .collect();
        let edges = inward_normals(&corners)?;
        check_convex(&corners, &edges)?;
        let caps = edges.iter().map(|&edge| Cap::around(edge, 90.0)).collect();
        Ok(Self { edges, caps })
    }

    /// Whether a point, degrees, lies in the polygon.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        if !is_position(lon, lat) {
            return false;
        }
        let point = Vector::from_lon_lat(lon, lat);
        self.edges.iter().all(|&edge| point.dot(edge) >= 0.0)
    }

    pub(super) fn caps(&self) -> &[Cap] {
        &self.caps
    }
}

/// Normals of the edges between distinct neighbours, turned so that the middle of the vertices is inside.
fn inward_normals(corners: &[Vector]) -> Result<Vec<Vector>, RegionError> {
    let middle = corners.iter().fold(
        Vector {
            x: 0.0,
            y: 0.0,
            z: 0.0,
        },
        |sum, &corner| sum + corner,
    );
    let following = corners.iter().cycle().skip(1);
    let mut edges: Vec<Vector> = corners
        .iter()
        .zip(following)
        .map(|(&from, &to)| from.robust_cross(to))
        // A vertex given twice makes an edge without direction, which bounds nothing.
        .filter(|edge| edge.norm() > 0.0)
        .collect();
    let Some(first) = edges.first() else {
        return Err(RegionError::NoArea);
    };
    if middle.dot(*first) < 0.0 {
        for edge in &mut edges {
            *edge = -*edge;
        }
    }
    for (vertex, edge) in edges.iter().enumerate() {
        let depth = middle.dot(*edge) / edge.norm();
        if depth < -CONVEXITY_TOLERANCE {
            return Err(RegionError::NotConvex { vertex });
        }
        // Written so that NaN fails.
        if !(depth > LEAST_DEPTH) {
            return Err(RegionError::NoArea);
        }
    }
    Ok(edges)
}

/// Refuses polygons with a vertex outside one of their edges.
fn check_convex(corners: &[Vector], edges: &[Vector]) -> Result<(), RegionError> {
    let outside = |corner: &Vector| {
        edges
            .iter()
            .any(|edge| corner.dot(*edge) < -CONVEXITY_TOLERANCE * edge.norm())
    };
    match corners.iter().position(outside) {
        Some(vertex) => Err(RegionError::NotConvex { vertex }),
        None => Ok(()),
    }
}
