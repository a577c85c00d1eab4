//! docs/design/query.md#floating-point: sums of doubles have the same bits, whatever the order in
//! which workers answer.

use orrery_oracle::client::{Session, ask_czar};
use orrery_oracle::data::{SHAPE, tables};
use orrery_oracle::site::Site;
use orrery_wire::Format;

#[tokio::test(flavor = "multi_thread")]
async fn sums_of_doubles_have_the_same_bits_each_time() {
    const SUMS: [&str; 3] = [
        "SELECT SUM(flux), AVG(flux), SUM(flux * 1.0000001), SUM(mag), AVG(mag) FROM Object",
        "SELECT tiny, SUM(flux), AVG(flux), SUM(mag) FROM Object GROUP BY tiny ORDER BY tiny",
        "SELECT SUM(flux), AVG(flux) FROM Object",
    ];
    let site = Site::start(SHAPE, &tables(1500).unwrap(), &["--scan-per-worker=8"])
        .await
        .unwrap();
    for sql in SUMS {
        let mut first = None;
        for round in 0..30 {
            let mut czar = site.connect_czar().await.unwrap();
            let rows = ask_czar(&mut czar, Session::ANN, Format::Text, sql)
                .await
                .unwrap()
                .unwrap()
                .rows;
            let first = first.get_or_insert_with(|| rows.clone());
            assert_eq!(rows, *first, "{sql}, round {round}");
        }
    }
}
