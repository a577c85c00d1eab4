//! Where the sample sky is: whole chunks around right ascension 0, and clusters inside them.

use orrery_sky::{Bounds, Grid, GridError};

use crate::random::Random;

/// Stripes of the grid that the sky is made for.
pub const STRIPES: u32 = 85;
/// Sub-stripes per stripe of that grid.
pub const SUB_STRIPES: u32 = 12;
/// Overlap of that grid, degrees.
pub const OVERLAP: f64 = 0.016_67;

/// Half the width and height of the area, degrees; chunks whose middle lies inside belong to it.
const REACH: f64 = 12.0;
/// Distance that positions keep from the area's chunk borders, so that rounding cannot carry one
/// outside.
const MARGIN: f64 = 1e-6;
/// Clusters of stars and galaxies.
const CLUSTERS: u64 = 300;
/// Largest distance of a member from its cluster's centre, degrees.
const CLUSTER_REACH: f64 = 0.3;
const KIND_CLUSTER: u64 = 1;

/// What a cluster consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Population {
    /// Stars of one age.
    Stars,
    /// Galaxies of one distance.
    Galaxies,
}

/// A cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    lon: f64,
    lat: f64,
    spread: f64,
    pub(crate) population: Population,
    /// Redshift of the galaxies.
    pub(crate) redshift: f64,
}

/// The area with its clusters.
#[derive(Debug, Clone)]
pub(crate) struct Area {
    chunks: Vec<Bounds>,
    clusters: Vec<Cluster>,
}

/// A position, and the cluster it belongs to.
pub(crate) struct Place<'a> {
    pub(crate) ra: f64,
    pub(crate) decl: f64,
    pub(crate) cluster: Option<&'a Cluster>,
}

impl Area {
    pub(crate) fn new(seed: u64) -> Result<Self, GridError> {
        let grid = Grid::new(STRIPES, SUB_STRIPES, OVERLAP)?;
        let chunks: Vec<Bounds> = grid
            .all_chunks()
            .filter_map(|id| grid.chunk_bounds(id))
            .filter(is_inside)
            .collect();
        let clusters = (0..CLUSTERS)
            .map(|number| cluster(&chunks, &mut Random::new(seed, KIND_CLUSTER, number)))
            .collect();
        Ok(Self { chunks, clusters })
    }

    /// A position of the background, or now and then of a cluster.
    pub(crate) fn place(&self, random: &mut Random) -> Place<'_> {
        let cluster = if random.chance(0.2) {
            pick(&self.clusters, random)
        } else {
            None
        };
        if let Some(cluster) = cluster {
            let (east, north) = random.normal_pair();
            let reach =
                |offset: f64| (offset * cluster.spread).clamp(-CLUSTER_REACH, CLUSTER_REACH);
            let decl = cluster.lat + reach(north);
            let ra = wrap(cluster.lon + reach(east) / cluster.lat.to_radians().cos());
            return Place {
                ra,
                decl,
                cluster: Some(cluster),
            };
        }
        let (ra, decl) = within(&self.chunks, 0.0, random);
        Place {
            ra,
            decl,
            cluster: None,
        }
    }
}

fn is_inside(bounds: &Bounds) -> bool {
    let lon = f64::midpoint(bounds.lon_min, bounds.lon_max);
    let lat = f64::midpoint(bounds.lat_min, bounds.lat_max);
    lat.abs() <= REACH && (lon <= REACH || lon >= 360.0 - REACH)
}

fn cluster(chunks: &[Bounds], random: &mut Random) -> Cluster {
    // In the middle of a chunk, so that no member leaves the area.
    let (lon, lat) = within(chunks, CLUSTER_REACH * 1.1, random);
    let population = if random.chance(0.5) {
        Population::Stars
    } else {
        Population::Galaxies
    };
    Cluster {
        lon,
        lat,
        spread: random.between(0.02, 0.12),
        population,
        redshift: random.between(0.05, 1.2),
    }
}

/// A position in one of the chunks, at least a distance from its borders.
fn within(chunks: &[Bounds], distance: f64, random: &mut Random) -> (f64, f64) {
    let Some(chunk) = pick(chunks, random) else {
        return (0.0, 0.0);
    };
    let distance = distance + MARGIN;
    let south = (chunk.lat_min + distance).to_radians().sin();
    let north = (chunk.lat_max - distance).to_radians().sin();
    // Even on the sphere means even in the sine of the latitude.
    let lat = random.between(south, north).asin().to_degrees();
    (
        random.between(chunk.lon_min + distance, chunk.lon_max - distance),
        lat,
    )
}

fn pick<'a, T>(from: &'a [T], random: &mut Random) -> Option<&'a T> {
    from.get(random.below(from.len() as u64) as usize)
}

/// A longitude brought back into [0, 360).
pub(crate) fn wrap(lon: f64) -> f64 {
    let lon = lon.rem_euclid(360.0);
    if lon < 360.0 { lon } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_100_to_400_whole_chunks_on_both_sides_of_right_ascension_0() {
        let area = Area::new(1).unwrap();
        assert!(
            (100..=400).contains(&area.chunks.len()),
            "{}",
            area.chunks.len()
        );
        assert!(area.chunks.iter().any(|chunk| chunk.lon_min < 1.0));
        assert!(area.chunks.iter().any(|chunk| chunk.lon_min > 350.0));
    }

    #[test]
    fn no_position_leaves_the_area() {
        let area = Area::new(7).unwrap();
        let mut random = Random::new(7, 99, 0);
        for _ in 0..100_000 {
            let place = area.place(&mut random);
            let home = |chunk: &Bounds| {
                (chunk.lon_min..chunk.lon_max).contains(&place.ra)
                    && (chunk.lat_min..chunk.lat_max).contains(&place.decl)
            };
            assert!(area.chunks.iter().any(home), "{} {}", place.ra, place.decl);
        }
    }
}
