//! Certificates: read from the mounted Secret, and again when they change, so that a renewal needs no restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orrery_crds::names::Role;
use parking_lot::Mutex;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use crate::error::{AgentError, Result};

/// Files of a TLS Secret.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITY: &str = "ca.crt";

/// A directory with the files of a TLS Secret.
#[derive(Debug)]
pub struct TlsFiles {
    directory: PathBuf,
    loaded: Mutex<Option<Loaded>>,
}

#[derive(Clone, Debug)]
struct Loaded {
    digest: [u8; 32],
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl TlsFiles {
    /// Nothing is read yet.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            loaded: Mutex::new(None),
        }
    }

    /// For the API: every caller must have a certificate of the archive's authority.
    pub fn server(&self) -> Result<Arc<ServerConfig>> {
        Ok(self.load()?.server)
    }

    /// For calls to other agents.
    pub fn client(&self) -> Result<Arc<ClientConfig>> {
        Ok(self.load()?.client)
    }

    /// Reads the files; builds configurations when they changed. A half-written renewal leaves the old ones in use.
    fn load(&self) -> Result<Loaded> {
        let mut loaded = self.loaded.lock();
        match (self.read(), loaded.clone()) {
            (Ok(files), Some(old)) if files.digest() == old.digest => Ok(old),
            (Ok(files), old) => match (files.build(), old) {
                (Ok(new), _) => {
                    *loaded = Some(new.clone());
                    Ok(new)
                }
                (Err(error), Some(old)) => {
                    tracing::warn!(%error, "new certificates cannot be used");
                    Ok(old)
                }
                (Err(error), None) => Err(error),
            },
            (Err(error), Some(old)) => {
                tracing::warn!(%error, "certificates cannot be read again");
                Ok(old)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn read(&self) -> Result<Files> {
        let read = |name: &str| {
            let path = self.directory.join(name);
            std::fs::read(&path).map_err(|source| AgentError::io(format!("read {}", path.display()), source))
        };
        Ok(Files {
            certificate: read(CERTIFICATE)?,
            key: read(KEY)?,
            authority: read(AUTHORITY)?,
        })
    }
}

struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl Files {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.certificate, &self.key, &self.authority] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn build(&self) -> Result<Loaded> {
        let roots = Arc::new(self.roots()?);
        let (chain, key) = self.identity()?;
        let clients = WebPkiClientVerifier::builder(roots.clone())
            .build()
            .map_err(|error| bad(&error))?;
        let mut server = ServerConfig::builder()
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(|error| bad(&error))?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let servers = WebPkiServerVerifier::builder(roots)
            .build()
            .map_err(|error| bad(&error))?;
        let client = ClientConfig::builder()
            .with_webpki_verifier(servers)
            .with_client_auth_cert(chain, key)
            .map_err(|error| bad(&error))?;
        Ok(Loaded {
            digest: self.digest(),
            server: Arc::new(server),
            client: Arc::new(client),
        })
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&self.authority) {
            roots
                .add(certificate.map_err(|error| bad(&error))?)
                .map_err(|error| bad(&error))?;
        }
        Ok(roots)
    }

    fn identity(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| bad(&error))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| bad(&error))?;
        Ok((chain, key))
    }
}

fn bad(error: &dyn std::fmt::Display) -> AgentError {
    AgentError::BadRequest(format!("the TLS files cannot be used: {error}"))
}

/// The role a client certificate names.
pub fn role(certificate: &CertificateDer<'_>) -> Option<Role> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?;
    Role::from_common_name(name.as_str().ok()?)
}
