//! Subqueries in the chunks: what a chunk's statement reads, and what is read with it.

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_plan::{ChunkWork, Plan, TableRole, Work, plan};

use crate::common::typical;

/// The typical archive with another segment of Source, in one of its chunks and in one of its own.
fn archive() -> Catalog {
    let mut catalog = typical();
    let source = TableKey::new("sky", "Source");
    let table = catalog.tables.get_mut(&source).unwrap();
    let mut other = table.segments[0].clone();
    (other.id, other.attempt) = (9, 109);
    other.home = [325].into();
    table.segments.push(other);
    catalog
}

fn planned(sql: &str) -> Plan {
    plan(sql, &archive(), Some("sky")).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn work(plan: &Plan) -> &ChunkWork {
    match &plan.work {
        Work::Chunks(work) => work,
        other => panic!("{other:?}"),
    }
}

const IN: &str = "SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM Source)";

#[test]
fn a_subquery_keeps_its_text_and_its_tables_get_names_of_their_own() {
    for (sql, statement) in [
        (
            IN,
            "SELECT `Object`.`run` FROM {sky.Object} AS `Object` WHERE (`Object`.`objectId` IN \
             (SELECT `Source`.`objectId` FROM {sky.Source} AS `Source`))",
        ),
        (
            "SELECT run FROM Object WHERE objectId NOT IN (SELECT objectId FROM Object WHERE run = 1 AND sky.Object.tiny = 2)",
            "SELECT `Object`.`run` FROM {sky.Object} AS `Object` WHERE (`Object`.`objectId` NOT IN \
             (SELECT `Object_1`.`objectId` FROM {sky.Object} AS `Object_1` \
             WHERE (`Object_1`.`run` = 1) AND (`Object_1`.`tiny` = 2)))",
        ),
        (
            "SELECT run FROM Object o WHERE EXISTS (SELECT * FROM Source s JOIN Filter USING (filterId) WHERE objectId = o.objectId AND run > lambda)",
            "SELECT `o`.`run` FROM {sky.Object} AS `o` WHERE (EXISTS (SELECT 1 FROM {sky.Source} AS `s` \
             INNER JOIN {sky.Filter} AS `Filter` ON (`s`.`filterId` = `Filter`.`filterId`) \
             WHERE (`s`.`objectId` = `o`.`objectId`) AND (`o`.`run` > `Filter`.`lambda`)))",
        ),
        (
            "SELECT run FROM Object o WHERE flux < (SELECT AVG(mjd) FROM Source s WHERE s.objectId = o.objectId)",
            "SELECT `o`.`run` FROM {sky.Object} AS `o` WHERE (`o`.`flux` < (SELECT AVG(`s`.`mjd`) \
             FROM {sky.Source} AS `s` WHERE (`s`.`objectId` = `o`.`objectId`)))",
        ),
    ] {
        let plan = planned(sql);
        assert_eq!(
            work(&plan).template.display(&plan.tables),
            statement,
            "{sql}"
        );
        assert!(work(&plan).batchable, "{sql}");
    }
}

#[test]
fn a_subquery_reads_all_segments_of_the_chunk_and_leaves_no_chunk_out() {
    let (plan, catalog) = (planned(IN), archive());
    let roles: Vec<TableRole> = plan.tables.iter().map(|table| table.role).collect();
    assert_eq!(roles, [TableRole::Chunked, TableRole::Nested]);
    let renderer = plan.renderer(&catalog).unwrap().unwrap();
    let parts = renderer.parts(&work(&plan).selection).unwrap();
    let object = &catalog.tables[&TableKey::new("sky", "Object")];
    let chunks: std::collections::BTreeSet<u32> = object
        .segments
        .iter()
        .flat_map(|segment| segment.home.iter().copied())
        .collect();
    assert!(parts.iter().map(|part| part.chunk).eq(chunks));
    for part in &parts {
        let source = &catalog.tables[&TableKey::new("sky", "Source")];
        let held = source
            .segments
            .iter()
            .filter(|segment| segment.home.contains(&part.chunk));
        let attempts: Vec<u64> = held.map(|segment| segment.attempt).collect();
        for statement in renderer.statements(part) {
            for attempt in &attempts {
                let name = format!("`Source_{}__{attempt}`", part.chunk);
                assert_eq!(statement.matches(&name).count(), 1, "{statement}");
            }
            let is_empty = statement.contains("FROM DUAL WHERE FALSE");
            assert_eq!(is_empty, attempts.is_empty(), "{statement}");
        }
        let ids = renderer.segments(part.chunk);
        assert_eq!(ids.contains(&9), part.chunk == 325, "{ids:?}");
    }
}

#[test]
fn columns_that_lose_their_type_are_computed_with_where_there_is_one_segment() {
    let sql = "SELECT run FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId AND s.quality = 'bad')";
    let is_gathered = |catalog: &Catalog| {
        let work = plan(sql, catalog, Some("sky")).unwrap().work;
        matches!(work, Work::Gather(_))
    };
    assert!(!is_gathered(&typical()));
    assert!(is_gathered(&archive()));
}
