//! Ingests: exactly once, all or nothing, undoable (docs/design/ingest.md).
//!
//! Level-triggered: each run looks at every Ingest of an archive and moves each by one step of its
//! phase, as *observe → decide → act → report*. What a step decided is in the object's status or in
//! the catalog before the next step relies on it, so another leader continues where this one
//! stopped.
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
mod job;
mod observe;
mod queue;
mod staging;
mod state;
mod status;
mod survey_id;
mod target;
#[cfg(test)]
mod testing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Client, ResourceExt};
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{Ingest, IngestPhase};
use tokio::time::Instant;

use crate::catalog::readers::Readers;
use crate::controller::context::{Context, Scope};
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes};
use act::Actor;
use catalog_edit::CatalogEdit;
use decision::{Decision, Step};
use error::IngestError;
use observe::{Archive, Observed, is_active, phase};
use queue::{Entry, Turns};
use status::Outcome;

/// Pause while an ingest is under way.
const BUSY: Duration = Duration::from_secs(1);
/// Pause when nothing is.
const IDLE: Duration = Duration::from_secs(30);
/// Answers after which there must be a step: the loader's, the agents', and two edits of the
/// catalog are the most that one takes.
const MOST_ANSWERS: usize = 8;

/// The controller; what it remembers between runs may be lost at any time.
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

    /// Moves every ingest of an archive by one step.
    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, IngestError> {
        let ingests = context.list::<Ingest>(namespace, None).await?.valid;
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
        let actor = Actor {
            context,
            namespace,
            archive: &archive,
        };
        for ingest in ingests.iter().filter(|ingest| is_active(ingest)) {
            // An ingest whose table is newer than the turns has none yet, and starts with the next
            // run.
            let catalog = match phase(ingest) {
                IngestPhase::Pending => Arc::clone(&catalog),
                _ => context.writer.catalog(namespace).await?,
            };
            let observed = Observed::new(ingest, &archive, catalog).map(|observed| Observed {
                turn: turns.turn(&ingest.name_any()),
                readers_have: self.readers_have(namespace, ingest),
                ..observed
            });
            let outcome = match observed {
                Ok(observed) => advance(&actor, observed).await,
                Err(error) => Outcome::Failed(error, None),
            };
            if let Outcome::Failed(error, _) = &outcome {
                tracing::warn!(ingest = ingest.name_any(), %error, "step not done");
            }
            status::write(context, namespace, ingest, &outcome).await?;
        }
        Ok(BUSY)
    }
}

impl Ingests {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Readers>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
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

fn entry(ingest: &Ingest, catalog: &Catalog) -> Entry {
    let found = target::find(catalog, &ingest.spec.target);
    let director = found.as_ref().and_then(target::Target::director);
    Entry {
        name: ingest.name_any(),
        phase: phase(ingest),
        created: ingest.creation_timestamp().map(|time| time.0),
        into_director: found.is_some_and(|target| director.as_ref() == Some(&target.key)),
        director,
    }
}

/// Decides, asks and decides again until there is a step, and takes it.
async fn advance(actor: &Actor<'_>, mut observed: Observed<'_>) -> Outcome {
    let mut reached = None;
    for _ in 0..MOST_ANSWERS {
        let done = match decide::decide(&observed) {
            Decision::Ask(question) => actor.ask(&mut observed, &question).await,
            Decision::Write(edit) => {
                if matches!(*edit, CatalogEdit::Publish(_)) {
                    reached = Some(IngestPhase::Verify);
                }
                actor.edit(&mut observed, &edit).await
            }
            Decision::Step(step) => return take(actor, &observed, step, reached).await,
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
