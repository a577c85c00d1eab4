//! What came of the statements.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Counts of a run, and its clock.
pub struct Tally {
    began: Instant,
    queries: AtomicU64,
    wrong: AtomicU64,
    lost: AtomicU64,
    failed: AtomicU64,
    excused: AtomicU64,
    seed: u64,
}

impl Tally {
    pub fn new(seed: u64) -> Self {
        Self {
            began: Instant::now(),
            queries: AtomicU64::new(0),
            wrong: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            seed,
        }
    }

    /// Prints a line with the seconds since the run began.
    pub fn say(&self, words: impl fmt::Display) {
        println!("{:7.1} {words}", self.began.elapsed().as_secs_f64());
    }

    /// A statement was answered.
    pub fn answered(&self) {
        self.queries.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer differs from the right one.
    pub fn wrong(&self, words: impl fmt::Display) {
        self.wrong.fetch_add(1, Ordering::Relaxed);
        self.say(format_args!("WRONG {words}"));
    }

    /// Rows that were there are there no more.
    pub fn lost(&self, words: impl fmt::Display) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.say(format_args!("LOST {words}"));
    }

    /// A statement failed although its proxy lived and no row had left.
    pub fn failed(&self, words: impl fmt::Display) {
        self.queries.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.say(format_args!("FAILED {words}"));
    }

    /// A statement ended with its proxy, or after a row had left.
    pub fn excused(&self) {
        self.excused.fetch_add(1, Ordering::Relaxed);
    }

    /// Statements that ended with their proxy, or after a row had left.
    pub fn excuses(&self) -> u64 {
        self.excused.load(Ordering::Relaxed)
    }

    /// Whether nothing is to be blamed on the archive, and there was something to blame.
    pub fn good(&self) -> bool {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        count(&self.queries) > 0
            && count(&self.wrong) + count(&self.lost) + count(&self.failed) == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "chaos: {} queries, wrong {}, lost {}, failed {}, seed {}",
            self.queries.load(Ordering::Relaxed),
            self.wrong.load(Ordering::Relaxed),
            self.lost.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
            self.seed
        )
    }
}
