//! Work that must run to its end although its caller may be gone: a dropped request must not leave
//! a table half made.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use crate::error::{AgentError, Result};

type Slot = Arc<tokio::sync::Mutex<Option<JoinHandle<Result<()>>>>>;

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

impl<K: Eq + Hash> Jobs<K> {
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
        let slot = self.slots.lock().entry(key).or_default().clone();
        let mut running = slot.lock().await;
        let task = running.get_or_insert_with(|| tokio::spawn(start()));
        let joined = tokio::time::timeout(timeout, task).await.ok()?;
        *running = None;
        Some(joined.unwrap_or_else(|error| Err(AgentError::Internal(error.to_string()))))
    }
}

/// Locks by key.
#[derive(Debug)]
pub struct KeyedLocks<K> {
    locks: Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>,
}

impl<K> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash> KeyedLocks<K> {
    /// Takes the lock, or says that something else runs there.
    pub fn take(&self, key: K, what: &str) -> Result<OwnedMutexGuard<()>> {
        let lock = self.locks.lock().entry(key).or_default().clone();
        lock.try_lock_owned()
            .map_err(|_| AgentError::Busy(format!("{what} is being worked on by another call")))
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
