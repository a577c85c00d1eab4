//! For how long agents have not answered for an attempt. Pure. The wall clock would not do: when it is
//! set forward, one call that fails looks like hours of silence.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use orrery_archive::names::WorkerId;

/// What was not asked about for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// The agents of one archive that did not answer when they were asked last. Another leader begins
/// without them, and waits longer.
#[derive(Debug, Default)]
pub struct Silences {
    by_attempt: HashMap<(u64, WorkerId), Silence>,
}

#[derive(Debug)]
struct Silence {
    since: Instant,
    asked: Instant,
}

impl Silences {
    /// Takes in that a worker does not answer for an attempt. Returns for how long: one call that
    /// fails after others that did not is the first.
    pub fn silent(&mut self, attempt: u64, worker: WorkerId, now: Instant) -> Duration {
        self.by_attempt
            .retain(|_, silence| now.duration_since(silence.asked) < FORGOTTEN);
        let begins = Silence {
            since: now,
            asked: now,
        };
        let silence = self.by_attempt.entry((attempt, worker)).or_insert(begins);
        silence.asked = now;
        now.duration_since(silence.since)
    }

    /// Takes in that it answers.
    pub fn answered(&mut self, attempt: u64, worker: WorkerId) {
        self.by_attempt.remove(&(attempt, worker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_silent_since_the_first_call_after_its_last_answer() {
        let (seconds, none) = (Duration::from_secs, Duration::ZERO);
        let begin = Instant::now();
        let after = |many| begin + seconds(many);
        let mut silences = Silences::default();
        assert_eq!(silences.silent(7, 1, begin), none);
        assert_eq!(silences.silent(7, 1, after(80)), seconds(80));
        assert_eq!(silences.silent(7, 2, after(80)), none, "another worker");
        assert_eq!(silences.silent(9, 1, after(80)), none, "another attempt");
        silences.answered(7, 1);
        assert_eq!(silences.silent(7, 1, after(600)), none);
        let late = after(600) + FORGOTTEN;
        assert_eq!(
            silences.silent(7, 1, late),
            none,
            "it was not asked meanwhile"
        );
    }
}
