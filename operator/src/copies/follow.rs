//! Follows the transfers under way: asks their targets for the copies and waits a little for the
//! first that ends.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::stream::{self, FuturesUnordered, Stream, StreamExt as _};
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

/// The rows of a copy that has ended, `None` while it is under way.
type Answer = Result<Option<Vec<ManifestRow>>, TransferError>;

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
        let asked: FuturesUnordered<_> = self.0.iter().map(ask).collect();
        let has_ended = |(_, answer): &(Pair, Answer)| matches!(answer, Ok(Some(_)));
        for (pair, answer) in until_one(asked, has_ended).await {
            match answer {
                Ok(Some(rows)) => followed.done.push((pair, rows)),
                Ok(None) => {}
                Err(error) => {
                    note(round, pair, &error);
                    followed.failed += 1;
                    // The source may have another address or other tables by now.
                    self.0.remove(&pair);
                }
            }
        }
        followed
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
                Some(Ok(manifest)) => round.request(*pair, manifest, &transfer.tables).await,
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

/// Answers as they come, up to the first that is waited for and those that are there by then.
async fn until_one<T>(
    mut answers: impl Stream<Item = T> + Unpin,
    is_waited_for: impl Fn(&T) -> bool,
) -> Vec<T> {
    let mut came = Vec::new();
    while let Some(answer) = answers.next().await {
        let is_last = is_waited_for(&answer);
        came.push(answer);
        if is_last {
            break;
        }
    }
    while let Some(answer) = answers.next().now_or_never().flatten() {
        came.push(answer);
    }
    came
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_copy_that_ends_wakes_the_loop_and_takes_along_what_is_there() {
        let asked = |name: &'static str, seconds: u64| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            name
        };
        let asked = [
            asked("under way", 0),
            asked("ended", 2),
            asked("with it", 2),
            asked("late", 60),
        ];
        let asked: FuturesUnordered<_> = asked.into_iter().collect();
        let began = tokio::time::Instant::now();
        let mut came = until_one(asked, |answer| *answer != "under way").await;
        assert_eq!(began.elapsed(), Duration::from_secs(2));
        came.sort_unstable();
        assert_eq!(came, ["ended", "under way", "with it"]);
    }

    #[tokio::test(start_paused = true)]
    async fn when_no_copy_ends_all_answers_are_waited_for() {
        let asked: FuturesUnordered<_> = (0..3).map(std::future::ready).collect();
        assert_eq!(until_one(asked, |_| false).await.len(), 3);
    }
}
