//! What is decided for an Ingest whose object was made again.

use orrery_archive::catalog::{Origin, Segment, Table, TableKey};
use orrery_archive::testing::segment;

use super::said;
use crate::ingest::decide::decide;
use crate::ingest::decision::{Decision, Earlier, Loaded};
use crate::ingest::former::spec_hash;
use crate::ingest::queue::Turn;
use crate::ingest::state::State;
use crate::ingest::testing::{CHUNK, ROWS, Scene};

fn table(scene: &mut Scene) -> &mut Table {
    let key = TableKey::new("sky", "Object");
    scene.catalog.tables.get_mut(&key).unwrap()
}

/// Rows that an Ingest named `i` loaded before, of the scene's spec or of another.
fn earlier(scene: &Scene, uid: &str, is_same: bool) -> Segment {
    let spec = if is_same {
        spec_hash(&scene.ingest.spec).unwrap()
    } else {
        "another".into()
    };
    Segment {
        rows: ROWS,
        published: 9,
        origin: Some(Origin {
            uid: uid.into(),
            spec,
        }),
        ..segment(5, [CHUNK])
    }
}

fn decided(scene: &Scene) -> Decision {
    let mut observed = scene.observed(State::Pending);
    observed.turn = Turn::Now;
    decide(&observed)
}

const LOADS: &str = "make the Job, → Survey, the loader reads the sources";
const ADOPTS: &str = "set [5] Published, → Publish, waits for every reader to have the new catalog";

#[test]
fn rows_that_are_visible_are_not_loaded_a_second_time() {
    for uid in ["u", "former"] {
        let mut scene = Scene::into("Object");
        let held = earlier(&scene, uid, true);
        table(&mut scene).segments.push(held);
        let decision = decided(&scene);
        assert_eq!(said(&decision), ADOPTS, "{uid}");
        let Decision::Step(step) = decision else {
            panic!("no step");
        };
        let Some(Earlier::Loaded(loaded, why)) = step.earlier else {
            panic!("nothing is said of it");
        };
        let expected = Loaded {
            incarnation: 10,
            attempt: 5,
            rows: ROWS,
            chunks: 1,
            bytes: 1,
        };
        assert_eq!(loaded, expected);
        assert_eq!(why.contains("UID former"), uid == "former", "{why}");
        assert!(why.contains("another name"), "{why}");
    }
}

#[test]
fn other_rows_under_the_same_name_are_refused_and_the_remedy_is_named() {
    let mut scene = Scene::into("Object");
    let unknown = Segment {
        origin: None,
        ..earlier(&scene, "former", true)
    };
    for held in [earlier(&scene, "former", false), unknown] {
        table(&mut scene).segments = vec![held];
        let decision = decided(&scene);
        let words = said(&decision);
        assert!(
            words.starts_with("end the Job, → Failed, an Ingest of this name"),
            "{words}"
        );
        assert!(words.contains("Give this Ingest another name"), "{words}");
        let Decision::Step(step) = decision else {
            panic!("no step");
        };
        assert!(matches!(step.earlier, Some(Earlier::NameTaken(_))));
    }
}

#[test]
fn what_is_not_visible_under_this_name_in_this_table_is_loaded() {
    let held = |scene: &Scene| earlier(scene, "former", true);
    let mut revoked = Scene::into("Object");
    let away = held(&revoked);
    table(&mut revoked).revoked.push(away);
    let mut other_name = Scene::into("Object");
    let other = Segment {
        ingest: "j".into(),
        ..held(&other_name)
    };
    table(&mut other_name).segments.push(other);
    let mut other_table = Scene::into("Source");
    let other = held(&other_table);
    table(&mut other_table).segments.push(other);
    for (what, scene) in [
        (
            "nothing was loaded, or its attempt failed",
            Scene::into("Object"),
        ),
        ("it was taken back", revoked),
        ("another Ingest loaded it", other_name),
        ("it is in another table", other_table),
    ] {
        assert_eq!(said(&decided(&scene)), LOADS, "{what}");
    }
}

#[test]
fn an_ingest_that_is_to_be_revoked_is_as_the_catalog_has_it() {
    let mut scene = Scene::into("Object");
    scene.ingest.spec.revoked = true;
    assert_eq!(said(&decided(&scene)), "", "nothing was loaded");
    let held = earlier(&scene, "former", true);
    table(&mut scene).revoked = vec![held.clone()];
    let words = "end the Job, → Revoked, the rows are taken back";
    assert_eq!(said(&decided(&scene)), words);
    table(&mut scene).revoked = vec![earlier(&scene, "former", false)];
    assert_eq!(said(&decided(&scene)), "", "of other files");
    table(&mut scene).segments = vec![held];
    assert_eq!(said(&decided(&scene)), ADOPTS, "then it is taken back");
}
