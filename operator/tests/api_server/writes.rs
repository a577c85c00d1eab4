//! What the operator writes, and what it never does.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt;
use kube::api::ListParams;
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, DesiredState, QueryUser, Worker, WorkerPool};
use orrery_operator::archive::Archives;
use orrery_operator::controller::apply::{ApplyError, Change, Ownership, apply};
use orrery_operator::controller::conflicts::Conflicts;
use orrery_operator::controller::runner::Controller;
use orrery_operator::pools::observe::{Clocks, observe};
use orrery_operator::pools::plan::plan;
use orrery_operator::pools::{Pools, status};
use orrery_operator::secrets::Secrets;
use orrery_operator::users::Users;
use serde_json::{Value, json};

use crate::nodes::first_worker;
use crate::support::{Archive, director, family, pool};

/// The controllers of this part that remember something.
#[derive(Default)]
struct Controllers {
    pools: Pools,
    archives: Archives,
}

/// One round of every controller of this part.
async fn round(archive: &Archive, controllers: &Controllers) {
    let (context, namespace) = (&archive.context, &archive.namespace);
    let Controllers { pools, archives } = controllers;
    Secrets.reconcile(context, namespace).await.unwrap();
    let pool = (namespace.clone(), "main".to_owned());
    pools.reconcile(context, &pool).await.unwrap();
    archives.reconcile(context, namespace).await.unwrap();
    Users.reconcile(context, namespace).await.unwrap();
}

async fn declared(purpose: &str) -> Archive {
    let archive = Archive::new(purpose).await;
    archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
    archive
        .create::<ChunkFamily>("sky", family(2))
        .await
        .unwrap();
    archive
        .create::<ChunkedTable>("object", director("Object"))
        .await
        .unwrap();
    archive
        .create::<QueryUser>(
            "nobody",
            json!({"user": "nobody", "passwordSecret": "missing"}),
        )
        .await
        .unwrap();
    archive
}

#[tokio::test]
async fn a_second_reconcile_without_change_sends_no_write() {
    let archive = declared("writes").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    let _worker = first_worker(&archive).await;
    let is_accepted = async || {
        let table = archive.api::<ChunkedTable>().get("object").await.unwrap();
        table.status.unwrap().incarnation.is_some()
    };
    while !is_accepted().await {
        round(&archive, &controllers).await;
    }
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    let before = archive.writes();
    assert!(before > 20, "only {before} writes made an archive");
    for _ in 0..3 {
        round(&archive, &controllers).await;
    }
    assert_eq!(archive.writes(), before);
    // A new process knows nothing and must come to the same rest.
    round(&archive, &Controllers::default()).await;
    assert_eq!(archive.writes(), before);
}

#[tokio::test]
async fn a_pool_becomes_one_stateful_set_per_worker_with_ids_of_their_own() {
    let archive = declared("pool").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    for name in ["main-w1", "main-w2"] {
        archive.api::<Worker>().get(name).await.unwrap();
        archive.api::<Service>().get(name).await.unwrap();
        let set = archive
            .api::<StatefulSet>()
            .get(name)
            .await
            .unwrap()
            .spec
            .unwrap();
        assert_eq!(set.replicas, Some(1));
        assert_eq!(
            set.update_strategy.unwrap().type_.as_deref(),
            Some("OnDelete")
        );
    }
    let budget = archive
        .api::<PodDisruptionBudget>()
        .get("main")
        .await
        .unwrap()
        .spec
        .unwrap();
    assert_eq!(
        budget.unhealthy_pod_eviction_policy.as_deref(),
        Some("AlwaysAllow")
    );
    archive.api::<ConfigMap>().get("main-mysqld").await.unwrap();
    let status = archive
        .api::<WorkerPool>()
        .get("main")
        .await
        .unwrap()
        .status
        .unwrap();
    assert_eq!((status.workers, status.ready_workers), (2, 0));
}

#[tokio::test]
async fn worker_ids_are_never_used_again() {
    let archive = declared("ids").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    archive
        .api::<Worker>()
        .delete("main-w2", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    let mut ids: Vec<u32> = archive
        .api::<Worker>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .map(|worker| worker.spec.id)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 3]);
}

#[tokio::test]
async fn what_users_own_is_never_written() {
    let archive = declared("owned").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    archive
        .edit::<Worker>("main-w1", json!({"spec": {"desired": "Drained"}}))
        .await;
    archive
        .edit::<WorkerPool>("main", json!({"spec": {"workers": 1}}))
        .await;
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    let worker = archive.api::<Worker>().get("main-w1").await.unwrap();
    assert_eq!(worker.spec.desired, DesiredState::Drained);
    assert!(!owns(&worker, "f:desired"), "{:?}", worker.managed_fields());
    let pool = archive.api::<WorkerPool>().get("main").await.unwrap();
    assert_eq!(pool.spec.workers, 1);
    assert!(!owns(&pool, "f:workers"));
    // A pool that was scaled down keeps its workers until they are drained, and says so.
    assert_eq!(
        archive
            .api::<Worker>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    let conditions = pool.status.unwrap().conditions;
    assert!(
        conditions
            .iter()
            .any(|c| c.type_ == "ScaleDownWaits" && c.status == "True")
    );
}

/// Whether the operator is a manager of this field of the spec.
fn owns(object: &impl ResourceExt, field: &str) -> bool {
    object.managed_fields().iter().any(|entry| {
        entry.manager.as_deref() == Some("orrery-operator")
            && entry.fields_v1.as_ref().is_some_and(|fields| {
                fields
                    .0
                    .get("f:spec")
                    .is_some_and(|spec| spec.get(field).is_some())
            })
    })
}

/// An operator that stood still between its look and its write must not put back what another one
/// replaced meanwhile: settings, a pod's template, a user who was revoked.
#[tokio::test]
async fn an_object_that_changed_since_it_was_looked_at_is_not_written_over() {
    let archive = Archive::new("stale").await;
    let api = settings_api(&archive);
    let wanted = |value: &str| settings(&archive, &json!({}), &json!({"my.cnf": value}));
    let whole = Ownership::Whole;
    apply(&api, None, &wanted("first"), whole).await.unwrap();
    let seen = api.get("settings").await.unwrap();
    let second = apply(&api, Some(&seen), &wanted("second"), whole).await;
    assert_eq!(second.unwrap(), Change::Updated);
    let late = apply(&api, Some(&seen), &wanted("late"), whole).await;
    let ApplyError::Api { source, .. } = late.unwrap_err() else {
        panic!("another error");
    };
    assert!(matches!(&source, kube::Error::Api(status) if status.is_conflict()));
    let now = api.get("settings").await.unwrap().data.unwrap();
    assert_eq!(now["my.cnf"], "second");
}

#[tokio::test]
async fn an_object_that_somebody_made_since_none_was_seen_is_not_written_over() {
    let archive = Archive::new("absent").await;
    let api = settings_api(&archive);
    let wanted = |value: &str| settings(&archive, &json!({}), &json!({"my.cnf": value}));
    let whole = Ownership::Whole;
    let first = apply(&api, None, &wanted("first"), whole).await;
    assert_eq!(first.unwrap(), Change::Created);
    let late = apply(&api, None, &wanted("late"), whole).await;
    let ApplyError::Api { source, .. } = late.unwrap_err() else {
        panic!("another error");
    };
    assert!(matches!(&source, kube::Error::Api(status) if status.is_already_exists()));
    let now = api.get("settings").await.unwrap().data.unwrap();
    assert_eq!(now["my.cnf"], "first");
}

#[tokio::test]
async fn what_is_not_wanted_any_more_goes_and_what_others_said_of_the_object_stays() {
    let archive = Archive::new("former").await;
    let api = settings_api(&archive);
    let whole = Ownership::Whole;
    let former = settings(
        &archive,
        &json!({"ours": "1", "former": "1"}),
        &json!({"my.cnf": "x", "former.cnf": "x"}),
    );
    apply(&api, None, &former, whole).await.unwrap();
    let theirs = json!({"metadata": {"labels": {"theirs": "1"}}});
    archive.edit::<ConfigMap>("settings", theirs).await;
    let seen = api.get("settings").await.unwrap();
    let newer = settings(&archive, &json!({"ours": "1"}), &json!({"my.cnf": "x"}));
    apply(&api, Some(&seen), &newer, whole).await.unwrap();
    let now = api.get("settings").await.unwrap();
    let labels: Vec<&str> = now.labels().keys().map(String::as_str).collect();
    assert_eq!(labels, ["ours", "theirs"]);
    assert_eq!(now.data.unwrap().len(), 1);
}

/// A person's edit of one Worker, just when statuses are written.
#[tokio::test]
async fn a_conflict_costs_the_write_of_that_object_only() {
    let archive = declared("conflict").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    let (context, namespace) = (&archive.context, &archive.namespace);
    let observed = observe(context, &Clocks::default(), namespace, "main").await;
    let mut observed = observed.unwrap().unwrap();
    // Every status is to be written.
    observed.pool.metadata.generation = Some(99);
    for worker in observed.workers.values_mut() {
        worker.metadata.generation = Some(99);
    }
    let note = json!({"metadata": {"annotations": {"note": "mine"}}});
    archive.edit::<Worker>("main-w1", note).await;
    let plan = plan(&observed, &context.images);
    let mut conflicts = Conflicts::default();
    let written = status::write(context, namespace, &observed, &plan, &mut conflicts).await;
    written.unwrap();
    assert!(conflicts.any());
    let of_worker = async |name: &str| {
        let worker = archive.api::<Worker>().get(name).await.unwrap();
        worker.status.unwrap().observed_generation
    };
    assert_eq!(of_worker("main-w1").await, Some(1));
    assert_eq!(of_worker("main-w2").await, Some(99));
    let pool = archive.api::<WorkerPool>().get("main").await.unwrap();
    assert_eq!(pool.status.unwrap().observed_generation, Some(99));
}

fn settings_api(archive: &Archive) -> kube::Api<ConfigMap> {
    kube::Api::namespaced(archive.context.client.clone(), &archive.namespace)
}

/// A ConfigMap with these labels and this content.
fn settings(archive: &Archive, labels: &Value, data: &Value) -> ConfigMap {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": archive.namespace, "labels": labels},
        "data": data,
    });
    serde_json::from_value(object).unwrap()
}

#[tokio::test]
async fn nothing_blocks_the_deletion_of_the_namespace() {
    let archive = declared("finalizers").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    macro_rules! no_finalizers {
        ($($kind:ty),*) => {$(
            for object in archive.api::<$kind>().list(&ListParams::default()).await.unwrap() {
                assert!(object.finalizers().is_empty(), "{} has a finalizer", object.name_any());
            }
        )*};
    }
    no_finalizers!(
        WorkerPool,
        Worker,
        ChunkFamily,
        ChunkedTable,
        QueryUser,
        StatefulSet,
        Service,
        ConfigMap,
        Secret
    );
    no_finalizers!(orrery_crds::kinds::ChunkMap, PodDisruptionBudget);
}

#[tokio::test]
async fn a_paused_pool_is_left_alone() {
    let archive = declared("paused").await;
    let controllers = Controllers::default();
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    archive
        .edit::<WorkerPool>("main", json!({"spec": {"paused": true, "workers": 5}}))
        .await;
    archive
        .edit::<StatefulSet>("main-w1", json!({"spec": {"replicas": 0}}))
        .await;
    archive
        .settle(async || round(&archive, &controllers).await)
        .await;
    assert_eq!(
        archive
            .api::<Worker>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    let set = archive.api::<StatefulSet>().get("main-w1").await.unwrap();
    assert_eq!(set.spec.unwrap().replicas, Some(0));
}
