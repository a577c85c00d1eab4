//! Everything that runs: workers, shadow server, czar and proxy as processes, and one plain server
//! with the same rows.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Child;

use anyhow::Context;
use futures::future::try_join_all;
use orrery_archive::catalog::Catalog;
use orrery_archive::names::{READER_ACCOUNT, Role};
use orrery_dev::archive::{self, PhysicalTable};
use orrery_dev::load::load;
use orrery_dev::mysqld::{Mysqld, MysqldOptions, PLUGIN};
use orrery_dev::programs::{Place, start_czar, start_proxy};
use orrery_dev::sample;
use orrery_dev::stack::{INTERNAL_PASSWORD, Stack, shadow_options, user, users};
use orrery_kit::port;
use orrery_kit_worker::Archive as Certificates;
use orrery_sample_sky::Table;
use orrery_sky::Grid;
use orrery_wire::client::{ClientConnection, ClientOptions, Endpoint};

/// User and password at both sides.
const LOGIN: &str = "bench";
/// Bytes of the plain server's buffer pool: as much as four workers have.
const PLAIN_BUFFER: u64 = 1 << 30;
/// Keys that lookups choose from: few enough that all have been asked for before the first round,
/// more than statements are remembered.
const SAMPLED_KEYS: usize = 5_000;

/// The measured processes.
pub struct Site {
    /// What was laid out.
    pub objects: Objects,
    /// The plain server.
    pub plain: Mysqld,
    /// The archive's servers.
    pub stack: Stack,
    /// Czar and proxy, in the clear.
    pub front: Front,
    /// Czar and proxy with mutual TLS between all programs, over the same workers.
    pub secured: Option<Secured>,
    /// Removed at the end.
    _folder: tempfile::TempDir,
}

/// A proxy and its czar.
pub struct Front {
    /// The czar.
    pub czar: Program,
    /// The proxy.
    pub proxy: Program,
    /// Where the proxy listens.
    address: SocketAddr,
}

/// A front whose programs speak TLS with each other and with the workers.
pub struct Secured {
    /// The programs.
    pub front: Front,
    /// The shadow server of its czar.
    pub shadow: Mysqld,
    /// Its certificates; removed at the end.
    _certificates: Certificates,
}

/// What the measurements need to know of the rows.
pub struct Objects {
    /// Rows.
    pub rows: u64,
    /// Some keys, all over the table.
    pub keys: Vec<i64>,
    /// Physical tables by worker, in the order of [`Stack::workers`], as `database.table`.
    pub by_worker: Vec<Vec<String>>,
    /// Middle of a chunk that holds rows, in degrees.
    pub middle: (f64, f64),
    /// The archive's catalog.
    pub catalog: Catalog,
}

/// A process that ends with this value.
pub struct Program(Child);

impl Program {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Front {
    fn start(place: &Place<'_>, stack: &Stack, shadow: &Mysqld) -> anyhow::Result<Self> {
        let (czar, address) = (loopback(port::reserve()?), loopback(port::reserve()?));
        Ok(Self {
            czar: Program(start_czar(place, stack, shadow, czar)?),
            proxy: Program(start_proxy(place, stack, czar, address)?),
            address,
        })
    }

    async fn connect(&self) -> anyhow::Result<ClientConnection> {
        connect(self.address, LOGIN, LOGIN, Some("sky")).await
    }
}

impl Secured {
    async fn start(
        place: &Place<'_>,
        stack: &Stack,
        certificates: Certificates,
    ) -> anyhow::Result<Self> {
        let folder = place.folder.join("secured");
        std::fs::create_dir_all(&folder)?;
        let shadow = shadow_options(folder.join("shadow"), Some(place.programs));
        let shadow = Mysqld::start(&shadow).await?;
        let place = Place {
            folder: &folder,
            tls: Some(certificates.folder()),
            ..*place
        };
        Ok(Self {
            front: Front::start(&place, stack, &shadow)?,
            shadow,
            _certificates: certificates,
        })
    }
}

impl Site {
    /// Starts everything. Every row lies on one worker. A second czar and proxy, `secured`, speak
    /// TLS inside.
    pub async fn start(rows: u64, workers: u32, secured: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let shape = sample::shape(workers, 1);
        let archive = archive::build(shape, &sample::some_tables(&[Table::Object], rows, 1, 1)?)?;
        let objects = objects(&archive, rows, shape)?;
        let programs = std::env::current_exe()?
            .parent()
            .context("no folder of programs")?
            .to_owned();
        anyhow::ensure!(
            programs.join(PLUGIN).exists(),
            "{PLUGIN} is not built; run: make bench"
        );
        let plain = MysqldOptions {
            folder: folder.path().join("plain"),
            plugin_folder: Some(programs.clone()),
            buffer_pool: PLAIN_BUFFER,
            tls: None,
        };
        let plain = Mysqld::start(&plain).await?;
        load(&plain, &archive.plain).await?;
        plain
            .run_all([
                format!("CREATE USER {LOGIN} IDENTIFIED BY '{LOGIN}'"),
                format!("GRANT SELECT ON sky.* TO {LOGIN}"),
            ])
            .await?;
        let users = users(1, [(LOGIN, user(LOGIN, &["*"]))]);
        let certificates = secured.then(Certificates::new);
        let of_workers = certificates.as_ref().map(|all| all.tls_dir(Role::Mysqld));
        let stack = Stack::start(
            folder.path(),
            Some(&programs),
            of_workers.as_deref(),
            &archive,
            &users,
        )
        .await?;
        drop(archive);
        let place = Place {
            programs: &programs,
            folder: folder.path(),
            tls: None,
        };
        let front = Front::start(&place, &stack, &stack.shadow)?;
        let secured = match certificates {
            Some(certificates) => Some(Secured::start(&place, &stack, certificates).await?),
            None => None,
        };
        Ok(Self {
            objects,
            plain,
            front,
            secured,
            stack,
            _folder: folder,
        })
    }

    /// All proxies and czars that run.
    pub fn fronts(&self) -> impl Iterator<Item = &Front> {
        let secured = self.secured.as_ref().map(|secured| &secured.front);
        std::iter::once(&self.front).chain(secured)
    }

    /// All shadow servers that run.
    pub fn shadows(&self) -> impl Iterator<Item = &Mysqld> {
        let secured = self.secured.as_ref().map(|secured| &secured.shadow);
        std::iter::once(&self.stack.shadow).chain(secured)
    }

    /// A connection to the proxy.
    pub async fn orrery(&self) -> anyhow::Result<ClientConnection> {
        self.front.connect().await
    }

    /// A connection, itself in the clear, to the proxy that speaks TLS inside.
    pub async fn secured(&self) -> anyhow::Result<ClientConnection> {
        let secured = self.secured.as_ref();
        let secured = secured.context("no czar and proxy with TLS were started")?;
        secured.front.connect().await
    }

    /// A connection to the plain server.
    pub async fn direct(&self) -> anyhow::Result<ClientConnection> {
        connect(loopback(self.plain.port()), LOGIN, LOGIN, Some("sky")).await
    }

    /// A connection to every worker, as a reader.
    pub async fn workers(&self) -> anyhow::Result<Vec<ClientConnection>> {
        let connections = self.stack.workers.values().map(async |worker| {
            connect(
                loopback(worker.port()),
                READER_ACCOUNT,
                INTERNAL_PASSWORD,
                None,
            )
            .await
        });
        try_join_all(connections).await
    }

    /// Process ids of the workers.
    pub fn worker_pids(&self) -> Vec<u32> {
        self.stack
            .workers
            .values()
            .filter_map(|server| server.pid())
            .collect()
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

async fn connect(
    address: SocketAddr,
    user: &str,
    password: &str,
    database: Option<&str>,
) -> anyhow::Result<ClientConnection> {
    let options = ClientOptions {
        user: user.to_owned(),
        password: password.to_owned(),
        database: database.map(str::to_owned),
        ..ClientOptions::default()
    };
    Ok(ClientConnection::connect(&Endpoint::Tcp(address.to_string()), &options).await?)
}

fn objects(
    archive: &archive::Archive,
    rows: u64,
    shape: archive::Shape,
) -> anyhow::Result<Objects> {
    let plain = archive.plain.first().context("no table")?;
    let segments = archive
        .catalog
        .tables
        .values()
        .flat_map(|table| &table.segments);
    let chunks: BTreeSet<u32> = segments
        .flat_map(|segment| &segment.home)
        .copied()
        .collect();
    let chunks: Vec<u32> = chunks.into_iter().collect();
    let chunk = *chunks.get(chunks.len() / 2).context("no chunk")?;
    let bounds = Grid::new(shape.stripes, shape.sub_stripes, shape.overlap)?
        .chunk_bounds(chunk)
        .context("no such chunk")?;
    let by_worker = (1..=shape.workers).map(|worker| {
        let held = |table: &&PhysicalTable| {
            table.workers.contains(&worker)
                && table.table.starts_with("Object_")
                && table.database.starts_with("sky__")
        };
        let names = archive.tables.iter().filter(held);
        names
            .map(|table| format!("`{}`.`{}`", table.database, table.table))
            .collect()
    });
    Ok(Objects {
        rows,
        keys: keys(&plain.rows)?,
        by_worker: by_worker.collect(),
        middle: (
            f64::midpoint(bounds.lon_min, bounds.lon_max),
            f64::midpoint(bounds.lat_min, bounds.lat_max),
        ),
        catalog: archive.catalog.clone(),
    })
}

/// The first field of some rows, all over the table.
fn keys(rows: &[u8]) -> anyhow::Result<Vec<i64>> {
    let lines: Vec<&[u8]> = rows
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let step = (lines.len() / SAMPLED_KEYS).max(1);
    let sampled = lines.iter().step_by(step);
    sampled
        .map(|line| {
            let end = line
                .iter()
                .position(|byte| *byte == b'\t')
                .unwrap_or(line.len());
            let key = line.get(..end).unwrap_or_default();
            Ok(std::str::from_utf8(key)?.parse()?)
        })
        .collect()
}
