//! What is left of an archive: its root, what its workers hold and have copies of, what is declared.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use orrery_archive::catalog::{Catalog, Epochs, RootPayload, TableKey};
use orrery_archive::names::{COMPONENT_LABEL, WORKER_LABEL, WorkerId};
use orrery_archive::signing::TrustedKeys;
use orrery_crds::kinds::{ChunkedTable, ReferenceTable, Worker};
use orrery_snapshot::lease::{self, READER_LABEL};
use orrery_worker_api::agent::Highest;
use orrery_worker_api::client::AgentClient;

use super::holdings::Held;
use crate::catalog::error::WriterError;
use crate::catalog::store::Store;
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::fleet;
use crate::secrets;
use crate::tables::UserTable;

/// Workers that are asked at a time: a manifest may have many thousand rows.
const AT_A_TIME: usize = 16;

/// What is known of an archive.
pub struct Observed {
    /// Its root.
    pub root: Root,
    /// resourceVersion of the root.
    pub version: Option<String>,
    /// Workers that said all they hold.
    pub agents: BTreeMap<WorkerId, Agent>,
    /// Pods of workers that did not, with the reason.
    pub silent: BTreeMap<String, String>,
    /// Tables that objects declare.
    pub declared: BTreeSet<TableKey>,
    /// The newest epochs that readers have seen.
    pub readers: Epochs,
    /// Highest id of a Worker object.
    pub highest_worker: WorkerId,
}

/// The root as it is.
pub enum Root {
    /// There is none.
    None,
    /// It is there, and objects that it needs are not.
    Unreadable(RootPayload, String),
    /// It is whole.
    Readable(Box<Catalog>),
}

/// What a worker said.
pub struct Agent {
    /// Name of its pod.
    pub pod: String,
    /// Archive its data directory belongs to.
    pub archive_uid: String,
    /// Highest term it has seen.
    pub term: u64,
    /// Highest numbers it has heard of.
    pub highest: Highest,
    /// Epochs of the catalog copy it holds.
    pub copy_epochs: Option<Epochs>,
    /// That copy, or why it is not used.
    pub copy: Result<Catalog, String>,
    /// Its tables.
    pub held: Vec<Held>,
}

/// Observes the archive.
pub async fn observe(context: &Context, namespace: &str) -> Result<Observed, ReconcileError> {
    let (root, version) = root(context, namespace).await?;
    let keys = secrets::signing_keys(context, namespace).await?;
    let keys = keys.trusted();
    let labels = format!("{COMPONENT_LABEL}=worker");
    let pods = context.list::<Pod>(namespace, Some(&labels)).await?.valid;
    let asked = pods.iter().map(|pod| async {
        let answer = ask(context, namespace, pod, keys.as_ref()).await;
        (pod.name_any(), answer)
    });
    let answers: Vec<_> = stream::iter(asked)
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let (mut agents, mut silent) = (BTreeMap::new(), BTreeMap::new());
    for (pod, answer) in answers {
        match answer {
            Ok((worker, agent)) => drop(agents.insert(worker, agent)),
            Err(why) => drop(silent.insert(pod, why)),
        }
    }
    let workers = context.list::<Worker>(namespace, None).await?.valid;
    let ids = workers.iter().map(|worker| worker.spec.id);
    Ok(Observed {
        root,
        version,
        agents,
        silent,
        declared: declared(context, namespace).await?,
        readers: readers(context, namespace).await?,
        highest_worker: ids.max().unwrap_or(0),
    })
}

async fn root(
    context: &Context,
    namespace: &str,
) -> Result<(Root, Option<String>), ReconcileError> {
    let store = Store::new(&context.client, namespace);
    let why = match store.read().await {
        Ok(stored) => {
            let version = stored.root.as_ref().and_then(ResourceExt::resource_version);
            let root = match version {
                Some(_) => Root::Readable(Box::new(stored.catalog)),
                None => Root::None,
            };
            return Ok((root, version));
        }
        Err(WriterError::Unreadable(why)) => why,
        Err(error) => return Err(error.into()),
    };
    let Some(root) = store.root().await? else {
        return Ok((Root::None, None));
    };
    let version = root.resource_version();
    let payload = root.spec.root;
    let payload = payload.ok_or_else(|| WriterError::Unreadable("the root is empty".into()))?;
    Ok((Root::Unreadable(payload, why), version))
}

async fn declared(
    context: &Context,
    namespace: &str,
) -> Result<BTreeSet<TableKey>, ReconcileError> {
    let chunked = context.list::<ChunkedTable>(namespace, None).await?.valid;
    let references = context.list::<ReferenceTable>(namespace, None).await?.valid;
    let chunked = chunked.iter().map(UserTable::key);
    Ok(chunked
        .chain(references.iter().map(UserTable::key))
        .collect())
}

async fn readers(context: &Context, namespace: &str) -> Result<Epochs, ReconcileError> {
    let leases = context.list::<Lease>(namespace, Some(READER_LABEL)).await?;
    let seen = leases.valid.iter().filter_map(lease::read);
    Ok(seen.fold(Epochs::default(), |all, reader| Epochs {
        data: all.data.max(reader.newest.data),
        placement: all.placement.max(reader.newest.placement),
    }))
}

/// All that a worker says, or why it does not.
async fn ask(
    context: &Context,
    namespace: &str,
    pod: &Pod,
    keys: Option<&TrustedKeys>,
) -> Result<(WorkerId, Agent), String> {
    let address = pod
        .status
        .as_ref()
        .and_then(|status| status.pod_ip.as_ref());
    let address = address.ok_or("its pod has no address")?;
    let worker = pod.labels().get(WORKER_LABEL);
    let worker = worker.and_then(|id| id.parse().ok());
    let worker = worker.ok_or("its pod does not say of which worker it is")?;
    let agent = context.agents.of(namespace, worker, address);
    let agent = agent.map_err(|error| error.to_string())?;
    let info = agent.info().await.map_err(|error| error.to_string())?;
    let identity = info.identity.ok_or("its data directory is empty")?;
    if worker != identity.worker {
        return Err(format!(
            "it has the data directory of worker {}",
            identity.worker
        ));
    }
    let held = info.held.ok_or("its mysqld does not answer")?;
    let rows = fleet::manifest(&agent, |row| Held::of(&row))
        .await
        .map_err(|error| error.to_string())?;
    Ok((
        identity.worker,
        Agent {
            pod: pod.name_any(),
            copy: copy(&agent, keys, &identity.archive_uid).await,
            archive_uid: identity.archive_uid,
            term: info.term,
            highest: held.highest,
            copy_epochs: info.catalog,
            held: rows,
        },
    ))
}

async fn copy(
    agent: &AgentClient,
    keys: Option<&TrustedKeys>,
    archive_uid: &str,
) -> Result<Catalog, String> {
    let keys = keys.ok_or("there is no key to check its catalog copy with")?;
    let copy = agent.catalog().await.map_err(|error| error.to_string())?;
    let catalog = copy.verify(keys).map_err(|error| error.to_string())?;
    if !catalog.unread.is_empty() {
        return Err(format!("a newer version wrote it: {}", catalog.unread));
    }
    if catalog.archive_uid != archive_uid {
        return Err(format!(
            "its catalog copy is of archive {}",
            catalog.archive_uid
        ));
    }
    Ok(catalog)
}
