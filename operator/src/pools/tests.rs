//! Plans and statuses of a pool.

mod leaving;
mod next;
mod rolls;
mod volumes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, Epochs};
use orrery_archive::testing;
use orrery_crds::kinds::{DesiredState, Worker, WorkerPhase, WorkerPool, WorkerStatus};
use orrery_worker_api::agent::{Held, Highest, Identity, Info, TlsInUse};
use serde_json::{Value, json};

use super::objects;
use super::observe::Observed;
use super::plan::plan;
use super::status::{pool_status, worker_status};
use crate::controller::pods::{Images, Pods};

fn images() -> Images {
    Images {
        log_format: orrery_shell::LogFormat::Json,
        orrery: "orrery".into(),
        mysqld: "mysqld".into(),
        pull_policy: None,
        pull_secrets: Vec::new(),
        pods: Pods::default(),
    }
}

fn pool(spec: Value) -> WorkerPool {
    serde_json::from_value(json!({
        "apiVersion": "orrery.dev/v1alpha1", "kind": "WorkerPool",
        "metadata": {"name": "main", "namespace": "sky", "uid": "u", "generation": 3}, "spec": spec,
    }))
    .unwrap()
}

fn observed(workers: u32) -> Observed {
    observed_with(json!({"workers": workers, "storage": "10Gi"}))
}

fn observed_with(spec: Value) -> Observed {
    Observed {
        pool: pool(spec),
        name: "main".into(),
        workers: BTreeMap::new(),
        malformed_workers: Vec::new(),
        stateful_sets: BTreeMap::new(),
        services: BTreeMap::new(),
        config: None,
        budget: None,
        pods: BTreeMap::new(),
        zones: BTreeMap::from([("n1".to_owned(), "east".to_owned())]),
        catalog: Arc::new(Catalog {
            archive_uid: "archive".into(),
            ..Catalog::default()
        }),
        probes: BTreeMap::new(),
        failing: BTreeMap::new(),
        down: BTreeMap::new(),
        emptied: BTreeMap::new(),
        idle: BTreeMap::new(),
        claims: BTreeMap::new(),
        reader_password: Some("secret".into()),
    }
}

/// An archive in which worker `id` holds one chunk.
fn holding(id: u32) -> Arc<Catalog> {
    Arc::new(Catalog {
        archive_uid: "archive".into(),
        ..testing::filled(testing::family(3, [(1, vec![id])]))
    })
}

fn worker(observed: &Observed, id: u32) -> Worker {
    objects::worker(&observed.pool, &observed.name, id)
}

fn running_pod(ready: bool) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "main-w1-0"},
        "spec": {"nodeName": "n1", "containers": []},
        "status": {"phase": "Running", "podIP": "10.0.0.7",
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]},
    }))
    .unwrap()
}

fn held(bytes: u64) -> Held {
    Held {
        tables: 100,
        bytes,
        highest: Highest::default(),
    }
}

fn info(directory: Option<&str>) -> Info {
    Info {
        api_versions: vec![1],
        identity: directory.map(|directory| Identity {
            archive_uid: "archive".into(),
            worker: 1,
            directory: directory.into(),
        }),
        term: 1,
        mysqld: Some("10.11".into()),
        catalog: Some(Epochs {
            data: 4,
            placement: 9,
        }),
        free_bytes: 2 << 30,
        held: Some(held(1 << 30)),
        tls: TlsInUse::default(),
    }
}

/// Worker 1 with a pod whose agent answers.
fn serving(directory: Option<&str>) -> Observed {
    let mut observed = observed(1);
    observed.workers.insert(1, worker(&observed, 1));
    observed.pods.insert(1, running_pod(true));
    observed.probes.insert(1, Ok(info(directory)));
    observed
}

fn status_of(observed: &Observed) -> WorkerStatus {
    worker_status(observed, &plan(observed, &images()), 1, Timestamp::now()).unwrap()
}

#[test]
fn missing_workers_get_new_ids_and_none_is_made_while_one_cannot_be_read() {
    let mut observed = observed(3);
    assert_eq!(plan(&observed, &images()).new_workers, 3);
    observed.workers.insert(1, worker(&observed, 1));
    assert_eq!(plan(&observed, &images()).new_workers, 2);
    observed.malformed_workers.push("main-w2".into());
    assert_eq!(plan(&observed, &images()).new_workers, 0);
}

#[test]
fn surplus_workers_stay_at_first_and_the_pool_says_why() {
    let mut observed = observed(1);
    for id in [1, 2, 3] {
        observed.workers.insert(id, worker(&observed, id));
    }
    let plan = plan(&observed, &images());
    assert_eq!((plan.new_workers, plan.workers.len()), (0, 3));
    let status = pool_status(&observed, &plan, &[], Timestamp::now());
    let waits = status
        .conditions
        .iter()
        .find(|c| c.type_ == "ScaleDownWaits")
        .unwrap();
    assert!(plan.gone.is_empty());
    assert!(waits.message.starts_with("main-w2 main-w3: 0 chunk copies"));
}

#[test]
fn a_worker_with_chunks_whose_object_was_deleted_comes_back_under_its_id() {
    let mut observed = observed(1);
    observed.catalog = holding(7);
    let plan = plan(&observed, &images());
    assert_eq!(
        plan.restored
            .iter()
            .map(ResourceExt::name_any)
            .collect::<Vec<_>>(),
        ["main-w7"]
    );
    assert_eq!(plan.new_workers, 0);
}

/// It was made a second time, with an empty disk, and its id had two workers.
#[test]
fn a_worker_of_another_pool_is_not_brought_back() {
    let mut observed = observed(1);
    let mut catalog = testing::filled(testing::family(3, [(1, vec![7])]));
    let mut other = testing::family(3, [(1, vec![8])]);
    other.pool = "fast".into();
    catalog.families.insert("g".into(), other);
    observed.catalog = Arc::new(catalog);
    let plan = plan(&observed, &images());
    let restored = plan.restored.iter().map(|worker| worker.spec.id);
    assert_eq!(restored.collect::<Vec<_>>(), [7]);
}

#[test]
fn a_refused_spec_changes_no_object_but_workers_are_still_watched() {
    let mut observed = observed_with(json!({"workers": 2, "storage": "much"}));
    observed.workers.insert(1, worker(&observed, 1));
    let plan = plan(&observed, &images());
    assert!(plan.shared.is_none() && plan.workers.is_empty() && plan.new_workers == 0);
    let status = pool_status(&observed, &plan, &[], Timestamp::now());
    let accepted = status
        .conditions
        .iter()
        .find(|c| c.type_ == "Accepted")
        .unwrap();
    assert_eq!(
        accepted.message,
        "spec.storage: `much` is no size, write for example 100Gi"
    );
    assert_eq!(accepted.observed_generation, Some(3));
}

#[test]
fn a_live_volume_claim_is_never_changed() {
    let mut observed = observed(1);
    observed.workers.insert(1, worker(&observed, 1));
    let first = plan(&observed, &images()).workers.remove(0).stateful_set;
    observed
        .stateful_sets
        .insert("main-w1".into(), first.clone());
    observed.pool.spec.storage = "20Gi".into();
    observed.pool.spec.storage_class = Some("fast".into());
    let second = plan(&observed, &images()).workers.remove(0).stateful_set;
    assert_eq!(objects::claimed(&second), objects::claimed(&first));
    let status = pool_status(
        &observed,
        &plan(&observed, &images()),
        &[ready_status()],
        Timestamp::now(),
    );
    assert!(
        status
            .conditions
            .iter()
            .any(|c| c.reason == "StorageOfNewWorkers")
    );
}

fn ready_status() -> WorkerStatus {
    status_of(&serving(Some("d1")))
}

#[test]
fn pods_satisfy_the_restricted_rules() {
    let mut observed = observed(1);
    observed.workers.insert(1, worker(&observed, 1));
    let set = plan(&observed, &images()).workers.remove(0).stateful_set;
    let pod = set.spec.unwrap().template.spec.unwrap();
    let of_pod = pod.security_context.unwrap();
    assert_eq!(
        (of_pod.run_as_non_root, of_pod.run_as_user, of_pod.fs_group),
        (Some(true), Some(65532), Some(65532))
    );
    assert_eq!(of_pod.seccomp_profile.unwrap().type_, "RuntimeDefault");
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.containers.len(), 2);
    for container in pod.containers {
        let security = container.security_context.unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert_eq!(security.read_only_root_filesystem, Some(true));
        assert_eq!(security.capabilities.unwrap().drop.unwrap(), ["ALL"]);
    }
}

#[test]
fn a_fresh_directory_is_adopted_and_then_serves() {
    let fresh = serving(None);
    let planned = plan(&fresh, &images());
    assert!(planned.adoptions[0].fresh);
    assert_eq!(planned.adoptions[0].address, "10.0.0.7");
    assert_eq!(status_of(&fresh).phase, WorkerPhase::Pending);
    let status = status_of(&serving(Some("d1")));
    assert_eq!(status.phase, WorkerPhase::Ready);
    assert_eq!(status.identity.as_deref(), Some("d1"));
    assert_eq!(
        (status.node.as_deref(), status.zone.as_deref()),
        (Some("n1"), Some("east"))
    );
    assert_eq!(
        (status.size.as_str(), status.epoch.as_str()),
        ("1.0 GiB", "4/9")
    );
}

#[test]
fn an_empty_disk_where_rows_should_be_is_never_adopted() {
    let mut observed = serving(None);
    observed.catalog = holding(1);
    assert!(plan(&observed, &images()).adoptions.is_empty());
    let status = status_of(&observed);
    assert_eq!(status.phase, WorkerPhase::Down);
    assert!(
        status
            .conditions
            .iter()
            .any(|c| c.type_ == "Ready" && c.reason == "DirectoryLost")
    );
}

#[test]
fn a_silent_worker_is_suspected_and_then_down_by_the_pools_timers_and_its_pods_readiness() {
    let before = ready_status();
    let phase = |failing: u64, pod_ready: bool, from: &WorkerStatus| {
        let mut observed = serving(Some("d1"));
        observed.workers.get_mut(&1).unwrap().status = Some(from.clone());
        observed.pods.insert(1, running_pod(pod_ready));
        observed.probes.insert(1, Err("silence".into()));
        observed.failing.insert(1, Duration::from_secs(failing));
        status_of(&observed).phase
    };
    assert_eq!(phase(5, false, &before), WorkerPhase::Ready);
    assert_eq!(phase(15, false, &before), WorkerPhase::Suspect);
    assert_eq!(phase(59, false, &before), WorkerPhase::Suspect);
    assert_eq!(phase(60, false, &before), WorkerPhase::Down);
    assert_eq!(phase(600, true, &before), WorkerPhase::Suspect);
    // A worker that never served is not suspected of anything.
    assert_eq!(
        phase(600, false, &WorkerStatus::default()),
        WorkerPhase::Pending
    );
}

/// An agent that starts while mysqld is away knows neither the identity nor what is held.
#[test]
fn what_an_agent_does_not_know_is_not_taken_for_nothing() {
    let mut observed = serving(Some("d1"));
    let known = status_of(&observed);
    assert_eq!(known.tables, 100);
    observed.workers.get_mut(&1).unwrap().status = Some(known.clone());
    let unknowing = Info {
        mysqld: None,
        held: None,
        ..info(None)
    };
    observed.probes.insert(1, Ok(unknowing));
    let status = status_of(&observed);
    assert_eq!(status.phase, WorkerPhase::Ready, "no timer has run out");
    assert_eq!((status.tables, status.size_bytes), (100, 1 << 30));
    let ready = status.conditions.iter().find(|it| it.type_ == "Ready");
    assert_eq!(ready.unwrap().reason, "MysqldSilent");
}

#[test]
fn a_worker_to_be_drained_drains_until_it_holds_nothing() {
    let mut observed = serving(Some("d1"));
    observed.workers.get_mut(&1).unwrap().spec.desired = DesiredState::Drained;
    assert_eq!(status_of(&observed).phase, WorkerPhase::Drained);
    observed.catalog = holding(1);
    assert_eq!(status_of(&observed).phase, WorkerPhase::Draining);
}

#[test]
fn sizes_that_hardly_change_are_not_written_again() {
    let mut observed = serving(Some("d1"));
    let first = status_of(&observed);
    observed.workers.get_mut(&1).unwrap().status = Some(first.clone());
    let grown = |by: u64| Info {
        held: Some(held((1 << 30) + by)),
        ..info(Some("d1"))
    };
    observed.probes.insert(1, Ok(grown(1 << 20)));
    assert_eq!(status_of(&observed), first);
    observed.probes.insert(1, Ok(grown(100 << 20)));
    assert_eq!(status_of(&observed).size_bytes, (1 << 30) + (100 << 20));
}
