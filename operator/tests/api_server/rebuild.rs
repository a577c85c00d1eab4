//! A catalog that is lost is rebuilt from real agents with real servers. The test stands for what
//! Kubernetes does with pods, for the loader, and for `kubectl orrery catalog rebuild`.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::names::{
    Holder, ROOT, RowSet, WorkerId, chunk_table, physical_database, ports,
};
use orrery_archive::table::ddl;
use orrery_archive::testing::segment;
use orrery_crds::kinds::{
    ChunkFamily, ChunkMap, ChunkPlacement, ChunkSegment, ChunkedTable, Worker, WorkerPool,
};
use orrery_crds::rebuild::{
    ANSWER_KEY, REBUILD_CONFIG, REBUILD_LABEL, REBUILD_LABEL_VALUE, REQUEST_KEY, RebuildAnswer,
    RebuildRequest, RebuildState,
};
use orrery_kit_worker::TIMEOUTS;
use orrery_worker_api::agent::{
    AttemptSpec, LoadTarget, OpenAttempt, PageQuery, RowState, SetState, StagedTable, TablePart,
};
use orrery_worker_api::client::{AgentClient, Agents};
use orrery_worker_api::frame;
use serde_json::json;

use crate::nodes::{Nodes, Running, until_serving};
use crate::support::{Archive, SOON_ENOUGH, director, family, pool};

/// Number of the attempt and the segment.
const NUMBER: u64 = 5;
const ROWS: &str = "1\t10.5\t20.5\t1\t1\n2\t10.6\t20.6\t1\t1\n";

fn key() -> TableKey {
    TableKey::new("sky", "Object")
}

/// An archive and the nodes of its workers.
struct Site {
    archive: Archive,
    nodes: Nodes,
}

impl Deref for Site {
    type Target = Archive;

    fn deref(&self) -> &Archive {
        &self.archive
    }
}

impl Site {
    async fn new(purpose: &str) -> Self {
        Self {
            archive: Archive::new(purpose).await,
            nodes: Nodes::new(),
        }
    }

    /// A worker's agent as the operator calls it.
    fn agent(&self, worker: WorkerId) -> AgentClient {
        let address = self.nodes.address(worker).to_string();
        let agents = &self.context.agents;
        agents.of(&self.namespace, worker, &address).unwrap()
    }
}

async fn catalog(site: &Site) -> Arc<Catalog> {
    let catalog = site.context.writer.catalog(&site.namespace).await;
    catalog.unwrap()
}

async fn until_catalog(site: &Site, holds: impl Fn(&Catalog) -> bool) -> Arc<Catalog> {
    let deadline = Instant::now() + SOON_ENOUGH;
    loop {
        let catalog = catalog(site).await;
        if holds(&catalog) {
            return catalog;
        }
        assert!(Instant::now() < deadline, "{catalog:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Makes the objects of the table and of its family of two copies.
async fn declare_again(site: &Site) {
    let made = site.create::<ChunkFamily>("sky", family(2)).await;
    made.unwrap();
    let made = site.create::<ChunkedTable>("object", director("Object"));
    made.await.unwrap();
}

/// Declares the table.
async fn declare(site: &Site) -> Arc<Catalog> {
    declare_again(site).await;
    until_catalog(site, |catalog| catalog.tables.contains_key(&key())).await
}

/// Loads chunk 1 at a worker, as a loader does.
async fn load(site: &Site, worker: WorkerId, catalog: &Catalog) {
    let table = &catalog.tables[&key()];
    let schema = table.kind.chunked().unwrap();
    let certificate = site.nodes.certificate(site, Holder::Loader).await;
    let agents = Agents::from_folder(&certificate, TIMEOUTS).unwrap();
    let loader = agents.at(&format!(
        "https://{}:{}",
        site.nodes.address(worker),
        ports::AGENT
    ));
    let operator = site.agent(worker);
    let fields = schema.columns.iter().map(|column| column.name.clone());
    let open = OpenAttempt {
        term: catalog.term,
        attempt: NUMBER,
        spec: AttemptSpec {
            segment: NUMBER,
            incarnation: table.incarnation,
            schema_version: 1,
            database: physical_database("sky", table.incarnation),
            create_home: ddl::home(schema, true),
            create_overlap: ddl::overlap(schema),
            fields: fields
                .chain(["chunkId".into(), "subChunkId".into()])
                .collect(),
        },
        tables: vec![StagedTable {
            table: chunk_table("Object", RowSet::Home, 1, NUMBER),
            chunk: 1,
            part: TablePart::Home,
        }],
    };
    operator.open(&open).await.unwrap();
    let target = LoadTarget {
        part: TablePart::Home,
        chunk: 1,
        file: 0,
        file_part: 0,
    };
    let end = frame::end(2, ROWS.len() as u64);
    let header = frame::header(u32::try_from(ROWS.len()).unwrap());
    let rows = [&header[..], ROWS.as_bytes(), &end].concat();
    loader
        .unwrap()
        .load(NUMBER, &target, rows.into())
        .await
        .unwrap();
    while operator.seal(NUMBER, catalog.term).await.unwrap().is_none() {}
    let published = SetState {
        term: catalog.term,
        epochs: catalog.epochs,
        segments: vec![NUMBER],
        state: RowState::Published,
    };
    operator.set_state(&published).await.unwrap();
}

/// Publishes what was loaded, on workers 1 and 2.
async fn publish(site: &Site) -> Arc<Catalog> {
    let publish = |catalog: &Catalog| {
        let mut next = catalog.clone();
        next.epochs.data += 1;
        next.epochs.placement += 1;
        (next.counters.segment, next.counters.attempt) = (NUMBER, NUMBER);
        let table = next.tables.get_mut(&key()).unwrap();
        table.segments.push(segment(NUMBER, [1]));
        let family = next.families.get_mut("sky").unwrap();
        family.placement.insert(1, vec![1, 2]);
        Ok(Some(next))
    };
    let (writer, namespace) = (&site.context.writer, &site.namespace);
    writer.change(namespace, publish).await.unwrap()
}

/// Waits until both agents have this catalog's copy.
async fn until_copied(site: &Site, wanted: &Catalog) {
    let deadline = Instant::now() + SOON_ENOUGH;
    for worker in [1, 2] {
        let agent = site.agent(worker);
        loop {
            let copy = agent.catalog().await.ok();
            let version = copy.map(|copy| copy.version());
            if version == Some((wanted.lineage, wanted.epochs)) {
                break;
            }
            assert!(Instant::now() < deadline, "{version:?} at worker {worker}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Asks as the command does.
async fn ask(site: &Site, request: RebuildRequest) -> RebuildAnswer {
    let id = request.id.clone();
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": REBUILD_CONFIG, "labels": {REBUILD_LABEL: REBUILD_LABEL_VALUE}},
        "data": {REQUEST_KEY: serde_json::to_string(&request).unwrap()},
    });
    let configs = site.api::<ConfigMap>();
    let parameters = PatchParams::apply("kubectl-orrery").force();
    let apply = Patch::Apply(config);
    let left = configs.patch(REBUILD_CONFIG, &parameters, &apply).await;
    left.unwrap();
    let answer = |config: &ConfigMap| {
        let answer = config.data.as_ref()?.get(ANSWER_KEY)?;
        serde_json::from_str::<RebuildAnswer>(answer).ok()
    };
    let is_answered =
        |config: &ConfigMap| answer(config).is_some_and(|answer| answer.request == id);
    let config = site
        .until::<ConfigMap>(REBUILD_CONFIG, "answered", is_answered)
        .await;
    answer(&config).unwrap()
}

fn request(id: &str) -> RebuildRequest {
    RebuildRequest {
        id: id.into(),
        ..RebuildRequest::default()
    }
}

/// Deletes the objects of the catalog but the root.
async fn delete_pages(site: &Site) {
    let (delete, all) = (DeleteParams::default(), ListParams::default());
    let maps = site.api::<ChunkMap>();
    maps.delete_collection(&delete, &all).await.unwrap();
    let placements = site.api::<ChunkPlacement>();
    placements.delete_collection(&delete, &all).await.unwrap();
    let segments = site.api::<ChunkSegment>();
    segments.delete_collection(&delete, &all).await.unwrap();
}

/// Deletes everything that says what the archive's data are.
async fn lose(site: &Site) {
    let (delete, all) = (DeleteParams::default(), ListParams::default());
    // The root goes first: without it the operator cannot write that tables are gone.
    let maps = site.api::<ChunkMap>();
    maps.delete(ROOT, &delete).await.unwrap();
    delete_pages(site).await;
    let tables = site.api::<ChunkedTable>();
    tables.delete_collection(&delete, &all).await.unwrap();
    let families = site.api::<ChunkFamily>();
    families.delete_collection(&delete, &all).await.unwrap();
    site.until::<WorkerPool>("main", "CatalogBehind", |pool| {
        let status = pool.status.as_ref();
        let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
        conditions.any(|condition| condition.type_ == "CatalogBehind")
    })
    .await;
}

/// Rows of chunk 1 that a worker holds for the table as the catalog has it.
async fn rows(site: &Site, worker: WorkerId, catalog: &Catalog) -> u64 {
    let agent = site.agent(worker);
    let page = agent.manifest(&PageQuery::default()).await.unwrap();
    let incarnation = catalog.tables[&key()].incarnation;
    let rows = page.rows.into_iter();
    rows.filter(|row| row.incarnation == incarnation && row.state == RowState::Published)
        .map(|row| row.rows)
        .sum()
}

async fn until_ready(site: &Site) {
    for worker in [1, 2] {
        until_serving(site, worker).await;
    }
}

/// An archive of two workers with the rows published on both, which have copies of its catalog.
async fn loaded(site: &Site) -> (Vec<Running>, Arc<Catalog>) {
    site.create::<WorkerPool>("main", pool(2)).await.unwrap();
    let mut workers = Vec::new();
    for worker in [1, 2] {
        workers.push(site.nodes.start(site, worker).await);
    }
    until_ready(site).await;
    let declared = declare(site).await;
    for worker in [1, 2] {
        load(site, worker, &declared).await;
    }
    let published = publish(site).await;
    until_copied(site, &published).await;
    (workers, published)
}

/// Has the catalog rebuilt, and looks whether all is as before.
async fn rebuild(site: &Site, request: RebuildRequest, before: &Catalog) {
    let root = async || {
        let root = site.api::<ChunkMap>().get_opt(ROOT).await.unwrap();
        root.map(|root| root.spec)
    };
    let left = root().await;
    let proposed = ask(site, request.clone()).await;
    assert_eq!(proposed.state, RebuildState::Proposed, "{proposed:?}");
    assert_eq!(proposed.losses, Vec::<String>::new());
    assert_eq!(root().await, left, "a proposal writes nothing");
    let approved = RebuildRequest {
        id: "yes".into(),
        approve: proposed.plan,
        ..request
    };
    let written = ask(site, approved).await;
    assert_eq!(written.state, RebuildState::Written, "{written:?}");
    let incarnation = before.tables[&key()].incarnation;
    site.until::<ChunkedTable>("object", "with its rows", |table| {
        let status = table.status.as_ref();
        status.is_some_and(|status| status.incarnation == Some(incarnation) && status.rows == 1)
    })
    .await;
    let after = catalog(site).await;
    assert_eq!(after.archive_uid, before.archive_uid);
    assert_eq!(after.lineage, before.lineage + 1);
    assert!(after.term > before.term && after.epochs > before.epochs);
    assert_eq!(
        after.tables[&key()].segments,
        before.tables[&key()].segments
    );
    assert_eq!(
        after.families["sky"].placement,
        before.families["sky"].placement
    );
    assert_eq!(after.retired.len(), 0);
    until_ready(site).await;
    for worker in [1, 2] {
        assert_eq!(rows(site, worker, &after).await, 2);
    }
    until_copied(site, &after).await;
}

#[tokio::test]
async fn a_catalog_whose_objects_were_all_deleted_is_rebuilt_from_the_workers() {
    let site = Site::new("rebuild").await;
    let test = async {
        let (_workers, before) = loaded(&site).await;
        let refused = ask(&site, request("while it is there")).await;
        assert_eq!(refused.state, RebuildState::Refused);
        assert!(refused.message.contains("at least as new"), "{refused:?}");
        lose(&site).await;
        declare_again(&site).await;
        rebuild(&site, request("what would be"), &before).await;
    };
    site.operated(test).await;
}

/// Pool and workers are gone too, so that the operator begins another archive, which the workers'
/// data directories are not of.
#[tokio::test]
async fn an_archive_that_began_anew_is_replaced_by_the_one_that_its_workers_are_of() {
    let site = Site::new("anew").await;
    let test = async {
        let (_workers, before) = loaded(&site).await;
        lose(&site).await;
        let (delete, all) = (DeleteParams::default(), ListParams::default());
        let pools = site.api::<WorkerPool>();
        pools.delete("main", &delete).await.unwrap();
        let workers = site.api::<Worker>();
        workers.delete_collection(&delete, &all).await.unwrap();
        // What the operator may have tried to write since is no root, and keeps one from being made.
        delete_pages(&site).await;
        site.create::<WorkerPool>("main", pool(2)).await.unwrap();
        declare_again(&site).await;
        let has_root = |map: &ChunkMap| map.spec.root.is_some();
        site.until::<ChunkMap>(ROOT, "made", has_root).await;
        // No worker is of this archive, so none tries the table, which therefore waits.
        let fresh = catalog(&site).await;
        assert_ne!(fresh.archive_uid, before.archive_uid);
        let refused = ask(&site, request("without a name")).await;
        assert_eq!(refused.state, RebuildState::Refused);
        let request = RebuildRequest {
            replace: Some(fresh.archive_uid.clone()),
            ..request("with its name")
        };
        rebuild(&site, request, &before).await;
    };
    site.operated(test).await;
}
