//! Writes the Secret that czars and proxies watch.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use kube::api::ObjectMeta;
use orrery_archive::catalog::users::Users;
use orrery_archive::names::{USERS_KEY, USERS_SECRET};

use super::plan::{Plan, VERSION_ANNOTATION, versions};
use crate::controller::apply::{Change, Ownership, apply, compare};
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::labels;

/// Writes the users when they changed or were edited by hand. Even an edit that is put back gets a
/// new version: proxies may have seen it.
pub async fn write_users(
    context: &Context,
    namespace: &str,
    plan: &Plan,
) -> Result<(), ReconcileError> {
    let api = context.api::<Secret>(namespace);
    let live = api.get_opt(USERS_SECRET).await?;
    let of_version = |version| {
        let users = plan.users.clone();
        secret(namespace, &Users { version, users })
    };
    // The seconds of a clock before 1970 are no version, and 0 is below every other.
    let clock = Timestamp::now().as_second().max(0).unsigned_abs();
    let (change, version) = match &live {
        None => (Change::Created, clock),
        Some(live) => {
            let versions = versions(live);
            let change = match versions.written {
                Some(written) => compare(live, &of_version(written)?, Ownership::Whole)?,
                None => {
                    Change::Reverted(vec![format!("metadata.annotations.{VERSION_ANNOTATION}")])
                }
            };
            (change, versions.next(clock))
        }
    };
    if change == Change::Unchanged {
        return Ok(());
    }
    let wanted = of_version(version)?;
    apply(&api, live.as_ref(), &wanted, Ownership::Whole).await?;
    let about = wanted.object_ref(&());
    context.events.applied(&about, &wanted, &change).await;
    Ok(())
}

fn secret(namespace: &str, users: &Users) -> Result<Secret, serde_json::Error> {
    let text = serde_json::to_vec(users)?;
    let version = (VERSION_ANNOTATION.to_owned(), users.version.to_string());
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(USERS_SECRET.into()),
            namespace: Some(namespace.into()),
            labels: Some(labels::of_component("operator")),
            annotations: Some(BTreeMap::from([version])),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(USERS_KEY.to_owned(), ByteString(text))])),
        type_: Some("Opaque".into()),
        ..Secret::default()
    })
}
