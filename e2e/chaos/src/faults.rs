//! What can go wrong, and what one step is made of.

use std::fmt;
use std::time::Duration;

/// A program of the archive; one runs in each pod, but for workers', which have two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Operator,
    Czar,
    Proxy,
    /// A worker's mysqld.
    Worker,
    /// A worker's agent.
    Agent,
}

impl Part {
    /// Value of the label `app.kubernetes.io/component` of its pods.
    pub fn component(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Czar => "czar",
            Self::Proxy => "proxy",
            Self::Worker | Self::Agent => "worker",
        }
    }

    /// What its command line matches.
    pub fn program(self) -> &'static str {
        match self {
            Self::Operator => "^orrery-operator",
            Self::Czar => "^orrery-czar",
            Self::Proxy => "^orrery-proxy",
            Self::Worker => "mariadbd",
            Self::Agent => "^orrery-agent",
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

/// What happens to the disk of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It takes no byte more while the step holds.
    Full,
    /// It reads and writes little in a second while the step holds.
    Slow,
    /// It is gone with all that it held; the step ends when another one is in its place.
    Lost,
}

/// A part of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    ApiServer,
    Etcd,
}

/// One thing that goes wrong. A `pick` means the pod of that number modulo how many there are, in
/// the order of names; of operators the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node, by its name.
    Node(String, Outage),
    Pod {
        part: Part,
        pick: u32,
        blow: Blow,
    },
    /// The wall clock of one program is that many seconds ahead while the step holds; behind, when
    /// they are negative. Its monotonic clock is right.
    Clock {
        part: Part,
        pick: u32,
        seconds: i32,
    },
    Disk {
        pick: u32,
        trouble: Trouble,
    },
    /// A part of the control plane is away while the step holds.
    Away(Control),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node, outage) => write!(out, "node {node} {outage:?}"),
            Self::Pod { part, pick, blow } => write!(out, "{part:?} {pick} {blow:?}"),
            Self::Clock {
                part,
                pick,
                seconds,
            } => write!(out, "clock of {part:?} {pick} {seconds:+} s"),
            Self::Disk { pick, trouble } => write!(out, "disk of Worker {pick} {trouble:?}"),
            Self::Away(control) => write!(out, "{control:?} away"),
        }
    }
}

/// How long a lost disk takes until another one is in its place, and has its rows.
const REPLACED: Duration = Duration::from_secs(300);

/// Faults that begin together, hold, and end; then a rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub faults: Vec<Fault>,
    /// From the last blow until everything is put back.
    pub hold: Duration,
    /// From the moment that the archive is whole again until the next step.
    pub rest: Duration,
}

impl Step {
    /// Why a step cannot be done on a machine of the architecture `machine`, in a run of which the
    /// time `left` remains.
    pub fn left_out(&self, machine: &str, left: Duration) -> Option<&'static str> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Clock { .. } if machine != "x86_64" => {
                Some("clocks are skewed on x86-64 machines alone")
            }
            Fault::Disk {
                trouble: Trouble::Lost,
                ..
            } if left < REPLACED => Some("it takes longer than the run"),
            _ => None,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn step(fault: Fault) -> Step {
        Step {
            faults: vec![Fault::Away(Control::Etcd), fault],
            hold: Duration::from_secs(8),
            rest: Duration::from_secs(2),
        }
    }

    #[test]
    fn a_disk_is_lost_only_when_the_time_left_is_enough() {
        let lost = |trouble| step(Fault::Disk { pick: 1, trouble });
        let short = Duration::from_secs(90);
        assert!(lost(Trouble::Lost).left_out("x86_64", short).is_some());
        assert_eq!(lost(Trouble::Lost).left_out("x86_64", REPLACED), None);
        assert_eq!(lost(Trouble::Full).left_out("x86_64", short), None);
    }

    #[test]
    fn clocks_of_other_machines_are_left_alone() {
        let clock = step(Fault::Clock {
            part: Part::Czar,
            pick: 1,
            seconds: -60,
        });
        assert_eq!(clock.left_out("x86_64", Duration::ZERO), None);
        assert!(clock.left_out("aarch64", REPLACED).is_some());
    }
}
