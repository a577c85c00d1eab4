//! Pods are restarted, and how many may be away.

use k8s_openapi::api::apps::v1::StatefulSet;

use super::*;
use crate::pools::disruptions::disruptions;
use crate::pools::roll::Roll;

/// A pool of serving workers in one zone each, all with pods of revision `old`, whose StatefulSets
/// are at revision `new`.
fn outdated(workers: u32) -> Observed {
    let mut observed = observed(workers);
    for id in 1..=workers {
        let mut one = worker(&observed, id);
        one.status = serde_json::from_value(json!({
            "phase": "Ready", "zone": format!("z{}", 9 - id), "identity": "d1",
        }))
        .unwrap();
        observed.workers.insert(id, one);
        observed.pods.insert(id, pod(id, "old", true));
        observed
            .stateful_sets
            .insert(format!("main-w{id}"), set("new"));
        let mut info = info(Some("d1"));
        info.identity.as_mut().unwrap().worker = id;
        observed.probes.insert(id, Ok(info));
    }
    observed
}

fn pod(id: u32, revision: &str, ready: bool) -> Pod {
    let mut pod = running_pod(ready);
    let metadata = json!({
        "name": format!("main-w{id}-0"), "uid": format!("u{id}"),
        "labels": {"controller-revision-hash": revision},
    });
    pod.metadata = serde_json::from_value(metadata).unwrap();
    pod
}

fn set(revision: &str) -> StatefulSet {
    serde_json::from_value(json!({
        "metadata": {"generation": 2},
        "status": {"observedGeneration": 2, "replicas": 1, "updateRevision": revision},
    }))
    .unwrap()
}

/// One chunk on these workers, wanted three times.
fn chunk_on(workers: &[u32]) -> Arc<Catalog> {
    let mut catalog = (*holding(1)).clone();
    let family = catalog.families.get_mut("f").unwrap();
    family.placement = BTreeMap::from([(1, workers.to_vec())]);
    Arc::new(catalog)
}

fn roll(observed: &Observed) -> Roll {
    plan(observed, &images()).roll
}

/// The worker fails its probe and its pod is not ready.
fn fail(observed: &mut Observed, id: u32, revision: &str) {
    observed.pods.insert(id, pod(id, revision, false));
    observed.probes.insert(id, Err("silence".into()));
}

#[test]
fn pods_of_an_older_spec_are_restarted_one_at_a_time_a_zone_after_the_other() {
    let mut observed = outdated(3);
    assert_eq!(roll(&observed).pending, [1, 2, 3].into());
    assert_eq!(roll(&observed).next, Some(3), "the first zone");
    observed
        .pods
        .get_mut(&3)
        .unwrap()
        .metadata
        .deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
        Timestamp::now(),
    ));
    let waits = roll(&observed);
    assert_eq!(
        (waits.next, waits.waits.as_deref()),
        (None, Some("main-w3 does not serve"))
    );
    observed.pods.insert(3, pod(3, "new", true));
    assert_eq!(roll(&observed).next, Some(2));
    for id in [1, 2] {
        observed.pods.insert(id, pod(id, "new", true));
    }
    assert_eq!(roll(&observed), Roll::default());
}

#[test]
fn a_pod_whose_newest_revision_is_not_known_yet_stays() {
    let mut observed = outdated(1);
    let set = observed.stateful_sets.get_mut("main-w1").unwrap();
    set.metadata.generation = Some(3);
    assert_eq!(roll(&observed), Roll::default());
}

#[test]
fn a_roll_waits_for_chunks_that_have_no_other_copy() {
    let mut observed = outdated(3);
    observed.catalog = chunk_on(&[3]);
    assert_eq!(roll(&observed).next, Some(2), "3 holds the only copy");
    observed.pods.insert(1, pod(1, "new", true));
    observed.pods.insert(2, pod(2, "new", true));
    let waits = roll(&observed);
    assert_eq!(waits.next, None);
    let why = waits.waits.unwrap();
    assert!(
        why.contains("without main-w3, chunk 1 of family f would have 0 copies"),
        "{why}"
    );
    observed.catalog = chunk_on(&[1, 3]);
    assert_eq!(roll(&observed).next, Some(3));
    observed.pool.spec.repair.disruption_floor = 2;
    assert_eq!(roll(&observed).next, None);
}

#[test]
fn a_roll_stops_when_a_worker_does_not_come_back_and_a_newer_spec_reaches_it_first() {
    let mut observed = outdated(3);
    fail(&mut observed, 3, "new");
    let stopped = roll(&observed);
    assert_eq!(
        (stopped.next, stopped.waits.as_deref()),
        (None, Some("main-w3 does not serve"))
    );
    let status = pool_status(
        &observed,
        &plan(&observed, &images()),
        &[],
        Timestamp::now(),
    );
    let progressing = status
        .conditions
        .iter()
        .find(|it| it.type_ == "Progressing");
    assert_eq!(progressing.unwrap().reason, "RestartWaits");
    fail(&mut observed, 3, "old");
    assert_eq!(roll(&observed).next, Some(3), "it cannot get worse");
    fail(&mut observed, 2, "old");
    assert_eq!(roll(&observed).next, None, "the cause is hardly the spec");
}

#[test]
fn a_person_has_one_pod_restarted_once() {
    let mut observed = outdated(2);
    for id in [1, 2] {
        observed.pods.insert(id, pod(id, "new", true));
    }
    let one = observed.workers.get_mut(&1).unwrap();
    let asked = orrery_crds::kinds::RESTART_POD.to_owned();
    one.metadata
        .annotations
        .get_or_insert_default()
        .insert(asked, "u1".into());
    assert_eq!(roll(&observed).next, Some(1));
    let made_again = observed.pods.get_mut(&1).unwrap();
    made_again.metadata.uid = Some("u9".into());
    assert_eq!(roll(&observed), Roll::default());
}

#[test]
fn in_a_paused_pool_nothing_is_restarted() {
    let mut observed = outdated(2);
    observed.pool.spec.paused = true;
    assert_eq!(roll(&observed).next, None);
}

#[test]
fn so_many_may_be_away_that_every_chunk_keeps_a_copy_whichever_they_are() {
    let most = |observed: &Observed| {
        let trust = plan(observed, &images()).trust;
        disruptions(observed, &trust).most
    };
    let mut observed = outdated(4);
    assert_eq!(most(&observed), 1, "without chunks");
    observed.catalog = chunk_on(&[1, 2, 3]);
    assert_eq!(most(&observed), 2);
    fail(&mut observed, 1, "new");
    assert_eq!(most(&observed), 2, "one of the two is away now");
    observed.pods.insert(1, pod(1, "new", true));
    assert_eq!(
        most(&observed),
        1,
        "the budget takes it for one that serves"
    );
    observed.pods.remove(&1);
    assert_eq!(most(&observed), 1, "it is no part of the budget");
    observed.catalog = chunk_on(&[2]);
    observed.pods.insert(1, pod(1, "new", true));
    assert_eq!(most(&observed), 0);
    let status = pool_status(
        &observed,
        &plan(&observed, &images()),
        &[],
        Timestamp::now(),
    );
    let waits = status
        .conditions
        .iter()
        .find(|it| it.type_ == "DisruptionsWait");
    assert!(
        waits
            .unwrap()
            .message
            .contains("chunk 1 of family f has 1 complete copies")
    );
    observed.catalog = chunk_on(&[2, 3, 4]);
    observed.pool.spec.repair.disruption_floor = 2;
    assert_eq!(most(&observed), 1);
}
