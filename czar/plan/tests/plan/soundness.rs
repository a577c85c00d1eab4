//! Property: a row that satisfies WHERE lies in a chunk of the plan (docs/design/query.md#pruning).

use crate::common::{grid, typical};
use orrery_plan::{Plan, Work, plan};
use orrery_sky::Region;
use proptest::prelude::*;

/// A condition on a position, as SQL and as a function.
#[derive(Clone, Debug)]
enum Condition {
    LonBetween(f64, f64),
    LatBetween(f64, f64),
    LonLess(f64),
    LonMore(f64),
    LatMore(f64),
    Box([f64; 4]),
    Circle([f64; 3]),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    fn sql(&self) -> String {
        match self {
            Self::LonBetween(a, b) => format!("ra BETWEEN {a:?} AND {b:?}"),
            Self::LatBetween(a, b) => format!("decl BETWEEN {a:?} AND {b:?}"),
            Self::LonLess(a) => format!("ra < {a:?}"),
            Self::LonMore(a) => format!("{a:?} <= ra"),
            Self::LatMore(a) => format!("decl > {a:?}"),
            Self::Box([a, b, c, d]) => {
                format!("scisql_s2PtInBox(ra, decl, {a:?}, {b:?}, {c:?}, {d:?}) = 1")
            }
            Self::Circle([a, b, r]) => {
                format!("scisql_s2PtInCircle(ra, decl, {a:?}, {b:?}, {r:?}) = 1")
            }
            Self::Not(inner) => format!("NOT ({})", inner.sql()),
            Self::And(left, right) => format!("({}) AND ({})", left.sql(), right.sql()),
            Self::Or(left, right) => format!("({}) OR ({})", left.sql(), right.sql()),
        }
    }

    /// A region that cannot be made is NULL, which is true for no row; its negation neither.
    fn holds(&self, lon: f64, lat: f64) -> Option<bool> {
        Some(match self {
            Self::LonBetween(a, b) => (*a..=*b).contains(&lon),
            Self::LatBetween(a, b) => (*a..=*b).contains(&lat),
            Self::LonLess(a) => lon < *a,
            Self::LonMore(a) => *a <= lon,
            Self::LatMore(a) => lat > *a,
            Self::Box([a, b, c, d]) => Region::lon_lat_box(*a, *b, *c, *d).ok()?.contains(lon, lat),
            Self::Circle([a, b, r]) => Region::circle(*a, *b, *r).ok()?.contains(lon, lat),
            Self::Not(inner) => !inner.holds(lon, lat)?,
            Self::And(left, right) => match (left.holds(lon, lat), right.holds(lon, lat)) {
                (Some(false), _) | (_, Some(false)) => false,
                (left, right) => left? && right?,
            },
            Self::Or(left, right) => match (left.holds(lon, lat), right.holds(lon, lat)) {
                (Some(true), _) | (_, Some(true)) => true,
                (left, right) => left? || right?,
            },
        })
    }
}

fn longitude() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..360.0_f64,
        Just(0.0),
        Just(360.0),
        Just(359.999_999_999_9),
        -20.0..20.0_f64
    ]
}

fn latitude() -> impl Strategy<Value = f64> {
    prop_oneof![-90.0..90.0_f64, Just(90.0), Just(-90.0), 85.0..90.0_f64]
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        (longitude(), longitude()).prop_map(|(a, b)| Condition::LonBetween(a, b)),
        (latitude(), latitude()).prop_map(|(a, b)| Condition::LatBetween(a, b)),
        longitude().prop_map(Condition::LonLess),
        longitude().prop_map(Condition::LonMore),
        latitude().prop_map(Condition::LatMore),
        (longitude(), latitude(), longitude(), latitude())
            .prop_map(|(a, b, c, d)| Condition::Box([a, b, c, d])),
        (longitude(), latitude(), 0.0..30.0_f64).prop_map(|(a, b, r)| Condition::Circle([a, b, r])),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
            pair.clone()
                .prop_map(|(left, right)| Condition::And(Box::new(left), Box::new(right))),
            pair.prop_map(|(left, right)| Condition::Or(Box::new(left), Box::new(right))),
        ]
    })
}

fn keeps(plan: &Plan, chunk: u32) -> bool {
    match &plan.work {
        Work::Chunks(work) => work
            .selection
            .area
            .as_ref()
            .is_none_or(|area| area.contains(&chunk)),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_matching_row_lies_in_the_plan(
        condition in condition(),
        points in prop::collection::vec((prop_oneof![0.0..=360.0_f64, Just(360.0)], latitude()), 40),
    ) {
        let sql = format!("SELECT objectId FROM Object WHERE {}", condition.sql());
        let plan = plan(&sql, &typical(), Some("sky")).unwrap();
        for (lon, lat) in points {
            if condition.holds(lon, lat) == Some(true) {
                let chunk = grid().locate(lon, lat).unwrap().chunk;
                prop_assert!(keeps(&plan, chunk), "{sql} loses {lon}, {lat} of chunk {chunk}");
            }
        }
    }

    #[test]
    fn area_restrictions_keep_the_chunks_of_their_points(
        centre in (longitude(), latitude()),
        radius in 0.0..40.0_f64,
        points in prop::collection::vec((0.0..=360.0_f64, latitude()), 60),
    ) {
        let (lon, lat) = centre;
        let Ok(region) = Region::circle(lon, lat, radius) else { return Ok(()) };
        let sql = format!("SELECT 1 FROM Object WHERE qserv_areaspec_circle({lon:?}, {lat:?}, {radius:?})");
        let plan = plan(&sql, &typical(), Some("sky")).unwrap();
        for (lon, lat) in points.into_iter().filter(|&(lon, lat)| region.contains(lon, lat)) {
            let chunk = grid().locate(lon, lat).unwrap().chunk;
            prop_assert!(keeps(&plan, chunk), "{sql} loses {lon}, {lat} of chunk {chunk}");
        }
    }

    #[test]
    fn any_text_is_answered_without_panic(text in "[ -~]{0,60}", words in prop::collection::vec(
        prop::sample::select(vec!["SELECT", "FROM", "Object", "WHERE", "(", ")", ",", "*", "ra", "=", "1", "'a'", "AND", "GROUP BY",
            "ORDER BY", "COUNT(*)", "JOIN", "ON", "CASE", "WHEN", "END", "NOT", "IN", "BETWEEN", "LIMIT", "AS", ".", "-", "qserv_areaspec_box"]), 0..25)) {
        let _ = plan(&text, &typical(), Some("sky"));
        let _ = plan(&words.join(" "), &typical(), Some("sky"));
        let _ = orrery_plan::statement::classify(&text);
        let _ = orrery_plan::statement::classify(&words.join(" "));
        let _ = orrery_plan::statement::parameters(&text);
    }
}
