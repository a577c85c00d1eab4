//! The czar's side of TLS towards agents.
//!
//! Agents are called by pod address, which stands in no certificate: the name checked is that of their role.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use orrery_crds::names::Role;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// A client that presents the certificate in `folder` (`tls.crt`, `tls.key`) and trusts agents of the CA in `ca.crt`.
pub fn agent_client(folder: &Path) -> anyhow::Result<reqwest::Client> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&folder.join("ca.crt"))? {
        roots.add(certificate)?;
    }
    let chain = certificates(&folder.join("tls.crt"))?;
    let key_path = folder.join("tls.key");
    let key = PrivateKeyDer::from_pem_file(&key_path).with_context(|| key_path.display().to_string())?;
    let verifier = RoleVerifier {
        inner: WebPkiServerVerifier::builder(Arc::new(roots.clone())).build()?,
        name: ServerName::try_from(Role::Agent.common_name())?,
    };
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.dangerous().set_certificate_verifier(Arc::new(verifier));
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .build()?)
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).with_context(|| path.display().to_string())?;
    read.collect::<Result<_, _>>()
        .with_context(|| path.display().to_string())
}

/// Checks a server's certificate against a fixed name, whatever address was dialled.
#[derive(Debug)]
struct RoleVerifier {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for RoleVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
