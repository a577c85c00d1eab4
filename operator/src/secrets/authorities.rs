//! The archive's authorities as they are in their Secret: the one that signs, and while another takes
//! its place both. Pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use orrery_archive::names::CA_SECRET;
use thiserror::Error;

use super::certificates::Pair;
use super::values::{CERTIFICATE, PRIVATE_KEY, value};

/// Key of the certificate of the authority that is to come.
const NEXT_CERTIFICATE: &str = "next.crt";
/// Key of its private key.
const NEXT_KEY: &str = "next.key";
/// Key of the certificate of the authority that is to leave; its private key is gone.
const LAST_CERTIFICATE: &str = "last.crt";

/// Why the Secret is not used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AuthoritiesError {
    /// One authority is to come and another to leave.
    #[error(
        "Secret {CA_SECRET} has both `{NEXT_CERTIFICATE}` and `{LAST_CERTIFICATE}`: take one of them out"
    )]
    Both,
    /// A certificate without its key.
    #[error("Secret {CA_SECRET} has `{NEXT_CERTIFICATE}` without `{NEXT_KEY}`: take it out")]
    NoKey,
}

/// Whom everybody trusts.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorities {
    /// Signs certificates.
    pub signer: Pair,
    /// Trusted as well.
    pub second: Option<Second>,
}

/// An authority that takes another's place, or had it.
#[derive(Clone, PartialEq, Eq)]
pub enum Second {
    /// Signs as soon as everybody trusts it.
    Next(Pair),
    /// Signed before, and leaves as soon as nobody has a certificate by it.
    Last(String),
}

impl Authorities {
    /// Those of the Secret; `None` when there is none that signs.
    pub fn read(secret: Option<&Secret>) -> Result<Option<Self>, AuthoritiesError> {
        let text = |key| {
            secret
                .and_then(|secret| value(secret, key))
                .map(str::to_owned)
        };
        let (Some(certificate), Some(key)) = (text(CERTIFICATE), text(PRIVATE_KEY)) else {
            return Ok(None);
        };
        let signer = Pair { certificate, key };
        let second = match (text(NEXT_CERTIFICATE), text(LAST_CERTIFICATE)) {
            (Some(_), Some(_)) => return Err(AuthoritiesError::Both),
            (Some(certificate), None) => Some(Second::Next(Pair {
                certificate,
                key: text(NEXT_KEY).ok_or(AuthoritiesError::NoKey)?,
            })),
            (None, last) => last.map(Second::Last),
        };
        Ok(Some(Self { signer, second }))
    }

    /// The Secret's data, with what else stands there.
    pub fn data(&self, live: &Secret) -> BTreeMap<String, ByteString> {
        let ours = [NEXT_CERTIFICATE, NEXT_KEY, LAST_CERTIFICATE];
        let others = live.data.iter().flatten();
        let others = others.filter(|(key, _)| !ours.contains(&key.as_str()));
        let mut data: BTreeMap<_, _> = others
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut set = |key: &str, text: &str| {
            data.insert(key.to_owned(), ByteString(text.as_bytes().to_vec()));
        };
        set(CERTIFICATE, &self.signer.certificate);
        set(PRIVATE_KEY, &self.signer.key);
        match &self.second {
            Some(Second::Next(next)) => {
                set(NEXT_CERTIFICATE, &next.certificate);
                set(NEXT_KEY, &next.key);
            }
            Some(Second::Last(last)) => set(LAST_CERTIFICATE, last),
            None => {}
        }
        data
    }

    /// What everybody is to trust, as PEM, the signer first.
    pub fn bundle(&self) -> String {
        let second = match &self.second {
            Some(Second::Next(next)) => &next.certificate,
            Some(Second::Last(last)) => last,
            None => return self.signer.certificate.clone(),
        };
        format!("{}\n{second}", self.signer.certificate.trim_end())
    }

    /// With `next` to come.
    pub fn with_next(self, next: Pair) -> Self {
        Self {
            second: Some(Second::Next(next)),
            ..self
        }
    }

    /// After the next one took its place, or the last one left.
    pub fn turned(self) -> Self {
        match self.second {
            Some(Second::Next(next)) => Self {
                second: Some(Second::Last(self.signer.certificate)),
                signer: next,
            },
            Some(Second::Last(_)) | None => Self {
                second: None,
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;

    use super::{Authorities, AuthoritiesError, Second};
    use crate::secrets::certificates::Pair;

    fn pair(name: &str) -> Pair {
        Pair {
            certificate: format!("{name}\n"),
            key: format!("key of {name}"),
        }
    }

    fn secret(values: &[(&str, &str)]) -> Secret {
        let data = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())));
        Secret {
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    #[test]
    fn an_authority_takes_the_place_of_another_with_both_trusted_between() {
        let live = secret(&[
            ("tls.crt", "old\n"),
            ("tls.key", "key of old"),
            ("note", "x"),
        ]);
        let read = |data| {
            let secret = Secret {
                data: Some(data),
                ..Secret::default()
            };
            Authorities::read(Some(&secret)).unwrap().unwrap()
        };
        let old = Authorities::read(Some(&live)).unwrap().unwrap();
        assert_eq!(old.bundle(), "old\n");
        let coming = read(old.with_next(pair("new")).data(&live));
        assert!(coming.signer == pair("old"));
        assert_eq!(coming.bundle(), "old\nnew\n");
        let leaving = read(coming.turned().data(&live));
        assert!(leaving.signer == pair("new"));
        assert!(leaving.second == Some(Second::Last("old\n".into())));
        assert_eq!(leaving.bundle(), "new\nold\n");
        let data = leaving.turned().data(&live);
        let keys: Vec<&String> = data.keys().collect();
        assert_eq!(keys, ["note", "tls.crt", "tls.key"]);
        assert_eq!(read(data).bundle(), "new\n");
    }

    #[test]
    fn a_secret_that_contradicts_itself_is_an_error() {
        let signer = [("tls.crt", "a"), ("tls.key", "b")];
        let read = |more: &[(&str, &str)]| {
            let secret = secret(&[&signer[..], more].concat());
            Authorities::read(Some(&secret)).err()
        };
        let both = [("next.crt", "c"), ("next.key", "d"), ("last.crt", "e")];
        assert_eq!(read(&both), Some(AuthoritiesError::Both));
        assert_eq!(read(&both[..1]), Some(AuthoritiesError::NoKey));
        assert!(
            Authorities::read(Some(&secret(&signer[..1])))
                .unwrap()
                .is_none()
        );
        assert!(Authorities::read(None).unwrap().is_none());
    }
}
