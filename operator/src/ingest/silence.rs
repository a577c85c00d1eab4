//! Since when agents have not answered for an attempt. Pure.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use orrery_archive::names::WorkerId;

use super::standing::between;

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
    since: Timestamp,
    asked: Timestamp,
}

impl Silences {
    /// Takes in that a worker does not answer for an attempt. Returns since when: one call that
    /// fails after others that did not is the first.
    pub fn silent(&mut self, attempt: u64, worker: WorkerId, now: Timestamp) -> Timestamp {
        self.by_attempt
            .retain(|_, silence| between(silence.asked, now) < FORGOTTEN);
        let begins = Silence {
            since: now,
            asked: now,
        };
        let silence = self.by_attempt.entry((attempt, worker)).or_insert(begins);
        silence.asked = now;
        silence.since
    }

    /// Takes in that it answers.
    pub fn answered(&mut self, attempt: u64, worker: WorkerId) {
        self.by_attempt.remove(&(attempt, worker));
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_agent_is_silent_since_the_first_call_after_its_last_answer() {
        let begin = Timestamp::UNIX_EPOCH;
        let after = |seconds| begin + SignedDuration::from_secs(seconds);
        let mut silences = Silences::default();
        assert_eq!(silences.silent(7, 1, begin), begin);
        assert_eq!(silences.silent(7, 1, after(80)), begin);
        assert_eq!(
            silences.silent(7, 2, after(80)),
            after(80),
            "another worker"
        );
        assert_eq!(
            silences.silent(9, 1, after(80)),
            after(80),
            "another attempt"
        );
        silences.answered(7, 1);
        assert_eq!(silences.silent(7, 1, after(600)), after(600));
        let late = after(600 + FORGOTTEN.as_secs() as i64);
        assert_eq!(
            silences.silent(7, 1, late),
            late,
            "it was not asked meanwhile"
        );
    }
}
