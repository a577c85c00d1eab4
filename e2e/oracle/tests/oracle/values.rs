//! Values travel as they are: through joined statements, through merges, and under one clock.

use std::time::Duration;

use orrery_oracle::client::{Session, ask_czar, ask_plain};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::client::Response;
use orrery_wire::{Format, Value};

use crate::pair::Pair;

/// Results whose values leave the range of the type that their digits suggest. Not as keys of
/// groups: there one MariaDB clips them, too.
const BEYOND_THEIR_DIGITS: &[&str] = &[
    "SELECT objectId, ROUND(flux * 1e30, 2) FROM Object",
    "SELECT objectId, FLOOR(flux * 1e30) FROM Object",
    "SELECT objectId, FLOOR(flux * 1e30) FROM Object ORDER BY objectId",
    "SELECT MAX(FLOOR(POW(10, 20 + tiny / 100))), MAX(POW(10, 20)) FROM Object",
    "SELECT SUM(FLOOR(objectId * 1e15)) FROM Object",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_its_columns_type_cannot_hold_is_right_or_an_error() {
    let Pair {
        site: _site,
        mut czar,
        mut plain,
    } = Pair::start(tables(160), Session::ANN).await;
    let mut wrong = Vec::new();
    for format in [Format::Text, Format::Binary] {
        for sql in BEYOND_THEIR_DIGITS {
            let given = ask_czar(&mut czar, Session::ANN, format, sql)
                .await
                .unwrap();
            let right = ask_plain(&mut plain, format, sql).await.unwrap();
            let query = Query {
                sql: (*sql).to_owned(),
                plain: (*sql).to_owned(),
                order: Order::Any,
                approximate: true,
                loose_flags: false,
            };
            match &given {
                Err(error) if error.message.contains("cannot be carried exactly") => {}
                _ => wrong.extend(
                    difference(&query, &given, &right).map(|what| format!("{sql}: {what}")),
                ),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_statements_of_a_query_see_one_time() {
    let site = Site::start(SHAPE, &tables(60).unwrap(), &[]).await.unwrap();
    let mut czar = site.connect_czar().await.unwrap();
    for sql in [
        "SELECT NOW(6) = MAX(NOW(6)), MIN(NOW(6)) = MAX(NOW(6)) FROM Object",
        "SELECT DISTINCT MAX(NOW(6)) = NOW(6), MIN(UTC_TIMESTAMP(6)) = UTC_TIMESTAMP(6) FROM Object GROUP BY kind",
    ] {
        let answer = ask_czar(&mut czar, Session::ANN, Format::Text, sql)
            .await
            .unwrap()
            .unwrap();
        let one = || Value::Bytes(b"1".to_vec());
        assert_eq!(answer.rows, [[one(), one()]], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_a_merged_result_holds_up_no_other_merge() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &["--merges=1"])
        .await
        .unwrap();
    let (mut slow, mut quick) = (
        site.connect_czar().await.unwrap(),
        site.connect_czar().await.unwrap(),
    );
    // More bytes than the sockets between take.
    let sql = "SELECT DISTINCT objectId, REPEAT('x', 200000) FROM Object ORDER BY objectId";
    let begun = slow
        .query_with_attributes(sql.as_bytes(), &Session::ANN.question().attributes())
        .await
        .unwrap();
    assert!(matches!(begun, Response::Rows(_)));
    let merged = ask_czar(
        &mut quick,
        Session::ANN,
        Format::Text,
        "SELECT DISTINCT name FROM Object ORDER BY name",
    );
    let merged = tokio::time::timeout(Duration::from_secs(30), merged).await;
    assert!(merged.expect("the merge waits").unwrap().is_ok());
}
