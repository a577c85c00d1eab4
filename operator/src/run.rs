//! From flags to running controllers.
//!
//! A standby waits for the Lease and does nothing else. A leader that loses the Lease ends the process, so that nothing of its acting
//! goes on; the kubelet starts it again as a standby.

use std::sync::Arc;

use anyhow::Context as _;
use futures::stream::{BoxStream, StreamExt, select_all};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use orrery_archive::names::{COMPONENT_LABEL, POOL_LABEL, ROOT, USERS_SECRET};
use orrery_crds::kinds::{
    ChunkFamily, ChunkMap, ChunkedTable, Ingest, QueryUser, ReferenceTable, Worker, WorkerPool,
};

use crate::admin::{self, Pulse};
use crate::agents::Agents;
use crate::catalog::archive_writer::ArchiveWriter;
use crate::catalog::upkeep::Upkeep;
use crate::context::{Context, Scope};
use crate::copies::Copies;
use crate::deletions::Deletions;
use crate::flags::Flags;
use crate::ingest::reconcile::Ingests;
use crate::leader::{Candidate, Leadership};
use crate::metrics::Metrics;
use crate::notices::Notices;
use crate::pools::Pools;
use crate::pools::objects::COMPONENT;
use crate::triggers::{Sensitivity, changes};
use crate::{archive, ingest, secrets, users, work};

/// A namespace and a name in it.
type Place = (String, String);

/// Runs the operator until it is told to stop, or cannot go on.
pub async fn run(flags: Flags) -> anyhow::Result<()> {
    log_to_stderr(flags.log_json);
    let metrics = Metrics::new()?;
    let pulse = Pulse::default();
    let client = Client::try_default()
        .await
        .context("cannot find the cluster API")?;
    let candidate = Candidate::new(client.clone(), flags.lease_namespace(), &flags.identity);
    let mut stopped = std::pin::pin!(stop_signal());
    let serving = admin::serve(flags.admin_listen, metrics.clone(), pulse.clone());
    let acting = async {
        tracing::info!(identity = flags.identity, "waiting for the lease");
        let mut leadership = tokio::select! {
            leadership = candidate.win(|| pulse.beat()) => leadership,
            signal = &mut stopped => return signal,
        };
        metrics.leading.set(1);
        tracing::info!(transitions = leadership.transitions, "this process leads");
        let context = context(&flags, client, metrics.clone(), &leadership);
        tokio::select! {
            () = controllers(context) => anyhow::bail!("the controllers ended"),
            lost = leadership.lost(|| pulse.beat()) => return Err(lost.into()),
            signal = &mut stopped => signal?,
        }
        leadership.release().await;
        Ok(())
    };
    tokio::select! {
        result = serving => result.context("cannot serve /metrics"),
        result = acting => result,
    }
}

fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}

/// Returns when the kubelet or a person asks the process to stop.
async fn stop_signal() -> anyhow::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminated.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

fn context(flags: &Flags, client: Client, metrics: Metrics, leadership: &Leadership) -> Context {
    let agents = Arc::new(Agents::default());
    Context {
        writer: Arc::new(ArchiveWriter::new(
            client.clone(),
            Arc::clone(&agents),
            leadership.mandate(),
        )),
        agents,
        scope: flags.scope(),
        images: flags.images(),
        notices: Notices::new(client.clone(), &flags.identity, metrics.clone()),
        client,
        metrics,
    }
}

/// Runs every controller of this module until one of them ends, which they do only when this process stops.
pub async fn controllers(context: Context) {
    let context = Arc::new(context);
    let pools = Pools::default();
    let upkeep = Upkeep::default();
    let ingests = Ingests::default();
    let copies = Copies::default();
    let deletions = Deletions::default();
    tokio::join!(
        work::run(
            pool_triggers(&context.client, &context.scope),
            context.metrics.reconciles("pools"),
            async |(namespace, name): &Place| pools.reconcile(&context, namespace, name).await,
        ),
        work::run(
            archive_triggers(&context.client, &context.scope),
            context.metrics.reconciles("archive"),
            async |namespace: &String| archive::reconcile(&context, namespace).await,
        ),
        work::run(
            user_triggers(&context.client, &context.scope),
            context.metrics.reconciles("users"),
            async |namespace: &String| users::reconcile(&context, namespace).await,
        ),
        work::run(
            secret_triggers(&context.client, &context.scope),
            context.metrics.reconciles("secrets"),
            async |namespace: &String| secrets::reconcile(&context, namespace).await,
        ),
        work::run(
            root_triggers(&context.client, &context.scope),
            context.metrics.reconciles("catalog"),
            async |namespace: &String| upkeep.reconcile(&context, namespace).await,
        ),
        work::run(
            root_triggers(&context.client, &context.scope),
            context.metrics.reconciles("copies"),
            async |namespace: &String| copies.reconcile(&context, namespace).await,
        ),
        work::run(
            root_triggers(&context.client, &context.scope),
            context.metrics.reconciles("deletions"),
            async |namespace: &String| deletions.reconcile(&context, namespace).await,
        ),
        work::run(
            ingest_triggers(&context.client, &context.scope),
            context.metrics.reconciles("ingests"),
            async |namespace: &String| ingest::reconcile(&ingests, &context, namespace).await,
        ),
    );
}

fn own_place(metadata: &ObjectMeta) -> Option<Place> {
    Some((metadata.namespace.clone()?, metadata.name.clone()?))
}

fn pool_place(metadata: &ObjectMeta) -> Option<Place> {
    let pool = metadata.labels.as_ref()?.get(POOL_LABEL)?;
    Some((metadata.namespace.clone()?, pool.clone()))
}

/// The pool that owns a worker, whatever became of its labels.
fn owner_place(metadata: &ObjectMeta) -> Option<Place> {
    let owner = metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.kind == "WorkerPool")?;
    Some((metadata.namespace.clone()?, owner.name.clone()))
}

fn namespace(metadata: &ObjectMeta) -> Option<String> {
    metadata.namespace.clone()
}

fn root_namespace(metadata: &ObjectMeta) -> Option<String> {
    metadata
        .namespace
        .clone()
        .filter(|_| metadata.name.as_deref() == Some(ROOT))
}

fn our_secret_namespace(metadata: &ObjectMeta) -> Option<String> {
    metadata
        .namespace
        .clone()
        .filter(|_| metadata.name.as_deref().is_some_and(secrets::is_ours))
}

/// Every Secret may be a user's; our own others never are.
fn user_secret_namespace(metadata: &ObjectMeta) -> Option<String> {
    let name = metadata.name.as_deref()?;
    metadata
        .namespace
        .clone()
        .filter(|_| name == USERS_SECRET || !secrets::is_ours(name))
}

/// A pool is due when it or anything that was made for it changed.
fn pool_triggers(client: &Client, scope: &Scope) -> BoxStream<'static, Place> {
    let ours = format!("{COMPONENT_LABEL}={COMPONENT},{POOL_LABEL}");
    let ours = Some(ours.as_str());
    let (any, spec) = (Sensitivity::Any, Sensitivity::Spec);
    let one = || client.clone();
    select_all([
        changes::<WorkerPool, _>(one(), scope, None, spec, own_place).boxed(),
        changes::<Worker, _>(one(), scope, None, spec, owner_place).boxed(),
        changes::<StatefulSet, _>(one(), scope, ours, any, pool_place).boxed(),
        changes::<Service, _>(one(), scope, ours, any, pool_place).boxed(),
        changes::<ConfigMap, _>(one(), scope, ours, any, pool_place).boxed(),
        changes::<PodDisruptionBudget, _>(one(), scope, ours, spec, pool_place).boxed(),
        changes::<Pod, _>(one(), scope, ours, any, pool_place).boxed(),
    ])
    .boxed()
}

/// An archive is due at once, so that czars have a catalog and are ready before anything is declared, and when a declaration or the
/// catalog's root changed.
fn archive_triggers(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    let spec = Sensitivity::Spec;
    let one = || client.clone();
    select_all([
        archives(client, scope),
        changes::<WorkerPool, _>(one(), scope, None, spec, namespace).boxed(),
        changes::<ChunkFamily, _>(one(), scope, None, spec, namespace).boxed(),
        changes::<ChunkedTable, _>(one(), scope, None, spec, namespace).boxed(),
        changes::<ReferenceTable, _>(one(), scope, None, spec, namespace).boxed(),
        changes::<ChunkMap, _>(one(), scope, None, Sensitivity::Any, root_namespace).boxed(),
    ])
    .boxed()
}

fn user_triggers(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    let one = || client.clone();
    select_all([
        archives(client, scope),
        changes::<QueryUser, _>(one(), scope, None, Sensitivity::Spec, namespace).boxed(),
        changes::<Secret, _>(one(), scope, None, Sensitivity::Any, user_secret_namespace).boxed(),
    ])
    .boxed()
}

fn secret_triggers(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    select_all([
        archives(client, scope),
        changes::<Secret, _>(
            client.clone(),
            scope,
            None,
            Sensitivity::Any,
            our_secret_namespace,
        )
        .boxed(),
    ])
    .boxed()
}

/// The archives: the given namespace, or every namespace with a pool or a user.
fn archives(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    let spec = Sensitivity::Spec;
    match scope {
        Scope::Namespace(namespace) => {
            let only = futures::stream::once(futures::future::ready(namespace.clone()));
            only.chain(futures::stream::pending()).boxed()
        }
        Scope::All => select_all([
            changes::<WorkerPool, _>(client.clone(), scope, None, spec, namespace).boxed(),
            changes::<QueryUser, _>(client.clone(), scope, None, spec, namespace).boxed(),
        ])
        .boxed(),
    }
}

fn root_triggers(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    changes::<ChunkMap, _>(client.clone(), scope, None, Sensitivity::Any, root_namespace).boxed()
}

fn ingest_triggers(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
    changes::<Ingest, _>(client.clone(), scope, None, Sensitivity::Spec, namespace).boxed()
}
