//! Rights, settings and limits: each statement gets its own answer.

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_czar_protocol::Question;
use orrery_oracle::client::{Outcome, Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Format;
use orrery_wire::client::ClientConnection;

async fn ask(czar: &mut ClientConnection, session: Session, sql: &str) -> Outcome {
    ask_czar(czar, session, Format::Text, sql).await.unwrap()
}

fn code(outcome: Outcome) -> Option<u16> {
    outcome.err().map(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_of_two_users_databases_and_time_zones_gets_each_its_own_answer() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let (bob, eve) = (
        Session {
            user: "bob",
            ..Session::ANN
        },
        Session {
            user: "eve",
            database: "",
            ..Session::ANN
        },
    );
    let count = "SELECT COUNT(*) FROM sky.Object";
    for _ in 0..2 {
        assert!(ask(&mut czar, Session::ANN, count).await.is_ok());
        assert_eq!(
            code(ask(&mut czar, bob, count).await),
            Some(1044),
            "no right to the default database"
        );
        assert_eq!(
            code(ask(&mut czar, eve, count).await),
            Some(1142),
            "no right to the table"
        );
    }
    let nobody = Session {
        user: "nobody",
        ..Session::ANN
    };
    assert_eq!(code(ask(&mut czar, nobody, count).await), Some(1045));
    let unqualified = "SELECT COUNT(*) FROM Object";
    assert!(ask(&mut czar, Session::ANN, unqualified).await.is_ok());
    assert_eq!(
        code(
            ask(
                &mut czar,
                Session {
                    database: "",
                    ..Session::ANN
                },
                unqualified
            )
            .await
        ),
        Some(1046)
    );
    let seen = "SELECT seen FROM Object WHERE seen IS NOT NULL ORDER BY objectId LIMIT 1";
    let utc = ask(&mut czar, Session::ANN, seen).await.unwrap().rows;
    let east = ask(
        &mut czar,
        Session {
            time_zone: "+03:00",
            ..Session::ANN
        },
        seen,
    )
    .await
    .unwrap()
    .rows;
    assert_ne!(utc, east);
    assert_eq!(
        ask(&mut czar, Session::ANN, seen).await.unwrap().rows,
        utc,
        "settings do not stay on a connection"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_taken_away_and_a_table_that_is_gone_are_noticed() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let sql = "SELECT COUNT(ra) FROM Object";
    assert!(ask(&mut czar, Session::ANN, sql).await.is_ok());
    let mut users = site.users.clone();
    users.users.get_mut("ann").unwrap().databases.clear();
    site.stack.publish(&site.archive.catalog, &users).unwrap();
    while ask(&mut czar, Session::ANN, sql).await.is_ok() {}
    assert_eq!(
        code(
            ask(
                &mut czar,
                Session {
                    database: "",
                    ..Session::ANN
                },
                "SELECT COUNT(ra) FROM sky.Object"
            )
            .await
        ),
        Some(1142)
    );

    let mut catalog: Catalog = site.archive.catalog.clone();
    catalog.epochs.data += 1;
    catalog.tables.remove(&TableKey::new("sky", "Source"));
    site.stack.publish(&catalog, &site.users).unwrap();
    let gone = "SELECT COUNT(mjd) FROM Source";
    while code(ask(&mut czar, Session::ANN, gone).await) != Some(1146) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_a_limit_or_a_full_spool_are_errors_that_name_the_limit() {
    let flags = ["--spool-memory=20000", "--spool-disk=100000"];
    let site = Site::start(SHAPE, &tables(3000).unwrap(), &flags)
        .await
        .unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let attributes = |limit: u64| {
        let question = Question {
            max_rows: Some(limit),
            ..Session::ANN.question()
        };
        question.attributes()
    };
    let sql = b"SELECT objectId FROM Object LIMIT 100";
    czar.query_with_attributes(sql, &attributes(100))
        .await
        .unwrap();
    czar.drain().await.unwrap();
    czar.query_with_attributes(sql, &attributes(99))
        .await
        .unwrap();
    let error = czar.drain().await.unwrap_err();
    assert_eq!(
        error.server_error().map(|error| error.code),
        Some(1317),
        "{error}"
    );
    assert!(error.to_string().contains("99 rows"), "{error}");

    let gathered =
        "SELECT note, name, COUNT(*) FROM Object GROUP BY objectId, note, name ORDER BY 1";
    let error = ask(&mut czar, Session::ANN, gathered).await.unwrap_err();
    assert_eq!(error.code, 1114, "{error}");
    assert!(error.message.contains("100000 bytes"), "{error}");
    let all = ask(&mut czar, Session::ANN, "SELECT objectId FROM Object")
        .await
        .unwrap();
    assert_eq!(all.rows.len(), 3000, "the spool is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_czar_that_is_behind_its_client_waits_and_then_says_so() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    let question = Question {
        min_data_epoch: 2,
        ..Session::ANN.question()
    };
    let error = czar
        .query_with_attributes(b"SELECT 1", &question.attributes())
        .await
        .unwrap_err();
    assert_eq!(
        error.server_error().map(|error| error.code),
        Some(1297),
        "{error}"
    );
    let mut catalog = site.archive.catalog.clone();
    catalog.epochs.data = 2;
    site.stack.publish(&catalog, &site.users).unwrap();
    czar.query_with_attributes(b"SELECT 1", &question.attributes())
        .await
        .unwrap();
    czar.drain().await.unwrap();
}
