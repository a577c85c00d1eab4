//! An archive's certificates.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use orrery_archive::catalog::{Catalog, SignedCatalog};
use orrery_archive::names::{Role, WorkerId, worker_uri};
use orrery_archive::signing::{SigningKey, TrustedKeys};
use orrery_tls::{Files, Identity};
use orrery_worker_api::agent::{CopyTable, ExportOrder, ManifestRow};
use orrery_worker_api::client::{Agents, Timeouts};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;

/// The archive's UID.
pub const ARCHIVE_UID: &str = "11111111-2222-3333-4444-555555555555";
/// How long the tests' clients wait.
pub const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    call: Duration::from_secs(60),
};

/// A certificate authority with a certificate per role and a key of catalog copies, as the operator
/// makes them.
pub struct Archive {
    directory: TempDir,
    signing: SigningKey,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Default for Archive {
    fn default() -> Self {
        Self::new()
    }
}

impl Archive {
    /// Makes all certificates.
    pub fn new() -> Self {
        orrery_shell::install_crypto();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "orrery tests");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let archive = Self {
            directory: TempDir::new().unwrap(),
            signing: SigningKey::generate().unwrap(),
            authority,
        };
        let trusted = TrustedKeys::new(vec![archive.signing.public()]).unwrap();
        std::fs::write(archive.public_keys(), trusted.to_string()).unwrap();
        for role in [
            Role::Operator,
            Role::Agent,
            Role::Mysqld,
            Role::Loader,
            Role::Czar,
            Role::Proxy,
        ] {
            archive.issue(&archive.tls_dir(role), role.common_name());
        }
        archive
    }

    /// Directory with `tls.crt`, `tls.key` and `ca.crt` of a role. That of an agent names no worker.
    pub fn tls_dir(&self, role: Role) -> PathBuf {
        self.directory.path().join(role.common_name())
    }

    /// Directory with `tls.crt`, `tls.key` and `ca.crt` of this worker's agent.
    pub fn worker_tls_dir(&self, id: WorkerId) -> PathBuf {
        let directory = self.directory.path().join(format!("worker-{id}"));
        if !directory.exists() {
            let uri = worker_uri("tests", id);
            self.issue_with(&directory, Role::Agent.common_name(), Some(uri));
        }
        directory
    }

    /// The folder in which each role has its folder.
    pub fn folder(&self) -> &Path {
        self.directory.path()
    }

    /// File with the public keys of catalog copies.
    pub fn public_keys(&self) -> PathBuf {
        self.directory.path().join("public-keys")
    }

    /// A copy of `catalog` as the operator signs it.
    pub fn sign(&self, catalog: &Catalog) -> SignedCatalog {
        SignedCatalog::sign(catalog, &self.signing)
    }

    /// What a copy from a worker to another needs to fetch these tables, as the operator asks for
    /// it.
    pub fn ordered(&self, between: (WorkerId, WorkerId), rows: &[ManifestRow]) -> Vec<CopyTable> {
        let table = |row: &ManifestRow| {
            let name = (row.database.as_str(), row.table.as_str());
            CopyTable {
                row: row.clone(),
                order: self.export_order(ARCHIVE_UID, between, name, i64::MAX),
            }
        };
        rows.iter().map(table).collect()
    }

    /// An order of the operator to hand out a table, from a worker to another.
    pub fn export_order(
        &self,
        archive_uid: &str,
        between: (WorkerId, WorkerId),
        table: (&str, &str),
        until: i64,
    ) -> ExportOrder {
        ExportOrder::sign(&self.signing, archive_uid, between, table, until)
    }

    /// Writes a certificate with this common name to `directory`.
    pub fn issue(&self, directory: &Path, common_name: &str) {
        self.issue_with(directory, common_name, None);
    }

    fn issue_with(&self, directory: &Path, common_name: &str, uri: Option<String>) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(vec![common_name.to_owned(), "localhost".to_owned()]).unwrap();
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let uri = uri.map(|uri| SanType::URI(uri.try_into().unwrap()));
        params.subject_alt_names.extend(uri);
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        std::fs::create_dir_all(directory).unwrap();
        std::fs::write(directory.join("tls.crt"), certificate.pem()).unwrap();
        std::fs::write(directory.join("tls.key"), key.serialize_pem()).unwrap();
        std::fs::write(directory.join("ca.crt"), self.authority.pem()).unwrap();
    }

    /// Key, certificate and authority of a role.
    pub fn identity(&self, role: Role) -> Identity {
        Files::read(&self.tls_dir(role))
            .unwrap()
            .identity()
            .unwrap()
    }

    /// Calls to agents with the certificate of a role.
    pub fn agents(&self, role: Role) -> Agents {
        Agents::new(&self.identity(role), TIMEOUTS).unwrap()
    }

    /// Calls to agents with the certificate of this worker's agent.
    pub fn agents_of(&self, id: WorkerId) -> Agents {
        Agents::from_folder(&self.worker_tls_dir(id), TIMEOUTS).unwrap()
    }

    /// A client with the certificate of a role.
    pub fn client(&self, role: Role) -> reqwest::Client {
        self.client_from(Some(&self.tls_dir(role)))
    }

    /// A client with the certificate in a directory, or with none.
    pub fn client_from(&self, directory: Option<&Path>) -> reqwest::Client {
        let tls = if let Some(directory) = directory {
            let identity = Files::read(directory).unwrap().identity().unwrap();
            identity.client(Role::Agent).unwrap()
        } else {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.authority.der().clone()).unwrap();
            rustls::ClientConfig::builder()
                .with_root_certificates(roots)
                .with_no_client_auth()
        };
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .build()
            .unwrap()
    }
}
