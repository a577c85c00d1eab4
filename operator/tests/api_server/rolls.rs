//! Pods of an older spec, as the cluster API has them. No pod runs here: those of the test stand for
//! one that does not become ready.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, PostParams};
use orrery_crds::kinds::WorkerPool;
use serde_json::{Value, json};

use crate::support::{Archive, SOON_ENOUGH, pool};

/// A pod of worker 1 that was made from `revision`.
async fn make_pod(archive: &Archive, revision: &str) {
    let pod: Pod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "main-w1-0", "labels": {
            "app.kubernetes.io/component": "worker", "orrery.dev/pool": "main",
            "orrery.dev/worker": "1", "controller-revision-hash": revision,
        }},
        "spec": {"serviceAccountName": "orrery-operator", "containers": [{"name": "mysqld", "image": "none"}], "automountServiceAccountToken": false},
    }))
    .unwrap();
    let pods = archive.api::<Pod>();
    pods.create(&PostParams::default(), &pod).await.unwrap();
}

/// What the StatefulSet's controller would say: its newest revision.
async fn set_revision(archive: &Archive, revision: &str) {
    let sets = archive.api::<StatefulSet>();
    let set = sets.get("main-w1").await.unwrap();
    let status: Value = json!({"status": {
        "replicas": 1, "updateRevision": revision, "observedGeneration": set.metadata.generation,
    }});
    let patch = Patch::Merge(status);
    sets.patch_status("main-w1", &PatchParams::default(), &patch)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_pod_that_does_not_serve_is_restarted_when_there_is_a_newer_spec_and_only_then() {
    let archive = Archive::new("rolls").await;
    archive.create::<WorkerPool>("main", pool(1)).await.unwrap();
    let test = async {
        archive
            .until::<StatefulSet>("main-w1", "there", |_| true)
            .await;
        make_pod(&archive, "one").await;
        set_revision(&archive, "one").await;
        let before = archive.api::<Pod>().get("main-w1-0").await.unwrap().uid();
        // A pool whose workers do not serve is looked at every two seconds.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let kept = archive.api::<Pod>().get("main-w1-0").await.unwrap();
        assert_eq!(kept.uid(), before);
        set_revision(&archive, "two").await;
        let deadline = tokio::time::Instant::now() + SOON_ENOUGH;
        while let Some(pod) = archive.api::<Pod>().get_opt("main-w1-0").await.unwrap()
            && pod.metadata.deletion_timestamp.is_none()
        {
            assert!(
                tokio::time::Instant::now() < deadline,
                "it was not restarted"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        archive
            .until_told("Restarts", "main-w1-0 is restarted")
            .await;
    };
    archive.operated(test).await;
}
