//! The real samples in `../shared/data`, where they are.

use crate::common::no_index;
use crate::common::sample::Sample;

#[tokio::test(flavor = "multi_thread")]
async fn pt12_object_lands_in_exactly_its_thirteen_chunks() {
    let Some(sample) = Sample::open("pt12") else {
        return;
    };
    let finished = sample.finish(sample.director("Object")).await;
    let homes: Vec<u32> = finished
        .surveyed
        .chunks
        .iter()
        .filter(|(_, rows)| rows.rows > 0)
        .map(|(chunk, _)| *chunk)
        .collect();
    assert_eq!(
        homes,
        [
            6630, 6631, 6800, 6801, 6968, 6970, 6971, 7138, 7140, 7308, 7310, 7478, 7648
        ]
    );
    assert_eq!((finished.summary.rows, finished.summary.rejects), (88, 0));
    assert_eq!(finished.surveyed.index_chunks.values().sum::<u64>(), 88);
}

#[tokio::test(flavor = "multi_thread")]
async fn pt12_tables_have_the_rows_they_should_have_and_no_rejects() {
    let Some(sample) = Sample::open("pt12") else {
        return;
    };
    for (name, rows) in [
        ("RefSrcMatch", 3344),
        ("SimRefObject", 3314),
        ("Science_Ccd_Exposure", 3304),
        ("Filter", 9),
        ("LeapSeconds", 38),
    ] {
        let finished = sample.finish(sample.reference(name)).await;
        assert_eq!(
            (finished.summary.rows, finished.summary.rejects),
            (rows, 0),
            "{name}"
        );
    }
    let finished = sample.finish(sample.child("Source", no_index())).await;
    assert_eq!((finished.summary.rows, finished.summary.rejects), (3339, 0));
    assert_eq!(
        finished.summary.orphans, 3339,
        "no director is published here"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pt11_loads_whole() {
    let Some(sample) = Sample::open("pt11") else {
        return;
    };
    let finished = sample.finish(sample.director("Object")).await;
    assert_eq!((finished.summary.rows, finished.summary.rejects), (1000, 0));
    let finished = sample.finish(sample.child("Source", no_index())).await;
    assert_eq!((finished.summary.rows, finished.summary.rejects), (4583, 0));
}
