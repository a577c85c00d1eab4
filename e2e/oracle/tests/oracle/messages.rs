//! Errors of workers and of the shadow server name what users know: never a physical database or
//! table, nor the merge's.

use orrery_oracle::client::{Session, ask_czar, ask_plain};
use orrery_oracle::data::tables;
use orrery_oracle::site::Site;
use orrery_wire::Format;
use orrery_wire::value::TextCells;

use crate::pair::Pair;

/// Statements that fail on workers, in MariaDB's own words.
const ON_WORKERS: &[&str] = &[
    "SELECT tiny - 18446744073709551615 FROM Object",
    "SELECT tiny - 300 FROM Object WHERE tiny < 300",
    "SELECT o.tiny - 300, s.sourceId FROM Object o JOIN Source s ON o.objectId = s.objectId",
    "SELECT EXP(objectId) FROM Object",
    "SELECT SUM(objectId * 9000000000) FROM Object",
    "SELECT COUNT(*) FROM Object GROUP BY tiny - 300",
    "SELECT objectId FROM Object ORDER BY tiny - 300",
    "SELECT filterId - 18446744073709551615 FROM Filter",
];
/// Statements that fail at the merge.
const AT_THE_MERGE: &[&str] = &[
    "SELECT COUNT(*) * 9223372036854775807 FROM Object WHERE tiny >= 0",
    "SELECT tiny, EXP(COUNT(*) * 1000) FROM Object GROUP BY tiny",
];

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_what_users_know() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(100), Session::ANN).await;
    for format in [Format::Text, Format::Binary] {
        for sql in ON_WORKERS {
            let given = ask_czar(&mut czar, Session::ANN, format, sql).await;
            let right = ask_plain(&mut plain, format, sql).await;
            let (given, right) = (given.unwrap().unwrap_err(), right.unwrap().unwrap_err());
            assert_eq!(given, right, "{sql}");
        }
        for sql in AT_THE_MERGE {
            let given = ask_czar(&mut czar, Session::ANN, format, sql).await;
            let right = ask_plain(&mut plain, format, sql).await;
            let (given, right) = (given.unwrap().unwrap_err(), right.unwrap().unwrap_err());
            assert_eq!(given.code, right.code, "{sql}: {given}");
            assert!(!given.message.contains("orrery"), "{sql}: {given}");
        }
    }
    drop_tables(&site).await;
    let given = ask_czar(
        &mut czar,
        Session::ANN,
        Format::Text,
        "SELECT run FROM Object",
    )
    .await;
    let message = given.unwrap().unwrap_err().message;
    assert!(
        message.contains("'sky.Object' doesn't exist") && !message.contains("__"),
        "{message}"
    );
}

/// Drops every physical table of Object.
async fn drop_tables(site: &Site) {
    const TABLES: &[u8] = b"SELECT CONCAT('`', table_schema, '`.`', table_name, '`') \
        FROM information_schema.tables WHERE table_schema LIKE 'sky\\_\\_%' AND table_name LIKE 'Object\\_%'";
    for worker in site.stack.workers.values() {
        let mut root = worker.root().await.unwrap();
        let (_, rows) = root.query_all(TABLES).await.unwrap();
        for row in &rows {
            let name = TextCells::new(row).next().unwrap().unwrap().unwrap();
            let name = String::from_utf8(name.to_vec()).unwrap();
            root.run(format!("DROP TABLE {name}").as_bytes())
                .await
                .unwrap();
        }
    }
}
