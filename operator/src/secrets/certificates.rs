//! The archive's authority and the certificates of its roles.

use std::time::{Duration, SystemTime};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use orrery_archive::names::Role;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

/// How long the authority is valid.
const AUTHORITY_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);
/// How long a role's certificate is valid.
const LIFE: Duration = Duration::from_secs(90 * 86_400);
/// A certificate with less left is replaced.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far a certificate's start lies back, for peers whose clock is behind.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// Why a certificate was not made or cannot be read.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The stored authority or key cannot be used.
    #[error("certificate or key cannot be used: {0}")]
    Unusable(#[from] rcgen::Error),
    /// What is stored is no text.
    #[error("certificate or key is no PEM text")]
    NotText,
}

/// A certificate and its key as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Certificate.
    pub certificate: String,
    /// Private key, PKCS #8.
    pub key: String,
}

/// Makes an authority for the archive in `namespace`.
pub fn authority(namespace: &str, now: SystemTime) -> Result<Pair, CertificateError> {
    let key = KeyPair::generate()?;
    let mut parameters = parameters(&format!("Orrery archive {namespace}"), now, AUTHORITY_LIFE);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(Pair {
        certificate: parameters.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
    })
}

/// Makes the certificate of `role` in `namespace`, signed by the authority.
pub fn issue(
    authority: &Pair,
    role: Role,
    namespace: &str,
    now: SystemTime,
) -> Result<Pair, CertificateError> {
    let issuer =
        Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let key = KeyPair::generate()?;
    let mut parameters = parameters(role.common_name(), now, LIFE);
    parameters.subject_alt_names =
        CertificateParams::new(dns_names(role, namespace))?.subject_alt_names;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    parameters.use_authority_key_identifier_extension = true;
    Ok(Pair {
        certificate: parameters.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
    })
}

fn parameters(common_name: &str, now: SystemTime, life: Duration) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.not_before = (now - CLOCK_SKEW).into();
    parameters.not_after = (now + life).into();
    parameters
}

/// Names in the role's certificate: its own, which peers check when they connect by address, and
/// those of its Services.
pub fn dns_names(role: Role, namespace: &str) -> Vec<String> {
    let own = role.common_name();
    let mut names = vec![
        own.to_owned(),
        format!("{own}.{namespace}"),
        format!("{own}.{namespace}.svc"),
    ];
    if role == Role::Agent {
        names.push(format!("*.{namespace}.svc"));
    }
    names
}

/// When a certificate expires; `None` when it cannot be read.
pub fn expires(certificate: &str) -> Option<Timestamp> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).ok()?;
    let parsed = pem.parse_x509().ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

/// Why the stored certificate must be replaced; `None` when it serves.
pub fn outdated(
    certificate: &str,
    wanted_names: &[String],
    now: Timestamp,
) -> Option<&'static str> {
    let Ok((_, pem)) = parse_x509_pem(certificate.as_bytes()) else {
        return Some("it cannot be read");
    };
    let Ok(parsed) = pem.parse_x509() else {
        return Some("it cannot be read");
    };
    let left = parsed.validity().not_after.timestamp() - now.as_second();
    if left < RENEW_BEFORE.as_secs() {
        return Some("it expires soon");
    }
    let mut names: Vec<&str> = match parsed.subject_alternative_name() {
        Ok(Some(extension)) => extension
            .value
            .general_names
            .iter()
            .filter_map(dns)
            .collect(),
        _ => Vec::new(),
    };
    let mut wanted: Vec<&str> = wanted_names.iter().map(String::as_str).collect();
    names.sort_unstable();
    wanted.sort_unstable();
    (names != wanted).then_some("it has other names")
}

fn dns<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    match name {
        GeneralName::DNSName(name) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use orrery_archive::names::Role;

    use super::{authority, dns_names, issue, outdated};

    #[test]
    fn an_issued_certificate_serves_until_it_nears_its_end() {
        let now = SystemTime::now();
        let authority = authority("sky", now).unwrap();
        let pair = issue(&authority, Role::Agent, "sky", now).unwrap();
        let names = dns_names(Role::Agent, "sky");
        let at =
            |days: i64| Timestamp::try_from(now).unwrap() + SignedDuration::from_hours(24 * days);
        let expires = super::expires(&pair.certificate).unwrap();
        assert!(expires > at(59) && expires < at(400), "{expires}");
        assert_eq!(outdated(&pair.certificate, &names, at(0)), None);
        assert_eq!(outdated(&pair.certificate, &names, at(59)), None);
        assert_eq!(
            outdated(&pair.certificate, &names, at(61)),
            Some("it expires soon")
        );
    }

    #[test]
    fn a_certificate_for_other_names_or_of_nonsense_is_outdated() {
        let now = SystemTime::now();
        let pair = issue(&authority("sky", now).unwrap(), Role::Czar, "sky", now).unwrap();
        let timestamp = Timestamp::try_from(now).unwrap();
        assert_eq!(
            outdated(&pair.certificate, &dns_names(Role::Agent, "sky"), timestamp),
            Some("it has other names")
        );
        assert_eq!(
            outdated("nonsense", &[], timestamp),
            Some("it cannot be read")
        );
    }

    #[test]
    fn a_certificate_is_trusted_by_its_own_authority_only() {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
        use std::sync::Arc;

        let now = SystemTime::now();
        let (ours, theirs) = (
            authority("sky", now).unwrap(),
            authority("other", now).unwrap(),
        );
        let pair = issue(&ours, Role::Agent, "sky", now).unwrap();
        let leaf = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let verify = |authority: &super::Pair, name: &'static str| {
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap())
                .unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            )
            .build()
            .unwrap();
            use rustls::client::danger::ServerCertVerifier as _;
            let at = UnixTime::since_unix_epoch(
                now.duration_since(SystemTime::UNIX_EPOCH).unwrap() + Duration::from_secs(60),
            );
            verifier.verify_server_cert(&leaf, &[], &ServerName::try_from(name).unwrap(), &[], at)
        };
        assert!(verify(&ours, "orrery-agent").is_ok());
        assert!(verify(&ours, "main-w3.sky.svc").is_ok());
        assert!(verify(&ours, "orrery-loader").is_err());
        assert!(verify(&theirs, "orrery-agent").is_err());
    }
}
