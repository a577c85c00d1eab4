//! Statements of clients that were killed.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use orrery_kit_worker::READER_PASSWORD;

use super::support::{setup, until};

/// Statements of the reader that run.
const RUNNING: &str = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'orrery_reader' AND command = 'Query'";
/// It computes for minutes and sends nothing meanwhile.
const LONG: &str = "SELECT BENCHMARK(2000000000, SHA2('x', 512))";

#[tokio::test]
async fn the_statement_of_a_client_that_was_killed_ends_within_seconds_and_no_other() {
    let setup = setup().await;
    let mysqld = &setup.worker.mysqld;
    let client = || {
        Command::new("mariadb")
            .args(["--no-defaults", "--host=127.0.0.1", "--user=orrery_reader"])
            .arg(format!("--port={}", mysqld.port()))
            .arg(format!("--password={READER_PASSWORD}"))
            .arg(format!("--execute={LONG}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let (mut killed, mut alive) = (client(), client());
    until(mysqld, RUNNING, 2).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let since = Instant::now();
    until(mysqld, RUNNING, 1).await;
    assert!(
        since.elapsed() < Duration::from_secs(6),
        "{:?}",
        since.elapsed()
    );
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        super::support::number(mysqld, RUNNING).await,
        1,
        "a client that waits keeps its statement"
    );
    assert!(alive.try_wait().unwrap().is_none());
    alive.kill().unwrap();
    alive.wait().unwrap();
    until(mysqld, RUNNING, 0).await;
}
