//! Asks agents to copy, and lists a copy in the catalog when it is complete and verified.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::Catalog;
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::{
    CopyTable, ExportOrder, ManifestRow, RowState, SetState, StartCopy,
};
use orrery_worker_api::client::AgentClient;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::plan::Transfer;
use super::tables::{self, Physical};
use crate::agents::AgentError;
use crate::catalog::edit;
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;
use crate::fleet::{Addresses, Fleet};
use crate::secrets;

/// Seconds that an order to hand out a table holds: a copy that takes longer fails, and is tried again
/// with another order.
const ORDER_SECONDS: i64 = 86_400;
/// Why a transfer was not begun or looked at.
#[derive(Debug, Error)]
pub enum TransferError {
    /// An agent was not reached, or refused.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// The source lacks a table: no incomplete copy is made.
    #[error("worker {worker} lacks {database}.{table}")]
    Lacks {
        /// Source.
        worker: WorkerId,
        /// Physical database.
        database: String,
        /// Physical table.
        table: String,
    },
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] ReconcileError),
    /// The first key is not made yet.
    #[error("there is no key to sign orders with yet")]
    NoKey,
    /// What a source holds was not read.
    #[error("the manifest of worker {0} was not read: {1}")]
    Manifest(WorkerId, String),
    /// The target's agent gave the copy up.
    #[error("worker {0} could not copy: {1}")]
    Failed(WorkerId, String),
    /// The target says that it has all, but not what the source has.
    #[error("worker {worker} has other rows in {database}.{table} than its source")]
    Differs {
        /// Target.
        worker: WorkerId,
        /// Physical database.
        database: String,
        /// Physical table.
        table: String,
    },
}

/// What a worker holds, by table.
pub type Manifest = BTreeMap<Physical, ManifestRow>;

/// What every copy of a round is made with.
pub struct Round<'a> {
    /// The operator's tools.
    pub context: &'a Context,
    /// Archive.
    pub namespace: &'a str,
    /// The catalog.
    pub catalog: &'a Catalog,
    /// Where the agents are.
    pub addresses: Addresses,
}

impl Round<'_> {
    fn url(&self, worker: WorkerId) -> Result<String, AgentError> {
        let url = self.addresses.url(worker);
        url.ok_or_else(|| AgentError::NoAddress(format!("worker {worker}")))
    }

    /// The agent of a worker.
    pub fn agent(&self, worker: WorkerId) -> Result<AgentClient, AgentError> {
        self.fleet().agent(worker)
    }

    fn fleet(&self) -> Fleet<'_> {
        Fleet {
            agents: &self.context.agents,
            namespace: self.namespace,
            addresses: &self.addresses,
        }
    }

    /// What a worker holds, without what it was asked to delete.
    pub async fn manifest(&self, worker: WorkerId) -> Result<Manifest, AgentError> {
        let rows = self.fleet().manifest(worker).await?.into_iter();
        Ok(rows
            .map(|row| ((row.database.clone(), row.table.clone()), row))
            .collect())
    }

    /// What is asked of `target` for a copy from `source`. Always the whole list: the same request is the same
    /// copy, however far it is. An error when the source lacks a table, so that no incomplete copy
    /// is made.
    pub async fn request(
        &self,
        (target, source): (WorkerId, WorkerId),
        held: &Manifest,
        tables: &BTreeSet<Physical>,
    ) -> Result<StartCopy, TransferError> {
        let row = |table: &Physical| {
            held.get(table).ok_or_else(|| TransferError::Lacks {
                worker: source,
                database: table.0.clone(),
                table: table.1.clone(),
            })
        };
        let wanted: Vec<&ManifestRow> = tables.iter().map(row).collect::<Result<_, _>>()?;
        Ok(StartCopy {
            term: self.catalog.term,
            id: copy_id(self.catalog.term, source, &wanted),
            source: self.url(source)?,
            creates: tables::creates(self.catalog, tables),
            placement_epoch: self.catalog.epochs.placement,
            tables: self.ordered((source, target), &wanted).await?,
        })
    }

    /// Starts a copy, or waits a little for its end; its rows once all are on the target and equal
    /// to the source's. It is asked for also when all is there: from then on the target refuses what
    /// a former leader decided.
    pub async fn transfer(
        &self,
        target: WorkerId,
        request: &StartCopy,
    ) -> Result<Option<Vec<ManifestRow>>, TransferError> {
        let copied = self.agent(target)?.copy(request).await;
        let status = copied.map_err(AgentError::from)?;
        if let Some(error) = status.error {
            return Err(TransferError::Failed(target, error));
        }
        if status.left > 0 {
            return Ok(None);
        }
        let done: BTreeMap<(&str, &str), &ManifestRow> = status
            .done
            .iter()
            .map(|row| ((row.database.as_str(), row.table.as_str()), row))
            .collect();
        let wanted: Vec<ManifestRow> = request
            .tables
            .iter()
            .map(|table| table.row.clone())
            .collect();
        let differs = wanted.iter().find(|row| {
            let held = done.get(&(row.database.as_str(), row.table.as_str()));
            held.is_none_or(|held| !held.same_rows(row))
        });
        match differs {
            None => Ok(Some(wanted)),
            Some(row) => Err(TransferError::Differs {
                worker: target,
                database: row.database.clone(),
                table: row.table.clone(),
            }),
        }
    }

    /// The tables of a copy, each with the order by which the source hands it out to the target.
    async fn ordered(
        &self,
        between: (WorkerId, WorkerId),
        wanted: &[&ManifestRow],
    ) -> Result<Vec<CopyTable>, TransferError> {
        let keys = secrets::signing_keys(self.context, self.namespace).await?;
        let now = Timestamp::now();
        let key = keys.signer(now).ok_or(TransferError::NoKey)?;
        let until = now.as_second() + ORDER_SECONDS;
        let table = |row: &&ManifestRow| {
            let name = (row.database.as_str(), row.table.as_str());
            CopyTable {
                row: contents(row),
                order: ExportOrder::sign(key, &self.catalog.archive_uid, between, name, until),
            }
        };
        Ok(wanted.iter().map(table).collect())
    }

    /// Lists the target for every chunk whose full set, as the catalog has it at the moment of the
    /// write, is among the verified tables.
    pub async fn publish(
        &self,
        target: WorkerId,
        transfer: &Transfer,
        done: &[ManifestRow],
    ) -> Result<(), ReconcileError> {
        let verified: BTreeSet<Physical> = done
            .iter()
            .map(|row| (row.database.clone(), row.table.clone()))
            .collect();
        let change = |catalog: &Catalog| {
            let mut next: Option<Catalog> = None;
            for (family, chunk) in &transfer.chunks {
                let base = next.as_ref().unwrap_or(catalog);
                if tables::chunk_tables(base, family, *chunk).is_subset(&verified)
                    && let Some(listed) = edit::arrive(base, family, *chunk, target)?
                {
                    next = Some(listed);
                }
            }
            Ok(next)
        };
        self.context.writer.change(self.namespace, change).await?;
        self.tell_published(target, done).await;
        Ok(())
    }

    /// Has a worker mark what it copied as published, as far as the catalog publishes it.
    pub async fn tell_published(&self, target: WorkerId, done: &[ManifestRow]) {
        // A copy of a revoked segment stays sealed until the segment comes back.
        let published: BTreeSet<u64> = tables::published(self.catalog);
        let segments: BTreeSet<u64> = done.iter().map(|row| row.segment).collect();
        let segments: BTreeSet<u64> = segments.intersection(&published).copied().collect();
        let request = SetState {
            term: self.catalog.term,
            epochs: self.catalog.epochs,
            segments: segments.into_iter().collect(),
            state: RowState::Published,
        };
        let set = |_, agent: AgentClient| {
            let request = &request;
            async move { agent.set_state(request).await }
        };
        self.fleet()
            .for_each([target], "set the state of copied rows", set)
            .await;
    }
}

/// A row without what may change at the source while it is copied.
fn contents(row: &ManifestRow) -> ManifestRow {
    ManifestRow {
        state: RowState::Sealed,
        epoch: 0,
        ..row.clone()
    }
}

/// The same tables from the same source are the same copy in a term. Another leader asks anew, so
/// that nothing is taken for done that was done under a former one.
fn copy_id(term: u64, source: WorkerId, rows: &[&ManifestRow]) -> String {
    let mut digest = Sha256::new();
    digest.update(term.to_be_bytes());
    digest.update(source.to_be_bytes());
    for row in rows {
        digest.update(format!("{}.{}:{}\n", row.database, row.table, row.checksum));
    }
    hex::encode(&digest.finalize()[..12])
}
