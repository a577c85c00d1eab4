//! Exact numbers stay exact where sums get longer than the longest DECIMAL.

use orrery_oracle::client::{Session, ask_czar, ask_plain};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_oracle::fuzz::extreme::tables;
use orrery_wire::Format;

use crate::pair::Pair;

/// Sums of 65 digits and more, of DECIMAL(65,30) and DECIMAL(65,0), over several chunks.
const SUMS: &[&str] = &[
    "SELECT SUM(e1.whole) FROM Extreme e1",
    "SELECT SUM(e1.wide), COUNT(*) FROM Object o1 LEFT JOIN Extreme e1 ON o1.objectId = e1.objectId",
    "SELECT SUM(ABS(e1.wide - 1.25)) FROM Extreme e1 WHERE e1.lone",
    "SELECT AVG(wide), AVG(whole), SUM(whole + 1), SUM(wide - 1.25), AVG(wide - 1.25) FROM Extreme",
    "SELECT SUM(wide) / 7, ROUND(SUM(whole), -3), SUM(wide) > 5, CONCAT(SUM(whole)) FROM Extreme",
    "SELECT MAX(wide), MIN(whole), COUNT(DISTINCT wide), SUM(DISTINCT whole), AVG(DISTINCT wide) FROM Extreme",
    "SELECT whole + 1, extremeId FROM Extreme",
];
/// Sums per group, by one key.
const BY_KIND: &str = "SELECT SUM(e1.wide), AVG(e1.wide), SUM(e1.whole), AVG(e1.whole), COUNT(*) FROM Extreme e1 JOIN Object o1 ON e1.objectId = o1.objectId";

async fn compare(pairs: &[(String, String)]) {
    let Pair {
        site: _site,
        mut czar,
        mut plain,
    } = Pair::start(tables(160), Session::ANN).await;
    let mut wrong = Vec::new();
    for format in [Format::Text, Format::Binary] {
        for (sql, plain_sql) in pairs {
            let given = ask_czar(&mut czar, Session::ANN, format, sql)
                .await
                .unwrap();
            let right = ask_plain(&mut plain, format, plain_sql).await.unwrap();
            let rows = right.as_ref().map(|answer| answer.rows.len());
            assert!(rows.is_ok_and(|rows| rows > 0), "{plain_sql}");
            let query = Query {
                sql: sql.clone(),
                plain: plain_sql.clone(),
                order: Order::Any,
                approximate: false,
                loose_flags: true,
            };
            wrong.extend(difference(&query, &given, &right).map(|what| format!("{sql}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_longer_than_the_longest_decimal_are_those_of_one_server() {
    let pairs: Vec<_> = SUMS
        .iter()
        .map(|sql| ((*sql).to_owned(), (*sql).to_owned()))
        .collect();
    compare(&pairs).await;
}

/// One server clips the sums of groups to 65 digits in its temporary table: it is asked for one
/// group at a time.
#[tokio::test(flavor = "multi_thread")]
async fn sums_of_groups_are_as_long_as_sums_of_all_rows() {
    let pairs = ["star", "galaxy", "agn"].map(|kind| {
        (
            format!("{BY_KIND} GROUP BY o1.kind HAVING o1.kind = '{kind}'"),
            format!("{BY_KIND} WHERE o1.kind = '{kind}'"),
        )
    });
    compare(&pairs).await;
}
