//! Work that must run to its end although its caller may be gone: a dropped request must not leave
//! a table half made.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{AgentError, Result};

/// The result of a job that nobody asked for in this time is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(10);

type Task = Arc<tokio::sync::Mutex<Option<JoinHandle<Result<()>>>>>;

/// A job that was asked for.
#[derive(Debug)]
struct Slot {
    task: Task,
    asked: Instant,
}

impl Slot {
    fn new() -> Self {
        Self {
            task: Task::default(),
            asked: Instant::now(),
        }
    }

    /// Whether somebody waits for the job, it runs, or somebody may come for its result.
    fn is_wanted(&self) -> bool {
        let runs = |task: &Option<JoinHandle<_>>| task.as_ref().is_some_and(|t| !t.is_finished());
        self.asked.elapsed() < FORGOTTEN || self.task.try_lock().map_or(true, |task| runs(&task))
    }
}

/// Long jobs by key, one at a time each; callers ask again until theirs is done.
#[derive(Debug)]
pub struct Jobs<K> {
    slots: Mutex<HashMap<K, Slot>>,
}

impl<K> Default for Jobs<K> {
    fn default() -> Self {
        Self {
            slots: Mutex::default(),
        }
    }
}

impl<K: Copy + Eq + Hash> Jobs<K> {
    /// Starts the job unless it runs, and waits a little: its result, given once, or `None` while
    /// it runs.
    pub async fn drive<F>(
        &self,
        key: K,
        timeout: Duration,
        start: impl FnOnce() -> F,
    ) -> Option<Result<()>>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let task = self.enter(key);
        let mut running = task.lock().await;
        let job = running.get_or_insert_with(|| tokio::spawn(start()));
        let joined = tokio::time::timeout(timeout, job).await.ok()?;
        *running = None;
        drop(running);
        self.leave(key, &task);
        Some(joined.unwrap_or_else(|error| Err(AgentError::Internal(error.to_string()))))
    }

    fn enter(&self, key: K) -> Task {
        let mut slots = self.slots.lock();
        slots.retain(|_, slot| slot.is_wanted());
        let slot = slots.entry(key).or_insert_with(Slot::new);
        slot.asked = Instant::now();
        Arc::clone(&slot.task)
    }

    /// Forgets a job whose result was given, unless another caller waits there.
    fn leave(&self, key: K, task: &Task) {
        let mut slots = self.slots.lock();
        // The slot's and ours.
        if Arc::strong_count(task) == 2 {
            slots.remove(&key);
        }
    }
}

/// Locks by key; only those that are held take room.
#[derive(Debug)]
pub struct KeyedLocks<K> {
    held: Arc<Mutex<HashSet<K>>>,
}

impl<K> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self {
            held: Arc::default(),
        }
    }
}

impl<K: Clone + Eq + Hash> KeyedLocks<K> {
    /// Takes the lock, or says that something else runs there.
    pub fn take(&self, key: K, what: &str) -> Result<KeyedLock<K>> {
        if !self.held.lock().insert(key.clone()) {
            return Err(AgentError::Busy(format!(
                "{what} is being worked on by another call"
            )));
        }
        let held = Arc::clone(&self.held);
        Ok(KeyedLock { held, key })
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct KeyedLock<K: Eq + Hash> {
    held: Arc<Mutex<HashSet<K>>>,
    key: K,
}

impl<K: Eq + Hash> Drop for KeyedLock<K> {
    fn drop(&mut self) {
        self.held.lock().remove(&self.key);
    }
}

/// Runs to its end even when the caller is dropped.
pub async fn to_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work)
        .await
        .unwrap_or_else(|error| Err(AgentError::Internal(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(2);

    #[tokio::test]
    async fn a_key_is_held_by_one_and_takes_no_room_afterwards() {
        let locks = KeyedLocks::default();
        let lock = locks.take(1, "one").unwrap();
        assert!(matches!(locks.take(1, "one"), Err(AgentError::Busy(_))));
        let _other = locks.take(2, "two").unwrap();
        drop(lock);
        assert_eq!(*locks.held.lock(), HashSet::from([2]));
        locks.take(1, "one").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_is_run_once_whoever_asks_and_its_slot_goes_with_its_result() {
        let jobs = Jobs::default();
        let slow = || async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(())
        };
        assert!(jobs.drive(1, WAIT, slow).await.is_none());
        let again = async || panic!("it runs already");
        assert!(jobs.drive(1, WAIT, again).await.unwrap().is_ok());
        assert!(jobs.slots.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_nobody_comes_for_is_forgotten_and_a_job_that_runs_is_not() {
        let jobs = Jobs::default();
        let lasts = |seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(())
        };
        assert!(jobs.drive(1, WAIT, || lasts(3)).await.is_none());
        assert!(jobs.drive(2, WAIT, || lasts(3_600)).await.is_none());
        tokio::time::advance(FORGOTTEN).await;
        jobs.drive(3, WAIT, || lasts(0)).await.unwrap().unwrap();
        assert_eq!(jobs.slots.lock().keys().collect::<Vec<_>>(), [&2]);
    }
}
