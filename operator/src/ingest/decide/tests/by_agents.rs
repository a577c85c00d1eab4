//! What is decided for each answer of the agents.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use orrery_crds::kinds::{IngestStatus, Worker};
use serde_json::json;

use super::{answer, said, state};
use crate::fleet::testing::worker;
use crate::ingest::catalog_edit::CatalogEdit;
use crate::ingest::decide::decide;
use crate::ingest::decision::Decision;
use crate::ingest::observe::Sealed;
use crate::ingest::testing::{CHUNK, INDEX_CHUNK, ROWS, Scene, rows, sealed};

/// A reference table needs all live workers (docs/design/ingest.md#reference-tables); none is not
/// enough.
#[test]
fn a_reference_table_is_not_published_while_no_worker_lives() {
    let mut scene = Scene::into("Filter");
    let down: Vec<Worker> = [1, 2, 3].map(|id| worker(id, "Down")).to_vec();
    scene.set_workers(down);
    let mut observed = scene.observed(state(&scene, "Seal"));
    observed.loader = answer(&scene, "loaded");
    observed.sealed = Some(sealed([]));
    assert_eq!(
        said(&decide(&observed)),
        "waits for workers: a chunk has none yet"
    );
}

/// Decides in the phase Seal.
fn sealing(scene: &Scene, answers: [(u32, Sealed); 3]) -> String {
    let mut observed = scene.observed(state(scene, "Seal"));
    observed.loader = answer(scene, "loaded");
    observed.sealed = Some(sealed(answers));
    said(&decide(&observed))
}

#[test]
fn replicas_are_compared_when_all_have_sealed_or_those_that_are_away_had_their_time() {
    let scene = Scene::into("Object");
    let good = || rows(ROWS, "a");
    let silent = |seconds| Sealed::Silent {
        why: "no answer".into(),
        lasted: Duration::from_secs(seconds),
    };
    // The agent does not know the attempt.
    let lost = || Sealed::Rows(Vec::new());
    let cases = [
        ([good(), good(), good()], "write the publish"),
        (
            [good(), Sealed::Counting, silent(0)],
            "waits for worker 2 (counting), worker 3 (no answer)",
        ),
        (
            [good(), good(), silent(89)],
            "waits for worker 3 (no answer)",
        ),
        ([good(), good(), silent(91)], "write the publish"),
        (
            [good(), silent(0), silent(91)],
            "waits for worker 2 (no answer), worker 3 (no answer)",
        ),
        (
            [good(), Sealed::Counting, silent(91)],
            "waits for worker 2 (counting), worker 3 (no answer)",
        ),
        (
            [good(), silent(91), silent(91)],
            "give up, then Place: loads again: Home table of chunk 1 has 1 verified copies, 2 are needed",
        ),
        ([good(), good(), lost()], "write the publish"),
        (
            [good(), silent(0), lost()],
            "waits for worker 2 (no answer)",
        ),
        (
            [good(), lost(), lost()],
            "give up, then Place: loads again: Home table of chunk 1 has 1 verified copies, 2 are needed",
        ),
        ([good(), good(), rows(ROWS - 1, "b")], "write the publish"),
        (
            [good(), rows(ROWS - 1, "b"), rows(0, "c")],
            "give up, then Place: loads again: Home table of chunk 1 has 1 verified copies, 2 are needed",
        ),
        (
            [good(), good(), rows(ROWS, "b")],
            "give up, then Place: loads again: Home tables of chunk 1 differ between worker 1 and worker 3",
        ),
    ];
    for ([one, two, three], expected) in cases {
        let answers = [(1, one), (2, two), (3, three)];
        let what = format!("{answers:?}");
        assert_eq!(sealing(&scene, answers), expected, "{what}");
    }
}

/// Attempts come slower and slower, and to an end: an archive whose workers disagree is not read and
/// written without end.
#[test]
fn attempts_have_pauses_between_them_and_the_eighth_is_the_last() {
    let lacks = "Home table of chunk 1 has 1 verified copies, 2 are needed";
    let status = |failed: u32, phase: &str, since: Timestamp| {
        let status = json!({"phase": phase, "failedAttempts": failed, "incarnation": 10, "conditions": [{
            "type": phase, "status": "True", "reason": "Reached", "message": "", "lastTransitionTime": since.to_string(),
        }]});
        serde_json::from_value::<IngestStatus>(status).unwrap()
    };
    let now = Timestamp::now();
    for (failed, expected) in [
        (0, format!("give up, then Place: loads again: {lacks}")),
        (6, format!("give up, then Place: loads again: {lacks}")),
        (
            7,
            format!("give up, then Fail: {lacks}; 8 attempts did not succeed"),
        ),
    ] {
        let mut scene = Scene::into("Object");
        scene.ingest.status = Some(status(failed, "Pending", now));
        let one = [(1, rows(ROWS, "a")), (2, rows(0, "b")), (3, rows(0, "c"))];
        let mut observed = scene.observed(state(&scene, "Seal"));
        observed.loader = answer(&scene, "loaded");
        observed.sealed = Some(sealed(one));
        assert_eq!(said(&decide(&observed)), expected, "after {failed}");
    }
    for (failed, seconds, expected) in [
        (0, 0, "write the placement"),
        (2, 9, ""),
        (2, 10, "write the placement"),
    ] {
        let mut scene = Scene::into("Object");
        let since = now - SignedDuration::from_secs(seconds);
        scene.ingest.status = Some(status(failed, "Place", since));
        let mut observed = scene.observed(state(&scene, "Place"));
        (observed.loader, observed.now) = (answer(&scene, "surveyed"), now);
        assert_eq!(
            said(&decide(&observed)),
            expected,
            "{seconds} s after {failed}"
        );
    }
}

#[test]
fn what_is_published_names_the_rows_and_the_workers_that_hold_them() {
    let scene = Scene::into("Object");
    let mut observed = scene.observed(state(&scene, "Seal"));
    observed.loader = answer(&scene, "loaded");
    let answers = [
        (1, rows(ROWS, "a")),
        (2, rows(ROWS, "a")),
        (3, rows(ROWS - 1, "b")),
    ];
    observed.sealed = Some(sealed(answers));
    let Decision::Write(edit) = decide(&observed) else {
        panic!("no edit");
    };
    let CatalogEdit::Publish(publishing) = *edit else {
        panic!("no publish");
    };
    assert_eq!(publishing.attempt, scene.attempt());
    let publication = publishing.publication;
    let (segment, incarnation) = (publication.segment, publication.incarnation);
    assert_eq!((segment.id, segment.attempt, incarnation), (5, 7, 10));
    assert_eq!((segment.rows, segment.home), (ROWS, [CHUNK].into()));
    assert_eq!(publication.holders[&CHUNK], [1, 2].into());
    let (director, entries, holders) = publication.index.unwrap();
    assert_eq!((director.table.as_str(), entries.attempt), ("Object", 8));
    assert_eq!(entries.home, [INDEX_CHUNK].into());
    assert_eq!(holders[&INDEX_CHUNK], [1, 2, 3].into());
}
