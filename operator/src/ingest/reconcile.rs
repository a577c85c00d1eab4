//! One run over all ingests of an archive.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt};
use orrery_crds::kinds::{Ingest, IngestPhase, IngestStatus, Worker};
use orrery_snapshot::lease::READER_LABEL;
use tokio::time::Instant;

use super::queue::{self, Entry};
use super::steps::{self, Step};
use super::{IngestError, Outcome, job, target};
use crate::catalog::readers::Readers;
use crate::controller::conditions::{self, Finding};
use crate::controller::context::{Context, Scope};
use crate::controller::events::Event;
use crate::controller::runner::Controller;
use crate::controller::status;
use crate::controller::watch::{self, Sensitivity, changes};
use crate::fleet::Addresses;

/// Pause while an ingest is under way.
const BUSY: Duration = Duration::from_secs(1);
/// Pause when nothing is.
const IDLE: Duration = Duration::from_secs(30);

/// What is remembered between runs; nothing is lost when it is.
#[derive(Default)]
pub struct Ingests {
    readers: Mutex<HashMap<String, Readers>>,
}

impl Controller for Ingests {
    type Key = String;
    type Failure = IngestError;
    const NAME: &'static str = "ingests";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        changes::<Ingest, _>(client, scope, None, Sensitivity::Spec, watch::namespace)
    }

    async fn reconcile(&self, context: &Context, namespace: &String) -> Result<Duration, IngestError> {
        reconcile(self, context, namespace).await
    }
}

/// Moves every ingest of `namespace` by one step.
async fn reconcile(state: &Ingests, context: &Context, namespace: &str) -> Result<Duration, IngestError> {
    let ingests = context.list::<Ingest>(namespace, None).await?.valid;
    if ingests.iter().all(|ingest| !is_active(ingest)) {
        return Ok(IDLE);
    }
    let catalog = context.writer.catalog(namespace).await?;
    let workers = context.list::<Worker>(namespace, None).await?.valid;
    let pods = context
        .list::<Pod>(namespace, Some(job::INGEST_LABEL))
        .await?
        .valid;
    let leases = context.list::<Lease>(namespace, Some(READER_LABEL)).await?.valid;
    let readers_have = state.observe(namespace, &leases);
    let addresses = Addresses::of(&workers);
    let entries: Vec<Entry> = ingests.iter().map(|ingest| entry(ingest, &catalog)).collect();
    let (start, wait) = queue::startable(&entries);
    for ingest in ingests.iter().filter(|ingest| is_active(ingest)) {
        let name = ingest.name_any();
        let turn = if start.contains(&name) {
            Ok(())
        } else {
            Err(wait
                .iter()
                .find(|(waiting, _)| *waiting == name)
                .map_or_else(String::new, |(_, by)| by.clone()))
        };
        // The turns were given by this catalog: an ingest whose table is newer than it has none yet, and starts with the next run.
        let catalog = match ingest
            .status
            .as_ref()
            .map(|status| status.phase)
            .unwrap_or_default()
        {
            IngestPhase::Pending => catalog.clone(),
            _ => context.writer.catalog(namespace).await?,
        };
        let step = Step {
            context,
            namespace,
            ingest,
            catalog,
            workers: &workers,
            addresses: &addresses,
            pods: &pods,
            turn,
            readers_have: &readers_have,
        };
        one(&step).await?;
    }
    Ok(BUSY)
}

impl Ingests {
    fn observe(&self, namespace: &str, leases: &[Lease]) -> impl Fn(u64) -> bool + Sync + use<'_> {
        let namespace = namespace.to_owned();
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers
            .entry(namespace.clone())
            .or_default()
            .observe(leases, Instant::now());
        drop(readers);
        move |epoch| {
            let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            readers
                .get(&namespace)
                .is_some_and(|readers| readers.all_have(epoch, Instant::now()))
        }
    }
}

fn is_active(ingest: &Ingest) -> bool {
    let status = ingest.status.clone().unwrap_or_default();
    match status.phase {
        IngestPhase::Failed => false,
        IngestPhase::Visible => ingest.spec.revoked,
        IngestPhase::Revoked => !ingest.spec.revoked,
        _ => true,
    }
}

fn entry(ingest: &Ingest, catalog: &orrery_archive::catalog::Catalog) -> Entry {
    let found = target::find(catalog, &ingest.spec.target);
    let director = found.as_ref().and_then(target::Target::director);
    Entry {
        name: ingest.name_any(),
        phase: ingest
            .status
            .as_ref()
            .map(|status| status.phase)
            .unwrap_or_default(),
        created: ingest
            .creation_timestamp()
            .map(|time| time.0.to_string())
            .unwrap_or_default(),
        into_director: found.is_some_and(|target| director.as_ref() == Some(&target.key)),
        director,
    }
}

/// Takes one step and writes the status when it differs. A step that could not end is told in the message and tried again.
async fn one(step: &Step<'_>) -> Result<(), IngestError> {
    let before = step.ingest.status.clone().unwrap_or_default();
    let mut status = before.clone();
    let outcome = steps::take(step, &mut status).await;
    match &outcome {
        Ok(Outcome::Failed(message)) => {
            status.phase = IngestPhase::Failed;
            status.message.clone_from(message);
        }
        Ok(Outcome::Advanced | Outcome::Waiting) => {}
        Err(error) => {
            tracing::warn!(ingest = step.ingest.name_any(), %error, "step not done");
            status.message = format!("tried again: {error}");
        }
    }
    mark(&before, &mut status, step.ingest);
    status::write(step.context, step.namespace, step.ingest, status.clone()).await?;
    if status.phase != before.phase {
        announce(step, &status).await;
    }
    Ok(())
}

/// One condition per phase reached, and the seconds the phase before took.
fn mark(before: &IngestStatus, status: &mut IngestStatus, ingest: &Ingest) {
    status.observed_generation = ingest.metadata.generation;
    let now = Timestamp::now();
    let name = |phase: IngestPhase| format!("{phase:?}");
    if status.phase != before.phase || status.conditions.is_empty() {
        let last = before
            .conditions
            .iter()
            .find(|condition| condition.type_ == name(before.phase));
        if let Some(last) = last {
            let took = now.duration_since(last.last_transition_time.0).as_secs_f64();
            status
                .phase_seconds
                .insert(name(before.phase), (took * 10.0).round() / 10.0);
        }
        let finding = Finding::met("Reached", status.message.clone());
        conditions::clear(&mut status.conditions, &name(status.phase));
        conditions::set(
            &mut status.conditions,
            &name(status.phase),
            &finding,
            ingest.metadata.generation,
            now,
        );
    }
    let accepted = match status.phase {
        IngestPhase::Failed => Finding::unmet("Failed", status.message.clone()),
        IngestPhase::Pending => Finding::unmet("Waiting", status.message.clone()),
        _ => Finding::met("Accepted", ""),
    };
    conditions::set(
        &mut status.conditions,
        conditions::ACCEPTED,
        &accepted,
        ingest.metadata.generation,
        now,
    );
}

async fn announce(step: &Step<'_>, status: &IngestStatus) {
    use kube::Resource as _;
    let warning = status.phase == IngestPhase::Failed;
    let reason = if warning { "IngestFailed" } else { "IngestPhase" };
    let note = format!("{:?}: {}", status.phase, status.message);
    let event = Event {
        warning,
        reason,
        note,
    };
    let about = step.ingest.object_ref(&());
    step.context.events.publish(&about, None, event).await;
}
