//! Ctrl-C, again and again, through proxy and czar: it ends the statement it is meant for, and no
//! other client notices.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use orrery_oracle::client::{Answer, ask_plain};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_proxy};
use orrery_wire::Format;
use rand::Rng;

use super::cancel::running;

/// Connections whose statements are interrupted, and connections of the user that run undisturbed.
const VICTIMS: usize = 6;
const BYSTANDERS: usize = 2;
/// What that user asks, over and over.
const STATEMENTS: [(Format, &str); 4] = [
    (
        Format::Text,
        "SELECT objectId, ra, mag FROM Object WHERE objectId IN (390030275138001, 390030275138050)",
    ),
    (
        Format::Binary,
        "SELECT run, COUNT(*), SUM(price) FROM Object GROUP BY run ORDER BY run",
    ),
    (
        Format::Text,
        "SELECT sourceId, psfMag FROM Source WHERE sourceId < 40",
    ),
    (Format::Text, "SELECT DATABASE(), 1 + 1"),
];

/// A statement that runs long in one chunk: every way to take seven of a source's neighbours.
/// `mark` distinguishes it from others.
fn long(object: &str, mark: usize) -> String {
    format!(
        "SELECT COUNT(*) FROM Source a JOIN Source b USING (objectId) JOIN Source c USING (objectId) \
         JOIN Source d USING (objectId) JOIN Source e USING (objectId) JOIN Source f USING (objectId) \
         JOIN Source g USING (objectId) JOIN Source h USING (objectId) JOIN Source i USING (objectId) \
         WHERE a.objectId = {object} AND a.sourceId <> {} AND a.psfFlux * b.psfFlux + c.psfFlux * d.psfFlux > RAND()",
        900_000_000 + mark
    )
}

/// An object with as many sources as there are at most.
pub(super) fn crowded(site: &Site) -> String {
    let source = site
        .archive
        .plain
        .iter()
        .find(|table| table.table == "Source")
        .unwrap();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for line in std::str::from_utf8(&source.rows).unwrap().lines() {
        *counts
            .entry(line.split('\t').nth(1).unwrap().to_owned())
            .or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .unwrap()
        .0
}

/// Runs statements and interrupts each until `left` runs out; answers how many were met.
async fn victim(proxy: String, object: String, left: Arc<AtomicUsize>) -> usize {
    let mut victim = connect_proxy(&proxy, "ann", Some("sky")).await.unwrap();
    let id = victim.connection_id();
    let mut met = 0;
    let mut mark = 0;
    while left.load(Ordering::Relaxed) > 0 {
        mark += 1;
        let is_over = AtomicBool::new(false);
        let sql = long(&object, mark);
        let statement = async {
            let outcome = ask_plain(&mut victim, Format::Text, &sql).await.unwrap();
            is_over.store(true, Ordering::Relaxed);
            outcome
        };
        // People press Ctrl-C again when nothing happens.
        let ctrl_c = async {
            let mut pause = rand::rng().random_range(500..4000);
            while !is_over.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_micros(pause)).await;
                let mut side = connect_proxy(&proxy, "ann", None).await.unwrap();
                side.run(format!("KILL QUERY {id}").as_bytes())
                    .await
                    .unwrap();
                side.quit().await.unwrap();
                let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                });
                pause = 50_000;
            }
        };
        let (outcome, ()) = tokio::join!(statement, ctrl_c);
        match outcome {
            Ok(answer) => assert_eq!(answer.rows.len(), 1),
            Err(error) => {
                assert_eq!(error.code, 1317, "{error}");
                met += 1;
            }
        }
    }
    met
}

/// Real clients: every other one gets Ctrl-C, the others just go.
async fn real_clients(proxy: String, object: String, each: usize) {
    let (host, port) = proxy.rsplit_once(':').unwrap();
    let mut ann = connect_proxy(&proxy, "ann", None).await.unwrap();
    for number in 0..2 * each {
        let sql = long(&object, 1_000_000 + number);
        let mark = (900_000_000 + 1_000_000 + number).to_string();
        let mut client = Command::new("mariadb")
            .args([
                "--no-defaults",
                "-h",
                host,
                "-P",
                port,
                "-uann",
                "-pann",
                "sky",
                "-e",
                &sql,
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        // A statement may have ended by itself before it is seen.
        let mut runs = false;
        while !runs && client.try_wait().unwrap().is_none() {
            let (_, list) = ann.query_all(b"SHOW FULL PROCESSLIST").await.unwrap();
            runs = list
                .iter()
                .any(|row| String::from_utf8_lossy(row).contains(&mark));
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "a client's statement does not begin"
            );
        }
        if number % 2 == 0 {
            let sent = Command::new("kill")
                .args(["-INT", &client.id().to_string()])
                .status();
            assert!(sent.unwrap().success() || client.try_wait().unwrap().is_some());
            while client.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
                assert!(
                    begun.elapsed() < Duration::from_secs(30),
                    "Ctrl-C does not end a client"
                );
            }
        } else {
            client.kill().unwrap();
            client.wait().unwrap();
        }
    }
}

/// Asks again and again until it has to stop; every answer must be the right one.
async fn bystander(proxy: String, right: Arc<Vec<Answer>>, stop: Arc<AtomicBool>) -> usize {
    let mut dan = connect_proxy(&proxy, "dan", Some("sky")).await.unwrap();
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) {
        for ((protocol, sql), right) in STATEMENTS.iter().zip(right.iter()) {
            let outcome = ask_plain(&mut dan, *protocol, sql).await.unwrap();
            let answer =
                outcome.unwrap_or_else(|error| panic!("{sql}: {error} after {answers} answers"));
            assert_eq!(sorted(&answer), sorted(right), "{sql}");
            answers += 1;
        }
    }
    answers
}

fn sorted(answer: &Answer) -> Vec<String> {
    let mut rows: Vec<String> = answer.rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_interrupts_are_never_noticed_by_another_user() {
    interrupt(1_000, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; make e2e and make oracle run it"]
async fn ten_thousand_interrupts_are_never_noticed_by_another_user() {
    interrupt(10_000, 50).await;
}

/// Interrupts `all` times, the way the mariadb client does it: a connection of its own sends KILL
/// QUERY. Among them are Ctrl-C in real clients and real clients that just end, `real` of each.
async fn interrupt(all: usize, real: usize) {
    let site = Site::start(SHAPE, &tables(200).unwrap(), &[])
        .await
        .unwrap();
    let proxy = site.start_proxy(&[&site.czar]).await.unwrap();
    let object = crowded(&site);
    let mut dan = connect_proxy(&proxy, "dan", Some("sky")).await.unwrap();
    let mut right = Vec::new();
    for (protocol, sql) in STATEMENTS {
        right.push(ask_plain(&mut dan, protocol, sql).await.unwrap().unwrap());
    }
    let (right, stop) = (Arc::new(right), Arc::new(AtomicBool::new(false)));
    let bystanders: Vec<_> = (0..BYSTANDERS)
        .map(|_| tokio::spawn(bystander(proxy.clone(), right.clone(), stop.clone())))
        .collect();
    let left = Arc::new(AtomicUsize::new(all - 2 * real));
    let victims: Vec<_> = (0..VICTIMS)
        .map(|_| tokio::spawn(victim(proxy.clone(), object.clone(), left.clone())))
        .collect();
    let begun = Instant::now();
    real_clients(proxy.clone(), object, real).await;
    let mut met = 0;
    for victim in victims {
        met += victim.await.unwrap();
    }
    println!(
        "{met} statements interrupted in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    stop.store(true, Ordering::Relaxed);
    let mut answers = 0;
    for bystander in bystanders {
        answers += bystander.await.unwrap();
    }
    assert!(
        met > all / 4,
        "only {met} of {all} interrupts met a statement"
    );
    assert!(answers > 50, "only {answers} undisturbed answers");
    let begun = Instant::now();
    while running(&site).await > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "workers still run interrupted statements"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
