//! Gather: one server runs the statement over its tables. It is the oracle of what the chunks
//! compute, has limits, and leaves nothing behind.

use std::time::{Duration, Instant};

use orrery_oracle::client::{Session, ask_czar, ask_plain, ask_question};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{gathered, queries};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::client::{ClientConnection, ClientError};
use orrery_wire::{Format, Value};

use crate::pair::Pair;

/// How long what is left of a statement may take to go.
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chunks_compute_is_what_one_server_computes_over_gathered_tables() {
    let Pair {
        site: _site,
        mut czar,
        mut plain,
    } = Pair::start(tables(160), Session::STRICT).await;
    let mut wrong = Vec::new();
    for mut query in queries() {
        let question = orrery_czar_protocol::Question {
            gather: true,
            ..Session::STRICT.question()
        };
        query.loose_flags = true;
        let given = ask_question(&mut czar, question, &query.sql).await.unwrap();
        let right = ask_plain(&mut plain, Format::Text, &query.plain)
            .await
            .unwrap();
        wrong.extend(
            difference(&query, &given, &right).map(|what| format!("{}: {what}", query.sql)),
        );
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_what_is_gathered_and_why() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let corpus = gathered();
    assert!(corpus.len() >= 60, "{}", corpus.len());
    let mut wrong = Vec::new();
    for query in corpus {
        let explained = format!("EXPLAIN {}", query.sql);
        let outcome = ask_czar(&mut czar, Session::STRICT, Format::Text, &explained).await;
        let Ok(answer) = outcome.unwrap() else {
            continue;
        };
        let lines: Vec<String> = answer
            .rows
            .iter()
            .map(|row| row.iter().map(|value| value.as_sql(true)).collect())
            .collect();
        let text = lines.join("\n");
        let parts = ["gather: the tables", "not in the chunks", "fetched", "rows"];
        if !parts.iter().all(|part| text.contains(part)) {
            wrong.push(format!("{}\n{text}", query.sql));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sessions that hold gathered tables.
async fn sessions(site: &Site) -> usize {
    let mut root = site.stack.shadow.root().await.unwrap();
    let sql = b"SELECT id FROM information_schema.processlist WHERE user = 'orrery_gather'";
    root.query_all(sql).await.unwrap().1.len()
}

async fn wait_for_sessions(site: &Site, some: bool) {
    let begun = Instant::now();
    while (sessions(site).await > 0) != some {
        assert!(begun.elapsed() < TIMEOUT, "sessions: {}", !some);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gather_above_its_limit_is_an_error_with_figures_and_leaves_nothing() {
    let flags = ["--gather-bytes=120000", "--gathers=1"];
    let site = Site::start(SHAPE, &tables(3000).unwrap(), &flags)
        .await
        .unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    // Too much for sure; and too much as it turns out.
    for (sql, figure) in [
        (
            "SELECT COUNT(*) FROM (SELECT DISTINCT * FROM Object) x",
            "120000",
        ),
        (
            "SELECT GROUP_CONCAT(LENGTH(note)) FROM Object WHERE tiny >= 0",
            "120000",
        ),
    ] {
        for _ in 0..3 {
            let error = ask_czar(&mut czar, Session::ANN, Format::Text, sql)
                .await
                .unwrap()
                .unwrap_err();
            assert_eq!(error.code, 1114, "{error}");
            assert!(error.message.contains(figure), "{error}");
            assert!(error.message.contains("say in WHERE"), "{error}");
        }
    }
    wait_for_sessions(&site, false).await;
    let small = "SELECT COUNT(*) FROM (SELECT tiny FROM Object) x";
    let answer = ask_czar(&mut czar, Session::ANN, Format::Text, small).await;
    assert_eq!(
        answer.unwrap().unwrap().rows,
        [[Value::Bytes(b"3000".to_vec())]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gather_that_is_killed_or_that_no_client_waits_for_leaves_nothing() {
    let site = Site::start(SHAPE, &tables(3000).unwrap(), &["--gathers=1"])
        .await
        .unwrap();
    for long in [
        // While rows are fetched.
        "SELECT GROUP_CONCAT(tiny) FROM Object WHERE SHA2(REPEAT(objectId, 1000000), 512) <> ''",
        // While the statement runs.
        "SELECT COUNT(*) FROM Object a, Object b, Object c WHERE a.tiny + b.tiny + c.tiny > RAND()",
    ] {
        for is_killed in [true, false] {
            let mut czar = site.connect_czar().await.unwrap();
            let id = czar.connection_id();
            let task: tokio::task::JoinHandle<Result<(), ClientError>> = tokio::spawn(async move {
                let attributes = Session::ANN.question().attributes();
                czar.query_with_attributes(long.as_bytes(), &attributes)
                    .await?;
                czar.drain().await
            });
            wait_for_sessions(&site, true).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(!task.is_finished(), "{long}");
            if is_killed {
                let mut side: ClientConnection = site.connect_czar().await.unwrap();
                side.run(format!("KILL QUERY {id}").as_bytes())
                    .await
                    .unwrap();
                let error = task.await.unwrap().unwrap_err();
                let code = error.server_error().map(|error| error.code);
                assert_eq!(code, Some(1317), "{error}");
            } else {
                task.abort();
                let _ = task.await;
            }
            wait_for_sessions(&site, false).await;
            super::cancel::wait_for_running(&site, false).await;
        }
    }
    let mut czar = site.connect_czar().await.unwrap();
    let again = "SELECT GROUP_CONCAT(tiny) IS NULL FROM Object";
    assert!(
        ask_czar(&mut czar, Session::ANN, Format::Text, again)
            .await
            .unwrap()
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_those_of_the_user() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    for (user, database, sql, code) in [
        ("bob", "", "SELECT GROUP_CONCAT(tiny) FROM sky.Object", 1142),
        (
            "eve",
            "",
            "SELECT 1 WHERE 1 IN (SELECT tiny FROM sky.Object)",
            1142,
        ),
        (
            "orrery_gather",
            "",
            "SELECT GROUP_CONCAT(tiny) FROM sky.Object",
            1045,
        ),
    ] {
        let session = Session {
            user,
            database,
            ..Session::ANN
        };
        let error = ask_czar(&mut czar, session, Format::Text, sql)
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.code, code, "{user}: {error}");
    }
    // The account of gathers may read no table that it did not make.
    let mut root = site.stack.shadow.root().await.unwrap();
    let (_, grants) = root
        .query_all(b"SHOW GRANTS FOR orrery_gather@localhost")
        .await
        .unwrap();
    let text: Vec<String> = grants
        .iter()
        .map(|row| String::from_utf8_lossy(row).into_owned())
        .collect();
    let text = text.join("\n");
    assert!(text.contains("CREATE TEMPORARY TABLES ON"), "{text}");
    assert!(!text.contains("SELECT"), "{text}");
}
