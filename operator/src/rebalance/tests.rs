use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use orrery_archive::catalog::{Family, TableKey};
use orrery_archive::names::{ChunkId, WorkerId};
use orrery_archive::testing;
use orrery_crds::kinds::{
    Rebalance, RebalancePhase, RebalanceSpec, RebalanceStatus, Worker, WorkerPool,
};
use orrery_worker_api::agent::{ManifestRow, RowState, TablePart};
use serde_json::json;

use super::measure::{ChunkBytes, sum};
use super::observe::Observed;
use super::plan::{Decision, Outlook, Step, decide, leaving, outlook, unsettled};
use super::status;
use crate::catalog::edit::Move;
use crate::fleet::testing::worker;

/// Workers 1 to `workers` with these chunks on them, wanted twice each.
fn observed(
    workers: WorkerId,
    placement: impl IntoIterator<Item = (ChunkId, Vec<WorkerId>)>,
) -> Observed {
    let pool: WorkerPool = serde_json::from_value(json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": "WorkerPool",
        "metadata": {"name": "main"}, "spec": {"workers": workers, "storage": "1Gi"},
    }))
    .unwrap();
    Observed {
        catalog: Arc::new(testing::filled(testing::family(2, placement))),
        pools: BTreeMap::from([("main".to_owned(), pool)]),
        workers: (1..=workers).map(|id| placed(id, "Ready")).collect(),
        rebalances: BTreeMap::new(),
        malformed: BTreeSet::new(),
    }
}

/// A worker on a node of its own.
fn placed(id: WorkerId, phase: &str) -> Worker {
    let mut worker = worker(id, phase);
    worker.status.as_mut().unwrap().node = Some(format!("n{id}"));
    worker
}

/// A pool of three whose third worker is empty.
fn grown() -> Observed {
    observed(3, (0..60).map(|chunk| (chunk, vec![1, 2])))
}

fn edited(mut observed: Observed, edit: impl FnOnce(&mut Family)) -> Observed {
    let catalog = Arc::get_mut(&mut observed.catalog).unwrap();
    edit(catalog.families.get_mut("f").unwrap());
    observed
}

fn spec(spec: serde_json::Value) -> RebalanceSpec {
    serde_json::from_value(spec).unwrap()
}

fn in_phase(phase: RebalancePhase, plan: Option<String>) -> RebalanceStatus {
    RebalanceStatus {
        phase,
        plan,
        ..RebalanceStatus::default()
    }
}

fn why_unsettled(observed: &Observed) -> Option<String> {
    match unsettled(observed, "main", Timestamp::now()) {
        Some(Outlook::Unsettled(why)) => Some(why),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

#[test]
fn a_pool_that_grew_is_uneven_and_a_third_of_its_copies_is_to_move() {
    let observed = grown();
    assert_eq!(why_unsettled(&observed), None);
    let Outlook::Uneven(proposal) = outlook(&observed, "main", &ChunkBytes::new()) else {
        panic!("it is even");
    };
    assert_eq!(proposal.swaps.len(), 40);
    assert!(proposal.swaps.iter().all(|swap| swap.to == 3));
    let again = outlook(&observed, "main", &ChunkBytes::new());
    assert_eq!(again, Outlook::Uneven(proposal), "the same plan each time");
}

#[test]
fn what_workers_say_of_sizes_counts_and_not_the_number_of_chunks() {
    let observed = observed(
        4,
        (0..60).map(|chunk| (chunk, if chunk < 6 { vec![1, 2] } else { vec![3, 4] })),
    );
    let bytes: ChunkBytes = (0..60)
        .map(|chunk| {
            (
                ("f".to_owned(), chunk),
                if chunk < 6 { 9_000 } else { 1_000 },
            )
        })
        .collect();
    let even = outlook(&observed, "main", &bytes);
    assert_eq!(even, Outlook::Even { uneven_percent: 0 });
    let counted = outlook(&observed, "main", &ChunkBytes::new());
    assert!(matches!(counted, Outlook::Uneven(_)));
}

#[test]
fn nothing_moves_for_evenness_while_something_else_is_to_be_done() {
    let phase = |id: usize, phase: &str| {
        let mut observed = grown();
        observed.workers[id - 1] = placed(id as u32, phase);
        observed
    };
    for (what, observed) in [
        ("a worker with chunks is suspected", phase(1, "Suspect")),
        ("it is being drained", phase(2, "Draining")),
        (
            "a chunk lacks a copy",
            edited(grown(), |family| {
                family.placement.insert(7, vec![1]);
            }),
        ),
        (
            "a copy is yet to come",
            edited(grown(), |family| {
                family.intended.insert(7, [3].into());
            }),
        ),
    ] {
        let why = why_unsettled(&observed);
        assert!(why.is_some_and(|why| why.contains("chunks")), "{what}");
    }
    assert_eq!(why_unsettled(&phase(3, "Down")), None, "it holds nothing");
    let mut paused = grown();
    paused.pools.get_mut("main").unwrap().spec.paused = true;
    let found = unsettled(&paused, "main", Timestamp::now());
    assert_eq!(found, Some(Outlook::Paused));
}

#[test]
fn workers_that_start_are_waited_for_a_while() {
    let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
    let mut observed = grown();
    observed.workers.push(placed(4, "Pending"));
    let made = |seconds: i64| {
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            now - SignedDuration::from_secs(seconds),
        ))
    };
    observed.workers[3].metadata.creation_timestamp = made(299);
    let found = unsettled(&observed, "main", now);
    assert_eq!(found, Some(Outlook::Unsettled("main-w4 starts".into())));
    observed.workers[3].metadata.creation_timestamp = made(300);
    assert_eq!(unsettled(&observed, "main", now), None);
}

/// What a decision is made from, and what it is.
type Case<'a> = (
    &'a str,
    (RebalanceSpec, RebalanceStatus, u64, &'a Outlook<'a>),
    (RebalancePhase, Step),
);

fn check(cases: Vec<Case<'_>>) {
    for (what, (spec, before, leaving, outlook), wanted) in cases {
        let found = decide(&spec, &before, leaving, outlook);
        assert_eq!((found.phase, found.step), wanted, "{what}");
    }
}

fn uneven(observed: &Observed) -> (Outlook<'_>, String) {
    let outlook = outlook(observed, "main", &ChunkBytes::new());
    let Outlook::Uneven(proposal) = &outlook else {
        panic!("it is even");
    };
    let name = proposal.name();
    (outlook, name)
}

#[test]
fn what_becomes_of_a_rebalance() {
    use RebalancePhase::{Balanced, Moving, Waiting};
    let grown = grown();
    let (uneven, name) = uneven(&grown);
    let even = Outlook::Even { uneven_percent: 1 };
    let first = Outlook::Unsettled("why".into());
    let auto = || spec(json!({}));
    let at = |phase| in_phase(phase, None);
    let moving = |plan: &str| in_phase(Moving, Some(plan.to_owned()));
    let (rest, begin, stop) = (Step::Rest, Step::Begin, Step::Stop);
    check(vec![
        ("even", (auto(), at(Waiting), 0, &even), (Balanced, rest)),
        (
            "something else",
            (auto(), at(Moving), 0, &first),
            (Waiting, rest),
        ),
        (
            "written first",
            (auto(), at(Balanced), 0, &uneven),
            (Moving, rest),
        ),
        (
            "then entered",
            (auto(), moving(&name), 0, &uneven),
            (Moving, begin),
        ),
        (
            "another plan",
            (auto(), moving("x"), 0, &uneven),
            (Moving, rest),
        ),
        (
            "it moves",
            (auto(), moving(&name), 3, &first),
            (Moving, rest),
        ),
        (
            "paused",
            (auto(), moving(&name), 3, &Outlook::Paused),
            (Waiting, stop),
        ),
        (
            "of one that is gone",
            (auto(), at(Waiting), 3, &first),
            (Waiting, stop),
        ),
    ]);
}

#[test]
fn a_plan_waits_for_its_approval_and_ends_with_a_stop() {
    use RebalancePhase::{Moving, Proposed, Stopped, Waiting};
    let grown = grown();
    let (uneven, name) = uneven(&grown);
    let first = Outlook::Unsettled("why".into());
    let unapproved = || spec(json!({"autoApprove": false}));
    let approved = |plan: &str| spec(json!({"autoApprove": false, "approve": plan}));
    let stopped = || spec(json!({"stopped": true}));
    let at = |phase| in_phase(phase, None);
    let moving = || in_phase(Moving, Some(name.clone()));
    let (rest, begin, stop) = (Step::Rest, Step::Begin, Step::Stop);
    check(vec![
        (
            "no approval",
            (unapproved(), at(Waiting), 0, &uneven),
            (Proposed, rest),
        ),
        (
            "of another",
            (approved("x"), at(Proposed), 0, &uneven),
            (Proposed, rest),
        ),
        (
            "approved",
            (approved(&name), at(Proposed), 0, &uneven),
            (Moving, rest),
        ),
        (
            "and written",
            (approved(&name), moving(), 0, &uneven),
            (Moving, begin),
        ),
        ("stopped", (stopped(), moving(), 3, &first), (Stopped, stop)),
        (
            "stopped before",
            (stopped(), at(Stopped), 0, &uneven),
            (Stopped, rest),
        ),
    ]);
}

#[test]
fn the_status_keeps_the_plan_that_moves_and_forgets_one_that_is_done() {
    let grown = grown();
    let (uneven, _) = uneven(&grown);
    let mut rebalance: Rebalance = serde_json::from_value(json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": "Rebalance", "metadata": {"name": "main"}, "spec": {},
    }))
    .unwrap();
    let decision = |phase, left| Decision {
        phase,
        step: Step::Rest,
        left,
    };
    let now = Timestamp::now();
    let proposed = status::wanted(
        &rebalance,
        &decision(RebalancePhase::Proposed, 0),
        &uneven,
        now,
    );
    assert_eq!((proposed.moves, proposed.uneven_percent), (40, Some(100)));
    assert!(proposed.message.contains("rebalance approve"));
    rebalance.status = Some(proposed.clone());
    let unsettled = Outlook::Unsettled("copies are yet to come".into());
    let moving = status::wanted(
        &rebalance,
        &decision(RebalancePhase::Moving, 7),
        &unsettled,
        now,
    );
    assert_eq!((&moving.plan, moving.moves_left), (&proposed.plan, 7));
    rebalance.status = Some(moving);
    let even = Outlook::Even { uneven_percent: 2 };
    let balanced = status::wanted(
        &rebalance,
        &decision(RebalancePhase::Balanced, 0),
        &even,
        now,
    );
    assert_eq!((balanced.plan, balanced.moves), (None, 0));
    assert_eq!(balanced.conditions[0].status, "True");
}

#[test]
fn what_is_to_leave_is_found_in_its_own_pool_only() {
    let observed = edited(grown(), |family| {
        family.leaving.insert(7, [1].into());
    });
    assert_eq!(leaving(&observed.catalog, "main"), [Move::of("f", 7, 1)]);
    assert_eq!(leaving(&observed.catalog, "other"), []);
}

#[test]
fn the_bytes_of_a_chunk_are_those_of_the_tables_that_the_catalog_gives_to_the_worker() {
    let table = testing::child(7, [testing::segment(12, [1, 2])]);
    let mut catalog = (*observed(2, [(1, vec![1, 2]), (2, vec![2])]).catalog).clone();
    catalog.tables.insert(TableKey::new("sky", "Source"), table);
    let row = |chunk, attempt, bytes| ManifestRow {
        database: "sky__7".into(),
        table: format!("Source_{chunk}__{attempt}"),
        incarnation: 7,
        segment: 12,
        attempt,
        chunk,
        part: TablePart::Home,
        schema_version: 1,
        rows: 1,
        bytes,
        checksum: String::new(),
        state: RowState::Published,
        epoch: 1,
    };
    let rows = [
        row(1, 12, 100),
        row(1, 12, 11),
        row(2, 12, 1000),
        row(1, 13, 5000),
    ];
    let sums = sum(&catalog, 1, &rows);
    assert_eq!(sums, BTreeMap::from([(("f".to_owned(), 1), 111)]));
}
