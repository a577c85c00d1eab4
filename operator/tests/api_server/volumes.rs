//! A pool's storage is raised, as the cluster API sees it. No StatefulSet controller runs here: the
//! test makes the volume claims, and says what the storage class's provisioner would.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{Patch, PatchParams, PostParams};
use orrery_crds::kinds::{Worker, WorkerPool};
use serde_json::{Value, json};

use crate::support::{Archive, pool};

/// A class whose volumes grow, or do not.
async fn class(archive: &Archive, grows: bool) -> String {
    let name = format!("{}-class", archive.namespace);
    let class: StorageClass = serde_json::from_value(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "example.org/none", "allowVolumeExpansion": grows,
    }))
    .unwrap();
    let classes = kube::Api::<StorageClass>::all(archive.admin.clone());
    classes
        .create(&PostParams::default(), &class)
        .await
        .unwrap();
    name
}

/// The claim that the StatefulSet of worker 1 makes, bound.
async fn claim(archive: &Archive, class: &str) {
    let claim: PersistentVolumeClaim = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-main-w1-0", "labels": {
            "app.kubernetes.io/component": "worker", "orrery.dev/pool": "main", "orrery.dev/worker": "1",
        }},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": class, "volumeName": "v",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }))
    .unwrap();
    let claims = archive.api::<PersistentVolumeClaim>();
    claims.create(&PostParams::default(), &claim).await.unwrap();
    let bound = json!({"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}});
    let parameters = PatchParams::default();
    claims
        .patch_status("data-main-w1-0", &parameters, &Patch::Merge(bound))
        .await
        .unwrap();
}

fn asks(claim: &PersistentVolumeClaim) -> Option<&str> {
    let resources = claim.spec.as_ref()?.resources.as_ref()?;
    Some(resources.requests.as_ref()?.get("storage")?.0.as_str())
}

/// Message of a condition of the pool, when it has this reason.
fn said(pool: &WorkerPool, kind: &str, reason: &str) -> Option<String> {
    let status = pool.status.as_ref()?;
    let mut conditions = status.conditions.iter();
    let found = conditions.find(|found| found.type_ == kind && found.reason == reason)?;
    Some(found.message.clone())
}

async fn until_said(archive: &Archive, kind: &str, reason: &str) -> String {
    let holds = |pool: &WorkerPool| said(pool, kind, reason).is_some();
    let pool = archive.until::<WorkerPool>("main", reason, holds).await;
    said(&pool, kind, reason).unwrap()
}

fn storage(size: &str) -> Value {
    json!({"spec": {"storage": size}})
}

/// A pool of one worker whose claim is bound; the worker serves as far as its status says.
async fn with_volume(archive: &Archive, grows: bool) {
    let class = class(archive, grows).await;
    archive.create::<WorkerPool>("main", pool(1)).await.unwrap();
    archive
        .until::<StatefulSet>("main-w1", "there", |_| true)
        .await;
    archive.until::<Worker>("main-w1", "there", |_| true).await;
    claim(archive, &class).await;
}

#[tokio::test]
async fn volumes_grow_when_the_storage_of_a_pool_is_raised() {
    let archive = Archive::new("grows").await;
    let test = async {
        with_volume(&archive, true).await;
        archive.edit::<WorkerPool>("main", storage("2Gi")).await;
        let grown = |claim: &PersistentVolumeClaim| asks(claim) == Some("2Gi");
        archive
            .until::<PersistentVolumeClaim>("data-main-w1-0", "asked to grow", grown)
            .await;
        archive
            .until_told("VolumesGrow", "1 volumes are to grow to 2Gi")
            .await;
        // Less than a volume has is no wish that can be granted.
        archive.edit::<WorkerPool>("main", storage("1536Mi")).await;
        let why = until_said(&archive, "VolumesWait", "NeverShrinks").await;
        assert!(why.contains("data-main-w1-0"), "{why}");
        let claims = archive.api::<PersistentVolumeClaim>();
        let kept = claims.get("data-main-w1-0").await.unwrap();
        assert_eq!(asks(&kept), Some("2Gi"));
        let set = archive.api::<StatefulSet>().get("main-w1").await.unwrap();
        let made = set.spec.unwrap().volume_claim_templates.unwrap();
        assert_eq!(
            asks(&made[0]),
            Some("1Gi"),
            "a live StatefulSet's claim never changes"
        );
    };
    archive.operated(test).await;
}

#[tokio::test]
async fn volumes_of_a_class_that_cannot_grow_stay_and_a_condition_says_why() {
    let archive = Archive::new("fixed").await;
    let test = async {
        with_volume(&archive, false).await;
        archive.edit::<WorkerPool>("main", storage("2Gi")).await;
        let why = until_said(&archive, "VolumesWait", "NotExpandable").await;
        assert!(
            why.contains("storageclass") && why.contains("data-main-w1-0"),
            "{why}"
        );
        let claims = archive.api::<PersistentVolumeClaim>();
        let kept = claims.get("data-main-w1-0").await.unwrap();
        assert_eq!(asks(&kept), Some("1Gi"));
        // The user takes it back.
        archive.edit::<WorkerPool>("main", storage("1Gi")).await;
        let gone = |pool: &WorkerPool| said(pool, "VolumesWait", "NotExpandable").is_none();
        archive.until::<WorkerPool>("main", "as it was", gone).await;
    };
    archive.operated(test).await;
}
