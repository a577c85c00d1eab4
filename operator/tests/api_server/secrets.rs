//! The archive's own Secrets are made once, and kept.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::DeleteParams;
use orrery_archive::catalog::users::Users;
use orrery_archive::names::{
    CA_SECRET, Holder, MYSQL_SECRET, READER_ACCOUNT, SIGNING_SECRET, USERS_KEY, USERS_SECRET,
};
use orrery_crds::kinds::{QueryRole, QueryUser, Worker, WorkerPool};
use orrery_operator::secrets::plan::{AUTHORITY, CERTIFICATE, value};
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
