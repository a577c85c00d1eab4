//! Makes what is missing of the archive's own Secrets.

use std::collections::BTreeMap;
use std::time::SystemTime;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Resource;
use kube::api::ObjectMeta;
use orrery_archive::names::{CA_SECRET, PUBLIC_KEYS_CONFIG, Role, SIGNING_SECRET};
use orrery_tls::Files;
use rand::RngCore;

use super::certificates::{self, CertificateError, Pair};
use super::error::SecretsError;
use super::plan::{self, AUTHORITY, CERTIFICATE, Need, PRIVATE_KEY};
use super::signing::SigningKeys;
use crate::controller::apply::{Ownership, apply};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::{field_manager, labels};

/// Random bytes of a password or key.
const RANDOM_BYTES: usize = 32;

/// Texts by their keys in a Secret.
pub type Values = BTreeMap<String, String>;

/// The Secret and the values that meet a need.
pub fn make(
    namespace: &str,
    secrets: &BTreeMap<String, Secret>,
    need: Need,
) -> Result<(&'static str, Values), SecretsError> {
    let now = SystemTime::now();
    match need {
        Need::Random(name, key) => Ok((name, Values::from([(key.to_owned(), random())]))),
        Need::Authority => {
            let pair = certificates::authority(namespace, now).map_err(|source| {
                SecretsError::Certificate {
                    name: CA_SECRET,
                    source,
                }
            })?;
            Ok((CA_SECRET, pair_values(pair)))
        }
        Need::Certificate(role, _) => {
            let name = role.tls_secret();
            let error = |source| SecretsError::Certificate { name, source };
            let authority =
                plan::authority(secrets).ok_or_else(|| error(CertificateError::NotText))?;
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
pub async fn store(
    context: &Context,
    namespace: &str,
    name: &'static str,
    live: Option<&Secret>,
    values: Values,
    need: Need,
) -> Result<(), SecretsError> {
    let values = values
        .into_iter()
        .map(|(key, value)| (key, ByteString(value.into_bytes())));
    let mut data = live
        .and_then(|secret| secret.data.clone())
        .unwrap_or_default();
    data.extend(values);
    let secret = write(context, namespace, name, live, data).await?;
    tracing::info!(namespace, name, ?need, "made a secret");
    context
        .events
        .publish(&secret.object_ref(&()), None, event(need))
        .await;
    Ok(())
}

/// Creates the Secret with this data, or replaces it under its resourceVersion.
async fn write(
    context: &Context,
    namespace: &str,
    name: &'static str,
    live: Option<&Secret>,
    data: BTreeMap<String, ByteString>,
) -> Result<Secret, SecretsError> {
    let api = context.api::<Secret>(namespace);
    let parameters = field_manager::post();
    let written = if let Some(live) = live {
        let secret = Secret {
            data: Some(data),
            ..live.clone()
        };
        api.replace(name, &parameters, &secret).await
    } else {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.into()),
                labels: Some(labels::of_component("operator")),
                ..ObjectMeta::default()
            },
            data: Some(data),
            type_: Some("Opaque".into()),
            ..Secret::default()
        };
        api.create(&parameters, &secret).await
    };
    let secret = written.map_err(|source| SecretsError::Api {
        name: name.into(),
        source,
    })?;
    context
        .metrics
        .wrote("Secret", if live.is_some() { "updated" } else { "created" });
    Ok(secret)
}

/// Stores the signing keys.
pub async fn store_keys(
    context: &Context,
    namespace: &str,
    live: Option<&Secret>,
    keys: &SigningKeys,
) -> Result<(), SecretsError> {
    let name = SIGNING_SECRET;
    let secret = write(context, namespace, name, live, keys.data()).await?;
    tracing::info!(namespace, name, ?keys, "the signing keys changed");
    let event = Event::normal("SecretMade", "the signing keys changed");
    context
        .events
        .publish(&secret.object_ref(&()), None, event)
        .await;
    Ok(())
}

/// Gives czars and agents the public keys.
pub async fn publish_keys(
    context: &Context,
    namespace: &str,
    keys: &SigningKeys,
) -> Result<(), SecretsError> {
    let Some(wanted) = keys.published(namespace) else {
        return Ok(());
    };
    let api = context.api::<ConfigMap>(namespace);
    let live = api.get_opt(PUBLIC_KEYS_CONFIG).await;
    let live = live.map_err(|source| SecretsError::Api {
        name: PUBLIC_KEYS_CONFIG.into(),
        source,
    })?;
    let change = apply(&api, live.as_ref(), &wanted, Ownership::Whole).await?;
    let about = wanted.object_ref(&());
    context.events.applied(&about, &wanted, &change).await;
    Ok(())
}

fn event(need: Need) -> Event {
    let note = match need {
        Need::Authority => "made the archive's certificate authority".into(),
        Need::Certificate(role, why) => {
            format!("made the certificate {}: {why}", role.common_name())
        }
        Need::Random(_, key) => format!("made `{key}`"),
    };
    Event::normal("SecretMade", note)
}

/// Lets calls to agents use the operator's certificate.
pub fn identify(context: &Context, namespace: &str, secrets: &BTreeMap<String, Secret>) {
    let of = |key| {
        plan::text(secrets, Role::Operator.tls_secret(), key).map(|text| text.as_bytes().to_vec())
    };
    if let (Some(certificate), Some(key), Some(authority)) =
        (of(CERTIFICATE), of(PRIVATE_KEY), of(AUTHORITY))
    {
        let files = Files::new(certificate, key, authority);
        context.agents.identify(namespace, files);
    }
}

#[cfg(test)]
mod tests {
    use super::random;

    #[test]
    fn passwords_are_long_and_differ() {
        assert_eq!(random().len(), 64);
        assert_ne!(random(), random());
    }
}
