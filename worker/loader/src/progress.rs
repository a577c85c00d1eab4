//! Counters of the running step, written by its threads and read by status and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use orrery_archive::ingest::IngestProgress;

use crate::survey::rejects::Samples;

/// Shortest interval a rate is computed over.
const INTERVAL: Duration = Duration::from_secs(1);

/// Counters; they only grow within a step.
#[derive(Debug)]
pub struct Progress {
    /// Decompressed bytes read.
    pub bytes_read: AtomicU64,
    /// Stored bytes read.
    pub stored_read: AtomicU64,
    /// Stored bytes in all, as far as sources say.
    pub stored_total: AtomicU64,
    /// Records read.
    pub rows_read: AtomicU64,
    /// Rows rejected.
    pub rejects: AtomicU64,
    /// Row copies committed on workers.
    pub rows_loaded: AtomicU64,
    /// Row copies to commit.
    pub rows_to_load: AtomicU64,
    /// First rejects.
    pub samples: Samples,
    rate: Mutex<Rate>,
}

#[derive(Debug)]
struct Rate {
    since: Instant,
    rows: u64,
    per_second: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            bytes_read: AtomicU64::new(0),
            stored_read: AtomicU64::new(0),
            stored_total: AtomicU64::new(0),
            rows_read: AtomicU64::new(0),
            rejects: AtomicU64::new(0),
            rows_loaded: AtomicU64::new(0),
            rows_to_load: AtomicU64::new(0),
            samples: Samples::default(),
            rate: Mutex::new(Rate {
                since: Instant::now(),
                rows: 0,
                per_second: 0,
            }),
        }
    }
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, amount: u64) -> u64 {
    counter.fetch_add(amount, Ordering::Relaxed) + amount
}

/// Reads a counter.
pub fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Progress {
    /// Progress of a survey; `done` once it has ended.
    pub fn survey(&self, done: bool) -> IngestProgress {
        let (stored, total) = (get(&self.stored_read), get(&self.stored_total));
        let read = get(&self.bytes_read);
        let estimate = if done || stored == 0 {
            read
        } else {
            (read as f64 / stored as f64 * total.max(stored) as f64) as u64
        };
        self.report(percent(stored, total, done), estimate, get(&self.rows_read))
    }

    /// Progress of a load; `done` once it has ended.
    pub fn load(&self, done: bool) -> IngestProgress {
        let (loaded, total) = (get(&self.rows_loaded), get(&self.rows_to_load));
        self.report(percent(loaded, total, done), get(&self.bytes_read), loaded)
    }

    fn report(&self, percent: String, bytes_total: u64, counted: u64) -> IngestProgress {
        IngestProgress {
            percent,
            bytes_read: get(&self.bytes_read),
            bytes_total,
            rows_read: get(&self.rows_read),
            rows_loaded: get(&self.rows_loaded),
            rows_to_load: get(&self.rows_to_load),
            rows_per_second: self.rate(counted),
        }
    }

    fn rate(&self, rows: u64) -> u64 {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = rate.since.elapsed();
        if elapsed >= INTERVAL {
            rate.per_second =
                (rows.saturating_sub(rate.rows) as f64 / elapsed.as_secs_f64()) as u64;
            rate.rows = rows;
            rate.since = Instant::now();
        }
        rate.per_second
    }

    /// Begins a load after a survey: the rate counts other rows now.
    pub fn begin_load(&self, rows_to_load: u64) {
        self.rows_loaded.store(0, Ordering::Relaxed);
        self.rows_to_load.store(rows_to_load, Ordering::Relaxed);
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        *rate = Rate {
            since: Instant::now(),
            rows: 0,
            per_second: 0,
        };
    }
}

fn percent(part: u64, whole: u64, done: bool) -> String {
    let percent = match whole {
        _ if done => 100,
        0 => 0,
        whole => (part * 100 / whole).min(99),
    };
    format!("{percent}%")
}
