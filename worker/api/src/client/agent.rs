//! Calls to an agent.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use orrery_archive::catalog::SignedCatalog;
use reqwest::{Body, StatusCode};

use super::https::{Server, json, sent};
use crate::CallError;
use crate::agent::{
    Adopt, CopyStatus, DamagedTables, Drop, Dropped, ExportOrder, IndexEntries, IndexLookup, Info,
    KnownCatalog, Ledger, LoadTarget, Loaded, ManifestPage, ManifestRow, OpenAttempt, PageQuery,
    Sealed, SetState, SourceFiles, StartCopy, Term, Trial, Tried, UnknownTables,
};
use crate::routes::AgentCall;

/// Longest time for a call that makes many tables.
const OPEN: Duration = Duration::from_secs(120);
/// Longest time for a trial, which waits for others before it and for the disk.
const TRIAL: Duration = Duration::from_secs(20);

/// The agent of one worker. A method is an [`AgentCall`].
#[derive(Clone, Debug)]
pub struct AgentClient(Server);

impl AgentClient {
    pub(super) fn new(server: Server) -> Self {
        Self(server)
    }

    /// What it is and has. An error when it speaks no version of the API that this program does.
    pub async fn info(&self) -> Result<Info, CallError> {
        let info: Info = self.0.get(AgentCall::Info, &[]).await?;
        if info.is_understood() {
            Ok(info)
        } else {
            let theirs = info.api_versions;
            Err(CallError::Version { theirs })
        }
    }

    /// Names its fresh data directory, or sets another password of the reader.
    pub async fn adopt(&self, adopt: &Adopt) -> Result<Info, CallError> {
        self.0.ask(AgentCall::Adopt, &[], adopt).await
    }

    /// A page of what it holds.
    pub async fn manifest(&self, page: &PageQuery) -> Result<ManifestPage, CallError> {
        let request = self.0.query(AgentCall::Manifest, &[], page)?;
        json(self.0.brief(request)).await
    }

    /// Tables that no manifest row names.
    pub async fn unknown(&self) -> Result<UnknownTables, CallError> {
        self.0.get(AgentCall::Unknown, &[]).await
    }

    /// Tables that differ from its manifest.
    pub async fn damaged(&self) -> Result<DamagedTables, CallError> {
        self.0.get(AgentCall::Damaged, &[]).await
    }

    /// Moves manifest rows to a state.
    pub async fn set_state(&self, state: &SetState) -> Result<(), CallError> {
        self.0.order(AgentCall::SetState, &[], state).await
    }

    /// Drops tables.
    pub async fn drop(&self, drop: &Drop) -> Result<Dropped, CallError> {
        self.0.ask(AgentCall::Drop, &[], drop).await
    }

    /// Tries whether mysqld takes tables.
    pub async fn try_tables(&self, trial: &Trial) -> Result<Tried, CallError> {
        let request = self.0.request(AgentCall::Trial, &[])?.timeout(TRIAL);
        json(request.json(trial)).await
    }

    /// Makes the staging tables of an attempt; the same request again changes nothing.
    pub async fn open(&self, open: &OpenAttempt) -> Result<(), CallError> {
        let request = self.0.request(AgentCall::Open, &[])?.timeout(OPEN);
        sent(request.json(open)).await.map(drop)
    }

    /// Loads one part of an attempt; `rows` are framed (see [`crate::frame`]).
    pub async fn load(
        &self,
        attempt: u64,
        target: &LoadTarget,
        rows: Body,
    ) -> Result<Loaded, CallError> {
        let request = self.0.query(AgentCall::Load, &[&attempt], target)?;
        json(request.body(rows)).await
    }

    /// Parts of an attempt that it has committed.
    pub async fn ledger(&self, attempt: u64) -> Result<Ledger, CallError> {
        self.0.get(AgentCall::Ledger, &[&attempt]).await
    }

    /// Stores an attempt's list of files.
    pub async fn put_files(&self, attempt: u64, files: &SourceFiles) -> Result<(), CallError> {
        self.0.order(AgentCall::PutFiles, &[&attempt], files).await
    }

    /// An attempt's list of files.
    pub async fn files(&self, attempt: u64) -> Result<SourceFiles, CallError> {
        self.0.get(AgentCall::Files, &[&attempt]).await
    }

    /// Stores an attempt's list of rejects.
    pub async fn put_rejects(&self, attempt: u64, lines: Body) -> Result<(), CallError> {
        let request = self.0.request(AgentCall::PutRejects, &[&attempt])?;
        sent(request.body(lines)).await.map(drop)
    }

    /// An attempt's list of rejects.
    pub async fn rejects(&self, attempt: u64) -> Result<Bytes, CallError> {
        let response = sent(self.0.short(AgentCall::Rejects, &[&attempt])?).await?;
        response.bytes().await.map_err(CallError::unreachable)
    }

    /// Seals an attempt: its manifest rows, or `None` while the agent is still counting.
    pub async fn seal(
        &self,
        attempt: u64,
        term: u64,
    ) -> Result<Option<Vec<ManifestRow>>, CallError> {
        let request = self.0.short(AgentCall::Seal, &[&attempt])?;
        let response = sent(request.json(&Term { term })).await?;
        if response.status() == StatusCode::ACCEPTED {
            return Ok(None);
        }
        let sealed: Sealed = response.json().await.map_err(CallError::unreachable)?;
        Ok(Some(sealed.rows))
    }

    /// Drops an attempt that is not published.
    pub async fn discard(&self, attempt: u64, term: u64) -> Result<(), CallError> {
        self.0
            .order(AgentCall::Discard, &[&attempt], &Term { term })
            .await
    }

    /// Starts a copy, or asks how far it is: the same request again is the same copy. The answer
    /// comes when it has ended, or after a second.
    pub async fn copy(&self, copy: &StartCopy) -> Result<CopyStatus, CallError> {
        self.0.ask(AgentCall::Copy, &[], copy).await
    }

    /// How far a copy is.
    pub async fn copy_status(&self, id: &str) -> Result<CopyStatus, CallError> {
        self.0.get(AgentCall::CopyStatus, &[&id]).await
    }

    /// A table's tablespace as a stream, by the operator's order.
    pub async fn export(
        &self,
        database: &str,
        table: &str,
        order: &ExportOrder,
    ) -> Result<impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static + use<>, CallError>
    {
        let request = self.0.request(AgentCall::Export, &[&database, &table])?;
        Ok(sent(request.json(order)).await?.bytes_stream())
    }

    /// Looks keys up in tables of a director index.
    pub async fn lookup(&self, lookup: &IndexLookup) -> Result<IndexEntries, CallError> {
        self.0.ask(AgentCall::Lookup, &[], lookup).await
    }

    /// Leaves a copy of the catalog.
    pub async fn put_catalog(&self, catalog: &SignedCatalog) -> Result<(), CallError> {
        self.0.order(AgentCall::PutCatalog, &[], catalog).await
    }

    /// The copy of the catalog it holds, if that is newer.
    pub async fn newer_catalog(
        &self,
        known: &KnownCatalog,
    ) -> Result<Option<SignedCatalog>, CallError> {
        let request = self.0.query(AgentCall::Catalog, &[], known)?;
        let response = sent(self.0.brief(request)).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let copy = response.json().await.map_err(CallError::unreachable)?;
        Ok(Some(copy))
    }

    /// The newest copy of the catalog it holds.
    pub async fn catalog(&self) -> Result<SignedCatalog, CallError> {
        self.0.get(AgentCall::Catalog, &[]).await
    }
}
