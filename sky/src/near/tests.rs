use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::separation::spherical;
use crate::testing::{position, step};

/// A reach with a strip of two bins.
const TWO_BINS: f64 = 180.0 / 41.05;

/// Reaches from nothing to everything, the usual ones more often.
fn reach() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => prop::sample::select(vec![0.0, 1e-7, 4.9e-5, 5e-5, 1.0 / 3600.0, 0.0025, 0.016_67, 0.05]),
        2 => 1e-4..0.1f64,
        1 => 0.1..=10.0f64,
        1 => prop::sample::select(vec![TWO_BINS, 30.0, 45.0, 59.9, 60.0, 89.9, 90.0, 100.0, 180.0]),
    ]
}

/// Bearings, with the four along meridians and parallels over-represented.
fn bearing() -> impl Strategy<Value = f64> {
    prop_oneof![
        2 => 0.0..360.0f64,
        1 => prop::sample::select(vec![0.0, 90.0, 180.0, 270.0]),
    ]
}

/// Positions at the borders of strips of a reach, also of the last ones before the poles.
fn at_a_border() -> impl Strategy<Value = ((f64, f64), f64)> {
    let number = prop_oneof![0u32..8, Just(u32::MAX), any::<u32>()];
    let off = prop::sample::select(vec![0.0, 1e-14, -1e-14, 1e-9, -1e-9]);
    (reach(), number, off, position(), any::<bool>()).prop_map(
        |(degrees, number, off, (lon, _), mirrored)| {
            let half = Reach::new(degrees).unwrap().half;
            let strips = (180.0 / (2.0 * half)) as u32;
            let lat = f64::from(number % (strips + 1)) * half - 90.0 + off;
            let lat = if mirrored { -lat } else { lat };
            ((lon, lat.clamp(-90.0, 90.0)), degrees)
        },
    )
}

fn near_cells(reach: Reach, (lon, lat): (f64, f64)) -> Vec<i64> {
    (0..NEAR_CELLS)
        .filter_map(|step| reach.near_cell(lon, lat, step))
        .collect()
}

fn meets_once(
    home: (f64, f64),
    degrees: f64,
    part: f64,
    bearing: f64,
) -> Result<(), TestCaseError> {
    let near = step(home, degrees * part, bearing);
    // The last step of all may be rounded to a little more.
    if spherical(home.0, home.1, near.0, near.1).unwrap() > degrees {
        return Ok(());
    }
    let reach = Reach::new(degrees).unwrap();
    for (home, near) in [(home, near), (near, home)] {
        let cells = near_cells(reach, home);
        let own = reach.cell(near.0, near.1).unwrap();
        let met = cells.iter().filter(|cell| **cell == own).count();
        prop_assert_eq!(
            met,
            1,
            "{:?} in {}, near {:?}: {:?}",
            near,
            own,
            home,
            cells
        );
    }
    Ok(())
}

fn part() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..=1.0f64, Just(1.0), Just(0.999_999_999)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_within_the_reach_is_met_once(
        home in position(), degrees in reach(), part in part(), bearing in bearing(),
    ) {
        meets_once(home, degrees, part, bearing)?;
    }

    #[test]
    fn what_is_within_the_reach_of_a_border_is_met_once(
        (home, degrees) in at_a_border(), part in part(), bearing in bearing(),
    ) {
        meets_once(home, degrees, part, bearing)?;
    }

    #[test]
    fn no_cell_is_near_a_position_twice(home in position(), degrees in reach()) {
        let cells = near_cells(Reach::new(degrees).unwrap(), home);
        prop_assert_eq!(cells.iter().collect::<BTreeSet<_>>().len(), cells.len());
        prop_assert!(cells.iter().all(|cell| *cell >= 0));
    }

    #[test]
    fn what_is_far_away_is_not_met(
        (lon, lat) in (0.0..=360.0f64, -80.0..=80.0f64), degrees in 1e-4..0.05f64,
        far in 6.0..100.0f64, bearing in bearing(),
    ) {
        let near = step((lon, lat), degrees * far, bearing);
        let reach = Reach::new(degrees).unwrap();
        let own = reach.cell(near.0, near.1).unwrap();
        prop_assert!(!near_cells(reach, (lon, lat)).contains(&own));
    }
}

#[test]
fn what_is_as_far_as_the_reach_is_met_from_the_middle_of_a_strip() {
    for degrees in [1.0 / 3600.0, 0.0025, 0.016_67, 0.05] {
        let reach = Reach::new(degrees).unwrap();
        // Where the middles are, and where they would be if strips were as high as they must be.
        for half in [reach.half, degrees] {
            for number in 0..3_000 {
                let middle = f64::from(2 * number + 1) * half - 90.0;
                for lat in [middle, middle.next_up(), middle.next_down()] {
                    for near in [lat + degrees, lat - degrees] {
                        if spherical(0.0, lat, 0.0, near).is_some_and(|far| far <= degrees) {
                            let own = reach.cell(0.0, near).unwrap();
                            assert!(near_cells(reach, (0.0, lat)).contains(&own), "{lat} {near}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn longitude_360_is_longitude_0() {
    let reach = Reach::new(0.0025).unwrap();
    for lat in [-90.0, -89.9, -30.0, 0.0, 60.0, 89.999, 90.0] {
        assert_eq!(reach.cell(360.0, lat), reach.cell(0.0, lat), "{lat}");
        assert_eq!(reach.cell(-1.0, lat), reach.cell(359.0, lat), "{lat}");
        let below = f64::from_bits(360f64.to_bits() - 1);
        let cells = near_cells(reach, (below, lat));
        assert!(cells.contains(&reach.cell(0.0, lat).unwrap()), "{lat}");
    }
}

#[test]
fn of_two_bins_each_is_near_the_other_once_and_one_bin_is_near_itself() {
    let reach = Reach::new(TWO_BINS).unwrap();
    let bins: Vec<u32> = (0..21)
        .map(|strip| reach.bins(f64::from(strip)) as u32)
        .collect();
    assert_eq!((bins[0], bins[19], bins[20]), (1, 2, 1), "{bins:?}");
    // In the northern half of the strip of two bins, so that the one bin at the pole is near, too.
    let lat = 19.6 * 2.0 * reach.half - 90.0;
    for lon in [0.0, 89.0, 91.0, 180.0, 300.0, 360.0] {
        assert_eq!(near_cells(reach, (lon, lat)).len(), 3, "{lon}");
    }
}

#[test]
fn what_is_no_position_has_no_cell_as_it_has_no_separation() {
    let reach = Reach::new(0.05).unwrap();
    for (lon, lat) in [
        (f64::NAN, 0.0),
        (0.0, f64::NAN),
        (f64::INFINITY, 0.0),
        (0.0, f64::NEG_INFINITY),
        (0.0, 90.000_000_1),
        (0.0, -91.0),
    ] {
        assert_eq!(spherical(lon, lat, 0.0, 0.0), None);
        for step in 0..NEAR_CELLS {
            assert_eq!(reach.near_cell(lon, lat, step), None, "{lon} {lat}");
        }
    }
    assert_eq!(reach.near_cell(0.0, 0.0, NEAR_CELLS), None);
    for nothing in [-0.01, f64::NAN, f64::NEG_INFINITY] {
        assert_eq!(Reach::new(nothing), None, "{nothing}");
    }
    assert!(Reach::new(f64::INFINITY).unwrap().cell(0.0, 0.0).is_some());
}
