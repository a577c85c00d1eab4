//! Who is who between Orrery's own programs: mutual TLS under one authority per archive, the common
//! name of each certificate a role.
//!
//! Servers are called by their pods' addresses, which stand in no certificate: what is checked
//! instead is the name of the role.

mod error;
mod keys;
mod reload;
mod verifier;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use error::TlsError;
pub use keys::{KeysFileError, trusted_keys};
use orrery_archive::names::{Role, WorkerId};
pub use reload::Reloaded;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};
use verifier::{RoleClientVerifier, RoleVerifier};
pub use verifier::{role, worker};

/// Names of the files in a TLS Secret.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITY: &str = "ca.crt";

/// The files of a role's TLS Secret. Equal files make equal identities, so a renewal can be
/// noticed.
#[derive(Clone, PartialEq, Eq)]
pub struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key is never logged.
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

impl Files {
    /// What a role's Secret holds, as PEM.
    pub fn new(certificate: Vec<u8>, key: Vec<u8>, authority: Vec<u8>) -> Self {
        Self {
            certificate,
            key,
            authority,
        }
    }

    /// Reads `tls.crt`, `tls.key` and `ca.crt`.
    pub fn read(folder: &Path) -> Result<Self, TlsError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| TlsError::Read { path, source })
        };
        Ok(Self::new(read(CERTIFICATE)?, read(KEY)?, read(AUTHORITY)?))
    }

    /// Reads `tls.crt` and `tls.key`, which no authority of ours has signed.
    pub fn read_site(folder: &Path) -> Result<Self, TlsError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| TlsError::Read { path, source })
        };
        Ok(Self::new(read(CERTIFICATE)?, read(KEY)?, Vec::new()))
    }

    /// What tells these files from others, without the key: SHA-256 of certificate and authority, in
    /// hexadecimal digits.
    pub fn digest(&self) -> String {
        let parts = [&self.certificate, &self.authority].map(Sha256::digest);
        hex::encode(Sha256::digest(parts.concat()))
    }

    /// What they hold.
    pub fn identity(&self) -> Result<Identity, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(AUTHORITY, &self.authority)? {
            roots.add(certificate)?;
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        Ok(Identity {
            chain: certificates(CERTIFICATE, &self.certificate)?,
            key: key.map_err(|source| TlsError::Pem { file: KEY, source })?,
            roots: Arc::new(roots),
        })
    }
}

/// The digest of the files in this folder, if they can be used: what programs that look at the folder
/// for each new connection work with.
pub fn in_use(folder: &Path) -> Result<String, TlsError> {
    let files = Files::read(folder)?;
    files.identity()?;
    Ok(files.digest())
}

/// Certificate and key of a role, and the authority it believes.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key is never logged.
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// The worker whose certificate it is; `None` for every other role's.
    pub fn worker(&self) -> Option<WorkerId> {
        worker(self.chain.first()?)
    }

    /// For a server of HTTP/1.1: every caller must have a certificate of the archive's authority;
    /// [`role`] says whose.
    pub fn server(&self) -> Result<ServerConfig, TlsError> {
        let callers = WebPkiClientVerifier::builder(Arc::clone(&self.roots)).build()?;
        let mut config = ServerConfig::builder()
            .with_client_cert_verifier(callers)
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// For a server that serves callers of one role alone: others do not get through the handshake.
    pub fn server_for(&self, role: Role) -> Result<ServerConfig, TlsError> {
        let callers = RoleClientVerifier::new(Arc::clone(&self.roots), role)?;
        Ok(ServerConfig::builder()
            .with_client_cert_verifier(Arc::new(callers))
            .with_single_cert(self.chain.clone(), self.key.clone_key())?)
    }

    /// For a server of people and their programs, who have no certificates.
    pub fn public_server(&self) -> Result<ServerConfig, TlsError> {
        Ok(ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?)
    }

    /// For calls to servers of `role`, whatever the address they are reached by.
    pub fn client(&self, role: Role) -> Result<ClientConfig, TlsError> {
        let servers = RoleVerifier::new(Arc::clone(&self.roots), role)?;
        Ok(ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(servers))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?)
    }
}

fn certificates(file: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { file, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Files::read(folder.path()).err().unwrap().to_string();
        assert!(missing.contains(CERTIFICATE), "{missing}");
        for name in [CERTIFICATE, KEY, AUTHORITY] {
            std::fs::write(folder.path().join(name), "no PEM").unwrap();
        }
        let bad = Files::read(folder.path())
            .unwrap()
            .identity()
            .err()
            .unwrap()
            .to_string();
        assert!(bad.contains(KEY), "{bad}");
    }

    #[test]
    fn a_digest_tells_certificates_and_authorities_apart_and_says_nothing_of_the_key() {
        let digest = |certificate: &str, key: &str, authority: &str| {
            let [certificate, key, authority] =
                [certificate, key, authority].map(|text| text.as_bytes().to_vec());
            Files::new(certificate, key, authority).digest()
        };
        assert_eq!(digest("a", "k", "b"), digest("a", "l", "b"));
        let others = [("a", "c"), ("c", "b"), ("ab", ""), ("", "ab"), ("b", "a")];
        for (certificate, authority) in others {
            assert_ne!(digest("a", "k", "b"), digest(certificate, "k", authority));
        }
    }

    #[test]
    fn a_certificate_names_its_role_and_no_other_name_is_one() {
        let named = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            role(params.self_signed(&key).unwrap().der())
        };
        assert_eq!(named(Role::Loader.common_name()), Some(Role::Loader));
        assert_eq!(named("somebody"), None);
    }

    #[test]
    fn a_certificate_names_its_worker_by_a_uri() {
        let named = |uri: Option<&str>| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec!["orrery-agent".into()]).unwrap();
            let uri = uri.map(|uri| rcgen::SanType::URI(uri.try_into().unwrap()));
            params.subject_alt_names.extend(uri);
            worker(params.self_signed(&key).unwrap().der())
        };
        assert_eq!(named(Some("spiffe://sky/worker/7")), Some(7));
        assert_eq!(named(Some("spiffe://sky/czar/7")), None);
        assert_eq!(named(None), None);
    }
}
