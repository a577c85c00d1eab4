//! What to do with the Lease, given what it says and how long it has said so. Pure.
//!
//! Clocks of different machines are never compared: a holder counts as gone when the Lease has not
//! changed for its duration by *our* monotonic clock.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;

/// What a candidate does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write ourselves as the holder, with this number of transitions.
    Take {
        /// Changes of holder, ours included.
        transitions: i32,
    },
    /// We hold it: renew it.
    Renew {
        /// Changes of holder so far.
        transitions: i32,
    },
    /// Somebody else holds it; look again within this time.
    Wait(Duration),
}

/// The step of candidate `me` when `lease` (absent: there is none) has not changed for `unchanged`.
///
/// A candidate that finds its own name after a restart takes the Lease again, with another
/// transition: its former life may have left calls under way, and a new term refuses them.
pub fn step(lease: Option<&LeaseSpec>, me: &str, leading: bool, unchanged: Duration) -> Step {
    let Some(lease) = lease else {
        return Step::Take { transitions: 1 };
    };
    // One that was never handed on has no transitions.
    let transitions = lease.lease_transitions.unwrap_or(0).max(0);
    let take = Step::Take {
        transitions: transitions.saturating_add(1),
    };
    let holder = lease.holder_identity.as_deref();
    let Some(holder) = holder.filter(|holder| !holder.is_empty()) else {
        return take;
    };
    if holder == me {
        return if leading {
            Step::Renew { transitions }
        } else {
            take
        };
    }
    let seconds = lease
        .lease_duration_seconds
        .unwrap_or(1)
        .max(1)
        .unsigned_abs();
    let duration = Duration::from_secs(seconds.into());
    match duration.checked_sub(unchanged) {
        Some(left) if !left.is_zero() => Step::Wait(left),
        _ => take,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::coordination::v1::LeaseSpec;

    use super::{Step, step};

    const FRESH: Duration = Duration::ZERO;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.into()),
            lease_duration_seconds: Some(15),
            lease_transitions: Some(4),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_missing_or_released_lease_is_taken() {
        assert_eq!(step(None, "a", false, FRESH), Step::Take { transitions: 1 });
        assert_eq!(
            step(Some(&held_by("")), "a", false, FRESH),
            Step::Take { transitions: 5 }
        );
    }

    #[test]
    fn a_standby_waits_while_the_holder_renews() {
        let lease = held_by("b");
        assert_eq!(
            step(Some(&lease), "a", false, Duration::from_secs(6)),
            Step::Wait(Duration::from_secs(9))
        );
    }

    #[test]
    fn a_silent_holder_is_succeeded_with_another_transition() {
        let lease = held_by("b");
        assert_eq!(
            step(Some(&lease), "a", false, Duration::from_secs(15)),
            Step::Take { transitions: 5 }
        );
    }

    #[test]
    fn the_leader_renews_without_a_transition() {
        assert_eq!(
            step(Some(&held_by("a")), "a", true, FRESH),
            Step::Renew { transitions: 4 }
        );
    }

    #[test]
    fn a_restarted_leader_gets_a_new_transition() {
        assert_eq!(
            step(Some(&held_by("a")), "a", false, FRESH),
            Step::Take { transitions: 5 }
        );
    }

    #[test]
    fn a_lease_without_a_duration_is_not_held_for_ever() {
        let lease = LeaseSpec {
            lease_duration_seconds: None,
            ..held_by("b")
        };
        assert_eq!(
            step(Some(&lease), "a", false, Duration::from_secs(2)),
            Step::Take { transitions: 5 }
        );
    }
}
