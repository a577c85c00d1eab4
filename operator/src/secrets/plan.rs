//! Which of the archive's own Secrets are missing or must be replaced. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::{CZAR_ACCOUNT, Holder, MYSQL_SECRET, READER_ACCOUNT};

use super::authorities::Authorities;
use super::certificates::{expires, is_signed_by, names, outdated};
use super::observe::Observed;
use super::values::{AUTHORITY, CERTIFICATE, PRIVATE_KEY, text, value};

/// When the certificates in these Secrets expire, by the Secret's name.
pub fn expiries(secrets: &BTreeMap<String, Secret>) -> BTreeMap<&str, Timestamp> {
    let certificates = secrets
        .iter()
        .filter_map(|(name, secret)| Some((name.as_str(), value(secret, CERTIFICATE)?)));
    certificates
        .filter_map(|(name, certificate)| Some((name, expires(certificate)?)))
        .collect()
}

/// Something to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The authority itself; everything signed by a former one is replaced after it.
    Authority,
    /// A holder's certificate, and why.
    Certificate(Holder, &'static str),
    /// The authorities in a holder's Secret; its certificate stays.
    Trust(Holder),
    /// A random text under this key of this Secret.
    Random(&'static str, &'static str),
}

/// What is missing among the Secrets of an archive. Nothing that exists and can be used is ever
/// replaced, except certificates and what is trusted.
pub fn needs(
    namespace: &str,
    observed: &Observed,
    authorities: Option<&Authorities>,
    now: Timestamp,
) -> Vec<Need> {
    let secrets = &observed.secrets;
    let mut needs: Vec<Need> = [(MYSQL_SECRET, READER_ACCOUNT), (MYSQL_SECRET, CZAR_ACCOUNT)]
        .into_iter()
        .filter(|(secret, key)| text(secrets, secret, key).is_none_or(str::is_empty))
        .map(|(secret, key)| Need::Random(secret, key))
        .collect();
    match authorities {
        // Certificates follow in the next round, once the authority is stored.
        None => needs.push(Need::Authority),
        Some(authorities) => {
            let bundle = authorities.bundle();
            needs.extend(observed.holders().filter_map(|holder| {
                let replaced = certificate_need(namespace, secrets, authorities, holder, now);
                match replaced {
                    Some(reason) => Some(Need::Certificate(holder, reason)),
                    None => (text(secrets, &holder.tls_secret(), AUTHORITY) != Some(&bundle))
                        .then_some(Need::Trust(holder)),
                }
            }));
        }
    }
    needs
}

fn certificate_need(
    namespace: &str,
    secrets: &BTreeMap<String, Secret>,
    authorities: &Authorities,
    holder: Holder,
    now: Timestamp,
) -> Option<&'static str> {
    let name = &holder.tls_secret();
    let Some(certificate) = text(secrets, name, CERTIFICATE) else {
        return Some("it is missing");
    };
    if text(secrets, name, PRIVATE_KEY).is_none() {
        return Some("its key is missing");
    }
    if !is_signed_by(certificate, &authorities.signer.certificate) {
        return Some("it is of another authority");
    }
    outdated(certificate, &names(holder, namespace), now)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use orrery_archive::names::{CA_SECRET, CZAR_ACCOUNT, Holder, MYSQL_SECRET, READER_ACCOUNT};
    use serde_json::json;

    use super::Need;
    use crate::secrets::authorities::{Authorities, Second};
    use crate::secrets::certificates::{authority, issue};
    use crate::secrets::observe::Observed;
    use crate::secrets::values::{AUTHORITY, CERTIFICATE, PRIVATE_KEY};

    fn secret(values: &[(&str, &str)]) -> Secret {
        let data = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect();
        Secret {
            data: Some(data),
            ..Secret::default()
        }
    }

    fn needs(namespace: &str, observed: &Observed, now: Timestamp) -> Vec<Need> {
        let authorities = authorities(observed);
        super::needs(namespace, observed, Some(&authorities), now)
    }

    fn authorities(observed: &Observed) -> Authorities {
        let read = Authorities::read(observed.secrets.get(CA_SECRET));
        read.unwrap().unwrap()
    }

    /// An archive with two workers that lacks nothing.
    fn complete() -> Observed {
        let worker = |id: u32| {
            let spec = json!({"pool": "main", "id": id});
            let worker = json!({"apiVersion": "orrery.dev/v1alpha1", "kind": "Worker",
                "metadata": {"name": format!("main-w{id}")}, "spec": spec});
            (id, serde_json::from_value(worker).unwrap())
        };
        let mut observed = Observed {
            secrets: BTreeMap::new(),
            workers: [1, 2].map(worker).into(),
        };
        observed.secrets = secrets(&observed);
        observed
    }

    fn secrets(observed: &Observed) -> BTreeMap<String, Secret> {
        let now = SystemTime::now();
        let ca = authority("sky", now).unwrap();
        let mut secrets = BTreeMap::from([
            (
                CA_SECRET.to_owned(),
                secret(&[(CERTIFICATE, &ca.certificate), (PRIVATE_KEY, &ca.key)]),
            ),
            (
                MYSQL_SECRET.to_owned(),
                secret(&[(READER_ACCOUNT, "a"), (CZAR_ACCOUNT, "b")]),
            ),
        ]);
        for holder in observed.holders() {
            let pair = issue(&ca, holder, "sky", now).unwrap();
            let data = [
                (CERTIFICATE, pair.certificate.as_str()),
                (PRIVATE_KEY, &pair.key),
                (AUTHORITY, &ca.certificate),
            ];
            secrets.insert(holder.tls_secret(), secret(&data));
        }
        secrets
    }

    #[test]
    fn an_empty_namespace_needs_everything_but_certificates_wait_for_their_authority() {
        let needs = super::needs("sky", &Observed::default(), None, Timestamp::now());
        assert_eq!(
            needs,
            [
                Need::Random(MYSQL_SECRET, READER_ACCOUNT),
                Need::Random(MYSQL_SECRET, CZAR_ACCOUNT),
                Need::Authority,
            ]
        );
    }

    #[test]
    fn a_complete_set_needs_nothing_and_what_users_changed_stays() {
        let mut observed = complete();
        observed.secrets.insert(
            MYSQL_SECRET.to_owned(),
            secret(&[(READER_ACCOUNT, "rotated"), (CZAR_ACCOUNT, "b")]),
        );
        assert_eq!(needs("sky", &observed, Timestamp::now()), []);
    }

    #[test]
    fn certificates_are_renewed_before_they_expire() {
        let late = Timestamp::now() + SignedDuration::from_hours(24 * 80);
        let observed = complete();
        let wanted: Vec<Need> = observed
            .holders()
            .map(|holder| Need::Certificate(holder, "it expires soon"))
            .collect();
        assert_eq!(needs("sky", &observed, late), wanted);
    }

    #[test]
    fn a_new_authority_renews_every_certificate() {
        let mut observed = complete();
        let other = authority("sky", SystemTime::now()).unwrap();
        observed.secrets.insert(
            CA_SECRET.to_owned(),
            secret(&[(CERTIFICATE, &other.certificate), (PRIVATE_KEY, &other.key)]),
        );
        let wanted: Vec<Need> = observed
            .holders()
            .map(|holder| Need::Certificate(holder, "it is of another authority"))
            .collect();
        assert_eq!(wanted.len(), 7);
        assert_eq!(needs("sky", &observed, Timestamp::now()), wanted);
    }

    #[test]
    fn an_authority_that_is_to_come_is_trusted_and_signs_nothing() {
        let observed = complete();
        let next = authority("sky", SystemTime::now()).unwrap();
        let coming = authorities(&observed).with_next(next);
        let as_of = |authorities: &Authorities| {
            super::needs("sky", &observed, Some(authorities), Timestamp::now())
        };
        let trust: Vec<Need> = observed.holders().map(Need::Trust).collect();
        assert_eq!(as_of(&coming), trust);
        let leaving = coming.turned();
        assert!(matches!(leaving.second, Some(Second::Last(_))));
        let reissued = observed
            .holders()
            .map(|holder| Need::Certificate(holder, "it is of another authority"));
        assert_eq!(as_of(&leaving), reissued.collect::<Vec<_>>());
    }

    #[test]
    fn each_worker_has_a_certificate_of_its_own() {
        let mut observed = complete();
        let of_first = observed.secrets[&Holder::Worker(1).tls_secret()].clone();
        let of_second = Holder::Worker(2).tls_secret();
        assert_ne!(observed.secrets[&of_second], of_first);
        observed.secrets.insert(of_second, of_first);
        assert_eq!(
            needs("sky", &observed, Timestamp::now()),
            [Need::Certificate(Holder::Worker(2), "it has other names")]
        );
    }
}
