//! When a pool is looked at again without a change.

use super::*;
use crate::pools::next::{RESYNC, SOON, look};

fn next(observed: &Observed) -> Duration {
    look(observed, &plan(observed, &images()))
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Worker 1 was ready and has failed its probes for so long.
fn failing(lasted: Duration) -> Observed {
    let mut observed = serving(Some("d1"));
    observed.workers.get_mut(&1).unwrap().status = Some(ready_status());
    observed.pods.insert(1, running_pod(false));
    observed.probes.insert(1, Err("silence".into()));
    observed.failing.insert(1, lasted);
    observed
}

#[test]
fn a_pool_of_which_nothing_is_waited_for_is_looked_at_seldom() {
    assert_eq!(next(&serving(Some("d1"))), RESYNC);
    let mut drained = serving(Some("d1"));
    drained.workers.get_mut(&1).unwrap().spec.desired = DesiredState::Drained;
    drained.idle.insert(1, seconds(900));
    assert_eq!(status_of(&drained).phase, WorkerPhase::Drained);
    assert_eq!(next(&drained), RESYNC, "drained");
    let mut draining = drained;
    draining.catalog = holding(1);
    assert_eq!(status_of(&draining).phase, WorkerPhase::Draining);
    assert_eq!(next(&draining), RESYNC, "draining");
    let down = failing(seconds(600));
    assert_eq!(status_of(&down).phase, WorkerPhase::Down);
    assert_eq!(next(&down), RESYNC, "down");
    let mut waits = serving(Some("d1"));
    waits.pool.spec.workers = 2;
    waits.workers.insert(2, worker(&waits, 2));
    waits.failing.insert(2, seconds(600));
    assert_eq!(status_of(&waits).phase, WorkerPhase::Ready);
    assert_eq!(next(&waits), RESYNC, "the other does not start");
}

#[test]
fn an_agent_that_may_answer_any_moment_is_asked_often_until_its_worker_counts_as_down() {
    assert_eq!(next(&failing(seconds(0))), SOON);
    assert_eq!(next(&failing(seconds(50))), SOON);
    assert_eq!(next(&failing(seconds(60))), RESYNC);
    assert_eq!(next(&observed(1)), SOON, "a worker is made");
}

#[test]
fn times_that_run_out_are_waited_for_and_no_longer() {
    assert_eq!(next(&failing(seconds(14))), seconds(1), "suspected then");
    let nearly = failing(Duration::from_millis(59_700));
    assert_eq!(next(&nearly), Duration::from_millis(300), "down then");
    let mut down = failing(seconds(3_600));
    down.down.insert(1, seconds(3_597));
    assert_eq!(next(&down), seconds(3), "given up then");
    down.down.insert(1, seconds(3_600));
    assert_eq!(next(&down), RESYNC);
    let mut emptied = serving(Some("d1"));
    emptied.emptied.insert(1, seconds(3_595));
    assert_eq!(
        next(&emptied),
        seconds(5),
        "a new directory is adopted then"
    );
    let mut leaves = serving(Some("d1"));
    leaves.pool.spec.workers = 0;
    leaves.idle.insert(1, seconds(56));
    assert_eq!(next(&leaves), seconds(4), "it goes then");
    leaves.pool.spec.workers = 1;
    assert_eq!(next(&leaves), RESYNC, "it stays");
}
