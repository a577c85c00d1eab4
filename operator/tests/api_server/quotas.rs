//! Every pod fits a namespace that is restricted and has quotas, whoever makes it.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Pod, PodSpec, ResourceQuota};
use kube::Api;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use orrery_crds::kinds::{ChunkFamily, ChunkedTable, Ingest, WorkerPool};
use serde_json::{Value, json};

use crate::nodes::{Nodes, Running, first_worker};
use crate::support::{Archive, admin, director, family, namespace};

/// What the namespace counts.
const COUNTED: [&str; 4] = [
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];

/// The limits of CPU that an administrator sets where a quota counts them.
const CPU_LIMITS: &str = "operator.resources.limits.cpu=1,czar.resources.limits.cpu=2,\
    czar.shadow.resources.limits.cpu=1,proxy.resources.limits.cpu=1,\
    agent.resources.limits.cpu=1,loader.resources.limits.cpu=1";

/// A namespace that enforces the level `restricted` and has a quota.
async fn strict(purpose: &str) -> Archive {
    let admin = admin().await;
    let name = namespace(&admin, purpose).await;
    let label =
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<Namespace> = Api::all(admin.clone());
    let (parameters, label) = (PatchParams::default(), Patch::Merge(label));
    namespaces.patch(&name, &parameters, &label).await.unwrap();
    let hard: Value = COUNTED
        .iter()
        .map(|what| (*what).to_owned())
        .zip([json!("100"), json!("100Gi"), json!("100"), json!("100Gi")])
        .collect();
    let quotas: Api<ResourceQuota> = Api::namespaced(admin.clone(), &name);
    let quota = json!({"metadata": {"name": "all"}, "spec": {"hard": hard}});
    let quota: ResourceQuota = serde_json::from_value(quota).unwrap();
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    // There is no controller here that would count.
    let used: Value = COUNTED
        .iter()
        .map(|what| ((*what).to_owned(), json!("0")))
        .collect();
    let status = Patch::Merge(json!({"status": {"hard": hard, "used": used}}));
    quotas
        .patch_status("all", &parameters, &status)
        .await
        .unwrap();
    Archive::install(admin, name, &["--set", CPU_LIMITS]).await
}

/// A pool and a table with an ingest, so that the operator makes each kind of pod.
async fn declare(archive: &Archive) -> (Nodes, Running) {
    let all = json!({"cpu": "1", "memory": "1Gi"});
    let pool =
        json!({"workers": 1, "storage": "1Gi", "resources": {"requests": all, "limits": all}});
    archive.create::<WorkerPool>("main", pool).await.unwrap();
    let worker = first_worker(archive).await;
    let family = family(1);
    archive.create::<ChunkFamily>("sky", family).await.unwrap();
    let star = director("Star");
    archive.create::<ChunkedTable>("star", star).await.unwrap();
    let ingest = json!({"target": {"database": "sky", "table": "Star"}, "sources": [{"url": "http://files/a.csv"}]});
    archive.create::<Ingest>("stars", ingest).await.unwrap();
    worker
}

/// What the API server says to a pod of this template.
async fn made(archive: &Archive, what: &str, spec: PodSpec) -> Result<Pod, kube::Error> {
    let pod = Pod {
        metadata: ObjectMeta {
            name: Some(format!("try-{what}")),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        ..Pod::default()
    };
    archive
        .api::<Pod>()
        .create(&PostParams::default(), &pod)
        .await
}

/// The pods that the chart and the operator make, by name.
async fn templates(archive: &Archive) -> Vec<(String, PodSpec)> {
    let listed = archive
        .api::<Deployment>()
        .list(&ListParams::default())
        .await;
    let template = |deployment: Deployment| {
        let pod = deployment.spec?.template.spec?;
        Some((deployment.metadata.name?, pod))
    };
    let mut found: Vec<_> = listed
        .unwrap()
        .items
        .into_iter()
        .filter_map(template)
        .collect();
    let workers = archive
        .until::<StatefulSet>("main-w1", "made", |_| true)
        .await;
    let mut worker = workers.spec.unwrap().template.spec.unwrap();
    // The volume of the claim, as the controller of StatefulSets enters it.
    let data = json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-main-w1-0"}});
    let data = serde_json::from_value(data).unwrap();
    worker.volumes.get_or_insert_default().push(data);
    found.push(("worker".into(), worker));
    let loader = archive.until::<Job>("ingest-stars", "made", |_| true).await;
    found.push(("loader".into(), loader.spec.unwrap().template.spec.unwrap()));
    found
}

/// The same for what is declared now.
async fn declared(archive: &Archive) -> Vec<(String, PodSpec)> {
    let _worker = declare(archive).await;
    templates(archive).await
}

#[tokio::test]
async fn every_pod_is_taken_by_a_restricted_namespace_with_a_quota() {
    let archive = strict("quotas").await;
    let templates = archive.operated(declared(&archive)).await;
    let names: Vec<&str> = templates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "orrery-czar",
            "orrery-operator",
            "orrery-proxy",
            "worker",
            "loader"
        ]
    );
    for (name, spec) in &templates {
        let refused = made(&archive, name, spec.clone()).await.err();
        assert!(refused.is_none(), "{name}: {refused:?}");
    }
    // The quota is one that counts: a container that says nothing is refused.
    let mut silent = templates[0].1.clone();
    silent.containers[0].resources = None;
    let refused = made(&archive, "silent", silent.clone()).await.unwrap_err();
    assert!(
        refused.to_string().contains("must specify limits.cpu"),
        "{refused}"
    );
    // With a LimitRange it need not say anything.
    let range = json!({"metadata": {"name": "all"}, "spec": {"limits": [{"type": "Container",
        "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"}}]}});
    let range: LimitRange = serde_json::from_value(range).unwrap();
    archive
        .api()
        .create(&PostParams::default(), &range)
        .await
        .unwrap();
    // The API server learns of a range a moment after it took it.
    let end = Instant::now() + Duration::from_secs(60);
    while let Err(refused) = made(&archive, "silent", silent.clone()).await {
        assert!(Instant::now() < end, "{refused}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// On clusters that give each namespace a user of its own.
#[tokio::test]
async fn no_pod_names_a_user_where_the_namespace_chooses_it() {
    let admin = admin().await;
    let name = namespace(&admin, "uids").await;
    let values = "podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null,podSecurityContext.fsGroup=null";
    let archive = Archive::install(admin, name, &["--set", values]).await;
    for (name, spec) in archive.operated(declared(&archive)).await {
        let text = serde_json::to_string(&spec).unwrap();
        for word in ["runAsUser", "runAsGroup", "fsGroup\"", "65532"] {
            assert!(!text.contains(word), "{name}: {word}");
        }
        assert!(text.contains("\"runAsNonRoot\":true"), "{name}");
    }
}
