//! Property: a row that satisfies WHERE lies in a chunk of the plan (docs/design/query.md#pruning).

use crate::common::{grid, typical};
use orrery_plan::{Plan, Work, plan};
use orrery_sky::Region;
use orrery_sky::separation::spherical;
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
    Ellipse([f64; 5]),
    Triangle([f64; 6]),
    /// Separation from a position, which comes first or last, and the limit.
    Near([f64; 3], bool),
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
            Self::Ellipse([a, b, c, d, e]) => {
                format!("scisql_s2PtInEllipse(ra, decl, {a:?}, {b:?}, {c:?}, {d:?}, {e:?}) = 1")
            }
            Self::Triangle([a, b, c, d, e, f]) => {
                format!(
                    "scisql_s2PtInCPoly(ra, decl, {a:?}, {b:?}, {c:?}, {d:?}, {e:?}, {f:?}) = 1"
                )
            }
            Self::Near([a, b, r], true) => {
                format!("scisql_angSep({a:?}, {b:?}, ra, decl) <= {r:?}")
            }
            Self::Near([a, b, r], false) => {
                format!("{r:?} > scisql_angSep(ra, decl, {a:?}, {b:?})")
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
            Self::Ellipse([a, b, c, d, e]) => {
                Region::ellipse(*a, *b, *c, *d, *e).ok()?.contains(lon, lat)
            }
            Self::Triangle([a, b, c, d, e, f]) => {
                let corners = [(*a, *b), (*c, *d), (*e, *f)];
                Region::convex_polygon(&corners).ok()?.contains(lon, lat)
            }
            Self::Near([a, b, r], is_closed) => {
                let separation = spherical(*a, *b, lon, lat)?;
                separation < *r || (*is_closed && separation <= *r)
            }
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
        (
            longitude(),
            latitude(),
            0.0..90_000.0_f64,
            0.1..1.0_f64,
            0.0..180.0_f64
        )
            .prop_map(|(a, b, axis, ratio, angle)| Condition::Ellipse([
                a,
                b,
                axis,
                axis * ratio,
                angle
            ])),
        prop::array::uniform3((longitude(), latitude()))
            .prop_map(|[(a, b), (c, d), (e, f)]| Condition::Triangle([a, b, c, d, e, f])),
        (
            longitude(),
            latitude(),
            prop_oneof![0.0..30.0_f64, 0.0..200.0_f64],
            any::<bool>()
        )
            .prop_map(|(a, b, r, last)| Condition::Near([a, b, r], last)),
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

/// A condition on a key, as SQL and as a function.
#[derive(Clone, Debug)]
enum KeyCondition {
    /// Comparison with tenths, written as an integer, a DECIMAL, a DOUBLE or a string.
    Compare(&'static str, i64, usize),
    Between(i64, i64),
    In(Vec<i64>),
    Run,
    Not(Box<KeyCondition>),
    And(Box<KeyCondition>, Box<KeyCondition>),
    Or(Box<KeyCondition>, Box<KeyCondition>),
}

/// A number of tenths as one of the kinds of literals.
fn literal(tenths: i64, kind: usize) -> String {
    let decimal = format!(
        "{}{}.{}",
        if tenths < 0 { "-" } else { "" },
        tenths.abs() / 10,
        tenths.abs() % 10
    );
    match kind {
        0 if tenths % 10 == 0 => (tenths / 10).to_string(),
        1 => format!("{tenths}e-1"),
        2 if tenths % 10 == 0 => format!("'{}'", tenths / 10),
        _ => decimal,
    }
}

impl KeyCondition {
    fn sql(&self) -> String {
        match self {
            Self::Compare(operator, tenths, kind) => {
                format!("objectId {operator} {}", literal(*tenths, *kind))
            }
            Self::Between(a, b) => {
                format!("objectId BETWEEN {} AND {}", literal(*a, 3), literal(*b, 0))
            }
            Self::In(keys) => {
                let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
                format!("objectId IN ({})", keys.join(", "))
            }
            Self::Run => "run = 3".to_owned(),
            Self::Not(inner) => format!("NOT ({})", inner.sql()),
            Self::And(left, right) => format!("({}) AND ({})", left.sql(), right.sql()),
            Self::Or(left, right) => format!("({}) OR ({})", left.sql(), right.sql()),
        }
    }

    fn holds(&self, key: i64, run: bool) -> bool {
        let tenths = key * 10;
        match self {
            Self::Compare(operator, limit, _) => match *operator {
                "<" => tenths < *limit,
                "<=" => tenths <= *limit,
                ">" => tenths > *limit,
                ">=" => tenths >= *limit,
                "=" => tenths == *limit,
                other => panic!("{other}"),
            },
            Self::Between(a, b) => (*a..=*b).contains(&tenths),
            Self::In(keys) => keys.contains(&key),
            Self::Run => run,
            Self::Not(inner) => !inner.holds(key, run),
            Self::And(left, right) => left.holds(key, run) && right.holds(key, run),
            Self::Or(left, right) => left.holds(key, run) || right.holds(key, run),
        }
    }
}

fn key_condition() -> impl Strategy<Value = KeyCondition> {
    let operators = prop::sample::select(vec!["<", "<=", ">", ">=", "="]);
    let leaf = prop_oneof![
        4 => (operators, -90..90_i64, 0..4_usize)
            .prop_map(|(operator, limit, kind)| KeyCondition::Compare(operator, limit, kind)),
        2 => (-90..90_i64, -90..90_i64).prop_map(|(a, b)| KeyCondition::Between(a, b)),
        1 => prop::collection::vec(-9..9_i64, 1..5).prop_map(KeyCondition::In),
        1 => Just(KeyCondition::Run),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            1 => inner.prop_map(|condition| KeyCondition::Not(Box::new(condition))),
            4 => pair.clone()
                .prop_map(|(left, right)| KeyCondition::And(Box::new(left), Box::new(right))),
            2 => pair.prop_map(|(left, right)| KeyCondition::Or(Box::new(left), Box::new(right))),
        ]
    })
}

/// Whether the plan reads rows of a key.
fn keeps_key(plan: &Plan, key: i64) -> bool {
    match &plan.work {
        Work::Chunks(work) => {
            let selection = &work.selection;
            selection.area.as_ref().is_none_or(|area| !area.is_empty())
                && selection
                    .lookup
                    .as_ref()
                    .is_none_or(|lookup| lookup.keys.contains(&key.to_string()))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn narrow_ranges_of_keys_and_separations_prune() {
    let keys = |condition: &str| {
        let plan = plan(
            &format!("SELECT ra FROM Object WHERE {condition}"),
            &typical(),
            Some("sky"),
        )
        .unwrap();
        let Work::Chunks(work) = plan.work else {
            panic!("{condition}");
        };
        let keys = work.selection.lookup.map(|lookup| lookup.keys.len());
        (keys, work.selection.area.map(|area| area.len()))
    };
    assert_eq!(keys("objectId BETWEEN 5 AND 20"), (Some(16), None));
    assert_eq!(
        keys("objectId > 5 AND run = 3 AND objectId <= 7.5"),
        (Some(2), None)
    );
    assert_eq!(keys("objectId > 5 AND objectId < 5000"), (None, None));
    let (_, near) = keys("scisql_angSep(ra, decl, 20.0, 10.0) < 0.5");
    let (_, circle) = keys("scisql_s2PtInCircle(ra, decl, 20.0, 10.0, 0.5) = 1");
    assert!(near.is_some() && near == circle, "{near:?} {circle:?}");
    assert_eq!(
        keys("scisql_angSep(ra, decl, 20.0, 10.0) > 0.5"),
        (None, None)
    );
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
    fn the_key_of_a_matching_row_is_looked_up(condition in key_condition()) {
        let sql = format!("SELECT ra FROM Object WHERE {}", condition.sql());
        let plan = plan(&sql, &typical(), Some("sky")).unwrap();
        for key in -10..10 {
            for run in [true, false] {
                if condition.holds(key, run) {
                    prop_assert!(keeps_key(&plan, key), "{sql} loses {key}");
                }
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
