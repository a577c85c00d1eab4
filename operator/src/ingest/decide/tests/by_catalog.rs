//! What is decided by what the catalog has, and for each answer of its writer.

use orrery_archive::catalog::TableKey;
use orrery_archive::testing::segment;
use orrery_worker_api::agent::RowState;

use super::{said, state};
use crate::catalog::segments;
use crate::ingest::catalog_edit::{GivingUp, Obstacle, Revoking, Then, Unplaced, Written};
use crate::ingest::decide::decide;
use crate::ingest::decision::{Decision, Order};
use crate::ingest::state::{Published, State};
use crate::ingest::testing::{CHUNK, ROWS, Scene};

/// An archive whose catalog has the segment of the attempt.
fn published(scene: &mut Scene) {
    let table = scene
        .catalog
        .tables
        .get_mut(&TableKey::new("sky", "Object"));
    let mut held = segment(5, [CHUNK]);
    (held.published, held.rows) = (9, ROWS);
    table.unwrap().segments.push(held);
}

const ANNOUNCED: &str =
    "set [5] Published, → Publish, waits for every reader to have the new catalog";

/// An answer that was lost, or a leader that died, may have left a published segment with the
/// status of an unpublished one.
#[test]
fn a_segment_that_is_published_already_is_announced_and_not_sealed_again() {
    let mut scene = Scene::into("Object");
    let seal = state(&scene, "Seal");
    published(&mut scene);
    let decision = decide(&scene.observed(seal));
    assert_eq!(said(&decision), ANNOUNCED);
    let Decision::Step(step) = decision else {
        panic!("no step");
    };
    let expected = Published {
        segment: 5,
        data_epoch: 9,
    };
    assert_eq!(
        (step.to, step.rows),
        (Some(State::Publish(expected)), Some(ROWS))
    );
}

#[test]
fn people_are_warned_of_many_segments_where_the_new_rows_are() {
    let mut scene = Scene::into("Object");
    published(&mut scene);
    let table = scene
        .catalog
        .tables
        .get_mut(&TableKey::new("sky", "Object"));
    let more = (100..).map(|id| segment(id, [CHUNK]));
    table
        .unwrap()
        .segments
        .extend(more.take(segments::MANY - 1));
    let mut observed = scene.observed(State::Load(scene.attempt()));
    observed.written = Some(Written::Published(scene.attempt()));
    let Decision::Step(step) = decide(&observed) else {
        panic!("no step");
    };
    assert_eq!(step.warning.unwrap().0, segments::MANY_SEGMENTS);
}

fn giving_up(scene: &Scene, then: Then) -> Written {
    Written::GivenUp(GivingUp {
        key: TableKey::new("sky", "Object"),
        attempt: scene.attempt(),
        then,
        why: "why".into(),
    })
}

fn revoking(revoked: bool) -> Revoking {
    Revoking {
        key: TableKey::new("sky", "Object"),
        segment: 5,
        revoked,
    }
}

const AGAIN: &str = "→ Survey, surveys again: the director's rows changed meanwhile";
const GIVEN_UP: &str = "give up, then Survey: surveys again: the director's rows changed meanwhile";

#[test]
fn every_outcome_of_an_edit_has_its_step() {
    let mut scene = Scene::into("Object");
    published(&mut scene);
    let attempt = || scene.attempt();
    let refused = || Obstacle::Refused("full".into());
    let place = || state(&scene, "Place");
    let seal = || state(&scene, "Seal");
    let visible = || {
        State::Visible(Published {
            segment: 5,
            data_epoch: 9,
        })
    };
    let not_revoked = |revoked| Written::NotRevoked(revoking(revoked), "no".into());
    let not_published = |why| Written::NotPublished(attempt(), why);
    let not_placed = |why| Written::NotPlaced(10, Unplaced::Obstacle(why));
    let no_workers = Written::NotPlaced(10, Unplaced::NoWorkers("two".into()));
    let placed = "→ Load, workers make staging tables";
    let revoked = "set [5] Revoked, → Revoked, the rows are taken back";
    let back = "set [5] Published, → Visible, the rows are back";
    let cases = [
        (place(), Written::Placed(attempt()), placed),
        (place(), not_placed(Obstacle::Outdated), AGAIN),
        (
            place(),
            not_placed(refused()),
            "keep the rejects, end the Job, → Failed, full",
        ),
        (place(), no_workers, "waits for workers: two"),
        (seal(), Written::Published(attempt()), ANNOUNCED),
        (seal(), not_published(Obstacle::Outdated), GIVEN_UP),
        (seal(), not_published(refused()), "give up, then Fail: full"),
        (
            seal(),
            giving_up(&scene, Then::Survey),
            "discard [7, 8], → Survey, why",
        ),
        (
            seal(),
            giving_up(&scene, Then::Place),
            "discard [7, 8], → Place, why",
        ),
        (
            seal(),
            giving_up(&scene, Then::Fail),
            "keep the rejects, end the Job, discard [7, 8], → Failed, why",
        ),
        (visible(), Written::Revoked(revoking(true)), revoked),
        (visible(), Written::Revoked(revoking(false)), back),
        (visible(), not_revoked(true), "cannot be revoked: no"),
        (visible(), not_revoked(false), "cannot be brought back: no"),
    ];
    for (state, written, expected) in cases {
        let mut observed = scene.observed(state);
        observed.written = Some(written.clone());
        assert_eq!(said(&decide(&observed)), expected, "{written:?}");
    }
}

/// The orders about a segment carry the term and the epochs of the catalog in force.
#[test]
fn agents_hear_of_a_segment_by_the_catalog_in_force() {
    let mut scene = Scene::into("Object");
    published(&mut scene);
    (scene.catalog.term, scene.catalog.epochs.data) = (4, 9);
    let mut observed = scene.observed(state(&scene, "Load"));
    observed.written = Some(Written::Published(scene.attempt()));
    let Decision::Step(step) = decide(&observed) else {
        panic!("no step");
    };
    let [Order::SetState(set)] = step.orders.as_slice() else {
        panic!("other orders");
    };
    assert_eq!(
        (set.term, set.epochs.data, set.state),
        (4, 9, RowState::Published)
    );
}
