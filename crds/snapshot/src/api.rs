//! The cluster API as a source: watches of the catalog's kinds, of `Worker`s and of the users'
//! Secret.
//!
//! Watches alone; they continue by themselves when the API server comes back.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use orrery_archive::catalog::{ObjectKind, ObjectName, users::Users};
use orrery_archive::names::{ROOT, USERS_KEY, USERS_SECRET, WorkerId};
use orrery_crds::kinds::{CatalogPayload, ChunkMap, ChunkPlacement, ChunkSegment, Worker};
use tokio::sync::mpsc;

use crate::assemble::{Assembler, Change};
use crate::hub::{Hub, Offer};
use crate::model::WorkerView;

/// Catalog changes on their way to the assembler. Bounded: a slow assembler slows the watches,
/// which is harmless.
const QUEUE: usize = 1024;

/// Feeds `hub` from the cluster API until the process ends.
pub async fn run(client: Client, namespace: String, hub: Hub) {
    let (changes, queue) = mpsc::channel(QUEUE);
    let maps =
        watch_objects::<ChunkMap>(Api::namespaced(client.clone(), &namespace), changes.clone());
    let placements = watch_objects::<ChunkPlacement>(
        Api::namespaced(client.clone(), &namespace),
        changes.clone(),
    );
    let segments =
        watch_objects::<ChunkSegment>(Api::namespaced(client.clone(), &namespace), changes);
    let workers = watch_workers(Api::namespaced(client.clone(), &namespace), hub.clone());
    let users = watch_users(Api::namespaced(client, &namespace), hub.clone());
    tokio::join!(
        maps,
        placements,
        segments,
        assemble(queue, hub),
        workers,
        users
    );
}

async fn assemble(mut queue: mpsc::Receiver<Change>, hub: Hub) {
    let mut assembler = Assembler::default();
    while let Some(change) = queue.recv().await {
        let Some(catalog) = assembler.apply(change) else {
            continue;
        };
        if let Some((root, objects)) = assembler.encoded() {
            tracing::debug!(epochs = %catalog.epochs, "catalog complete");
            hub.offer(Offer::Catalog(catalog, root, objects));
        }
    }
}

/// The part of a kind the catalog reader needs.
trait CatalogObject:
    kube::Resource<DynamicType = ()> + CatalogPayload + Clone + std::fmt::Debug + Send + 'static
{
    const KIND: ObjectKind;

    fn change(&self) -> Option<Change> {
        Some(Change::Object(
            ObjectName::new(self.name_any()),
            self.payload()?.to_owned(),
        ))
    }
}

impl CatalogObject for ChunkMap {
    const KIND: ObjectKind = ObjectKind::Map;

    fn change(&self) -> Option<Change> {
        if self.name_any() == ROOT {
            return self.spec.root.clone().map(Change::Root);
        }
        Some(Change::Object(
            ObjectName::new(self.name_any()),
            self.payload()?.to_owned(),
        ))
    }
}

impl CatalogObject for ChunkPlacement {
    const KIND: ObjectKind = ObjectKind::Placement;
}

impl CatalogObject for ChunkSegment {
    const KIND: ObjectKind = ObjectKind::Segment;
}

async fn watch_objects<K>(api: Api<K>, changes: mpsc::Sender<Change>)
where
    K: CatalogObject + serde::de::DeserializeOwned,
{
    let mut events = events(api, watcher::Config::default());
    while let Some(event) = events.next().await {
        let change = match event {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => object.change(),
            watcher::Event::Delete(object) if object.name_any() != ROOT => {
                Some(Change::Gone(ObjectName::new(object.name_any())))
            }
            watcher::Event::Delete(_) => None,
            watcher::Event::Init => Some(Change::Listing(K::KIND)),
            watcher::Event::InitDone => Some(Change::Listed(K::KIND)),
        };
        if let Some(change) = change
            && changes.send(change).await.is_err()
        {
            return;
        }
    }
}

async fn watch_workers(api: Api<Worker>, hub: Hub) {
    let mut workers: BTreeMap<WorkerId, WorkerView> = BTreeMap::new();
    let mut listing: Option<BTreeMap<WorkerId, WorkerView>> = None;
    let mut events = events(api, watcher::Config::default());
    while let Some(event) = events.next().await {
        match event {
            watcher::Event::Init => listing = Some(BTreeMap::new()),
            watcher::Event::InitApply(worker) => {
                listing
                    .get_or_insert_default()
                    .extend([WorkerView::of(&worker)]);
            }
            watcher::Event::InitDone => workers = listing.take().unwrap_or_default(),
            watcher::Event::Apply(worker) => workers.extend([WorkerView::of(&worker)]),
            watcher::Event::Delete(worker) => {
                workers.remove(&worker.spec.id);
            }
        }
        if listing.is_none() {
            hub.offer(Offer::Workers(workers.clone()));
        }
    }
}

async fn watch_users(api: Api<Secret>, hub: Hub) {
    let only_ours = watcher::Config::default().fields(&format!("metadata.name={USERS_SECRET}"));
    let mut events = events(api, only_ours);
    while let Some(event) = events.next().await {
        // A deleted Secret is no reason to lock everybody out: the operator writes it again.
        if let watcher::Event::Apply(secret) | watcher::Event::InitApply(secret) = event {
            match read_users(&secret) {
                Ok(users) => {
                    hub.offer(Offer::Users(users));
                }
                Err(error) => {
                    tracing::warn!(%error, "Secret {USERS_SECRET} is not understood; the last users stay");
                }
            }
        }
    }
}

fn read_users(secret: &Secret) -> Result<Users, serde_json::Error> {
    let content = secret
        .data
        .as_ref()
        .and_then(|data| data.get(USERS_KEY))
        .map_or(&b""[..], |content| &content.0);
    serde_json::from_slice(content)
}

fn events<K>(
    api: Api<K>,
    config: watcher::Config,
) -> std::pin::Pin<Box<dyn Stream<Item = watcher::Event<K>> + Send>>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let logged = watcher(api, config)
        .default_backoff()
        .map_err(|error| tracing::warn!(%error, "watch failed; it is tried again"));
    Box::pin(logged.filter_map(|event| std::future::ready(event.ok())))
}
