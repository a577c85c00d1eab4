//! Directors, their children, and what happens when one of them comes late, goes, or comes twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use mysql_async::Conn;
use orrery_archive::names::staging_database;
use orrery_e2e::own::{Own, message, objects, reasons};
use orrery_e2e::pods::on_worker;
use orrery_e2e::{TIMEOUT, eventually, rows, session};

/// Rows of each table in these tests.
const ROWS: u64 = 40;

/// Two child rows for each of these director rows, at its place, `w` = 1.
fn sources(from: u64, until: u64) -> String {
    let row = |sid: u64| {
        let id = sid / 2;
        format!(
            "{sid},{id},{},{},1\n",
            id * 7 % 360,
            (id * 11 % 160) as i64 - 80
        )
    };
    (from * 2..until * 2).map(row).collect()
}

/// Sum of the director's values, and number and sum over the join; read from the rows, not from
/// sealed counts.
async fn totals(session: &mut Conn, database: &str) -> Result<(Option<i64>, u64, Option<i64>)> {
    let sum: Vec<Option<i64>> = rows(
        session,
        &format!("SELECT CAST(SUM(v) AS SIGNED) FROM {database}.Object"),
    )
    .await?;
    let joined: Vec<(u64, Option<i64>)> = rows(
        session,
        &format!(
            "SELECT COUNT(s.sid), CAST(SUM(s.w * o.v) AS SIGNED) FROM {database}.Object o JOIN {database}.Source s ON s.id = o.id"
        ),
    )
    .await?;
    let (count, product) = joined.first().copied().context("no row")?;
    Ok((sum.first().copied().context("no row")?, count, product))
}

async fn visible(own: &Own, name: &str, table: &str, content: &str) -> Result<()> {
    let status = own.ingest(name, table, 0, content).await?;
    ensure!(status["phase"] == "Visible", "{name}: {status}");
    Ok(())
}

/// Director and child with published rows.
async fn family(name: &'static str) -> Result<Own> {
    let own = Own::new(name).await?;
    own.director().await?;
    own.child().await?;
    visible(&own, "objects", "Object", &objects(0, ROWS)).await?;
    visible(&own, "sources", "Source", &sources(0, ROWS)).await?;
    Ok(own)
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_director_goes_only_after_its_children_and_comes_back_before_them() -> Result<()> {
    let own = family("revoked_director").await?;
    let database = own.database();
    let mut session = session().await?;
    let sum = (0..ROWS as i64).sum::<i64>();
    let full = (Some(sum), ROWS * 2, Some(sum * 2));
    assert_eq!(totals(&mut session, &database).await?, full);

    let why = own.refused("objects", "Object", 0, true).await?;
    assert!(
        why.contains(&own.object("sources")),
        "it names the child's ingest: {why}"
    );
    assert_eq!(totals(&mut session, &database).await?, full);

    own.set_revoked("sources", "Source", 0, true).await?;
    own.set_revoked("objects", "Object", 0, true).await?;
    let empty = eventually("the rows to be gone", async || {
        let found = totals(&mut self::session().await?, &database).await?;
        Ok((found == (None, 0, None)).then_some(()))
    });
    empty.await?;
    let why = own.refused("sources", "Source", 0, false).await?;
    assert!(
        why.contains(&own.object("objects")),
        "it names the director's ingest: {why}"
    );

    own.set_revoked("objects", "Object", 0, false).await?;
    own.set_revoked("sources", "Source", 0, false).await?;
    let back = eventually("the rows to be back", async || {
        let found = totals(&mut self::session().await?, &database).await?;
        Ok((found == full).then_some(()))
    });
    back.await?;
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn rows_taken_back_do_not_come_back_beside_rows_with_their_keys() -> Result<()> {
    let own = Own::new("replaced").await?;
    own.director().await?;
    visible(&own, "first", "Object", "1,10,10,1\n").await?;
    own.set_revoked("first", "Object", 0, true).await?;
    visible(&own, "second", "Object", "1,200,-60,2\n").await?;
    let why = own.refused("first", "Object", 0, false).await?;
    assert!(why.contains(&own.object("second")), "{why}");
    let sql = format!("SELECT v FROM {}.Object WHERE id = 1", own.database());
    let found: Vec<i64> = rows(&mut session().await?, &sql).await?;
    assert_eq!(found, [2]);
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_director_that_comes_after_its_orphans_is_joined_and_one_elsewhere_is_rejected()
-> Result<()> {
    let own = Own::new("orphans").await?;
    own.director().await?;
    own.child().await?;
    let database = own.database();
    // Children of 1 and 2 without director rows, far from each other.
    let status = own
        .ingest(
            "sources",
            "Source",
            0,
            "10,1,30,30,5\n11,1,30,30,6\n20,2,100,-40,7\n",
        )
        .await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    assert_eq!(status["summary"]["orphans"], 3, "{status}");
    let mut session = session().await?;
    assert_eq!(totals(&mut session, &database).await?, (None, 0, None));
    let child = format!("SELECT CAST(SUM(w) AS SIGNED) FROM {database}.Source WHERE id = 1");
    assert_eq!(rows::<i64>(&mut session, &child).await?, [11]);

    // Director 1 lies with its children, director 2 on the other side of the sky, director 3 has
    // none.
    let status = own
        .ingest(
            "objects",
            "Object",
            1,
            "1,30,30,100\n2,280,40,1000\n3,280,40,10\n",
        )
        .await?;
    assert_eq!(status["phase"], "Visible", "{status}");
    let reasons = reasons(&status);
    assert_eq!(reasons.len(), 1, "{status}");
    assert!(
        reasons[0].contains("the key 2 belongs to published child rows in chunk"),
        "{}",
        reasons[0]
    );
    assert_eq!(
        totals(&mut session, &database).await?,
        (Some(110), 2, Some(1100))
    );
    assert_eq!(rows::<i64>(&mut session, &child).await?, [11]);
    let missing = format!("SELECT id FROM {database}.Object WHERE id = 2");
    assert!(rows::<i64>(&mut session, &missing).await?.is_empty());
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn of_two_ingests_with_one_key_at_once_one_row_wins_and_the_other_is_told_its_place()
-> Result<()> {
    let own = Own::new("one_key").await?;
    own.director().await?;
    own.file("left", "7,10,10,1\n100,20,20,10\n").await?;
    own.file("right", "7,200,-60,1\n200,30,30,20\n").await?;
    let (left, right) = tokio::join!(
        own.declare("left", "Object", 1, false),
        own.declare("right", "Object", 1, false)
    );
    left?;
    right?;
    let mut rejects = Vec::new();
    for name in ["left", "right"] {
        let status = own.ended(name, TIMEOUT * 2).await?;
        assert_eq!(status["phase"], "Visible", "{status}");
        rejects.extend(reasons(&status));
    }
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    assert!(
        rejects[0].contains("the key 7 is already published, in chunk"),
        "{}",
        rejects[0]
    );
    let mut session = session().await?;
    let database = own.database();
    let all: Vec<i64> = rows(
        &mut session,
        &format!("SELECT id FROM {database}.Object ORDER BY id"),
    )
    .await?;
    assert_eq!(all, [7, 100, 200]);
    let one: Vec<i64> = rows(
        &mut session,
        &format!("SELECT CAST(SUM(v) AS SIGNED) FROM {database}.Object WHERE id = 7"),
    )
    .await?;
    assert_eq!(one, [1]);
    own.remove().await
}

/// What the archive goes through: each number is a state, in the order in which they are asked for.
/// 0 mod 4: all rows; 1: the director's alone; 2: none; 3: the director's alone.
struct Stages {
    asked: AtomicU64,
    over: AtomicBool,
}

/// The first stage from `last` on, as far as stages were asked for, in which `seen` may be seen.
fn stage(last: u64, asked: u64, seen: impl Fn(u64) -> bool) -> Option<u64> {
    (last..=asked).find(|stage| seen(stage % 4))
}

/// Asks again and again in one session; each answer is that of one stage, and none before the last.
async fn watch(database: String, stages: Arc<Stages>) -> Result<u64> {
    let sum = (0..ROWS as i64).sum::<i64>();
    let mut session = session().await?;
    let (mut last, mut answers) = (0, 0);
    while !stages.over.load(Ordering::SeqCst) {
        let sql = format!("SELECT CAST(SUM(v) AS SIGNED) FROM {database}.Object");
        let found: Vec<Option<i64>> = rows(&mut session, &sql).await?;
        let asked = stages.asked.load(Ordering::SeqCst);
        let director = match found.as_slice() {
            [None] => false,
            [Some(found)] if *found == sum => true,
            other => anyhow::bail!("between stages: {other:?}, not {sum}"),
        };
        last = stage(last, asked, |stage| (stage != 2) == director)
            .with_context(|| format!("back before stage {last} of {asked}: director {director}"))?;

        let sql = format!(
            "SELECT COUNT(s.sid), CAST(SUM(s.w * o.v) AS SIGNED) FROM {database}.Object o JOIN {database}.Source s ON s.id = o.id"
        );
        let found: Vec<(u64, Option<i64>)> = rows(&mut session, &sql).await?;
        let asked = stages.asked.load(Ordering::SeqCst);
        let both = match found.as_slice() {
            [(0, None)] => false,
            [(count, Some(found))] if (*count, *found) == (ROWS * 2, sum * 2) => true,
            other => anyhow::bail!(
                "between stages: {other:?}, not {} and {}",
                ROWS * 2,
                sum * 2
            ),
        };
        last = stage(last, asked, |stage| (stage == 0) == both)
            .with_context(|| format!("back before stage {last} of {asked}: join {both}"))?;
        answers += 2;
    }
    Ok(answers)
}

/// Two czars serve these sessions (the proxy spreads them); each sees old or new, never between,
/// and never goes back.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the demo"]
async fn while_director_and_child_go_and_come_every_session_sees_whole_stages_in_order()
-> Result<()> {
    const SESSIONS: usize = 12;
    const ROUNDS: usize = 5;
    let own = family("stages").await?;
    let stages = Arc::new(Stages {
        asked: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let watching: Vec<_> = (0..SESSIONS)
        .map(|_| tokio::spawn(watch(own.database(), stages.clone())))
        .collect();
    let driven = async {
        for _ in 0..ROUNDS {
            for (name, table, revoked) in [
                ("sources", "Source", true),
                ("objects", "Object", true),
                ("objects", "Object", false),
                ("sources", "Source", false),
            ] {
                stages.asked.fetch_add(1, Ordering::SeqCst);
                own.set_revoked(name, table, 0, revoked).await?;
            }
        }
        Ok::<_, anyhow::Error>(())
    };
    let driven = driven.await;
    stages.over.store(true, Ordering::SeqCst);
    let mut answers = 0;
    for session in watching {
        answers += session.await??;
    }
    driven?;
    assert!(
        answers > (SESSIONS * ROUNDS) as u64,
        "only {answers} answers were looked at"
    );
    let found = totals(&mut session().await?, &own.database()).await?;
    let sum = (0..ROWS as i64).sum::<i64>();
    assert_eq!(found, (Some(sum), ROWS * 2, Some(sum * 2)));
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn an_ingest_whose_table_is_deleted_ends_says_so_and_leaves_nothing() -> Result<()> {
    let own = Own::new("deleted_target").await?;
    own.director().await?;
    own.file("first", &objects(0, 200_000)).await?;
    own.declare("first", "Object", 0, false).await?;
    let begun = |status: &serde_json::Value| {
        matches!(
            status["phase"].as_str(),
            Some("Load" | "Seal" | "Visible" | "Failed")
        )
    };
    let status = own.status_when("first", TIMEOUT, begun).await?;
    assert_eq!(
        status["phase"], "Load",
        "it was too fast to be disturbed: {status}"
    );
    let attempt = status["attempt"].as_u64().context("no attempt")?;
    own.delete_table("Object").await?;
    let status = own.ended("first", TIMEOUT).await?;
    assert_eq!(status["phase"], "Failed", "{status}");
    assert!(
        message(&status).contains("was deleted"),
        "{}",
        message(&status)
    );
    // What it had loaded goes with it.
    let staged = format!("SHOW DATABASES LIKE '{}'", staging_database(attempt));
    for worker in own.archive.ready_pods("worker").await? {
        let worker = worker.name_any();
        eventually(
            &format!("nothing of attempt {attempt} on {worker}"),
            async || Ok(on_worker(&worker, &staged).await?.is_empty().then_some(())),
        )
        .await?;
    }
    own.remove().await
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn an_ingest_declared_with_a_table_made_again_goes_into_the_new_one() -> Result<()> {
    let own = Own::new("made_again").await?;
    own.director().await?;
    visible(&own, "round0", "Object", &objects(0, ROWS)).await?;
    for (round, name) in (1..).zip(["round1", "round2", "round3"]) {
        own.file(name, &objects(round, ROWS)).await?;
        own.delete_table("Object").await?;
        let (table, ingest) = tokio::join!(own.director(), own.declare(name, "Object", 0, false));
        table?;
        ingest?;
        let status = own.ended(name, TIMEOUT).await?;
        assert_eq!(status["phase"], "Visible", "{status}");
        let sql = format!("SELECT MIN(id) FROM {}.Object", own.database());
        let found: Vec<u64> = rows(&mut session().await?, &sql).await?;
        assert_eq!(found, [round]);
    }
    own.remove().await
}
