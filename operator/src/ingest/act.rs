//! Carries decisions out: asks the loader and the agents, has the catalog edited, gives orders.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use orrery_archive::catalog::Catalog;
use orrery_archive::names::WorkerId;
use orrery_crds::kinds::Ingest;
use orrery_worker_api::agent::{ManifestRow, OpenAttempt, SetState, SourceFile};
use orrery_worker_api::client::{AgentClient, LoaderClient};
use orrery_worker_api::loader::Survey;

use super::catalog_edit::CatalogEdit;
use super::decision::{Order, Question};
use super::error::IngestError;
use super::observe::{Archive, Loader, Observed, Sealed};
use super::silence::Silences;
use super::standing;
use super::{job, pods, sealing};
use crate::agents::AgentError;
use crate::controller::context::Context;
use crate::field_manager;
use crate::fleet::Fleet;

/// How long a pod may take to start before the cluster's Events are looked at.
const LATE: Duration = Duration::from_secs(5);

/// Acts for the ingests of an archive.
pub struct Actor<'a> {
    /// The operator's tools.
    pub context: &'a Context,
    /// The archive's namespace.
    pub namespace: &'a str,
    /// What is known of it.
    pub archive: &'a Archive,
    /// Its agents that did not answer.
    pub silences: &'a Mutex<Silences>,
}

impl Actor<'_> {
    fn fleet(&self) -> Fleet<'_> {
        Fleet {
            agents: &self.context.agents,
            namespace: self.namespace,
            addresses: &self.archive.addresses,
        }
    }

    /// Finds out, and adds the answer to what is known.
    pub async fn ask(
        &self,
        observed: &mut Observed<'_>,
        question: &Question,
    ) -> Result<(), IngestError> {
        match question {
            Question::Loader => observed.loader = self.loader_status(observed.ingest).await?,
            Question::Seal(attempts) => {
                let sealed = self.seal(attempts, observed.catalog.term);
                observed.sealed = Some(sealed.await);
            }
        }
        Ok(())
    }

    /// Has the catalog edited, and adds what came of it, with the catalog in force, to what is
    /// known.
    pub async fn edit(
        &self,
        observed: &mut Observed<'_>,
        edit: &CatalogEdit,
    ) -> Result<(), IngestError> {
        let apply = |catalog: &Catalog| Ok(edit.apply(catalog));
        let (catalog, written) = self.context.writer.edit(self.namespace, apply).await?;
        observed.catalog = catalog;
        observed.written = Some(written);
        Ok(())
    }

    /// Gives an order.
    pub async fn order(&self, observed: &Observed<'_>, order: &Order) -> Result<(), IngestError> {
        let ingest = observed.ingest;
        match order {
            Order::EnsureJob => self.ensure_job(ingest).await?,
            Order::KeepRejects => self.keep_rejects(ingest).await?,
            Order::EndJob => {
                let name = job::name(&ingest.name_any());
                delete_job(self.context, self.namespace, &name).await?;
            }
            Order::Survey(survey, files_of) => self.survey(ingest, survey, *files_of).await?,
            Order::Load(load) => {
                let loader = self.loader(ingest)?.ok_or(IngestError::NoLoader)?;
                loader.load(load).await?;
            }
            Order::Open(opens) => self.open(opens).await,
            Order::Discard(attempts) => self.discard(attempts, observed.catalog.term).await,
            Order::SetState(state) => self.set_state(state).await,
        }
        Ok(())
    }

    /// The loader's newest pod that runs.
    fn loader(&self, ingest: &Ingest) -> Result<Option<LoaderClient>, AgentError> {
        let name = ingest.name_any();
        let running = |pod: &&Pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            pod.labels().get(job::INGEST_LABEL) == Some(&name)
                && pod.metadata.deletion_timestamp.is_none()
                && phase == Some("Running")
        };
        let pods = self.archive.pods.iter().filter(running);
        let newest = pods.max_by_key(|pod| pod.creation_timestamp().map(|time| time.0));
        let address = newest.and_then(|pod| pod.status.as_ref()?.pod_ip.as_deref());
        address
            .map(|address| self.context.agents.loader(self.namespace, address))
            .transpose()
    }

    async fn loader_status(&self, ingest: &Ingest) -> Result<Loader, IngestError> {
        if let Some(said) = pods::out_of_disk(&ingest.name_any(), &self.archive.pods) {
            return Ok(Loader::DiskFull(said));
        }
        let Some(loader) = self.loader(ingest)? else {
            return Ok(Loader::NoPod(self.obstacle(ingest).await?));
        };
        Ok(match loader.status().await {
            Ok(now) => Loader::Says(Box::new(now)),
            Err(error) => Loader::Silent(error.to_string()),
        })
    }

    /// Why the loader's pod does not run, as the cluster says it: of the pod, or of the Job that
    /// cannot make one. Events are looked at only when the pod is late, because a pod that is being
    /// started has none of use.
    async fn obstacle(&self, ingest: &Ingest) -> Result<Option<String>, kube::Error> {
        let name = ingest.name_any();
        if let Some(why) = pods::obstacle(&name, &self.archive.pods) {
            return Ok(Some(why));
        }
        if standing::loader_away_for(ingest, Timestamp::now()) < LATE {
            return Ok(None);
        }
        let pods = pods::pods_of(&name, &self.archive.pods);
        let objects = pods.map(|pod| ("Pod", pod.name_any()));
        for (kind, object) in objects.chain([("Job", job::name(&name))]) {
            let of =
                format!("involvedObject.kind={kind},involvedObject.name={object},type=Warning");
            let events = self.context.api::<Event>(self.namespace);
            let events = events.list(&ListParams::default().fields(&of)).await?.items;
            let newest = events.into_iter().max_by_key(pods::event_time);
            if let Some(said) = newest.and_then(|event| event.message) {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }

    /// Keeps the list of rejected rows in a ConfigMap that goes with the Ingest, because the
    /// loader's pod goes with its Job.
    async fn keep_rejects(&self, ingest: &Ingest) -> Result<(), IngestError> {
        let lines = match self.loader(ingest)? {
            Some(loader) => loader.rejects().await,
            None => return Ok(()),
        };
        let lines = match lines {
            Ok(lines) if lines.is_empty() => return Ok(()),
            Ok(lines) => lines,
            Err(error) => {
                let name = ingest.name_any();
                tracing::warn!(ingest = name, %error, "the list of rejects is lost with the loader");
                return Ok(());
            }
        };
        let kept = job::rejects(ingest, lines);
        let api = self.context.api::<ConfigMap>(self.namespace);
        match api.create(&field_manager::post(), &kept).await {
            Err(kube::Error::Api(answer)) if answer.code == 409 => Ok(()),
            created => Ok(created.map(drop)?),
        }
    }

    async fn survey(
        &self,
        ingest: &Ingest,
        survey: &Survey,
        files_of: Option<u64>,
    ) -> Result<(), IngestError> {
        let loader = self.loader(ingest)?.ok_or(IngestError::NoLoader)?;
        let expected_files = match files_of {
            Some(attempt) => self.recorded_files(attempt).await,
            None => None,
        };
        let survey = Survey {
            expected_files,
            ..survey.clone()
        };
        Ok(loader.survey(&survey).await?)
    }

    /// The files as an earlier survey of this attempt recorded them at the agents.
    async fn recorded_files(&self, attempt: u64) -> Option<Vec<SourceFile>> {
        for worker in self.archive.addresses.ids() {
            let Ok(agent) = self.fleet().agent(worker) else {
                continue;
            };
            if let Ok(files) = agent.files(attempt).await
                && !files.files.is_empty()
            {
                return Some(files.files);
            }
        }
        None
    }

    async fn seal(
        &self,
        attempts: &BTreeMap<WorkerId, Vec<u64>>,
        term: u64,
    ) -> BTreeMap<WorkerId, Sealed> {
        let calls = attempts.iter().map(|(worker, attempts)| async move {
            let answer = match self.seal_at(*worker, attempts, term).await {
                Ok(Some(rows)) => Ok(Sealed::Rows(rows)),
                Ok(None) => Ok(Sealed::Counting),
                Err(error) => Err(error.to_string()),
            };
            (*worker, attempts, answer)
        });
        let answers = futures::future::join_all(calls).await;
        let mut silences = self.silences.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let heard = answers.into_iter().map(|(worker, attempts, answer)| {
            let answer = match (answer, attempts.first()) {
                (Ok(answer), Some(attempt)) => {
                    silences.answered(*attempt, worker);
                    answer
                }
                (Ok(answer), None) => answer,
                (Err(why), attempt) => {
                    let lasted = attempt.map(|attempt| silences.silent(*attempt, worker, now));
                    // No attempt, no silence before this one.
                    let lasted = lasted.unwrap_or(Duration::ZERO);
                    Sealed::Silent { why, lasted }
                }
            };
            (worker, answer)
        });
        heard.collect()
    }

    /// `None` while the agent is still counting.
    async fn seal_at(
        &self,
        worker: WorkerId,
        attempts: &[u64],
        term: u64,
    ) -> Result<Option<Vec<ManifestRow>>, AgentError> {
        let agent = self.fleet().agent(worker)?;
        Ok(sealing::seal(&agent, attempts, term).await?)
    }

    async fn open(&self, opens: &BTreeMap<WorkerId, Vec<OpenAttempt>>) {
        let open = |worker, agent: AgentClient| async move {
            let mut opened = Ok(());
            for request in opens.get(&worker).into_iter().flatten() {
                opened = opened.and(agent.open(request).await);
            }
            opened
        };
        let workers = opens.keys().copied();
        self.fleet()
            .for_each(workers, "open the attempt", open)
            .await;
    }

    async fn discard(&self, attempts: &[u64], term: u64) {
        let discard = |_, agent: AgentClient| async move {
            let mut discarded = Ok(());
            for attempt in attempts {
                discarded = discarded.and(agent.discard(*attempt, term).await);
            }
            discarded
        };
        let workers = self.archive.addresses.ids();
        self.fleet()
            .for_each(workers, "discard the attempt", discard)
            .await;
    }

    async fn set_state(&self, state: &SetState) {
        let set = |_, agent: AgentClient| async move { agent.set_state(state).await };
        let workers = self.archive.addresses.ids();
        self.fleet()
            .for_each(workers, "set the state of a segment's rows", set)
            .await;
    }

    /// Makes the loader's Job where it is missing, and has one that has ended made again by the
    /// next run: an evicted loader ends in good order, which a Job takes for success, but the
    /// ingest still needs it.
    async fn ensure_job(&self, ingest: &Ingest) -> Result<(), kube::Error> {
        let api = self.context.api::<Job>(self.namespace);
        let wanted = job::build(ingest, &self.context.images);
        let name = wanted.name_any();
        if let Some(held) = api.get_opt(&name).await? {
            if pods::has_ended(&held) {
                tracing::warn!(
                    job = name,
                    "the loader's Job ended too early and is made again"
                );
                delete_job(self.context, self.namespace, &name).await?;
            }
            return Ok(());
        }
        match api.create(&field_manager::post(), &wanted).await {
            Err(kube::Error::Api(answer)) if answer.code == 409 => Ok(()),
            created => created.map(drop),
        }
    }
}

/// Deletes a Job with its pod; one that is not there any more is deleted.
async fn delete_job(context: &Context, namespace: &str, name: &str) -> Result<(), kube::Error> {
    let api = context.api::<Job>(namespace);
    match api.delete(name, &DeleteParams::background()).await {
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
        deleted => deleted.map(drop),
    }
}
