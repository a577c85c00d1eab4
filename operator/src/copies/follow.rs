//! Follows the transfers under way: asks their targets for the copies and waits a little for the
//! first that ends.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::stream::{self, FuturesUnordered, StreamExt as _};
use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::{ManifestRow, StartCopy};

use super::apply::{Manifest, Round, TransferError};
use super::plan::Transfers;
use super::tables::Physical;
use crate::agents::AgentError;

/// Manifests that are read at a time: each may have some ten thousand rows.
const MANIFESTS: usize = 8;

/// Target and source.
pub type Pair = (WorkerId, WorkerId);

/// What is asked of targets. Made once for a transfer, from the manifest of its source; may be lost
/// at any time.
#[derive(Debug, Default)]
pub struct Requests(BTreeMap<Pair, StartCopy>);

/// What came of a round.
#[derive(Debug, Default)]
pub struct Followed {
    /// Transfers that have ended, with the rows that are on their targets now.
    pub done: Vec<(Pair, Vec<ManifestRow>)>,
    /// How many failed: they are tried again.
    pub failed: usize,
}

impl Requests {
    /// Asks for all `transfers` at once. Answers with the first that ends and those that end with
    /// it, or when targets have waited long enough.
    pub async fn follow(&mut self, round: &Round<'_>, transfers: &Transfers) -> Followed {
        let mut followed = Followed {
            failed: self.make(round, transfers).await,
            ..Followed::default()
        };
        let ask = |(pair, request): (&Pair, &StartCopy)| {
            let (pair, request) = (*pair, request.clone());
            async move { (pair, round.transfer(pair.0, &request).await) }
        };
        let mut asked: FuturesUnordered<_> = self.0.iter().map(ask).collect();
        loop {
            let answer = if followed.done.is_empty() {
                asked.next().await
            } else {
                asked.next().now_or_never().flatten()
            };
            match answer {
                None => return followed,
                Some((pair, Ok(Some(rows)))) => followed.done.push((pair, rows)),
                Some((_, Ok(None))) => {}
                Some((pair, Err(error))) => {
                    note(round, pair, &error);
                    followed.failed += 1;
                    // The source may have another address or other tables by now.
                    self.0.remove(&pair);
                }
            }
        }
    }

    /// Keeps what is asked for these transfers and makes what is missing; how many could not be
    /// made.
    async fn make(&mut self, round: &Round<'_>, transfers: &Transfers) -> usize {
        self.0.retain(|pair, request| {
            let wanted = transfers.get(pair);
            request.term == round.catalog.term
                && wanted.is_some_and(|transfer| is_of(request, &transfer.tables))
        });
        let new = transfers
            .iter()
            .filter(|(pair, _)| !self.0.contains_key(*pair));
        let new: Vec<_> = new.collect();
        let mut by_source: BTreeMap<WorkerId, BTreeSet<&Physical>> = BTreeMap::new();
        for ((_, source), transfer) in &new {
            by_source
                .entry(*source)
                .or_default()
                .extend(&transfer.tables);
        }
        let read = by_source.into_iter().map(|(source, tables)| async move {
            let read = round.manifest(source).await;
            let wanted = read.map(|mut manifest| {
                manifest.retain(|table, _| tables.contains(table));
                manifest
            });
            (source, wanted)
        });
        let manifests: BTreeMap<WorkerId, Result<Manifest, AgentError>> = stream::iter(read)
            .buffer_unordered(MANIFESTS)
            .collect()
            .await;
        let mut failed = 0;
        for (pair, transfer) in new {
            let made = match manifests.get(&pair.1) {
                Some(Ok(manifest)) => round.request(pair.1, manifest, &transfer.tables).await,
                Some(Err(error)) => Err(TransferError::Manifest(pair.1, error.to_string())),
                None => continue,
            };
            match made {
                Ok(request) => {
                    self.0.insert(*pair, request);
                }
                Err(error) => {
                    note(round, *pair, &error);
                    failed += 1;
                }
            }
        }
        failed
    }
}

/// Whether a request is for just these tables.
fn is_of(request: &StartCopy, tables: &BTreeSet<Physical>) -> bool {
    let asked = request.tables.iter().map(|table| &table.row);
    let asked = asked.map(|row| (row.database.as_str(), row.table.as_str()));
    let wanted = tables
        .iter()
        .map(|(database, table)| (database.as_str(), table.as_str()));
    asked.collect::<BTreeSet<_>>() == wanted.collect()
}

fn note(round: &Round<'_>, (target, source): Pair, error: &TransferError) {
    let namespace = round.namespace;
    tracing::warn!(namespace, target, source, %error, "a copy failed and is tried again");
}
