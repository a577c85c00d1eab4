//! The same text in other hands: default database, time zone, user and protocol each decide the
//! answer, however many ask at once.

use std::sync::Arc;

use orrery_dev::archive::{Declaration, TableData};
use orrery_oracle::client::{Outcome, ask_plain};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::{Site, connect_proxy};
use orrery_wire::Format;
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint};
use rand::seq::SliceRandom;

/// Texts that mean something else in each hand.
const TEXTS: [&str; 9] = [
    "SELECT objectId, seen, mag, kind FROM Object",
    "SELECT COUNT(*) FROM Object",
    "SELECT objectId, seen FROM Object WHERE objectId = 390030275138003",
    "SELECT seen, COUNT(*), MIN(mag) FROM Object GROUP BY seen ORDER BY seen",
    "SELECT MAX(seen), HOUR(MIN(seen)), COUNT(DISTINCT name) FROM Object WHERE seen > '2026-10-25 01:00:00'",
    "SELECT o.objectId, s.sourceId FROM Object o JOIN Source s USING (objectId)",
    "SELECT COUNT(*), MIN(seen) FROM sky.Object",
    "SELECT COUNT(*) = SUM(CONVERT_TZ('2026-07-01 12:00:00', 'UTC', 'Europe/Berlin') = '2026-07-01 14:00:00') FROM Object",
    "SELECT seen, CONVERT_TZ(seen, 'Europe/Berlin', 'Asia/Tokyo'), CONVERT_TZ(day, 'UTC', 'America/New_York') FROM Object",
];
const DATABASES: [&str; 2] = ["sky", "other"];
const TIME_ZONES: [&str; 3] = ["+00:00", "+05:30", "Europe/Berlin"];
/// `ann` may read both databases, `eve` only `other`.
const USERS: [&str; 2] = ["ann", "eve"];
const PROTOCOLS: [Format; 2] = [Format::Text, Format::Binary];
/// How often each hand asks each text.
const ROUNDS: usize = 4;

/// Whose hands.
#[derive(Clone, Copy, Debug)]
struct Hands {
    database: &'static str,
    time_zone: &'static str,
    user: &'static str,
    protocol: Format,
}

fn all_hands() -> Vec<Hands> {
    let mut all = Vec::new();
    for database in DATABASES {
        for time_zone in TIME_ZONES {
            for user in USERS {
                for protocol in PROTOCOLS {
                    all.push(Hands {
                        database,
                        time_zone,
                        user,
                        protocol,
                    });
                }
            }
        }
    }
    all
}

/// The tables of `sky`, and tables of the same names in `other` with other rows.
fn both_databases() -> Vec<TableData> {
    let mut all = tables(60).unwrap();
    for mut table in tables(25).unwrap() {
        match &mut table.declaration {
            Declaration::Chunked(spec) => "other".clone_into(&mut spec.database),
            Declaration::Reference(spec) => "other".clone_into(&mut spec.database),
        }
        all.push(table);
    }
    all
}

/// Takes these hands.
async fn take(connection: &mut ClientConnection, hands: Hands) {
    let set = format!("SET time_zone = '{}'", hands.time_zone);
    connection.run(set.as_bytes()).await.unwrap();
    // A user without rights to it has no default database then, at either side.
    let used = connection.init_db(hands.database).await;
    assert_eq!(
        used.is_err(),
        hands.user == "eve" && hands.database == "sky",
        "{hands:?}"
    );
}

async fn plain(site: &Site, user: &str) -> ClientConnection {
    let options = ClientOptions {
        user: user.to_owned(),
        ..ClientOptions::default()
    };
    ClientConnection::connect(&Endpoint::Unix(site.plain.socket()), &options)
        .await
        .unwrap()
}

fn query(sql: &str) -> Query {
    Query {
        order: Order::Any,
        approximate: false,
        loose_flags: true,
        sql: sql.to_owned(),
        plain: sql.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_gives_each_its_own_answer_whoever_asks_at_the_same_time() {
    let site = Site::start(SHAPE, &both_databases(), &[]).await.unwrap();
    site.plain
        .run_all([
            "GRANT SELECT ON other.* TO ann@localhost",
            "CREATE USER eve@localhost",
            "GRANT SELECT ON other.* TO eve@localhost",
        ])
        .await
        .unwrap();
    let mut right: Vec<Vec<Outcome>> = Vec::new();
    for hands in all_hands() {
        let mut connection = plain(&site, hands.user).await;
        take(&mut connection, hands).await;
        let mut answers = Vec::new();
        for sql in TEXTS {
            answers.push(
                ask_plain(&mut connection, hands.protocol, sql)
                    .await
                    .unwrap(),
            );
        }
        right.push(answers);
    }
    for (text, sql) in TEXTS.iter().enumerate().take(5) {
        for (number, hands) in all_hands().iter().enumerate() {
            let is_allowed = hands.user == "ann" || hands.database == "other";
            assert_eq!(right[number][text].is_ok(), is_allowed, "{hands:?}: {sql}");
        }
    }

    let proxy = site.start_proxy(&[&site.czar]).await.unwrap();
    let right = Arc::new(right);
    let asking = all_hands().into_iter().enumerate().map(|(number, hands)| {
        let (proxy, right) = (proxy.clone(), right.clone());
        tokio::spawn(async move {
            let mut connection = connect_proxy(&proxy, hands.user, None).await.unwrap();
            take(&mut connection, hands).await;
            let mut order: Vec<usize> = (0..TEXTS.len() * ROUNDS)
                .map(|at| at % TEXTS.len())
                .collect();
            order.shuffle(&mut rand::rng());
            let mut wrong = Vec::new();
            for text in order {
                let given = ask_plain(&mut connection, hands.protocol, TEXTS[text])
                    .await
                    .unwrap();
                let found = difference(&query(TEXTS[text]), &given, &right[number][text]);
                wrong.extend(found.map(|found| format!("{hands:?}: {}\n    {found}", TEXTS[text])));
            }
            wrong
        })
    });
    let mut wrong = Vec::new();
    for asking in futures::future::join_all(asking).await {
        wrong.extend(asking.unwrap());
    }
    assert!(
        wrong.is_empty(),
        "{} answers differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// One session that changes hands between two askings of the same text.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_of_a_session_that_changes_its_settings_gives_the_answer_of_the_new_ones() {
    let site = Site::start(SHAPE, &both_databases(), &[]).await.unwrap();
    site.plain
        .run_all(["GRANT SELECT ON other.* TO ann@localhost"])
        .await
        .unwrap();
    let proxy = site.start_proxy(&[&site.czar]).await.unwrap();
    let mut through = connect_proxy(&proxy, "ann", None).await.unwrap();
    let mut direct = plain(&site, "ann").await;
    for _ in 0..2 {
        for hands in all_hands().into_iter().filter(|hands| hands.user == "ann") {
            take(&mut through, hands).await;
            take(&mut direct, hands).await;
            for sql in TEXTS {
                let given = ask_plain(&mut through, hands.protocol, sql).await.unwrap();
                let right = ask_plain(&mut direct, hands.protocol, sql).await.unwrap();
                assert_eq!(
                    difference(&query(sql), &given, &right),
                    None,
                    "{hands:?}: {sql}"
                );
            }
        }
    }
}
