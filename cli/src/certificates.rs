//! `kubectl orrery certificates`: who has which certificate until when, and another authority.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use orrery_archive::names::{
    AUTHORITY_CERTIFICATES, CA_SECRET, Holder, ROTATE_ANNOTATION, ROTATION_ANNOTATION,
};
use serde_json::json;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::{Pem, parse_x509_pem};

use crate::archive::Archive;
use crate::output::{self, outln};
use crate::table::Table;

/// Key of a holder's certificate.
const CERTIFICATE: &str = "tls.crt";

/// What is done.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Has the operator put a new authority in the place of the archive's: both are trusted until
    /// everybody has a certificate by the new one.
    Rotate,
}

/// Shows the certificates, or asks for a new authority.
pub async fn run(archive: &Archive, command: Option<Command>) -> Result<()> {
    match command {
        None => show(archive).await,
        Some(Command::Rotate) => rotate(archive).await,
    }
}

async fn show(archive: &Archive) -> Result<()> {
    let listed = secrets(archive).list(&ListParams::default()).await;
    let listed = listed.context("listing Secrets")?.items;
    let authority = listed.iter().find(|secret| secret.name_any() == CA_SECRET);
    let authority = authority.with_context(|| format!("there is no Secret {CA_SECRET} yet"))?;
    let holders = listed
        .iter()
        .filter(|secret| Holder::of_secret(&secret.name_any()).is_some());
    let holders: Vec<&Secret> = holders.collect();
    output::write(format_args!("{}", text(authority, &holders)))?;
    match authority.annotations().get(ROTATION_ANNOTATION) {
        Some(waits) => outln!("\n{waits}")?,
        None if authority.annotations().contains_key(ROTATE_ANNOTATION) => {
            outln!("\na new authority was asked for")?;
        }
        None => {}
    }
    Ok(())
}

async fn rotate(archive: &Archive) -> Result<()> {
    let asked =
        json!({"metadata": {"annotations": {ROTATE_ANNOTATION: Timestamp::now().to_string()}}});
    secrets(archive)
        .patch(CA_SECRET, &PatchParams::default(), &Patch::Merge(asked))
        .await
        .with_context(|| format!("changing Secret {CA_SECRET}"))?;
    outln!("a new authority is asked for; kubectl orrery certificates shows how far it is")?;
    Ok(())
}

fn secrets(archive: &Archive) -> Api<Secret> {
    Api::namespaced(archive.client.clone(), &archive.namespace)
}

/// The authorities, then the certificates by the names of their Secrets.
fn text(authority: &Secret, holders: &[&Secret]) -> String {
    let mut table = Table::with_header(["SECRET", "SUBJECT", "ISSUER", "EXPIRES"]);
    let authorities: Vec<(&str, Pem)> = AUTHORITY_CERTIFICATES
        .iter()
        .filter_map(|(name, key)| Some((*name, certificate(authority, key)?)))
        .collect();
    for (name, pem) in &authorities {
        let (subject, expires) = described(pem);
        let itself = format!("itself ({name})");
        table.row([CA_SECRET.into(), subject, itself, expires]);
    }
    for secret in holders {
        let name = secret.name_any();
        let Some(pem) = certificate(secret, CERTIFICATE) else {
            table.row([name, "no certificate".into(), String::new(), String::new()]);
            continue;
        };
        let (subject, expires) = described(&pem);
        table.row([name, subject, issuer(&pem, &authorities), expires]);
    }
    table.text()
}

fn certificate(secret: &Secret, key: &str) -> Option<Pem> {
    let value = secret.data.as_ref()?.get(key)?;
    parse_x509_pem(&value.0).ok().map(|(_, pem)| pem)
}

/// Subject with what names a worker, and the end of its validity.
fn described(pem: &Pem) -> (String, String) {
    let Ok(parsed) = pem.parse_x509() else {
        return ("cannot be read".into(), String::new());
    };
    let end = Timestamp::from_second(parsed.validity().not_after.timestamp());
    let end = end.map_or_else(|_| "never".into(), |end| end.to_string());
    let worker = worker(&parsed).map(|uri| format!(", {uri}"));
    (
        format!("{}{}", parsed.subject(), worker.unwrap_or_default()),
        end,
    )
}

fn worker(parsed: &X509Certificate<'_>) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    let names = parsed.subject_alternative_name().ok()??;
    names
        .value
        .general_names
        .iter()
        .find_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
}

/// Which of the authorities signed a certificate.
fn issuer(pem: &Pem, authorities: &[(&str, Pem)]) -> String {
    let signed = |authority: &Pem| {
        let (Ok(certificate), Ok(authority)) = (pem.parse_x509(), authority.parse_x509()) else {
            return false;
        };
        let key = authority.public_key();
        certificate.verify_signature(Some(key)).is_ok()
    };
    let found = authorities.iter().find(|(_, authority)| signed(authority));
    found.map_or_else(
        || "another".into(),
        |(name, _)| format!("{CA_SECRET} ({name})"),
    )
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use kube::api::ObjectMeta;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    };

    use super::text;

    fn secret(name: &str, values: &[(&str, String)]) -> Secret {
        let data = values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.clone().into_bytes())));
        Secret {
            metadata: ObjectMeta {
                name: Some(name.into()),
                ..ObjectMeta::default()
            },
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    fn authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = params("Orrery archive sky");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        params
    }

    #[test]
    fn each_certificate_is_shown_with_who_signed_it_and_its_end() {
        let (signs, last) = (authority(), authority());
        let issued = |by: &CertifiedIssuer<'static, KeyPair>, worker: Option<&str>| {
            let mut params = params("orrery-agent");
            let uri = worker.map(|uri| SanType::URI(uri.try_into().unwrap()));
            params.subject_alt_names.extend(uri);
            params
                .signed_by(&KeyPair::generate().unwrap(), by)
                .unwrap()
                .pem()
        };
        let ca = [("tls.crt", signs.pem()), ("last.crt", last.pem())];
        let one = [("tls.crt", issued(&signs, Some("spiffe://sky/worker/1")))];
        let two = [("tls.crt", issued(&last, None))];
        let three = [("tls.crt", issued(&authority(), None))];
        let holders = [
            secret("a", &one),
            secret("b", &two),
            secret("c", &three),
            secret("d", &[]),
        ];
        let holders: Vec<&Secret> = holders.iter().collect();
        let shown = text(&secret("orrery-ca", &ca), &holders);
        let rows: Vec<Vec<&str>> = shown
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect()
            })
            .collect();
        let end = "2031-02-03T00:00:00Z";
        let (ours, agent) = ("CN=Orrery archive sky", "CN=orrery-agent");
        let worker = "CN=orrery-agent, spiffe://sky/worker/1";
        assert_eq!(rows[0], ["SECRET", "SUBJECT", "ISSUER", "EXPIRES"]);
        assert_eq!(rows[1], ["orrery-ca", ours, "itself (signs)", end]);
        assert_eq!(rows[2], ["orrery-ca", ours, "itself (last)", end]);
        assert_eq!(rows[3], ["a", worker, "orrery-ca (signs)", end]);
        assert_eq!(rows[4], ["b", agent, "orrery-ca (last)", end]);
        assert_eq!(rows[5], ["c", agent, "another", end]);
        assert_eq!(rows[6], ["d", "no certificate"]);
    }
}
