//! Everything that runs: workers, shadow server, czar and proxy as processes, and one plain server
//! with the same rows.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Child;

use anyhow::Context;
use futures::future::try_join_all;
use orrery_archive::catalog::Catalog;
use orrery_archive::names::READER_ACCOUNT;
use orrery_dev::archive::{self, PhysicalTable};
use orrery_dev::load::load;
use orrery_dev::mysqld::{Mysqld, MysqldOptions, PLUGIN};
use orrery_dev::programs::{start_czar, start_proxy};
use orrery_dev::sample;
use orrery_dev::stack::{INTERNAL_PASSWORD, Stack, user, users};
use orrery_kit::port;
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
    /// The czar.
    pub czar: Program,
    /// The proxy.
    pub proxy: Program,
    /// Where the proxy listens.
    address: SocketAddr,
    /// Removed at the end.
    _folder: tempfile::TempDir,
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

impl Site {
    /// Starts everything. Every row lies on one worker.
    pub async fn start(rows: u64, workers: u32) -> anyhow::Result<Self> {
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
        let stack = Stack::start(folder.path(), Some(&programs), &archive, &users).await?;
        drop(archive);
        let czar_address = loopback(port::reserve()?);
        let czar = Program(start_czar(&programs, folder.path(), &stack, czar_address)?);
        let proxy_address = loopback(port::reserve()?);
        let proxy = start_proxy(
            &programs,
            folder.path(),
            &stack,
            czar_address,
            proxy_address,
        )?;
        Ok(Self {
            objects,
            plain,
            stack,
            czar,
            proxy: Program(proxy),
            address: proxy_address,
            _folder: folder,
        })
    }

    /// A connection to the proxy.
    pub async fn orrery(&self) -> anyhow::Result<ClientConnection> {
        connect(self.address, LOGIN, LOGIN, Some("sky")).await
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
