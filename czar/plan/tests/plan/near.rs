//! Near neighbours: which joins by position the chunks compute, and by what they read.

use std::collections::BTreeSet;

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_plan::{ChunkWork, Plan, TableRole, Work, plan};

use crate::common::typical;

/// The typical archive with copies of Object's rows, some where it has no rows of its own.
fn with_copies() -> Catalog {
    let mut catalog = typical();
    let tables = &mut catalog.tables;
    let object = tables.get_mut(&TableKey::new("sky", "Object")).unwrap();
    object.segments[0].overlap = BTreeSet::from([324, 325, 326]);
    let mut other = object.segments[1].clone();
    (other.id, other.attempt) = (8, 108);
    other.home = BTreeSet::from([324]);
    other.overlap = BTreeSet::from([361]);
    let table = tables.get_mut(&TableKey::new("sky", "Other")).unwrap();
    table.segments.push(other);
    catalog
}

fn planned(sql: &str) -> Plan {
    plan(sql, &with_copies(), Some("sky")).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn work(plan: &Plan) -> &ChunkWork {
    match &plan.work {
        Work::Chunks(work) => work,
        other => panic!("{other:?}"),
    }
}

fn roles(sql: &str) -> Vec<TableRole> {
    let plan = planned(sql);
    work(&plan);
    plan.tables.iter().map(|table| table.role).collect()
}

fn statements(sql: &str) -> Vec<(u32, Vec<String>)> {
    let (plan, catalog) = (planned(sql), with_copies());
    let renderer = plan.renderer(&catalog).unwrap().unwrap();
    let parts = renderer.parts(&work(&plan).selection).unwrap();
    let filled = parts
        .iter()
        .map(|part| (part.chunk, renderer.statements(part)));
    filled.collect()
}

const PAIRS: &str = "SELECT COUNT(*) FROM Object a, Object b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01 AND b.run = 3 AND a.run < b.run";

#[test]
fn a_neighbour_is_read_by_cells_that_hold_its_copies_too() {
    let plan = planned(PAIRS);
    let cell = |alias: &str, step: &str| {
        format!("orrery_cell(`{alias}`.`ra`, `{alias}`.`decl`, 1e-2, {step})")
    };
    assert_eq!(
        work(&plan).template.display(&plan.tables),
        format!(
            "SELECT COUNT(*) AS `p0` FROM (SELECT 0 AS `step` UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS `b_steps`, \
             {{sky.Object}} AS `a`, \
             (SELECT `b`.`ra`, `b`.`decl`, `b`.`run`, {} AS `orrery_cell` FROM {{sky.Object}} AS `b` \
             WHERE (`b`.`run` = 3) LIMIT 18446744073709551615) AS `b` \
             WHERE (`b`.`orrery_cell` = {}) \
             AND (scisql_angSep(`a`.`ra`, `a`.`decl`, `b`.`ra`, `b`.`decl`) < 0.01) AND (`a`.`run` < `b`.`run`)",
            cell("b", "0"),
            cell("a", "`b_steps`.`step`"),
        )
    );
    assert!(!work(&plan).batchable);
}

#[test]
fn home_rows_meet_home_rows_and_copies_of_every_segment() {
    let tables = |text: &str| -> Vec<String> {
        let names = text.split('`').filter(|name| name.starts_with("Object"));
        names.map(str::to_owned).collect()
    };
    let all = statements(PAIRS);
    let chunks: Vec<u32> = all.iter().map(|(chunk, _)| *chunk).collect();
    assert_eq!(chunks, [324, 325, 360, 361]);
    let of_324: Vec<Vec<String>> = all[0].1.iter().map(|text| tables(text)).collect();
    assert_eq!(
        of_324,
        [
            ["Object_324__101", "Object_324__101"],
            ["Object_324__101", "ObjectFullOverlap_324__101"]
        ]
    );
    // Two segments of home rows; three tables with rows near them.
    assert_eq!(all[1].1.len(), 6);
}

#[test]
fn a_cross_match_reads_chunks_with_home_rows_of_one_and_anything_of_the_other() {
    let sql = "SELECT a.objectId, b.objectId FROM Object a JOIN Other b ON scisql_angSep(b.ra, b.decl, a.ra, a.decl) <= 0.049";
    assert_eq!(roles(sql), [TableRole::Chunked, TableRole::Neighbour]);
    let read: Vec<(u32, usize)> = statements(sql)
        .into_iter()
        .map(|(chunk, texts)| (chunk, texts.len()))
        .collect();
    assert_eq!(read, [(324, 1), (361, 1)]);
}

#[test]
fn a_replica_must_have_the_copies() {
    let sql =
        "SELECT 1 FROM Object a, Other b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.05";
    let (plan, catalog) = (planned(sql), with_copies());
    let renderer = plan.renderer(&catalog).unwrap().unwrap();
    assert_eq!(renderer.segments(361), [2, 8]);
}

#[test]
fn the_table_whose_chunks_are_limited_is_the_home() {
    use TableRole::{Chunked, Neighbour};
    let near = "scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01";
    for (filter, expected) in [
        ("TRUE", [Chunked, Neighbour]),
        ("a.objectId = 5", [Chunked, Neighbour]),
        ("b.objectId = 5", [Neighbour, Chunked]),
        ("b.objectId IN (5, 6)", [Neighbour, Chunked]),
        ("b.decl > 60", [Neighbour, Chunked]),
        (
            "scisql_s2PtInBox(b.ra, b.decl, 0, 0, 1, 1) = 1",
            [Neighbour, Chunked],
        ),
        ("qserv_areaspec_box(0, 0, 1, 1)", [Chunked, Neighbour]),
    ] {
        let sql = format!("SELECT 1 FROM Object a, Object b WHERE {near} AND {filter}");
        assert_eq!(roles(&sql), expected, "{filter}");
        let pruned = work(&planned(&sql)).selection.clone();
        assert_eq!(
            pruned.area.is_none() && pruned.lookup.is_none(),
            filter == "TRUE"
        );
    }
}

#[test]
fn a_copy_is_shown_and_chosen_by_the_place_of_its_row() {
    let sql = "SELECT a.chunkId, b.subChunkId FROM Object a, Object b \
               WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01 AND b.chunkId = 325";
    assert_eq!(roles(sql), [TableRole::Neighbour, TableRole::Chunked]);
    let sql = "SELECT b.chunkId FROM Object a, Object b \
               WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01 AND b.chunkId <> 325";
    let plan = planned(sql);
    assert_eq!(roles(sql), [TableRole::Chunked, TableRole::Neighbour]);
    assert_eq!(work(&plan).selection.area, None);
    let text = work(&plan).template.display(&plan.tables);
    assert!(
        text.contains("WHERE (`b`.`chunkId` <> 325) LIMIT"),
        "{text}"
    );
}

#[test]
fn conditions_on_a_neighbour_prune_nothing() {
    let near = "scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01";
    let area = |filter: &str| {
        let sql = format!("SELECT 1 FROM Object a, Object b WHERE {near} AND {filter}");
        work(&planned(&sql)).selection.clone()
    };
    let home = area("a.decl > 60");
    assert_eq!(home, area("a.decl > 60 AND b.decl < -60"));
    assert_eq!(home, area("a.decl > 60 AND b.objectId = 5"));
}

#[test]
fn children_and_further_neighbours_meet_the_home_rows() {
    use TableRole::{Chunked, ChunkedOptional, Neighbour};
    let near = "scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01";
    for (from, expected) in [
        (
            "Source s, Object a, Object b WHERE s.objectId = a.objectId",
            vec![Chunked, Chunked, Neighbour],
        ),
        (
            "Object b, Object a, Source s WHERE s.objectId = a.objectId",
            vec![Neighbour, Chunked, Chunked],
        ),
        (
            "Object a, Object b, Object c WHERE scisql_angSep(a.ra, a.decl, c.ra, c.decl) < 0.02",
            vec![Chunked, Neighbour, Neighbour],
        ),
        (
            "Object a, Object b, Object c WHERE scisql_angSep(b.ra, b.decl, c.ra, c.decl) < 0.02",
            vec![Neighbour, Chunked, Neighbour],
        ),
        (
            "Repeating a, Object b, Source s WHERE s.objectId = b.objectId",
            vec![Neighbour, Chunked, Chunked],
        ),
        (
            "Object a LEFT JOIN Source s ON s.objectId = a.objectId, Object b WHERE TRUE",
            vec![Chunked, ChunkedOptional, Neighbour],
        ),
    ] {
        let sql = format!("SELECT COUNT(*) FROM {from} AND {near}");
        assert_eq!(roles(&sql), expected, "{from}");
    }
}

#[test]
fn what_may_reach_farther_than_the_copies_is_gathered() {
    let near = "scisql_angSep(a.ra, a.decl, b.ra, b.decl)";
    for (from, filter) in [
        ("Object a, Object b", format!("{near} < 0.051")),
        ("Object a, Object b", format!("{near} <= 0.05")),
        ("Object a, Object b", format!("{near} BETWEEN 0 AND 0.05")),
        ("Object a, Object b", format!("{near} > 0.01")),
        ("Object a, Object b", format!("{near} = 0.01")),
        ("Object a, Object b", format!("{near} < -0.01")),
        ("Object a, Object b", format!("{near} < a.flux")),
        ("Object a, Object b", format!("{near} < '0.01'")),
        (
            "Object a, Object b",
            format!("({near} < 0.01 OR a.run = b.run)"),
        ),
        ("Object a, Object b", format!("NOT {near} < 0.01")),
        (
            "Object a, Object b",
            "scisql_angSep(a.ra, a.decl, b.decl, b.ra) < 0.01".to_owned(),
        ),
        (
            "Object a, Object b",
            "scisql_angSep(a.ra, a.decl, b.ra + 0, b.decl) < 0.01".to_owned(),
        ),
        (
            "Object a, Object b",
            "scisql_angSep(a.ra, a.decl, a.ra, b.decl) < 0.01".to_owned(),
        ),
        ("Object a, Source b", format!("{near} < 0.01")),
        (
            "Object a FORCE INDEX (PRIMARY), Object b FORCE INDEX (PRIMARY)",
            format!("{near} < 0.01"),
        ),
        (
            "Object a LEFT JOIN Object b ON TRUE",
            format!("{near} < 0.01"),
        ),
        (
            "Object a, Object b, Object c, Object d",
            format!(
                "{near} < 0.01 AND scisql_angSep(b.ra, b.decl, c.ra, c.decl) < 0.01 AND scisql_angSep(c.ra, c.decl, d.ra, d.decl) < 0.01"
            ),
        ),
        (
            "Object a, Object b, Source s, Source t",
            format!("{near} < 0.01 AND s.objectId = b.objectId AND t.objectId = a.objectId"),
        ),
        (
            "Object a, Object b, Filter b_steps, Filter a_steps",
            format!("{near} < 0.01"),
        ),
        ("Repeating a, Source b", format!("{near} < 0.01")),
    ] {
        let sql = format!("SELECT 1 FROM {from} WHERE {filter}");
        assert!(matches!(planned(&sql).work, Work::Gather(_)), "{sql}");
    }
}
