//! What was disturbed, and when: a statement that fails at a proxy which was itself hit is no fault
//! of the archive's.

use std::time::Instant;

use parking_lot::Mutex;

/// What can be hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Node(String),
    Pod(String),
}

/// One disturbance; without an end while it lasts.
struct Disturbance {
    target: Target,
    end: Option<Instant>,
}

/// All disturbances of a run.
#[derive(Default)]
pub struct Ledger(Mutex<Vec<Disturbance>>);

impl Ledger {
    /// Something is hit from now on.
    pub fn begin(&self, target: Target) {
        self.0.lock().push(Disturbance { target, end: None });
    }

    /// It is whole again. What ended before keeps its end.
    pub fn end(&self, target: &Target) {
        for disturbance in self.0.lock().iter_mut() {
            if disturbance.target == *target && disturbance.end.is_none() {
                disturbance.end = Some(Instant::now());
            }
        }
    }

    /// Whether a pod on a node was hit at any time since `since`.
    pub fn hit(&self, pod: &str, node: &str, since: Instant) -> bool {
        self.0.lock().iter().any(|disturbance| {
            let it = match &disturbance.target {
                Target::Node(name) => name == node,
                Target::Pod(name) => name == pod,
            };
            it && disturbance.end.is_none_or(|end| end >= since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_before_excuses_nothing_later() {
        let ledger = Ledger::default();
        let node = Target::Node("n1".to_owned());
        assert!(!ledger.hit("p", "n1", Instant::now()));
        let before = Instant::now();
        ledger.begin(node.clone());
        assert!(ledger.hit("p", "n1", Instant::now()));
        assert!(!ledger.hit("p", "n2", Instant::now()));
        ledger.end(&node);
        assert!(ledger.hit("p", "n1", before));
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(!ledger.hit("p", "n1", Instant::now()));
    }

    #[test]
    fn a_pod_is_hit_by_its_name_on_any_node() {
        let ledger = Ledger::default();
        ledger.begin(Target::Pod("p".to_owned()));
        assert!(ledger.hit("p", "n2", Instant::now()));
        assert!(!ledger.hit("q", "n2", Instant::now()));
    }
}
