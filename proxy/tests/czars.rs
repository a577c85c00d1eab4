//! What a client sees when czars die and statements are stopped: nothing, or what it asked for.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use orrery_kit::Mysqld;
use orrery_proxy::czars::{CzarOptions, Czars};
use orrery_shell::Admin as _;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Endpoint, Next, Response};
use prometheus::TextEncoder;
use support::czar::Czar;
use support::{
    CZAR_PASSWORD, PASSWORD, Running, cell, eventually, refused, rows, start, start_among,
    start_proxy,
};

const SLEEP: &str = "SELECT 1 FROM (SELECT SLEEP(100)) s";
/// 8 MB in 1,000 rows.
const LONG: &str = "SELECT seq, REPEAT('x', 8000) FROM seq_1_to_1000";

struct Setup {
    running: Running,
    database: Arc<Mysqld>,
}

async fn with_czars(count: usize) -> Setup {
    let database = Arc::new(Mysqld::start());
    database.sql("CREATE DATABASE sky");
    let mut czars = Vec::new();
    for _ in 0..count {
        czars.push(Czar::start(&database).await);
    }
    Setup {
        running: start(czars).await,
        database,
    }
}

impl Setup {
    /// Statements that sleep at the database.
    fn sleeping(&self) -> usize {
        let output = self.database.sql(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep' AND info NOT LIKE '%processlist%'",
        );
        output.parse().unwrap()
    }

    async fn until_sleeping(&self, count: usize) {
        eventually(&format!("{count} statements sleep"), async || {
            self.sleeping() == count
        })
        .await;
    }

    fn total(&self, sql: &str) -> usize {
        self.running.czars.iter().map(|czar| czar.count(sql)).sum()
    }
}

#[tokio::test]
async fn a_statement_whose_czar_dies_before_its_first_row_left_is_run_again() {
    let setup = with_czars(2).await;
    let mut ann = setup.running.connect("ann").await;
    for czar in &setup.running.czars {
        czar.state.deaths_before_answer.store(1, Ordering::Relaxed);
        assert_eq!(cell(&mut ann, "SELECT 42").await, "42");
    }
    assert!(setup.total("SELECT 42") >= 3);
}

#[tokio::test]
async fn a_statement_that_two_shadow_servers_died_of_goes_to_no_third() {
    let setup = with_czars(3).await;
    let mut ann = setup.running.connect("ann").await;
    for czar in &setup.running.czars {
        czar.state.shadow_losses.store(1, Ordering::Relaxed);
    }
    let (number, text) = refused(&mut ann, "SELECT 43").await;
    assert!(
        number == 1105 && text.contains("not sent to others"),
        "{number} {text}"
    );
    assert_eq!(setup.total("SELECT 43"), 2);
    assert_eq!(cell(&mut ann, "SELECT 44").await, "44");
}

#[tokio::test]
async fn a_short_answer_is_held_until_complete_so_that_a_death_in_it_is_not_seen() {
    let setup = with_czars(2).await;
    let mut ann = setup.running.connect("ann").await;
    let sql = "SELECT seq FROM seq_1_to_5000";
    for czar in &setup.running.czars {
        czar.state.rows_before_death.store(1000, Ordering::Relaxed);
        assert_eq!(rows(&mut ann, sql).await.unwrap().len(), 5000);
        czar.state.rows_before_death.store(0, Ordering::Relaxed);
    }
    assert!(setup.total(sql) >= 3, "no czar died");
}

#[tokio::test]
async fn a_czar_that_restarts_is_not_noticed_by_idle_sessions() {
    let setup = with_czars(1).await;
    let mut ann = setup.running.connect("ann").await;
    assert_eq!(cell(&mut ann, "SELECT 1").await, "1");
    setup.running.czars[0].drop_connections();
    assert_eq!(cell(&mut ann, "SELECT 2").await, "2");
}

#[tokio::test]
async fn a_statement_waits_while_no_czar_can_be_reached() {
    let setup = with_czars(2).await;
    let mut ann = setup.running.connect("ann").await;
    for czar in &setup.running.czars {
        czar.state.is_away.store(true, Ordering::Relaxed);
        czar.drop_connections();
    }
    let connections = || -> u32 {
        let czars = setup.running.czars.iter();
        czars
            .map(|czar| czar.state.connections.load(Ordering::Relaxed))
            .sum()
    };
    let before = connections();
    let (answer, ()) = tokio::join!(cell(&mut ann, "SELECT 45"), async {
        // More than a statement may fail with czars that had it.
        eventually("it was tried again and again", async || {
            connections() >= before + 20
        })
        .await;
        assert_eq!(setup.total("SELECT 45"), 0);
        for czar in &setup.running.czars {
            czar.state.is_away.store(false, Ordering::Relaxed);
        }
    });
    assert_eq!(answer, "45");
}

#[tokio::test]
async fn a_death_in_the_middle_of_a_long_answer_is_an_error_and_the_session_goes_on() {
    let setup = with_czars(1).await;
    let mut ann = setup.running.connect("ann").await;
    let czar = &setup.running.czars[0];
    czar.state.rows_before_death.store(500, Ordering::Relaxed);
    let (number, text) = refused(&mut ann, LONG).await;
    assert!(
        number == 1105 && text.contains("run the statement again"),
        "{number} {text}"
    );
    assert_eq!(rows(&mut ann, LONG).await.unwrap().len(), 1000);
}

#[tokio::test]
async fn without_a_czar_a_statement_says_so_and_the_session_goes_on() {
    let running = start_proxy(Vec::new(), Vec::new(), |proxy| {
        proxy.czars = Czars::new(CzarOptions {
            timeout: Duration::from_secs(1),
            ..proxy.czars.account().clone()
        });
    })
    .await;
    let mut ann = running.connect("ann").await;
    let (number, text) = refused(&mut ann, "SELECT 1").await;
    assert!(
        number == 1105 && text.contains("No czar") && text.contains("for 1 s"),
        "{text}"
    );
    ann.ping().await.unwrap();
    ann.run(b"SET NAMES utf8mb4").await.unwrap();
}

#[tokio::test]
async fn long_results_stream_in_bounded_memory_and_with_the_clients_speed() {
    let setup = with_czars(1).await;
    let mut ann = setup.running.connect("ann").await;
    assert!(matches!(
        ann.query(b"SELECT seq, REPEAT('x', 8000) FROM seq_1_to_20000")
            .await
            .unwrap(),
        Response::Rows(_)
    ));
    let mut count = 0;
    while let Next::Row(_) = ann.next_row().await.unwrap() {
        count += 1;
        assert!(
            count > 1 || setup.running.proxy.registry.running() == 1,
            "the statement still runs at its first row"
        );
    }
    assert_eq!(count, 20_000);
}

#[tokio::test]
async fn kill_query_from_another_connection_stops_the_statement_there() {
    let setup = with_czars(1).await;
    let mut sleeper = setup.running.connect("ann").await;
    let id = sleeper.connection_id();
    let sleeping = tokio::spawn(async move {
        let outcome = rows(&mut sleeper, SLEEP).await;
        (sleeper, outcome)
    });
    setup.until_sleeping(1).await;
    let (mut bob, mut root) = (
        setup.running.connect("bob").await,
        setup.running.connect("root").await,
    );
    assert_eq!(refused(&mut bob, &format!("KILL QUERY {id}")).await.0, 1095);
    assert_eq!(refused(&mut root, "KILL QUERY 4294967295").await.0, 1094);
    root.run(format!("KILL QUERY {id}").as_bytes())
        .await
        .unwrap();
    let (mut sleeper, outcome) = sleeping.await.unwrap();
    assert!(
        matches!(outcome, Err(ClientError::Server(ref error)) if error.code == 1317),
        "{outcome:?}"
    );
    setup.until_sleeping(0).await;
    assert_eq!(
        cell(&mut sleeper, "SELECT 5").await,
        "5",
        "the session and its next statement are untouched"
    );
}

#[tokio::test]
async fn kill_closes_the_connection_too() {
    let setup = with_czars(1).await;
    let mut sleeper = setup.running.connect("ann").await;
    let id = sleeper.connection_id();
    let sleeping = tokio::spawn(async move {
        let _ = rows(&mut sleeper, SLEEP).await;
        sleeper.ping().await
    });
    setup.until_sleeping(1).await;
    let mut ann = setup.running.connect("ann").await;
    ann.run(format!("KILL {id}").as_bytes()).await.unwrap();
    assert!(sleeping.await.unwrap().is_err());
    setup.until_sleeping(0).await;
    let own = ann.connection_id();
    assert_eq!(refused(&mut ann, &format!("KILL {own}")).await.0, 1317);
    assert!(ann.ping().await.is_err());
}

#[tokio::test]
async fn a_kill_reaches_a_statement_at_another_proxy() {
    let setup = with_czars(1).await;
    let peers = vec![format!("127.0.0.1:{}", setup.running.peer_port)];
    let other = start_among(vec![Czar::start(&setup.database).await], 10, peers).await;
    let mut sleeper = setup.running.connect("ann").await;
    let id = sleeper.connection_id();
    let sleeping = tokio::spawn(async move { rows(&mut sleeper, SLEEP).await });
    setup.until_sleeping(1).await;
    let mut bob = other.connect("bob").await;
    assert_eq!(refused(&mut bob, &format!("KILL QUERY {id}")).await.0, 1095);
    let mut ann = other.connect("ann").await;
    assert_eq!(refused(&mut ann, "KILL QUERY 4294967295").await.0, 1094);
    ann.run(format!("KILL QUERY {id}").as_bytes())
        .await
        .unwrap();
    let outcome = sleeping.await.unwrap();
    assert!(
        matches!(outcome, Err(ClientError::Server(ref error)) if error.code == 1317),
        "{outcome:?}"
    );
    setup.until_sleeping(0).await;
}

#[tokio::test]
async fn the_account_of_the_proxies_can_do_nothing_but_kill_and_only_on_its_port() {
    let setup = with_czars(1).await;
    let options = ClientOptions {
        password: CZAR_PASSWORD.to_owned(),
        ..Running::options("orrery_proxy")
    };
    let at_peers = Endpoint::Tcp(format!("127.0.0.1:{}", setup.running.peer_port));
    let mut proxy = ClientConnection::connect(&at_peers, &options)
        .await
        .unwrap();
    for sql in ["SELECT 1", "SHOW PROCESSLIST", "KILL 5"] {
        assert_eq!(refused(&mut proxy, sql).await.0, 1227, "{sql}");
    }
    assert!(proxy.init_db("sky").await.is_err());
    let denied = |outcome: Result<ClientConnection, ClientError>| match outcome.err() {
        Some(ClientError::Server(error)) => error.code,
        other => panic!("{other:?}"),
    };
    let at_clients = setup.running.try_connect(&options).await;
    assert_eq!(denied(at_clients), 1045);
    let wrong = ClientOptions {
        password: PASSWORD.to_owned(),
        ..options
    };
    assert_eq!(
        denied(ClientConnection::connect(&at_peers, &wrong).await),
        1045
    );
    let ann = ClientConnection::connect(&at_peers, &Running::options("ann")).await;
    assert_eq!(denied(ann), 1045);
}

#[tokio::test]
async fn ctrl_c_in_the_mariadb_client_stops_the_statement() {
    let setup = with_czars(1).await;
    let mut command = setup.running.mariadb("ann", &["-e", SLEEP]);
    let mut client = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    setup.until_sleeping(1).await;
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &client.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    setup.until_sleeping(0).await;
    assert!(setup.running.czars[0].state.kills.load(Ordering::Relaxed) > 0);
    client.kill().unwrap();
    client.wait().unwrap();
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_statement_with_it() {
    let setup = with_czars(1).await;
    let mut client = setup
        .running
        .mariadb("ann", &["-e", SLEEP])
        .spawn()
        .unwrap();
    setup.until_sleeping(1).await;
    client.kill().unwrap();
    client.wait().unwrap();
    setup.until_sleeping(0).await;
    eventually("the session is gone", async || {
        setup.running.proxy.registry.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_rows_takes_its_statement_with_it() {
    let setup = with_czars(1).await;
    let mut ann = setup.running.connect("ann").await;
    let endless = b"SELECT a.seq, REPEAT('x', 1000) FROM seq_1_to_100000 a, seq_1_to_100000 b";
    assert!(matches!(
        ann.query(endless).await.unwrap(),
        Response::Rows(_)
    ));
    drop(ann);
    eventually("the session is gone", async || {
        setup.running.proxy.registry.is_empty()
    })
    .await;
    eventually("the kill has arrived", async || {
        setup.running.czars[0].state.kills.load(Ordering::Relaxed) > 0
    })
    .await;
}

#[tokio::test]
async fn a_kill_meets_a_long_answer_while_its_rows_flow() {
    let setup = with_czars(1).await;
    let mut reader = setup.running.connect("ann").await;
    let id = reader.connection_id();
    let reading = tokio::spawn(async move {
        reader
            .query(b"SELECT a.seq, REPEAT('x', 100) FROM seq_1_to_100000 a, seq_1_to_100000 b")
            .await?;
        while let Next::Row(_) = reader.next_row().await? {}
        Ok::<_, ClientError>(())
    });
    eventually("it runs", async || {
        setup.running.proxy.registry.running() == 1
    })
    .await;
    let mut other = setup.running.connect("ann").await;
    other
        .run(format!("KILL QUERY {id}").as_bytes())
        .await
        .unwrap();
    // Told with 1317 between rows; a client that lagged in reading finds its connection closed
    // instead.
    assert!(reading.await.unwrap().is_err());
    eventually("nothing runs", async || {
        setup.running.proxy.registry.running() == 0
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_connection_is_not_used_before_its_answer_has_ended() {
    let setup = with_czars(1).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(setup.running.connect("ann").await);
    }
    for round in 0..5 {
        let ids: Vec<u32> = sessions
            .iter()
            .map(orrery_wire::client::ClientConnection::connection_id)
            .collect();
        let tasks: Vec<_> = sessions
            .drain(..)
            .map(|mut session| {
                tokio::spawn(async move {
                    let outcome = rows(&mut session, SLEEP).await;
                    (session, outcome)
                })
            })
            .collect();
        setup.until_sleeping(8).await;
        let mut killer = setup.running.connect("root").await;
        for id in ids {
            killer
                .run(format!("KILL QUERY {id}").as_bytes())
                .await
                .unwrap();
        }
        for task in tasks {
            let (mut session, outcome) = task.await.unwrap();
            assert!(
                matches!(outcome, Err(ClientError::Server(ref error)) if error.code == 1317),
                "{outcome:?}"
            );
            // No late kill may meet this one, whichever connection it gets.
            assert_eq!(
                cell(&mut session, &format!("SELECT {round}")).await,
                round.to_string()
            );
            sessions.push(session);
        }
    }
}

#[tokio::test]
async fn a_statement_over_its_time_is_stopped_even_if_the_czar_does_not() {
    let setup = with_czars(1).await;
    let mut poor = setup.running.connect("poor").await;
    let (number, _) = refused(&mut poor, SLEEP).await;
    assert_eq!(number, 1969);
    setup.until_sleeping(0).await;
    assert_eq!(cell(&mut poor, "SELECT 1").await, "1");
}

#[tokio::test]
async fn many_clients_share_few_connections() {
    let setup = with_czars(1).await;
    let mut tasks = Vec::new();
    for number in 0..60 {
        let mut session = setup.running.connect("ann").await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..20 {
                assert_eq!(
                    cell(&mut session, &format!("SELECT {number}")).await,
                    number.to_string()
                );
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    // 8 for statements, one for probes and kills.
    assert!(
        setup.running.czars[0]
            .state
            .connections
            .load(Ordering::Relaxed)
            <= 9
    );
}

#[tokio::test]
async fn stopping_lets_statements_end_and_takes_no_new_ones() {
    let setup = with_czars(1).await;
    let mut ann = setup.running.connect("ann").await;
    let running = tokio::spawn(async move { rows(&mut ann, "SELECT SLEEP(1)").await });
    setup.until_sleeping(1).await;
    setup.running.proxy.stopping.cancel();
    assert_eq!(running.await.unwrap().unwrap(), [["0"]]);
    eventually("nobody is connected", async || {
        setup.running.proxy.registry.is_empty()
    })
    .await;
    assert!(
        setup
            .running
            .try_connect(&Running::options("ann"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn readiness_needs_a_snapshot_and_a_czar() {
    let setup = with_czars(1).await;
    let proxy = &setup.running.proxy;
    assert_eq!(proxy.ready().await, Ok("ready".to_owned()));
    let mut ann = setup.running.connect("ann").await;
    cell(&mut ann, "SELECT 1").await;
    refused(&mut ann, "DROP TABLE t").await;
    let metrics = TextEncoder::new()
        .encode_to_string(&proxy.metrics().unwrap())
        .unwrap();
    assert!(
        metrics.contains("orrery_proxy_connections 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("orrery_proxy_statements_total{class=\"ddl\",outcome=\"error\"} 1"),
        "{metrics}"
    );
    let lonely = start(Vec::new()).await;
    assert_eq!(
        lonely.proxy.ready().await,
        Err("no czar answers".to_owned())
    );
}
