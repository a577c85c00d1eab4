//! mysqld comes and goes; the agent says so, and no row is lost or doubled.

use bytes::Bytes;
use futures::SinkExt;
use mysql_async::prelude::Queryable;
use orrery_kit_worker::{Archive, Mysqld, Worker, default_config};
use orrery_worker_api::frame;
use reqwest::{Body, StatusCode};

use super::support::{Setup, attempt, part, reason, setup, until};

async fn readiness(worker: &Worker) -> (StatusCode, String) {
    let response = reqwest::get(worker.admin_url("/readyz")).await.unwrap();
    (response.status(), response.text().await.unwrap())
}

async fn until_ready(worker: &Worker, wanted: StatusCode) -> String {
    loop {
        let (status, text) = readiness(worker).await;
        if status == wanted && !text.contains("not asked yet") {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn readiness_follows_mysqld_and_data_stays() {
    let mut setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    until_ready(&setup.worker, StatusCode::OK).await;
    setup.worker.mysqld.kill();
    until_ready(&setup.worker, StatusCode::SERVICE_UNAVAILABLE).await;
    let info = setup.operator.info().await.unwrap();
    assert_eq!(info.mysqld, None);
    assert_eq!(info.held, None, "what is not known is absent, not 0");
    assert!(info.identity.is_some());
    assert_eq!(
        reason(setup.load(1, &part(1), "2\ta\t1\t1\n").await),
        "MysqldNotReady"
    );
    setup.worker.mysqld.come_up().unwrap();
    until_ready(&setup.worker, StatusCode::OK).await;
    assert!(
        setup
            .load(1, &part(0), "1\ta\t1\t1\n")
            .await
            .unwrap()
            .already
    );
    assert!(
        !setup
            .load(1, &part(1), "2\ta\t1\t1\n")
            .await
            .unwrap()
            .already
    );
    let metrics = reqwest::get(setup.worker.admin_url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains("orrery_agent_loaded_rows_total 2"),
        "{metrics}"
    );
    assert!(metrics.contains("orrery_agent_mysqld_ready 1"), "{metrics}");
}

/// mysqld does not count them by itself.
#[tokio::test]
async fn statistics_of_control_tables_are_counted_at_each_start_of_mysqld() {
    let mut setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let rows = "SELECT n_rows FROM mysql.innodb_table_stats \
                WHERE database_name = 'orrery_control' AND table_name = 'staged_table'";
    assert_eq!(setup.number(rows).await, 0);
    until_ready(&setup.worker, StatusCode::OK).await;
    setup.worker.mysqld.kill();
    until_ready(&setup.worker, StatusCode::SERVICE_UNAVAILABLE).await;
    setup.worker.mysqld.come_up().unwrap();
    until_ready(&setup.worker, StatusCode::OK).await;
    assert_eq!(setup.number(rows).await, 3);
}

#[tokio::test]
async fn mysqld_killed_inside_a_load_commits_nothing() {
    let mut setup = setup().await;
    setup.open(&attempt(1)).await.unwrap();
    let (mut sender, receiver) = futures::channel::mpsc::channel::<std::io::Result<Bytes>>(1);
    let sending = tokio::spawn(setup.load_body(1, &part(0), Body::wrap_stream(receiver)));
    sender
        .send(Ok([&frame::header(1000)[..], b"1\ta\t1\t1\n"]
            .concat()
            .into()))
        .await
        .unwrap();
    until(
        &setup.worker.mysqld,
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'LOAD DATA%'",
        1,
    )
    .await;
    setup.worker.mysqld.kill();
    drop(sender);
    assert!(sending.await.unwrap().is_err());
    setup.worker.mysqld.come_up().unwrap();
    until_ready(&setup.worker, StatusCode::OK).await;
    assert!(
        !setup
            .load(1, &part(0), "1\ta\t1\t1\n")
            .await
            .unwrap()
            .already
    );
    assert_eq!(
        setup
            .number("SELECT COUNT(*) FROM orrery_staging__1.Object_1__1")
            .await,
        1
    );
    assert_eq!(setup.pipes(), 0);
}

#[tokio::test]
async fn wrong_settings_are_named_and_refuse_readiness() {
    let archive = Archive::new();
    for (option, fault) in [
        (
            "--innodb-flush-log-at-trx-commit=2",
            "innodb_flush_log_at_trx_commit is 2, must be 1",
        ),
        (
            "--skip-innodb-doublewrite",
            "innodb_doublewrite is off, must be on",
        ),
        ("--sql-mode=", "must have STRICT_TRANS_TABLES"),
        (
            "--lower-case-table-names=1",
            "lower_case_table_names is 1, must be 0",
        ),
        (
            "--character-set-server=latin1",
            "character_set_server is latin1, must be utf8mb4",
        ),
        (
            "--secure-file-priv=/tmp",
            "secure_file_priv is Some(\"/tmp/\"), must be",
        ),
    ] {
        let mut options = vec![option];
        if option.contains("latin1") {
            options.push("--collation-server=latin1_swedish_ci");
        }
        let mysqld = Mysqld::start_with(&options);
        let config = default_config(&archive, &mysqld);
        let worker = Worker::start_with(mysqld, config).await;
        let answer = until_ready(&worker, StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(answer.contains(fault), "{option}: {answer}");
    }
}

#[tokio::test]
async fn settings_changed_at_run_time_take_readiness_away() {
    let setup = setup().await;
    setup
        .sql()
        .await
        .query_drop("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        .await
        .unwrap();
    let answer = until_ready(&setup.worker, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(
        answer.contains("innodb_flush_log_at_trx_commit is 0"),
        "{answer}"
    );
}

#[tokio::test]
async fn functions_are_made_at_start_and_a_failure_is_told() {
    let archive = Archive::new();
    let mysqld = Mysqld::start();
    let functions = mysqld.data_dir().join("functions.sql");
    std::fs::write(
        &functions,
        "-- one after the other\nCREATE FUNCTION IF NOT EXISTS f RETURNS REAL SONAME 'nowhere.so';\n",
    )
    .unwrap();
    let mut config = default_config(&archive, &mysqld);
    config.functions_sql = Some(functions.clone());
    let worker = Worker::start_with(mysqld, config).await;
    let answer = until_ready(&worker, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(answer.contains("functions.sql cannot be made"), "{answer}");
    std::fs::write(&functions, "SELECT 1; CREATE DATABASE made_by_functions;").unwrap();
    until_ready(&worker, StatusCode::OK).await;
}

#[tokio::test]
async fn an_agent_that_starts_anew_knows_term_identity_and_ledger() {
    let archive = Archive::new();
    let setup = super::support::with_archive(&archive, Worker::start(&archive, 1).await);
    setup.open(&attempt(1)).await.unwrap();
    setup.load(1, &part(0), "1\ta\t1\t1\n").await.unwrap();
    let Setup { worker, .. } = setup;
    let config = worker.agent.config.clone();
    let mysqld = worker.stop_agent().await;
    let setup = super::support::with_archive(&archive, Worker::start_with(mysqld, config).await);
    setup.worker.ready().await;
    let info = setup.operator.info().await.unwrap();
    assert_eq!((info.term, info.identity.unwrap().worker), (1, 1));
    assert!(
        setup
            .load(1, &part(0), "1\ta\t1\t1\n")
            .await
            .unwrap()
            .already
    );
}
