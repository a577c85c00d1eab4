//! The archive's own Secrets are made once, and kept.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::DeleteParams;
use orrery_archive::catalog::users::Users;
use orrery_archive::names::{
    CA_SECRET, Holder, MYSQL_SECRET, READER_ACCOUNT, ROTATE_ANNOTATION, ROTATION_ANNOTATION,
    SIGNING_SECRET, USERS_KEY, USERS_SECRET,
};
use orrery_crds::kinds::{QueryRole, QueryUser, Worker, WorkerPool};
use orrery_operator::secrets::certificates::is_signed_by;
use orrery_operator::secrets::values::{AUTHORITY, CERTIFICATE, value};
use serde_json::json;

use crate::support::{Archive, pool};

#[tokio::test]
async fn own_values_stay_and_lost_certificates_come_back() {
    let archive = Archive::new("secrets").await;
    let checks = async {
        for holder in Holder::SHARED {
            archive
                .until::<Secret>(&holder.tls_secret(), "made", |_| true)
                .await;
        }
        archive
            .until::<Secret>(SIGNING_SECRET, "made", |_| true)
            .await;
        let authority = archive.api::<Secret>().get(CA_SECRET).await.unwrap();
        archive
            .edit::<Secret>(
                MYSQL_SECRET,
                json!({"stringData": {READER_ACCOUNT: "rotated"}}),
            )
            .await;
        let czar = &Holder::Czar.tls_secret();
        archive
            .api::<Secret>()
            .delete(czar, &DeleteParams::default())
            .await
            .unwrap();
        let again = archive.until::<Secret>(czar, "made again", |_| true).await;
        assert_eq!(value(&again, AUTHORITY), value(&authority, CERTIFICATE));
        let mysql = archive.api::<Secret>().get(MYSQL_SECRET).await.unwrap();
        assert_eq!(value(&mysql, READER_ACCOUNT), Some("rotated"));
    };
    archive.operated(checks).await;
}

#[tokio::test]
async fn each_worker_has_a_certificate_that_its_pod_mounts_and_that_goes_with_it() {
    let archive = Archive::new("workers-tls").await;
    archive.create::<WorkerPool>("main", pool(2)).await.unwrap();
    let checks = async {
        let mut certificates = Vec::new();
        for id in [1, 2] {
            let (worker, name) = (format!("main-w{id}"), Holder::Worker(id).tls_secret());
            let secret = archive.until::<Secret>(&name, "made", |_| true).await;
            let worker_object = archive.api::<Worker>().get(&worker).await.unwrap();
            assert_eq!(
                Some(&secret.owner_references()[0].uid),
                worker_object.uid().as_ref()
            );
            let set = archive
                .until::<StatefulSet>(&worker, "there", |_| true)
                .await;
            let volumes = set.spec.unwrap().template.spec.unwrap().volumes.unwrap();
            let tls = volumes.into_iter().find(|volume| volume.name == "tls");
            assert_eq!(tls.unwrap().secret.unwrap().secret_name, Some(name));
            certificates.push(value(&secret, CERTIFICATE).unwrap().to_owned());
        }
        assert_ne!(certificates[0], certificates[1]);
    };
    archive.operated(checks).await;
}

/// Whether every holder's Secret trusts these certificates, and has one that the first of them signed.
async fn certified_by(archive: &Archive, trusted: &[&str]) {
    let bundle = trusted.iter().map(|pem| pem.trim_end()).collect::<Vec<_>>();
    for holder in Holder::SHARED {
        let holds = |secret: &Secret| {
            let own = value(secret, CERTIFICATE).is_some_and(|own| is_signed_by(own, trusted[0]));
            own && value(secret, AUTHORITY).is_some_and(|all| all.trim_end() == bundle.join("\n"))
        };
        archive
            .until::<Secret>(&holder.tls_secret(), "certified anew", holds)
            .await;
    }
}

/// Lets the pause of a step be over, and waits for the next one.
async fn after_the_pause(archive: &Archive, what: &str, holds: impl Fn(&Secret) -> bool) -> Secret {
    let since = "orrery.dev/certificates-complete-since";
    let noted = |secret: &Secret| secret.annotations().contains_key(since);
    archive.until::<Secret>(CA_SECRET, "noted", noted).await;
    let past = json!({"metadata": {"annotations": {since: "1"}}});
    archive.edit::<Secret>(CA_SECRET, past).await;
    archive.until::<Secret>(CA_SECRET, what, holds).await
}

#[tokio::test]
async fn an_authority_takes_the_place_of_another_only_when_every_pod_trusts_it() {
    let archive = Archive::new("authorities").await;
    let checks = async {
        let made = |secret: &Secret| value(secret, CERTIFICATE).is_some();
        let first = archive.until::<Secret>(CA_SECRET, "made", made).await;
        let first = value(&first, CERTIFICATE).unwrap().to_owned();
        certified_by(&archive, &[&first]).await;
        let (pod, lease) = czar_with_lease(&archive).await;

        let ask = json!({"metadata": {"annotations": {ROTATE_ANNOTATION: "now"}}});
        archive.edit::<Secret>(CA_SECRET, ask).await;
        let coming = |secret: &Secret| value(secret, "next.crt").is_some();
        let coming = archive.until::<Secret>(CA_SECRET, "begun", coming).await;
        let second = value(&coming, "next.crt").unwrap().to_owned();
        certified_by(&archive, &[&first, &second]).await;
        let waits_for_it = |secret: &Secret| {
            let waits = secret.annotations().get(ROTATION_ANNOTATION);
            waits.is_some_and(|waits| waits.contains(&pod))
        };
        let kept = after_the_pause(&archive, "waiting for the czar", waits_for_it).await;
        assert_eq!(value(&kept, CERTIFICATE), Some(first.as_str()));

        say(&archive, &lease).await;
        let turned = |secret: &Secret| value(secret, CERTIFICATE) == Some(&second);
        let turned = archive.until::<Secret>(CA_SECRET, "turned", turned).await;
        assert_eq!(value(&turned, "last.crt"), Some(first.as_str()));
        certified_by(&archive, &[&second, &first]).await;
        let kept = after_the_pause(&archive, "waiting for the czar", waits_for_it).await;
        assert!(value(&kept, "last.crt").is_some());

        say(&archive, &lease).await;
        let left = |secret: &Secret| value(secret, "last.crt").is_none();
        let left = archive.until::<Secret>(CA_SECRET, "alone", left).await;
        assert_eq!(left.annotations().get(ROTATION_ANNOTATION), None);
        certified_by(&archive, &[&second]).await;
    };
    archive.operated(checks).await;
}

/// A pod of a czar, as if it ran, and its Lease, which says nothing of certificates yet.
async fn czar_with_lease(archive: &Archive) -> (String, String) {
    let name = "czar-of-the-test".to_owned();
    let pod: Pod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "orrery", "app.kubernetes.io/component": "czar"}},
        "spec": {"serviceAccountName": "orrery-czar", "nodeName": "none", "automountServiceAccountToken": false,
            "containers": [{"name": "czar", "image": "none"}]},
    }))
    .unwrap();
    let lease: Lease = serde_json::from_value(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "labels": {"orrery.dev/reader": "true"}}, "spec": {},
    }))
    .unwrap();
    let parameters = kube::api::PostParams::default();
    archive.api().create(&parameters, &pod).await.unwrap();
    archive.api().create(&parameters, &lease).await.unwrap();
    (name.clone(), name)
}

/// Has the czar say that it works with what its Secret holds now.
async fn say(archive: &Archive, lease: &str) {
    let secret = archive
        .api::<Secret>()
        .get(&Holder::Czar.tls_secret())
        .await;
    let secret = secret.unwrap();
    let of = |key| value(&secret, key).unwrap().as_bytes().to_vec();
    let digest = orrery_tls::Files::new(of(CERTIFICATE), Vec::new(), of(AUTHORITY)).digest();
    let says = json!({"metadata": {"annotations": {"orrery.dev/tls": digest}}});
    archive.edit::<Lease>(lease, says).await;
}

fn users(secret: &Secret) -> Users {
    serde_json::from_str(value(secret, USERS_KEY).unwrap()).unwrap()
}

#[tokio::test]
async fn changed_passwords_and_roles_reach_the_users_secret_under_a_higher_version() {
    let archive = Archive::new("users").await;
    let checks = async {
        archive
            .create::<QueryUser>(
                "anna",
                json!({"user": "anna", "passwordSecret": "anna", "grants": [{"database": "sky"}]}),
            )
            .await
            .unwrap();
        let refused = |user: &QueryUser| {
            let conditions = user
                .status
                .as_ref()
                .map(|status| status.conditions.as_slice())
                .unwrap_or_default();
            conditions
                .iter()
                .any(|c| c.reason == "SecretMissing" && c.message.contains("`anna`"))
        };
        archive.until("anna", "refused", refused).await;
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "anna"}, "stringData": {"password": "one"}});
        let secret: Secret = serde_json::from_value(secret).unwrap();
        archive
            .api::<Secret>()
            .create(&kube::api::PostParams::default(), &secret)
            .await
            .unwrap();
        let known = |secret: &Secret| users(secret).users.contains_key("anna");
        let first = users(&archive.until(USERS_SECRET, "with anna", known).await);
        assert!(
            first.users["anna"].may_read_all_of("sky")
                && !first.users["anna"].may_read_all_of("else")
        );

        archive
            .edit::<Secret>("anna", json!({"stringData": {"password": "two"}}))
            .await;
        let changed = |secret: &Secret| users(secret).users["anna"] != first.users["anna"];
        let second = users(
            &archive
                .until(USERS_SECRET, "with the new password", changed)
                .await,
        );
        assert!(second.version > first.version);
        assert!(second.users["admin"].may_read_all_of("anything"));

        let grants = |database| json!({"grants": [{"database": database}]});
        archive
            .edit::<QueryUser>("anna", json!({"spec": {"roles": ["lab"]}}))
            .await;
        archive
            .create::<QueryRole>("lab", grants("lab"))
            .await
            .unwrap();
        let reads = |database: &'static str| {
            move |secret: &Secret| users(secret).users["anna"].may_read_all_of(database)
        };
        let third = archive.until(USERS_SECRET, "with the role", reads("lab"));
        let third = users(&third.await);
        assert!(third.version > second.version && third.users["anna"].may_read_all_of("sky"));
        archive
            .edit::<QueryRole>("lab", json!({"spec": grants("survey")}))
            .await;
        let fourth = archive.until(USERS_SECRET, "with the role as it is now", reads("survey"));
        assert!(!users(&fourth.await).users["anna"].may_read_all_of("lab"));
    };
    archive.operated(checks).await;
}
