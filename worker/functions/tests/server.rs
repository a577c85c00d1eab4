//! Every function, called through a real mysqld that loads the plugin.

#![expect(clippy::unwrap_used, reason = "a test helper fails the test")]

use std::path::PathBuf;
use std::time::Instant;

use orrery_functions::{install_sql, FUNCTIONS};
use orrery_kit::Mysqld;

/// A mysqld with the plugin installed.
fn server() -> Mysqld {
    let plugin = plugin();
    let folder = plugin.parent().unwrap().display();
    let server = Mysqld::start_with(&[&format!("--plugin-dir={folder}")]);
    // Twice: installing again, as every restart does, must change nothing.
    server.sql(&install_sql());
    server.sql(&install_sql());
    server
}

/// The plugin that cargo built together with this test.
fn plugin() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("liborrery_functions.so");
    assert!(library.exists(), "{} was not built", library.display());
    library
}

const NAN_FREE_BOX: &str = "scisql_s2PtInBox(5, 5, 0, 0, 10, 10)";

/// Expression and the value that the server must print for it.
const VALUES: &[(&str, &str)] = &[
    // Separation.
    ("ROUND(scisql_angSep(0, 0, 0, 90), 9)", "90"),
    ("ROUND(scisql_angSep(1, 0, 0, 0, 0, 3), 9)", "90"),
    ("scisql_angSep(10, 20, 370, 20) < 1e-12", "1"),
    ("scisql_angSep(NULL, 0, 0, 90)", "NULL"),
    ("scisql_angSep(1, 0, 0, 0, NULL, 3)", "NULL"),
    ("scisql_angSep(0, 90.1, 0, 0)", "NULL"),
    ("scisql_angSep(0, 0, 0, -90.1)", "NULL"),
    ("ROUND(scisql_angSep('0', '0', '0', '45'), 9)", "45"),
    // Boxes.
    (NAN_FREE_BOX, "1"),
    ("scisql_s2PtInBox(10, 10, 0, 0, 10, 10)", "1"),
    ("scisql_s2PtInBox(11, 5, 0, 0, 10, 10)", "0"),
    ("scisql_s2PtInBox(5, 5, 350, 0, 10, 10)", "1"),
    ("scisql_s2PtInBox(5, 5, 350, 0, 370, 10)", "1"),
    ("scisql_s2PtInBox(180, 5, -100, 0, 300, 10)", "1"),
    ("scisql_s2PtInBox(5, 5, 0, 9, 10, 1)", "0"),
    ("scisql_s2PtInBox(5, 5, 10, 0, -10, 10)", "NULL"),
    ("scisql_s2PtInBox(5, 95, 0, 0, 10, 10)", "NULL"),
    ("scisql_s2PtInBox(5, 5, 0, -95, 10, 10)", "NULL"),
    ("scisql_s2PtInBox(NULL, 5, 0, 0, 10, 10)", "0"),
    ("scisql_s2PtInBox(5, 5, 0, NULL, 10, 10)", "0"),
    ("scisql_s2PtInBox('5', 5.0, '0', 0, 10, 10e0)", "1"),
    ("scisql_s2PtInBox('abc', 5, -1, 0, 10, 10)", "1"),
    // Circles.
    ("scisql_s2PtInCircle(10, 10.9, 10, 10, 1)", "1"),
    ("scisql_s2PtInCircle(10, 11.1, 10, 10, 1)", "0"),
    ("scisql_s2PtInCircle(359.5, 0, 0.4, 0, 1)", "1"),
    ("scisql_s2PtInCircle(190, -10, 10, 10, 180)", "1"),
    ("scisql_s2PtInCircle(10, 10, 10, 10, -1)", "NULL"),
    ("scisql_s2PtInCircle(10, 10, 10, 10, 180.1)", "NULL"),
    ("scisql_s2PtInCircle(10, 10, 10, 91, 1)", "NULL"),
    ("scisql_s2PtInCircle(10, 10, 10, 10, NULL)", "0"),
    // Ellipses: axes in arc seconds, angle east of north.
    ("scisql_s2PtInEllipse(0, 0.9, 0, 0, 3600, 360, 0)", "1"),
    ("scisql_s2PtInEllipse(0.9, 0, 0, 0, 3600, 360, 0)", "0"),
    ("scisql_s2PtInEllipse(0.9, 0, 0, 0, 3600, 360, 90)", "1"),
    ("scisql_s2PtInEllipse(0, 0, 0, 0, 36001, 360, 0)", "NULL"),
    ("scisql_s2PtInEllipse(0, 0, 0, 0, 1, 2, 0)", "NULL"),
    ("scisql_s2PtInEllipse(0, 0, 0, 0, 2, -1, 0)", "NULL"),
    ("scisql_s2PtInEllipse(0, NULL, 0, 0, 2, 1, 0)", "0"),
    // Polygons.
    ("scisql_s2PtInCPoly(1, 1, 0, 0, 3, 0, 0, 3)", "1"),
    ("scisql_s2PtInCPoly(1, 1, 0, 0, 0, 3, 3, 0)", "1"),
    ("scisql_s2PtInCPoly(2, 2, 0, 0, 3, 0, 0, 3)", "0"),
    ("scisql_s2PtInCPoly(1, 1, 0, 0, 3, 0, 0, 95)", "NULL"),
    ("scisql_s2PtInCPoly(1, 1, 0, 0, 3, 0, NULL, 3)", "0"),
    (
        "scisql_s2PtInCPoly(1, 1, scisql_s2CPolyToBin(0, 0, 3, 0, 0, 3))",
        "1",
    ),
    (
        "scisql_s2PtInCPoly(2, 2, scisql_s2CPolyToBin(0, 0, 3, 0, 0, 3))",
        "0",
    ),
    ("scisql_s2PtInCPoly(1, 1, 'not a polygon')", "NULL"),
    ("LENGTH(scisql_s2CPolyToBin(0, 0, 3, 0, 0, 3))", "96"),
    ("scisql_s2CPolyToBin(0, 0, 3, 0, 0, NULL)", "NULL"),
    ("scisql_s2CPolyToBin(0, 0, 3, 0, 0, 91)", "NULL"),
    // HTM.
    ("scisql_s2HtmId(45, 45, 0)", "15"),
    ("scisql_s2HtmId(45, -45, 0)", "8"),
    ("scisql_s2HtmLevel(scisql_s2HtmId(45, 45, 24))", "24"),
    ("scisql_s2HtmId(45, 45, 25)", "NULL"),
    ("scisql_s2HtmId(45, 45, -1)", "NULL"),
    ("scisql_s2HtmId(45, 95, 3)", "NULL"),
    ("scisql_s2HtmId(NULL, 45, 3)", "NULL"),
    ("scisql_s2HtmLevel(7)", "NULL"),
    ("scisql_s2HtmLevel(-8)", "NULL"),
    // Cells of what is near.
    (
        "orrery_cell(10, 20, 0.01, 0) = orrery_cell('10', 20.0, 1e-2, 0)",
        "1",
    ),
    (
        "orrery_cell(360, 20, 0.01, 0) = orrery_cell(0, 20, 0.01, 0)",
        "1",
    ),
    (
        "orrery_cell(10, 20, 0.01, 0) = orrery_cell(10, 20, 0.01, 1)",
        "0",
    ),
    ("orrery_cell(10, -90, 0.01, 0)", "0"),
    ("orrery_cell(10, -90, 0.01, 1)", "NULL"),
    ("orrery_cell(10, 20, 0.01, 4)", "NULL"),
    ("orrery_cell(10, 20, 0.01, -1)", "NULL"),
    ("orrery_cell(10, 20, -0.01, 0)", "NULL"),
    ("orrery_cell(10, 90.1, 0.01, 0)", "NULL"),
    ("orrery_cell(NULL, 20, 0.01, 0)", "NULL"),
    ("orrery_cell(10, NULL, 0.01, 0)", "NULL"),
    ("orrery_cell(10, 20, NULL, 0)", "NULL"),
    // Photometry.
    ("ROUND(scisql_fluxToAbMag(100), 9)", "-53.6"),
    ("scisql_fluxToAbMag(0)", "NULL"),
    ("scisql_fluxToAbMag(-1)", "NULL"),
    ("scisql_fluxToAbMag(NULL)", "NULL"),
    ("ROUND(scisql_abMagToFlux(-53.6), 9)", "100"),
    ("scisql_abMagToFlux(-1e6)", "NULL"),
    ("ROUND(scisql_fluxToAbMagSigma(1 / LN(10), 2), 9)", "5"),
    ("scisql_fluxToAbMagSigma(1, -2)", "NULL"),
    ("ROUND(scisql_abMagToFluxSigma(-48.6, 5 / LN(10)), 9)", "2"),
    ("ROUND(scisql_nanojanskyToAbMag(100), 9)", "26.4"),
    ("ROUND(scisql_abMagToNanojansky(21.4), 6)", "10000"),
    (
        "ROUND(scisql_nanojanskyToAbMagSigma(1 / LN(10), 2), 9)",
        "5",
    ),
    (
        "ROUND(scisql_abMagToNanojanskySigma(31.4, 5 / LN(10)), 9)",
        "2",
    ),
    ("scisql_abMagToNanojanskySigma(31.4, NULL)", "NULL"),
    ("ROUND(scisql_dnToAbMag(100, 1e4), 9)", "5"),
    ("scisql_dnToAbMag(100, 0)", "NULL"),
    ("ROUND(scisql_abMagToDn(5, 1e4), 6)", "100"),
    ("ROUND(scisql_dnToFlux(-2, 4) * 1e20, 6)", "-1.81539"),
    ("scisql_dnToFlux(2, -4)", "NULL"),
    ("ROUND(scisql_fluxToDn(scisql_dnToFlux(7, 3), 3), 6)", "7"),
    (
        "ROUND(scisql_dnToFluxSigma(3, 4, 1, 1) / scisql_dnToFlux(1, 1), 6)",
        "5",
    ),
    (
        "ROUND(scisql_fluxToDnSigma(scisql_dnToFlux(3, 1), scisql_dnToFlux(4, 1), 1, 1), 6)",
        "5",
    ),
    ("ROUND(scisql_dnToAbMagSigma(3, 4, 1, 1), 6)", "1.80956"),
    (
        "ROUND(scisql_abMagToDnSigma(0, 1.0857362047581296, 3, 4), 6)",
        "5",
    ),
    ("scisql_abMagToDnSigma(0, 1, 3, NULL)", "NULL"),
    // The rest.
    (
        "scisql_extractInt64(x'0100000000000000ff00000000000000', 1)",
        "255",
    ),
    ("scisql_extractInt64(x'0100000000000000', 1)", "NULL"),
    ("scisql_extractInt64(x'0100000000000000', -1)", "NULL"),
    ("scisql_getVersion()", env!("CARGO_PKG_VERSION")),
];

/// Statements that must fail, and a part of the message.
const FAILURES: &[(&str, &str)] = &[
    (
        "SELECT scisql_angSep(1, 2, 3)",
        "scisql_angSep() takes 4 or 6 arguments, not 3",
    ),
    ("SELECT scisql_s2PtInBox(1)", "takes 6 arguments, not 1"),
    (
        "SELECT scisql_s2PtInCPoly(1, 2, 0, 0, 1, 1)",
        "pairs of arguments, not 6",
    ),
    (
        "SELECT scisql_s2PtInCPoly(1, 2, 3)",
        "must be a binary string",
    ),
    ("SELECT scisql_s2PtInCPoly()", "arguments, not 0"),
    (
        "SELECT scisql_s2CPolyToBin(1, 2, 3)",
        "pairs of arguments, not 3",
    ),
    ("SELECT scisql_s2HtmId(1, 2, 1.5)", "must be an integer"),
    ("SELECT scisql_s2HtmLevel('8')", "must be an integer"),
    (
        "SELECT scisql_extractInt64(12, 0)",
        "must be a binary string",
    ),
    ("SELECT orrery_cell(1, 2, 3)", "takes 4 arguments, not 3"),
    ("SELECT orrery_cell(1, 2, 3, 0.5)", "must be an integer"),
    ("SELECT scisql_getVersion(1)", "takes no arguments, not 1"),
    ("SELECT scisql_median(1, 2)", "takes 1 arguments, not 2"),
    ("SELECT scisql_percentile(1)", "takes 2 arguments, not 1"),
    ("SELECT scisql_raiseError('the reason')", "the reason"),
    ("SELECT scisql_raiseError(REPEAT('x', 5000))", "xxxx"),
    ("SELECT scisql_raiseError()", "scisql related error"),
];

/// Statements with an aggregate or a table, and the rows they must print.
const STATEMENTS: &[(&str, &str)] = &[
    (
        "SELECT g, scisql_median(v) FROM test.t GROUP BY g ORDER BY g",
        "1\t2\n2\t2.5\n3\tNULL\n4\t7",
    ),
    ("SELECT scisql_median(v) FROM test.t WHERE g = 99", "NULL"),
    (
        "SELECT g, scisql_percentile(v, 25) FROM test.t GROUP BY g ORDER BY g",
        "1\t1.5\n2\t1.75\n3\tNULL\n4\t7",
    ),
    (
        "SELECT g, scisql_percentile(v, 101) FROM test.t GROUP BY g ORDER BY g",
        "1\tNULL\n2\tNULL\n3\tNULL\n4\tNULL",
    ),
    ("SELECT scisql_percentile(v, NULL) FROM test.t", "NULL"),
    // A bad percentage in one group leaves the next one alone.
    (
        "SELECT g, scisql_percentile(v, IF(g = 1, -1, 100)) FROM test.t GROUP BY g ORDER BY g",
        "1\tNULL\n2\t4\n3\tNULL\n4\t7",
    ),
    ("SELECT scisql_median(s) FROM test.t WHERE g = 1", "2"),
    // Column arguments: the kept region must follow the rows.
    (
        "SELECT id, scisql_s2PtInCircle(10, 10, lon, lat, r), scisql_s2PtInBox(10, 10, lon, lat, 11, 11) \
         FROM test.c ORDER BY id",
        "1\t1\t1\n2\t0\t1\n3\t0\t0\n4\tNULL\t1\n5\t1\t1",
    ),
    (
        "SELECT id, scisql_s2PtInCPoly(1, 1, p) FROM test.p ORDER BY id",
        "1\t1\n2\t0\n3\t0\n4\tNULL\n5\t1",
    ),
    (
        "SELECT COUNT(*) FROM test.c WHERE scisql_s2PtInCircle(lon, lat, 10, 10, 2) = 1",
        "3",
    ),
    (
        "SELECT COUNT(*) FROM test.c WHERE NOT scisql_s2PtInCircle(lon, lat, 10, 10, 2)",
        "2",
    ),
    // Pairs by cells are those by distance: over the pole, and over the place where longitudes begin.
    (
        "SELECT COUNT(*), SUM(scisql_angSep(a.lon, a.lat, b.lon, b.lat) < 0.02), \
         (SELECT COUNT(*) FROM test.n c, test.n d WHERE scisql_angSep(c.lon, c.lat, d.lon, d.lat) < 0.02) \
         FROM test.n a, test.steps s, test.n b \
         WHERE orrery_cell(b.lon, b.lat, 0.02, 0) = orrery_cell(a.lon, a.lat, 0.02, s.step) \
         AND scisql_angSep(a.lon, a.lat, b.lon, b.lat) < 0.02",
        "22\t22\t22",
    ),
    (
        "PREPARE q FROM 'SELECT scisql_s2PtInCircle(10, 10, ?, 10, ?)'; SET @a = 10, @b = 1, @c = 50; \
         EXECUTE q USING @a, @b; EXECUTE q USING @c, @b; EXECUTE q USING @a, @b",
        "1\n0\n1",
    ),
];

const TABLES: &str = "
    CREATE DATABASE test;
    CREATE TABLE test.t (g INT, v DOUBLE, s VARCHAR(9));
    INSERT INTO test.t VALUES (1, 3, '3'), (1, 1, '1'), (1, NULL, NULL), (1, 2, '2'), (2, 4, ''), (2, 1, ''),
        (2, 3, ''), (2, 2, ''), (3, NULL, ''), (4, 7, '');
    CREATE TABLE test.c (id INT, lon DOUBLE, lat DOUBLE, r DOUBLE);
    INSERT INTO test.c VALUES (1, 10, 9.5, 1), (2, 10, 7, 1), (3, NULL, 9.5, 1), (4, 10, 9.5, -1), (5, 9, 9, 3);
    CREATE TABLE test.p (id INT, p VARBINARY(600));
    INSERT INTO test.p VALUES (1, scisql_s2CPolyToBin(0, 0, 3, 0, 0, 3)), (2, scisql_s2CPolyToBin(5, 0, 8, 0, 5, 3)),
        (3, NULL), (4, 'x'), (5, scisql_s2CPolyToBin(0, 0, 3, 0, 3, 3, 0, 3));
    CREATE TABLE test.steps (step INT);
    INSERT INTO test.steps VALUES (0), (1), (2), (3);
    CREATE TABLE test.n (lon DOUBLE, lat DOUBLE);
    INSERT INTO test.n VALUES (0, 10), (360, 10.01), (359.99, 10), (0.005, 9.99), (100, 89.995), (280, 89.995),
        (10, -90), (200, -90), (NULL, 10), (NULL, NULL);
";

#[test]
fn every_function_behaves_as_documented_in_a_real_server() {
    let server = server();
    let listed = server.sql("SELECT name FROM mysql.func ORDER BY BINARY name");
    assert_eq!(
        listed.lines().collect::<Vec<_>>(),
        FUNCTIONS.iter().map(|f| f.name).collect::<Vec<_>>()
    );
    for (expression, expected) in VALUES {
        let value = server.sql(&format!("SELECT {expression}"));
        // ROUND prints trailing zeros.
        let same = value == *expected
            || value
                .parse::<f64>()
                .is_ok_and(|value| expected.parse() == Ok(value));
        assert!(same, "{expression} is {value}, not {expected}");
    }
    for (statement, message) in FAILURES {
        let error = server.refused(statement);
        assert!(error.contains(message), "{statement}: {error}");
    }
    server.sql(TABLES);
    for (statement, rows) in STATEMENTS {
        assert_eq!(server.sql(statement), *rows, "{statement}");
    }
}

/// Prints how long a million calls take: `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn measure_a_million_calls() {
    let server = server();
    server.sql("CREATE DATABASE test; CREATE TABLE test.s (ra DOUBLE, decl DOUBLE)");
    server.sql(
        "USE test; INSERT INTO test.s SELECT MOD(seq * 222.492235949962145, 360), MOD(seq * 0.7548776662466927, 1) * 180 - 90 \
         FROM seq_1_to_1000000",
    );
    for expression in [
        "ra + decl",
        "scisql_angSep(ra, decl, 10, 10)",
        "scisql_s2PtInBox(ra, decl, 0, 0, 10, 10)",
        "scisql_s2PtInCircle(ra, decl, 10, 10, 20)",
        "scisql_s2PtInCircle(ra, decl, ra, 10, 20)",
        "scisql_s2PtInEllipse(ra, decl, 10, 10, 3600, 1800, 30)",
        "scisql_s2PtInCPoly(ra, decl, 0, 0, 10, 0, 10, 10, 0, 10)",
        "scisql_s2HtmId(ra, decl, 20)",
        "orrery_cell(ra, decl, 0.0025, 3)",
        "scisql_fluxToAbMag(ra)",
    ] {
        let start = Instant::now();
        let sum = server.sql(&format!("SELECT SUM({expression}) FROM test.s"));
        println!(
            "{:>7.0} ms  {expression} = {sum}",
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    let start = Instant::now();
    server.sql("SELECT scisql_median(ra) FROM test.s");
    println!(
        "{:>7.0} ms  scisql_median(ra)",
        start.elapsed().as_secs_f64() * 1e3
    );
}
