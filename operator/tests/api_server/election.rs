//! One leads, the other waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use orrery_operator::leader::{Candidate, LEASE, Lost};
use serde_json::json;
use tokio_util::sync::CancellationToken;

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
    let release = CancellationToken::new();
    release.cancel();
    first.keep(|| {}, release).await.unwrap().unwrap();
    let second = standby.await;
    assert!(second.transitions > transitions);
}

#[tokio::test]
async fn a_leader_whose_lease_was_taken_stops() {
    let client = admin().await;
    let namespace = namespace(&client, "taken").await;
    let leadership = Candidate::new(client.clone(), &namespace, "first")
        .win(|| {})
        .await;
    let leases: Api<Lease> = Api::namespaced(client, &namespace);
    let taken = json!({"spec": {"holderIdentity": "second", "leaseTransitions": 9}});
    leases
        .patch(LEASE, &PatchParams::default(), &Patch::Merge(taken))
        .await
        .unwrap();
    let ended = leadership.keep(|| {}, CancellationToken::new()).await;
    assert!(matches!(ended.unwrap(), Err(Lost::Taken)));
}

#[tokio::test]
async fn a_leader_goes_on_when_somebody_only_labels_its_lease() {
    let client = admin().await;
    let namespace = namespace(&client, "labelled").await;
    let leadership = Candidate::new(client.clone(), &namespace, "first")
        .win(|| {})
        .await;
    let leases: Api<Lease> = Api::namespaced(client, &namespace);
    let labelled = json!({"metadata": {"labels": {"a": "b"}}});
    leases
        .patch(LEASE, &PatchParams::default(), &Patch::Merge(labelled))
        .await
        .unwrap();
    let renewed = Arc::new(tokio::sync::Notify::new());
    let beat = renewed.clone();
    tokio::select! {
        ended = leadership.keep(move || beat.notify_one(), CancellationToken::new()) => panic!("{ended:?}"),
        () = renewed.notified() => {}
    }
}

/// Controllers share a task: an edit of a large catalog computes for seconds without a pause.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_leader_that_computes_for_long_renews_its_lease_meanwhile() {
    let client = admin().await;
    let namespace = namespace(&client, "busy").await;
    let leadership = Candidate::new(client.clone(), &namespace, "first")
        .win(|| {})
        .await;
    let renewals = Arc::new(AtomicUsize::new(0));
    let counted = renewals.clone();
    let count = move || {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let kept = leadership.keep(count, CancellationToken::new());
    std::thread::sleep(Duration::from_secs(7));
    let renewals = renewals.load(Ordering::SeqCst);
    assert!(renewals >= 2, "{renewals} in 7 s");
    kept.abort();
}
