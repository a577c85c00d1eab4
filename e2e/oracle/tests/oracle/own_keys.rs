//! Long lists of keys: each chunk is asked for its own keys alone, in statements of bounded length.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::names::ChunkId;
use orrery_oracle::client::{Outcome, Session, ask_czar, ask_plain};
use orrery_oracle::compare::difference;
use orrery_oracle::corpus::{Order, Query};
use orrery_oracle::data::tables;
use orrery_oracle::evidence;
use orrery_wire::Format;

use crate::pair::Pair;

/// Keys that the statements list; 400 of them have rows.
const KEYS: i64 = 20_000;
/// Below it lies the first key that has rows.
const FIRST: i64 = 390_030_275_137_000;
/// Most bytes that one statement may have, whatever the list.
const LONGEST: usize = 300 << 10;

fn list() -> String {
    let keys: Vec<String> = (FIRST..FIRST + KEYS).map(|key| key.to_string()).collect();
    keys.join(", ")
}

fn cases(keys: &str) -> Vec<(String, bool)> {
    let plain = |sql: &str| (sql.replace("{keys}", keys), false);
    vec![
        plain("SELECT objectId, run, price FROM Object WHERE objectId IN ({keys})"),
        plain(
            "SELECT COUNT(*), SUM(price), MAX(run) FROM Object WHERE objectId IN ({keys}) AND tiny < 200",
        ),
        plain(
            "SELECT tiny, COUNT(*), COUNT(DISTINCT run) FROM Object WHERE objectId IN ({keys}) GROUP BY tiny",
        ),
        plain("SELECT objectId, sourceId FROM Source WHERE objectId IN ({keys}) AND filterId = 2"),
        plain(
            "SELECT o.objectId, s.sourceId FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId \
             WHERE o.objectId IN ({keys})",
        ),
        plain(
            "SELECT COUNT(*) FROM Object o JOIN Source s ON o.objectId = s.objectId AND s.objectId IN ({keys}) \
             WHERE o.objectId IN ({keys})",
        ),
        (
            format!(
                "SELECT objectId FROM Object WHERE objectId IN ({keys}) ORDER BY price, objectId LIMIT 7"
            ),
            true,
        ),
    ]
}

fn difference_of(sql: &str, is_ordered: bool, given: &Outcome, right: &Outcome) -> Option<String> {
    let query = Query {
        order: if is_ordered { Order::Fixed } else { Order::Any },
        approximate: false,
        loose_flags: true,
        sql: sql.to_owned(),
        plain: sql.to_owned(),
    };
    difference(&query, given, right)
}

/// Keys that statements over a chunk's tables name, by chunk.
fn keys_by_chunk<'a>(
    statements: impl Iterator<Item = &'a String>,
) -> BTreeMap<ChunkId, BTreeSet<i64>> {
    let mut named: BTreeMap<ChunkId, BTreeSet<i64>> = BTreeMap::new();
    for one in statements.flat_map(|sql| sql.split(" UNION ALL ")) {
        let Some((_, table)) = evidence::tables(one)
            .into_iter()
            .find(|(database, _)| database.starts_with("sky__"))
        else {
            continue;
        };
        let chunk = table.split('_').nth(1).unwrap().parse().unwrap();
        let keys = one
            .split(|character: char| !character.is_ascii_digit())
            .filter(|digits| digits.len() == 15)
            .map(|digits| digits.parse::<i64>().unwrap());
        named.entry(chunk).or_default().extend(keys);
    }
    named
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_is_asked_for_its_own_keys_in_bounded_bytes() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(400), Session::ANN).await;
    let keys = list();
    for (sql, is_ordered) in cases(&keys) {
        let start = sql.chars().take(70).collect::<String>();
        evidence::begin(&site).await.unwrap();
        let given = ask_czar(&mut czar, Session::ANN, Format::Text, &sql)
            .await
            .unwrap();
        let asked = evidence::statements(&site).await.unwrap();
        let right = ask_plain(&mut plain, Format::Text, &sql).await.unwrap();
        assert!(!right.as_ref().unwrap().rows.is_empty(), "{start}");
        assert_eq!(
            difference_of(&start, is_ordered, &given, &right),
            None,
            "{start}"
        );

        let asked: Vec<&String> = asked.values().flatten().collect();
        let longest = asked.iter().map(|sql| sql.len()).max().unwrap();
        assert!(longest < LONGEST, "{start}: {longest} bytes");
        let of_chunks = |sql: &&&String| sql.contains("`sky__");
        let bytes: usize = asked.iter().filter(of_chunks).map(|sql| sql.len()).sum();
        let by_chunk = keys_by_chunk(asked.iter().filter(of_chunks).copied());
        let chunks = by_chunk.len();
        assert!(chunks > 3, "{start}: {chunks} chunks");
        println!(
            "{start}: {bytes} bytes for {chunks} chunks; the list has {}",
            keys.len()
        );
        assert!(
            bytes < keys.len(),
            "{start}: {bytes} bytes for {chunks} chunks, {} in the list",
            keys.len()
        );
        let all: usize = by_chunk.values().map(BTreeSet::len).sum();
        let different: BTreeSet<i64> = by_chunk.into_values().flatten().collect();
        assert_eq!(all, different.len(), "{start}: a key in two chunks");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_cut_into_bounded_statements_where_the_index_cannot_be_read() {
    let Pair {
        site,
        mut czar,
        mut plain,
    } = Pair::start(tables(60), Session::ANN).await;
    for worker in site.stack.workers.values() {
        let mut root = worker.root().await.unwrap();
        let (_, databases) = root.query_all(b"SHOW DATABASES").await.unwrap();
        for row in &databases {
            let cell = orrery_wire::value::TextCells::new(row).next();
            let name = String::from_utf8(cell.unwrap().unwrap().unwrap().to_vec()).unwrap();
            if name.starts_with("orrery_index__") {
                root.run(format!("DROP DATABASE `{name}`").as_bytes())
                    .await
                    .unwrap();
            }
        }
    }
    let sql = format!(
        "SELECT COUNT(*), SUM(price) FROM Object WHERE objectId IN ({})",
        list()
    );
    evidence::begin(&site).await.unwrap();
    let given = ask_czar(&mut czar, Session::ANN, Format::Text, &sql)
        .await
        .unwrap();
    let asked = evidence::statements(&site).await.unwrap();
    let right = ask_plain(&mut plain, Format::Text, &sql).await.unwrap();
    assert_eq!(difference_of("everywhere", false, &given, &right), None);
    let longest = asked.values().flatten().map(String::len).max().unwrap();
    assert!(longest < LONGEST, "{longest} bytes");
}
