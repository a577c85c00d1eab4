//! Makes what is missing of the archive's own Secrets.

use std::collections::BTreeMap;
use std::time::SystemTime;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::ObjectMeta;
use orrery_archive::names::{CA_SECRET, Holder, PUBLIC_KEYS_CONFIG, SIGNING_SECRET};
use orrery_tls::Files;
use rand::RngCore;

use super::authorities::Authorities;
use super::certificates::{self, CertificateError, Pair};
use super::error::SecretsError;
use super::observe::Observed;
use super::plan::Need;
use super::signing::SigningKeys;
use super::values::{AUTHORITY, CERTIFICATE, PRIVATE_KEY, text};
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
    authorities: Option<&Authorities>,
    need: Need,
) -> Result<(String, Values), SecretsError> {
    match need {
        Need::Random(name, key) => Ok((name.into(), Values::from([(key.to_owned(), random())]))),
        Need::Authority => Ok((CA_SECRET.into(), pair_values(make_authority(namespace)?))),
        Need::Trust(holder) => {
            let authorities = authorities.ok_or_else(|| no_authority(holder))?;
            let trusted = (AUTHORITY.to_owned(), authorities.bundle());
            Ok((holder.tls_secret(), Values::from([trusted])))
        }
        Need::Certificate(holder, _) => {
            let name = holder.tls_secret();
            let error = |source| SecretsError::Certificate {
                name: name.clone(),
                source,
            };
            let authorities = authorities.ok_or_else(|| no_authority(holder))?;
            let now = SystemTime::now();
            let pair = certificates::issue(&authorities.signer, holder, namespace, now);
            let mut values = pair_values(pair.map_err(error)?);
            values.insert(AUTHORITY.into(), authorities.bundle());
            Ok((name, values))
        }
    }
}

fn no_authority(holder: Holder) -> SecretsError {
    SecretsError::Certificate {
        name: holder.tls_secret(),
        source: CertificateError::NoAuthority,
    }
}

/// Makes an authority.
pub fn make_authority(namespace: &str) -> Result<Pair, SecretsError> {
    let made = certificates::authority(namespace, SystemTime::now());
    made.map_err(|source| SecretsError::Certificate {
        name: CA_SECRET.into(),
        source,
    })
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
    observed: &Observed,
    (name, values): (String, Values),
    need: Need,
) -> Result<(), SecretsError> {
    let live = observed.secrets.get(&name);
    let values = values
        .into_iter()
        .map(|(key, value)| (key, ByteString(value.into_bytes())));
    let mut data = live
        .and_then(|secret| secret.data.clone())
        .unwrap_or_default();
    data.extend(values);
    let owner = owner(observed, need);
    let secret = write(context, namespace, (&name, owner), live, data).await?;
    tracing::info!(namespace, name, ?need, "made a secret");
    context
        .events
        .publish(&secret.object_ref(&()), None, event(need))
        .await;
    Ok(())
}

/// A worker's certificate goes with the worker.
fn owner(observed: &Observed, need: Need) -> Option<OwnerReference> {
    let Need::Certificate(Holder::Worker(id), _) = need else {
        return None;
    };
    observed.workers.get(&id)?.controller_owner_ref(&())
}

/// Creates the Secret with this data, or replaces it under its resourceVersion.
async fn write(
    context: &Context,
    namespace: &str,
    (name, owner): (&str, Option<OwnerReference>),
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
                owner_references: owner.map(|owner| vec![owner]),
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
    let secret = write(context, namespace, (name, None), live, keys.data()).await?;
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
        Need::Trust(holder) => format!("wrote who is trusted into {}", holder.tls_secret()),
        Need::Certificate(holder, why) => {
            format!("made the certificate in {}: {why}", holder.tls_secret())
        }
        Need::Random(_, key) => format!("made `{key}`"),
    };
    Event::normal("SecretMade", note)
}

/// Lets calls to agents use the operator's certificate.
pub fn identify(context: &Context, namespace: &str, secrets: &BTreeMap<String, Secret>) {
    let name = Holder::Operator.tls_secret();
    let of = |key| text(secrets, &name, key).map(|text| text.as_bytes().to_vec());
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
