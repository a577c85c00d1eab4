//! Both sides: an archive with a czar in this process, and one plain server.

use std::path::Path;

use anyhow::Context;
use clap::Parser;
use orrery_archive::catalog::users::Users;
use orrery_archive::names::CZAR_ACCOUNT;
use orrery_czar::config::Config;
use orrery_dev::archive::{Archive, Shape, TableData, build};
use orrery_dev::load::load;
use orrery_dev::mysqld::{Mysqld, MysqldOptions, PLUGIN};
use orrery_dev::stack::{INTERNAL_PASSWORD, Stack, shadow_options, user, users};
use orrery_kit::port;
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// How often a connection is tried while the czar comes up.
const TRIES: usize = 600;

/// Sites of one process that run at once: each is five servers.
static PLACES: Semaphore = Semaphore::const_new(1);

/// An archive and the plain server to compare with.
pub struct Site {
    /// What the archive consists of.
    pub archive: Archive,
    /// Its servers.
    pub stack: Stack,
    /// The plain server.
    pub plain: Mysqld,
    /// Users: `ann` and `dan` may read everything, `bob` nothing, `eve` only database `other`.
    /// Their passwords are their names.
    pub users: Users,
    /// Address of the czar.
    pub czar: String,
    /// Folder of everything; removed when dropped.
    pub folder: tempfile::TempDir,
    /// Lets the next site start when dropped, after the servers.
    pub place: SemaphorePermit<'static>,
}

impl Site {
    /// Starts everything with these tables. `flags` are further flags of the czar.
    pub async fn start(shape: Shape, tables: &[TableData], flags: &[&str]) -> anyhow::Result<Self> {
        let place = PLACES.acquire().await?;
        let folder = tempfile::tempdir()?;
        let archive = build(shape, tables)?;
        let users = users(
            1,
            [
                ("ann", user("ann", &["*"])),
                ("dan", user("dan", &["*"])),
                ("bob", user("bob", &[])),
                ("eve", user("eve", &["other"])),
            ],
        );
        let plugins = plugin_folder();
        let plain = MysqldOptions {
            folder: folder.path().join("plain"),
            plugin_folder: plugins.clone(),
            buffer_pool: 128 << 20,
            tls: None,
        };
        let plain = Mysqld::start(&plain).await?;
        load(&plain, &archive.plain).await?;
        plain
            .run_all([
                "CREATE USER ann@localhost",
                "GRANT SELECT ON sky.* TO ann@localhost",
            ])
            .await?;
        let stack = Stack::start(folder.path(), plugins.as_deref(), None, &archive, &users).await?;
        let mut site = Self {
            archive,
            stack,
            plain,
            users,
            czar: String::new(),
            folder,
            place,
        };
        site.czar = site.start_czar(flags).await?;
        Ok(site)
    }

    /// Starts one more czar; returns its address once it answers. It takes the shadow server over
    /// from the one before.
    pub async fn start_czar(&self, flags: &[&str]) -> anyhow::Result<String> {
        self.start_czar_beside(
            "127.0.0.1",
            &self.stack.snapshot(),
            &self.stack.shadow,
            flags,
        )
        .await
    }

    /// Starts one more czar on this loopback address with a snapshot file and a shadow server of
    /// its own; returns its address once it answers.
    pub async fn start_czar_beside(
        &self,
        host: &str,
        snapshot: &Path,
        shadow: &Mysqld,
        flags: &[&str],
    ) -> anyhow::Result<String> {
        let address = format!("{host}:{}", port::reserve()?);
        let path = |path: &Path| path.display().to_string();
        let own = [
            "orrery-czar".to_owned(),
            format!("--listen={address}"),
            format!("--admin-listen=127.0.0.1:{}", port::reserve()?),
            "--without-cluster".to_owned(),
            "--without-tls".to_owned(),
            format!("--snapshot={}", path(snapshot)),
            format!("--passwords={}", path(&self.stack.passwords())),
            format!("--shadow-socket={}", path(&shadow.socket())),
            "--shadow-user=root".to_owned(),
            format!("--spool={}", path(&self.folder.path().join("spool"))),
        ];
        let flags = own
            .into_iter()
            .chain(flags.iter().map(|flag| (*flag).to_owned()));
        tokio::spawn(orrery_czar::run::run(
            Config::try_parse_from(flags)?,
            CancellationToken::new(),
        ));
        for _ in 0..TRIES {
            if let Ok(mut connection) = connect_czar(&address).await
                && is_ready(&mut connection).await
            {
                return Ok(address);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("the czar does not come up")
    }

    /// Starts a mysqld for one more czar.
    pub async fn start_shadow(&self) -> anyhow::Result<Mysqld> {
        let folder = self.folder.path().join("second-shadow");
        Mysqld::start(&shadow_options(folder, plugin_folder().as_deref())).await
    }

    /// Starts a proxy in front of these czars; returns its address once it lets people in.
    pub async fn start_proxy(&self, czars: &[&str]) -> anyhow::Result<String> {
        let address = format!("127.0.0.1:{}", port::reserve()?);
        let path = |path: &Path| path.display().to_string();
        let flags = [
            "orrery-proxy".to_owned(),
            format!("--listen={address}"),
            format!("--admin-listen=127.0.0.1:{}", port::reserve()?),
            "--peer-listen=127.0.0.1:0".to_owned(),
            format!("--czar={}", czars.join(",")),
            format!(
                "--czar-password-file={}",
                path(&self.stack.passwords().join(CZAR_ACCOUNT))
            ),
            "--without-cluster".to_owned(),
            "--without-tls".to_owned(),
            format!("--snapshot={}", path(&self.stack.snapshot())),
        ];
        let config = orrery_proxy::config::Config::try_parse_from(flags)?;
        tokio::spawn(orrery_proxy::run::run(config, CancellationToken::new()));
        for _ in 0..TRIES {
            if let Ok(mut connection) = connect_proxy(&address, "ann", None).await
                && connection.run(b"SELECT 1").await.is_ok()
            {
                return Ok(address);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("the proxy does not come up")
    }

    /// A proxy's connection to the czar.
    pub async fn connect_czar(&self) -> anyhow::Result<ClientConnection> {
        connect_czar(&self.czar).await
    }

    /// A connection to the plain server, with the rights that `ann` has.
    pub async fn connect_plain(&self) -> anyhow::Result<ClientConnection> {
        let options = ClientOptions {
            user: "ann".to_owned(),
            ..ClientOptions::default()
        };
        Ok(ClientConnection::connect(&Endpoint::Unix(self.plain.socket()), &options).await?)
    }
}

/// A user's connection to a proxy.
pub async fn connect_proxy(
    address: &str,
    user: &str,
    database: Option<&str>,
) -> anyhow::Result<ClientConnection> {
    let options = ClientOptions {
        user: user.to_owned(),
        password: user.to_owned(),
        database: database.map(str::to_owned),
        ..ClientOptions::default()
    };
    Ok(ClientConnection::connect(&Endpoint::Tcp(address.to_owned()), &options).await?)
}

/// A proxy's connection to a czar.
pub async fn connect_czar(address: &str) -> anyhow::Result<ClientConnection> {
    let options = ClientOptions {
        user: CZAR_ACCOUNT.to_owned(),
        password: INTERNAL_PASSWORD.to_owned(),
        ..ClientOptions::default()
    };
    let endpoint = Endpoint::Tcp(address.to_owned());
    ClientConnection::connect(&endpoint, &options)
        .await
        .context("connect to the czar")
}

async fn is_ready(connection: &mut ClientConnection) -> bool {
    let session = crate::client::Session {
        database: "",
        time_zone: "SYSTEM",
        sql_mode: "",
        collation: "utf8mb4_general_ci",
        user: "ann",
    };
    let asked =
        crate::client::ask_czar(connection, session, orrery_wire::Format::Text, "SELECT 1").await;
    matches!(asked, Ok(Ok(_)))
}

/// Folder with the SQL function plugin: that of the programs built with this one.
pub fn plugin_folder() -> Option<std::path::PathBuf> {
    let own = std::env::current_exe().ok()?;
    own.ancestors()
        .skip(1)
        .take(3)
        .find(|folder| folder.join(PLUGIN).exists())
        .map(Path::to_owned)
}
