//! Czars and proxies write the Leases of their own pods and no others.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use orrery_archive::catalog::Epochs;
use orrery_archive::names::{CA_SECRET, PUBLIC_KEYS_CONFIG, SIGNING_SECRET, USERS_SECRET};
use orrery_snapshot::lease::{InUse, Reader, renew};
use serde_json::{Value, json};

use crate::support::{Archive, SOON_ENOUGH};

/// The Lease of the operator's election.
const ELECTION: &str = "orrery-operator";

fn lease(name: &str) -> Lease {
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name}, "spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 15}});
    serde_json::from_value(lease).unwrap()
}

/// A pod of the chart's ServiceAccount for czars; nothing runs it here.
async fn czar(archive: &Archive, name: &str) -> Pod {
    let pod: Value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"serviceAccountName": "orrery-czar", "containers": [{"name": "czar", "image": "orrery:test"}]}});
    let pod = serde_json::from_value(pod).unwrap();
    let pods = archive.api::<Pod>();
    pods.create(&PostParams::default(), &pod).await.unwrap()
}

fn leases(client: &Client, archive: &Archive) -> Api<Lease> {
    Api::namespaced(client.clone(), &archive.namespace)
}

#[track_caller]
fn assert_forbidden<T: std::fmt::Debug>(done: Result<T, kube::Error>) {
    match done {
        Err(kube::Error::Api(status)) if status.code == 403 => {}
        other => panic!("not refused as forbidden: {other:?}"),
    }
}

/// Waits until the API server enforces the chart's policy, which it reads some moments after.
async fn enforced(leases: &Api<Lease>) {
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let deadline = Instant::now() + SOON_ENOUGH;
    while leases.create(&dry, &lease("any")).await.is_ok() {
        assert!(Instant::now() < deadline, "the policy is not enforced");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Every way in which a reader may write a Lease.
async fn try_to_take(leases: &Api<Lease>, name: &str) {
    let theirs = lease(name);
    let apply = PatchParams::apply("orrery-reader").force();
    let applied = leases.patch(name, &apply, &Patch::Apply(&theirs)).await;
    assert_forbidden(applied);
    let merge = Patch::Merge(json!({"spec": {"holderIdentity": "me"}}));
    let merged = leases.patch(name, &PatchParams::default(), &merge).await;
    assert_forbidden(merged);
    let deleted = leases.delete(name, &DeleteParams::default()).await;
    assert_forbidden(deleted);
}

#[tokio::test]
async fn a_czar_that_was_taken_over_takes_no_lease_but_its_own() {
    let archive = Archive::new("leases").await;
    let administrator = archive.api::<Lease>();
    let own = czar(&archive, "czar-a").await;
    czar(&archive, "czar-b").await;
    for name in [ELECTION, "czar-b"] {
        let parameters = PostParams::default();
        administrator
            .create(&parameters, &lease(name))
            .await
            .unwrap();
    }
    let client = archive.as_account("orrery-czar", Some(&own)).await;
    let as_czar = leases(&client, &archive);
    enforced(&as_czar).await;

    for name in [ELECTION, "czar-b"] {
        try_to_take(&as_czar, name).await;
        let after = administrator.get(name).await.unwrap();
        let holder = after.spec.unwrap().holder_identity;
        assert_eq!(holder.as_deref(), Some("somebody"));
    }
    let parameters = PostParams::default();
    let made = as_czar
        .create(&parameters, &lease("orrery-operator-2"))
        .await;
    assert_forbidden(made);
    // A token that no pod was given may name any pod.
    let unbound = archive.as_account("orrery-czar", None).await;
    let made = leases(&unbound, &archive)
        .create(&parameters, &lease("czar-a"))
        .await;
    assert_forbidden(made);

    let in_use = InUse::default();
    in_use.serve(Epochs {
        data: 1,
        placement: 1,
    });
    let reader = Reader {
        pod: "czar-a".into(),
        pod_uid: own.metadata.uid.clone().unwrap(),
        component: "czar".into(),
        tls: None,
    };
    let renewing = renew(client, archive.namespace.clone(), reader, in_use);
    let there = archive.until::<Lease>("czar-a", "renewed", |lease| {
        let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.clone());
        holder.as_deref() == Some("czar-a")
    });
    tokio::select! {
        () = renewing => panic!("renewing ended"),
        _ = there => {}
    }
}

/// What signs catalog copies and certificates is read by the operator alone.
#[tokio::test]
async fn czars_and_proxies_read_no_secret_but_that_of_users() {
    let archive = Archive::new("readers").await;
    let made = async {
        for name in [SIGNING_SECRET, CA_SECRET, USERS_SECRET] {
            archive.until::<Secret>(name, "made", |_| true).await;
        }
        archive
            .until::<ConfigMap>(PUBLIC_KEYS_CONFIG, "made", |_| true)
            .await;
    };
    archive.operated(made).await;
    for account in ["orrery-czar", "orrery-proxy"] {
        let client = archive.as_account(account, None).await;
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &archive.namespace);
        secrets.get(USERS_SECRET).await.unwrap();
        for name in [SIGNING_SECRET, CA_SECRET] {
            assert_forbidden(secrets.get(name).await);
        }
        let keys: Api<ConfigMap> = Api::namespaced(client, &archive.namespace);
        let forged = Patch::Merge(json!({"data": {"keys": "00"}}));
        let parameters = PatchParams::default();
        let written = keys.patch(PUBLIC_KEYS_CONFIG, &parameters, &forged).await;
        assert_forbidden(written);
    }
}
