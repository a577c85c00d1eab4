//! How long is waited, and how often something is tried, before an ingest ends. Pure.
//!
//! An ingest holds the turn of its director, so that each trouble has an end: what may pass is
//! tried
//! again after growing pauses, and then the ingest fails with the cause.

use std::time::Duration;

/// How long a loader may be away before its ingest fails.
pub const LOADER: Duration = Duration::from_mins(10);
/// How long it may be away before others of the same director may start.
pub const TURN: Duration = Duration::from_mins(1);
/// Attempts, and surveys, after which an ingest fails.
pub const MOST_TRIES: u32 = 8;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Pause after so many failures.
pub fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repair copies a lost worker's chunks after ten minutes by default.
    #[test]
    fn attempts_last_longer_than_repair_waits_and_not_for_long_after() {
        let all: Duration = (1..MOST_TRIES).map(pause).sum();
        assert!(all > Duration::from_mins(10), "{all:?}");
        assert!(all < Duration::from_mins(30), "{all:?}");
        assert_eq!(pause(1), FIRST_PAUSE);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
