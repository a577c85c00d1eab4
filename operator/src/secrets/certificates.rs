//! The archive's authority and the certificates of its roles.

use std::time::{Duration, SystemTime};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use orrery_archive::names::{Holder, worker_uri};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
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
/// An authority that was made here and has less left is replaced.
const RENEW_AUTHORITY_BEFORE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How far a certificate's start lies back, for peers whose clock is behind.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// Why a certificate was not made or cannot be read.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The stored authority or key cannot be used.
    #[error("certificate or key cannot be used: {0}")]
    Unusable(#[from] rcgen::Error),
    /// There is none to sign it.
    #[error("there is no authority yet")]
    NoAuthority,
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
    let mut parameters = parameters(&authority_name(namespace), now, AUTHORITY_LIFE);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(Pair {
        certificate: parameters.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
    })
}

/// Makes the certificate of `holder` in `namespace`, signed by the authority.
pub fn issue(
    authority: &Pair,
    holder: Holder,
    namespace: &str,
    now: SystemTime,
) -> Result<Pair, CertificateError> {
    let issuer =
        Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let key = KeyPair::generate()?;
    let mut parameters = parameters(holder.role().common_name(), now, LIFE);
    parameters.subject_alt_names = names(holder, namespace)
        .iter()
        .map(Name::subject)
        .collect::<Result<_, rcgen::Error>>()?;
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

/// A name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Of a server.
    Dns(String),
    /// Of a worker.
    Uri(String),
}

impl Name {
    fn subject(&self) -> Result<SanType, rcgen::Error> {
        Ok(match self {
            Self::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
            Self::Uri(uri) => SanType::URI(uri.as_str().try_into()?),
        })
    }

    fn of(name: &GeneralName<'_>) -> Option<Self> {
        match name {
            GeneralName::DNSName(name) => Some(Self::Dns((*name).to_owned())),
            GeneralName::URI(uri) => Some(Self::Uri((*uri).to_owned())),
            _ => None,
        }
    }
}

/// Names in a holder's certificate: that of its role, which peers check whatever they call;
/// of a worker its own; of the others those of their Services.
pub fn names(holder: Holder, namespace: &str) -> Vec<Name> {
    let role = holder.role().common_name();
    let mut names = vec![Name::Dns(role.to_owned())];
    names.extend(match holder {
        Holder::Worker(id) => vec![Name::Uri(worker_uri(namespace, id))],
        _ => vec![
            Name::Dns(format!("{role}.{namespace}")),
            Name::Dns(format!("{role}.{namespace}.svc")),
        ],
    });
    names
}

/// When a certificate expires; `None` when it cannot be read.
pub fn expires(certificate: &str) -> Option<Timestamp> {
    let (_, pem) = parse_x509_pem(certificate.as_bytes()).ok()?;
    let parsed = pem.parse_x509().ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

/// Whether `authority` signed a certificate.
pub fn is_signed_by(certificate: &str, authority: &str) -> bool {
    let parsed = |pem: &str| parse_x509_pem(pem.as_bytes()).map(|(_, pem)| pem).ok();
    let (Some(certificate), Some(authority)) = (parsed(certificate), parsed(authority)) else {
        return false;
    };
    match (certificate.parse_x509(), authority.parse_x509()) {
        (Ok(certificate), Ok(authority)) => certificate
            .verify_signature(Some(authority.public_key()))
            .is_ok(),
        _ => false,
    }
}

/// Whether an authority that was made here for `namespace` comes to its end.
pub fn authority_ends(namespace: &str, authority: &str, now: Timestamp) -> bool {
    let Ok((_, pem)) = parse_x509_pem(authority.as_bytes()) else {
        return false;
    };
    let Ok(parsed) = pem.parse_x509() else {
        return false;
    };
    let name = parsed.subject().iter_common_name().next();
    let ours = name.and_then(|name| name.as_str().ok()) == Some(&authority_name(namespace));
    let left = parsed.validity().not_after.timestamp() - now.as_second();
    ours && left < RENEW_AUTHORITY_BEFORE.as_secs()
}

fn authority_name(namespace: &str) -> String {
    format!("Orrery archive {namespace}")
}

/// Why the stored certificate must be replaced; `None` when it serves.
pub fn outdated(certificate: &str, wanted: &[Name], now: Timestamp) -> Option<&'static str> {
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
    let names: Vec<Option<Name>> = match parsed.subject_alternative_name() {
        Ok(Some(extension)) => (extension.value.general_names.iter())
            .map(Name::of)
            .collect(),
        _ => Vec::new(),
    };
    let same = names.iter().map(Option::as_ref).eq(wanted.iter().map(Some));
    (!same).then_some("it has other names")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use k8s_openapi::jiff::{SignedDuration, Timestamp};
    use orrery_archive::names::Holder;

    use super::{authority, authority_ends, is_signed_by, issue, names, outdated};

    #[test]
    fn an_issued_certificate_serves_until_it_nears_its_end() {
        let now = SystemTime::now();
        let authority = authority("sky", now).unwrap();
        let pair = issue(&authority, Holder::Czar, "sky", now).unwrap();
        let names = names(Holder::Czar, "sky");
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
    fn an_authority_is_replaced_in_its_last_year_if_it_was_made_here() {
        let now = SystemTime::now();
        let pair = authority("sky", now).unwrap();
        let after =
            |days: i64| Timestamp::try_from(now).unwrap() + SignedDuration::from_hours(24 * days);
        let ends = |namespace, days| authority_ends(namespace, &pair.certificate, after(days));
        assert!(!ends("sky", 9 * 365 - 1) && ends("sky", 9 * 365 + 1));
        assert!(!ends("else", 9 * 365 + 1), "it is somebody else's");
    }

    #[test]
    fn a_certificate_for_other_names_or_of_nonsense_is_outdated() {
        let now = SystemTime::now();
        let (ca, worker) = (authority("sky", now).unwrap(), Holder::Worker(3));
        let pair = issue(&ca, worker, "sky", now).unwrap();
        let timestamp = Timestamp::try_from(now).unwrap();
        let as_of = |holder| outdated(&pair.certificate, &names(holder, "sky"), timestamp);
        assert_eq!(as_of(worker), None);
        for other in [Holder::Worker(4), Holder::Czar] {
            assert_eq!(as_of(other), Some("it has other names"), "{other:?}");
        }
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
        let pair = issue(&ours, Holder::Worker(3), "sky", now).unwrap();
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
        assert!(verify(&ours, "orrery-loader").is_err());
        assert!(verify(&theirs, "orrery-agent").is_err());
        assert_eq!(orrery_tls::worker(&leaf), Some(3));
        assert!(is_signed_by(&pair.certificate, &ours.certificate));
        assert!(!is_signed_by(&pair.certificate, &theirs.certificate));
    }
}
