use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::testing::{position, step};

fn cell(text: &str) -> Cell {
    let (chunk, sub_chunk) = text.split_once('/').unwrap();
    Cell {
        chunk: chunk.parse().unwrap(),
        sub_chunk: sub_chunk.parse().unwrap(),
    }
}

fn copies(grid: &Grid, lon: f64, lat: f64) -> Vec<u32> {
    let mut copies = Vec::new();
    grid.overlap_chunks(lon, lat, &mut copies).unwrap();
    copies
}

struct Golden {
    grid: (u32, u32, f64),
    chunks: usize,
    sub_chunks: usize,
    stride: u32,
    max_chunk: u32,
    /// Position, home cell, chunks with copies.
    positions: [((f64, f64), &'static str, &'static [u32]); 4],
}

const GOLDEN: [Golden; 3] = [
    Golden {
        grid: (85, 12, 0.01667),
        chunks: 8_983,
        sub_chunks: 1_300_320,
        stride: 69,
        max_chunk: 14280,
        positions: [
            ((0.0, 0.0), "7140/345", &[7308]),
            ((359.9999, 0.0005), "7308/425", &[7140]),
            ((53.0763, -28.1081), "4951/149", &[]),
            ((45.0, 89.9999), "14280/759", &[]),
        ],
    },
    Golden {
        grid: (340, 3, 0.01),
        chunks: 146_332,
        sub_chunks: 1_317_080,
        stride: 12,
        max_chunk: 230_520,
        positions: [
            ((0.0, 0.0), "114920/24", &[115_598, 115_600, 116_278]),
            ((359.9999, 0.0005), "116278/2", &[114_920, 115_598, 115_600]),
            ((53.0763, -28.1081), "78968/24", &[78_967]),
            ((45.0, 89.9999), "230520/24", &[]),
        ],
    },
    Golden {
        grid: (18, 10, 0.05),
        chunks: 368,
        sub_chunks: 39_342,
        stride: 56,
        max_chunk: 612,
        positions: [
            ((0.0, 0.0), "324/0", &[288, 322, 358]),
            ((359.9999, 0.0005), "358/9", &[288, 322, 324]),
            ((53.0763, -28.1081), "220/61", &[]),
            ((45.0, 89.9999), "612/504", &[]),
        ],
    },
];

#[test]
fn golden_grids_have_the_ids_of_the_reference_partitioner() {
    for golden in &GOLDEN {
        let (stripes, sub_stripes, overlap) = golden.grid;
        let grid = Grid::new(stripes, sub_stripes, overlap).unwrap();
        assert_eq!(grid.all_chunks().count(), golden.chunks);
        assert_eq!(grid.chunk_count(), golden.chunks);
        assert_eq!(
            grid.all_chunks()
                .flat_map(|chunk| grid.sub_chunks_of(chunk))
                .count(),
            golden.sub_chunks
        );
        assert_eq!(grid.sub_chunk_stride, golden.stride);
        assert_eq!(grid.all_chunks().last(), Some(golden.max_chunk));
        for ((lon, lat), home, overlap) in golden.positions {
            assert_eq!(
                grid.locate(lon, lat).unwrap(),
                cell(home),
                "{lon} {lat} in {:?}",
                golden.grid
            );
            let mut copies = copies(&grid, lon, lat);
            copies.sort_unstable();
            assert_eq!(copies, overlap, "{lon} {lat} in {:?}", golden.grid);
        }
    }
}

#[test]
fn golden_sub_chunks_of_one_chunk() {
    let grid = Grid::new(85, 12, 0.01667).unwrap();
    let expected: Vec<u32> = (0..12).flat_map(|row| row * 69..row * 69 + 12).collect();
    assert_eq!(grid.sub_chunks_of(9630).collect::<Vec<_>>(), expected);
}

#[test]
fn longitude_360_belongs_to_the_last_cell_and_latitude_90_to_the_last_ring() {
    let grid = Grid::new(85, 12, 0.01667).unwrap();
    let below = f64::from_bits(360f64.to_bits() - 1);
    assert_eq!(grid.locate(360.0, 0.0005), grid.locate(below, 0.0005));
    assert_ne!(grid.locate(360.0, 0.0005), grid.locate(0.0, 0.0005));
    assert_eq!(grid.locate(10.0, 90.0).unwrap().chunk, 14280);
    assert_eq!(
        grid.locate(10.0, -90.0).unwrap(),
        Cell {
            chunk: 0,
            sub_chunk: 0
        }
    );
}

#[test]
fn positions_off_the_sphere_are_refused() {
    let grid = Grid::new(18, 10, 0.05).unwrap();
    for lon in [-1e-12, 360.000_000_1, f64::INFINITY, f64::NAN] {
        assert!(
            matches!(grid.locate(lon, 0.0), Err(PositionError::Longitude(_))),
            "{lon}"
        );
        assert!(grid.overlap_chunks(lon, 0.0, &mut Vec::new()).is_err());
    }
    for lat in [90.000_000_1, -91.0, f64::NEG_INFINITY, f64::NAN] {
        assert!(
            matches!(grid.locate(0.0, lat), Err(PositionError::Latitude(_))),
            "{lat}"
        );
    }
}

#[test]
fn bulk_assignment_equals_single_assignment_and_names_the_bad_position() {
    let grid = Grid::new(85, 12, 0.01667).unwrap();
    let lon: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.36).collect();
    let lat: Vec<f64> = (0..1000).map(|i| f64::from(i) * 0.18 - 90.0).collect();
    let mut all = Vec::new();
    grid.locate_all(&lon, &lat, &mut all).unwrap();
    let single: Vec<Cell> = lon
        .iter()
        .zip(&lat)
        .map(|(&lon, &lat)| grid.locate(lon, lat).unwrap())
        .collect();
    assert_eq!(all, single);
    let bad = grid.locate_all(&[1.0, 2.0], &[0.0, 95.0], &mut all);
    assert_eq!(
        bad,
        Err(Misplaced::Position {
            index: 1,
            source: PositionError::Latitude(95.0)
        })
    );
    assert!(matches!(
        grid.locate_all(&[1.0], &[], &mut all),
        Err(Misplaced::Lengths { .. })
    ));
    assert_eq!(all.len(), 1000, "nothing is appended on an error");
}

#[test]
fn grids_that_cannot_be_are_refused() {
    assert!(matches!(
        Grid::new(0, 3, 0.0),
        Err(GridError::NoStripes { .. })
    ));
    assert!(matches!(
        Grid::new(3, 0, 0.0),
        Err(GridError::NoStripes { .. })
    ));
    assert!(matches!(
        Grid::new(u32::MAX, u32::MAX, 0.0),
        Err(GridError::TooFine { .. })
    ));
    assert!(matches!(
        Grid::new(648_000, 1, 0.0),
        Err(GridError::IdsTooLarge { what: "chunk", .. })
    ));
    assert!(matches!(
        Grid::new(1, 648_000, 0.0),
        Err(GridError::IdsTooLarge {
            what: "sub-chunk",
            ..
        })
    ));
    for overlap in [-0.1, 10.1, f64::NAN] {
        assert!(matches!(
            Grid::new(1, 1, overlap),
            Err(GridError::OverlapOutOfRange { .. })
        ));
    }
    assert!(matches!(
        Grid::new(85, 12, 0.2),
        Err(GridError::OverlapAboveSubStripe { .. })
    ));
    assert!(matches!(
        Grid::new(85, 12, 180.0 / 1020.0),
        Err(GridError::OverlapAboveSubChunk { .. })
    ));
}

#[test]
fn a_chunk_id_outside_the_grid_is_no_chunk() {
    let grid = Grid::new(18, 10, 0.05).unwrap();
    let valid: BTreeSet<u32> = grid.all_chunks().collect();
    for chunk in 0..=700 {
        assert_eq!(
            grid.is_valid_chunk(chunk),
            valid.contains(&chunk),
            "{chunk}"
        );
        assert_eq!(grid.chunk_bounds(chunk).is_some(), valid.contains(&chunk));
        assert_eq!(
            grid.sub_chunks_of(chunk).next().is_some(),
            valid.contains(&chunk)
        );
    }
    assert!(!grid.is_valid_chunk(u32::MAX));
}

fn grid() -> impl Strategy<Value = Grid> {
    let shapes = vec![
        (85, 12, 0.016_67),
        (18, 10, 0.05),
        (3, 1, 5.0),
        (1, 1, 0.0),
        (2, 2, 1.0),
        (7, 5, 0.5),
    ];
    prop::sample::select(shapes)
        .prop_map(|(stripes, sub, overlap)| Grid::new(stripes, sub, overlap).unwrap())
}

/// Positions at and around corners of chunks.
fn corner() -> impl Strategy<Value = (Grid, (f64, f64))> {
    let off = || prop_oneof![Just(0.0), -1.5..1.5f64];
    (grid(), any::<prop::sample::Index>(), off(), off()).prop_map(|(grid, number, east, north)| {
        let chunks: Vec<u32> = grid.all_chunks().collect();
        let bounds = grid.chunk_bounds(*number.get(&chunks)).unwrap();
        let lat = (bounds.lat_min + north * grid.overlap()).clamp(-90.0, 90.0);
        let wide = grid.overlap() / lat.to_radians().cos().max(1e-3);
        let lon = (bounds.lon_min + east * wide).rem_euclid(360.0);
        (grid, (lon, lat))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_position_has_a_home_within_its_chunks_bounds((lon, lat) in position(), grid in grid()) {
        let home = grid.locate(lon, lat).unwrap();
        prop_assert!(grid.is_valid_chunk(home.chunk));
        prop_assert!(grid.sub_chunks_of(home.chunk).any(|id| id == home.sub_chunk));
        let bounds = grid.chunk_bounds(home.chunk).unwrap();
        prop_assert!(bounds.lon_min - 1e-9 <= lon && lon <= bounds.lon_max + 1e-9);
        prop_assert!(bounds.lat_min - 1e-9 <= lat && lat <= bounds.lat_max + 1e-9);
    }

    #[test]
    fn copies_are_in_chunks_other_than_the_home_each_once((lon, lat) in position(), grid in grid()) {
        let copies = copies(&grid, lon, lat);
        let home = grid.locate(lon, lat).unwrap();
        let unique: BTreeSet<u32> = copies.iter().copied().collect();
        prop_assert_eq!(unique.len(), copies.len());
        for copy in copies {
            prop_assert!(copy != home.chunk);
            prop_assert!(grid.is_valid_chunk(copy));
        }
    }

    #[test]
    fn a_chunk_with_a_point_within_the_overlap_holds_the_row_or_its_copy(
        (grid, (lon, lat)) in prop_oneof![(grid(), position()), corner()],
        part in prop_oneof![0.0..=1.0f64, Just(1.0)], bearing in 0.0..360.0f64,
    ) {
        let near = step((lon, lat), grid.overlap() * part, bearing);
        let separation = crate::separation::spherical(lon, lat, near.0, near.1).unwrap();
        // The last step of all may be rounded to a little more.
        if separation > grid.overlap() {
            return Ok(());
        }
        let other = grid.locate(near.0, near.1).unwrap();
        let home = grid.locate(lon, lat).unwrap();
        let copies = copies(&grid, lon, lat);
        prop_assert!(
            other.chunk == home.chunk || copies.contains(&other.chunk),
            "{near:?} in {other}, home {home}, copies {copies:?}"
        );
    }

    #[test]
    fn a_row_in_the_middle_of_a_chunk_has_no_copy(number in any::<prop::sample::Index>(), grid in grid()) {
        let chunks: Vec<u32> = grid.all_chunks().collect();
        let bounds = grid.chunk_bounds(*number.get(&chunks)).unwrap();
        let lon = f64::midpoint(bounds.lon_min, bounds.lon_max);
        let lat = f64::midpoint(bounds.lat_min, bounds.lat_max);
        // Large overlaps reach to the border from everywhere.
        if grid.overlap() < 0.1 {
            prop_assert_eq!(copies(&grid, lon, lat), Vec::<u32>::new());
        }
    }
}
