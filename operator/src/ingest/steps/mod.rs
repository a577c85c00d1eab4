//! The steps, a file per phase (or pair of phases that share what they observe). Each changes the status it is given and says whether the
//! ingest goes on.

mod begin;
mod load;
mod place;
mod publish;
mod revoke;
mod seal;
mod survey;
mod undo;
mod visible;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{Ingest, IngestPhase, IngestStatus, Worker};
use orrery_worker_api::client::LoaderClient;
use orrery_worker_api::loader::{LoaderStatus, LoaderStep, Survey};

use super::attempt::Numbers;
use super::target::{self, Target};
use super::{IngestError, Outcome, job};
use crate::controller::context::Context;
use crate::fleet::{Addresses, Fleet};

/// Stands between the parts of a survey's id: the Ingest's UID, the survey's basis (see [`Target::basis`]), and a number.
const PART_OF_ID: char = '#';

/// What a step is given.
pub struct Step<'a> {
    /// The operator's tools.
    pub context: &'a Context,
    /// Archive.
    pub namespace: &'a str,
    /// The ingest.
    pub ingest: &'a Ingest,
    /// The catalog as it is now.
    pub catalog: Arc<Catalog>,
    /// All workers.
    pub workers: &'a [Worker],
    /// Where their agents are.
    pub addresses: &'a Addresses,
    /// Pods of loaders.
    pub pods: &'a [Pod],
    /// Whether it may start (see [`super::queue`]); else what it waits for.
    pub turn: Result<(), String>,
    /// Whether every live reader has this dataEpoch.
    pub readers_have: &'a (dyn Fn(u64) -> bool + Sync),
}

/// Takes the step of the phase the ingest is in. What an ingest that fails has loaded so far serves nobody, and goes.
pub async fn take(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    match next(step, status).await? {
        Outcome::Failed(why) if status.attempt.is_some() => {
            undo::attempt(step, status, IngestPhase::Failed, why).await
        }
        outcome => Ok(outcome),
    }
}

async fn next(step: &Step<'_>, status: &mut IngestStatus) -> Result<Outcome, IngestError> {
    let revoked = step.ingest.spec.revoked;
    if let Some(why) = step.lost_target(status) {
        return Ok(Outcome::Failed(why));
    }
    match status.phase {
        IngestPhase::Pending if !revoked => begin::take(step, status).await,
        IngestPhase::Survey => survey::take(step, status).await,
        IngestPhase::Place => place::take(step, status).await,
        IngestPhase::Load => load::take(step, status).await,
        IngestPhase::Seal | IngestPhase::Verify => seal::take(step, status).await,
        IngestPhase::Publish => visible::take(step, status).await,
        IngestPhase::Visible if revoked => revoke::take(step, status, true).await,
        IngestPhase::Revoked if !revoked => revoke::take(step, status, false).await,
        IngestPhase::Pending | IngestPhase::Visible | IngestPhase::Failed | IngestPhase::Revoked => {
            Ok(Outcome::Waiting)
        }
    }
}

impl Step<'_> {
    fn fleet(&self) -> Fleet<'_> {
        Fleet {
            agents: &self.context.agents,
            namespace: self.namespace,
            addresses: self.addresses,
        }
    }

    fn target(&self) -> Option<Target<'_>> {
        target::find(&self.catalog, &self.ingest.spec.target)
    }

    fn numbers(status: &IngestStatus) -> Option<Numbers> {
        Some(Numbers {
            attempt: status.attempt?,
            index_attempt: status.index_attempt,
            segment: status.segment?,
        })
    }

    /// Why an ingest under way can never end: its table is gone.
    fn lost_target(&self, status: &IngestStatus) -> Option<String> {
        if !(IngestPhase::Survey..IngestPhase::Publish).contains(&status.phase) {
            return None;
        }
        let spec = &self.ingest.spec.target;
        let name = format!("{}.{}", spec.database, spec.table);
        match self.target() {
            None => Some(format!("table {name} was deleted")),
            Some(target) if Some(target.incarnation) != status.incarnation => Some(format!(
                "table {name} was deleted and made again: make a new Ingest"
            )),
            Some(_) => None,
        }
    }

    /// The basis of the catalog as it is now.
    fn basis(&self) -> Option<String> {
        self.target().map(|target| target.basis(&self.catalog))
    }

    /// The basis of the loader's survey; `None` for a survey of a former version.
    fn surveyed_basis(loader: &LoaderStatus) -> Option<&str> {
        let mut parts = loader.id.as_deref()?.split(PART_OF_ID);
        let (basis, number) = (parts.nth(1)?, parts.next());
        number.map(|_| basis)
    }

    /// Whether the loader works for this life of the Ingest: a recreated one never meets an old spool.
    fn is_ours(&self, loader: &LoaderStatus) -> bool {
        let uid = self.ingest.uid();
        let id = loader.id.as_deref().and_then(|id| id.split(PART_OF_ID).next());
        id.is_some() && id == uid.as_deref()
    }

    /// The survey request; each survey of an ingest has another number, so that a failed one can be tried again with fresh addresses.
    fn survey(&self, last: Option<&str>) -> Option<Survey> {
        let number = |id: &str| {
            id.rsplit(PART_OF_ID)
                .next()
                .and_then(|number| number.parse::<u64>().ok())
        };
        let next = last.and_then(number).unwrap_or(0) + 1;
        let spec = &self.ingest.spec;
        Some(Survey {
            id: format!(
                "{}{PART_OF_ID}{}{PART_OF_ID}{next}",
                self.ingest.uid().unwrap_or_default(),
                self.basis()?
            ),
            sources: spec.sources.clone(),
            dialect: spec.dialect.clone(),
            fields: spec.fields.clone(),
            target: self.target()?.survey(&self.catalog, self.addresses)?,
            max_rejects: spec.max_rejects,
            positions: spec.positions,
            orphans: spec.orphans,
            misplaced_children: spec.misplaced_children,
            expected_files: None,
        })
    }

    /// The loader's pod, once it runs.
    fn loader(&self) -> Result<Option<LoaderClient>, IngestError> {
        let name = self.ingest.name_any();
        let running = |pod: &&Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            pod.labels().get(job::INGEST_LABEL) == Some(&name)
                && pod.metadata.deletion_timestamp.is_none()
                && phase == Some("Running")
        };
        let newest = self
            .pods
            .iter()
            .filter(running)
            .max_by_key(|pod| pod.creation_timestamp().map(|time| time.0));
        let Some(address) = newest.and_then(|pod| pod.status.as_ref()?.pod_ip.clone()) else {
            return Ok(None);
        };
        Ok(Some(self.context.agents.loader(self.namespace, &address)?))
    }

    /// The loader with a finished survey. A loader that lost its spool is asked to survey again: the phase waits, nothing is undone.
    async fn surveyed_loader(
        &self,
        status: &mut IngestStatus,
    ) -> Result<Option<(LoaderClient, LoaderStatus)>, IngestError> {
        let Some(loader) = self.loader()? else {
            begin::keep_job(self).await?;
            status.message = "waits for the loader's pod".into();
            return Ok(None);
        };
        let now = match loader.status().await {
            Ok(now) => now,
            Err(error) => {
                status.message = format!("waits for the loader: {error}");
                return Ok(None);
            }
        };
        if !self.is_ours(&now) || now.step == LoaderStep::Idle {
            if let Some(survey) = self.survey_again(status, now.id.as_deref()).await {
                loader.survey(&survey).await?;
            }
            status.message = "the loader surveys the sources".into();
            return Ok(None);
        }
        let ready = now.surveyed.is_some() || now.step == LoaderStep::Failed;
        Ok(ready.then_some((loader, now)))
    }

    /// The survey request with the files as an earlier survey of this attempt recorded them at the agents, so that a changed source fails.
    async fn survey_again(&self, status: &IngestStatus, last: Option<&str>) -> Option<Survey> {
        let mut survey = self.survey(last)?;
        if let Some(attempt) = status.attempt {
            for worker in self.addresses.ids() {
                let Ok(agent) = self.fleet().agent(worker) else {
                    continue;
                };
                if let Ok(files) = agent.files(attempt).await
                    && !files.files.is_empty()
                {
                    survey.expected_files = Some(files.files);
                    break;
                }
            }
        }
        Some(survey)
    }
}

/// Copies what a loader reports into the status, and ends the ingest when the loader cannot go on.
fn report(status: &mut IngestStatus, loader: &LoaderStatus) -> Option<Outcome> {
    status.progress = loader.progress.clone();
    status.summary = loader.summary.clone();
    status.reject_samples.clone_from(&loader.reject_samples);
    let error = loader.error.as_ref()?;
    status.message = format!("{}: {}", error.reason, error.message);
    (!error.retry).then(|| Outcome::Failed(status.message.clone()))
}
