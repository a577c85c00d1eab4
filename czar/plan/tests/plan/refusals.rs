//! What is refused or not computed in the chunks, with which error.

use orrery_plan::{MysqlError, Work, plan};

use crate::common::asked::{chunks, not_in_chunks, refused};
use crate::common::typical;

/// Statements that are gathered, and what EXPLAIN says to write instead.
fn assert_gathered(cases: &[(&str, &str)]) {
    assert_hints(cases, not_in_chunks);
}

/// Statements that do not run at all, and what the error says to write instead.
fn assert_refused(cases: &[(&str, &str)]) {
    assert_hints(cases, refused);
}

fn assert_hints(cases: &[(&str, &str)], error_of: fn(&str) -> MysqlError) {
    for (sql, hint) in cases {
        let error = error_of(sql);
        assert_eq!(
            (error.code, error.state),
            (1235, "42000"),
            "{sql}: {}",
            error.message
        );
        assert!(error.message.contains(hint), "{sql}: {}", error.message);
    }
}

#[test]
fn subqueries_whose_rows_may_lie_in_other_chunks_are_gathered() {
    const UNTIED: &str = "compare the keys of both in it";
    assert_gathered(&[
        (
            "SELECT run FROM Object WHERE run IN (SELECT filterId FROM Source)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT sourceId FROM Source)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT MAX(objectId) FROM Source)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM Other)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object WHERE objectId NOT IN (SELECT s.objectId FROM Source s, Source t)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object WHERE objectId + 0 IN (SELECT objectId FROM Source)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId > o.objectId)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId OR s.filterId = 1)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object o WHERE run > (SELECT COUNT(*) FROM Source s WHERE s.filterId = o.tiny)",
            UNTIED,
        ),
        (
            "SELECT o.run FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId WHERE s.objectId NOT IN (SELECT objectId FROM Object)",
            UNTIED,
        ),
        (
            "SELECT 1 FROM Object a, Object b WHERE scisql_angSep(a.ra, a.decl, b.ra, b.decl) < 0.01 AND a.objectId IN (SELECT objectId FROM Source) AND b.objectId IN (SELECT objectId FROM Source)",
            UNTIED,
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM Source GROUP BY filterId)",
            UNTIED,
        ),
    ]);
}

#[test]
fn subqueries_that_need_more_than_rows_of_the_chunk_are_gathered() {
    const HINT: &str = "write a join";
    assert_gathered(&[
        (
            "SELECT 1 FROM Filter WHERE filterId IN (SELECT filterId FROM Source)",
            "join the tables",
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM Source LIMIT 1)",
            HINT,
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT objectId FROM Source WHERE RAND() < 0.5)",
            HINT,
        ),
        (
            "SELECT run FROM Object WHERE objectId IN (SELECT o.objectId FROM Object o LEFT JOIN Source s ON s.objectId = o.objectId)",
            HINT,
        ),
        (
            "SELECT run FROM Object o WHERE run = (SELECT s.filterId FROM Source s WHERE s.objectId = o.objectId)",
            HINT,
        ),
        (
            "SELECT run FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId GROUP BY run)",
            HINT,
        ),
        (
            "SELECT run FROM Object o WHERE EXISTS (SELECT 1 FROM Source s WHERE s.objectId = o.objectId GROUP BY filterId HAVING tiny > 1)",
            HINT,
        ),
        (
            "SELECT run FROM Object o WHERE EXISTS (SELECT 1 FROM DUAL)",
            HINT,
        ),
        (
            "SELECT (SELECT MAX(sourceId) FROM Source s WHERE s.objectId = o.objectId) FROM Object o",
            HINT,
        ),
    ]);
}

#[test]
fn numbers_that_depend_on_what_one_server_stores_are_gathered() {
    assert_gathered(&[
        (
            "SELECT 1 FROM Object HAVING MAX(DATE_FORMAT(at, '%d.%H')) > 1",
            "MAX(CAST(text AS DOUBLE))",
        ),
        (
            "SELECT MIN(CAST(price AS CHAR)) + 0 FROM Object",
            "MIN(CAST(text AS DOUBLE))",
        ),
        (
            "SELECT run, MAX(kind) * 2 FROM Object GROUP BY run",
            "MAX(column + 0)",
        ),
        (
            "SELECT run, IF(MIN(flags), 1, 2) FROM Object GROUP BY run",
            "MIN(CONCAT(column))",
        ),
        (
            "SELECT run FROM Object GROUP BY run HAVING MAX(kind)",
            "MAX(CONCAT(column))",
        ),
        (
            "SELECT run FROM Object GROUP BY run ORDER BY -MAX(kind)",
            "MAX(CONCAT(column))",
        ),
        (
            "SELECT run, AVG(1 / padded) FROM Object WHERE objectId IN (1, 2) GROUP BY run",
            "AS DOUBLE",
        ),
    ]);
}

#[test]
fn shapes_that_the_chunks_do_not_compute_are_gathered() {
    assert_gathered(&[
        (
            "SELECT * FROM Object WHERE run = 1 OR objectId IN (SELECT objectId FROM Source)",
            "write a join",
        ),
        ("SELECT * FROM (SELECT * FROM Object) o", "write one SELECT"),
        (
            "WITH o AS (SELECT * FROM Object) SELECT * FROM o",
            "write one SELECT",
        ),
        (
            "SELECT objectId FROM Object UNION SELECT objectId FROM Source",
            "one after the other",
        ),
        (
            "SELECT ROW_NUMBER() OVER (ORDER BY ra) FROM Object",
            "GROUP BY",
        ),
        (
            "SELECT * FROM Object o1, Object o2 WHERE o1.run = o2.run",
            "add AND o1.objectId = o2.objectId",
        ),
        (
            "SELECT * FROM Object o JOIN Source s ON o.objectId <> s.objectId",
            "add AND o.objectId = s.objectId",
        ),
        (
            "SELECT * FROM Object o JOIN Source s ON o.objectId = s.objectId OR o.run = 1",
            "add AND",
        ),
        (
            "SELECT * FROM Filter f LEFT JOIN Source s ON f.filterId = s.filterId",
            "chunked LEFT JOIN reference",
        ),
        (
            "SELECT * FROM Object o LEFT JOIN Source s ON o.run = s.filterId",
            "add AND o.objectId = s.objectId",
        ),
        (
            "SELECT * FROM Object o RIGHT JOIN Source s ON o.objectId = s.objectId",
            "LEFT JOIN",
        ),
        ("SELECT * FROM Object NATURAL JOIN Source", "USING"),
        (
            "SELECT * FROM Object o, Other x WHERE o.objectId = x.objectId",
            "different keys",
        ),
        (
            "SELECT * FROM Repeating a, Repeating b WHERE a.objectId = b.objectId",
            "several chunks",
        ),
    ]);
}

#[test]
fn functions_and_clauses_are_gathered_or_say_what_to_write_instead() {
    assert_gathered(&[
        (
            "SELECT GROUP_CONCAT(name) FROM Object",
            "GROUP BY the director's key",
        ),
        ("SELECT scisql_median(flux) FROM Object", "COUNT, SUM, AVG"),
        ("SELECT JSON_ARRAYAGG(flux) FROM Object", "select the rows"),
        (
            "SELECT SUM(price / run / run / run / run / run) FROM Object",
            "CAST(quotient AS DOUBLE)",
        ),
        (
            "SELECT CONCAT(MAX(FLOOR(flux) / 7)) FROM Object",
            "CAST(expression AS DOUBLE)",
        ),
        (
            "SELECT HEX(run) * 2 AS k, COUNT(*) FROM Object GROUP BY k",
            "CAST(expression AS DOUBLE)",
        ),
        ("SELECT RAND(5) FROM Object", "RAND()"),
        (
            "SELECT run, COUNT(*) FROM Object GROUP BY run WITH ROLLUP",
            "fewer GROUP BY columns",
        ),
        ("SELECT DISTINCT run FROM Object ORDER BY ra", "select list"),
        (
            "SELECT COALESCE(mag, 0), COUNT(*) FROM Object GROUP BY COALESCE(mag, 0)",
            "CAST",
        ),
    ]);
    assert_refused(&[
        ("SELECT USER() FROM Object", "without tables"),
        ("SELECT @@version FROM Object", "without tables"),
        ("SELECT @x FROM Object", "bind it"),
        ("SELECT SQL_CALC_FOUND_ROWS * FROM Object", "COUNT(*)"),
        ("SELECT * FROM Object FOR UPDATE", "leave it out"),
        ("SELECT * FROM Object LOCK IN SHARE MODE", "leave it out"),
        ("SELECT * FROM Object INTO OUTFILE 'x'", "client"),
        ("SELECT * FROM Object PROCEDURE ANALYSE()", "leave it out"),
        ("SELECT USER() FROM Filter", "without tables"),
    ]);
}

#[test]
fn names_that_mean_nothing_get_mariadbs_errors() {
    for (sql, code, state) in [
        ("SELECT nothing FROM Object", 1054, "42S22"),
        ("SELECT o.nothing FROM Object o", 1054, "42S22"),
        ("SELECT Object.ra FROM Object o", 1054, "42S22"),
        (
            "SELECT ra FROM Object o, Source s WHERE o.objectId = s.objectId",
            1052,
            "23000",
        ),
        ("SELECT 1 FROM Object o, Source o", 1066, "42000"),
        ("SELECT 1 FROM Object WHERE COUNT(*) > 1", 1111, "HY000"),
        (
            "SELECT run AS k, tiny AS k FROM Object ORDER BY k",
            1052,
            "23000",
        ),
        (
            "SELECT tiny AS run, objectId AS run FROM Object GROUP BY run",
            1052,
            "23000",
        ),
        ("SELECT run FROM Object ORDER BY 5", 1054, "42S22"),
        ("SELECT run, MAX(ra) FROM Object", 1055, "42000"),
        ("SELECT run, ra FROM Object GROUP BY run", 1055, "42000"),
        ("SELECT run AS ra FROM Object GROUP BY ra", 1055, "42000"),
        (
            "SELECT -run AS ra FROM Object GROUP BY run ORDER BY ra + 0",
            1055,
            "42000",
        ),
    ] {
        let error = not_in_chunks(sql);
        assert_eq!(
            (error.code, error.state),
            (code, state),
            "{sql}: {}",
            error.message
        );
    }
    let error = refused("SELECT * FROM Nothing");
    assert_eq!((error.code, error.state), (1146, "42S02"));
    let error = plan("SELECT 1 FROM Object", &typical(), None)
        .unwrap_err()
        .mysql();
    assert_eq!((error.code, error.state), (1046, "3D000"));
}

#[test]
fn functions_that_wait_or_lock_are_never_run() {
    for sql in [
        "SELECT SLEEP(5)",
        "SELECT 1 FROM Filter WHERE get_lock('a', 1)",
        "SELECT BENCHMARK(1, 2) FROM Object",
        "SELECT `sleep`(5)",
        "SELECT `SLEEP` (5), f.* FROM Filter f",
        "SELECT 1 FROM Object WHERE `Get_Lock`('a', 1)",
        "WITH sleep(a) AS (SELECT 1) SELECT sleep(5)",
        "DO SLEEP(1)",
    ] {
        let error = refused(sql);
        assert_eq!(error.code, 1227, "{sql}: {}", error.message);
    }
    assert!(
        plan(
            "SELECT 'SLEEP(5)', sleep FROM (SELECT 1 AS sleep) x",
            &typical(),
            None
        )
        .is_ok()
    );
}

#[test]
fn the_function_of_near_cells_is_for_our_own_statements() {
    let cell = "(ra, decl, 0.01, 0)";
    for sql in [
        format!("SELECT orrery_cell{cell} FROM Object"),
        format!("SELECT `Orrery_Cell` {cell} FROM Object"),
        format!("SELECT 1 FROM Object WHERE orrery_cell{cell} = 1"),
        format!("SELECT 1 FROM Object a JOIN Object b ON a.run = orrery_cell{cell}"),
        "SELECT orrery_cell(1, 2, 3, 0)".to_owned(),
        "SELECT orrery_cell(1, 2, 3, 0) FROM Filter".to_owned(),
    ] {
        let error = refused(&sql);
        assert_eq!(error.code, 1235, "{sql}: {}", error.message);
    }
}

#[test]
fn exact_numbers_that_are_cut_on_the_way_are_gathered() {
    let long = "CAST(price AS DECIMAL(65,30))";
    for (sql, hint) in [
        (
            format!("SELECT MAX({long} + 1) FROM Object"),
            "as many digits",
        ),
        (
            format!("SELECT COUNT(*) FROM Object GROUP BY {long} + 1"),
            "as many digits",
        ),
        (
            format!("SELECT COUNT(DISTINCT {long} + 1) FROM Object"),
            "as many digits",
        ),
        (
            format!("SELECT DISTINCT {long} + 1 FROM Object"),
            "as many digits",
        ),
        (
            format!("SELECT objectId FROM Object ORDER BY {long} + 1"),
            "as many digits",
        ),
        (
            format!("SELECT tiny, COUNT(*) FROM Object GROUP BY tiny ORDER BY SUM({long})"),
            "as many digits",
        ),
        (
            format!("SELECT DISTINCT AVG({long}) FROM Object GROUP BY tiny"),
            "as many digits",
        ),
        (
            format!("SELECT SUM({long} + CAST(price AS DECIMAL(65,0))) FROM Object"),
            "as many digits",
        ),
        (
            format!("SELECT SUM({long} * {long}) FROM Object"),
            "write CAST",
        ),
    ] {
        assert_gathered(&[(&sql, hint)]);
    }
    // Long rows that go to the client as they are cross no temporary table: they are not joined.
    assert!(!chunks(&format!("SELECT {long} + 1 FROM Object")).batchable);
    assert!(chunks(&format!("SELECT {long} FROM Object")).batchable);
}

#[test]
fn means_of_numbers_whose_digits_the_row_decides_are_gathered() {
    let hint = "write CAST(expression AS DOUBLE)";
    assert_gathered(&[
        ("SELECT AVG(COALESCE(amount, 0.5 / 7)) FROM Source", hint),
        (
            "SELECT SUM(COALESCE(amount, 0.5 / 7)) / 7 FROM Source",
            hint,
        ),
    ]);
    chunks("SELECT AVG(IF(run > 0, run / 3, 0)), SUM(COALESCE(price, 0.5 / 7)) FROM Object");
}

#[test]
fn sums_of_quotients_that_one_server_may_add_in_another_way_are_gathered() {
    assert_gathered(&[
        (
            "SELECT tiny, SUM(price / 7), AVG(DISTINCT tiny) FROM Object GROUP BY tiny",
            "CAST(quotient AS DOUBLE)",
        ),
        (
            "SELECT o.flags, AVG(s.filterId / o.price) FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId GROUP BY o.flags",
            "CAST(quotient AS DOUBLE)",
        ),
    ]);
    chunks("SELECT SUM(price / 7), AVG(DISTINCT tiny) FROM Object");
    chunks("SELECT tiny, SUM(price / 7) FROM Object GROUP BY tiny");
}

#[test]
fn bits_that_one_server_shows_now_as_bytes_now_as_a_number_are_gathered() {
    assert_gathered(&[
        (
            "SELECT tiny, MAX(bits) FROM Object GROUP BY tiny",
            "MAX(column + 0)",
        ),
        (
            "SELECT tiny, CONCAT(MIN(bits)) FROM Object GROUP BY tiny",
            "MIN(column + 0)",
        ),
        (
            "SELECT tiny FROM Object GROUP BY tiny HAVING HEX(MAX(bits)) = 'F'",
            "MAX(column + 0)",
        ),
        (
            "SELECT DISTINCT o.bits, s.quality FROM Object o JOIN Source s USING (objectId) ORDER BY 1, 2",
            "column + 0",
        ),
    ]);
}

#[test]
fn what_one_server_runs_whole_calls_only_known_functions_and_keeps_nothing() {
    for sql in [
        "SELECT @a := 5",
        "SELECT @a",
        "SELECT 1 INTO @x",
        "SELECT LAST_INSERT_ID(42)",
        "SELECT `last_insert_id`(42)",
        "SELECT FOUND_ROWS()",
        "SELECT ROW_COUNT()",
        "SELECT `row_count`()",
        "SELECT my_function(1)",
        "SELECT sys.format_bytes(1)",
        "SELECT WSREP_SYNC_WAIT_UPTO_GTID('a')",
        "SELECT qserv_areaspec_box(1, 2, 3, 4)",
        "SELECT CONNECTION_ID() FROM information_schema.schemata",
        "SELECT `user`() FROM information_schema.schemata",
        "SELECT CURRENT_USER FROM (SELECT 1) x",
        "SELECT @@wait_timeout FROM information_schema.schemata",
        "SELECT `connection_id`(), f.* FROM Filter f",
        "SELECT @@version, f.* FROM Filter f",
        "SELECT my_function(1) FROM Filter",
        "WITH my_function(a) AS (SELECT 1) SELECT my_function(1) FROM my_function",
        "DO LAST_INSERT_ID(5)",
        "DO (SELECT COUNT(*) FROM Filter)",
    ] {
        let error = refused(sql);
        assert_eq!(
            (error.code, error.state),
            (1235, "42000"),
            "{sql}: {}",
            error.message
        );
    }
    for sql in [
        "SELECT 1 FROM DUAL",
        "SELECT CONNECTION_ID(), CURRENT_USER, @@wait_timeout, LAST_INSERT_ID()",
        "SELECT (1 + 2) * (3), ABS (-1), `abs`(-1), IF(1, (2), 3) IN (2), CAST(1 AS DECIMAL(5,2))",
        "SELECT VERSION(), DATABASE(), @@global.wait_timeout FROM information_schema.schemata",
        "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE (a < 5)) SELECT SUM(a) OVER (ORDER BY a) FROM n",
        "SELECT GROUP_CONCAT(filterName), JSON_ARRAYAGG(filterId), NTILE(2) OVER (ORDER BY 1) FROM Filter",
        "VALUES (1), (2)",
        "DO 1",
    ] {
        assert!(
            plan(sql, &typical(), Some("sky")).is_ok(),
            "{sql}: {:?}",
            plan(sql, &typical(), Some("sky"))
        );
    }
}

#[test]
fn show_computes_nothing_that_a_select_may_not() {
    for sql in [
        "SHOW DATABASES WHERE `sleep`(1) = 0",
        "SHOW DATABASES WHERE SLEEP(1) = 0",
    ] {
        assert_eq!(
            orrery_plan::check_listing(sql).unwrap_err().mysql().code,
            1227,
            "{sql}"
        );
    }
    for sql in [
        "SHOW TABLES WHERE (SELECT COUNT(*) FROM Object) > 0",
        "SHOW DATABASES WHERE (@a := 5) = 5",
        "SHOW DATABASES WHERE `Database` = @a",
        "SHOW VARIABLES WHERE @@wait_timeout > 5",
        "SHOW DATABASES WHERE CONNECTION_ID() > 5",
        "SHOW DATABASES WHERE my_function(1)",
    ] {
        assert_eq!(
            orrery_plan::check_listing(sql).unwrap_err().mysql().code,
            1235,
            "{sql}"
        );
    }
    for sql in [
        "SHOW FULL COLUMNS FROM Object WHERE Field IN ('ra', 'decl') AND (UPPER(Type) LIKE '%E%')",
        "SHOW VARIABLES LIKE 'sleep(%'",
        "DESCRIBE `sky`.`Object` `ra`",
    ] {
        assert_eq!(orrery_plan::check_listing(sql), Ok(()), "{sql}");
    }
}

#[test]
fn area_restrictions_that_are_wrong_are_refused() {
    for (sql, part) in [
        (
            "SELECT 1 FROM Object WHERE qserv_areaspec_box(1, 2, 3)",
            "lonMin",
        ),
        (
            "SELECT 1 FROM Object WHERE qserv_areaspec_box(1, 2, 3, ra)",
            "argument 4 is not a constant",
        ),
        (
            "SELECT 1 FROM Object WHERE qserv_areaspec_circle(1, 95, 3)",
            "[-90, 90]",
        ),
        (
            "SELECT 1 FROM Object WHERE qserv_areaspec_hull(1, 95, 3)",
            "There is no function",
        ),
        (
            "SELECT 1 FROM Object WHERE qserv_areaspec_box(1, 2, 3, 4) OR run = 1",
            "by itself",
        ),
        (
            "SELECT qserv_areaspec_box(1, 2, 3, 4) FROM Object",
            "by itself",
        ),
        (
            "SELECT 1 FROM Object WHERE qserv_areaspec_box(1, 2, 3, 4) = 0",
            "by itself",
        ),
    ] {
        let error = refused(sql);
        assert_eq!(error.code, 1210, "{sql}: {}", error.message);
        assert!(error.message.contains(part), "{sql}: {}", error.message);
    }
}

#[test]
fn constructs_the_parser_misreads_are_refused_or_repaired() {
    assert_eq!(refused("SELECT @v := run OR tiny FROM Object").code, 1235);
    let text = |sql: &str| {
        let plan = plan(sql, &typical(), Some("sky")).unwrap();
        match &plan.work {
            Work::Chunks(work) => work.template.display(&plan.tables),
            other => panic!("{other:?}"),
        }
    };
    assert!(
        text("SELECT run || tiny AND 1 FROM Object")
            .contains("(`Object`.`run` OR (`Object`.`tiny` AND 1))")
    );
    assert!(
        text("SELECT run = 0x4D, X'4D', 'a\\\\b' FROM Object")
            .contains("(`Object`.`run` = 0x4D), X'4D', 'a\\\\b'")
    );
    assert!(text("SELECT SQL_CACHE run FROM Object").starts_with("SELECT `Object`.`run` FROM"));
    assert!(
        text("SELECT /*!40101 run */ /*!999999 , ra */ FROM Object")
            .starts_with("SELECT `Object`.`run` FROM")
    );
    assert!(
        text("SELECT CAST(name AS BINARY), CONVERT(name, BINARY) FROM Object")
            .contains("CAST(`Object`.`name` AS BINARY)")
    );
    for (sql, read) in [
        (
            "BINARY name = 'x'",
            "(CAST(`Object`.`name` AS BINARY) = 'x')",
        ),
        (
            "run = 1 XOR tiny = 2",
            "((`Object`.`run` = 1) XOR (`Object`.`tiny` = 2))",
        ),
        ("run ^ tiny * 2", "((`Object`.`run` ^ `Object`.`tiny`) * 2)"),
        ("run & tiny ^ 2", "(`Object`.`run` & (`Object`.`tiny` ^ 2))"),
        ("tiny >> 2 & 1", "((`Object`.`tiny` >> 2) & 1)"),
        ("~tiny % 4", "((~ `Object`.`tiny`) % 4)"),
        ("name LIKE 'v%' = 0", "((`Object`.`name` LIKE 'v%') = 0)"),
        ("0 = run IN (1, 2)", "(0 = (`Object`.`run` IN (1, 2)))"),
        (
            "(run, tiny) = (1, 2)",
            "(ROW(`Object`.`run`, `Object`.`tiny`) = ROW(1, 2))",
        ),
        (
            "name SOUNDS LIKE 'x'",
            "(SOUNDEX(`Object`.`name`) = SOUNDEX('x'))",
        ),
    ] {
        assert!(
            text(&format!("SELECT {sql} FROM Object")).contains(read),
            "{sql}"
        );
    }
}

#[test]
fn a_childs_own_position_prunes_nothing_because_it_lies_with_its_director() {
    assert_eq!(
        chunks("SELECT 1 FROM Source WHERE qserv_areaspec_box(0, 0, 1, 1)")
            .selection
            .area,
        None
    );
    assert_eq!(
        chunks("SELECT 1 FROM Source WHERE ra BETWEEN 0 AND 1")
            .selection
            .area,
        None
    );
}

#[test]
fn an_outer_join_is_local_only_by_terms_that_hold_without_a_partner() {
    // The first ON holds only where s1 has a row, so that it says nothing about s2's partners.
    let sql = "SELECT 1 FROM Object o LEFT JOIN Source s1 ON s1.objectId = o.objectId AND o.run = o.objectId \
               LEFT JOIN Source s2 ON s2.objectId = o.run";
    assert_eq!(not_in_chunks(sql).code, 1235);
    chunks(
        "SELECT 1 FROM Object o LEFT JOIN Source s1 ON s1.objectId = o.objectId LEFT JOIN Source s2 ON s2.objectId = s1.objectId",
    );
}
