//! Queries in FROM of which each chunk computes its own part: what a chunk's statement reads, and what
//! is gathered because it cannot be shown to be one.

use orrery_archive::catalog::{Catalog, TableKey, TableKind};
use orrery_plan::{ChunkWork, Merge, Plan, TableRole, Work, explain, plan};

use crate::common::{catalog_with, typical};

fn planned(sql: &str, catalog: &Catalog) -> Plan {
    plan(sql, catalog, Some("sky")).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn work<'p>(plan: &'p Plan, sql: &str) -> &'p ChunkWork {
    match &plan.work {
        Work::Chunks(work) => work,
        other => panic!("{sql}: {other:?}"),
    }
}

fn statement(sql: &str) -> String {
    let plan = planned(sql, &typical());
    work(&plan, sql).template.display(&plan.tables)
}

/// `n` rows of Source for each object.
const COUNTED: &str = "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId)";

#[test]
fn a_query_keeps_its_clauses_and_gets_names_for_its_columns() {
    let counted = "(SELECT `Source`.`objectId` AS `objectId`, COUNT(*) AS `n` FROM {sky.Source} AS `Source` GROUP BY `Source`.`objectId`)";
    for (sql, expected) in [
        (
            format!("SELECT n FROM {COUNTED} d WHERE n > 2"),
            format!("SELECT `d`.`n` FROM {counted} AS `d` WHERE (`d`.`n` > 2)"),
        ),
        (
            format!("WITH w AS {COUNTED} SELECT MAX(x.n) FROM w x"),
            format!("SELECT MAX(`x`.`n`) AS `p0` FROM {counted} AS `x`"),
        ),
        (
            format!("SELECT run, n FROM Object LEFT JOIN {COUNTED} d USING (objectId)"),
            format!(
                "SELECT `Object`.`run`, `d`.`n` FROM {{sky.Object}} AS `Object` LEFT JOIN {counted} AS `d` \
                 ON (`Object`.`objectId` = `d`.`objectId`)"
            ),
        ),
        (
            "SELECT * FROM (SELECT DISTINCT filterId, objectId FROM Source WHERE mjd > 7 ORDER BY 1) d".to_owned(),
            "SELECT `d`.`filterId`, `d`.`objectId` FROM (SELECT DISTINCT `Source`.`filterId` AS `filterId`, \
             `Source`.`objectId` AS `objectId` FROM {sky.Source} AS `Source` WHERE (`Source`.`mjd` > 7)) AS `d`".to_owned(),
        ),
        (
            "SELECT * FROM (SELECT COUNT(*) FROM Source GROUP BY objectId HAVING MAX(mjd) > 7) d".to_owned(),
            "SELECT `d`.`orrery_1` FROM (SELECT COUNT(*) AS `orrery_1` FROM {sky.Source} AS `Source` \
             GROUP BY `Source`.`objectId` HAVING (MAX(`Source`.`mjd`) > 7)) AS `d`".to_owned(),
        ),
    ] {
        assert_eq!(statement(&sql), expected, "{sql}");
    }
}

#[test]
fn explain_shows_the_query_in_the_statement_and_what_it_reads() {
    let sql =
        format!("SELECT o.run, d.n FROM Object o JOIN {COUNTED} d ON d.objectId = o.objectId");
    let rows = explain(&planned(&sql, &typical()));
    let says = |name: &str, part: &str| {
        let mut rows = rows.iter();
        rows.any(|(known, value)| known == name && value.contains(part))
    };
    assert!(says("table", "sky.Object AS o (Chunked)"), "{rows:?}");
    assert!(says("table", "sky.Source AS Source (Derived)"), "{rows:?}");
    assert!(
        says("statement", "COUNT(*) AS `n` FROM {sky.Source}"),
        "{rows:?}"
    );
    assert!(says("batches", "one statement each"), "{rows:?}");
}

#[test]
fn groups_of_a_query_see_all_segments_of_a_chunk_in_one_statement() {
    let catalog = catalog_with(&[
        ("Object", 1, &[324, 325, 360]),
        ("Object", 2, &[325]),
        ("Source", 3, &[324, 325, 361]),
        ("Source", 4, &[325]),
    ]);
    let statements = |sql: &str| {
        let plan = planned(sql, &catalog);
        let renderer = plan.renderer(&catalog).unwrap().unwrap();
        let parts = renderer.parts(&work(&plan, sql).selection).unwrap();
        let of = |part| (renderer.statements(part), renderer.segments(324));
        parts.iter().map(of).collect::<Vec<_>>()
    };
    let alone = statements(&format!("SELECT COUNT(*) FROM {COUNTED} d"));
    let counts: Vec<usize> = alone.iter().map(|(texts, _)| texts.len()).collect();
    assert_eq!(counts, [1, 1, 1]);
    for name in ["`Source_325__103`", "`Source_325__104`"] {
        assert_eq!(alone[1].0[0].matches(name).count(), 1, "{alone:?}");
    }
    assert!(alone[1].0[0].contains(" UNION ALL "), "{alone:?}");
    assert_eq!(alone[0].1, [3]);
    // Both have to have rows in the chunk; each segment of Object meets all of the query.
    let inner = format!("SELECT o.run, n FROM Object o JOIN {COUNTED} d USING (objectId)");
    let counts: Vec<usize> = statements(&inner)
        .iter()
        .map(|(texts, _)| texts.len())
        .collect();
    assert_eq!(counts, [1, 2]);
    // A chunk without rows of the query counts.
    let outer = format!("SELECT o.run, n FROM Object o LEFT JOIN {COUNTED} d USING (objectId)");
    let outer = statements(&outer);
    assert_eq!(outer.len(), 3);
    assert!(outer[2].0[0].contains("FROM DUAL WHERE FALSE"), "{outer:?}");
}

#[test]
fn conditions_on_the_key_inside_and_outside_choose_the_chunks() {
    let keys = |sql: &str| {
        let plan = planned(sql, &typical());
        let lookup = plan.lookup().cloned();
        lookup.map(|lookup| lookup.keys.into_iter().collect::<Vec<_>>())
    };
    let of = |inner: &str, outer: &str| {
        format!(
            "SELECT n FROM (SELECT objectId AS k, COUNT(*) AS n FROM Source {inner} GROUP BY objectId) d {outer}"
        )
    };
    for (inner, outer, expected) in [
        ("WHERE objectId IN (1, 2, 3)", "", vec!["1", "2", "3"]),
        ("", "WHERE k = 2", vec!["2"]),
        (
            "WHERE objectId IN (1, 2, 3)",
            "WHERE k IN (2, 3, 4)",
            vec!["2", "3"],
        ),
    ] {
        let sql = of(inner, outer);
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(keys(&sql), Some(expected), "{sql}");
    }
    // What an optional query leaves out, its partners do not.
    let optional = "SELECT run FROM Object LEFT JOIN (SELECT objectId, COUNT(*) AS n FROM Source WHERE objectId = 7 GROUP BY objectId) d USING (objectId)";
    assert_eq!(keys(optional), None);
    // Another column of the name says nothing about chunks.
    let sql = "SELECT * FROM (SELECT objectId, COUNT(*) AS chunkId FROM Source GROUP BY objectId) d WHERE chunkId = 3";
    assert_eq!(work(&planned(sql, &typical()), sql).selection.area, None);
}

#[test]
fn groups_by_the_key_of_a_query_are_whole_and_others_are_merged() {
    let is_whole = |sql: &str| {
        let plan = planned(sql, &typical());
        matches!(work(&plan, sql).merge, Merge::Concatenate(_))
    };
    let inner =
        "(SELECT objectId, filterId, COUNT(*) AS n FROM Source GROUP BY objectId, filterId)";
    assert!(is_whole(&format!(
        "SELECT objectId, SUM(n) FROM {inner} d GROUP BY objectId"
    )));
    assert!(!is_whole(&format!(
        "SELECT filterId, SUM(n) FROM {inner} d GROUP BY filterId"
    )));
    assert!(!is_whole(&format!("SELECT COUNT(*) FROM {inner} d")));
}

#[test]
fn tables_of_a_query_follow_those_of_the_statement() {
    let sql = format!(
        "SELECT 1 FROM {COUNTED} a JOIN Object o ON o.objectId = a.objectId LEFT JOIN {COUNTED} b ON b.objectId = o.objectId"
    );
    let plan = planned(&sql, &typical());
    let tables: Vec<(&str, TableRole)> = plan
        .tables
        .iter()
        .map(|table| (table.key.table.as_str(), table.role))
        .collect();
    assert_eq!(
        tables,
        [
            ("Object", TableRole::Chunked),
            ("Source", TableRole::Derived),
            ("Source", TableRole::Nested),
        ]
    );
}

/// Queries that chunks cannot compute a part of each, in `FROM`.
const GATHERED: &[&str] = &[
    "(SELECT filterId, COUNT(*) AS n FROM Source GROUP BY filterId) d",
    "(SELECT COUNT(*) AS n FROM Source) d",
    "(SELECT objectId % 7 AS k, COUNT(*) AS n FROM Source GROUP BY k) d",
    "(SELECT sourceId AS n FROM Source) d",
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId LIMIT 3) d",
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId WITH ROLLUP) d",
    "(SELECT objectId, RAND() AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, filterId AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, COUNT(*) AS n, MAX(mjd) AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, COUNT(*) AS n FROM Repeating GROUP BY objectId) d",
    "(SELECT s.objectId, COUNT(*) AS n FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId GROUP BY s.objectId) d",
    "(SELECT o.objectId, COUNT(*) AS n FROM Object o JOIN Source s ON s.sourceId = o.run GROUP BY o.objectId) d",
    "(SELECT DISTINCT filterId AS n FROM Source) d",
    "(SELECT DISTINCT objectId, mjd + 1 AS n FROM Source) d",
    "(SELECT DISTINCT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, SUM(amount / 7) AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId HAVING MAX(amount / 7) > 1) d",
    "(SELECT objectId, MAX(FLOOR(mjd)) AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, CONCAT(COUNT(*)) AS n FROM Source GROUP BY objectId) d",
    "(SELECT objectId, MAX(quality) AS n FROM Source GROUP BY objectId) d",
    "(SELECT filterId, COUNT(*) AS n FROM Filter GROUP BY filterId) d, Object o",
    "(SELECT k AS n FROM (SELECT objectId AS k, COUNT(*) FROM Source GROUP BY objectId) e GROUP BY k) d",
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId UNION SELECT 1, 2) d",
    "(WITH w AS (SELECT 1) SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d",
    // Not joined by a key, or by one that is not shown.
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d, Object o",
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d JOIN Object o ON o.run = d.objectId",
    "(SELECT objectId + 0 AS k, COUNT(*) AS n FROM Source GROUP BY objectId) d JOIN Object o ON o.objectId = d.k",
    "(SELECT objectId AS k, COUNT(*) AS objectId, 1 AS n FROM Source GROUP BY Source.objectId) d JOIN Object o ON o.objectId = d.objectId",
    "Filter f LEFT JOIN (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d ON d.n = f.filterId",
    // One server may look these up, or compare them.
    "(SELECT objectId, MAX(mjd) AS n, MIN(amount) AS a FROM Source GROUP BY objectId) d JOIN Object o ON o.objectId = d.objectId AND d.a = o.flux",
    "(SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) d JOIN Object o ON o.objectId = d.objectId AND d.n = o.flux",
];

#[test]
fn what_cannot_be_shown_to_be_a_chunks_own_part_is_gathered() {
    for from in GATHERED {
        let sql = format!("SELECT MAX(d.n) FROM {from}");
        let work = plan(&sql, &typical(), Some("sky")).map(|plan| plan.work);
        assert!(matches!(work, Ok(Work::Gather(_))), "{sql}\n{work:#?}");
    }
    for sql in [
        "WITH RECURSIVE d AS (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) SELECT n FROM d",
        "WITH d (k, n) AS (SELECT objectId, COUNT(*) FROM Source GROUP BY objectId) SELECT n FROM d",
        "WITH a AS (SELECT objectId FROM Source), d AS (SELECT objectId, COUNT(*) AS n FROM a GROUP BY objectId) SELECT n FROM d",
        "WITH d AS (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM d)",
        "WITH d AS (SELECT objectId, COUNT(*) AS n FROM Source GROUP BY objectId) SELECT run FROM Object, d",
    ] {
        let work = plan(sql, &typical(), Some("sky")).map(|plan| plan.work);
        assert!(matches!(work, Ok(Work::Gather(_))), "{sql}\n{work:#?}");
    }
}

#[test]
fn keys_that_a_collation_takes_for_one_are_in_several_chunks() {
    let mut catalog = typical();
    for name in ["Object", "Source"] {
        let key = TableKey::new("sky", name);
        match &mut catalog.tables.get_mut(&key).unwrap().kind {
            TableKind::Director(accepted, _) | TableKind::Child(accepted, _) => {
                let mut columns = accepted.columns.iter_mut();
                let key = columns.find(|column| column.name == "objectId").unwrap();
                key.sql_type = "VARCHAR(20)".to_owned();
                key.charset = Some("utf8mb4".to_owned());
                key.collation = Some("utf8mb4_general_ci".to_owned());
            }
            TableKind::Reference(_) => panic!("{name}"),
        }
    }
    let sql = format!("SELECT MAX(n) FROM {COUNTED} d");
    assert!(matches!(planned(&sql, &typical()).work, Work::Chunks(_)));
    assert!(matches!(planned(&sql, &catalog).work, Work::Gather(_)));
}

#[test]
fn types_that_are_lost_where_segments_are_united_are_computed_with_in_one() {
    let sql = "SELECT MAX(n) FROM (SELECT objectId, COUNT(*) AS n FROM Source WHERE quality = 'bad' GROUP BY objectId) d";
    let twice = catalog_with(&[
        ("Object", 1, &[324]),
        ("Source", 2, &[324]),
        ("Source", 3, &[324]),
    ]);
    assert!(matches!(planned(sql, &typical()).work, Work::Chunks(_)));
    assert!(matches!(planned(sql, &twice).work, Work::Gather(_)));
}
