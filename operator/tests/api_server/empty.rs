//! Chunks without rows as the cluster API sees them: they leave the catalog, and no copy of them is
//! made.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams, PostParams};
use orrery_archive::catalog::{Catalog, OpenAttempt};
use orrery_archive::testing;
use orrery_crds::kinds::{Ingest, Worker};
use orrery_operator::controller::runner::Controller;
use orrery_operator::ingest::Ingests;
use orrery_operator::repair::Repair;
use orrery_snapshot::lease::{NEWEST, OLDEST, READER_LABEL};
use serde_json::{Value, json};

use crate::repair::{
    FAMILY, arrive_of, family, place, round, rows, set_phase, waiting, with_workers,
};
use crate::support::Archive;

/// An archive of four workers with so many chunks on the first three, of which the first two hold
/// rows.
async fn archive(purpose: &str, chunks: u32) -> Archive {
    let archive = with_workers(purpose, 4).await;
    let placement: BTreeMap<u32, Vec<u32>> =
        (1..=chunks).map(|chunk| (chunk, vec![1, 2, 3])).collect();
    place(&archive, 3, placement).await;
    edit(&archive, |next| {
        let table = next.tables.get_mut(&rows()).unwrap();
        table.segments = vec![testing::segment(1, [1, 2])];
    })
    .await;
    archive
}

async fn edit(archive: &Archive, change: impl Fn(&mut Catalog) + Sync) {
    let change = |catalog: &Catalog| {
        let mut next = catalog.clone();
        change(&mut next);
        next.epochs.data += 1;
        Ok(Some(next))
    };
    let (writer, namespace) = (&archive.context.writer, &archive.namespace);
    writer.change(namespace, change).await.unwrap();
}

async fn placed(archive: &Archive) -> BTreeSet<u32> {
    family(archive).await.placement.into_keys().collect()
}

#[tokio::test]
async fn thousands_of_chunks_without_rows_leave_a_lost_worker_by_one_edit() {
    let archive = archive("empty", 4000).await;
    set_phase(&archive, 2, "Down").await;
    let before = archive.context.writer.catalog(&archive.namespace).await;
    round(&archive, &Repair::default()).await;
    let after = archive.context.writer.catalog(&archive.namespace).await;
    let epochs = [before, after].map(|catalog| catalog.unwrap().epochs);
    assert_eq!(epochs[1].placement, epochs[0].placement + 1, "one edit");
    let family = family(&archive).await;
    assert!(family.placement.keys().eq(&[1, 2]));
    let copies = [(1, BTreeSet::from([4])), (2, BTreeSet::from([4]))];
    assert_eq!(family.intended, BTreeMap::from(copies), "only of rows");
    archive
        .until_told("ChunksMove", "3998 chunks without rows need no worker")
        .await;
}

#[tokio::test]
async fn chunks_that_an_open_attempt_is_about_to_write_keep_their_workers() {
    let archive = archive("open", 4).await;
    edit(&archive, |next| {
        let open = OpenAttempt {
            ingest: "uid".into(),
            chunks: [3].into(),
        };
        let family = next.families.get_mut(FAMILY).unwrap();
        family.attempts.insert(9, open);
    })
    .await;
    set_phase(&archive, 2, "Down").await;
    let repair = Repair::default();
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    assert_eq!(placed(&archive).await, [1, 2, 3].into());
    let family = family(&archive).await;
    assert_eq!(family.placement[&3], [1, 2, 3]);
    assert!(!family.intended.contains_key(&3));
}

#[tokio::test]
async fn a_drain_that_waits_for_an_open_ingest_says_for_which() {
    let archive = archive("awaited", 4).await;
    let made = archive.create::<Ingest>("gaia", ingest()).await.unwrap();
    let uid = made.metadata.uid.unwrap();
    edit(&archive, |next| {
        let open = OpenAttempt {
            ingest: uid.clone(),
            chunks: [3, 4].into(),
        };
        let family = next.families.get_mut(FAMILY).unwrap();
        family.attempts.insert(9, open);
    })
    .await;
    let drained = json!({"spec": {"desired": "Drained"}});
    archive.edit::<Worker>("main-w1", drained).await;
    let repair = Repair::default();
    let settle = async || {
        archive
            .settle(async || round(&archive, &repair).await)
            .await;
        for chunk in [1, 2] {
            if family(&archive).await.intended.contains_key(&chunk) {
                arrive_of(&archive, chunk, 4).await;
            }
        }
        archive
            .settle(async || round(&archive, &repair).await)
            .await;
    };
    settle().await;
    let left = placed_on(&archive, 1).await;
    assert_eq!(left, [3, 4].into(), "what holds rows has left");
    let waits = waiting(&archive).await.unwrap();
    assert_eq!(waits.reason, "IngestsOpen");
    let said = waits.message.ends_with("write to them end: gaia");
    assert!(said && waits.message.starts_with("2 chunks"), "{waits:?}");
    edit(&archive, |next| {
        let family = next.families.get_mut(FAMILY).unwrap();
        family.attempts.clear();
    })
    .await;
    settle().await;
    assert_eq!(placed_on(&archive, 1).await, [].into());
    assert_eq!(waiting(&archive).await, None);
}

async fn placed_on(archive: &Archive, worker: u32) -> BTreeSet<u32> {
    let placement = family(archive).await.placement.into_iter();
    let own = placement.filter(|(_, listed)| listed.contains(&worker));
    own.map(|(chunk, _)| chunk).collect()
}

fn ingest() -> Value {
    json!({"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "https://example.org/a.csv"}]})
}

/// A statement over a table that was deleted meanwhile looks its workers up in the newest catalog.
#[tokio::test]
async fn chunks_of_a_dropped_table_keep_their_workers_while_a_reader_may_ask_for_it() {
    let archive = archive("asked", 3).await;
    let reader = |oldest: u64| {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": "reader", "labels": {READER_LABEL: "czar"},
                "annotations": {NEWEST: "90/90", OLDEST: format!("{oldest}/1")},
            },
            "spec": {"renewTime": "2026-01-01T00:00:00.000000Z"},
        })
    };
    let leases = kube::Api::<Lease>::namespaced(archive.admin.clone(), &archive.namespace);
    let lease: Lease = serde_json::from_value(reader(40)).unwrap();
    leases.create(&PostParams::default(), &lease).await.unwrap();
    edit(&archive, |next| {
        next.epochs.data = 50;
        next.dropping.insert("sky__99".into(), 50);
    })
    .await;
    let repair = Repair::default();
    archive
        .settle(async || round(&archive, &repair).await)
        .await;
    assert_eq!(placed(&archive).await, [1, 2, 3].into());
    let passed = Patch::Merge(reader(50));
    let parameters = PatchParams::default();
    leases.patch("reader", &parameters, &passed).await.unwrap();
    round(&archive, &repair).await;
    assert_eq!(placed(&archive).await, [1, 2].into());
}

async fn open(archive: &Archive) -> Vec<String> {
    let family = family(archive).await;
    let open = family.attempts.into_values();
    open.map(|open| open.ingest).collect()
}

/// A finalizer that was taken off by hand, or a status that was lost, leaves an attempt behind.
#[tokio::test]
async fn an_attempt_is_closed_when_its_ingest_is_gone_or_has_lost_its_status() {
    let archive = archive("abandoned", 2).await;
    let made = archive.create::<Ingest>("i", ingest()).await.unwrap();
    let uid = made.metadata.uid.unwrap();
    edit(&archive, |next| {
        let family = next.families.get_mut(FAMILY).unwrap();
        for (number, ingest) in [(8, uid.as_str()), (9, "gone")] {
            let (ingest, chunks) = (ingest.to_owned(), [1].into());
            family
                .attempts
                .insert(number, OpenAttempt { ingest, chunks });
        }
    })
    .await;
    let (context, namespace) = (&archive.context, &archive.namespace);
    let look = async || {
        let ingests = Ingests::default();
        ingests.reconcile(context, namespace).await.unwrap();
        open(&archive).await
    };
    let ingests = archive.api::<Ingest>();
    let parameters = PatchParams::default();
    let placing = Patch::Merge(json!({"status": {"phase": "Place", "incarnation": 7}}));
    ingests
        .patch_status("i", &parameters, &placing)
        .await
        .unwrap();
    // Its table is not there, so that this run fails it, after the look.
    assert_eq!(look().await, [uid]);
    let lost = Patch::Merge(json!({"status": null}));
    ingests.patch_status("i", &parameters, &lost).await.unwrap();
    assert_eq!(look().await, [""; 0]);
}
