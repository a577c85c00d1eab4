//! The archive's own Secrets: authority, certificates, passwords between our parts, the key that signs catalog copies.
//!
//! Made once and never overwritten, so that an administrator can put own values in; certificates are renewed before they expire.
//! They have no owner: they go with their namespace.

pub mod certificates;
pub mod plan;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use kube::api::{ObjectMeta, PostParams};
use orrery_archive::names::{CA_SECRET, Role};
use rand::RngCore;
use thiserror::Error;

use crate::agents::Pem;
use crate::apply::MANAGER;
use crate::context::Context;
use crate::notices::Notice;
use certificates::{CertificateError, Pair};
use plan::{AUTHORITY, CERTIFICATE, Need, PRIVATE_KEY};

/// Pause between looks when nothing changed.
const RESYNC: Duration = Duration::from_secs(30);
/// Pause after something was made: its dependants are next.
const SOON: Duration = Duration::from_millis(100);
/// Random bytes of a password or key.
const RANDOM_BYTES: usize = 32;

/// Why the Secrets are not complete.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// The cluster API failed.
    #[error("Secret {name}: {source}")]
    Api {
        /// Name of the Secret.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A certificate was not made.
    #[error("certificate {name}: {source}")]
    Certificate {
        /// Name of the Secret.
        name: &'static str,
        /// Why not.
        source: CertificateError,
    },
}

type Values = BTreeMap<String, String>;

/// Makes what is missing and lets the operator's own calls use the result.
pub async fn reconcile(context: &Context, namespace: &str) -> Result<Duration, SecretsError> {
    let secrets = observe(context, namespace).await?;
    let needs = plan::needs(namespace, &secrets, Timestamp::now());
    for need in &needs {
        let (name, values) = make(namespace, &secrets, *need)?;
        store(context, namespace, name, secrets.get(name), values, *need).await?;
        // One key after another into the same Secret would run into its former resourceVersion.
        if matches!(need, Need::Random(..)) {
            return Ok(SOON);
        }
    }
    identify(context, namespace, &secrets);
    Ok(if needs.is_empty() { RESYNC } else { SOON })
}

async fn observe(context: &Context, namespace: &str) -> Result<BTreeMap<String, Secret>, SecretsError> {
    let api = context.api::<Secret>(namespace);
    let mut found = BTreeMap::new();
    let names = plan::ROLES.map(Role::tls_secret).into_iter().chain([
        CA_SECRET,
        orrery_archive::names::MYSQL_SECRET,
        orrery_archive::names::CATALOG_KEY_SECRET,
    ]);
    for name in names {
        let secret = api.get_opt(name).await.map_err(|source| SecretsError::Api {
            name: name.into(),
            source,
        })?;
        found.extend(secret.map(|secret| (name.to_owned(), secret)));
    }
    Ok(found)
}

/// The Secret and the values that meet a need.
fn make(
    namespace: &str,
    secrets: &BTreeMap<String, Secret>,
    need: Need,
) -> Result<(&'static str, Values), SecretsError> {
    let now = SystemTime::now();
    match need {
        Need::Random(name, key) => Ok((name, Values::from([(key.to_owned(), random())]))),
        Need::Authority => {
            let pair =
                certificates::authority(namespace, now).map_err(|source| SecretsError::Certificate {
                    name: CA_SECRET,
                    source,
                })?;
            Ok((CA_SECRET, pair_values(pair)))
        }
        Need::Certificate(role, _) => {
            let name = role.tls_secret();
            let error = |source| SecretsError::Certificate { name, source };
            let authority = plan::authority(secrets).ok_or_else(|| error(CertificateError::NotText))?;
            let pair = certificates::issue(&authority, role, namespace, now).map_err(error)?;
            let mut values = pair_values(pair);
            values.insert(AUTHORITY.into(), authority.certificate);
            Ok((name, values))
        }
    }
}

fn pair_values(pair: Pair) -> Values {
    Values::from([
        (CERTIFICATE.into(), pair.certificate),
        (PRIVATE_KEY.into(), pair.key),
    ])
}

fn random() -> String {
    let mut bytes = [0; RANDOM_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Creates the Secret, or adds the values to it under its resourceVersion.
async fn store(
    context: &Context,
    namespace: &str,
    name: &'static str,
    live: Option<&Secret>,
    values: Values,
    need: Need,
) -> Result<(), SecretsError> {
    let api = context.api::<Secret>(namespace);
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    let values = values
        .into_iter()
        .map(|(key, value)| (key, ByteString(value.into_bytes())));
    let written = if let Some(live) = live {
        let mut secret = live.clone();
        secret.data.get_or_insert_default().extend(values);
        api.replace(name, &parameters, &secret).await
    } else {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.into()),
                labels: Some(crate::pools::objects::own_labels("operator")),
                ..ObjectMeta::default()
            },
            data: Some(values.collect()),
            type_: Some("Opaque".into()),
            ..Secret::default()
        };
        api.create(&parameters, &secret).await
    };
    let secret = written.map_err(|source| SecretsError::Api {
        name: name.into(),
        source,
    })?;
    tracing::info!(namespace, name, ?need, "made a secret");
    context
        .metrics
        .wrote("Secret", if live.is_some() { "updated" } else { "created" });
    context
        .notices
        .tell(&secret.object_ref(&()), None, notice(need))
        .await;
    Ok(())
}

fn notice(need: Need) -> Notice {
    let note = match need {
        Need::Authority => "made the archive's certificate authority".into(),
        Need::Certificate(role, why) => format!("made the certificate {}: {why}", role.common_name()),
        Need::Random(_, key) => format!("made `{key}`"),
    };
    Notice {
        warning: false,
        reason: "SecretMade",
        note,
    }
}

/// Lets calls to agents use the operator's certificate.
fn identify(context: &Context, namespace: &str, secrets: &BTreeMap<String, Secret>) {
    let of = |key| plan::text(secrets, Role::Operator.tls_secret(), key).map(|text| text.as_bytes().to_vec());
    if let (Some(certificate), Some(key), Some(authority)) = (of(CERTIFICATE), of(PRIVATE_KEY), of(AUTHORITY))
    {
        context.agents.identify(
            namespace,
            Pem {
                certificate,
                key,
                authority,
            },
        );
    }
}

/// Whether a Secret of this name is one of ours, so that its change wakes the controller.
pub fn is_ours(name: &str) -> bool {
    name == CA_SECRET
        || name == orrery_archive::names::MYSQL_SECRET
        || name == orrery_archive::names::CATALOG_KEY_SECRET
        || plan::ROLES.into_iter().any(|role| role.tls_secret() == name)
}

#[cfg(test)]
mod tests {
    use super::{is_ours, random};

    #[test]
    fn passwords_are_long_and_differ() {
        assert_eq!(random().len(), 64);
        assert_ne!(random(), random());
    }

    #[test]
    fn only_our_secrets_wake_the_controller() {
        assert!(is_ours("orrery-ca") && is_ours("orrery-tls-agent") && is_ours("orrery-mysql"));
        assert!(!is_ours("orrery-users") && !is_ours("else"));
    }
}
