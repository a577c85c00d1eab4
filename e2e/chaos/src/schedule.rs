//! In which order things go wrong: made from the seed alone, so that a red run can be replayed.
//!
//! At most one node and one worker are away at a time: with three copies of each chunk every row
//! stays readable, so an answer that fails or differs is a fault of the archive's.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::faults::{Blow, Control, Fault, Outage, Part, Step, Trouble};

/// Kinds of first faults.
#[derive(Clone, Copy)]
enum Kind {
    Node(Outage),
    Pod(Part, Blow),
    Clock(Part),
    Disk(Trouble),
    Away(Control),
}

const KINDS: [Kind; 24] = [
    Kind::Node(Outage::Off),
    Kind::Node(Outage::Paused),
    Kind::Node(Outage::Cut),
    Kind::Pod(Part::Operator, Blow::Killed),
    Kind::Pod(Part::Operator, Blow::Stopped),
    Kind::Pod(Part::Czar, Blow::Crashed),
    Kind::Pod(Part::Czar, Blow::Stopped),
    Kind::Pod(Part::Czar, Blow::Killed),
    Kind::Pod(Part::Czar, Blow::Deleted),
    Kind::Pod(Part::Proxy, Blow::Crashed),
    Kind::Pod(Part::Proxy, Blow::Killed),
    Kind::Pod(Part::Proxy, Blow::Deleted),
    Kind::Pod(Part::Worker, Blow::Crashed),
    Kind::Pod(Part::Worker, Blow::Stopped),
    Kind::Pod(Part::Worker, Blow::Killed),
    Kind::Clock(Part::Operator),
    Kind::Clock(Part::Czar),
    Kind::Clock(Part::Proxy),
    Kind::Clock(Part::Worker),
    Kind::Clock(Part::Agent),
    Kind::Disk(Trouble::Full),
    Kind::Disk(Trouble::Slow),
    Kind::Away(Control::ApiServer),
    Kind::Away(Control::Etcd),
];

/// A lost disk takes minutes: it comes once in a run.
const ONCE: Kind = Kind::Disk(Trouble::Lost);

/// How far a clock is ahead, in seconds.
const AHEAD: RangeInclusive<i32> = 120..=6 * 3600;
/// How far it is behind. The archive's certificates are valid from an hour before they are made on:
/// who is behind by more trusts no new one, and has to be put right first.
const BEHIND: RangeInclusive<i32> = 120..=55 * 60;

/// The steps of a seed, without end. Every kind of fault comes once before one comes twice.
pub struct Schedule {
    random: ChaCha8Rng,
    nodes: Vec<String>,
    left: Vec<Kind>,
}

impl Schedule {
    /// The steps of `seed` on these nodes, of which there is at least one.
    pub fn new(seed: u64, nodes: Vec<String>) -> Self {
        let mut schedule = Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            nodes,
            left: vec![ONCE],
        };
        schedule.refill();
        schedule
    }

    fn refill(&mut self) {
        self.left.extend(KINDS);
        self.left.shuffle(&mut self.random);
    }

    fn kind(&mut self) -> Option<Kind> {
        if self.left.is_empty() {
            self.refill();
        }
        self.left.pop()
    }

    /// What may happen besides the first fault: nothing that takes a second worker, and nothing
    /// that asks an API server which is away.
    fn second(&mut self, first: Kind) -> Option<Fault> {
        if !self.random.random_bool(0.4) {
            return None;
        }
        let parts = [Part::Operator, Part::Czar, Part::Proxy];
        let part = *parts.choose(&mut self.random)?;
        let blow = match first {
            Kind::Node(_) => Blow::Killed,
            // Two pods of one kind may be all there are.
            Kind::Pod(other, _) | Kind::Clock(other) if other == part => return None,
            Kind::Away(_) | Kind::Pod(..) | Kind::Clock(_) | Kind::Disk(_) => Blow::Crashed,
        };
        let pick = self.pick();
        Some(Fault::Pod { part, pick, blow })
    }

    fn pick(&mut self) -> u32 {
        self.random.random_range(0..1000)
    }

    fn skew(&mut self) -> i32 {
        if self.random.random_bool(0.5) {
            self.random.random_range(AHEAD)
        } else {
            -self.random.random_range(BEHIND)
        }
    }

    fn first(&mut self, kind: Kind) -> Option<Fault> {
        Some(match kind {
            Kind::Node(outage) => Fault::Node(self.nodes.choose(&mut self.random)?.clone(), outage),
            Kind::Pod(part, blow) => Fault::Pod {
                part,
                pick: self.pick(),
                blow,
            },
            Kind::Clock(part) => Fault::Clock {
                part,
                pick: self.pick(),
                seconds: self.skew(),
            },
            Kind::Disk(trouble) => Fault::Disk {
                pick: self.pick(),
                trouble,
            },
            Kind::Away(control) => Fault::Away(control),
        })
    }
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let kind = self.kind()?;
        let fault = self.first(kind)?;
        // Pods are looked up through the API server, so that goes last.
        let mut faults: Vec<Fault> = self.second(kind).into_iter().collect();
        faults.push(fault);
        Some(Step {
            faults,
            hold: Duration::from_secs(self.random.random_range(8..35)),
            rest: Duration::from_secs(self.random.random_range(2..8)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(seed: u64) -> Vec<Step> {
        let nodes = ["n1", "n2", "n3"].map(str::to_owned).to_vec();
        Schedule::new(seed, nodes).take(200).collect()
    }

    #[test]
    fn a_seed_gives_the_same_steps_again_and_another_seed_others() {
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn a_step_takes_at_most_one_worker_away() {
        for step in (0..50).flat_map(steps) {
            let takes = |fault: &&Fault| match fault {
                Fault::Node(..) | Fault::Disk { .. } => true,
                Fault::Pod { part, .. } | Fault::Clock { part, .. } => part.component() == "worker",
                Fault::Away(_) => false,
            };
            assert!(step.faults.iter().filter(takes).count() <= 1, "{step}");
        }
    }

    #[test]
    fn nothing_is_deleted_in_a_step_without_an_api_server() {
        for step in (0..50).flat_map(steps) {
            let away = step
                .faults
                .iter()
                .any(|fault| matches!(fault, Fault::Away(_)));
            let deleted = |fault: &Fault| match fault {
                Fault::Pod { blow, .. } => matches!(blow, Blow::Killed | Blow::Deleted),
                Fault::Disk { trouble, .. } => *trouble == Trouble::Lost,
                _ => false,
            };
            assert!(!away || !step.faults.iter().any(deleted), "{step}");
        }
    }

    #[test]
    fn every_kind_of_fault_comes_before_one_comes_twice() {
        let first = |step: &Step| match step.faults.last() {
            Some(Fault::Node(_, outage)) => format!("{outage:?}"),
            Some(Fault::Pod { part, blow, .. }) => format!("{part:?} {blow:?}"),
            Some(Fault::Clock { part, .. }) => format!("clock {part:?}"),
            Some(Fault::Disk { trouble, .. }) => format!("{trouble:?}"),
            Some(Fault::Away(control)) => format!("{control:?}"),
            None => String::new(),
        };
        let all = KINDS.len() + 1;
        let mut seen: Vec<String> = steps(3).iter().take(all).map(first).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }

    #[test]
    fn a_disk_is_lost_once_in_a_run() {
        for seed in 0..50 {
            let lost = |fault: &Fault| matches!(fault, Fault::Disk { trouble, .. } if *trouble == Trouble::Lost);
            let count = steps(seed)
                .iter()
                .filter(|step| step.faults.iter().any(lost))
                .count();
            assert_eq!(count, 1, "seed {seed}");
        }
    }

    #[test]
    fn clocks_are_skewed_both_ways_and_behind_by_less_than_an_hour() {
        let faults = (0..50).flat_map(steps).flat_map(|step| step.faults);
        let skews: Vec<i32> = faults
            .filter_map(|fault| match fault {
                Fault::Clock { seconds, .. } => Some(seconds),
                _ => None,
            })
            .collect();
        assert!(skews.iter().any(|seconds| *seconds > 3600));
        assert!(skews.iter().any(|seconds| *seconds < -1800));
        assert!(
            skews
                .iter()
                .all(|seconds| *seconds > -3600 && seconds.abs() >= 60)
        );
    }
}
