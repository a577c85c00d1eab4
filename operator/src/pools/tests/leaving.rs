//! Workers leave: a pool is to have fewer, or one is given up.

use super::*;
use crate::pools::identity::Trust;
use crate::pools::leave::{given_up, gone, scale_down};

/// A pool that wants `wanted` workers, whose workers are of these phases, zones and gigabytes, and
/// have a gigabyte free.
fn pool_of(wanted: u32, workers: &[(&str, &str, u64)]) -> Observed {
    let mut observed = observed(wanted);
    for (id, (phase, zone, gigabytes)) in (1..).zip(workers) {
        let mut one = worker(&observed, id);
        one.status = serde_json::from_value(json!({
            "phase": phase, "zone": zone, "node": format!("n{id}"),
            "sizeBytes": gigabytes << 30, "freeBytes": 1_u64 << 30, "identity": "d1",
        }))
        .unwrap();
        observed.workers.insert(id, one);
    }
    observed
}

/// Chunks of a family with so many copies of each.
fn with_chunks(mut observed: Observed, desired: u32, chunks: &[&[u32]]) -> Observed {
    let placed = (0..).zip(chunks);
    let placed = placed.map(|(chunk, on)| (chunk, on.to_vec()));
    observed.catalog = Arc::new(testing::filled(testing::family(desired, placed)));
    observed
}

fn leaving(observed: &Observed) -> Vec<u32> {
    scale_down(observed).leaving.into_iter().collect()
}

fn reason(observed: &Observed) -> &'static str {
    scale_down(observed).finding.unwrap().reason
}

const READY: &str = "Ready";

#[test]
fn those_leave_whose_chunks_are_the_least_to_move() {
    let three = [(READY, "a", 50), (READY, "b", 20), (READY, "c", 40)];
    assert!(leaving(&pool_of(3, &three)).is_empty());
    assert_eq!(leaving(&pool_of(2, &three)), [2]);
    let zones = [(READY, "a", 99), (READY, "b", 98), (READY, "a", 100)];
    assert_eq!(
        leaving(&pool_of(2, &zones)),
        [1],
        "a has two that hold about as much"
    );
    let mut drained = pool_of(2, &three);
    drained.workers.get_mut(&1).unwrap().spec.desired = DesiredState::Drained;
    assert_eq!(leaving(&drained), [1], "a person says so");
    let chosen = [("Draining", "a", 50), (READY, "b", 20), (READY, "c", 40)];
    assert_eq!(leaving(&pool_of(2, &chosen)), [1], "it was chosen before");
    let idle = [(READY, "a", 50), (READY, "b", 20), ("Pending", "c", 0)];
    assert_eq!(leaving(&pool_of(2, &idle)), [3], "it serves nothing");
    assert_eq!(leaving(&pool_of(1, &three)), [2, 3]);
}

#[test]
fn none_leaves_when_the_others_could_not_hold_every_copy() {
    let three = [(READY, "a", 3), (READY, "b", 2), (READY, "c", 4)];
    let chunk: [&[u32]; 1] = [&[1, 2, 3]];
    let few = with_chunks(pool_of(2, &three), 3, &chunk);
    assert_eq!((leaving(&few), reason(&few)), (vec![], "TooFewWorkers"));
    let chunk: [&[u32]; 1] = [&[2]];
    let fits = with_chunks(pool_of(2, &three), 1, &chunk);
    assert_eq!((leaving(&fits), reason(&fits)), (vec![2], "Draining"));
    let mut full = fits;
    for id in [1, 3] {
        let worker = full.workers.get_mut(&id).unwrap();
        worker.status.as_mut().unwrap().free_bytes = 0;
    }
    assert_eq!((leaving(&full), reason(&full)), (vec![], "NoRoom"));
}

#[test]
fn one_that_leaves_drains_and_serves_again_when_the_pool_is_to_be_larger() {
    let mut observed = serving(Some("d1"));
    observed.workers.insert(2, worker(&observed, 2));
    observed.workers.get_mut(&2).unwrap().spec.desired = DesiredState::Online;
    observed.workers.get_mut(&1).unwrap().status = Some(WorkerStatus {
        phase: WorkerPhase::Draining,
        ..ready_status()
    });
    assert_eq!(status_of(&observed).phase, WorkerPhase::Drained);
    observed.pool.spec.workers = 2;
    assert_eq!(status_of(&observed).phase, WorkerPhase::Ready);
}

#[test]
fn a_worker_goes_only_after_it_was_without_chunks_for_a_while() {
    let drained = [(READY, "a", 3), ("Drained", "b", 2)];
    let mut observed = pool_of(1, &drained);
    let leaving = scale_down(&observed).leaving;
    assert!(gone(&observed, &leaving).is_empty(), "chunks may be on it");
    observed.idle.insert(2, Duration::from_secs(59));
    assert!(gone(&observed, &leaving).is_empty());
    observed.idle.insert(1, Duration::from_secs(900));
    observed.idle.insert(2, Duration::from_secs(60));
    assert_eq!(gone(&observed, &leaving), [2].into());
    assert_eq!(plan(&observed, &images()).gone, [2].into());
    observed.pool.spec.paused = true;
    assert!(plan(&observed, &images()).gone.is_empty());
}

#[test]
fn a_worker_that_stays_down_without_chunks_is_given_up() {
    let phases = [("Down", "a", 3), (READY, "b", 3), (READY, "c", 3)];
    let after = Duration::from_secs(3600);
    let down = |since: Duration, idle: Option<Duration>| {
        let mut observed = pool_of(3, &phases);
        observed.down.insert(1, since);
        observed.idle.extend(idle.map(|idle| (1, idle)));
        observed
    };
    let none = std::collections::BTreeSet::new();
    let long = down(after, Some(after));
    assert_eq!(given_up(&long, &none), [1].into());
    let short = after.checked_sub(Duration::from_secs(1)).unwrap();
    assert!(given_up(&down(short, Some(after)), &none).is_empty());
    assert!(
        given_up(&down(after, None), &none).is_empty(),
        "chunks are on it"
    );
    let mut empty = down(after, Some(after));
    empty.emptied.insert(1, after);
    assert!(given_up(&empty, &none).is_empty(), "it is adopted in place");
    let mut storm = down(after, Some(after));
    storm.down.insert(2, after);
    assert!(
        given_up(&storm, &none).is_empty(),
        "the cause is hardly theirs"
    );
}

#[test]
fn an_empty_directory_takes_the_place_of_a_lost_one_after_replace_after() {
    let mut observed = serving(None);
    observed.workers.get_mut(&1).unwrap().status = Some(ready_status());
    let trust = |observed: &Observed| plan(observed, &images()).trust[&1].clone();
    assert!(matches!(
        trust(&observed),
        Trust::Refused("DirectoryLost", _)
    ));
    observed.emptied.insert(1, Duration::from_secs(3599));
    assert!(matches!(
        trust(&observed),
        Trust::Refused("DirectoryLost", _)
    ));
    observed.emptied.insert(1, Duration::from_secs(3600));
    assert_eq!(trust(&observed), Trust::Fresh);
    observed.catalog = holding(1);
    let refused = trust(&observed);
    assert!(
        matches!(refused, Trust::Refused("DirectoryLost", _)),
        "its chunks are nowhere else"
    );
}
