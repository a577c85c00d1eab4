//! The wrong answers of Qserv that must not come back (docs/design/sky.md#compatibility-with-qserv),
//! numbered as in the list.

use orrery_plan::Merge;

use crate::common::asked::{chunks, not_in_chunks};

fn merge_sql(sql: &str) -> String {
    match chunks(sql).merge {
        Merge::Shadow(merge) => merge.merge_sql("t"),
        other @ Merge::Concatenate(_) => panic!("{other:?}"),
    }
}

#[test]
fn qserv_1_a_region_function_compared_to_0_does_not_prune() {
    for (sql, prunes) in [
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(ra, decl, 0, 0, 1, 1) = 1",
            true,
        ),
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(ra, decl, 0, 0, 1, 1)",
            true,
        ),
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(ra, decl, 0, 0, 1, 1) <> 0",
            true,
        ),
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(ra, decl, 0, 0, 1, 1) = 0",
            false,
        ),
        (
            "SELECT 1 FROM Object WHERE NOT scisql_s2PtInBox(ra, decl, 0, 0, 1, 1)",
            false,
        ),
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(decl, ra, 0, 0, 1, 1) = 1",
            false,
        ),
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(ra + 1, decl, 0, 0, 1, 1) = 1",
            false,
        ),
        (
            "SELECT 1 FROM Object WHERE scisql_s2PtInBox(ra, decl, run, 0, 1, 1) = 1",
            false,
        ),
    ] {
        assert_eq!(chunks(sql).selection.area.is_some(), prunes, "{sql}");
    }
}

#[test]
fn qserv_2_an_angular_separation_is_no_join_by_itself() {
    for comparison in ["<>", "=", "<=>", ">", ">="] {
        let sql = format!(
            "SELECT 1 FROM Object a, Object b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) {comparison} 0.01"
        );
        assert_eq!(not_in_chunks(&sql).code, 1235);
    }
}

#[test]
fn qserv_3_and_4_expressions_around_aggregates_survive() {
    assert_eq!(
        merge_sql("SELECT 2 * SUM(run) FROM Object"),
        "SELECT (2 * SUM(`p0`)) FROM t"
    );
    assert_eq!(
        merge_sql("SELECT ROUND(AVG(ra)), (SUM(run) + 1) FROM Object"),
        "SELECT ROUND((SUM(`p0`) / SUM(`p1`))), (SUM(`p2`) + 1) FROM t"
    );
}

#[test]
fn qserv_5_the_area_applies_to_chunked_tables_right_of_a_reference_table() {
    let work = chunks(
        "SELECT 1 FROM Filter f JOIN Source s ON f.filterId = s.filterId WHERE qserv_areaspec_box(0, 0, 1, 1)",
    );
    let text = work.template.display(&[]);
    assert!(
        text.contains("scisql_s2PtInBox(`s`.`ra`, `s`.`decl`, 0, 0, 1, 1) = 1"),
        "{text}"
    );
}

#[test]
fn qserv_6_aggregates_of_the_plugin_are_not_made_per_chunk() {
    assert_eq!(
        not_in_chunks("SELECT scisql_percentile(flux, 50) FROM Object").code,
        1235
    );
}

#[test]
fn qserv_7_counts_stay_integers() {
    assert_eq!(
        merge_sql("SELECT COUNT(run) FROM Object"),
        "SELECT CAST(COALESCE(SUM(`p0`), 0) AS SIGNED) FROM t"
    );
}

#[test]
fn qserv_8_key_predicates_intersect_and_not_in_asks_no_index() {
    let keys = |sql: &str| chunks(sql).selection.lookup.map(|lookup| lookup.keys.len());
    assert_eq!(
        keys("SELECT 1 FROM Object WHERE objectId IN (1, 2, 3) AND objectId IN (3, 4)"),
        Some(1)
    );
    assert_eq!(
        keys("SELECT 1 FROM Object WHERE objectId NOT IN (1, 2)"),
        None
    );
}

#[test]
fn qserv_10_several_areas_intersect_as_their_predicates_do() {
    let area = |sql: &str| chunks(sql).selection.area.unwrap();
    let one = area("SELECT 1 FROM Object WHERE qserv_areaspec_box(0, 0, 1, 1)");
    let both = area(
        "SELECT 1 FROM Object WHERE qserv_areaspec_box(0, 0, 1, 1) AND qserv_areaspec_box(40, 40, 41, 41)",
    );
    assert!(!one.is_empty());
    assert!(both.is_empty());
}
