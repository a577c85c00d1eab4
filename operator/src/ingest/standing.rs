//! What an Ingest says of where it stands, pure.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_crds::kinds::{Ingest, IngestPhase};

/// The finalizer of an Ingest whose attempt has rows on workers (see [`super::finalizer`]).
pub const FINALIZER: &str = "orrery.dev/attempt";

/// Whether the object has it.
pub fn is_held(ingest: &Ingest) -> bool {
    ingest.finalizers().iter().any(|held| held == FINALIZER)
}

/// Whether an ingest has a next step at all.
pub fn is_active(ingest: &Ingest) -> bool {
    match phase(ingest) {
        _ if is_held(ingest) => true,
        IngestPhase::Failed => false,
        IngestPhase::Visible => ingest.spec.revoked,
        IngestPhase::Revoked => !ingest.spec.revoked,
        _ => true,
    }
}

/// Since when an ingest is in its phase; unknown before the first status.
pub fn reached(ingest: &Ingest) -> Option<Timestamp> {
    let status = ingest.status.as_ref()?;
    let phase = format!("{:?}", status.phase);
    let mut conditions = status.conditions.iter();
    let reached = conditions.find(|condition| condition.type_ == phase)?;
    Some(reached.last_transition_time.0)
}

/// For how long its loader has been away.
pub fn loader_away_for(ingest: &Ingest, now: Timestamp) -> Duration {
    let since = ingest
        .status
        .as_ref()
        .and_then(|status| status.loader_away_since.as_ref());
    since.map_or(Duration::ZERO, |since| between(since.0, now))
}

/// The time between two instants; none when the clocks of two leaders disagree.
pub fn between(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}

/// The phase of an ingest; one without a status is pending.
pub fn phase(ingest: &Ingest) -> IngestPhase {
    ingest
        .status
        .as_ref()
        .map_or(IngestPhase::Pending, |status| status.phase)
}
