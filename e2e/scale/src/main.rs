//! The real operator, as a process, against a real API server, with the agents of a large pool made
//! up ([`pool`], [`server`]): what it costs at rest, and when a worker is lost.
//!
//! The catalog is written while no operator runs, as if ingests had filled the archive. Then a
//! worker stops answering for good, and its chunks are copied elsewhere, which the made-up agents do
//! at once: what is measured is the operator's own work, not the workers' disks.

mod cluster;
mod measure;
mod pool;
mod process;
mod relay;
mod server;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::names::{Holder, WorkerId};
use orrery_crds::kinds::{
    CatalogPayload, ChunkFamily, ChunkMap, ChunkPlacement, ChunkSegment, ChunkedTable, Worker,
    WorkerPhase, WorkerPool,
};
use orrery_operator::catalog::store::Store;
use orrery_tls::Files;
use parking_lot::Mutex;
use serde_json::json;

use cluster::{Cluster, until};
use measure::{LeaseWatch, Stretch, mib};
use pool::{Data, Pool};
use process::{Operator, Program};
use relay::Counters;

const NAMESPACE: &str = "scale";
const FAMILY: &str = "sky";
/// Copies of each chunk.
const COPIES: u32 = 3;
/// The worker that is lost.
const LOST: WorkerId = 2;
/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(15);
/// Most resident memory of the operator, in bytes.
const MOST_MEMORY: u64 = 512 << 20;
/// Longest payload of a catalog object, in bytes.
const LONGEST_OBJECT: usize = 10_000;
/// A leader that renews later than this ends itself.
const LATE: Duration = Duration::from_secs(10);

/// Runs the operator with a large pool and prints what that costs, as Markdown. Exit code 1 when a
/// limit was passed.
#[derive(Parser)]
struct Arguments {
    /// Kubeconfig of an API server of which nothing else is wanted.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// The operator's program.
    #[arg(long)]
    operator: PathBuf,
    /// Workers.
    #[arg(long, default_value_t = 300)]
    workers: u32,
    /// Chunks.
    #[arg(long, default_value_t = 20_000)]
    chunks: u32,
    /// Segments of each chunk.
    #[arg(long, default_value_t = 16)]
    segments: u64,
    /// Seconds for which the operator is looked at while nothing happens.
    #[arg(long, default_value_t = 60)]
    rest: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    orrery_shell::install_crypto();
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let mut scale = Scale::start(arguments, folder.path().to_owned()).await?;
    let outcome = scale.run().await;
    if outcome.is_err() {
        let log = std::fs::read_to_string(&scale.program.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(40).collect();
        eprintln!("the operator's last words:");
        for line in lines.iter().rev() {
            eprintln!("  {line}");
        }
    }
    outcome
}

/// Everything of a run.
struct Scale {
    arguments: Arguments,
    folder: PathBuf,
    cluster: Cluster,
    counters: Arc<Counters>,
    pool: Arc<Mutex<Pool>>,
    program: Program,
    stretches: Vec<Stretch>,
}

impl Scale {
    /// Connects, and puts the relay between API server and operator.
    async fn start(arguments: Arguments, folder: PathBuf) -> Result<Self> {
        let kubeconfig = Kubeconfig::read_from(&arguments.kubeconfig)?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        let counters = Arc::new(Counters::default());
        let own = measure::port(&config.cluster_url)?;
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, own));
        let port = relay::start(server, Arc::clone(&counters)).await?;
        let relayed = folder.join("kubeconfig");
        let text = std::fs::read_to_string(&arguments.kubeconfig)?;
        let text = text.replace(&format!("127.0.0.1:{own}"), &format!("127.0.0.1:{port}"));
        std::fs::write(&relayed, text)?;
        let client = Client::try_from(config)?;
        Ok(Self {
            program: Program {
                binary: arguments.operator.clone(),
                kubeconfig: relayed,
                namespace: NAMESPACE.into(),
                log: folder.join("operator.log"),
            },
            cluster: Cluster::new(client, NAMESPACE).await?,
            arguments,
            folder,
            counters,
            pool: Arc::default(),
            stretches: Vec::new(),
        })
    }

    async fn run(&mut self) -> Result<()> {
        let lease = LeaseWatch::start(self.cluster.client.clone(), NAMESPACE);
        let operator = self.program.start("first")?;
        self.make_workers(&operator).await?;
        self.declare().await?;
        operator.stop().await?;
        self.fill().await?;
        let operator = self.program.start("second")?;
        self.take_over(&operator).await?;
        self.rest(&operator).await?;
        self.lose(&operator).await?;
        let (objects, longest) = self.objects().await?;
        self.report(objects, longest, &lease)?;
        operator.stop().await
    }

    /// An empty pool, until all workers are Ready.
    async fn make_workers(&mut self, operator: &Operator) -> Result<()> {
        let before = self.reading(operator).await?;
        let workers = self.arguments.workers;
        let spec =
            json!({"workers": workers, "storage": "10Gi", "repair": {"repairAfterSeconds": 0}});
        self.cluster.create::<WorkerPool>("main", spec).await?;
        let secret = Holder::Worker(1).tls_secret();
        let folder = self.folder.join("agent");
        until(LIMIT, "the agents' certificate", async || {
            Ok(self.cluster.save_secret(&secret, &folder).await.ok())
        })
        .await?;
        server::serve(Arc::clone(&self.pool), &Files::read(&folder)?.identity()?).await?;
        self.cluster.make_pods(workers).await?;
        until(LIMIT, "every worker to be Ready", async || {
            let ready = self.ready().await?;
            Ok((ready == workers as usize).then_some(()))
        })
        .await?;
        self.enter(
            "an empty pool, until all workers are Ready",
            &before,
            operator,
        )
        .await
    }

    async fn ready(&self) -> Result<usize> {
        let workers = self.cluster.list::<Worker>().await?;
        let ready = workers.iter().filter(|worker| {
            let status = worker.status.as_ref();
            status.is_some_and(|status| status.phase == WorkerPhase::Ready)
        });
        Ok(ready.count())
    }

    async fn declare(&self) -> Result<()> {
        let family = json!({"pool": "main", "replicas": {"desired": COPIES, "minimum": 2},
            "scheme": {"kind": "hash", "chunks": self.arguments.chunks}});
        self.cluster.create::<ChunkFamily>(FAMILY, family).await?;
        let table = json!({"database": "sky", "table": "Object", "family": FAMILY, "role": "director",
            "key": "id", "columns": [{"name": "id", "type": "BIGINT", "nullable": false}]});
        self.cluster.create::<ChunkedTable>("object", table).await?;
        let store = self.store();
        until(LIMIT, "the table to be accepted", async || {
            let catalog = store.read().await?.catalog;
            Ok(catalog.tables.contains_key(&key()).then_some(()))
        })
        .await
    }

    fn store(&self) -> Store {
        Store::new(&self.cluster.client, NAMESPACE)
    }

    /// Puts chunks and segments into the catalog, and gives the workers what it lists.
    async fn fill(&self) -> Result<()> {
        let store = self.store();
        let stored = store.read().await?;
        let mut next = stored.catalog.clone();
        let Arguments {
            workers,
            chunks,
            segments,
            ..
        } = self.arguments;
        next.epochs.data += 1;
        next.epochs.placement += 1;
        (next.counters.segment, next.counters.attempt) = (segments, segments);
        let table = next.tables.get_mut(&key()).context("no table")?;
        let data = Data {
            database: key().database,
            table: key().table,
            incarnation: table.incarnation,
            segments: (1..=segments).collect(),
        };
        table.segments = data.published(chunks, next.epochs.data);
        let family = next.families.get_mut(FAMILY).context("no family")?;
        family.placement = placement(workers, chunks);
        self.pool.lock().fill(data, &next, FAMILY);
        store.write(&stored, next).await?;
        Ok(())
    }

    /// A leader that finds the archive as it is, until all workers have their copy of the catalog.
    async fn take_over(&mut self, operator: &Operator) -> Result<()> {
        let before = self.reading(operator).await?;
        let epochs = self.store().read().await?.catalog.epochs;
        until(LIMIT, "every worker to have the catalog", async || {
            let pool = self.pool.lock();
            let mut workers = 1..=self.arguments.workers;
            Ok(workers
                .all(|worker| pool.info(worker).catalog >= Some(epochs))
                .then_some(()))
        })
        .await?;
        self.enter(
            "a new leader, until every agent has the catalog",
            &before,
            operator,
        )
        .await
    }

    async fn rest(&mut self, operator: &Operator) -> Result<()> {
        let before = self.reading(operator).await?;
        tokio::time::sleep(Duration::from_secs(self.arguments.rest)).await;
        self.enter("at rest", &before, operator).await
    }

    /// A worker stops answering, until no chunk is listed on it and each has its copies again.
    async fn lose(&mut self, operator: &Operator) -> Result<()> {
        let before = self.reading(operator).await?;
        self.pool.lock().lose(LOST);
        self.cluster.set_ready(LOST, false).await?;
        let store = self.store();
        let mut last = None;
        until(LIMIT, "every chunk to have its copies again", async || {
            // Reading the whole catalog twice a second would be what is measured.
            let root = store
                .root()
                .await?
                .and_then(|root| root.metadata.resource_version);
            if last == root {
                return Ok(None);
            }
            last = root;
            // Objects of a root that was replaced meanwhile may be gone.
            let Ok(stored) = store.read().await else {
                return Ok(None);
            };
            Ok(is_repaired(&stored.catalog).then_some(()))
        })
        .await?;
        self.enter(
            "a worker lost, until every chunk has its copies again",
            &before,
            operator,
        )
        .await
    }

    async fn reading(&self, operator: &Operator) -> Result<measure::Reading> {
        measure::read(&self.cluster.client, &self.counters, operator).await
    }

    async fn enter(
        &mut self,
        name: &str,
        before: &measure::Reading,
        operator: &Operator,
    ) -> Result<()> {
        let (client, counters) = (&self.cluster.client, &self.counters);
        let stretch = measure::since(name, before, client, counters, operator).await?;
        eprintln!("{name}: {:.0} s", stretch.seconds);
        self.stretches.push(stretch);
        Ok(())
    }

    /// How many objects the catalog has, and the longest payload in bytes.
    async fn objects(&self) -> Result<(usize, usize)> {
        let maps = self.cluster.list::<ChunkMap>().await?;
        let placements = self.cluster.list::<ChunkPlacement>().await?;
        let segments = self.cluster.list::<ChunkSegment>().await?;
        let roots = maps.iter().filter_map(|map| map.spec.root.as_ref());
        let roots: Vec<String> = roots.map(serde_json::to_string).collect::<Result<_, _>>()?;
        let maps = maps.iter().filter_map(CatalogPayload::payload);
        let placements = placements.iter().filter_map(CatalogPayload::payload);
        let segments = segments.iter().filter_map(CatalogPayload::payload);
        let payloads = maps.chain(placements).chain(segments);
        let lengths: Vec<usize> = payloads
            .map(str::len)
            .chain(roots.iter().map(String::len))
            .collect();
        Ok((lengths.len(), lengths.iter().copied().max().unwrap_or(0)))
    }

    fn report(&self, objects: usize, longest: usize, lease: &LeaseWatch) -> Result<()> {
        let Arguments {
            workers,
            chunks,
            segments,
            ..
        } = self.arguments;
        let late = lease.longest();
        let memory = self.stretches.iter().map(|stretch| stretch.memory).max();
        let memory = memory.unwrap_or(0);
        let (copied, dropped) = {
            let pool = self.pool.lock();
            (pool.copied, pool.dropped)
        };
        println!("{workers} workers, {chunks} chunks, {COPIES} copies, {segments} segments\n");
        println!("{}", measure::table(&self.stretches));
        println!(
            "{copied} tables copied, {dropped} dropped; {objects} catalog objects, the longest {longest} bytes; \
             longest time between two renewals of the Lease {:.1} s; peak memory {}",
            late.as_secs_f64(),
            mib(memory)
        );
        ensure!(
            memory <= MOST_MEMORY,
            "the operator needs more than {}",
            mib(MOST_MEMORY)
        );
        ensure!(
            longest <= LONGEST_OBJECT,
            "an object is longer than {LONGEST_OBJECT} bytes"
        );
        ensure!(late < LATE, "the Lease was renewed late");
        Ok(())
    }
}

fn key() -> TableKey {
    TableKey::new("sky", "Object")
}

/// Chunks spread evenly over workers, the copies of each over zones: workers are numbered through
/// the zones.
fn placement(workers: u32, chunks: u32) -> BTreeMap<u32, Vec<WorkerId>> {
    let of_chunk = |chunk: u32| {
        let mut on: Vec<WorkerId> = (0..COPIES)
            .map(|copy| (chunk + copy + chunk / workers * 7 % workers) % workers + 1)
            .collect();
        on.sort_unstable();
        (chunk, on)
    };
    (0..chunks).map(of_chunk).collect()
}

fn is_repaired(catalog: &Catalog) -> bool {
    catalog.families.get(FAMILY).is_some_and(|family| {
        let mut placed = family.placement.iter();
        family.intended.is_empty()
            && placed.all(|(chunk, listed)| {
                !listed.contains(&LOST)
                    && family.complete_holders(*chunk).count() >= COPIES as usize
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_holds_its_share_and_the_copies_of_a_chunk_are_on_different_workers() {
        let placed = placement(30, 2_000);
        let mut held = BTreeMap::<WorkerId, usize>::new();
        for workers in placed.values() {
            let mut distinct = workers.clone();
            distinct.dedup();
            assert_eq!(distinct.len(), COPIES as usize);
            for worker in workers {
                *held.entry(*worker).or_default() += 1;
            }
        }
        assert_eq!(held.len(), 30);
        let (least, most) = (held.values().min(), held.values().max());
        assert!(most.unwrap() - least.unwrap() <= 12, "{held:?}");
    }
}
