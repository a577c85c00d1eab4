//! What is decided by what users declare, and by who reads.

use orrery_archive::catalog::TableKey;

use super::{said, state};
use crate::ingest::decide::decide;
use crate::ingest::queue::Turn;
use crate::ingest::state::{Published, State};
use crate::ingest::testing::Scene;

#[test]
fn nothing_of_an_ingest_goes_on_when_its_table_is_gone() {
    let scene = Scene::into("Object");
    let mut gone = Scene::into("Object");
    gone.catalog.tables.remove(&TableKey::new("sky", "Object"));
    let mut again = Scene::into("Object");
    let table = again
        .catalog
        .tables
        .get_mut(&TableKey::new("sky", "Object"));
    table.unwrap().incarnation = 99;
    for (now, why) in [
        (&gone, "table sky.Object was deleted"),
        (
            &again,
            "table sky.Object was deleted and made again: make a new Ingest",
        ),
    ] {
        for (phase, fails) in [
            ("Survey", "keep the rejects, end the Job, → Failed, "),
            ("Place", "keep the rejects, end the Job, → Failed, "),
            ("Load", "give up, then Fail: "),
            ("Seal", "give up, then Fail: "),
        ] {
            let observed = now.observed(state(&scene, phase));
            assert_eq!(said(&decide(&observed)), format!("{fails}{why}"), "{phase}");
        }
    }
}

#[test]
fn a_pending_ingest_starts_when_its_table_its_director_and_its_turn_are_there() {
    let scene = Scene::into("Source");
    let with = |scene: &Scene, turn: Turn| {
        let mut observed = scene.observed(State::Pending);
        observed.turn = turn;
        said(&decide(&observed))
    };
    assert_eq!(
        with(&scene, Turn::Now),
        "make the Job, → Survey, the loader reads the sources"
    );
    assert_eq!(
        with(&scene, Turn::After("other".into())),
        "waits for ingest other of the same director"
    );
    assert_eq!(with(&scene, Turn::Unknown), "");
    let mut former = Scene::into("Source");
    former.archive.declared = [(TableKey::new("sky", "Source"), 99)].into();
    assert_eq!(
        with(&former, Turn::Now),
        "waits for table sky.Source to be accepted"
    );
    let mut alone = Scene::into("Source");
    alone.catalog.tables.remove(&TableKey::new("sky", "Object"));
    assert_eq!(
        with(&alone, Turn::Now),
        "waits for the director and the family of sky.Source"
    );
    let mut revoked = Scene::into("Source");
    revoked.ingest.spec.revoked = true;
    assert_eq!(with(&revoked, Turn::Now), "");
}

#[test]
fn an_ingest_is_visible_when_every_reader_has_it_and_its_loader_goes() {
    let scene = Scene::into("Object");
    let publish = State::Publish(Published {
        segment: 5,
        data_epoch: 9,
    });
    let mut observed = scene.observed(publish);
    assert_eq!(said(&decide(&observed)), "");
    observed.readers_have = true;
    assert_eq!(
        said(&decide(&observed)),
        "end the Job, → Visible, 0 rows in 0 chunks"
    );
}

#[test]
fn rows_are_taken_back_and_brought_back_as_the_spec_says() {
    let published = Published {
        segment: 5,
        data_epoch: 9,
    };
    for (state, wanted, expected) in [
        (State::Visible(published), true, "write revoked=true"),
        (State::Visible(published), false, ""),
        (State::Revoked(published), false, "write revoked=false"),
        (State::Revoked(published), true, ""),
    ] {
        let mut scene = Scene::into("Object");
        scene.ingest.spec.revoked = wanted;
        assert_eq!(
            said(&decide(&scene.observed(state.clone()))),
            expected,
            "{state:?}"
        );
    }
}
