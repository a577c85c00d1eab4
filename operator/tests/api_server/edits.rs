//! A hand edit of each kind the operator owns is reverted within 30 s, with an Event.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use orrery_archive::names::{POOL_LABEL, USERS_KEY, USERS_SECRET};
use orrery_crds::kinds::{Worker, WorkerPool};
use serde_json::json;

use crate::support::{Archive, pool};

const REVERTED: &str = "HandEditReverted";

async fn with_pool(purpose: &str) -> Archive {
    let archive = Archive::new(purpose).await;
    archive.create::<WorkerPool>("main", pool(1)).await.unwrap();
    archive
}

async fn up(archive: &Archive) {
    archive
        .until::<StatefulSet>("main-w1", "made", |_| true)
        .await;
    archive
        .until::<Secret>(USERS_SECRET, "made", |_| true)
        .await;
}

#[tokio::test]
async fn changed_fields_of_each_owned_kind_are_put_back() {
    let archive = with_pool("edits").await;
    let edits = async {
        up(&archive).await;
        archive
            .edit::<StatefulSet>("main-w1", json!({"spec": {"replicas": 0}}))
            .await;
        archive
            .edit::<Service>(
                "main-w1",
                json!({"spec": {"publishNotReadyAddresses": false}}),
            )
            .await;
        archive
            .edit::<ConfigMap>(
                "main-mysqld",
                json!({"data": {"my.cnf": "[mariadbd]\nsql_mode="}}),
            )
            .await;
        archive
            .edit::<PodDisruptionBudget>("main", json!({"spec": {"maxUnavailable": 5}}))
            .await;
        archive
            .edit::<Worker>(
                "main-w1",
                json!({"metadata": {"labels": {"app.kubernetes.io/component": "else", POOL_LABEL: null}}}),
            )
            .await;
        archive
            .edit::<Secret>(USERS_SECRET, json!({"data": {USERS_KEY: "e30="}}))
            .await;

        let replicas = |set: &StatefulSet| {
            set.spec
                .as_ref()
                .is_some_and(|spec| spec.replicas == Some(1))
        };
        archive.until("main-w1", "put back", replicas).await;
        let publishes = |service: &Service| {
            let spec = service.spec.as_ref();
            spec.is_some_and(|spec| spec.publish_not_ready_addresses == Some(true))
        };
        archive.until("main-w1", "put back", publishes).await;
        let strict = |config: &ConfigMap| {
            config
                .data
                .as_ref()
                .is_some_and(|data| data["my.cnf"].contains("STRICT_TRANS"))
        };
        archive.until("main-mysqld", "put back", strict).await;
        let one = |budget: &PodDisruptionBudget| {
            let spec = budget.spec.as_ref();
            spec.is_some_and(|spec| spec.max_unavailable == Some(IntOrString::Int(1)))
        };
        archive.until("main", "put back", one).await;
        let labelled = |worker: &Worker| worker.labels()["app.kubernetes.io/component"] == "worker";
        archive.until("main-w1", "put back", labelled).await;
        let versioned = |secret: &Secret| {
            let text = &secret.data.as_ref().unwrap()[USERS_KEY].0;
            String::from_utf8_lossy(text).contains("version")
        };
        archive.until(USERS_SECRET, "put back", versioned).await;
        for kind in [
            "StatefulSet",
            "Service",
            "ConfigMap",
            "PodDisruptionBudget",
            "Worker",
            "Secret",
        ] {
            archive.until_told(REVERTED, kind).await;
        }
        // A worker without its labels was not missed.
        let workers = archive
            .api::<Worker>()
            .list(&ListParams::default())
            .await
            .unwrap();
        assert_eq!(workers.items.len(), 1);
    };
    archive.operated(edits).await;
}

#[tokio::test]
async fn added_fields_are_taken_away() {
    let archive = with_pool("additions").await;
    let edits = async {
        up(&archive).await;
        archive
            .edit::<ConfigMap>("main-mysqld", json!({"data": {"extra.cnf": "[mariadbd]"}}))
            .await;
        archive
            .edit::<Service>("main-w1", json!({"spec": {"selector": {"else": "x"}}}))
            .await;
        let container = json!([{"op": "add", "path": "/spec/template/spec/containers/-",
            "value": {"name": "intruder", "image": "x"}}]);
        let container: json_patch::Patch = serde_json::from_value(container).unwrap();
        archive
            .api::<StatefulSet>()
            .patch(
                "main-w1",
                &kube::api::PatchParams::default(),
                &kube::api::Patch::Json::<()>(container),
            )
            .await
            .unwrap();

        let alone = |config: &ConfigMap| config.data.as_ref().is_some_and(|data| data.len() == 1);
        archive
            .until("main-mysqld", "without the addition", alone)
            .await;
        let plain = |service: &Service| {
            !service
                .spec
                .as_ref()
                .unwrap()
                .selector
                .as_ref()
                .unwrap()
                .contains_key("else")
        };
        archive
            .until("main-w1", "without the addition", plain)
            .await;
        let two = |set: &StatefulSet| {
            set.spec
                .as_ref()
                .unwrap()
                .template
                .spec
                .as_ref()
                .unwrap()
                .containers
                .len()
                == 2
        };
        archive.until("main-w1", "without the addition", two).await;
        let note = archive.until_told(REVERTED, "ConfigMap").await;
        assert!(note.contains("data.extra.cnf"), "{note}");
    };
    archive.operated(edits).await;
}

#[tokio::test]
async fn deleted_objects_come_back() {
    let archive = with_pool("deletions").await;
    let deletions = async {
        up(&archive).await;
        let now = DeleteParams::background();
        let uid = archive.api::<Service>().get("main-w1").await.unwrap().uid();
        archive
            .api::<Service>()
            .delete("main-w1", &now)
            .await
            .unwrap();
        archive
            .api::<ConfigMap>()
            .delete("main-mysqld", &now)
            .await
            .unwrap();
        archive
            .api::<PodDisruptionBudget>()
            .delete("main", &now)
            .await
            .unwrap();
        archive
            .api::<Secret>()
            .delete(USERS_SECRET, &now)
            .await
            .unwrap();
        archive
            .until::<Service>("main-w1", "made again", |service| service.uid() != uid)
            .await;
        archive
            .until::<ConfigMap>("main-mysqld", "made again", |_| true)
            .await;
        archive
            .until::<PodDisruptionBudget>("main", "made again", |_| true)
            .await;
        archive
            .until::<Secret>(USERS_SECRET, "made again", |_| true)
            .await;
        archive.until_told("Created", "Service").await;
    };
    archive.operated(deletions).await;
}

#[tokio::test]
async fn labels_and_annotations_of_others_stay() {
    let archive = with_pool("labels").await;
    let edits = async {
        up(&archive).await;
        archive
            .edit::<Service>(
                "main-w1",
                json!({"metadata": {"labels": {"team": "sky"}}, "spec": {"selector": {"else": "x"}}}),
            )
            .await;
        let plain = |service: &Service| {
            !service
                .spec
                .as_ref()
                .unwrap()
                .selector
                .as_ref()
                .unwrap()
                .contains_key("else")
        };
        let service = archive
            .until("main-w1", "without the addition", plain)
            .await;
        assert_eq!(service.labels()["team"], "sky");
        assert_eq!(service.labels()[POOL_LABEL], "main");
    };
    archive.operated(edits).await;
}
