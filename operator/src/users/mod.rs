//! `QueryUser`: verifiers, grants and limits of all users, in the one Secret that czars and proxies watch.

pub mod admin;
pub mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Resource, ResourceExt};
use orrery_archive::catalog::users::Users;
use orrery_archive::names::{USERS_KEY, USERS_SECRET};
use orrery_crds::kinds::QueryUser;
use thiserror::Error;

use crate::apply::{ApplyError, Change, MANAGER, Ownership, apply, compare};
use crate::conditions::Finding;
use crate::context::Context;
use crate::notices::Notice;

/// Pause between looks when nothing changed.
const RESYNC: Duration = Duration::from_secs(30);

/// Why users were not written.
#[derive(Debug, Error)]
pub enum UsersError {
    /// The cluster API failed.
    #[error("cluster API: {0}")]
    Api(#[from] kube::Error),
    /// The users' Secret was not applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The users have no JSON form.
    #[error("users: {0}")]
    Json(#[from] serde_json::Error),
}

/// Judges the users of an archive, writes them for czars and proxies, and their statuses.
pub async fn reconcile(context: &Context, namespace: &str) -> Result<Duration, UsersError> {
    admin::make_once(context, namespace).await?;
    let users = context.list::<QueryUser>(namespace, None).await?.valid;
    let secrets = observe_secrets(context, namespace, &users).await?;
    let plan = plan::plan(&users, &secrets);
    write_users(context, namespace, &plan).await?;
    write_statuses(context, namespace, &users, &plan.findings).await?;
    Ok(RESYNC)
}

/// The Secrets that users name; no others are read.
async fn observe_secrets(
    context: &Context,
    namespace: &str,
    users: &[QueryUser],
) -> Result<BTreeMap<String, Secret>, kube::Error> {
    let api = context.api::<Secret>(namespace);
    let names: BTreeSet<&str> = users
        .iter()
        .map(|user| user.spec.password_secret.as_str())
        .collect();
    let mut secrets = BTreeMap::new();
    for name in names {
        secrets.extend(api.get_opt(name).await?.map(|secret| (name.to_owned(), secret)));
    }
    Ok(secrets)
}

/// Writes the users when they changed or were edited by hand. Even an edit that is put back gets a new version: proxies may have seen it.
async fn write_users(context: &Context, namespace: &str, plan: &plan::Plan) -> Result<(), UsersError> {
    let api = context.api::<Secret>(namespace);
    let live = api.get_opt(USERS_SECRET).await?;
    let version = live.as_ref().map(plan::versions).unwrap_or_default();
    let of_version = |version| {
        let users = plan.users.clone();
        secret(namespace, &Users { version, users })
    };
    let change = match (&live, version.written) {
        (None, _) => Change::Created,
        (Some(live), Some(written)) => compare(live, &of_version(written)?, Ownership::Whole)?,
        (Some(_), None) => {
            Change::Reverted(vec![format!("metadata.annotations.{}", plan::VERSION_ANNOTATION)])
        }
    };
    if change == Change::Unchanged {
        return Ok(());
    }
    let clock = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let wanted = of_version(version.next(clock))?;
    apply(&api, live.as_ref(), &wanted, Ownership::Whole).await?;
    let about = wanted.object_ref(&());
    context.notices.applied(&about, &wanted, &change).await;
    Ok(())
}

fn secret(namespace: &str, users: &Users) -> Result<Secret, serde_json::Error> {
    let text = serde_json::to_vec(users)?;
    let version = (plan::VERSION_ANNOTATION.to_owned(), users.version.to_string());
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(USERS_SECRET.into()),
            namespace: Some(namespace.into()),
            labels: Some(crate::pools::objects::own_labels("operator")),
            annotations: Some(BTreeMap::from([version])),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(USERS_KEY.to_owned(), ByteString(text))])),
        type_: Some("Opaque".into()),
        ..Secret::default()
    })
}

async fn write_statuses(
    context: &Context,
    namespace: &str,
    users: &[QueryUser],
    findings: &[Finding],
) -> Result<(), kube::Error> {
    let api = context.api::<QueryUser>(namespace);
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    for (user, finding) in users.iter().zip(findings) {
        let status = plan::status(user, finding, Timestamp::now());
        if user.status.as_ref() == Some(&status) {
            continue;
        }
        let wanted = QueryUser {
            status: Some(status),
            ..user.clone()
        };
        api.replace_status(&user.name_any(), &parameters, &wanted).await?;
        if !finding.holds {
            let notice = Notice {
                warning: true,
                reason: finding.reason,
                note: finding.message.clone(),
            };
            context.notices.tell(&user.object_ref(&()), None, notice).await;
        }
    }
    Ok(())
}
