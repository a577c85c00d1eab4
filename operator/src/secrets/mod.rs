//! The archive's own Secrets: authority, certificates, passwords between our parts, the keys
//! of catalog copies.
//!
//! Made once and never overwritten, so that an administrator can put own values in; certificates
//! are renewed before they expire. A worker's certificate goes with the worker; the others have no
//! owner and go with their namespace.

mod apply;
mod authorities;
pub mod certificates;
pub mod error;
mod observe;
pub mod plan;
mod rotate;
mod rotation;
pub mod signing;
pub mod values;

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use orrery_archive::names::{CA_SECRET, Holder, MYSQL_SECRET, SIGNING_SECRET};
use orrery_crds::kinds::Worker;

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes, namespace};
use authorities::Authorities;
use error::SecretsError;
use plan::Need;
use signing::SigningKeys;

/// Pause between looks when nothing changed.
const RESYNC: Duration = Duration::from_secs(30);
/// Pause after something was made: its dependants are next.
const SOON: Duration = Duration::from_millis(100);

/// The controller.
#[derive(Default)]
pub struct Secrets;

impl Controller for Secrets {
    type Key = String;
    type Failure = SecretsError;
    const NAME: &'static str = "secrets";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        stream::select_all([
            watch::archives(client, scope),
            changes::<Secret, _>(client, scope, None, Sensitivity::Any, own_secret),
            changes::<Worker, _>(client, scope, None, Sensitivity::Spec, namespace),
        ])
        .boxed()
    }

    /// Makes what is missing and lets the operator's own calls use the result.
    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, SecretsError> {
        let observed = observe::observe(context, namespace).await?;
        let secrets = &observed.secrets;
        let now = Timestamp::now();
        let expiries = plan::expiries(secrets);
        context.metrics.certificates(namespace, &expiries);
        let authorities = Authorities::read(secrets.get(CA_SECRET))?;
        let needs = plan::needs(namespace, &observed, authorities.as_ref(), now);
        for need in &needs {
            let made = apply::make(namespace, authorities.as_ref(), *need)?;
            apply::store(context, namespace, &observed, made, *need).await?;
            // One key after another into the same Secret would run into its former resourceVersion.
            if matches!(need, Need::Random(..)) {
                return Ok(SOON);
            }
        }
        apply::identify(context, namespace, secrets);
        let live = secrets.get(SIGNING_SECRET);
        let mut keys = SigningKeys::read(live)?;
        if keys.turn(now)? {
            apply::store_keys(context, namespace, live, &keys).await?;
            return Ok(SOON);
        }
        apply::publish_keys(context, namespace, &keys).await?;
        if let Some(authorities) = authorities
            && rotate::turn(context, namespace, &observed, authorities, needs.is_empty()).await?
        {
            return Ok(SOON);
        }
        Ok(if needs.is_empty() { RESYNC } else { SOON })
    }
}

/// What the operator signs with in `namespace`; no key before the first is made.
pub async fn signing_keys(
    context: &Context,
    namespace: &str,
) -> Result<SigningKeys, ReconcileError> {
    let api = context.api::<Secret>(namespace);
    let secret = api.get_opt(SIGNING_SECRET).await?;
    Ok(SigningKeys::read(secret.as_ref())?)
}

fn own_secret(metadata: &ObjectMeta) -> Option<String> {
    namespace(metadata).filter(|_| metadata.name.as_deref().is_some_and(is_ours))
}

/// Whether a Secret of this name is one of Orrery's, so that its change wakes the controller.
pub fn is_ours(name: &str) -> bool {
    [CA_SECRET, MYSQL_SECRET, SIGNING_SECRET].contains(&name) || Holder::of_secret(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_our_secrets_wake_the_controller() {
        assert!(is_ours("orrery-ca") && is_ours("orrery-tls-worker-3") && is_ours("orrery-mysql"));
        assert!(!is_ours("orrery-users") && !is_ours("orrery-tls-worker-x"));
    }
}
