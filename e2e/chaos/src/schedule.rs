//! What goes wrong, and in which order: made from the seed alone, so that a red run can be replayed.
//!
//! At most one node and one worker are away at a time: with three copies of each chunk every row
//! stays readable, so an answer that fails or differs is a fault of the archive's.

use std::fmt;
use std::time::Duration;

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A kind of pods of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Operator,
    Czar,
    Proxy,
    Worker,
}

impl Part {
    /// Value of the label `app.kubernetes.io/component`.
    pub fn component(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Czar => "czar",
            Self::Proxy => "proxy",
            Self::Worker => "worker",
        }
    }

    /// What the command line of its program matches; a worker's is its mysqld.
    pub fn program(self) -> &'static str {
        match self {
            Self::Operator => "^orrery-operator",
            Self::Czar => "^orrery-czar",
            Self::Proxy => "^orrery-proxy",
            Self::Worker => "mariadbd",
        }
    }
}

/// What happens to a node while a step holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Its plug is pulled.
    Off,
    /// Its processes stand still.
    Paused,
    /// Its network cable is pulled.
    Cut,
}

/// What happens to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// Its program gets SIGKILL; the kubelet starts it again in the same pod.
    Crashed,
    /// Its program stands still while the step holds.
    Stopped,
    /// The pod is deleted without grace.
    Killed,
    /// The pod is deleted as in a roll-out.
    Deleted,
}

/// A part of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    ApiServer,
    Etcd,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node, by its name.
    Node(String, Outage),
    /// The pod `pick` modulo their number, in the order of names; of operators the leader.
    Pod { part: Part, pick: u32, blow: Blow },
    /// A part of the control plane is away while the step holds.
    Away(Control),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node, outage) => write!(out, "node {node} {outage:?}"),
            Self::Pod { part, pick, blow } => write!(out, "{part:?} {pick} {blow:?}"),
            Self::Away(control) => write!(out, "{control:?} away"),
        }
    }
}

/// Faults that begin together, hold, and end; then a rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub faults: Vec<Fault>,
    /// From the last blow until everything is put back.
    pub hold: Duration,
    /// From the moment that the archive is whole again until the next step.
    pub rest: Duration,
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.faults.iter().map(Fault::to_string).collect();
        write!(
            out,
            "{} for {} s",
            faults.join(" and "),
            self.hold.as_secs()
        )
    }
}

/// Kinds of first faults.
#[derive(Clone, Copy)]
enum Kind {
    Node(Outage),
    Pod(Part, Blow),
    Away(Control),
}

const KINDS: [Kind; 17] = [
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
    Kind::Away(Control::ApiServer),
    Kind::Away(Control::Etcd),
];

/// The steps of a seed, without end. Every kind of fault comes once before one comes twice.
pub struct Schedule {
    random: ChaCha8Rng,
    nodes: Vec<String>,
    left: Vec<Kind>,
}

impl Schedule {
    /// The steps of `seed` on these nodes, of which there is at least one.
    pub fn new(seed: u64, nodes: Vec<String>) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            nodes,
            left: Vec::new(),
        }
    }

    fn kind(&mut self) -> Option<Kind> {
        if self.left.is_empty() {
            self.left = KINDS.to_vec();
            self.left.shuffle(&mut self.random);
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
            Kind::Pod(other, _) if other == part => return None,
            Kind::Away(_) | Kind::Pod(..) => Blow::Crashed,
        };
        Some(self.pod(part, blow))
    }

    fn pod(&mut self, part: Part, blow: Blow) -> Fault {
        let pick = self.random.random_range(0..1000);
        Fault::Pod { part, pick, blow }
    }
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let first = self.kind()?;
        let fault = match first {
            Kind::Node(outage) => Fault::Node(self.nodes.choose(&mut self.random)?.clone(), outage),
            Kind::Pod(part, blow) => self.pod(part, blow),
            Kind::Away(control) => Fault::Away(control),
        };
        // Pods are looked up through the API server, so that goes last.
        let mut faults: Vec<Fault> = self.second(first).into_iter().collect();
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
                Fault::Node(..) => true,
                Fault::Pod { part, .. } => *part == Part::Worker,
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
            Some(Fault::Away(control)) => format!("{control:?}"),
            None => String::new(),
        };
        let mut seen: Vec<String> = steps(3).iter().take(KINDS.len()).map(first).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), KINDS.len());
    }
}
