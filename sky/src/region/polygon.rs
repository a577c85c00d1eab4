//! Convex polygons with great-circle edges.

use super::cap::{Cap, common_longitudes};
use super::check::{MAX_POLYGON_VERTICES, MIN_POLYGON_VERTICES, RegionError, check_latitude};
use super::longitudes::Longitudes;
use crate::angle::DEG_PER_RAD;
use crate::separation::is_position;
use crate::vector::Vector;

/// How far outside an edge a vertex may seem to lie by rounding, radians (20 micro arc seconds).
const CONVEXITY_TOLERANCE: f64 = 1e-10;
/// Smallest sine of the angle between two edges whose crossing is still known to
/// [`CROSSING_ERROR`].
const LEAST_CROSSING: f64 = 1e-7;
/// How well the crossing of two edges is known, radians: rounding divided by [`LEAST_CROSSING`],
/// and a margin.
const CROSSING_ERROR: f64 = 1e-8;
/// Smallest distance of the middle from every edge, radians, for a polygon to have an inside.
const LEAST_DEPTH: f64 = 1e-15;

/// A convex polygon smaller than half the sky, its border included.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvexPolygon {
    /// Sum of the vertices: a direction inside.
    middle: Vector,
    /// Normals of the edges' great circles, pointing inwards.
    edges: Vec<Vector>,
    /// One hemisphere per edge.
    caps: Vec<Cap>,
    /// Southern and northern limit, dilated.
    latitudes: (f64, f64),
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
        let middle = corners.iter().fold(
            Vector {
                x: 0.0,
                y: 0.0,
                z: 0.0,
            },
            |sum, &corner| sum + corner,
        );
        let edges = inward_normals(&corners, middle)?;
        check_convex(&corners, &edges)?;
        Ok(Self::from_edges(middle, edges))
    }

    /// The polygon as scisql's byte string: the sum of the vertices, then the edges' inward
    /// normals, as little-endian triples of doubles. 24 × (edges + 1) bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let vectors = std::iter::once(&self.middle).chain(&self.edges);
        vectors
            .flat_map(|vector| [vector.x, vector.y, vector.z])
            .flat_map(f64::to_le_bytes)
            .collect()
    }

    /// The polygon of a byte string made by [`Self::to_bytes`] or by scisql.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RegionError> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let numbers: Vec<f64> = numbers
            .iter()
            .map(|number| f64::from_le_bytes(*number))
            .collect();
        let (vectors, incomplete) = numbers.as_chunks::<3>();
        let edges = vectors.len().saturating_sub(1);
        if !rest.is_empty()
            || !incomplete.is_empty()
            || !(MIN_POLYGON_VERTICES..=MAX_POLYGON_VERTICES).contains(&edges)
        {
            return Err(RegionError::NotAPolygon { bytes: bytes.len() });
        }
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(RegionError::NotFinite { name: "an edge" });
        }
        let mut vectors = vectors.iter().map(|&[x, y, z]| Vector { x, y, z });
        let Some(middle) = vectors.next() else {
            return Err(RegionError::NotAPolygon { bytes: bytes.len() });
        };
        Ok(Self::from_edges(middle, vectors.collect()))
    }

    fn from_edges(middle: Vector, edges: Vec<Vector>) -> Self {
        let caps = edges.iter().map(|&edge| Cap::around(edge, 90.0)).collect();
        let latitudes = latitudes(&edges);
        Self {
            middle,
            edges,
            caps,
            latitudes,
        }
    }

    /// Whether a point, degrees, lies in the polygon.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        if !is_position(lon, lat) {
            return false;
        }
        let point = Vector::from_lon_lat(lon, lat);
        self.edges.iter().all(|&edge| point.dot(edge) >= 0.0)
    }

    pub(super) fn latitudes(&self) -> (f64, f64) {
        self.latitudes
    }

    pub(super) fn longitudes(&self, south: f64, north: f64) -> Longitudes {
        let (lowest, highest) = self.latitudes;
        common_longitudes(&self.caps, south.max(lowest), north.min(highest))
    }
}

/// Southern and northern limit of the common part of the edges' hemispheres, dilated.
///
/// A limit lies at a pole, at the turning point of one edge's great circle, or where two of them
/// cross. Where two are so nearly the same that their crossing is lost to rounding, the limits are
/// the poles.
fn latitudes(edges: &[Vector]) -> (f64, f64) {
    let inside = |point: &Vector| {
        edges
            .iter()
            .all(|edge| point.dot(*edge) >= -CROSSING_ERROR * edge.norm())
    };
    let mut candidates = vec![
        Vector {
            x: 0.0,
            y: 0.0,
            z: 1.0,
        },
        Vector {
            x: 0.0,
            y: 0.0,
            z: -1.0,
        },
    ];
    for (index, edge) in edges.iter().enumerate() {
        let level = edge.x.hypot(edge.y);
        if level > 0.0 {
            let turning = Vector {
                x: -edge.x * edge.z / level,
                y: -edge.y * edge.z / level,
                z: level,
            };
            candidates.extend([turning.unit(), -turning.unit()]);
        }
        for other in edges.iter().skip(index + 1) {
            let crossing = edge.unit().cross(other.unit());
            if crossing.norm() < LEAST_CROSSING {
                return (-90.0, 90.0);
            }
            candidates.extend([crossing.unit(), -crossing.unit()]);
        }
    }
    let limits = candidates
        .iter()
        .filter(|point| inside(point))
        .map(|point| point.to_lon_lat().1);
    let (south, north) = limits.fold((90.0_f64, -90.0_f64), |(low, high), lat| {
        (low.min(lat), high.max(lat))
    });
    let error = CROSSING_ERROR * DEG_PER_RAD;
    ((south - error).max(-90.0), (north + error).min(90.0))
}

/// Normals of the edges between distinct neighbours, turned so that the middle of the vertices is
/// inside.
fn inward_normals(corners: &[Vector], middle: Vector) -> Result<Vec<Vector>, RegionError> {
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
        if depth.is_nan() || depth <= LEAST_DEPTH {
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
