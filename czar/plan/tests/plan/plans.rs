//! What a plan says, shape by shape.

use std::collections::BTreeSet;

use crate::common::{catalog_with, typical};
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_plan::{
    ChunkWork, Class, Keyed, KeyedPlan, Merge, Plan, RenderError, Renderer, RowRange, ShadowMerge,
    SimpleColumn, Work, explain, plan,
};

fn planned(sql: &str) -> Plan {
    plan(sql, &typical(), Some("sky")).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn chunk_work(plan: &Plan) -> &ChunkWork {
    match &plan.work {
        Work::Chunks(work) => work,
        other => panic!("{other:?}"),
    }
}

fn template(sql: &str) -> String {
    let plan = planned(sql);
    chunk_work(&plan).template.display(&plan.tables)
}

fn shadow(sql: &str) -> ShadowMerge {
    match chunk_work(&planned(sql)).merge.clone() {
        Merge::Shadow(merge) => merge,
        other @ Merge::Concatenate(_) => panic!("{other:?}"),
    }
}

fn area(sql: &str) -> Option<Vec<u32>> {
    chunk_work(&planned(sql))
        .selection
        .area
        .clone()
        .map(|area| area.into_iter().collect())
}

fn statements(sql: &str, catalog: &Catalog, chunk: u32) -> Vec<String> {
    let plan = plan(sql, catalog, Some("sky")).unwrap();
    let renderer = plan.renderer(catalog).unwrap().unwrap();
    let parts = renderer.parts(&chunk_work(&plan).selection).unwrap();
    let of_chunk = parts.iter().filter(|part| part.chunk == chunk);
    of_chunk
        .flat_map(|part| renderer.statements(part))
        .collect()
}

#[test]
fn a_projection_passes_rows_through_with_its_limit() {
    let plan = planned("SELECT o.ra, name FROM sky.Object o WHERE run = 1 LIMIT 3, 4");
    let work = chunk_work(&plan);
    assert_eq!(
        work.template.display(&plan.tables),
        "SELECT `o`.`ra`, `o`.`name` FROM {sky.Object} AS `o` WHERE (`o`.`run` = 1) LIMIT 7"
    );
    assert_eq!(
        work.merge,
        Merge::Concatenate(RowRange {
            offset: 3,
            count: Some(4)
        })
    );
    assert_eq!(work.selection.area, None);
    assert_eq!(
        (plan.class, plan.data_epoch, plan.uses_now),
        (Class::Scan, 5, false)
    );
}

#[test]
fn aggregates_become_parts_and_a_merge() {
    let sql = "SELECT run, AVG(price), COUNT(*) FROM Object GROUP BY run HAVING COUNT(*) > 2 ORDER BY 3 DESC LIMIT 5";
    assert_eq!(
        template(sql),
        "SELECT `Object`.`run` AS `p0`, SUM(`Object`.`price`) AS `p1`, COUNT(`Object`.`price`) AS `p2`, COUNT(*) AS `p3` \
         FROM {sky.Object} AS `Object` GROUP BY 1"
    );
    let merge = shadow(sql);
    assert_eq!(
        merge.merge_sql("`t`"),
        "SELECT `p0`, (SUM(`p1`) / SUM(`p2`)), CAST(COALESCE(SUM(`p3`), 0) AS SIGNED) FROM `t` GROUP BY `p0` \
         HAVING (CAST(COALESCE(SUM(`p3`), 0) AS SIGNED) > 2) ORDER BY CAST(COALESCE(SUM(`p3`), 0) AS SIGNED) DESC LIMIT 5"
    );
    assert_eq!(merge.partial_columns, 4);
    assert_eq!(merge.simple, None);
    assert!(
        merge
            .partial_over_shadow()
            .ends_with("FROM `sky`.`Object` AS `Object` GROUP BY 1 LIMIT 0")
    );
}

#[test]
fn floats_travel_as_doubles() {
    assert_eq!(
        template("SELECT mag, MAX(mag) FROM Object GROUP BY mag"),
        "SELECT CAST(`Object`.`mag` AS DOUBLE) AS `p0`, MAX(CAST(`Object`.`mag` AS DOUBLE)) AS `p1` \
         FROM {sky.Object} AS `Object` GROUP BY 1"
    );
    assert_eq!(
        shadow("SELECT DISTINCT mag FROM Object ORDER BY mag").merge_sql("t"),
        "SELECT DISTINCT CAST(`p0` AS FLOAT) FROM t ORDER BY `p0`"
    );
}

/// MariaDB adds the digits that a quotient has, not those that it shows; and compares it by those
/// that it shows.
#[test]
fn exact_quotients_travel_with_the_digits_they_have_and_show_as_many_as_one_server() {
    let sql = "SELECT SUM(run / 7), AVG(-price / run), MAX(run / 7), SUM(ra / 7) FROM Object";
    assert_eq!(
        template(sql),
        "SELECT CAST(SUM((`Object`.`run` / 7)) AS DECIMAL(65,9)) AS `p0`, \
         CAST(SUM(((- `Object`.`price`) / `Object`.`run`)) AS DECIMAL(65,9)) AS `p1`, \
         COUNT(((- `Object`.`price`) / `Object`.`run`)) AS `p2`, \
         CAST(MAX((`Object`.`run` / 7)) AS DECIMAL(65,9)) AS `p3`, \
         CAST(SUM((`Object`.`ra` / 7)) AS DOUBLE) AS `p4` FROM {sky.Object} AS `Object`"
    );
    assert_eq!(
        shadow(sql).merge_sql("t"),
        "SELECT (CAST((SUM(`p0`) * 1000000000) AS DECIMAL(65,0)) / 1000000000), \
         ((CAST((SUM(`p1`) * 1000000) AS DECIMAL(65,3)) / 1000000) / SUM(`p2`)), \
         (CAST((MAX(`p3`) * 1000000000) AS DECIMAL(65,0)) / 1000000000), SUM(`p4`) FROM t"
    );
    // Groups and rows are told apart, and rows are ordered, by what is shown.
    assert_eq!(
        shadow("SELECT run / 7 FROM Object GROUP BY run / 7").merge_sql("t"),
        "SELECT (CAST((MIN(`p0`) * 1000000000) AS DECIMAL(65,0)) / 1000000000) FROM t GROUP BY CAST(`p0` AS DECIMAL(65,4))"
    );
    assert!(
        template("SELECT DISTINCT run / 7 FROM Object")
            .starts_with("SELECT DISTINCT (`Object`.`run` / 7) AS `p0`")
    );
}

#[test]
fn doubles_with_fixed_decimals_travel_whole_and_are_not_joined() {
    let sql = "SELECT FLOOR(flux), COUNT(*), MAX(ROUND(ra, 2)) FROM Object GROUP BY FLOOR(flux)";
    assert_eq!(
        template(sql),
        "SELECT CAST(FLOOR(`Object`.`flux`) AS DOUBLE) AS `p0`, COUNT(*) AS `p1`, \
         MAX(CAST(ROUND(`Object`.`ra`, 2) AS DOUBLE)) AS `p2` FROM {sky.Object} AS `Object` GROUP BY 1"
    );
    let batchable = |sql: &str| chunk_work(&planned(sql)).batchable;
    assert!(!batchable("SELECT ROUND(flux, 2) FROM Object"));
    assert!(!batchable("SELECT fixed * 2 FROM Object"));
    assert!(batchable(
        "SELECT fixed, flux * 2, run / 7, UPPER(name) FROM Object"
    ));
    assert!(batchable(sql));
}

#[test]
fn quotients_of_doubles_are_told_apart_as_one_server_stores_them() {
    let stored = |number: &str| {
        format!("IF((ABS({number}) < 9007199254740992), CAST({number} AS DOUBLE(65,7)), {number})")
    };
    let quotient = "(`Object`.`fixed` / 7)";
    assert_eq!(
        template("SELECT DISTINCT fixed / 7 FROM Object"),
        format!(
            "SELECT DISTINCT CAST({} AS DOUBLE) AS `p0` FROM {{sky.Object}} AS `Object`",
            stored(quotient)
        )
    );
    assert_eq!(
        shadow("SELECT COUNT(*) FROM Object GROUP BY fixed / 7").merge_sql("t"),
        format!(
            "SELECT CAST(COALESCE(SUM(`p1`), 0) AS SIGNED) FROM t GROUP BY {}",
            stored("`p0`")
        )
    );
}

#[test]
fn texts_are_not_joined_that_may_be_longer_than_what_is_reserved_for_them() {
    let batchable = |sql: &str| chunk_work(&planned(sql)).batchable;
    for item in [
        "CAST(-1e3 AS CHAR)",
        "CONCAT(flux, '-')",
        "CONCAT(name, FLOOR(flux))",
        "TIME_FORMAT(seen, '%T')",
        "FROM_UNIXTIME(flux)",
        "INSERT(0x0A, 1, 1, 'abcdef')",
        "IF(run > 0, name, flux)",
        "ROUND(-TRUE, 1)",
        "TRUNCATE(price * price * price * price * price * price * price, 2)",
        "FLOOR(price * price * price * price * price * price * price)",
    ] {
        assert!(!batchable(&format!("SELECT {item} FROM Object")), "{item}");
    }
    for item in [
        "CONCAT(name, '-', run, price / 7)",
        "IF(flux > 1e0, name, 'x')",
        "CAST(price AS CHAR)",
        "seen + INTERVAL 1 DAY",
        "LEFT(UPPER(name), 2)",
    ] {
        assert!(batchable(&format!("SELECT {item} FROM Object")), "{item}");
    }
}

#[test]
fn joined_statements_give_no_more_rows_than_one_of_them_where_their_order_is_kept() {
    for (sql, end) in [
        ("SELECT run FROM Object LIMIT 3, 4", " LIMIT 7"),
        (
            "SELECT run, mag FROM Object ORDER BY mag DESC, day, run LIMIT 5",
            " ORDER BY 2 DESC, 3, 1 LIMIT 5",
        ),
        ("SELECT run FROM Object ORDER BY run", ""),
        ("SELECT run FROM Object ORDER BY kind LIMIT 5", ""),
        ("SELECT run FROM Object ORDER BY name LIMIT 5", ""),
        (
            "SELECT run FROM Object ORDER BY fixed LIMIT 5",
            " ORDER BY 2 LIMIT 5",
        ),
        ("SELECT DISTINCT run FROM Object ORDER BY run LIMIT 5", ""),
        ("SELECT run, COUNT(*) FROM Object GROUP BY run LIMIT 5", ""),
    ] {
        assert_eq!(chunk_work(&planned(sql)).joined_end, end, "{sql}");
    }
}

#[test]
fn keys_that_no_row_has_are_not_looked_up() {
    for filter in [
        "objectId IN (NULL)",
        "objectId IN (1, 2) AND objectId IN (3, 4)",
    ] {
        let plan = planned(&format!("SELECT run FROM Object WHERE {filter}"));
        let catalog = typical();
        let renderer = plan.renderer(&catalog).unwrap().unwrap();
        assert_eq!(plan.lookup(), None, "{filter}");
        let parts = renderer.parts(&chunk_work(&plan).selection);
        assert_eq!(parts, Ok(Vec::new()), "{filter}");
    }
}

#[test]
fn distinct_goes_where_no_two_rows_are_equal() {
    let merged = |sql: &str| shadow(sql).merge_sql("t");
    for sql in [
        "SELECT DISTINCT VARIANCE(run) FROM Object",
        "SELECT DISTINCT run, VARIANCE(tiny) FROM Object GROUP BY run",
    ] {
        assert!(!merged(sql).contains("DISTINCT"), "{sql}");
    }
    assert!(merged("SELECT DISTINCT MIN(tiny) FROM Object GROUP BY run").contains("DISTINCT"));
    assert_eq!(
        template("SELECT DISTINCT run, objectId, fixed / 7 FROM Object"),
        "SELECT `Object`.`run`, `Object`.`objectId`, (`Object`.`fixed` / 7) FROM {sky.Object} AS `Object`"
    );
    for kept in [
        "SELECT DISTINCT objectId + 1 FROM Object",
        "SELECT DISTINCT objectId FROM Source",
        "SELECT DISTINCT objectId FROM Repeating",
        "SELECT DISTINCT o.objectId FROM Object o JOIN Source s ON o.objectId = s.objectId",
    ] {
        let catalog = catalog_with(&[
            ("Object", 1, &[324]),
            ("Source", 2, &[324]),
            ("Repeating", 3, &[324]),
        ]);
        let plan = plan(kept, &catalog, Some("sky")).unwrap();
        assert!(
            chunk_work(&plan).template.display(&[]).contains("DISTINCT"),
            "{kept}"
        );
    }
}

#[test]
fn where_parts_group_and_the_statement_does_not_quotients_keep_their_digits() {
    let sql = "SELECT COUNT(DISTINCT run), SUM(tiny / 7), MAX(tiny / 7) FROM Object";
    assert_eq!(
        template(sql),
        "SELECT `Object`.`run` AS `p0`, SUM(CAST((`Object`.`tiny` / 7) AS DECIMAL(65,9))) AS `p1`, \
         MAX(CAST((`Object`.`tiny` / 7) AS DECIMAL(65,9))) AS `p2` FROM {sky.Object} AS `Object` GROUP BY 1"
    );
}

#[test]
fn a_quotient_of_aggregates_is_no_average() {
    for sql in [
        "SELECT MIN(flux) / MAX(run) FROM Object",
        "SELECT SUM(flux) / SUM(-run) FROM Object",
        "SELECT SUM(flux) / COUNT(flux) FROM Object",
    ] {
        assert_eq!(shadow(sql).simple, None, "{sql}");
    }
    let simple = |sql: &str| shadow(sql).simple.unwrap().columns;
    assert_eq!(
        simple("SELECT AVG(flux) FROM Object"),
        [SimpleColumn::AvgDouble { sum: 0, count: 1 }]
    );
    // Sums of long decimals do not fit the arithmetic of this process.
    assert_eq!(
        shadow("SELECT SUM(price * objectId) FROM Object").simple,
        None
    );
}

#[test]
fn two_calls_of_a_random_function_are_two_and_an_alias_is_one() {
    assert_eq!(
        template("SELECT SUM(RAND()) - SUM(RAND()) FROM Object"),
        "SELECT CAST(SUM(RAND()) AS DOUBLE) AS `p0`, CAST(SUM(RAND()) AS DOUBLE) AS `p1` FROM {sky.Object} AS `Object`"
    );
    assert_eq!(
        template("SELECT RAND() AS r, RAND() AS s FROM Object ORDER BY s LIMIT 1"),
        "SELECT CAST(RAND() AS DOUBLE) AS `p0`, CAST(RAND() AS DOUBLE) AS `p1` FROM {sky.Object} AS `Object` \
         ORDER BY 2 LIMIT 1"
    );
    assert_eq!(
        template("SELECT RAND() AS r FROM Object ORDER BY RAND() LIMIT 1"),
        "SELECT CAST(RAND() AS DOUBLE) AS `p0`, CAST(RAND() AS DOUBLE) AS `p1` FROM {sky.Object} AS `Object` \
         ORDER BY 2 LIMIT 1"
    );
}

#[test]
fn a_literal_that_is_grouped_by_is_itself_elsewhere() {
    assert_eq!(
        shadow("SELECT 2 AS d, ROUND(AVG(price), 2) FROM Object GROUP BY d").merge_sql("t"),
        "SELECT 2, ROUND((SUM(`p1`) / SUM(`p2`)), 2) FROM t GROUP BY `p0`"
    );
}

#[test]
fn true_is_the_first_position() {
    for sql in [
        "SELECT name FROM Object ORDER BY TRUE LIMIT 2",
        "SELECT name FROM Object ORDER BY (1) LIMIT 2",
        "SELECT name FROM Object ORDER BY +1 LIMIT 2",
        "SELECT name FROM Object ORDER BY - -1 LIMIT 2",
        "SELECT name FROM Object ORDER BY -(-TRUE) LIMIT 2",
        "SELECT name FROM Object ORDER BY 9223372036854775809 LIMIT 2",
    ] {
        assert!(template(sql).ends_with("ORDER BY 1 LIMIT 2"), "{sql}");
    }
    for number in [
        "1.0",
        "1e0",
        "'1'",
        "1 + 0",
        "-(1.0)",
        "- -9223372036854775809",
    ] {
        let text = template(&format!(
            "SELECT name FROM Object ORDER BY {number} LIMIT 2"
        ));
        assert!(!text.contains("ORDER BY"), "{number}: {text}");
    }
    for number in ["0", "2", "-1", "FALSE", "- - -1"] {
        let sql = format!("SELECT name FROM Object ORDER BY {number}");
        let reason = match planned(&sql).work {
            // The server says then that there is no such column.
            Work::Gather(gather) => gather.reason.unwrap().mysql(),
            other => panic!("{sql}: {other:?}"),
        };
        assert_eq!(reason.code, 1054, "{number}: {}", reason.message);
    }
}

#[test]
fn group_by_takes_the_column_that_has_the_name_of_an_alias() {
    assert_eq!(
        shadow("SELECT -run AS run, COUNT(*) FROM Object GROUP BY run").merge_sql("t"),
        "SELECT (- `p0`), CAST(COALESCE(SUM(`p1`), 0) AS SIGNED) FROM t GROUP BY `p0`"
    );
    assert_eq!(
        shadow("SELECT 1 AS run, run FROM Object GROUP BY run").merge_sql("t"),
        "SELECT 1, `p0` FROM t GROUP BY `p0`"
    );
}

#[test]
fn order_and_limit_are_done_in_every_part_first() {
    let sql = "SELECT name FROM Object ORDER BY price DESC, run LIMIT 2, 3";
    assert_eq!(
        template(sql),
        "SELECT `Object`.`name` AS `p0`, `Object`.`price` AS `p1`, `Object`.`run` AS `p2` FROM {sky.Object} AS `Object` \
         ORDER BY 2 DESC, 3 LIMIT 5"
    );
    assert_eq!(
        shadow(sql).merge_sql("t"),
        "SELECT `p0` FROM t ORDER BY `p1` DESC, `p2` LIMIT 2, 3"
    );
    assert!(template("SELECT name FROM Object ORDER BY price").ends_with("AS `Object`"));
}

#[test]
fn simple_merges_are_described() {
    let simple = shadow(
        "SELECT run, COUNT(*), SUM(price), AVG(flux), MIN(objectId) FROM Object GROUP BY run",
    )
    .simple
    .unwrap();
    assert_eq!(simple.keys, [0]);
    assert_eq!(
        simple.columns,
        [
            SimpleColumn::Key(0),
            SimpleColumn::Count(1),
            SimpleColumn::SumDecimal { sum: 2, scale: 3 },
            SimpleColumn::AvgDouble { sum: 3, count: 4 },
            SimpleColumn::MinInteger(5),
        ]
    );
    for sql in [
        "SELECT name, COUNT(*) FROM Object GROUP BY name",
        "SELECT COUNT(DISTINCT run) FROM Object",
        "SELECT AVG(price) FROM Object",
        "SELECT COUNT(*) + 1 FROM Object",
        "SELECT SUM(run) FROM Object LIMIT 1",
    ] {
        assert_eq!(shadow(sql).simple, None, "{sql}");
    }
}

#[test]
fn whole_table_counts_come_from_sealed_segments() {
    for sql in [
        "SELECT COUNT(*) FROM Object",
        "select count(1) from sky.Object o order by 1",
    ] {
        assert_eq!(
            planned(sql).work,
            Work::Static(vec![vec![Some("50".into())]]),
            "{sql}"
        );
    }
    for sql in [
        "SELECT COUNT(mag) FROM Object",
        "SELECT COUNT(*) FROM Object WHERE run = 1",
        "SELECT COUNT(NULL) FROM Object",
    ] {
        assert!(matches!(planned(sql).work, Work::Chunks(_)), "{sql}");
    }
}

#[test]
fn inner_joins_distribute_over_pairs_of_segments() {
    let catalog = catalog_with(&[
        ("Object", 1, &[324, 325]),
        ("Object", 2, &[325]),
        ("Source", 3, &[325]),
        ("Source", 4, &[325, 326]),
    ]);
    let sql = "SELECT s.mjd FROM Object o, Source s WHERE o.objectId = s.objectId";
    assert_eq!(
        statements(sql, &catalog, 325),
        [(101, 103), (101, 104), (102, 103), (102, 104)].map(|(object, source)| format!(
            "SELECT `s`.`mjd` FROM `sky__7`.`Object_325__{object}` AS `o`, `sky__8`.`Source_325__{source}` AS `s` \
             WHERE (`o`.`objectId` = `s`.`objectId`)"
        ))
    );
    let plan = plan(sql, &catalog, Some("sky")).unwrap();
    let renderer = plan.renderer(&catalog).unwrap().unwrap();
    let parts = renderer.parts(&chunk_work(&plan).selection).unwrap();
    assert_eq!(
        parts.iter().map(|part| part.chunk).collect::<Vec<_>>(),
        [325],
        "a chunk needs rows of both tables"
    );
    assert_eq!(renderer.segments(325), [1, 2, 3, 4]);
}

#[test]
fn outer_joins_see_all_segments_of_the_optional_table_at_once() {
    let catalog = catalog_with(&[
        ("Object", 1, &[324, 325, 326]),
        ("Object", 2, &[325]),
        ("Source", 3, &[324, 325]),
        ("Source", 4, &[325]),
    ]);
    let sql =
        "SELECT o.objectId, s.mjd FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId";
    let on = "AS `s` ON (`o`.`objectId` = `s`.`objectId`)";
    assert_eq!(
        statements(sql, &catalog, 325),
        [101, 102].map(|object| format!(
            "SELECT `o`.`objectId`, `s`.`mjd` FROM `sky__7`.`Object_325__{object}` AS `o` LEFT JOIN \
             (SELECT `objectId`, `mjd` FROM `sky__8`.`Source_325__103` UNION ALL \
             SELECT `objectId`, `mjd` FROM `sky__8`.`Source_325__104`) {on}"
        ))
    );
    assert_eq!(
        statements(sql, &catalog, 324),
        [format!(
            "SELECT `o`.`objectId`, `s`.`mjd` FROM `sky__7`.`Object_324__101` AS `o` LEFT JOIN `sky__8`.`Source_324__103` {on}"
        )]
    );
    assert_eq!(
        statements(sql, &catalog, 326),
        [format!(
            "SELECT `o`.`objectId`, `s`.`mjd` FROM `sky__7`.`Object_326__101` AS `o` LEFT JOIN \
             (SELECT CAST(NULL AS SIGNED) AS `objectId`, CAST(NULL AS DOUBLE) AS `mjd` FROM DUAL WHERE FALSE) {on}"
        )]
    );
}

#[test]
fn reference_tables_are_the_same_in_every_chunk() {
    let sql = "SELECT f.filterName FROM Source s JOIN sky.Filter f USING (filterId)";
    assert_eq!(
        statements(sql, &typical(), 324),
        [
            "SELECT `f`.`filterName` FROM `sky__8`.`Source_324__103` AS `s` INNER JOIN `sky__9`.`Filter__104` AS `f` \
          ON (`s`.`filterId` = `f`.`filterId`)"
        ]
    );
}

#[test]
fn statements_on_reference_tables_alone_keep_their_text() {
    let catalog = typical();
    let sql = "SELECT sky.Filter.filterName /* x */ FROM Filter WHERE lambda > (SELECT MIN(f.lambda) FROM sky.Filter f) ;";
    let plan = plan(sql, &catalog, Some("sky")).unwrap();
    assert!(matches!(plan.work, Work::AnyWorker(_)));
    assert_eq!(
        plan.renderer(&catalog).unwrap().unwrap().whole(),
        "SELECT Filter.filterName /* x */ FROM `sky__9`.`Filter__104` AS `Filter` \
         WHERE lambda > (SELECT MIN(f.lambda) FROM `sky__9`.`Filter__104` f)"
    );
}

#[test]
fn statements_without_tables_go_to_the_shadow_server() {
    for sql in [
        "SELECT 1",
        "SELECT * FROM information_schema.TABLES",
        "SELECT NOW()",
        "WITH a AS (SELECT 1) SELECT * FROM a",
    ] {
        assert_eq!(planned(sql).work, Work::Shadow, "{sql}");
    }
    assert!(planned("SELECT NOW()").uses_now);
}

#[test]
fn the_clock_is_noted() {
    assert!(planned("SELECT objectId FROM Object WHERE day < CURDATE()").uses_now);
    assert!(planned("SELECT objectId FROM Object WHERE day < CURRENT_DATE").uses_now);
    assert!(planned("SELECT UNIX_TIMESTAMP() FROM Object").uses_now);
    assert!(!planned("SELECT UNIX_TIMESTAMP(seen) FROM Object").uses_now);
}

#[test]
fn area_restrictions_become_predicates_on_the_director() {
    let sql = "SELECT o.objectId FROM Object o JOIN Source s ON o.objectId = s.objectId WHERE qserv_areaspec_box(0, 0, 1, 1) AND s.mjd > 5";
    assert_eq!(
        template(sql),
        "SELECT `o`.`objectId` FROM {sky.Object} AS `o` INNER JOIN {sky.Source} AS `s` ON (`o`.`objectId` = `s`.`objectId`) \
         WHERE (scisql_s2PtInBox(`o`.`ra`, `o`.`decl`, 0, 0, 1, 1) = 1) AND (`s`.`mjd` > 5)"
    );
    let plan = planned(sql);
    assert_eq!(
        plan.metadata_sql,
        "SELECT o.objectId FROM Object o JOIN Source s ON o.objectId = s.objectId WHERE (1=1) AND s.mjd > 5"
    );
    assert!(area(sql).unwrap().contains(&324));
    assert!(
        template(
            "SELECT 1 FROM Object WHERE qserv_areaspec_circle(1, 2, 3) AND qserv_areaspec_poly(0,0,1,0,1,1)"
        )
        .contains(
            "(scisql_s2PtInCircle(`Object`.`ra`, `Object`.`decl`, 1, 2, 3) = 1) AND \
         (scisql_s2PtInCPoly(`Object`.`ra`, `Object`.`decl`, 0, 0, 1, 0, 1, 1) = 1)"
        )
    );
}

#[test]
fn keys_are_looked_up_through_the_director() {
    let lookup = |sql: &str| {
        let plan = planned(sql);
        plan.lookup().map(|lookup| {
            (
                lookup.director.clone(),
                lookup.keys.iter().cloned().collect::<Vec<_>>(),
            )
        })
    };
    let found = |keys: &[&str]| {
        Some((
            TableKey::new("sky", "Object"),
            keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>(),
        ))
    };
    assert_eq!(
        lookup("SELECT 1 FROM Object WHERE objectId = 007"),
        found(&["7"])
    );
    assert_eq!(
        lookup("SELECT 1 FROM Source WHERE objectId IN (5, -6)"),
        found(&["-6", "5"])
    );
    assert_eq!(
        lookup("SELECT 1 FROM Object WHERE 5 = objectId OR objectId = 6"),
        found(&["5", "6"])
    );
    assert_eq!(
        lookup("SELECT 1 FROM Object o, Source s WHERE o.objectId = s.objectId AND s.objectId = 5"),
        found(&["5"])
    );
    assert_eq!(
        lookup(
            "SELECT 1 FROM Object o JOIN Source s ON o.objectId = s.objectId AND o.objectId IN (1,2) WHERE s.objectId IN (2,3)"
        ),
        found(&["2"])
    );
    // As drivers bind numbers.
    assert_eq!(
        lookup("SELECT 1 FROM Object WHERE objectId IN (1, 2.0, '3', NULL, 4e0, 5.5)"),
        found(&["1", "2", "3", "4"])
    );
    for all in [
        "SELECT 1 FROM Object WHERE objectId = '5x'",
        "SELECT 1 FROM Object WHERE objectId = 1e300",
        "SELECT 1 FROM Object WHERE objectId = 0x05",
        "SELECT 1 FROM Object WHERE NOT objectId = 5",
        "SELECT 1 FROM Object WHERE objectId NOT IN (5)",
        "SELECT 1 FROM Object WHERE objectId = 5 OR run = 1",
        "SELECT 1 FROM Object WHERE objectId BETWEEN 1 AND 2000",
        "SELECT 1 FROM Object WHERE objectId IN (5, run)",
        "SELECT 1 FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId AND s.objectId = 5",
    ] {
        assert_eq!(lookup(all), None, "{all}");
        assert_eq!(area(all), None, "{all}");
    }
    let plan = planned("SELECT 1 FROM Object WHERE objectId = 5 AND qserv_areaspec_box(0,0,1,1)");
    assert_eq!(plan.class, Class::Interactive);
    let area_only = chunk_work(&plan).selection.area.clone().unwrap();
    let narrowed = plan.clone().with_index_result(
        [324, 9999]
            .map(|chunk| (chunk, ["5".to_owned()].into()))
            .into(),
    );
    assert_eq!(
        chunk_work(&narrowed).selection.area,
        Some(BTreeSet::from([324]))
    );
    assert_eq!(
        chunk_work(&plan.without_lookup()).selection.area,
        Some(area_only)
    );
}

/// The statements of a plan once its keys were looked up.
fn narrowed(plan: &Plan) -> Vec<String> {
    let catalog = typical();
    let renderer = plan.renderer(&catalog).unwrap().unwrap();
    let parts = renderer.parts(&chunk_work(plan).selection).unwrap();
    let statements = parts.iter().flat_map(|part| renderer.statements(part));
    statements.collect()
}

#[test]
fn a_chunk_is_asked_for_its_own_keys_alone() {
    let plan = planned(
        "SELECT o.run FROM Object o JOIN Source s ON s.objectId = o.objectId AND s.objectId IN (3, 2.0, NULL, 1) \
         WHERE o.objectId IN (1, '2', 3, 4) AND (o.run = 1 OR o.objectId IN (2, 9))",
    );
    let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
    let found = [(324, keys(&["1", "2"])), (9999, keys(&["3"]))];
    let from =
        "FROM `sky__7`.`Object_324__101` AS `o` INNER JOIN `sky__8`.`Source_324__103` AS `s` ON";
    let expected = |list: &str| {
        format!(
            "SELECT `o`.`run` {from} (`s`.`objectId` = `o`.`objectId`) AND (`s`.`objectId` IN ({list})) \
             WHERE (`o`.`objectId` IN ({list})) AND ((`o`.`run` = 1) OR (`o`.`objectId` IN (2, 9)))"
        )
    };
    assert_eq!(
        narrowed(&plan.clone().with_index_result(found.into())),
        [expected("1,2")]
    );
    let everywhere = narrowed(&plan.without_lookup());
    assert!(everywhere.contains(&expected("1,2,3")), "{everywhere:?}");
}

#[test]
fn keys_that_were_not_looked_up_name_no_statement() {
    let plan = planned("SELECT run FROM Object WHERE objectId IN (1, 2)");
    let catalog = typical();
    let renderer = plan.renderer(&catalog).unwrap().unwrap();
    let parts = renderer.parts(&chunk_work(&plan).selection);
    assert_eq!(parts, Err(RenderError::NoKeys));
}

#[test]
fn contradictions_read_no_chunk() {
    for sql in [
        "SELECT 1 FROM Object WHERE 1 = 0",
        "SELECT 1 FROM Object WHERE FALSE",
        "SELECT 1 FROM Object WHERE objectId = 5 AND objectId = 6",
        "SELECT 1 FROM Object WHERE ra BETWEEN 20 AND 10",
        "SELECT 1 FROM Object WHERE ra > 400",
    ] {
        assert_eq!(area(sql), Some(Vec::new()), "{sql}");
    }
}

#[test]
fn chunk_ids_prune() {
    assert_eq!(
        area("SELECT 1 FROM Object WHERE chunkId = 324"),
        Some(vec![324])
    );
    assert_eq!(
        area("SELECT 1 FROM Object WHERE chunkid IN (324, 325) OR CHUNKID = 9"),
        Some(vec![9, 324, 325])
    );
}

#[test]
fn a_plan_renders_only_with_the_catalog_it_was_made_for() {
    let mut catalog = typical();
    let plan = planned("SELECT 1 FROM Object");
    let template = &chunk_work(&plan).template;
    catalog.epochs.placement += 1;
    assert!(Renderer::new(template, &plan.tables, plan.data_epoch, &catalog).is_ok());
    catalog
        .tables
        .get_mut(&TableKey::new("sky", "Object"))
        .unwrap()
        .incarnation = 77;
    assert!(Renderer::new(template, &plan.tables, plan.data_epoch, &catalog).is_err());
    catalog.epochs.data += 1;
    assert!(Renderer::new(template, &plan.tables, plan.data_epoch, &catalog).is_err());
}

#[test]
fn explain_shows_what_is_done() {
    let rows = explain(&planned(
        "SELECT COUNT(*) FROM Object WHERE objectId = 5 AND ra < 10",
    ));
    let value = |name: &str| {
        rows.iter()
            .find(|(row, _)| row == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(value("class"), Some("interactive"));
    assert_eq!(value("index"), Some("1 keys of sky.Object: 5"));
    assert_eq!(value("merge"), Some("in process, 0 key columns, 1 columns"));
    assert!(value("statement").is_some_and(|text| text.contains("FROM {sky.Object} AS `Object`")));
    assert!(value("chunks").is_some_and(|text| text.starts_with("at most ")));
}

#[test]
fn columns_are_found_whatever_their_case_and_tables_are_not() {
    assert_eq!(
        template("SELECT RA FROM Object"),
        "SELECT `Object`.`ra` FROM {sky.Object} AS `Object`"
    );
    assert!(plan("SELECT ra FROM object", &typical(), Some("sky")).is_err());
}

#[test]
fn using_shows_its_column_once() {
    let text = template("SELECT * FROM Object o JOIN Source s USING (objectId)");
    assert!(
        text.starts_with("SELECT `o`.`objectId`, `o`.`ra`, "),
        "{text}"
    );
    assert!(!text.contains("`s`.`objectId`,"), "{text}");
}

#[test]
fn a_plan_for_any_key_gives_each_statement_the_plan_of_its_own_text() {
    let statements = [
        "SELECT * FROM Object WHERE objectId = {}",
        "SELECT ra FROM Object WHERE objectId={} AND name <> 'objectId = 7 ' LIMIT 3",
        "SELECT o.ra FROM Object o WHERE (o.objectId = {}) AND o.mag < 7",
        "SELECT ra FROM Object WHERE objectId = {} LIMIT 2, 7",
        "SELECT s.psfFlux, f.filterName FROM Source s JOIN Filter f ON f.filterId = s.filterId WHERE s.objectId = {} AND s.filterId = 2",
        "SELECT o.ra, s.mjd FROM Object o JOIN Source s ON s.objectId = o.objectId WHERE o.objectId = {}",
        "SELECT ra FROM Object WHERE objectId = {} OR objectId IN (7, 8)",
        "SELECT ra FROM Object WHERE objectId = {} AND ra BETWEEN 1 AND 2 AND decl BETWEEN 1 AND 2;",
    ];
    // What a number decides in the plan, apart from being a key.
    let one_by_one = [
        "SELECT ra, 'id = {} ' FROM Object WHERE objectId = 5",
        "SELECT ra AS `= {} ` FROM Object WHERE objectId = 5",
        "SELECT ra FROM Object WHERE chunkId = {}",
        "SELECT ra FROM Object WHERE run = {}",
        "SELECT ra = {} FROM Object WHERE objectId = 5",
        "SELECT ra FROM Object WHERE ra = {} AND objectId = 5",
        "SELECT ra FROM Object WHERE objectId = {} AND objectId IN (7, 8)",
        "SELECT COUNT(*) FROM Object WHERE objectId = {}",
        "SELECT ra FROM Object WHERE objectId = {} ORDER BY decl",
        "SELECT ra FROM Nowhere WHERE objectId = {}",
    ];
    let catalog = typical();
    let shape = |sql: &str| {
        let keyed = Keyed::of(sql)?;
        KeyedPlan::new(&keyed, &catalog, Some("sky"))
    };
    for statement in statements {
        let any = shape(&statement.replace("{}", "1234")).unwrap_or_else(|| panic!("{statement}"));
        for key in ["1", "7", "42", "987654321987654320", "999999999999999999"] {
            let sql = statement.replace("{}", key);
            let keyed = Keyed::of(&sql).unwrap();
            assert_eq!(any.with_key(keyed.key()), planned(&sql), "{sql}");
        }
    }
    for statement in one_by_one {
        assert!(
            shape(&statement.replace("{}", "6")).is_none(),
            "{statement}"
        );
    }
}
