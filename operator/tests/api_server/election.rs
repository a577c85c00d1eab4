//! One leads, the other waits.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use orrery_operator::leader::{Candidate, LEASE, Lost};
use serde_json::json;

use crate::support::{admin, namespace};

#[tokio::test]
async fn a_standby_takes_over_a_released_lease_with_a_higher_transition() {
    let client = admin().await;
    let namespace = namespace(&client, "lease").await;
    let first = Candidate::new(client.clone(), &namespace, "first")
        .win(|| {})
        .await;
    let standby = Candidate::new(client.clone(), &namespace, "second");
    let mut standby = std::pin::pin!(standby.win(|| {}));
    let waits = tokio::time::timeout(Duration::from_secs(1), &mut standby).await;
    assert!(waits.is_err(), "two lead at once");
    let transitions = first.transitions;
    first.release().await;
    let second = standby.await;
    assert!(second.transitions > transitions);
}

#[tokio::test]
async fn a_leader_whose_lease_was_taken_stops() {
    let client = admin().await;
    let namespace = namespace(&client, "taken").await;
    let mut leadership = Candidate::new(client.clone(), &namespace, "first")
        .win(|| {})
        .await;
    let leases: Api<Lease> = Api::namespaced(client, &namespace);
    let taken = json!({"spec": {"holderIdentity": "second", "leaseTransitions": 9}});
    leases
        .patch(LEASE, &PatchParams::default(), &Patch::Merge(taken))
        .await
        .unwrap();
    assert!(matches!(leadership.lost(|| {}).await, Lost::Taken));
}

#[tokio::test]
async fn a_leader_goes_on_when_somebody_only_labels_its_lease() {
    let client = admin().await;
    let namespace = namespace(&client, "labelled").await;
    let mut leadership = Candidate::new(client.clone(), &namespace, "first")
        .win(|| {})
        .await;
    let leases: Api<Lease> = Api::namespaced(client, &namespace);
    let labelled = json!({"metadata": {"labels": {"a": "b"}}});
    leases
        .patch(LEASE, &PatchParams::default(), &Patch::Merge(labelled))
        .await
        .unwrap();
    let renewed = std::sync::Arc::new(tokio::sync::Notify::new());
    let beat = renewed.clone();
    tokio::select! {
        lost = leadership.lost(move || beat.notify_one()) => panic!("{lost}"),
        () = renewed.notified() => {}
    }
}
