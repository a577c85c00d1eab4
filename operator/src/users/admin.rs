//! The first user of an archive, made once from the Secret that comes with the installation.
//!
//! The chart cannot make it: until the API server serves the kinds that come with the chart, Helm
//! finds no `QueryUser`.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{ObjectMeta, Patch};
use orrery_archive::catalog::users::{ServiceClass, UserLimits};
use orrery_crds::kinds::{DatabaseGrant, QueryUser, QueryUserSpec};
use serde_json::json;

use crate::controller::apply::Change;
use crate::controller::context::Context;
use crate::{field_manager, labels};

/// Secret with the admin's password; its absence means that no admin is wanted.
pub const ADMIN_SECRET: &str = "orrery-admin";
/// Annotation of [`ADMIN_SECRET`] that says its user was made; a user that was deleted since stays
/// away.
pub const MADE_ANNOTATION: &str = "orrery.dev/user-made";
/// Object and login name.
const ADMIN: &str = "admin";

/// Makes the admin unless it was made before.
pub async fn make_once(context: &Context, namespace: &str) -> Result<(), kube::Error> {
    let secrets = context.api::<Secret>(namespace);
    let Some(secret) = secrets.get_opt(ADMIN_SECRET).await? else {
        return Ok(());
    };
    if secret.annotations().contains_key(MADE_ANNOTATION) {
        return Ok(());
    }
    create(context, namespace).await?;
    let made = json!({"metadata": {
        "annotations": {MADE_ANNOTATION: ADMIN}, "resourceVersion": secret.resource_version(),
    }});
    secrets
        .patch(ADMIN_SECRET, &field_manager::merge(), &Patch::Merge(made))
        .await?;
    Ok(())
}

/// Leaves a user of this name alone: it may be an administrator's, or of a run that ended before
/// the Secret was marked.
async fn create(context: &Context, namespace: &str) -> Result<(), kube::Error> {
    let admin = admin(namespace);
    match context
        .api(namespace)
        .create(&field_manager::post(), &admin)
        .await
    {
        Ok(made) => {
            let about = kube::Resource::object_ref(&made, &());
            context
                .events
                .applied(&about, &made, &Change::Created)
                .await;
            Ok(())
        }
        Err(kube::Error::Api(refused)) if refused.code == 409 => Ok(()),
        Err(error) => Err(error),
    }
}

fn admin(namespace: &str) -> QueryUser {
    QueryUser {
        metadata: ObjectMeta {
            name: Some(ADMIN.into()),
            namespace: Some(namespace.into()),
            labels: Some(labels::of_component("admin")),
            ..ObjectMeta::default()
        },
        spec: QueryUserSpec {
            user: ADMIN.into(),
            password_secret: ADMIN_SECRET.into(),
            valid_until: None,
            grants: vec![DatabaseGrant {
                database: "*".into(),
                tables: None,
            }],
            roles: Vec::new(),
            class: ServiceClass::Admin,
            limits: UserLimits::default(),
        },
        status: None,
    }
}
