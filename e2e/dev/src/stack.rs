//! A whole archive: workers with their rows, a shadow server, the snapshot file and passwords that
//! czar and proxy need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use orrery_archive::catalog::users::{ServiceClass, UserLimits};
use orrery_archive::catalog::users::{User, Users};
use orrery_archive::catalog::{Catalog, encode};
use orrery_archive::names::{CZAR_ACCOUNT, READER_ACCOUNT, WorkerId};
use orrery_crds::kinds::WorkerPhase;
use orrery_snapshot::WorkerView;
use orrery_snapshot::file::{self, SnapshotFile};
use orrery_wire::auth::Verifier;

use crate::archive::Archive;
use crate::load::load;
use crate::mysqld::{Mysqld, MysqldOptions};

/// Bytes of a worker's buffer pool.
const WORKER_BUFFER: u64 = 256 << 20;
/// Bytes of the shadow server's buffer pool.
const SHADOW_BUFFER: u64 = 64 << 20;
/// Password of the accounts between the parts; everything listens on loopback only.
pub const INTERNAL_PASSWORD: &str = "internal";

/// Servers of an archive.
pub struct Stack {
    /// Workers by id.
    pub workers: BTreeMap<WorkerId, Mysqld>,
    /// Shadow server of the czar.
    pub shadow: Mysqld,
    folder: PathBuf,
}

impl Stack {
    /// Starts servers in `folder`, fills them, and writes the snapshot file. Workers can be called
    /// over TLS when `tls` is a folder with their certificate.
    pub async fn start(
        folder: &Path,
        plugin_folder: Option<&Path>,
        tls: Option<&Path>,
        archive: &Archive,
        users: &Users,
    ) -> anyhow::Result<Self> {
        let server = |id: &WorkerId| MysqldOptions {
            tls: tls.map(Path::to_owned),
            ..worker_options(folder.join(format!("w{id}")), plugin_folder)
        };
        let ids: Vec<WorkerId> = (1..=archive.catalog.counters.worker).collect();
        let starts = ids.iter().map(|id| worker(*id, server(id), archive));
        let shadow = shadow_options(folder.join("shadow"), plugin_folder);
        let (shadow, workers) = futures::try_join!(
            Mysqld::start(&shadow),
            futures::future::try_join_all(starts)
        )?;
        let stack = Self {
            workers: ids.into_iter().zip(workers).collect(),
            shadow,
            folder: folder.to_owned(),
        };
        stack.write_passwords()?;
        stack.publish(&archive.catalog, users)?;
        Ok(stack)
    }

    /// Snapshot file that czar and proxy follow.
    pub fn snapshot(&self) -> PathBuf {
        self.folder.join("snapshot.json")
    }

    /// Folder with the passwords of the internal accounts.
    pub fn passwords(&self) -> PathBuf {
        self.folder.join("passwords")
    }

    /// Writes the snapshot file.
    pub fn publish(&self, catalog: &Catalog, users: &Users) -> anyhow::Result<()> {
        let encoded = encode(catalog);
        let view = |(id, server): (&WorkerId, &Mysqld)| {
            let view = WorkerView {
                name: format!("dev-w{id}"),
                address: Some("127.0.0.1".to_owned()),
                mysql_port: server.port(),
                agent_port: 0,
                phase: WorkerPhase::Ready,
            };
            (*id, view)
        };
        let snapshot = SnapshotFile {
            root: encoded.root,
            objects: encoded.objects,
            workers: self.workers.iter().map(view).collect(),
            users: users.clone(),
        };
        Ok(file::write(&self.snapshot(), &snapshot)?)
    }

    /// Leaves every server running.
    pub fn detach(self) {
        self.workers.into_values().for_each(Mysqld::detach);
        self.shadow.detach();
    }

    fn write_passwords(&self) -> anyhow::Result<()> {
        let folder = self.passwords();
        std::fs::create_dir_all(&folder)?;
        for account in [READER_ACCOUNT, CZAR_ACCOUNT] {
            std::fs::write(folder.join(account), INTERNAL_PASSWORD)
                .with_context(|| folder.display().to_string())?;
        }
        Ok(())
    }
}

/// How a shadow server is started.
pub fn shadow_options(folder: PathBuf, plugin_folder: Option<&Path>) -> MysqldOptions {
    MysqldOptions {
        buffer_pool: SHADOW_BUFFER,
        ..worker_options(folder, plugin_folder)
    }
}

/// How a worker's server is started.
fn worker_options(folder: PathBuf, plugin_folder: Option<&Path>) -> MysqldOptions {
    MysqldOptions {
        folder,
        plugin_folder: plugin_folder.map(Path::to_owned),
        buffer_pool: WORKER_BUFFER,
        tls: None,
    }
}

async fn worker(id: WorkerId, options: MysqldOptions, archive: &Archive) -> anyhow::Result<Mysqld> {
    let server = Mysqld::start(&options).await?;
    load(
        &server,
        archive
            .tables
            .iter()
            .filter(|table| table.workers.contains(&id)),
    )
    .await?;
    make_reader(&server).await?;
    Ok(server)
}

/// A worker with no rows.
pub async fn empty_worker(folder: PathBuf, plugin_folder: Option<&Path>) -> anyhow::Result<Mysqld> {
    let server = Mysqld::start(&worker_options(folder, plugin_folder)).await?;
    make_reader(&server).await?;
    Ok(server)
}

async fn make_reader(server: &Mysqld) -> anyhow::Result<()> {
    server
        .run_all([
            format!("CREATE USER '{READER_ACCOUNT}'@'%' IDENTIFIED BY '{INTERNAL_PASSWORD}'"),
            format!("GRANT SELECT ON *.* TO '{READER_ACCOUNT}'@'%'"),
        ])
        .await
}

/// A user that may read these databases (`*` for all).
pub fn user(password: &str, databases: &[&str]) -> User {
    let verifier = Verifier::from_password(password.as_bytes());
    User {
        native: verifier.native.map(hex::encode).unwrap_or_default(),
        sha2: verifier.sha2.map(hex::encode),
        valid_until: None,
        databases: databases
            .iter()
            .map(|database| (*database).to_owned())
            .collect(),
        tables: BTreeMap::new(),
        class: ServiceClass::Standard,
        limits: UserLimits::default(),
    }
}

/// Users by name, at a version.
pub fn users(version: u64, list: impl IntoIterator<Item = (&'static str, User)>) -> Users {
    Users {
        version,
        users: list
            .into_iter()
            .map(|(name, user)| (name.to_owned(), user))
            .collect(),
    }
}
