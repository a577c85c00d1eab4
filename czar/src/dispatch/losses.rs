//! Servers lost while a statement ran on them. Pure.
//!
//! Keeps true: a statement that a server may have died of is sent to one other replica, and to no
//! third.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::names::WorkerId;

/// Servers that a unit's statement may be lost with before it is given up.
const MOST: usize = 2;

/// Who was lost with which unit.
#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<usize, BTreeSet<WorkerId>>);

impl Losses {
    /// Notes that `worker` was lost while the statements of `units` ran there; answers the first
    /// unit that is given up now, and the workers that were lost with it.
    pub(super) fn note(
        &mut self,
        units: &[usize],
        worker: WorkerId,
    ) -> Option<(usize, Vec<WorkerId>)> {
        let mut given_up = None;
        for unit in units {
            let lost = self.0.entry(*unit).or_default();
            lost.insert(worker);
            if lost.len() >= MOST && given_up.is_none() {
                given_up = Some((*unit, lost.iter().copied().collect()));
            }
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_two_servers_were_lost_with_goes_to_no_third() {
        let mut losses = Losses::default();
        assert_eq!(losses.note(&[4, 5], 1), None);
        assert_eq!(losses.note(&[4, 5], 1), None, "the same server, back again");
        assert_eq!(losses.note(&[6], 2), None, "another unit");
        assert_eq!(losses.note(&[3, 5], 2), Some((5, vec![1, 2])));
    }
}
