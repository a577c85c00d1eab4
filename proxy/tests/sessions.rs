//! What a client sees of its session: log-in, refusals, settings, prepared statements.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use orrery_kit::Mysqld;
use orrery_snapshot::Offer;
use orrery_wire::client::{ClientError, ClientOptions};
use support::czar::Czar;
use support::{PASSWORD, Running, cell, eventually, refused, rows, run, start, start_with, users};

async fn one() -> Running {
    let database = Arc::new(Mysqld::start());
    database.sql(
        "CREATE DATABASE sky; CREATE TABLE sky.t (id INT PRIMARY KEY, name VARCHAR(20), mag FLOAT, seen DATETIME(3)); \
         INSERT INTO sky.t VALUES (1, 'Vega', 0.03, '2024-02-29 12:00:00.5'), (2, NULL, NULL, NULL), (3, 'Rigel', 0.13, NULL)",
    );
    start(vec![Czar::start(&database).await]).await
}

fn code(error: Result<impl Sized, ClientError>) -> u16 {
    match error.err() {
        Some(ClientError::Server(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn users_come_in_by_password_and_to_databases_they_may_read() {
    let running = one().await;
    let with = |user: &str, database: Option<&str>| ClientOptions {
        database: database.map(str::to_owned),
        ..Running::options(user)
    };
    let mut ann = running
        .try_connect(&with("ann", Some("sky")))
        .await
        .unwrap();
    assert_eq!(cell(&mut ann, "SELECT DATABASE()").await, "sky");
    assert_eq!(
        code(running.try_connect(&with("ann", Some("other"))).await),
        1044
    );
    assert_eq!(
        code(running.try_connect(&with("ann", Some("empty"))).await),
        1049
    );
    assert_eq!(code(running.try_connect(&with("nobody", None)).await), 1045);
    let wrong = ClientOptions {
        password: "x".to_owned(),
        ..with("ann", None)
    };
    assert_eq!(code(running.try_connect(&wrong).await), 1045);
    assert_eq!(refused(&mut ann, "USE other").await.0, 1044);
    assert_eq!(refused(&mut ann, "USE empty").await.0, 1049);
    ann.init_db("information_schema").await.unwrap();
    ann.change_user("root", PASSWORD, Some("sky"))
        .await
        .unwrap();
    assert_eq!(cell(&mut ann, "SELECT CURRENT_USER()").await, "root@%");
    assert_eq!(code(ann.change_user("ann", "wrong", None).await), 1045);
}

#[tokio::test]
async fn a_user_that_is_removed_is_shut_out_at_the_next_statement() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    cell(&mut ann, "SELECT 1").await;
    let mut without = users();
    without.users.remove("ann");
    without.version += 1;
    running.proxy.hub.offer(Offer::Users(without));
    assert_eq!(refused(&mut ann, "SELECT 1").await.0, 1045);
    assert_eq!(
        code(running.try_connect(&Running::options("ann")).await),
        1045
    );
}

#[tokio::test]
async fn a_user_whose_time_is_over_is_shut_out_at_the_next_statement() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    let until = |version: u64, seconds: i64| {
        let mut users = users();
        users.version = version;
        users.users.get_mut("ann").unwrap().valid_until = Some(seconds);
        running.proxy.hub.offer(Offer::Users(users));
    };
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    until(2, now + 1000);
    cell(&mut ann, "SELECT 1").await;
    until(3, now - 1);
    assert_eq!(refused(&mut ann, "SELECT 1").await.0, 4151);
    assert_eq!(
        code(running.try_connect(&Running::options("ann")).await),
        4151
    );
}

#[tokio::test]
async fn a_user_of_whom_only_a_hash_is_known_logs_in() {
    let running = one().await;
    let mut hashed = users();
    hashed.version = 2;
    hashed.users.get_mut("ann").unwrap().sha2 = None;
    running.proxy.hub.offer(Offer::Users(hashed));
    running.connect("ann").await;
    let out = run(running.mariadb("ann", &["-e", "SELECT 7"])).await;
    assert_eq!(String::from_utf8_lossy(&out.stdout), "7\n");
    let switched = run(running.mariadb(
        "ann",
        &["--default-auth=caching_sha2_password", "-e", "SELECT 7"],
    ))
    .await;
    assert_eq!(String::from_utf8_lossy(&switched.stdout), "7\n");
}

#[tokio::test]
async fn connections_are_limited_per_user_and_in_all() {
    let database = Arc::new(Mysqld::start());
    let running = start_with(vec![Czar::start(&database).await], 2).await;
    let poor = running.connect("poor").await;
    assert_eq!(
        code(running.try_connect(&Running::options("poor")).await),
        1203
    );
    let _bob = running.connect("bob").await;
    eventually("the refused connection is gone", async || {
        running.proxy.registry.len() == 2
    })
    .await;
    assert_eq!(
        code(running.try_connect(&Running::options("bob")).await),
        1040
    );
    poor.quit().await.unwrap();
    eventually("the user's place is free again", async || {
        running.try_connect(&Running::options("poor")).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn the_mariadb_client_sees_rows_and_refusals() {
    let running = one().await;
    let ok = run({
        let mut client = running.mariadb("ann", &["sky"]);
        client.args(["-e", "SELECT id, name FROM t ORDER BY id; SHOW TABLES; DESCRIBE t; USE information_schema; SELECT DATABASE()"]);
        client
    })
    .await;
    let out = String::from_utf8_lossy(&ok.stdout).into_owned();
    assert!(
        out.starts_with("1\tVega\n2\tNULL\n3\tRigel\nt\nid\tint(11)\tNO\tPRI"),
        "{out}\n{}",
        String::from_utf8_lossy(&ok.stderr)
    );
    assert!(out.ends_with("information_schema\n"), "{out}");
    for (sql, says) in [
        (
            "INSERT INTO t VALUES (9, 'x', 1, NULL)",
            "ERROR 1235 (42000) at line 1: INSERT command denied",
        ),
        ("DROP TABLE t", "ChunkedTable"),
        ("GRANT ALL ON *.* TO x", "QueryUser"),
        ("SUBMIT SELECT 1", "doesn't yet support 'SUBMIT'"),
        ("SELECT 1 FROM nowhere", "ERROR 1146 (42S02)"),
        ("SELECT nothing FROM t", "ERROR 1054 (42S22)"),
        ("SELEC 1", "ERROR"),
        ("SET GLOBAL max_connections = 5", "ERROR 1227 (42000)"),
    ] {
        let output = run({
            let mut client = running.mariadb("ann", &["sky"]);
            client.args(["-e", sql]);
            client
        })
        .await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && error.contains(says),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn every_time_zone_that_is_taken_is_known_to_the_servers() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    let names = include_str!("../src/session/time_zones.txt").lines();
    assert!(names.clone().count() > 500);
    for name in names {
        let set = format!("SET time_zone = '{}'", name.to_lowercase());
        ann.run(set.as_bytes()).await.unwrap();
        assert_eq!(cell(&mut ann, "SELECT @@time_zone").await, name);
    }
    ann.run(b"SET time_zone = 'europe/berlin'").await.unwrap();
    // The second of two hours of one name.
    let sql = "SELECT FROM_UNIXTIME(1792889999), FROM_UNIXTIME(1792890000)";
    let answer = ann.query_all(sql.as_bytes()).await.unwrap();
    assert_eq!(
        answer.1[0].as_ref(),
        b"\x132026-10-25 02:59:59\x132026-10-25 02:00:00"
    );
}

#[tokio::test]
async fn settings_travel_with_each_statement_and_stay_with_the_session() {
    let running = one().await;
    let (mut ann, mut root) = (running.connect("ann").await, running.connect("root").await);
    for sql in [
        "SET time_zone = '+03:30'",
        "SET sql_mode = 'NO_ZERO_DATE'",
        "SET NAMES latin1",
    ] {
        ann.run(sql.as_bytes()).await.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(cell(&mut ann, "SELECT @@time_zone").await, "+03:30");
        assert_eq!(cell(&mut root, "SELECT @@time_zone").await, "SYSTEM");
    }
    let seen = &running.czars[0];
    cell(&mut ann, "SELECT 1").await;
    let last = seen.last();
    let question = last.question();
    assert_eq!((question.user, question.database), ("ann", Some("sky")));
    assert_eq!(question.sql_mode, Some("NO_ZERO_DATE"));
    assert_eq!(question.collation, Some("latin1_swedish_ci"));
    assert_eq!(
        question.min_data_epoch, 7,
        "what an answer was made from is never gone back behind"
    );
    assert!(question.connection.starts_with("proxy-test/"));
    assert_eq!(question.max_rows, None);
    ann.reset().await.unwrap();
    assert_eq!(cell(&mut ann, "SELECT @@time_zone").await, "SYSTEM");
    let mut poor = running.connect("poor").await;
    poor.run(b"SELECT 1").await.unwrap();
    assert_eq!(seen.last().question().max_rows, Some(1000));
    assert_eq!(
        seen.last().question().max_time,
        Some(Duration::from_secs(1))
    );
}

#[tokio::test]
async fn values_of_the_session_are_the_sessions() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    let id = ann.connection_id().to_string();
    assert_eq!(cell(&mut ann, "SELECT CONNECTION_ID()").await, id);
    assert_eq!(cell(&mut ann, "SELECT USER()").await, "ann@127.0.0.1");
    assert_eq!(
        cell(&mut ann, "select @@version_comment limit 1").await,
        "Orrery"
    );
    assert_eq!(
        cell(&mut ann, "SELECT @@max_allowed_packet").await,
        (1 << 20).to_string()
    );
    ann.run(b"SET wait_timeout = 77, autocommit = 0")
        .await
        .unwrap();
    let got = rows(&mut ann, "SELECT @@wait_timeout AS w, 1 + 1, @@autocommit")
        .await
        .unwrap();
    assert_eq!(got, [["77", "2", "0"]]);
    let got = rows(
        &mut ann,
        "SHOW VARIABLES WHERE Variable_name IN ('autocommit', 'wait_timeout', 'lower_case_table_names')",
    )
    .await
    .unwrap();
    assert_eq!(
        got,
        [
            ["autocommit", "OFF"],
            ["lower_case_table_names", "0"],
            ["wait_timeout", "77"]
        ]
    );
    assert_eq!(
        refused(&mut ann, "SELECT CONCAT('c', CONNECTION_ID())")
            .await
            .0,
        1235
    );
}

#[tokio::test]
async fn warnings_and_errors_can_be_shown() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    ann.run(b"SELECT CAST('x' AS SIGNED)").await.unwrap();
    assert_eq!(cell(&mut ann, "SHOW COUNT(*) WARNINGS").await, "1");
    let warnings = rows(&mut ann, "SHOW WARNINGS").await.unwrap();
    assert_eq!(
        warnings,
        [["Warning", "1292", "Truncated incorrect INTEGER value: 'x'"]]
    );
    refused(&mut ann, "SELECT * FROM nowhere").await;
    let errors = rows(&mut ann, "SHOW ERRORS").await.unwrap();
    assert_eq!(errors[0][..2], ["Error", "1146"]);
    ann.run(b"SELECT 1").await.unwrap();
    let kept = rows(&mut ann, "SHOW WARNINGS").await.unwrap();
    assert_eq!(kept, errors, "a statement without tables that raises none");
    ann.run(b"SHOW TABLES").await.unwrap();
    assert!(rows(&mut ann, "SHOW WARNINGS").await.unwrap().is_empty());
    // More than are listed.
    let many = "SELECT CAST(CONCAT('x', seq) AS INT) FROM mysql.seq_1_to_100";
    ann.run(many.as_bytes()).await.unwrap();
    assert_eq!(cell(&mut ann, "SELECT @@warning_count").await, "100");
    assert_eq!(rows(&mut ann, "SHOW WARNINGS").await.unwrap().len(), 64);
}

#[tokio::test]
async fn the_process_list_shows_an_admin_everybody_and_a_user_itself() {
    let running = one().await;
    let (mut ann, mut root) = (running.connect("ann").await, running.connect("root").await);
    let of = async |connection: &mut _| {
        let list = rows(connection, "SHOW PROCESSLIST").await.unwrap();
        list.into_iter()
            .map(|row| row[1].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&mut ann).await, ["ann"]);
    assert_eq!(of(&mut root).await, ["ann", "root"]);
    let own = rows(&mut ann, "SHOW FULL PROCESSLIST").await.unwrap();
    assert_eq!(own[0][0], ann.connection_id().to_string());
    assert_eq!(own[0][3], "sky");
    assert_eq!(own[0][7], "SHOW FULL PROCESSLIST");
}

#[tokio::test]
async fn prepared_statements_with_values_of_every_kind() {
    let running = one().await;
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(running.port)
        .user(Some("ann"))
        .pass(Some(PASSWORD))
        .db_name(Some("sky"));
    let mut connection = mysql_async::Conn::new(options).await.unwrap();
    let names: Vec<Option<String>> = connection
        .exec(
            "SELECT name FROM t WHERE id >= ? ORDER BY id LIMIT ?",
            (2, 5),
        )
        .await
        .unwrap();
    assert_eq!(names, [None, Some("Rigel".to_owned())]);
    let row: Option<(i64, f32, String, Option<i32>)> = connection
        .exec_first(
            "SELECT id, mag, CAST(seen AS CHAR), NULL FROM t WHERE name = ?",
            ("Vega",),
        )
        .await
        .unwrap();
    assert_eq!(
        row,
        Some((1, 0.03, "2024-02-29 12:00:00.500".to_owned(), None))
    );
    let echo: Option<(String, i64, u64, f64, Option<String>)> = connection
        .exec_first(
            "SELECT ?, ?, ?, ?, ?",
            ("it's \\ \"?\"", -5, u64::MAX, 0.1, None::<String>),
        )
        .await
        .unwrap();
    assert_eq!(
        echo.unwrap(),
        ("it's \\ \"?\"".to_owned(), -5, u64::MAX, 0.1, None)
    );
    let moment = mysql_async::Value::Date(2024, 2, 29, 12, 0, 0, 500_000);
    let found: Option<i32> = connection
        .exec_first("SELECT id FROM t WHERE seen = ?", (moment,))
        .await
        .unwrap();
    assert_eq!(found, Some(1));
    let long = "x".repeat(300_000);
    let length: Option<i64> = connection
        .exec_first("SELECT LENGTH(?)", (&long,))
        .await
        .unwrap();
    assert_eq!(length, Some(300_000));
    let error = connection
        .exec_drop("INSERT INTO t VALUES (?)", (1,))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("Ingest"), "{error}");
    let id: Option<u32> = connection
        .exec_first("SELECT CONNECTION_ID()", ())
        .await
        .unwrap();
    assert_eq!(id, Some(connection.id()));
    connection
        .exec_drop("SET time_zone = '+01:00'", ())
        .await
        .unwrap();
    let zone: Option<String> = connection.query_first("SELECT @@time_zone").await.unwrap();
    assert_eq!(zone.unwrap(), "+01:00");
    connection.disconnect().await.unwrap();
}

#[tokio::test]
async fn pymysql_works_as_with_any_server() {
    let running = one().await;
    let script = format!(
        r"
import pymysql
c = pymysql.connect(host='127.0.0.1', port={}, user='ann', password='{PASSWORD}', database='sky', charset='utf8mb4')
cur = c.cursor()
cur.execute('SELECT id, name, seen FROM t WHERE id < %s ORDER BY id', (3,))
rows = cur.fetchall()
assert [d[0] for d in cur.description] == ['id', 'name', 'seen'], cur.description
assert rows[0][:2] == (1, 'Vega') and rows[0][2].microsecond == 500000 and rows[1] == (2, None, None), rows
c.begin(); c.commit(); c.rollback(); c.ping()
for sql, number in (('INSERT INTO t VALUES (1)', 1235), ('SELECT * FROM missing', 1146), ('SELECT 1; SELECT 2', 1064)):
    try:
        cur.execute(sql)
        raise SystemExit('not refused: ' + sql)
    except pymysql.err.MySQLError as e:
        assert e.args[0] == number, e
c.select_db('information_schema')
cur.execute('SELECT DATABASE()')
assert cur.fetchall() == (('information_schema',),)
print('done')
",
        running.port
    );
    let file = running.file("t.py");
    std::fs::write(&file, script).unwrap();
    let mut python = std::process::Command::new("/usr/bin/python3");
    python.arg(&file);
    let output = run(python).await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "done\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn wrong_things_get_a_clear_answer() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    assert_eq!(refused(&mut ann, "").await.0, 1065);
    assert_eq!(refused(&mut ann, "SELECT 1; SELECT 2").await.0, 1064);
    assert_eq!(refused(&mut ann, "SELECT 'open").await.0, 1064);
    let (number, text) = refused(&mut ann, "SET NAMES ucs2").await;
    assert!(number == 1115 && text.contains("utf8mb4"), "{text}");
    let error = ann.query(b"SELECT '\xff'").await.unwrap_err();
    assert_eq!(error.server_error().unwrap().code, 1300);
    let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(rows(&mut ann, &deep).await.is_err());
    assert_eq!(cell(&mut ann, "SELECT 1").await, "1", "the session goes on");
    assert_eq!(
        refused(&mut ann, &format!("SELECT '{}'", "x".repeat(1 << 20)))
            .await
            .0,
        1153
    );
    running.connect("ann").await.ping().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_stays_idle_for_too_long_is_closed() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    ann.run(b"SET wait_timeout = 1").await.unwrap();
    assert!(matches!(ann.closed().await, orrery_wire::WireError::Closed));
}

#[tokio::test]
async fn a_client_whose_plugin_has_not_seen_the_challenge_is_asked_to_switch() {
    let running = one().await;
    let ask = async |arguments: &[&str]| {
        let arguments = [arguments, &["-e", "SELECT CURRENT_USER()"]].concat();
        run(running.mariadb("ann", &arguments)).await
    };
    let output = ask(&["--default-auth=caching_sha2_password"]).await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "ann@%",
        "{output:?}"
    );
    let output = ask(&["--default-auth=caching_sha2_password", "-pwrong"]).await;
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("1045"),
        "{output:?}"
    );
}

#[tokio::test]
async fn a_character_set_that_cannot_be_spoken_is_refused_at_log_in() {
    let running = one().await;
    for charset in ["latin2", "cp1251", "koi8r", "gbk", "sjis"] {
        let arguments = [
            &format!("--default-character-set={charset}")[..],
            "-e",
            "SELECT 1",
        ];
        let output = run(running.mariadb("ann", &arguments)).await;
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            error.contains("1115") && error.contains("utf8mb4"),
            "{charset}: {error}"
        );
    }
    let output =
        run(running.mariadb("ann", &["--default-character-set=latin1", "-e", "SELECT 1"])).await;
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "1",
        "{output:?}"
    );
}

#[tokio::test]
async fn the_line_of_statistics_is_the_proxys() {
    let running = one().await;
    let output = run(running.mariadb("ann", &["-e", "status"])).await;
    let line = String::from_utf8_lossy(&output.stdout);
    assert!(line.contains("Threads: 1  Questions: "), "{output:?}");
}

#[tokio::test]
async fn sql_select_limit_and_set_statement_hold_for_selects_without_a_limit() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    let count = async |connection: &mut orrery_wire::client::ClientConnection, sql: &str| {
        rows(connection, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .len()
    };
    ann.run(b"SET SQL_SELECT_LIMIT = 2").await.unwrap();
    assert_eq!(count(&mut ann, "SELECT id FROM t").await, 2);
    assert_eq!(count(&mut ann, "SELECT id FROM t LIMIT 3").await, 3);
    assert_eq!(cell(&mut ann, "SELECT @@sql_select_limit").await, "2");
    ann.run(b"SET SQL_SELECT_LIMIT = DEFAULT").await.unwrap();
    assert_eq!(count(&mut ann, "SELECT id FROM t").await, 3);

    assert_eq!(
        count(
            &mut ann,
            "SET STATEMENT sql_select_limit=1 FOR SELECT id FROM t"
        )
        .await,
        1
    );
    assert_eq!(
        count(&mut ann, "SELECT id FROM t").await,
        3,
        "settings of a statement end with it"
    );
    let sql = "SET STATEMENT max_statement_time=30, sql_mode='NO_ZERO_DATE' FOR SELECT @@sql_mode";
    assert_eq!(cell(&mut ann, sql).await, "NO_ZERO_DATE");
    let last = running.czars[0].last();
    assert_eq!(last.question().max_time, Some(Duration::from_secs(30)));
    let prepared = ann
        .prepare(b"SET STATEMENT max_statement_time=30 FOR SELECT id FROM t WHERE id > ?")
        .await
        .unwrap();
    assert_eq!((prepared.params.len(), prepared.columns.len()), (1, 1));
    let (code, message) = refused(
        &mut ann,
        "SET STATEMENT max_statement_time=1 FOR SET autocommit=0",
    )
    .await;
    assert_eq!(code, 1235, "{message}");
}

#[tokio::test]
async fn statements_in_latin1_mean_what_they_say() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    ann.run(b"SET NAMES latin1").await.unwrap();
    let (_, answer) = ann.query_all(b"SELECT HEX('\xE9'), '\xE9'").await.unwrap();
    assert_eq!(&answer[0][..], b"\x02E9\x01\xE9", "as text and in results");
    assert_eq!(
        code(ann.query_all(b"SELECT HEX(_latin1'\xE9')").await),
        1300
    );
}

#[tokio::test]
async fn pipes_that_would_be_read_otherwise_are_refused() {
    let running = one().await;
    let mut ann = running.connect("ann").await;
    ann.run(b"SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')")
        .await
        .unwrap();
    assert!(
        cell(&mut ann, "SELECT @@sql_mode")
            .await
            .ends_with(",PIPES_AS_CONCAT")
    );
    assert_eq!(refused(&mut ann, "SELECT 'a' || 'b'").await.0, 1235);
    assert_eq!(code(ann.prepare(b"SELECT 'a' || ?").await), 1235);
    assert_eq!(cell(&mut ann, "SELECT '||'").await, "||");
}

#[tokio::test]
async fn grants_are_shown_to_their_user_and_to_admins() {
    let running = one().await;
    let (mut ann, mut root) = (running.connect("ann").await, running.connect("root").await);
    for sql in [
        "SHOW GRANTS",
        "SHOW GRANTS FOR CURRENT_USER()",
        "SHOW GRANTS FOR 'ann'@'%'",
    ] {
        let lines = rows(&mut ann, sql).await.unwrap().concat();
        assert_eq!(lines[0], "GRANT USAGE ON *.* TO `ann`@`%`", "{sql}");
        assert!(
            lines.contains(&"GRANT SELECT ON `sky`.* TO `ann`@`%`".to_owned()),
            "{lines:?}"
        );
    }
    assert_eq!(refused(&mut ann, "SHOW GRANTS FOR root").await.0, 1044);
    assert_eq!(
        cell(&mut root, "SHOW GRANTS").await,
        "GRANT SELECT ON *.* TO `root`@`%`"
    );
    assert_eq!(
        rows(&mut root, "SHOW GRANTS FOR ann").await.unwrap().len(),
        3
    );
    assert_eq!(refused(&mut root, "SHOW GRANTS FOR eve").await.0, 1141);
}

#[tokio::test]
async fn single_tables_open_their_database_and_are_shown_as_grants() {
    let running = one().await;
    let mut with = users();
    for (name, table) in [("tim", "Filter"), ("pat", "Fil*"), ("una", "Nothing")] {
        let mut user = with.users["bob"].clone();
        user.tables = [("sky".to_owned(), [table.to_owned()].into())].into();
        with.users.insert(name.to_owned(), user);
    }
    with.version += 1;
    running.proxy.hub.offer(Offer::Users(with));
    for name in ["tim", "pat"] {
        let options = ClientOptions {
            database: Some("sky".to_owned()),
            ..Running::options(name)
        };
        let mut client = running.try_connect(&options).await.unwrap();
        assert_eq!(
            rows(&mut client, "SHOW GRANTS").await.unwrap().concat(),
            [
                format!("GRANT USAGE ON *.* TO `{name}`@`%`"),
                format!("GRANT SELECT ON `sky`.`Filter` TO `{name}`@`%`"),
            ]
        );
    }
    // A grant of a table that is not there opens nothing.
    let mut una = running.connect("una").await;
    assert_eq!(refused(&mut una, "USE sky").await.0, 1044);
    assert_eq!(rows(&mut una, "SHOW GRANTS").await.unwrap().len(), 1);
}

#[tokio::test]
async fn parameters_keep_the_types_that_drivers_give_them() {
    use orrery_wire::Value;
    use orrery_wire::client::Next;
    use orrery_wire::value::{BinaryCells, Param};

    let running = one().await;
    let mut ann = running.connect("ann").await;
    let moment = Param::from(Value::Date(2024, 2, 29, 12, 0, 0, 500_000));
    for (sql, params, expected) in [
        (
            "SELECT CAST(? + 0 AS CHAR)",
            vec![moment.clone()],
            Value::Bytes(b"20240229120000.500000".to_vec()),
        ),
        (
            "SELECT COUNT(*) FROM t WHERE seen = ?",
            vec![moment],
            Value::Int(1),
        ),
        (
            "SELECT COUNT(*) FROM (SELECT id FROM t LIMIT ?) x",
            vec![Param::from(Value::Bytes(b"2".to_vec()))],
            Value::Int(2),
        ),
        (
            "SELECT COUNT(*) FROM (SELECT id FROM t LIMIT ?, ?) x",
            vec![
                Param::from(Value::Double(1.0)),
                Param::from(Value::Double(9.0)),
            ],
            Value::Int(2),
        ),
    ] {
        let prepared = ann.prepare(sql.as_bytes()).await.unwrap();
        ann.execute(&prepared, &params)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut cells = Vec::new();
        while let Next::Row(row) = ann.next_row().await.unwrap() {
            cells.extend(
                BinaryCells::new(&row, &prepared.columns)
                    .unwrap()
                    .map(Result::unwrap),
            );
        }
        assert_eq!(cells, [expected], "{sql}");
    }
}
