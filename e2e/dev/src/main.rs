//! `orrery-dev up` starts mysqld processes, a czar and a proxy on loopback over a small sample sky;
//! `orrery-dev down` stops them.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};
use orrery_archive::catalog::Catalog;
use orrery_dev::mysqld::{PLUGIN, terminate};
use orrery_dev::programs::{Place, start_czar, start_proxy};
use orrery_dev::stack::{Stack, user, users};
use orrery_dev::{archive, sample};
use orrery_kit::port;

/// How long everything may take to stop.
const TIMEOUT: Duration = Duration::from_secs(30);
/// User and password to log in with.
const LOGIN: (&str, &str) = ("admin", "admin");

/// An archive on loopback, without Kubernetes.
#[derive(Parser)]
struct Args {
    /// Folder for everything.
    #[arg(long, env = "ORRERY_DEV_FOLDER")]
    folder: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start.
    Up {
        /// Workers.
        #[arg(long, default_value_t = 3)]
        workers: u32,
        /// Copies of each chunk.
        #[arg(long, default_value_t = 2)]
        replicas: u32,
        /// Rows of Object; Source has about five times as many.
        #[arg(long, default_value_t = 20_000)]
        objects: u64,
        /// Ingests the rows come in; each is a segment.
        #[arg(long, default_value_t = 2)]
        segments: u32,
        /// Port of the proxy.
        #[arg(long, default_value_t = 4040)]
        port: u16,
    },
    /// Stop.
    Down,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    match args.task {
        Task::Down => down(&args.folder),
        Task::Up {
            workers,
            replicas,
            objects,
            segments,
            port,
        } => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let shape = sample::shape(workers, replicas);
            runtime.block_on(up(&args.folder, shape, objects, segments, port))
        }
    }
}

async fn up(
    folder: &Path,
    shape: archive::Shape,
    objects: u64,
    segments: u32,
    port: u16,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let pids = folder.join("pids");
    ensure!(
        !pids.exists(),
        "it is up already; stop it with: make dev-down"
    );
    ensure!(
        TcpStream::connect(("127.0.0.1", port)).is_err(),
        "port {port} is taken"
    );
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    let archive = archive::build(shape, &sample::tables(objects, 1, segments)?)?;
    let users = users(1, [(LOGIN.0, user(LOGIN.1, &["*"]))]);
    let programs = std::env::current_exe()?
        .parent()
        .context("no folder of programs")?
        .to_owned();
    let plugins = programs.join(PLUGIN).exists().then_some(programs.as_path());
    let stack = Stack::start(folder, plugins, None, &archive, &users).await?;
    let mut started: Vec<u32> = stack
        .workers
        .values()
        .chain([&stack.shadow])
        .filter_map(|server| server.pid())
        .collect();
    let place = Place {
        programs: &programs,
        folder,
        tls: None,
    };
    let czar = SocketAddr::from(([127, 0, 0, 1], port::reserve()?));
    let proxy = SocketAddr::from(([127, 0, 0, 1], port));
    started.push(start_czar(&place, &stack, &stack.shadow, czar)?.id());
    started.push(start_proxy(&place, &stack, czar, proxy)?.id());
    let list: Vec<String> = started.iter().map(u32::to_string).collect();
    std::fs::write(&pids, list.join("\n"))?;
    stack.detach();
    println!(
        "{} workers, {}, up in {:.1} s. Logs: {}",
        shape.workers,
        contents(&archive.catalog),
        begun.elapsed().as_secs_f64(),
        folder.display()
    );
    println!(
        "  mariadb -h 127.0.0.1 -P {port} -u {} -p{} sky",
        LOGIN.0, LOGIN.1
    );
    Ok(())
}

/// Chunks and rows, for people.
fn contents(catalog: &Catalog) -> String {
    let families = catalog.families.values();
    let chunks: usize = families.map(|family| family.placement.len()).sum();
    let segments = catalog.tables.values().flat_map(|table| &table.segments);
    let rows: u64 = segments.map(|segment| segment.rows).sum();
    format!("{chunks} chunks, {rows} rows")
}

fn down(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("pids");
    let Ok(list) = std::fs::read_to_string(&path) else {
        println!("nothing is up");
        return Ok(());
    };
    // In the reverse order of their start: proxy and czar first.
    let pids: Vec<u32> = list
        .lines()
        .rev()
        .filter_map(|line| line.parse().ok())
        .collect();
    pids.iter()
        .filter(|pid| is_ours(**pid))
        .for_each(|pid| terminate(*pid));
    let deadline = Instant::now() + TIMEOUT;
    while pids.iter().any(|pid| is_ours(*pid)) {
        ensure!(Instant::now() < deadline, "processes {pids:?} do not stop");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::remove_dir_all(folder)?;
    println!("stopped");
    Ok(())
}

/// Whether a process is one of those that `up` started; its number may have been given to another
/// since.
fn is_ours(pid: u32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let program = command.split(|byte| *byte == 0).next().unwrap_or_default();
    ["mariadbd", "orrery-czar", "orrery-proxy"]
        .iter()
        .any(|name| program.ends_with(name.as_bytes()))
}
