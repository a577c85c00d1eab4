//! `QueryUser` and `QueryRole`: verifiers, grants and limits of all users, in the one Secret that czars and proxies
//! watch.

pub mod admin;
mod apply;
mod observe;
pub mod plan;
mod status;

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use orrery_archive::names::USERS_SECRET;
use orrery_crds::kinds::{QueryRole, QueryUser};

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes, namespace};
use crate::secrets;

/// Pause between looks when nothing changed.
const RESYNC: Duration = Duration::from_secs(30);

/// The controller.
#[derive(Default)]
pub struct Users;

impl Controller for Users {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "users";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        stream::select_all([
            watch::archives(client, scope),
            changes::<QueryUser, _>(client, scope, None, Sensitivity::Spec, namespace),
            changes::<QueryRole, _>(client, scope, None, Sensitivity::Spec, namespace),
            changes::<Secret, _>(client, scope, None, Sensitivity::Any, user_secret),
        ])
        .boxed()
    }

    /// Judges the users of an archive, writes them for czars and proxies, and their statuses.
    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        admin::make_once(context, namespace).await?;
        let observed = observe::observe(context, namespace).await?;
        let plan = plan::plan(&observed);
        apply::write_users(context, namespace, &plan).await?;
        status::write(context, namespace, &observed.users, &plan.findings).await?;
        Ok(RESYNC)
    }
}

/// Every Secret may be a user's; our own others never are.
fn user_secret(metadata: &ObjectMeta) -> Option<String> {
    let name = metadata.name.as_deref()?;
    namespace(metadata).filter(|_| name == USERS_SECRET || !secrets::is_ours(name))
}
