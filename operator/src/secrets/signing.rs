//! The keys that the operator signs with, and when they take turns. Pure.
//!
//! The private keys are in a Secret of their own that no pod mounts; the public ones follow from it
//! into a ConfigMap that czars and agents mount. A key is listed for some time before it signs, so
//! that every pod has it by then, and for some time after another signs, so that what was signed
//! before still counts. Whoever deletes the Secret ends the trust in all keys at once.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;
use orrery_archive::names::{PUBLIC_KEYS_CONFIG, PUBLIC_KEYS_FILE, SIGNING_SECRET};
use orrery_archive::signing::{KeyError, PublicKey, SigningKey, TrustedKeys};
use thiserror::Error;

use crate::labels;

/// Seconds that the newest key gets old.
const LIFE: i64 = 90 * 86_400;
/// Seconds that a key is listed before it signs: kubelets bring changed ConfigMaps within minutes.
const SETTLE: i64 = 600;
/// Seconds that a key is listed after a newer one began to sign.
const OVERLAP: i64 = 86_400;

/// Why the keys cannot be used.
#[derive(Debug, Error)]
pub enum SigningError {
    /// What is in the Secret is no key of ours.
    #[error("Secret {SIGNING_SECRET}: `{0}` is no signing key; delete the Secret to have one made")]
    NotAKey(String),
    /// No key was made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The keys by the second since 1970 at which each was made.
#[derive(Debug, Default)]
pub struct SigningKeys(BTreeMap<i64, SigningKey>);

impl SigningKeys {
    /// Reads the Secret; none when it is missing.
    pub fn read(secret: Option<&Secret>) -> Result<Self, SigningError> {
        let data = secret.and_then(|secret| secret.data.as_ref());
        let keys = data.into_iter().flatten().map(|(name, value)| {
            let not_a_key = || SigningError::NotAKey(name.clone());
            let made = name.parse().map_err(|_| not_a_key())?;
            let key = SigningKey::from_pkcs8(&value.0).map_err(|_| not_a_key())?;
            Ok((made, key))
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The Secret's data: a key's name is the second at which it was made, its value PKCS #8.
    pub fn data(&self) -> BTreeMap<String, ByteString> {
        let entry = |(made, key): (&i64, &SigningKey)| {
            (made.to_string(), ByteString(key.pkcs8().to_owned()))
        };
        self.0.iter().map(entry).collect()
    }

    /// Makes the next key when it is due and takes those off whose time is over; returns whether
    /// anything changed.
    pub fn turn(&mut self, now: Timestamp) -> Result<bool, SigningError> {
        let now = now.as_second();
        let fresh = |made: &i64| now - made < LIFE;
        let due = !self.0.keys().next_back().is_some_and(fresh);
        if due {
            self.0.insert(now, SigningKey::generate()?);
        }
        let before = self.0.len();
        let replaced = |made: &i64| now - made >= SETTLE + OVERLAP;
        if let Some(oldest) = self.0.keys().rev().copied().find(replaced) {
            self.0.retain(|made, _| *made >= oldest);
        }
        Ok(due || self.0.len() < before)
    }

    /// The key that signs: the newest that all pods know.
    pub fn signer(&self, now: Timestamp) -> Option<&SigningKey> {
        let settled = |made: &&i64| now.as_second() - **made >= SETTLE;
        let known = self.0.keys().rev().find(settled);
        self.0.get(known.or_else(|| self.0.keys().next())?)
    }

    /// The keys whose signatures count; `None` when there is no key.
    pub fn trusted(&self) -> Option<TrustedKeys> {
        let keys: Vec<PublicKey> = self.0.values().map(SigningKey::public).collect();
        TrustedKeys::new(keys)
    }

    /// What czars and agents are given; `None` when there is no key.
    pub fn published(&self, namespace: &str) -> Option<ConfigMap> {
        let trusted = self.trusted()?.to_string();
        Some(ConfigMap {
            metadata: ObjectMeta {
                name: Some(PUBLIC_KEYS_CONFIG.into()),
                namespace: Some(namespace.into()),
                labels: Some(labels::of_component("operator")),
                ..ObjectMeta::default()
            },
            data: Some(BTreeMap::from([(PUBLIC_KEYS_FILE.to_owned(), trusted)])),
            ..ConfigMap::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use k8s_openapi::jiff::Timestamp;
    use orrery_archive::signing::{PublicKey, SigningKey};

    use super::{LIFE, OVERLAP, SETTLE, SigningError, SigningKeys};

    const START: i64 = 1_800_000_000;

    fn at(after: i64) -> Timestamp {
        Timestamp::from_second(START + after).unwrap()
    }

    fn signer(keys: &SigningKeys, now: Timestamp) -> PublicKey {
        keys.signer(now).map(SigningKey::public).unwrap()
    }

    /// Keys after the second was made.
    fn two() -> (SigningKeys, PublicKey, PublicKey) {
        let mut keys = SigningKeys::default();
        assert!(keys.turn(at(0)).unwrap());
        let first = signer(&keys, at(0));
        assert!(keys.turn(at(LIFE)).unwrap());
        let second = keys.0.values().next_back().map(SigningKey::public).unwrap();
        (keys, first, second)
    }

    #[test]
    fn the_first_key_signs_at_once_and_stays_until_it_is_old() {
        let mut keys = SigningKeys::default();
        assert!(keys.signer(at(0)).is_none());
        assert!(keys.published("sky").is_none());
        assert!(keys.turn(at(0)).unwrap());
        let first = signer(&keys, at(0));
        let late = LIFE - 1;
        assert!(!keys.turn(at(late)).unwrap());
        assert_eq!(signer(&keys, at(late)), first);
    }

    #[test]
    fn the_next_key_is_known_before_it_signs_and_the_last_one_after() {
        let (mut keys, first, second) = two();
        let listed = |keys: &SigningKeys| {
            let published = keys.published("sky").unwrap().data.unwrap();
            published.into_values().next().unwrap()
        };
        assert_eq!(listed(&keys), format!("{first}\n{second}\n"));
        let before = at(LIFE + SETTLE - 1);
        assert_eq!(signer(&keys, before), first);
        assert_eq!(signer(&keys, at(LIFE + SETTLE)), second);
        let overlap = LIFE + SETTLE + OVERLAP;
        assert!(!keys.turn(at(overlap - 1)).unwrap());
        assert!(keys.turn(at(overlap)).unwrap());
        assert_eq!(listed(&keys), format!("{second}\n"));
    }

    #[test]
    fn keys_read_back_from_their_secret() {
        let (keys, first, second) = two();
        let secret = Secret {
            data: Some(keys.data()),
            ..Secret::default()
        };
        let again = SigningKeys::read(Some(&secret)).unwrap();
        let read: Vec<PublicKey> = again.0.values().map(SigningKey::public).collect();
        assert_eq!(read, [first, second]);
        assert!(SigningKeys::read(None).unwrap().0.is_empty());
    }

    #[test]
    fn a_secret_with_anything_else_is_an_error_and_not_replaced() {
        let (keys, ..) = two();
        let good = keys.data();
        let (name, value) = good.first_key_value().unwrap();
        for (name, value) in [("key", value.0.clone()), (name, b"secret".to_vec())] {
            let mut data = good.clone();
            data.insert(name.into(), ByteString(value));
            let secret = Secret {
                data: Some(data),
                ..Secret::default()
            };
            let read = SigningKeys::read(Some(&secret));
            assert!(matches!(read, Err(SigningError::NotAKey(named)) if named == name));
        }
    }
}
