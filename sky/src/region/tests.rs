use std::f64::consts::PI;

use proptest::prelude::*;

use super::*;
use crate::vector::Vector;

fn grid() -> Grid {
    Grid::new(85, 14, 0.01).unwrap()
}

#[test]
fn golden_box_covers_exactly_the_chunks_of_the_reference() {
    let cover = Region::lon_lat_box(-0.1, -6.0, 4.0, 6.0)
        .unwrap()
        .cover(&grid());
    let expected = [
        6630, 6631, 6797, 6800, 6801, 6968, 6970, 6971, 7138, 7140, 7141, 7308, 7310, 7311, 7478,
        7480, 7481, 7648, 7650, 7651, 7817,
    ];
    assert_eq!(cover.chunks().collect::<Vec<_>>(), expected);
    assert_eq!(
        cover.sub_chunks(7140),
        Some(&SubChunks::All),
        "the box holds this chunk whole"
    );
    assert!(matches!(cover.sub_chunks(6797), Some(SubChunks::Some(_))));
}

#[test]
fn the_whole_sky_covers_every_chunk_whole() {
    let grid = Grid::new(18, 10, 0.05).unwrap();
    let whole = [
        Region::lon_lat_box(0.0, -90.0, 360.0, 90.0).unwrap(),
        Region::lon_lat_box(-5.0, -90.0, 400.0, 90.0).unwrap(),
        Region::circle(12.0, 34.0, 180.0).unwrap(),
    ];
    for region in whole {
        let cover = region.cover(&grid);
        assert!(cover.chunks().eq(grid.all_chunks()), "{region:?}");
        assert!(
            cover
                .iter()
                .all(|(_, sub_chunks)| *sub_chunks == SubChunks::All),
            "{region:?}"
        );
    }
}

#[test]
fn a_point_sized_region_covers_one_sub_chunk() {
    let grid = grid();
    let (lon, lat) = (100.003, 20.004);
    let home = grid.locate(lon, lat).unwrap();
    let tiny = [
        Region::circle(lon, lat, 0.0).unwrap(),
        Region::ellipse(lon, lat, 0.01, 0.001, 30.0).unwrap(),
        Region::lon_lat_box(lon, lat, lon, lat).unwrap(),
        Region::convex_polygon(&[(lon - 1e-6, lat), (lon, lat + 1e-6), (lon + 1e-6, lat)]).unwrap(),
    ];
    for region in tiny {
        let cover = region.cover(&grid);
        assert_eq!(cover.len(), 1, "{region:?}");
        assert_eq!(
            cover.sub_chunks(home.chunk),
            Some(&SubChunks::Some(vec![home.sub_chunk])),
            "{region:?}"
        );
    }
}

#[test]
fn an_empty_box_covers_nothing() {
    assert!(
        Region::lon_lat_box(0.0, 5.0, 10.0, 4.0)
            .unwrap()
            .cover(&grid())
            .is_empty()
    );
}

/// Share of the sky that a cover's sub-chunks take, by sampling their middles is too coarse: count
/// cells.
fn cells(cover: &ChunkCover, grid: &Grid) -> usize {
    cover
        .iter()
        .map(|(chunk, sub_chunks)| match sub_chunks {
            SubChunks::All => grid.sub_chunks_of(chunk).count(),
            SubChunks::Some(ids) => ids.len(),
        })
        .sum()
}

#[test]
fn covers_are_tight() {
    // A cell is about 0.15 degrees high and wide. A region of area A and circumference C touches
    // about A / cell + C / side × 4/π cells; allow half as many again.
    let grid = grid();
    let side = 180.0 / (85.0 * 14.0);
    let cases = [
        (Region::circle(200.0, 0.0, 1.0).unwrap(), PI, 2.0 * PI),
        (
            Region::ellipse(80.0, 3.0, 7200.0, 72.0, 45.0).unwrap(),
            PI * 2.0 * 0.02,
            8.0,
        ),
        (
            Region::convex_polygon(&[(10.0, 0.0), (12.0, 0.0), (12.0, 2.0), (10.0, 2.0)]).unwrap(),
            4.0,
            8.0,
        ),
        (
            Region::convex_polygon(&[(10.0, -1.0), (14.0, 3.0), (13.98, 3.02)]).unwrap(),
            0.06,
            11.4,
        ),
    ];
    for (region, area, circumference) in cases {
        let touched = area / (side * side) + circumference / side * 4.0 / PI;
        let found = cells(&region.cover(&grid), &grid) as f64;
        assert!(
            found <= 1.5 * touched + 4.0,
            "{found} cells for {touched} expected: {region:?}"
        );
    }
}

#[test]
fn boxes_follow_the_documented_longitude_rules() {
    let across = Region::lon_lat_box(350.0, 0.0, 10.0, 1.0).unwrap();
    assert!(
        across.contains(355.0, 0.5) && across.contains(5.0, 0.5) && across.contains(360.0, 0.5)
    );
    assert!(!across.contains(180.0, 0.5));
    let unreduced = Region::lon_lat_box(350.0, 0.0, 370.0, 1.0).unwrap();
    assert!(unreduced.contains(5.0, 0.5) && !unreduced.contains(11.0, 0.5));
    let to_360 = Region::lon_lat_box(350.0, 0.0, 360.0, 1.0).unwrap();
    assert!(
        to_360.contains(360.0, 0.0) && to_360.contains(0.0, 0.0) && to_360.contains(350.0, 1.0)
    );
    assert!(!to_360.contains(1e-9, 0.0));
    let backwards = RegionError::BoxLongitudes {
        lon_min: 10.0,
        lon_max: -10.0,
    };
    assert_eq!(Region::lon_lat_box(10.0, 0.0, -10.0, 1.0), Err(backwards));
    assert!(Region::lon_lat_box(370.0, 0.0, 365.0, 1.0).is_err());
    assert!(Region::lon_lat_box(0.0, -90.1, 1.0, 0.0).is_err());
    assert!(Region::lon_lat_box(0.0, 0.0, f64::NAN, 1.0).is_err());
}

#[test]
fn circles_take_radii_from_0_to_180() {
    assert!(Region::circle(0.0, 0.0, -1e-9).is_err());
    assert!(Region::circle(0.0, 0.0, 180.000_001).is_err());
    assert!(Region::circle(0.0, 91.0, 1.0).is_err());
    assert!(Region::circle(f64::INFINITY, 0.0, 1.0).is_err());
    let point = Region::circle(10.0, 20.0, 0.0).unwrap();
    assert!(point.contains(10.0, 20.0) && !point.contains(10.0, 20.000_001));
    assert!(!point.contains(f64::NAN, 20.0) && !point.contains(10.0, f64::NAN));
}

#[test]
fn ellipses_are_measured_in_arc_seconds_east_of_north() {
    let north = Region::ellipse(10.0, 0.0, 3600.0, 360.0, 0.0).unwrap();
    assert!(north.contains(10.0, 0.99) && !north.contains(10.99, 0.0));
    let east = Region::ellipse(10.0, 0.0, 3600.0, 360.0, 90.0).unwrap();
    assert!(east.contains(10.99, 0.0) && !east.contains(10.0, 0.99));
    assert!(
        !east.contains(190.0, 0.0),
        "no second image on the far side"
    );
    assert!(Region::ellipse(0.0, 0.0, 36_000.1, 1.0, 0.0).is_err());
    assert!(Region::ellipse(0.0, 0.0, 1.0, 2.0, 0.0).is_err());
    assert!(Region::ellipse(0.0, 0.0, 1.0, -1.0, 0.0).is_err());
}

#[test]
fn polygons_are_convex_and_have_an_inside() {
    let clockwise =
        Region::convex_polygon(&[(0.0, 0.0), (0.0, 2.0), (2.0, 2.0), (2.0, 0.0)]).unwrap();
    let counter =
        Region::convex_polygon(&[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]).unwrap();
    for polygon in [&clockwise, &counter] {
        assert!(
            polygon.contains(1.0, 1.0)
                && !polygon.contains(3.0, 1.0)
                && !polygon.contains(181.0, -1.0)
        );
    }
    let pole = Region::convex_polygon(&[(0.0, 80.0), (120.0, 80.0), (240.0, 80.0)]).unwrap();
    assert!(pole.contains(77.0, 90.0) && !pole.contains(60.0, 80.0));
    let bow_tie = [(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)];
    assert!(matches!(
        Region::convex_polygon(&bow_tie),
        Err(RegionError::NotConvex { .. } | RegionError::NoArea)
    ));
    let dent = [(0.0, 0.0), (4.0, 0.0), (1.0, 1.0), (0.0, 4.0)];
    assert!(matches!(
        Region::convex_polygon(&dent),
        Err(RegionError::NotConvex { .. })
    ));
    let line = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)];
    assert_eq!(Region::convex_polygon(&line), Err(RegionError::NoArea));
    assert_eq!(
        Region::convex_polygon(&[(5.0, 5.0); 3]),
        Err(RegionError::NoArea)
    );
    assert_eq!(
        Region::convex_polygon(&[(0.0, 0.0); 2]),
        Err(RegionError::VertexCount(2))
    );
    assert_eq!(
        Region::convex_polygon(&[(0.0, 0.0); 21]),
        Err(RegionError::VertexCount(21))
    );
}

#[test]
fn a_polygon_survives_its_byte_string() {
    let polygon = ConvexPolygon::new(&[(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]).unwrap();
    let bytes = polygon.to_bytes();
    assert_eq!(bytes.len(), 24 * 5);
    assert_eq!(ConvexPolygon::from_bytes(&bytes), Ok(polygon));
    for wrong in [0, 24, 72, 119, 24 * 22] {
        assert_eq!(
            ConvexPolygon::from_bytes(&vec![0; wrong]),
            Err(RegionError::NotAPolygon { bytes: wrong })
        );
    }
    assert!(ConvexPolygon::from_bytes(&[0xff; 96]).is_err(), "NaN");
}

/// Positions with the borders of the sphere over-represented.
fn position() -> impl Strategy<Value = (f64, f64)> {
    let below_360 = f64::from_bits(360f64.to_bits() - 1);
    let lon = prop_oneof![
        4 => 0.0..360.0f64,
        1 => prop::sample::select(vec![0.0, 1e-13, 1e-9, 180.0, 359.999_999_999, below_360, 360.0]),
        1 => 359.0..360.0f64,
        1 => 0.0..1.0f64,
    ];
    let lat = prop_oneof![
        4 => -90.0..=90.0f64,
        1 => prop::sample::select(vec![-90.0, 90.0, 0.0, 89.999_999_999, -89.999_999_999, 89.999_8]),
        1 => 88.0..=90.0f64,
        1 => -90.0..=-88.0f64,
    ];
    (lon, lat)
}

fn radius() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => 0.0..5.0f64,
        2 => 0.0..180.0f64,
        1 => 0.0..1e-6f64,
        1 => prop::sample::select(vec![0.0, 1e-12, 90.0, 179.9, 179.999_999_99, 180.0]),
    ]
}

fn region() -> impl Strategy<Value = Region> {
    prop_oneof![
        (position(), radius())
            .prop_map(|((lon, lat), radius)| Region::circle(lon, lat, radius).unwrap()),
        (position(), -400.0..800.0f64, 0.0..400.0f64, 0.0..1.0f64).prop_map(
            |((_, lat), west, width, part)| {
                Region::lon_lat_box(west, lat, west + width, lat + (90.0 - lat) * part).unwrap()
            }
        ),
        (position(), position()).prop_map(|((west, south), (east, north))| {
            Region::lon_lat_box(west, south.min(north), east, south.max(north)).unwrap()
        }),
        (
            position(),
            prop_oneof![0.0..36_000.0f64, 0.0..10.0f64],
            0.0..=1.0f64,
            -720.0..720.0f64
        )
            .prop_map(|((lon, lat), major, flat, angle)| Region::ellipse(
                lon,
                lat,
                major,
                major * flat,
                angle
            )
            .unwrap()),
        (
            position(),
            prop_oneof![1e-6..1.0f64, 1.0..80.0f64],
            3..=20usize,
            0.0..360.0f64
        )
            .prop_filter_map(
                "rounding made it flat",
                |((lon, lat), size, count, turn)| {
                    Region::convex_polygon(&around(lon, lat, size, count, turn)).ok()
                }
            ),
    ]
}

/// Vertices at equal distance from a point.
fn around(lon: f64, lat: f64, size: f64, count: usize, turn: f64) -> Vec<(f64, f64)> {
    (0..count)
        .map(|i| step(lon, lat, size, turn + 360.0 * i as f64 / count as f64))
        .collect()
}

/// The position at a distance and bearing from another, degrees; longitude in [0, 360).
fn step(lon: f64, lat: f64, distance: f64, bearing: f64) -> (f64, f64) {
    let (sin_lon, cos_lon) = lon.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let (sin_b, cos_b) = bearing.to_radians().sin_cos();
    let (sin_d, cos_d) = distance.to_radians().sin_cos();
    let (north, east) = (sin_d * cos_b, sin_d * sin_b);
    let centre = Vector::from_lon_lat(lon, lat);
    let point = Vector {
        x: cos_d * centre.x - north * sin_lat * cos_lon - east * sin_lon,
        y: cos_d * centre.y - north * sin_lat * sin_lon + east * cos_lon,
        z: cos_d * centre.z + north * cos_lat,
    };
    let (lon, lat) = point.to_lon_lat();
    (crate::angle::reduce_longitude(lon), lat)
}

/// Some point inside or on the border of the region, if a few tries find one: uniform points rarely
/// hit.
fn candidates(region: &Region, seed: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut points = seed.to_vec();
    match region {
        Region::Box(_) => {
            let (south, north) = region.latitudes().unwrap_or((0.0, 0.0));
            for &(lon, _) in seed {
                points.extend([
                    (lon, south),
                    (lon, north),
                    (lon, f64::midpoint(south, north)),
                ]);
                for (west, east) in region.longitudes(south, north).intervals() {
                    points.extend(
                        [west, east, west + DILATION_DEG, east - DILATION_DEG]
                            .map(|lon| (lon, south)),
                    );
                }
            }
        }
        Region::Circle(_) | Region::Ellipse(_) | Region::ConvexPolygon(_) => {}
    }
    points
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_cell_of_a_point_inside_a_region_is_in_its_cover(
        region in region(), points in prop::collection::vec(position(), 8), shape in 0..4usize,
    ) {
        let (stripes, sub_stripes) = [(85, 12), (18, 10), (3, 2), (1, 1)][shape];
        let grid = Grid::new(stripes, sub_stripes, 0.0).unwrap();
        let cover = region.cover(&grid);
        for (lon, lat) in candidates(&region, &points) {
            if (0.0..=360.0).contains(&lon) && region.contains(lon, lat) {
                let cell = grid.locate(lon, lat).unwrap();
                prop_assert!(cover.contains(cell), "{lon} {lat} in {cell}");
            }
        }
    }

    #[test]
    fn points_near_a_circles_border_are_covered(
        (lon, lat) in position(), radius in radius(), bearing in 0.0..360.0f64, nudge in -1e-11..1e-11f64,
    ) {
        let grid = Grid::new(85, 12, 0.0).unwrap();
        let region = Region::circle(lon, lat, radius).unwrap();
        let cover = region.cover(&grid);
        for distance in [radius + nudge, radius, radius * 0.5, 0.0] {
            let (lon, lat) = step(lon, lat, distance.max(0.0), bearing);
            if region.contains(lon, lat) {
                prop_assert!(cover.contains(grid.locate(lon, lat).unwrap()), "{lon} {lat}");
            }
        }
    }

    #[test]
    fn points_near_an_ellipses_border_are_covered(
        (lon, lat) in position(), major in 0.0..36_000.0f64, flat in 0.0..=1.0f64, angle in 0.0..360.0f64,
        bearing in 0.0..360.0f64, nudge in 0.999_999..1.000_001f64,
    ) {
        let grid = Grid::new(85, 12, 0.0).unwrap();
        let region = Region::ellipse(lon, lat, major, major * flat, angle).unwrap();
        let cover = region.cover(&grid);
        for share in [1.0, flat, 0.5, 1.01] {
            for bearing in [bearing, angle, angle + 90.0] {
                let (lon, lat) = step(lon, lat, major / 3600.0 * share * nudge, bearing);
                if region.contains(lon, lat) {
                    prop_assert!(cover.contains(grid.locate(lon, lat).unwrap()), "{lon} {lat}");
                }
            }
        }
    }

    #[test]
    fn corners_and_edges_of_a_polygon_are_covered(
        (lon, lat) in position(), size in 1e-5..60.0f64, count in 3..=20usize, turn in 0.0..360.0f64,
        share in 0.0..1.0f64,
    ) {
        let grid = Grid::new(85, 12, 0.0).unwrap();
        let vertices = around(lon, lat, size, count, turn);
        let Ok(region) = Region::convex_polygon(&vertices) else { return Ok(()) };
        let cover = region.cover(&grid);
        let corners: Vec<Vector> = vertices.iter().map(|&(lon, lat)| Vector::from_lon_lat(lon, lat)).collect();
        for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            for share in [0.0, share, 0.5] {
                let point = Vector {
                    x: a.x + share * (b.x - a.x),
                    y: a.y + share * (b.y - a.y),
                    z: a.z + share * (b.z - a.z),
                };
                let (lon, lat) = point.to_lon_lat();
                let lon = crate::angle::reduce_longitude(lon);
                if region.contains(lon, lat) {
                    prop_assert!(cover.contains(grid.locate(lon, lat).unwrap()), "{lon} {lat}");
                }
            }
        }
    }
}
