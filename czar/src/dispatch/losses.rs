//! Servers lost while a statement ran on them. Pure.
//!
//! Keeps true: a statement that a server may have died of is sent to one other replica, and to no
//! third. A server that came back at another address was stopped with its pod, by a roll or a
//! drain: the statement had no part in that.

use std::collections::{BTreeMap, HashMap};

use orrery_archive::names::WorkerId;
use orrery_wire::client::Endpoint;

/// Servers that a unit's statement may be lost with before it is given up.
const MOST: usize = 2;

/// Who was lost with which unit, and where that server was.
#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<usize, HashMap<WorkerId, Endpoint>>);

impl Losses {
    /// Notes that `worker` was lost at `endpoint` while the statements of `units` ran there.
    pub(super) fn note(&mut self, units: &[usize], worker: WorkerId, endpoint: &Endpoint) {
        for unit in units {
            let lost = self.0.entry(*unit).or_default();
            lost.insert(worker, endpoint.clone());
        }
    }

    /// The first unit that too many servers were lost with, and these.
    pub(super) fn deadly(&self) -> Option<(usize, Vec<WorkerId>)> {
        let (unit, lost) = self.0.iter().find(|(_, lost)| lost.len() >= MOST)?;
        let mut workers: Vec<WorkerId> = lost.keys().copied().collect();
        workers.sort_unstable();
        Some((*unit, workers))
    }

    /// Forgets servers that are at another address now.
    pub(super) fn forget_replaced(&mut self, now: impl Fn(WorkerId) -> Option<Endpoint>) {
        for lost in self.0.values_mut() {
            lost.retain(|worker, endpoint| now(*worker).is_none_or(|now| now == *endpoint));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &str) -> Endpoint {
        Endpoint::Tcp(place.to_owned())
    }

    #[test]
    fn a_statement_that_two_servers_were_lost_with_goes_to_no_third() {
        let mut losses = Losses::default();
        losses.note(&[4, 5], 1, &at("a"));
        assert_eq!(losses.deadly(), None);
        losses.note(&[4, 5], 1, &at("a"));
        assert_eq!(losses.deadly(), None, "the same server, back again");
        losses.note(&[6], 2, &at("b"));
        assert_eq!(losses.deadly(), None, "another unit");
        losses.note(&[3, 5], 2, &at("b"));
        assert_eq!(losses.deadly(), Some((5, vec![1, 2])));
    }

    #[test]
    fn servers_that_were_replaced_do_not_count() {
        let mut losses = Losses::default();
        losses.note(&[5], 1, &at("a"));
        losses.note(&[5], 2, &at("b"));
        losses.forget_replaced(|_| None);
        assert!(
            losses.deadly().is_some(),
            "a server without an address may have crashed"
        );
        losses.forget_replaced(|worker| Some(at(if worker == 1 { "a" } else { "b" })));
        assert!(losses.deadly().is_some(), "both are where they were");
        losses.forget_replaced(|worker| Some(at(if worker == 1 { "c" } else { "b" })));
        assert_eq!(losses.deadly(), None);
    }
}
