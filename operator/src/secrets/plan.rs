//! Which of the archive's own Secrets are missing or must be replaced. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::{
    CA_SECRET, CZAR_ACCOUNT, MYSQL_SECRET, READER_ACCOUNT, Role, SIGNING_SECRET,
};

use super::certificates::{Pair, dns_names, expires, outdated};

/// Key of the certificate in a Secret.
pub const CERTIFICATE: &str = "tls.crt";
/// Key of the private key.
pub const PRIVATE_KEY: &str = "tls.key";
/// Key of the authority's certificate.
pub const AUTHORITY: &str = "ca.crt";
/// Roles that have a certificate.
pub const ROLES: [Role; 6] = [
    Role::Operator,
    Role::Agent,
    Role::Mysqld,
    Role::Loader,
    Role::Czar,
    Role::Proxy,
];

/// Names of the archive's own Secrets.
pub fn own_names() -> impl Iterator<Item = &'static str> {
    let certificates = ROLES.into_iter().map(Role::tls_secret);
    certificates.chain([CA_SECRET, MYSQL_SECRET, SIGNING_SECRET])
}

/// When the certificates in these Secrets expire, by the Secret's name.
pub fn expiries(
    secrets: &BTreeMap<String, Secret>,
) -> impl Iterator<Item = (&'static str, Timestamp)> {
    own_names().filter_map(|name| {
        let certificate = text(secrets, name, CERTIFICATE)?;
        Some((name, expires(certificate)?))
    })
}

/// Something to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The authority itself; everything signed by a former one is replaced after it.
    Authority,
    /// A role's certificate, and why.
    Certificate(Role, &'static str),
    /// A random text under this key of this Secret.
    Random(&'static str, &'static str),
}

/// What is missing among the Secrets of an archive. Nothing that exists and can be used is ever
/// replaced, except certificates.
pub fn needs(namespace: &str, secrets: &BTreeMap<String, Secret>, now: Timestamp) -> Vec<Need> {
    let mut needs: Vec<Need> = [(MYSQL_SECRET, READER_ACCOUNT), (MYSQL_SECRET, CZAR_ACCOUNT)]
        .into_iter()
        .filter(|(secret, key)| text(secrets, secret, key).is_none_or(str::is_empty))
        .map(|(secret, key)| Need::Random(secret, key))
        .collect();
    match authority(secrets) {
        // Certificates follow in the next round, once the authority is stored.
        None => needs.push(Need::Authority),
        Some(authority) => needs.extend(ROLES.into_iter().filter_map(|role| {
            certificate_need(namespace, secrets, &authority, role, now)
                .map(|reason| Need::Certificate(role, reason))
        })),
    }
    needs
}

fn certificate_need(
    namespace: &str,
    secrets: &BTreeMap<String, Secret>,
    authority: &Pair,
    role: Role,
    now: Timestamp,
) -> Option<&'static str> {
    let name = role.tls_secret();
    let Some(certificate) = text(secrets, name, CERTIFICATE) else {
        return Some("it is missing");
    };
    if text(secrets, name, PRIVATE_KEY).is_none() {
        return Some("its key is missing");
    }
    if text(secrets, name, AUTHORITY) != Some(&authority.certificate) {
        return Some("it is of another authority");
    }
    outdated(certificate, &dns_names(role, namespace), now)
}

/// The stored authority.
pub fn authority(secrets: &BTreeMap<String, Secret>) -> Option<Pair> {
    Some(Pair {
        certificate: text(secrets, CA_SECRET, CERTIFICATE)?.to_owned(),
        key: text(secrets, CA_SECRET, PRIVATE_KEY)?.to_owned(),
    })
}

/// The text under `key` of the Secret `name`.
pub fn text<'a>(secrets: &'a BTreeMap<String, Secret>, name: &str, key: &str) -> Option<&'a str> {
    value(secrets.get(name)?, key)
}

/// The text under `key` of a Secret.
pub fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::SystemTime;

    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use orrery_archive::names::{CA_SECRET, CZAR_ACCOUNT, MYSQL_SECRET, READER_ACCOUNT, Role};

    use super::{AUTHORITY, CERTIFICATE, Need, PRIVATE_KEY, ROLES, needs};
    use crate::secrets::certificates::{authority, issue};

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

    fn complete() -> BTreeMap<String, Secret> {
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
        for role in ROLES {
            let pair = issue(&ca, role, "sky", now).unwrap();
            let data = [
                (CERTIFICATE, pair.certificate.as_str()),
                (PRIVATE_KEY, &pair.key),
                (AUTHORITY, &ca.certificate),
            ];
            secrets.insert(role.tls_secret().to_owned(), secret(&data));
        }
        secrets
    }

    #[test]
    fn an_empty_namespace_needs_everything_but_certificates_wait_for_their_authority() {
        let needs = needs("sky", &BTreeMap::new(), Timestamp::now());
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
        let mut secrets = complete();
        secrets.insert(
            MYSQL_SECRET.to_owned(),
            secret(&[(READER_ACCOUNT, "rotated"), (CZAR_ACCOUNT, "b")]),
        );
        assert_eq!(needs("sky", &secrets, Timestamp::now()), []);
    }

    #[test]
    fn certificates_are_renewed_before_they_expire() {
        let late = Timestamp::now() + SignedDuration::from_hours(24 * 80);
        let wanted: Vec<Need> = ROLES
            .into_iter()
            .map(|role| Need::Certificate(role, "it expires soon"))
            .collect();
        assert_eq!(needs("sky", &complete(), late), wanted);
    }

    #[test]
    fn a_new_authority_renews_every_certificate() {
        let mut secrets = complete();
        let other = authority("sky", SystemTime::now()).unwrap();
        secrets.insert(
            CA_SECRET.to_owned(),
            secret(&[(CERTIFICATE, &other.certificate), (PRIVATE_KEY, &other.key)]),
        );
        let needs = needs("sky", &secrets, Timestamp::now());
        assert_eq!(needs.len(), ROLES.len());
        assert_eq!(
            needs[1],
            Need::Certificate(Role::Agent, "it is of another authority")
        );
    }
}
