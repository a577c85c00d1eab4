//! What a gather fetches: every table that the text names, the columns that it may read, and all
//! rows that can matter.

use crate::common::typical;
use orrery_plan::{Gather, STORED_ROW, Scan, Way, Work, explain, plan, plan_by};

fn gather(sql: &str) -> Gather {
    match plan(sql, &typical(), Some("sky")).map(|plan| plan.work) {
        Ok(Work::Gather(gather)) => gather,
        other => panic!("{sql}\n{other:#?}"),
    }
}

/// What is fetched, as EXPLAIN says it: `table (columns): rows`.
fn fetched(sql: &str) -> Vec<String> {
    gather(sql);
    let plan = plan(sql, &typical(), Some("sky")).unwrap();
    let lines: Vec<_> = explain(&plan)
        .into_iter()
        .filter(|(item, _)| item == "fetched" || item == "rows")
        .map(|(_, value)| value)
        .collect();
    lines.chunks(2).map(|pair| pair.join(": ")).collect()
}

fn refused(sql: &str) -> (u16, String) {
    let error = plan(sql, &typical(), Some("sky")).unwrap_err().mysql();
    (error.code, error.message)
}

#[test]
fn tables_are_found_wherever_they_stand() {
    for (sql, tables) in [
        (
            "SELECT run FROM Object WHERE run IN (SELECT filterId FROM Source)",
            &["Object", "Source"][..],
        ),
        (
            "SELECT run FROM Object ORDER BY (SELECT MAX(lambda) FROM Filter)",
            &["Filter", "Object"],
        ),
        ("SELECT 1 FROM (SELECT run FROM sky.Object) x", &["Object"]),
        (
            "WITH o AS (SELECT run FROM Object) SELECT 1 FROM o",
            &["Object"],
        ),
        (
            "SELECT run FROM Object UNION SELECT filterId FROM `Source`",
            &["Object", "Source"],
        ),
        // The name of a WITH hides the table, which its own query still reads.
        (
            "WITH Object AS (SELECT run FROM sky.Object) SELECT run FROM Object, Filter",
            &["Filter", "Object"],
        ),
        // Texts that the parser does not know are MariaDB's to read.
        ("SELECT run FROM Object GROUP BY run DESC", &["Object"]),
        (
            "SELECT 1 FROM Object JOIN Source JOIN Filter ON 1 ON 2",
            &["Filter", "Object", "Source"],
        ),
    ] {
        let scans = gather(sql).scans;
        let found: Vec<&str> = scans.iter().map(|scan| scan.key.table.as_str()).collect();
        assert_eq!(found, tables, "{sql}");
    }
}

#[test]
fn columns_are_those_whose_names_stand_in_the_text_or_all_of_them() {
    for (sql, columns) in [
        (
            "SELECT GROUP_CONCAT(flux), COUNT(*) FROM Object WHERE `RUN` > 2 * tiny",
            "flux, run, tiny",
        ),
        ("SELECT COUNT(*) FROM Object o1, Object o2", "objectId"),
        ("SELECT COUNT(*) FROM (SELECT 1 FROM Object) x", "objectId"),
        (
            "SELECT chunkId, GROUP_CONCAT(run) FROM Object GROUP BY chunkId",
            "run, chunkId",
        ),
    ] {
        let scans = gather(sql).scans;
        assert_eq!(scans[0].columns.join(", "), columns, "{sql}");
    }
    for sql in [
        "SELECT * FROM Object o1 RIGHT JOIN Object o2 ON o1.run = o2.run",
        "SELECT o1.* FROM Object o1 RIGHT JOIN Object o2 ON o1.run = o2.run",
        "SELECT (SELECT COUNT(*) FROM (SELECT DISTINCT * FROM Object) x)",
        "SELECT COUNT(*) FROM Object NATURAL JOIN Source",
    ] {
        let object = gather(sql).scans.remove(0);
        assert_eq!(object.columns.len(), 22, "{sql}");
    }
}

#[test]
fn rows_are_left_out_where_every_place_drops_them() {
    for (sql, rows) in [
        (
            "SELECT GROUP_CONCAT(run) FROM Object WHERE tiny = 3 AND run > 1",
            "(`Object`.`tiny` = 3) AND (`Object`.`run` > 1)",
        ),
        // Every place counts.
        (
            "SELECT run FROM Object WHERE run = 1 UNION SELECT run FROM Object o WHERE o.run = 2",
            "((`Object`.`run` = 1)) OR ((`Object`.`run` = 2))",
        ),
        (
            "SELECT run FROM Object WHERE run = 1 UNION SELECT run FROM Object",
            "all",
        ),
        (
            "SELECT run FROM Object WHERE run IN (SELECT run FROM Object WHERE run = 2)",
            "all",
        ),
        // Rows that are missing on the optional side come back as NULLs.
        (
            "SELECT 1 FROM Filter f LEFT JOIN Object o ON o.run = f.filterId WHERE o.run IS NULL",
            "all",
        ),
        (
            "SELECT 1 FROM Object o RIGHT JOIN Filter f ON o.run = f.filterId WHERE o.run IS NULL",
            "all",
        ),
        (
            "SELECT 1 FROM (Object o JOIN Filter f ON o.run = f.filterId) WHERE o.run = 1",
            "all",
        ),
        (
            "SELECT GROUP_CONCAT(run) FROM Object o LEFT JOIN Filter f ON o.run = f.filterId WHERE o.run = 1",
            "(`Object`.`run` = 1)",
        ),
        // Terms that are not about the table alone, or not the same each time.
        (
            "SELECT GROUP_CONCAT(run) FROM Object WHERE RAND() < 0.5",
            "all",
        ),
        (
            "SELECT GROUP_CONCAT(o.run) FROM Object o, Filter f WHERE o.run = f.filterId OR o.run = 1",
            "all",
        ),
        (
            "SELECT GROUP_CONCAT(run) FROM Object WHERE run = 1 OR run IN (SELECT 2)",
            "all",
        ),
        (
            "SELECT GROUP_CONCAT(o.run) FROM Object o JOIN Source s USING (objectId) WHERE ra = 1",
            "all",
        ),
        // A name of the block around it.
        (
            "SELECT 1 FROM Filter f WHERE EXISTS (SELECT 1 FROM Object o WHERE o.run = f.filterId AND lambda = 1 AND tiny = 2)",
            "(`Object`.`tiny` = 2)",
        ),
    ] {
        let object = fetched(sql)
            .into_iter()
            .find(|line| line.starts_with("sky.Object "))
            .unwrap();
        assert_eq!(object.split_once(": ").unwrap().1, rows, "{sql}");
    }
}

#[test]
fn a_filter_prunes_as_it_does_in_a_statement_of_its_own() {
    let by_key = gather("SELECT GROUP_CONCAT(run) FROM Object WHERE objectId = 7").scans;
    assert_eq!(by_key[0].plan.lookup().unwrap().keys.len(), 1);
    assert_eq!(by_key[0].least_bytes(&typical()), 0);
    let whole = gather("SELECT GROUP_CONCAT(run) FROM Object").scans;
    assert!(whole[0].plan.lookup().is_none());
    assert_eq!(whole[0].least_bytes(&typical()), (2 + STORED_ROW) * 50);
}

#[test]
fn a_spatial_restriction_chooses_the_rows_that_are_fetched_or_is_refused() {
    let sql =
        "SELECT GROUP_CONCAT(flux) FROM Object WHERE qserv_areaspec_circle(20, 0, 3) AND run = 1";
    let plan = plan(sql, &typical(), Some("sky")).unwrap();
    assert!(!plan.metadata_sql.contains("qserv"));
    let scans = gather(sql).scans;
    let Work::Chunks(work) = &scans[0].plan.work else {
        panic!("{scans:?}");
    };
    assert!(work.selection.area.is_some());
    assert!(
        work.template
            .display(&scans[0].plan.tables)
            .contains("scisql_s2PtInCircle")
    );
    for sql in [
        "SELECT GROUP_CONCAT(flux) FROM Object WHERE qserv_areaspec_circle(20, 0, 3) OR run = 1",
        "SELECT 1 FROM Object a, Object b WHERE qserv_areaspec_circle(20, 0, 3) AND a.run = b.run",
        "SELECT flux FROM Object WHERE qserv_areaspec_circle(20, 0, 3) UNION SELECT flux FROM Object",
        "SELECT 1 FROM Filter f LEFT JOIN Object o ON o.run = f.filterId WHERE qserv_areaspec_circle(20, 0, 3)",
        "SELECT run FROM Object WHERE qserv_areaspec_circle(20, 0, 3) GROUP BY run DESC",
        "SELECT GROUP_CONCAT(qserv_areaspec_circle(20, 0, 3)) FROM Object",
    ] {
        let (code, message) = refused(sql);
        assert!(message.contains("scisql_s2PtIn"), "{sql}: {code} {message}");
    }
}

#[test]
fn what_must_not_run_is_refused_at_every_depth() {
    for sql in [
        "SELECT run FROM Object WHERE run IN (SELECT my_function(1) FROM Filter)",
        "SELECT run FROM Object WHERE run IN (SELECT USER())",
        "SELECT GROUP_CONCAT(run), @@version FROM Object",
        "SELECT GROUP_CONCAT(run) FROM Object, information_schema.tables",
        "SELECT GROUP_CONCAT(run) FROM Object GROUP BY run DESC, (SELECT 1 FROM mysql.user)",
        "SELECT run FROM (SELECT run FROM Object FOR UPDATE) x",
        "SELECT SQL_CALC_FOUND_ROWS GROUP_CONCAT(run) FROM Object",
        "SELECT GROUP_CONCAT(run), FOUND_ROWS() FROM Object",
        "SELECT GROUP_CONCAT(run), LAST_INSERT_ID(5) FROM Object",
    ] {
        assert_eq!(refused(sql).0, 1235, "{sql}");
    }
    assert_eq!(
        refused("SELECT run FROM Object WHERE run IN (SELECT SLEEP(1))").0,
        1227
    );
    let elsewhere = "SELECT GROUP_CONCAT(run) FROM sky.Object, TABLES";
    let error = plan(elsewhere, &typical(), Some("information_schema")).unwrap_err();
    assert_eq!(error.mysql().code, 1235);
}

#[test]
fn a_gather_can_be_asked_for() {
    for sql in [
        "SELECT run FROM Object",
        "SELECT COUNT(*) FROM Object",
        "SELECT * FROM Filter",
    ] {
        let gathered = plan_by(Way::Gathered, sql, &typical(), Some("sky")).unwrap();
        let Work::Gather(gather) = gathered.work else {
            panic!("{sql}");
        };
        assert_eq!(gather.reason, None);
    }
    let alone = plan_by(Way::Gathered, "SELECT 1", &typical(), Some("sky")).unwrap();
    assert_eq!(alone.work, Work::Shadow);
}

#[test]
fn values_that_their_text_does_not_hold_are_fetched_as_doubles() {
    let scans =
        gather("SELECT GROUP_CONCAT(mag), GROUP_CONCAT(fixed), GROUP_CONCAT(flux) FROM Object")
            .scans;
    let Work::Chunks(work) = &scans[0].plan.work else {
        panic!("{scans:?}");
    };
    let text = work.template.display(&scans[0].plan.tables);
    assert!(text.contains("CAST(`Object`.`mag` AS DOUBLE)"), "{text}");
    assert!(text.contains("CAST(`Object`.`fixed` AS DOUBLE)"), "{text}");
    assert!(text.contains("`Object`.`flux`"), "{text}");
    assert_eq!(
        scans[0].create_sql(),
        "CREATE TEMPORARY TABLE `sky`.`Object` (`mag` FLOAT NULL DEFAULT NULL, `flux` DOUBLE NULL DEFAULT NULL, \
         `fixed` DOUBLE(10,3) NULL DEFAULT NULL) ENGINE=InnoDB ROW_FORMAT=DYNAMIC \
         DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    );
    assert_eq!(scans[0].columns_sql(), "(`mag`,`flux`,`fixed`)");
}

#[test]
fn a_temporary_table_has_the_keys_of_its_columns() {
    let sql = "SELECT GROUP_CONCAT(Object.tiny) FROM Object, Source, Filter, Repeating \
               WHERE Object.objectId + Source.filterId = Repeating.subChunkId";
    let definitions: Vec<String> = gather(sql).scans.iter().map(Scan::create_sql).collect();
    let has = |table: &str, key: &str| {
        let named = format!("`sky`.`{table}` (");
        let found = definitions
            .iter()
            .find(|definition| definition.contains(&named));
        found.unwrap().contains(key)
    };
    assert!(
        has("Object", ", PRIMARY KEY (`objectId`), KEY (`subChunkId`)) "),
        "{definitions:?}"
    );
    assert!(
        has("Source", ", KEY (`objectId`), KEY (`subChunkId`)) "),
        "{definitions:?}"
    );
    assert!(
        has("Repeating", ", KEY (`objectId`), KEY (`subChunkId`)) "),
        "{definitions:?}"
    );
    assert!(
        has("Filter", ", PRIMARY KEY (`filterId`)) "),
        "{definitions:?}"
    );
}
