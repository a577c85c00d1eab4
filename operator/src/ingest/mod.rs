//! Ingests: exactly once, all or nothing, undoable (docs/design/ingest.md).
//!
//! Level-triggered: each run looks at every Ingest of an archive, side by side, and moves each from
//! phase to phase until it waits for something, as *observe → decide → act → report*. What a step
//! decided is in the object's status or in the catalog before the next step relies on it, so
//! another leader continues where this one stopped.
//!
//! [`observe`] reads; [`decide`] is pure, a file per phase, and says what to ask, to write or to
//! order (a [`decision`]); [`act`] does that; [`status`] reports. [`state`] is the status as a
//! value, [`catalog_edit`] holds the edits of the catalog, [`queue`] says who may start,
//! [`target`], [`staging`] and [`job`] say what a decision is made of.

mod act;
mod catalog_edit;
mod decide;
mod decision;
mod error;
mod finalizer;
mod former;
mod job;
mod observe;
mod patience;
mod pods;
mod queue;
mod sealing;
mod silence;
mod staging;
mod standing;
mod state;
mod status;
mod survey_id;
mod target;
#[cfg(test)]
mod testing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt as _};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt};
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{Ingest, IngestPhase};
use tokio::time::Instant;

use crate::catalog::edit;
use crate::catalog::readers::Readers;
use crate::controller::context::{Context, Scope};
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes};
use act::Actor;
use catalog_edit::CatalogEdit;
use decision::{Decision, Step};
use error::IngestError;
use job::INGEST_LABEL;
use observe::{Archive, Observed};
use queue::{Entry, Turn, Turns};
use silence::Silences;
use standing::{between, is_active, loader_away_for, phase, reached};
use status::Outcome;

pub use former::spec_hash;

/// Shortest and longest pause while an ingest waits for something: a tenth of the time that its
/// phase has lasted, so that looking late costs a tenth of the time at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
/// Pause when nothing is under way.
const IDLE: Duration = Duration::from_secs(30);
/// Ingests that are looked at at once.
const SIDE_BY_SIDE: usize = 32;
/// Steps of an ingest in one run, from one phase to the next: more than there are phases.
const MOST_STEPS: usize = 16;
/// Answers after which there must be a step: the loader's, the agents', and two edits of the
/// catalog are the most that one takes.
const MOST_ANSWERS: usize = 8;

/// The controller; what it remembers between runs may be lost at any time.
#[derive(Default)]
pub struct Ingests {
    readers: Mutex<HashMap<String, Readers>>,
    silences: Mutex<HashMap<String, Arc<Mutex<Silences>>>>,
}

impl Controller for Ingests {
    type Key = String;
    type Failure = IngestError;
    const NAME: &'static str = "ingests";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        let (any, spec) = (Sensitivity::Any, Sensitivity::Spec);
        stream::select_all([
            changes::<Ingest, _>(client, scope, None, spec, watch::namespace),
            changes::<Pod, _>(client, scope, Some(INGEST_LABEL), any, watch::namespace),
            watch::roots(client, scope),
        ])
        .boxed()
    }

    /// Moves every ingest of an archive as far as it goes without waiting, all side by side.
    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, IngestError> {
        let ingests = context.list::<Ingest>(namespace, None).await?.valid;
        let stand = ingests
            .iter()
            .map(|ingest| (phase(ingest), reached(ingest)));
        context
            .metrics
            .ingests(namespace, &stand.collect::<Vec<_>>());
        close_abandoned(context, namespace, &ingests).await?;
        if !ingests.iter().any(is_active) {
            return Ok(IDLE);
        }
        let catalog = context.writer.catalog(namespace).await?;
        let entries: Vec<Entry> = ingests
            .iter()
            .map(|ingest| entry(ingest, &catalog))
            .collect();
        let turns = Turns::of(&entries);
        // After the catalog by which the turns are given.
        let archive = Archive::observe(context, namespace, &ingests).await?;
        self.observe_readers(namespace, &archive.leases);
        let silences = self.silences(namespace);
        let actor = Actor {
            context,
            namespace,
            archive: &archive,
            silences: &silences,
        };
        let active = ingests.into_iter().filter(is_active);
        let runs = active.map(|ingest| {
            let turn = turns.turn(&ingest.name_any());
            self.follow(&actor, ingest, turn, &catalog)
        });
        let pauses: Vec<Duration> = stream::iter(runs)
            .buffer_unordered(SIDE_BY_SIDE)
            .collect()
            .await;
        Ok(pauses.into_iter().min().unwrap_or(IDLE))
    }
}

impl Ingests {
    /// Moves an ingest from phase to phase until it waits for something. Answers when it is to be
    /// looked at again. What goes wrong with one concerns no other.
    async fn follow(
        &self,
        actor: &Actor<'_>,
        mut ingest: Ingest,
        turn: Turn,
        turns_given_by: &Arc<Catalog>,
    ) -> Duration {
        for _ in 0..MOST_STEPS {
            let name = ingest.name_any();
            match finalizer::settle(actor.context, actor.namespace, ingest).await {
                Ok(settled) => ingest = settled,
                Err(error) => {
                    tracing::warn!(ingest = name, %error, "finalizer not written");
                    return PAUSES.1;
                }
            }
            if !is_active(&ingest) {
                return IDLE;
            }
            let outcome = self.step(actor, &ingest, &turn, turns_given_by).await;
            if let Outcome::Failed(error, _) = &outcome {
                tracing::warn!(ingest = ingest.name_any(), %error, "step not done");
            }
            match status::write(actor.context, actor.namespace, &ingest, &outcome).await {
                Ok(Some(written)) => ingest = written,
                Ok(None) => return pause(&ingest, Timestamp::now()),
                Err(error) => {
                    tracing::warn!(ingest = ingest.name_any(), %error, "status not written");
                    return PAUSES.1;
                }
            }
            if !moves(&outcome) {
                return pause(&ingest, Timestamp::now());
            }
        }
        PAUSES.0
    }

    async fn step(
        &self,
        actor: &Actor<'_>,
        ingest: &Ingest,
        turn: &Turn,
        turns_given_by: &Arc<Catalog>,
    ) -> Outcome {
        // An ingest whose table is newer than the turns has none yet, and starts with the next run.
        let catalog = match phase(ingest) {
            IngestPhase::Pending => Ok(Arc::clone(turns_given_by)),
            _ => actor.context.writer.catalog(actor.namespace).await,
        };
        let observed = match catalog {
            Ok(catalog) => Observed::new(ingest, actor.archive, catalog),
            Err(error) => Err(error.into()),
        };
        match observed {
            Ok(observed) => {
                let observed = Observed {
                    turn: turn.clone(),
                    readers_have: self.readers_have(actor.namespace, ingest),
                    ..observed
                };
                advance(actor, observed).await
            }
            Err(error) => Outcome::Failed(error, None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Readers>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silences(&self, namespace: &str) -> Arc<Mutex<Silences>> {
        let all = self.silences.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(namespace.to_owned()).or_default())
    }

    fn observe_readers(&self, namespace: &str, leases: &[Lease]) {
        let mut readers = self.lock();
        let readers = readers.entry(namespace.to_owned()).or_default();
        readers.observe(leases, Instant::now());
    }

    /// Whether every live reader has the dataEpoch of the ingest's publish.
    fn readers_have(&self, namespace: &str, ingest: &Ingest) -> bool {
        let epoch = ingest.status.as_ref().and_then(|status| status.data_epoch);
        let readers = self.lock();
        let have = |epoch| {
            let readers = readers.get(namespace)?;
            Some(readers.all_have(epoch, Instant::now()))
        };
        epoch.and_then(have) == Some(true)
    }
}

/// Closes the attempts that the catalog has of Ingests that can have none any more, so that their
/// chunks are not kept for nothing.
async fn close_abandoned(
    context: &Context,
    namespace: &str,
    ingests: &[Ingest],
) -> Result<(), IngestError> {
    let catalog = context.writer.catalog(namespace).await?;
    if edit::close_abandoned(&catalog, |uid| is_under_way(ingests, uid)).is_none() {
        return Ok(());
    }
    // A former leader may have entered it after they were listed. It is over now.
    let listed = context.list::<Ingest>(namespace, None).await?;
    if !listed.malformed.is_empty() {
        return Ok(());
    }
    let change = |catalog: &Catalog| {
        Ok(edit::close_abandoned(catalog, |uid| {
            is_under_way(&listed.valid, uid)
        }))
    };
    context.writer.change(namespace, change).await?;
    Ok(())
}

/// Whether the Ingest with this UID may have an attempt.
fn is_under_way(ingests: &[Ingest], uid: &str) -> bool {
    let mut ingests = ingests.iter();
    ingests.any(|ingest| {
        let phases = IngestPhase::Place..IngestPhase::Publish;
        ingest.metadata.uid.as_deref() == Some(uid) && phases.contains(&phase(ingest))
    })
}

/// Whether an ingest that came to this has another phase, and so another step at once.
fn moves(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Step(step) if step.to.is_some())
}

/// When an ingest that waits is looked at again.
fn pause(ingest: &Ingest, now: Timestamp) -> Duration {
    let lasted = reached(ingest).map(|since| between(since, now));
    let (shortest, longest) = PAUSES;
    lasted.map_or(longest, |lasted| (lasted / 10).clamp(shortest, longest))
}

fn entry(ingest: &Ingest, catalog: &Catalog) -> Entry {
    let found = target::find(catalog, &ingest.spec.target);
    let director = found.as_ref().and_then(target::Target::director);
    Entry {
        name: ingest.name_any(),
        phase: phase(ingest),
        yields: loader_away_for(ingest, Timestamp::now()) >= patience::TURN,
        created: ingest.creation_timestamp().map(|time| time.0),
        into_director: found.is_some_and(|target| director.as_ref() == Some(&target.key)),
        director,
    }
}

/// Decides, asks and decides again until there is a step, and takes it. What is done is on the heap:
/// each deed holds much, and an ingest does one at a time.
async fn advance(actor: &Actor<'_>, mut observed: Observed<'_>) -> Outcome {
    let mut reached = None;
    for _ in 0..MOST_ANSWERS {
        let done = match decide::decide(&observed) {
            Decision::Ask(question) => Box::pin(actor.ask(&mut observed, &question)).await,
            Decision::Write(edit) => {
                if matches!(*edit, CatalogEdit::Publish(_)) {
                    reached = Some(IngestPhase::Verify);
                }
                Box::pin(actor.edit(&mut observed, &edit)).await
            }
            Decision::Step(step) => {
                return Box::pin(take(actor, &observed, step, reached)).await;
            }
        };
        if let Err(error) = done {
            return Outcome::Failed(error, reached);
        }
    }
    Outcome::Failed(IngestError::Endless(MOST_ANSWERS), reached)
}

async fn take(
    actor: &Actor<'_>,
    observed: &Observed<'_>,
    step: Box<Step>,
    reached: Option<IngestPhase>,
) -> Outcome {
    for order in &step.orders {
        if let Err(error) = actor.order(observed, order).await {
            return Outcome::Failed(error, reached);
        }
    }
    if let Some(state) = &step.to {
        let message = step.message.as_deref().unwrap_or("");
        tracing::info!(
            ingest = observed.ingest.name_any(),
            ?state,
            message,
            "another phase"
        );
    }
    Outcome::Step(step)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::SignedDuration;
    use serde_json::json;

    use super::*;

    /// Looking late costs a tenth of what a phase takes, and a long one is not looked at all the
    /// time.
    #[test]
    fn what_has_just_begun_is_looked_at_soon() {
        let now = Timestamp::now();
        for (lasted, expected) in [(0, 200), (1_000, 200), (5_000, 500), (60_000, 1_000)] {
            let since = now - SignedDuration::from_millis(lasted);
            let ingest: Ingest = serde_json::from_value(json!({
                "apiVersion": "orrery.dev/v1alpha1", "kind": "Ingest", "metadata": {"name": "i"},
                "spec": {"target": {"database": "sky", "table": "Object"}, "sources": [{"url": "http://a/b"}]},
                "status": {"phase": "Load", "conditions": [{
                    "type": "Load", "status": "True", "reason": "Reached", "message": "", "lastTransitionTime": since.to_string(),
                }]},
            }))
            .unwrap();
            assert_eq!(
                pause(&ingest, now),
                Duration::from_millis(expected),
                "{lasted} ms"
            );
        }
    }
}
