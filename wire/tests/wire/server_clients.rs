//! Our server side with the clients people use.

use std::process::{Command as Process, Output};

use crate::support::{PASSWORD, Tls, path_str, serve};
use mysql_async::prelude::Queryable;
use orrery_wire::server::ServerConfig;

async fn run(mut command: Process) -> Output {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

fn mariadb(port: u16, user: &str, arguments: &[&str], sql: &str) -> Process {
    let mut command = Process::new("mariadb");
    command
        .args([
            "--no-defaults",
            "-h127.0.0.1",
            "--batch",
            "--skip-column-names",
            "--max-allowed-packet=1G",
        ])
        .arg(format!("-P{port}"))
        .arg(format!("-u{user}"))
        .arg(format!("-p{PASSWORD}"))
        .args(arguments)
        .args(["-e", sql]);
    command
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

#[tokio::test]
async fn the_mariadb_client_logs_in_with_each_digest_with_and_without_tls() {
    let tls = Tls::new();
    let port = serve(ServerConfig {
        tls: Some(tls.server.clone()),
        ..ServerConfig::default()
    })
    .await;
    let ca = format!("--ssl-ca={}", path_str(&tls.cert()));
    for (arguments, encrypted) in [
        (vec!["--skip-ssl"], false),
        (vec!["--ssl", ca.as_str()], true),
    ] {
        for user in ["ann", "nat", "sha"] {
            let output = run(mariadb(port, user, &arguments, "session")).await;
            let session = text(&output);
            assert!(session.contains(&format!("user: \"{user}\"")), "{session}");
            assert!(session.contains(&format!("tls: {encrypted}")), "{session}");
            assert!(session.contains("_client_name"), "{session}");
        }
        let output = run(mariadb(port, "ann", &["-pwrong"], "session")).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            error.contains("ERROR 1045 (28000): Access denied for user 'ann'@'127.0.0.1'"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_mariadb_client_reads_rows_nulls_large_cells_and_errors() {
    const FRAME: usize = 0xFF_FFFF;
    let port = serve(ServerConfig {
        max_allowed_packet: 64 << 20,
        ..ServerConfig::default()
    })
    .await;
    assert_eq!(
        text(&run(mariadb(port, "ann", &["sky"], "nulls; whoami")).await),
        "1\tNULL\nNULL\t\nann/sky"
    );
    for length in [FRAME - 4, 17 << 20] {
        let output = run(mariadb(port, "ann", &[], &format!("cell {length}"))).await;
        assert_eq!(text(&output).len(), length);
    }
    let output = run(mariadb(port, "ann", &[], "midway")).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("ERROR 4999 (HY000)") && error.contains("a worker went away"),
        "{error}"
    );
}

#[tokio::test]
async fn the_mariadb_client_shows_1153_for_a_statement_above_the_limit() {
    let port = serve(ServerConfig {
        max_allowed_packet: 1 << 20,
        ..ServerConfig::default()
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("big.sql");
    std::fs::write(&file, format!("length {};", "x".repeat(20 << 20))).unwrap();
    let output = run(mariadb(
        port,
        "ann",
        &[],
        &format!("source {}", path_str(&file)),
    ))
    .await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("ERROR 1153 (08S01)"), "{error}");
}

/// Python's most used driver, from the distribution's interpreter.
async fn pymysql(port: u16, tls: &Tls, script: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.py");
    let head = format!(
        "import pymysql\ndef connect(user, password='{PASSWORD}', **more):\n    return pymysql.connect(host='127.0.0.1', \
         port={port}, user=user, password=password, **more)\nCA = '{}'\n",
        path_str(&tls.cert())
    );
    std::fs::write(&file, head + script).unwrap();
    let mut python = Process::new("/usr/bin/python3");
    python.arg(&file);
    text(&run(python).await)
}

#[tokio::test]
async fn pymysql_logs_in_queries_and_changes_database() {
    let tls = Tls::new();
    let port = serve(ServerConfig {
        tls: Some(tls.server.clone()),
        ..ServerConfig::default()
    })
    .await;
    let script = r"
for more in ({}, {'ssl': {'ca': CA, 'check_hostname': False}}):
    # This PyMySQL answers a switch to caching_sha2_password wrongly; only the full path, under TLS, saves it.
    for user in ('ann', 'nat', 'sha') if more else ('ann', 'nat'):
        c = connect(user, database='sky', **more)
        cur = c.cursor()
        cur.execute('whoami')
        assert cur.fetchall()[0][0] == user + '/sky'
        c.select_db('pt11')
        cur.execute('whoami')
        assert cur.fetchall()[0][0] == user + '/pt11'
        cur.execute('nulls')
        assert cur.fetchall() == (('1', None), (None, ''))
        cur.execute('two')
        assert cur.fetchall() == (('1',),) and cur.nextset() and cur.fetchall()[0][0] == '2' and not cur.nextset()
        c.ping()
        c.close()
    try:
        connect('ann', 'wrong', **more)
        raise SystemExit('wrong password accepted')
    except pymysql.err.OperationalError as e:
        assert e.args[0] == 1045, e
print('done')
";
    assert_eq!(pymysql(port, &tls, script).await, "done");
}

async fn mysql_async(port: u16, user: &str) -> mysql_async::Conn {
    let options = mysql_async::OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some(user))
        .pass(Some(PASSWORD))
        .max_allowed_packet(Some(64 << 20))
        .wait_timeout(Some(600))
        .prefer_socket(false);
    mysql_async::Conn::new(options).await.unwrap()
}

#[tokio::test]
async fn mysql_async_runs_queries_and_prepared_statements() {
    let port = serve(ServerConfig {
        max_allowed_packet: 64 << 20,
        ..ServerConfig::default()
    })
    .await;
    for user in ["ann", "nat", "sha"] {
        let mut connection = mysql_async(port, user).await;
        let who: Option<String> = connection.query_first("whoami").await.unwrap();
        assert_eq!(who.unwrap(), format!("{user}/"));
        let rows: Vec<(Option<String>, Option<String>)> = connection.query("nulls").await.unwrap();
        assert_eq!(
            rows,
            [(Some("1".to_owned()), None), (None, Some(String::new()))]
        );
        let row: Option<(i64, String, f64, Option<i64>)> = connection
            .exec_first("? ? ? ?", (-7, "text", 0.5, None::<i64>))
            .await
            .unwrap();
        assert_eq!(row.unwrap(), (-7, "text".to_owned(), 0.5, None));
        let big: Option<Vec<u8>> = connection.query_first("cell 16777211").await.unwrap();
        assert_eq!(big.unwrap().len(), 16_777_211);
        let length: Option<String> = connection
            .query_first(format!("length {}", "x".repeat(17 << 20)))
            .await
            .unwrap();
        assert_eq!(length.unwrap(), ((17 << 20) + 7).to_string());
        connection.ping().await.unwrap();
        connection.reset().await.unwrap();
        connection.disconnect().await.unwrap();
    }
}

#[tokio::test]
async fn mysql_async_sends_long_parameters_in_pieces() {
    let port = serve(ServerConfig {
        max_allowed_packet: 64 << 20,
        ..ServerConfig::default()
    })
    .await;
    let mut connection = mysql_async(port, "ann").await;
    let long = "y".repeat(20 << 20);
    let row: Option<(i64, String)> = connection
        .exec_first("? ?", (1, long.as_str()))
        .await
        .unwrap();
    let (one, back) = row.unwrap();
    assert!(one == 1 && back == long, "{} bytes came back", back.len());
}

#[tokio::test]
async fn mysql_async_changes_user() {
    let port = serve(ServerConfig::default()).await;
    let mut connection = mysql_async(port, "ann").await;
    let options = mysql_async::ChangeUserOpts::new()
        .with_user(Some("sha".to_owned()))
        .with_pass(Some(PASSWORD.to_owned()));
    connection.change_user(options).await.unwrap();
    let who: Option<String> = connection.query_first("whoami").await.unwrap();
    assert_eq!(who.unwrap(), "sha/");
    let wrong = mysql_async::ChangeUserOpts::new()
        .with_user(Some("root".to_owned()))
        .with_pass(Some("x".to_owned()));
    assert!(connection.change_user(wrong).await.is_err());
}
