//! Who read what is written down, and nobody waits for it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orrery_kit::Mysqld;
use orrery_proxy::audit::{AuditLog, Destination, Rotation};
use orrery_wire::client::ClientOptions;
use serde_json::Value;
use support::czar::Czar;
use support::{Running, cell, eventually, refused, rows, start_proxy};

const ROTATION: Rotation = Rotation {
    bytes: 1 << 20,
    keep: 1,
};

async fn audited(path: PathBuf, czars: Vec<Czar>) -> Running {
    start_proxy(czars, Vec::new(), |proxy| {
        let destination = Destination::File(path, ROTATION);
        let lost = proxy.metrics.audit_lost.clone();
        proxy.audit = Some(AuditLog::open(&destination, lost).unwrap());
    })
    .await
}

fn lines(running: &Running, path: &PathBuf) -> Vec<Value> {
    running
        .proxy
        .audit
        .as_ref()
        .unwrap()
        .flush(Duration::from_secs(5));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn each_statement_and_each_log_in_is_one_line_with_who_what_and_how_it_ended() {
    let database = Arc::new(Mysqld::start());
    database.sql(
        "CREATE DATABASE sky; CREATE TABLE sky.Filter (id INT PRIMARY KEY, name VARCHAR(20)); \
         INSERT INTO sky.Filter VALUES (1, 'u'), (2, 'g'), (3, 'r')",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.json");
    let running = audited(path.clone(), vec![Czar::start(&database).await]).await;
    let mut ann = running.connect("ann").await;
    rows(&mut ann, "SELECT name FROM Filter").await.unwrap();
    rows(&mut ann, "SELECT 1 FROM `sky`.`Filter` WHERE id < 3")
        .await
        .unwrap();
    cell(&mut ann, "SELECT 'a line\nin a line'").await;
    refused(&mut ann, "SELECT nothing FROM Filter").await;
    refused(&mut ann, "SET PASSWORD = PASSWORD('secret')").await;
    let long = format!("SELECT 1 /* {} */", "é".repeat(5000));
    cell(&mut ann, &long).await;
    let wrong = ClientOptions {
        password: "x".to_owned(),
        ..Running::options("bob")
    };
    running.try_connect(&wrong).await.err().unwrap();
    let path_of_log = &path;
    eventually("the refusal is written", async || {
        lines(&running, path_of_log).len() == 8
    })
    .await;
    let lines = lines(&running, &path);
    let events: Vec<&str> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events[0], "logIn");
    assert_eq!(events[7], "refusal");
    assert!(
        lines[7]["reason"]
            .as_str()
            .unwrap()
            .contains("access denied")
    );
    assert_eq!(lines[7]["user"], "bob");
    let read = &lines[1];
    assert_eq!(read["user"], "ann");
    assert!(read["address"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(read["statement"], "SELECT name FROM Filter");
    assert_eq!(read["tables"], serde_json::json!(["sky.Filter"]));
    assert_eq!((&read["rows"], &read["outcome"]), (&3.into(), &"ok".into()));
    assert!(read["bytes"].as_u64().unwrap() > 20 && read["seconds"].as_f64().unwrap() > 0.0);
    assert!(read["time"].as_str().unwrap().ends_with('Z'), "{read}");
    assert_eq!(lines[2]["tables"], serde_json::json!(["sky.Filter"]));
    assert_eq!(lines[2]["rows"], 2);
    assert_eq!(lines[3]["tables"], serde_json::json!([]));
    assert_eq!(
        (&lines[4]["error"], &lines[4]["outcome"]),
        (&1054.into(), &"error".into())
    );
    assert!(!lines[5].to_string().contains("secret"), "{}", lines[5]);
    let kept = lines[6]["statement"].as_str().unwrap();
    assert!(kept.len() <= 4096 && kept.starts_with("SELECT 1 /*"));
    assert_eq!(lines[6]["statementBytes"], long.len());
}

#[tokio::test]
async fn a_destination_that_takes_nothing_holds_up_nobody_and_what_is_lost_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    // Open at both ends, and nobody reads.
    let pipe = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let running = audited(path, Vec::new()).await;
    let mut ann = running.connect("ann").await;
    let long = format!("SET @@wait_timeout = 100 /* {} */", "x".repeat(3000));
    let started = Instant::now();
    for _ in 0..5000 {
        ann.run(long.as_bytes()).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(60));
    let lost = running.proxy.metrics.audit_lost.get();
    assert!(lost > 500, "{lost}");
    let told = std::thread::spawn(move || {
        let lines = std::io::BufReader::new(pipe).lines();
        lines
            .map(Result::unwrap)
            .find(|line| line.contains("\"lost\""))
    });
    while !told.is_finished() {
        ann.run(b"SET @@wait_timeout = 100").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let gap: Value = serde_json::from_str(&told.join().unwrap().unwrap()).unwrap();
    assert!(gap["lines"].as_u64().unwrap() >= lost, "{gap}");
}

#[tokio::test]
async fn lines_that_cannot_be_written_are_counted() {
    let running = audited(PathBuf::from("/dev/full"), Vec::new()).await;
    let _ann = running.connect("ann").await;
    eventually("the loss is counted", async || {
        running.proxy.metrics.audit_lost.get() == 1
    })
    .await;
}
