//! The generator of statements finds what is broken on purpose.

use std::time::Duration;

use orrery_archive::catalog::TableKey;
use orrery_oracle::data::SHAPE;
use orrery_oracle::fuzz::extreme::tables;
use orrery_oracle::fuzz::run::{Plan, run};
use orrery_oracle::site::Site;

/// Statements of a run: as many as take a minute.
const STATEMENTS: u64 = 400;

#[tokio::test(flavor = "multi_thread")]
async fn generated_statements_are_answered_as_by_one_plain_server() {
    let site = Site::start(SHAPE, &tables(160).unwrap(), &[])
        .await
        .unwrap();
    let plan = Plan {
        seed: 1,
        statements: STATEMENTS,
        time: Duration::MAX,
    };
    let report = run(&site, plan).await.unwrap();
    println!("{report}");
    assert!(report.wrong.is_empty(), "{report}\n{}", report.details());
    assert!(
        report.equal * 100 >= STATEMENTS * 97,
        "{report}\n{}",
        report.details()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_segment_is_found_and_the_statement_made_small() {
    let data = tables(160).unwrap();
    let mut site = Site::start(SHAPE, &data, &[]).await.unwrap();
    let source = TableKey::new("sky", "Source");
    let table = site.archive.catalog.tables.get_mut(&source).unwrap();
    table.segments.pop().unwrap();
    site.archive.catalog.epochs.data = 2;
    site.stack
        .publish(&site.archive.catalog, &site.users)
        .unwrap();
    let plan = Plan {
        seed: 2,
        statements: 150,
        time: Duration::MAX,
    };
    let report = run(&site, plan).await.unwrap();
    let lost = report
        .wrong
        .iter()
        .filter(|finding| finding.reduced.contains("Source"));
    let smallest = lost.map(|finding| finding.reduced.len()).min();
    assert!(
        smallest.is_some_and(|length| length < 60),
        "{report}\n{}",
        report.details()
    );
}
