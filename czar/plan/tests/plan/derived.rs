//! What is compared with a column of a derived table is not looked up in its key, where a server
//! would convert it first.

use crate::common::{catalog_with, typical};
use orrery_archive::catalog::Catalog;
use orrery_plan::{Work, plan};

/// The statement of a chunk.
fn template(sql: &str, catalog: &Catalog) -> String {
    match plan(sql, catalog, Some("sky")).map(|plan| plan.work) {
        Ok(Work::Chunks(work)) => work.template.display(&[]),
        other => panic!("{sql}\n{other:#?}"),
    }
}

const COMPARED: &[&str] = &[
    "o.price = s.mjd",
    "s.mjd = o.price",
    "o.run = s.mjd",
    "o.run <=> CONCAT(s.filterId)",
    "o.price = s.amount / 3",
    "o.day = s.filterId",
    "o.day = s.filterId + 1",
    "o.day = DATE(s.mjd)",
    "o.at = CONCAT(s.mjd)",
    "o.seen = o.at",
    "o.day = RAND()",
    "NOT o.day <> s.filterId",
    "o.day IN (7, s.filterId)",
    "o.day BETWEEN s.filterId AND s.filterId",
    "(o.run, o.day) = (1, s.filterId)",
    "(1, o.day) IN ((1, 7), (1, s.filterId))",
];

const LOOKED_UP: &[&str] = &[
    "o.price = 7",
    "o.price = 0.1e0",
    "o.day = 7",
    "o.day = DATE'2026-01-12'",
    "o.run = s.filterId",
    "o.run = s.filterId + 1",
    "o.price = s.filterId",
    "o.flux = s.amount",
    "o.flux = CONCAT(s.amount)",
    "o.day = o.day",
    "o.name = s.mjd",
    "o.day > s.filterId",
    "(o.run, o.day) = (s.filterId, 7)",
];

#[test]
fn equal_values_are_compared_where_a_derived_table_would_look_them_up_otherwise() {
    let of = |term: &str| {
        let sql = format!(
            "SELECT 1 FROM Source s LEFT JOIN Object o ON o.objectId = s.objectId AND {term}"
        );
        template(&sql, &typical())
    };
    for term in COMPARED {
        assert!(of(term).contains("COALESCE("), "{term}: {}", of(term));
    }
    for term in LOOKED_UP {
        assert!(!of(term).contains("COALESCE("), "{term}: {}", of(term));
    }
}

#[test]
fn in_where_subqueries_and_neighbours_as_well() {
    let compared = [
        "SELECT 1 FROM Source s LEFT JOIN Object o ON o.objectId = s.objectId WHERE o.price = s.mjd OR s.mjd > 7",
        "SELECT 1 FROM Source s WHERE EXISTS (SELECT 1 FROM Object o WHERE o.objectId = s.objectId AND o.price = s.mjd)",
        "SELECT 1 FROM Object a, Object b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01 AND b.price = a.flux",
    ];
    for sql in compared {
        let text = template(sql, &typical());
        assert!(text.contains("COALESCE("), "{sql}: {text}");
    }
}

#[test]
fn a_table_by_itself_compares_whatever_is_written() {
    let sql = "SELECT 1 FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId AND s.amount = o.flux";
    assert!(!template(sql, &typical()).contains("COALESCE("));
    let twice = catalog_with(&[
        ("Object", 1, &[324]),
        ("Source", 2, &[324]),
        ("Source", 3, &[324]),
    ]);
    assert!(template(sql, &twice).contains("COALESCE("));
}

#[test]
fn what_cannot_be_kept_from_a_look_up_is_gathered() {
    let sql = "SELECT 1 FROM Source s WHERE s.mjd IN (SELECT o.price FROM Object o WHERE o.objectId = s.objectId)";
    let work = plan(sql, &typical(), Some("sky")).map(|plan| plan.work);
    assert!(matches!(work, Ok(Work::Gather(_))), "{sql}\n{work:#?}");
}

#[test]
fn reference_tables_of_several_ingests_are_read_without_keys_where_they_are_joined() {
    let twice = catalog_with(&[("Filter", 1, &[]), ("Filter", 2, &[])]);
    let reads_without = |sql: &str, catalog: &Catalog| {
        let plan = plan(sql, catalog, Some("sky")).unwrap();
        let renderer = plan.renderer(catalog).unwrap().unwrap();
        renderer.whole().contains("derived_with_keys=off")
    };
    let join = "SELECT 1 FROM Filter a JOIN Filter b ON a.lambda = b.lambda";
    assert!(reads_without(join, &twice));
    assert!(!reads_without(join, &typical()));
    assert!(!reads_without("SELECT 1 FROM Filter", &twice));
}
