//! The archive's own Secrets are made once, and kept.

use k8s_openapi::api::core::v1::Secret;
use kube::api::DeleteParams;
use orrery_archive::catalog::users::Users;
use orrery_archive::names::{
    CA_SECRET, MYSQL_SECRET, READER_ACCOUNT, Role, SIGNING_SECRET, USERS_KEY, USERS_SECRET,
};
use orrery_crds::kinds::QueryUser;
use orrery_operator::secrets::plan::{AUTHORITY, CERTIFICATE, ROLES, value};
use serde_json::json;

use crate::support::Archive;

#[tokio::test]
async fn own_values_stay_and_lost_certificates_come_back() {
    let archive = Archive::new("secrets").await;
    let checks = async {
        for role in ROLES {
            archive
                .until::<Secret>(role.tls_secret(), "made", |_| true)
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
        let agent = Role::Agent.tls_secret();
        archive
            .api::<Secret>()
            .delete(agent, &DeleteParams::default())
            .await
            .unwrap();
        let again = archive.until::<Secret>(agent, "made again", |_| true).await;
        assert_eq!(value(&again, AUTHORITY), value(&authority, CERTIFICATE));
        let mysql = archive.api::<Secret>().get(MYSQL_SECRET).await.unwrap();
        assert_eq!(value(&mysql, READER_ACCOUNT), Some("rotated"));
    };
    archive.operated(checks).await;
}

fn users(secret: &Secret) -> Users {
    serde_json::from_str(value(secret, USERS_KEY).unwrap()).unwrap()
}

#[tokio::test]
async fn a_changed_password_reaches_the_users_secret_under_a_higher_version() {
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
    };
    archive.operated(checks).await;
}
