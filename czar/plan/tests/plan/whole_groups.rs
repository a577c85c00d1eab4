//! Which groups are whole in one statement of one chunk.

use orrery_archive::catalog::{AcceptedTable, Catalog, TableKey, TableKind};
use orrery_archive::table::UniqueKey;
use orrery_plan::{Merge, Work, plan};

use crate::common::typical;

/// Whether the chunks' rows are the answer.
fn is_whole(sql: &str, catalog: &Catalog) -> bool {
    match plan(sql, catalog, Some("sky")).map(|plan| plan.work) {
        Ok(Work::Chunks(work)) => matches!(work.merge, Merge::Concatenate(_)),
        other => panic!("{sql}: {other:?}"),
    }
}

/// The typical archive with another Object.
fn with_object(change: fn(&mut AcceptedTable)) -> Catalog {
    let mut catalog = typical();
    let key = TableKey::new("sky", "Object");
    match &mut catalog.tables.get_mut(&key).unwrap().kind {
        TableKind::Director(accepted, _) => change(accepted),
        other => panic!("{other:?}"),
    }
    catalog
}

#[test]
fn groups_by_the_key_are_whole_where_a_chunk_has_one_statement_or_a_key_one_row() {
    for sql in [
        "SELECT objectId, COUNT(*) FROM Object GROUP BY objectId",
        "SELECT kind, MAX(flux) FROM Object GROUP BY kind, objectId HAVING MIN(run) > 1 AND kind = 'agn' LIMIT 3",
        "SELECT objectId, AVG(psfFlux) FROM Source WHERE objectId IN (1, 2) GROUP BY objectId",
        "SELECT s.objectId, f.filterName, COUNT(*) FROM Source s JOIN Filter f ON f.filterId = s.filterId GROUP BY s.objectId, f.filterName",
    ] {
        assert!(is_whole(sql, &typical()), "{sql}");
    }
}

#[test]
fn other_groups_are_merged() {
    for sql in [
        "SELECT run, COUNT(*) FROM Object GROUP BY run",
        "SELECT objectId % 10, COUNT(*) FROM Object GROUP BY objectId % 10",
        "SELECT sourceId, COUNT(*) FROM Source GROUP BY sourceId",
        "SELECT objectId, COUNT(*) FROM Object GROUP BY objectId ORDER BY COUNT(*)",
        "SELECT DISTINCT run FROM Object GROUP BY objectId",
        "SELECT objectId, run + 1 AS r FROM Object GROUP BY objectId HAVING r > 2",
        // Two segments of Object.
        "SELECT o.objectId, COUNT(*) FROM Object o JOIN Source s ON o.objectId = s.objectId GROUP BY o.objectId",
        // NULL stands for all rows without a partner.
        "SELECT s.objectId, COUNT(*) FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId GROUP BY s.objectId",
    ] {
        assert!(!is_whole(sql, &typical()), "{sql}");
    }
}

#[test]
fn keys_that_may_be_in_several_chunks_are_merged() {
    let sql = "SELECT objectId, COUNT(*) FROM Source GROUP BY objectId";
    assert!(is_whole(sql, &typical()));
    let repeating = with_object(|object| object.unique_key = UniqueKey::MayRepeat);
    assert!(!is_whole(sql, &repeating));
    let sql = "SELECT objectId, COUNT(*) FROM Object GROUP BY objectId";
    let alike = with_object(|object| {
        let key = &mut object.columns[0];
        key.sql_type = "VARCHAR(20)".to_owned();
        key.charset = Some("utf8mb4".to_owned());
        key.collation = Some("utf8mb4_general_ci".to_owned());
    });
    assert!(!is_whole(sql, &alike));
}
