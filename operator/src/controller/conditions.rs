//! Conditions of our objects: set without losing the time of the last transition.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// `Accepted`: the spec is sound and in force.
pub const ACCEPTED: &str = "Accepted";
/// `Available`: it does what it is for.
pub const AVAILABLE: &str = "Available";
/// `Progressing`: it is on its way to what the spec asks for.
pub const PROGRESSING: &str = "Progressing";
/// `Degraded`: something that worked does not.
pub const DEGRADED: &str = "Degraded";

/// `CatalogBehind`: no catalog is written, because workers hold what it does not know, or because a
/// newer version wrote it.
pub const CATALOG_BEHIND: &str = "CatalogBehind";

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    True,
    /// It does not.
    False,
    /// It cannot be said yet.
    Unknown,
}

impl Truth {
    /// As a condition's status says it.
    fn word(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A statement about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the condition holds.
    pub truth: Truth,
    /// Machine-readable reason in CamelCase.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl Finding {
    /// The condition holds.
    pub fn met(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::True,
            reason,
            message: message.into(),
        }
    }

    /// The condition does not hold.
    pub fn unmet(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::False,
            reason,
            message: message.into(),
        }
    }

    /// Whether the condition holds cannot be said yet.
    pub fn unknown(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            truth: Truth::Unknown,
            reason,
            message: message.into(),
        }
    }

    /// Whether the condition is known to hold.
    pub fn holds(&self) -> bool {
        self.truth == Truth::True
    }
}

/// Sets the condition `kind`, keeping its transition time unless the status turned.
pub fn set(
    conditions: &mut Vec<Condition>,
    kind: &str,
    finding: &Finding,
    generation: Option<i64>,
    now: Timestamp,
) {
    let status = finding.truth.word();
    let fresh = Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: finding.reason.to_owned(),
        message: finding.message.clone(),
        observed_generation: generation,
        last_transition_time: Time(now),
    };
    match conditions
        .iter_mut()
        .find(|condition| condition.type_ == kind)
    {
        Some(old) => {
            let since = if old.status == status {
                old.last_transition_time.clone()
            } else {
                fresh.last_transition_time.clone()
            };
            *old = Condition {
                last_transition_time: since,
                ..fresh
            };
        }
        None => conditions.push(fresh),
    }
}

/// Takes the condition `kind` away.
pub fn clear(conditions: &mut Vec<Condition>, kind: &str) {
    conditions.retain(|condition| condition.type_ != kind);
}

/// Whether the condition `kind` is `True`.
pub fn holds(conditions: &[Condition], kind: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition.type_ == kind && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::{SignedDuration, Timestamp};

    use super::{ACCEPTED, Finding, clear, holds, set};

    #[test]
    fn transition_time_moves_only_when_the_status_turns() {
        let start = Timestamp::UNIX_EPOCH;
        let later = start + SignedDuration::from_secs(60);
        let mut conditions = Vec::new();
        set(
            &mut conditions,
            ACCEPTED,
            &Finding::unmet("PoolMissing", "no pool"),
            Some(1),
            start,
        );
        set(
            &mut conditions,
            ACCEPTED,
            &Finding::unmet("TooFewWorkers", "2 of 3"),
            Some(2),
            later,
        );
        assert_eq!(conditions[0].last_transition_time.0, start);
        assert_eq!(conditions[0].reason, "TooFewWorkers");
        assert_eq!(conditions[0].observed_generation, Some(2));
        set(
            &mut conditions,
            ACCEPTED,
            &Finding::met("Accepted", ""),
            Some(2),
            later,
        );
        assert_eq!(conditions[0].last_transition_time.0, later);
        assert!(holds(&conditions, ACCEPTED));
        assert_eq!(conditions.len(), 1);
        clear(&mut conditions, ACCEPTED);
        assert!(conditions.is_empty());
    }
}
