//! Fail closed: the shadow server's tables are empty and its sessions are shared, so a user's text
//! runs there only when its plan says so.

use orrery_oracle::client::{Outcome, Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::client::ClientConnection;
use orrery_wire::{Format, Value};

/// Statements that must not be answered, and the error each gets.
const REFUSED: &[(&str, u16)] = &[
    // Tables of users together with the server's own: without a database name they were counted on
    // empty tables.
    (
        "SELECT COUNT(*) FROM Object JOIN information_schema.schemata",
        1235,
    ),
    (
        "SELECT COUNT(*) FROM Object, information_schema.engines",
        1235,
    ),
    ("SELECT COUNT(*) FROM Filter, mysql.user", 1142),
    (
        "SELECT table_name, (SELECT COUNT(*) FROM Object) AS n FROM information_schema.tables WHERE table_schema = 'sky'",
        1235,
    ),
    (
        "SELECT objectId FROM Object WHERE objectId IN (SELECT 1 FROM information_schema.schemata)",
        1235,
    ),
    (
        "SELECT (SELECT COUNT(*) FROM Object) FROM information_schema.engines LIMIT 1",
        1235,
    ),
    ("SHOW TABLES WHERE (SELECT COUNT(*) FROM Object) = 0", 1235),
    // What would stay in a session that others get next, or was left there by others.
    ("SELECT @a := 5", 1235),
    ("SELECT @a", 1235),
    ("SELECT 1 INTO @x", 1235),
    ("SELECT LAST_INSERT_ID(42)", 1235),
    ("SELECT FOUND_ROWS()", 1235),
    ("SELECT ROW_COUNT()", 1235),
    (
        "SELECT CONNECTION_ID() FROM information_schema.schemata",
        1235,
    ),
    ("SELECT f.*, CONNECTION_ID() FROM Filter f", 1235),
    // Functions that wait or lock, on every route.
    ("SELECT `sleep`(0)", 1227),
    ("SELECT @a, SLEEP(0)", 1235),
    ("SELECT 1 XOR 0, BENCHMARK(1, 1)", 1227),
    ("SELECT `sleep`(0), f.* FROM Filter f", 1227),
    ("SELECT `benchmark`(1, 1) FROM Object", 1227),
    (
        "SELECT `get_lock`('a', 0) FROM information_schema.schemata",
        1227,
    ),
    ("SHOW DATABASES WHERE SLEEP(0) = 0", 1227),
    ("SHOW COLUMNS FROM Object WHERE `sleep`(0) = 0", 1227),
    ("DO SLEEP(0)", 1227),
    // A value that fits no packet: MariaDB answers NULL with a warning.
    ("SELECT REPEAT('x', 1000000000)", 1153),
];

async fn ask(czar: &mut ClientConnection, protocol: Format, sql: &str) -> Outcome {
    ask_czar(czar, Session::ANN, protocol, sql).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_on_the_shadow_server_but_what_is_planned_for_it() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let mut wrong = Vec::new();
    for protocol in [Format::Text, Format::Binary] {
        for (sql, code) in REFUSED {
            let outcome = ask(&mut czar, protocol, sql).await;
            if outcome.as_ref().err().map(|error| error.code) != Some(*code) {
                wrong.push(format!("{protocol:?} {sql}: {outcome:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What one session may ask is the same for the next one of the account, whoever had the
    // connection before.
    for sql in ["SELECT LAST_INSERT_ID()", "SELECT 0 FROM DUAL"] {
        let answer = ask(&mut czar, Format::Text, sql).await.unwrap();
        assert_eq!(answer.rows, [[Value::Bytes(b"0".to_vec())]], "{sql}");
    }
    let listed = ask(
        &mut czar,
        Format::Text,
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()",
    );
    assert_eq!(listed.await.unwrap().rows, [[Value::Bytes(b"3".to_vec())]]);
    assert!(
        ask(&mut czar, Format::Text, "DO 1 + 1")
            .await
            .unwrap()
            .columns
            .is_empty()
    );
}
