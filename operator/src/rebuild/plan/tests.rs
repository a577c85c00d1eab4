//! Rebuilds of an archive with family `f` (two copies, chunk 1 on workers 1 and 2, chunk 2 on 2 and
//! 3), a child `Source` (incarnation 7, attempt 12, both chunks) and a reference table `Filter`
//! (incarnation 9, attempt 13).

use orrery_archive::catalog::{Behind, Retired};
use orrery_archive::names::WorkerId;
use orrery_archive::testing::{self, segment};
use orrery_worker_api::agent::{Highest, ManifestRow, RowState, TablePart};

use super::*;
use crate::rebuild::holdings::Held;

const ARCHIVE: &str = "a";

fn key(table: &str) -> TableKey {
    TableKey::new("sky", table)
}

fn catalog() -> Catalog {
    let child = testing::child(7, [segment(12, [1, 2])]);
    let reference = testing::reference(9, [segment(13, [])]);
    let family = testing::family(2, [(1, vec![1, 2]), (2, vec![2, 3])]);
    let mut catalog = testing::catalog(family, [("Source", child), ("Filter", reference)]);
    catalog.archive_uid = ARCHIVE.into();
    catalog.term = 3;
    catalog.epochs = at(5, 8);
    let numbers = &mut catalog.counters;
    (numbers.attempt, numbers.segment, numbers.incarnation) = (13, 13, 9);
    numbers.worker = 3;
    catalog
}

fn at(data: u64, placement: u64) -> Epochs {
    Epochs { data, placement }
}

/// A manifest row of a segment with the number of its attempt.
fn row(incarnation: u64, attempt: u64, chunk: u32, rows: u64) -> Held {
    let part = if incarnation == 9 {
        TablePart::Reference
    } else {
        TablePart::Home
    };
    Held::of(&ManifestRow {
        database: format!("sky__{incarnation}"),
        table: format!("T_{chunk}__{attempt}"),
        incarnation,
        segment: attempt,
        attempt,
        chunk,
        part,
        schema_version: 1,
        rows,
        bytes: 1,
        checksum: format!("{rows}:1"),
        state: RowState::Published,
        epoch: 8,
    })
}

/// A worker with a copy of `copy` and the reference table.
fn agent(worker: WorkerId, copy: &Catalog, chunks: &[u32]) -> (WorkerId, Agent) {
    let held = chunks.iter().map(|chunk| row(7, 12, *chunk, 1));
    let agent = Agent {
        pod: format!("main-w{worker}-0"),
        archive_uid: copy.archive_uid.clone(),
        term: 3,
        highest: Highest {
            attempt: 13,
            segment: 13,
        },
        copy_epochs: Some(copy.epochs),
        copy: Ok(copy.clone()),
        held: held.chain([row(9, 13, 0, 1)]).collect(),
    };
    (worker, agent)
}

/// Three workers that hold what the catalog says, no root, and objects of every table.
fn observed() -> Observed {
    let catalog = catalog();
    let agents = [(1, &[1][..]), (2, &[1, 2]), (3, &[2])];
    Observed {
        root: Root::None,
        version: None,
        agents: agents
            .map(|(worker, chunks)| agent(worker, &catalog, chunks))
            .into(),
        silent: BTreeMap::new(),
        declared: [key("Source"), key("Filter")].into(),
        readers: Epochs::default(),
        highest_worker: 3,
    }
}

fn planned(observed: &Observed) -> Plan {
    plan(&RebuildRequest::default(), observed).unwrap()
}

fn refusal(request: &RebuildRequest, observed: &Observed) -> String {
    plan(request, observed).unwrap_err().to_string()
}

fn replacing(archive: &str) -> RebuildRequest {
    RebuildRequest {
        replace: Some(archive.into()),
        ..RebuildRequest::default()
    }
}

#[test]
fn what_workers_hold_as_the_copy_says_comes_back_as_it_was() {
    let observed = observed();
    let Plan {
        catalog: rebuilt,
        losses,
        notes,
        ..
    } = planned(&observed);
    let before = catalog();
    assert_eq!(rebuilt.tables, before.tables);
    assert_eq!(rebuilt.families, before.families);
    assert_eq!((losses, notes), (Vec::<String>::new(), Vec::new()));
}

#[test]
fn everything_that_orders_catalogs_is_above_all_that_was_seen() {
    let mut observed = observed();
    observed.readers = at(90, 4);
    observed.highest_worker = 12;
    let second = observed.agents.get_mut(&2).unwrap();
    second.term = 70;
    second.highest = Highest {
        attempt: 300,
        segment: 200,
    };
    second.held[0].epoch = 4_000;
    observed.agents.get_mut(&3).unwrap().copy = Err("its key is not known".into());
    let newer = Catalog {
        lineage: 4,
        epochs: at(2, 2),
        ..catalog()
    };
    observed.agents.extend([agent(1, &newer, &[1])]);
    let rebuilt = planned(&observed).catalog;
    assert_eq!((rebuilt.lineage, rebuilt.term), (5, 70));
    assert!(
        rebuilt.epochs.data > 90 && rebuilt.epochs.placement > 4_000,
        "{rebuilt:?}"
    );
    let numbers = rebuilt.counters;
    assert!(numbers.attempt > 300 && numbers.segment > 200 && numbers.incarnation > 9);
    assert_eq!(numbers.worker, 12);
}

#[test]
fn the_newest_copy_counts_whoever_has_it() {
    let mut observed = observed();
    let mut old = catalog();
    old.epochs.data = 4;
    old.tables.clear();
    for worker in [1, 3] {
        observed.agents.get_mut(&worker).unwrap().copy = Ok(old.clone());
    }
    let rebuilt = planned(&observed);
    assert_eq!(rebuilt.catalog.tables.len(), 2);
    assert!(
        rebuilt.found[1].contains("main-w2-0"),
        "{:?}",
        rebuilt.found
    );
}

#[test]
fn a_root_is_replaced_only_when_it_is_older_and_named() {
    let with_root = |root: Catalog| Observed {
        root: Root::Readable(Box::new(root)),
        version: Some("41".into()),
        ..observed()
    };
    let older = || Catalog {
        epochs: at(4, 99),
        ..catalog()
    };
    let named = replacing(ARCHIVE);
    let words = refusal(&RebuildRequest::default(), &with_root(older()));
    assert!(words.contains("--replace a"), "{words}");
    assert!(plan(&named, &with_root(older())).is_ok());
    for newer in [
        catalog(),
        Catalog {
            epochs: at(6, 1),
            ..catalog()
        },
    ] {
        let words = refusal(&named, &with_root(newer));
        assert!(words.contains("at least as new"), "{words}");
    }
    let mut behind = with_root(Catalog {
        epochs: at(6, 1),
        ..catalog()
    });
    behind.agents.get_mut(&1).unwrap().highest.segment = 14;
    let rebuilt = plan(&named, &behind).unwrap().catalog;
    assert!(rebuilt.epochs.data > 6 && rebuilt.counters.segment > 14);
}

#[test]
fn the_root_of_another_archive_is_replaced_only_while_it_has_no_rows() {
    let other = Catalog {
        archive_uid: "b".into(),
        ..catalog()
    };
    let with_root = |root: Catalog| Observed {
        root: Root::Readable(Box::new(root)),
        version: Some("41".into()),
        ..observed()
    };
    let words = refusal(&replacing("b"), &with_root(other.clone()));
    assert!(words.contains("tables with rows"), "{words}");
    let mut empty = other;
    for table in empty.tables.values_mut() {
        table.segments.clear();
    }
    let words = refusal(&replacing(ARCHIVE), &with_root(empty.clone()));
    assert!(words.contains("is of archive b"), "{words}");
    let rebuilt = plan(&replacing("b"), &with_root(empty)).unwrap().catalog;
    assert_eq!(
        (rebuilt.archive_uid.as_str(), rebuilt.lineage),
        (ARCHIVE, 1)
    );
}

#[test]
fn a_root_that_cannot_be_read_and_is_newer_than_all_copies_is_a_loss() {
    let newer = catalog::encode(&Catalog {
        epochs: at(6, 9),
        ..catalog()
    });
    let observed = Observed {
        root: Root::Unreadable(newer.root, "object map-1 is missing".into()),
        version: Some("41".into()),
        ..observed()
    };
    let planned = plan(&replacing(ARCHIVE), &observed).unwrap();
    assert!(planned.losses[0].contains("6/9"), "{:?}", planned.losses);
    assert!(planned.catalog.epochs.data > 6);
}

#[test]
fn workers_of_several_archives_need_a_name_and_copies_that_do_not_verify_count_for_nothing() {
    let mut observed = observed();
    let other = Catalog {
        archive_uid: "b".into(),
        epochs: at(70, 70),
        ..catalog()
    };
    observed.agents.extend([agent(4, &other, &[1])]);
    let words = refusal(&RebuildRequest::default(), &observed);
    assert!(words.contains("b (main-w4-0)"), "{words}");
    let named = RebuildRequest {
        archive: Some(ARCHIVE.into()),
        ..RebuildRequest::default()
    };
    let rebuilt = plan(&named, &observed).unwrap().catalog;
    assert_eq!(
        rebuilt.families,
        catalog().families,
        "4 holds rows of another archive"
    );
    for agent in observed.agents.values_mut() {
        agent.copy = Err("its signature does not verify".into());
    }
    let words = refusal(&RebuildRequest::default(), &observed);
    assert!(words.contains("main-w1-0: its signature"), "{words}");
}

#[test]
fn a_chunk_that_moved_since_the_copy_was_made_is_read_where_it_is() {
    let mut observed = observed();
    let third = observed.agents.get_mut(&3).unwrap();
    third.held.push(row(7, 12, 1, 1));
    let first = observed.agents.get_mut(&1).unwrap();
    first.held.retain(|row| row.place.chunk != 1);
    let Plan {
        catalog, losses, ..
    } = planned(&observed);
    let family = &catalog.families["f"];
    assert_eq!(family.placement[&1], [1, 2, 3]);
    assert_eq!(family.complete_holders(1).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(losses, Vec::<String>::new());
}

#[test]
fn a_copy_that_is_not_needed_or_has_other_rows_is_not_listed() {
    let mut observed = observed();
    let third = observed.agents.get_mut(&3).unwrap();
    third.held.push(row(7, 12, 1, 1));
    assert_eq!(planned(&observed).catalog.families, catalog().families);
    let first = observed.agents.get_mut(&1).unwrap();
    first.held.retain(|row| row.place.chunk != 1);
    let third = observed.agents.get_mut(&3).unwrap();
    third.held.pop();
    third.held.push(row(7, 12, 1, 2));
    assert_eq!(
        planned(&observed).catalog.families["f"].placement[&1],
        [1, 2]
    );
}

#[test]
fn rows_without_a_copy_are_a_loss_and_those_of_silent_workers_are_not() {
    let mut observed = observed();
    for worker in [2, 3] {
        let agent = observed.agents.get_mut(&worker).unwrap();
        agent.held.retain(|row| row.place.chunk != 2);
    }
    let Plan {
        losses, catalog, ..
    } = planned(&observed);
    assert_eq!(losses, ["no worker has rows of sky.Source: 1 chunks (2)"]);
    assert_eq!(
        catalog.families["f"].complete_holders(2).count(),
        0,
        "an error, no answer"
    );
    observed.agents.remove(&3);
    observed
        .silent
        .extend([("main-w3-0".to_owned(), "it does not answer".to_owned())]);
    let Plan {
        losses,
        notes,
        catalog,
        ..
    } = planned(&observed);
    assert_eq!(losses, Vec::<String>::new());
    assert!(
        notes.iter().any(|note| note.contains("did not answer")),
        "{notes:?}"
    );
    assert_eq!(
        catalog.families["f"]
            .complete_holders(2)
            .collect::<Vec<_>>(),
        [3]
    );
    for agent in observed.agents.values_mut() {
        agent.held.retain(|row| row.place.incarnation != 9);
    }
    let losses = planned(&observed).losses;
    assert_eq!(losses, ["no worker has rows of sky.Filter: 1 chunks (0)"]);
}

#[test]
fn copies_that_differ_are_read_by_nobody() {
    let mut observed = observed();
    let second = observed.agents.get_mut(&2).unwrap();
    second.held[0] = row(7, 12, 1, 2);
    let Plan {
        losses, catalog, ..
    } = planned(&observed);
    assert!(
        losses[0].starts_with("copies differ, and are not read, of sky.Source"),
        "{losses:?}"
    );
    assert_eq!(catalog.families["f"].holders(1, &[12]).count(), 0);
    assert_eq!(catalog.families["f"].holders(2, &[12]).count(), 2);
}

#[test]
fn what_a_worker_was_behind_for_stays_so() {
    let mut before = catalog();
    let behind = Behind {
        worker: 1,
        segment: 12,
        chunks: [1].into(),
    };
    before.families.get_mut("f").unwrap().behind = vec![behind.clone()];
    let mut observed = observed();
    for agent in observed.agents.values_mut() {
        agent.copy = Ok(before.clone());
    }
    let rebuilt = planned(&observed).catalog;
    assert_eq!(rebuilt.families["f"].behind, [behind]);
}

#[test]
fn what_shows_a_newer_catalog_than_all_copies_is_named_as_a_loss() {
    let losses = |change: &dyn Fn(&mut Observed)| {
        let mut observed = observed();
        change(&mut observed);
        planned(&observed).losses.join("\n")
    };
    let held = |observed: &mut Observed, row: Held| {
        observed.agents.get_mut(&1).unwrap().held.push(row);
    };
    let published = losses(&|observed| held(observed, row(7, 14, 1, 1)));
    assert_eq!(
        published,
        "rows were published later: segment 14 of sky.Source, on workers 1"
    );
    let sealed = Held {
        state: RowState::Sealed,
        ..row(7, 14, 1, 1)
    };
    assert_eq!(
        losses(&|observed| held(observed, sealed)),
        "",
        "no reader saw them"
    );
    let revoked = losses(&|observed| {
        let first = &mut observed.agents.get_mut(&1).unwrap().held[0];
        first.state = RowState::Revoked;
    });
    assert!(revoked.contains("taken back later"), "{revoked}");
    let seen = losses(&|observed| observed.readers = at(6, 8));
    assert!(seen.contains("have seen epochs 6/8"), "{seen}");
    let untrusted = losses(&|observed| {
        let first = observed.agents.get_mut(&1).unwrap();
        first.copy_epochs = Some(at(6, 8));
        first.copy = Err("its signature does not verify".into());
    });
    assert!(
        untrusted.contains("main-w1-0 has a newer copy"),
        "{untrusted}"
    );
}

#[test]
fn rows_of_tables_whose_objects_are_lost_or_made_again_are_kept() {
    let mut before = catalog();
    let goes = OnDeletion::Delete { grace_seconds: 0 };
    for table in before.tables.values_mut() {
        table.on_deletion = goes;
    }
    let table = testing::child(4, [segment(3, [1])]);
    let retired = |name: &str| Retired {
        key: key(name),
        table: table.clone(),
        since: 4,
        until: Some(1),
        director: None,
    };
    before.retired = [(4, retired("Old")), (5, retired("Gone"))].into();
    let mut observed = observed();
    observed.declared = [key("Source"), key("Old")].into();
    for agent in observed.agents.values_mut() {
        agent.copy = Ok(before.clone());
    }
    let Plan { catalog, notes, .. } = planned(&observed);
    let mut policies = catalog.tables.values().map(|table| table.on_deletion);
    assert!(policies.all(|policy| policy == OnDeletion::Retain));
    assert_eq!(
        (catalog.retired[&4].until, catalog.retired[&5].until),
        (None, Some(1))
    );
    let bare: Vec<_> = notes
        .iter()
        .filter(|note| note.contains("no object"))
        .collect();
    assert!(
        bare.len() == 1 && bare[0].contains("sky.Filter"),
        "{notes:?}"
    );
}

#[test]
fn a_plan_has_the_same_name_while_it_writes_the_same_over_the_same_root() {
    let mut observed = observed();
    let first = planned(&observed).id;
    observed.readers = at(5, 8);
    assert_eq!(planned(&observed).id, first);
    observed.version = Some("42".into());
    assert_ne!(planned(&observed).id, first);
    observed.version = None;
    observed.agents.get_mut(&1).unwrap().held.clear();
    assert_ne!(planned(&observed).id, first);
}
