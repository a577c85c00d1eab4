//! What is decided for each answer of the loader.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use orrery_crds::kinds::IngestStatus;
use orrery_worker_api::loader::LoaderStep;

use super::{answer, said, state};
use crate::ingest::decide::decide;
use crate::ingest::decision::Decision;
use crate::ingest::state::State;
use crate::ingest::testing::{Scene, error, says};

const READS: &str = "the loader reads the sources";
const ASKED: &str = "survey 1, the loader reads the sources";
const ASKED_AGAIN: &str = "survey 2, the loader reads the sources";
const AGAIN_WITH_FILES: &str = "survey 2 with the files of 7, the loader reads the sources";
const PLACE: &str = "→ Place, chunks get workers";
const WRITE: &str = "write the placement";
const OPENS: &str = "open at [1, 2, 3], load 7/Some(8), rows go to the workers";
const SEALS: &str = "ask to seal {1: [7, 8], 2: [7, 8], 3: [7, 8]}";
const OUTDATED: &str = "give up, then Survey: surveys again: the director's rows changed meanwhile";

/// What the loader is, and what is decided in Survey, Place, Load and Seal.
const TABLE: [(&str, [&str; 4]); 21] = [
    ("unasked", ["ask the loader"; 4]),
    ("no pod", ["make the Job, waits for the loader's pod"; 4]),
    (
        "no pod for a reason",
        ["make the Job, waits for the loader's pod: no claim `files`"; 4],
    ),
    (
        "put out",
        [
            "keep the rejects, end the Job, → Failed, DiskFull: the loader's spool filled the disk of its node (low on ephemeral-storage); set spec.loader.spool.size in another Ingest",
            "keep the rejects, end the Job, → Failed, DiskFull: the loader's spool filled the disk of its node (low on ephemeral-storage); set spec.loader.spool.size in another Ingest",
            "give up, then Fail: DiskFull: the loader's spool filled the disk of its node (low on ephemeral-storage); set spec.loader.spool.size in another Ingest",
            "give up, then Fail: DiskFull: the loader's spool filled the disk of its node (low on ephemeral-storage); set spec.loader.spool.size in another Ingest",
        ],
    ),
    ("silent", ["waits for the loader: no answer"; 4]),
    (
        "fresh",
        [
            ASKED,
            ASKED,
            "survey 1 with the files of 7, the loader reads the sources",
            "survey 1 with the files of 7, the loader reads the sources",
        ],
    ),
    (
        "lost its spool",
        [ASKED_AGAIN, ASKED_AGAIN, AGAIN_WITH_FILES, AGAIN_WITH_FILES],
    ),
    (
        "of a former life",
        [
            "survey 5, the loader reads the sources",
            "survey 5, the loader reads the sources",
            "survey 5 with the files of 7, the loader reads the sources",
            "survey 5 with the files of 7, the loader reads the sources",
        ],
    ),
    ("reads", [READS; 4]),
    ("surveyed", [PLACE, WRITE, OPENS, SEALS]),
    (
        "surveyed on another basis",
        [
            "survey 5, the loader reads the sources",
            WRITE,
            OUTDATED,
            OUTDATED,
        ],
    ),
    ("loads", [PLACE, WRITE, "rows go to the workers", SEALS]),
    (
        "loaded",
        [
            PLACE,
            WRITE,
            "→ Seal, staging tables get their final names",
            SEALS,
        ],
    ),
    ("loaded another attempt", [PLACE, WRITE, OPENS, SEALS]),
    (
        "loaded without an agent",
        [
            PLACE,
            WRITE,
            "→ Seal, continues without https://a (gone)",
            SEALS,
        ],
    ),
    (
        "failed for good",
        [
            "keep the rejects, end the Job, → Failed, BadFile: why",
            "keep the rejects, end the Job, → Failed, BadFile: why",
            "give up, then Fail: BadFile: why",
            "give up, then Fail: BadFile: why",
        ],
    ),
    (
        "failed to survey",
        [
            "survey 2, Unreachable: why",
            "survey 2, Unreachable: why",
            "survey 2 with the files of 7, Unreachable: why",
            "survey 2 with the files of 7, Unreachable: why",
        ],
    ),
    (
        "failed to survey just now",
        ["waits before it tries again: Unreachable: why"; 4],
    ),
    (
        "failed to survey for the eighth time",
        [
            "keep the rejects, end the Job, → Failed, Unreachable: why; tried 8 times",
            "keep the rejects, end the Job, → Failed, Unreachable: why; tried 8 times",
            "give up, then Fail: Unreachable: why; tried 8 times",
            "give up, then Fail: Unreachable: why; tried 8 times",
        ],
    ),
    (
        "failed to load just now",
        [
            "waits before it tries again: NoReplica: why",
            WRITE,
            "waits before it loads again: NoReplica: why",
            SEALS,
        ],
    ),
    (
        "failed to load",
        ["survey 2, NoReplica: why", WRITE, OPENS, SEALS],
    ),
];

#[test]
fn every_phase_has_its_step_for_every_answer_of_the_loader() {
    let scene = Scene::into("Object");
    for (name, expected) in TABLE {
        for (phase, expected) in ["Survey", "Place", "Load", "Seal"]
            .into_iter()
            .zip(expected)
        {
            let mut observed = scene.observed(state(&scene, phase));
            observed.loader = answer(&scene, name);
            let what = format!("{phase}, the loader is: {name}");
            assert_eq!(said(&decide(&observed)), expected, "{what}");
        }
    }
}

#[test]
fn what_a_loader_of_this_ingest_reports_goes_into_the_status_even_when_the_ingest_fails() {
    let scene = Scene::into("Object");
    let mut observed = scene.observed(state(&scene, "Survey"));
    let mut now = scene.loader(LoaderStep::Failed);
    now.summary.rejects = 3;
    now.error = Some(error("TooManyRejects", false));
    observed.loader = says(now.clone());
    let Decision::Step(step) = decide(&observed) else {
        panic!("no step");
    };
    assert_eq!(step.report.unwrap().summary.rejects, 3);
    now.id = Some("former#b#1".into());
    observed.loader = says(now);
    let Decision::Step(step) = decide(&observed) else {
        panic!("no step");
    };
    assert!(step.report.is_none(), "another ingest's numbers");
}

#[test]
fn a_loader_that_stays_away_ends_the_ingest_with_the_cause() {
    for (minutes, name, expected) in [
        (
            9,
            "no pod for a reason",
            "make the Job, waits for the loader's pod: no claim `files`",
        ),
        (
            10,
            "no pod for a reason",
            "keep the rejects, end the Job, → Failed, LoaderAway: after 10 minutes the ingest still waits for the loader's pod: no claim `files`",
        ),
        (
            10,
            "silent",
            "keep the rejects, end the Job, → Failed, LoaderAway: after 10 minutes the ingest still waits for the loader: no answer",
        ),
        (10, "reads", READS),
    ] {
        let mut scene = Scene::into("Object");
        let now = Timestamp::now();
        scene.ingest.status = Some(IngestStatus {
            loader_away_since: Some(Time(now - SignedDuration::from_mins(minutes))),
            ..IngestStatus::default()
        });
        let mut observed = scene.observed(state(&scene, "Survey"));
        (observed.loader, observed.now) = (answer(&scene, name), now);
        assert_eq!(
            said(&decide(&observed)),
            expected,
            "{name} for {minutes} minutes"
        );
    }
}

#[test]
fn whether_the_loader_is_away_is_known_only_when_it_was_asked() {
    let scene = Scene::into("Object");
    for (name, away) in [("no pod", true), ("silent", true), ("reads", false)] {
        let mut observed = scene.observed(state(&scene, "Survey"));
        observed.loader = answer(&scene, name);
        let Decision::Step(step) = decide(&observed) else {
            panic!("no step");
        };
        assert_eq!(step.loader_away, Some(away), "{name}");
    }
    let Decision::Step(step) = decide(&scene.observed(State::Pending)) else {
        panic!("no step");
    };
    assert_eq!(step.loader_away, None);
}

/// A deleted Ingest whose attempt has rows on workers is kept by its finalizer until they go.
#[test]
fn a_deleted_ingest_leaves_nothing_on_workers() {
    let mut scene = Scene::into("Object");
    scene.ingest.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
    let end = "keep the rejects, end the Job, → Failed, the Ingest is deleted";
    let given_up = "give up, then Fail: the Ingest is deleted";
    for (phase, expected) in [
        ("Survey", end),
        ("Place", end),
        ("Load", given_up),
        ("Seal", given_up),
    ] {
        let observed = scene.observed(state(&scene, phase));
        assert_eq!(said(&decide(&observed)), expected, "{phase}");
    }
}

/// No placement but that of another attempt gives its chunks workers: it must not wait for them.
#[test]
fn an_attempt_whose_chunks_have_no_workers_is_loaded_by_another() {
    for family in ["f", "f-index"] {
        let mut scene = Scene::into("Object");
        let family = scene.catalog.families.get_mut(family).unwrap();
        family.placement.clear();
        for phase in ["Load", "Seal"] {
            let mut observed = scene.observed(state(&scene, phase));
            observed.loader = answer(&scene, "surveyed");
            assert_eq!(
                said(&decide(&observed)),
                "give up, then Place: loads again: chunks of the attempt have no workers any more",
                "{phase}"
            );
        }
    }
}
