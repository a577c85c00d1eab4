//! The contract (docs/design/query.md#the-contract): for every SELECT that is taken, the answer of
//! one plain MariaDB over the same rows: rows, order where it is defined, NULLs, names, types,
//! flags, lengths, in the text and in the binary protocol.

use orrery_oracle::client::{Session, ask_czar, ask_plain, set};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::queries;
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Format;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_that_of_one_plain_server() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &[])
        .await
        .unwrap();
    let elsewhere = Session {
        time_zone: "+05:30",
        sql_mode: "",
        collation: "utf8mb4_unicode_ci",
        ..Session::STRICT
    };
    let old_client = Session {
        time_zone: "-08:00",
        collation: "latin1_swedish_ci",
        ..Session::STRICT
    };
    let runs = [
        (Format::Text, Session::STRICT),
        (Format::Binary, Session::STRICT),
        (Format::Text, elsewhere),
        (Format::Text, old_client),
    ];
    let queries = queries();
    assert!(queries.len() >= 60, "{} queries", queries.len());
    let mut failures = Vec::new();
    for (protocol, session) in runs {
        let (mut czar, mut plain) = (
            site.connect_czar().await.unwrap(),
            site.connect_plain().await.unwrap(),
        );
        set(&mut plain, session).await.unwrap();
        for query in &queries {
            if session.collation.starts_with("latin1") && !query.sql.is_ascii() {
                continue;
            }
            let given = ask_czar(&mut czar, session, protocol, &query.sql)
                .await
                .unwrap();
            let right = ask_plain(&mut plain, protocol, &query.plain).await.unwrap();
            if let Some(difference) = difference(query, &given, &right) {
                failures.push(format!(
                    "{protocol:?}, {}: {}\n    {difference}",
                    session.time_zone, query.sql
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} answers differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
