//! LOADs going on, by attempt. Sealing closes an attempt here first: no LOAD starts any more and
//! those that run are ended, before anything is counted (a loader thought dead added a row after
//! verification, tried).

use std::collections::HashMap;
use std::sync::Arc;

use orrery_worker_api::agent::LoadTarget;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::{AgentError, Result};

#[derive(Debug, Default)]
struct AttemptSessions {
    closed: bool,
    active: HashMap<LoadTarget, CancellationToken>,
}

#[derive(Debug, Default)]
struct Inner {
    attempts: Mutex<HashMap<u64, AttemptSessions>>,
    ended: Notify,
}

/// All LOADs of this agent.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    inner: Arc<Inner>,
}

/// One LOAD; it counts as going on until this is dropped.
#[derive(Debug)]
pub struct Session {
    inner: Arc<Inner>,
    attempt: u64,
    target: LoadTarget,
    cancelled: CancellationToken,
}

impl Sessions {
    /// Registers a LOAD. Refused when the attempt is closed, or when the same part is being loaded
    /// already.
    pub fn enter(&self, attempt: u64, target: &LoadTarget) -> Result<Session> {
        let mut attempts = self.inner.attempts.lock();
        let sessions = attempts.entry(attempt).or_default();
        if sessions.closed {
            return Err(AgentError::Sealed {
                attempt,
                state: "being sealed or discarded".into(),
            });
        }
        if sessions.active.contains_key(target) {
            return Err(AgentError::Busy(format!(
                "{target:?} of attempt {attempt} is being loaded by another call"
            )));
        }
        let cancelled = CancellationToken::new();
        sessions.active.insert(target.clone(), cancelled.clone());
        Ok(Session {
            inner: self.inner.clone(),
            attempt,
            target: target.clone(),
            cancelled,
        })
    }

    /// Lets no LOAD of the attempt start any more, ends those that run and waits until they have
    /// ended.
    pub async fn close(&self, attempt: u64) {
        for token in self.refuse(attempt) {
            token.cancel();
        }
        loop {
            let ended = self.inner.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.active(attempt) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Ends every LOAD and lets none start: the agent stops.
    pub async fn close_all(&self) {
        let attempts: Vec<u64> = self.inner.attempts.lock().keys().copied().collect();
        for attempt in attempts {
            self.close(attempt).await;
        }
    }

    /// LOADs going on in all attempts.
    pub fn total(&self) -> usize {
        self.inner
            .attempts
            .lock()
            .values()
            .map(|sessions| sessions.active.len())
            .sum()
    }

    fn refuse(&self, attempt: u64) -> Vec<CancellationToken> {
        let mut attempts = self.inner.attempts.lock();
        let sessions = attempts.entry(attempt).or_default();
        sessions.closed = true;
        sessions.active.values().cloned().collect()
    }

    fn active(&self, attempt: u64) -> usize {
        self.inner
            .attempts
            .lock()
            .get(&attempt)
            .map_or(0, |sessions| sessions.active.len())
    }
}

impl Session {
    /// Fires when the attempt is closed.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(sessions) = self.inner.attempts.lock().get_mut(&self.attempt) {
            sessions.active.remove(&self.target);
        }
        self.inner.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use orrery_worker_api::agent::TablePart;

    use super::*;

    fn target(file_part: u32) -> LoadTarget {
        LoadTarget {
            part: TablePart::Home,
            chunk: 1,
            file: 0,
            file_part,
        }
    }

    #[tokio::test]
    async fn closing_ends_running_loads_and_refuses_new_ones() {
        let sessions = Sessions::default();
        let session = sessions.enter(1, &target(0)).unwrap();
        assert!(matches!(
            sessions.enter(1, &target(0)),
            Err(AgentError::Busy(_))
        ));
        let closing = tokio::spawn({
            let sessions = sessions.clone();
            async move { sessions.close(1).await }
        });
        session.cancelled().cancelled().await;
        assert!(matches!(
            sessions.enter(1, &target(1)),
            Err(AgentError::Sealed { .. })
        ));
        assert!(!closing.is_finished());
        drop(session);
        closing.await.unwrap();
        sessions.enter(2, &target(0)).unwrap();
    }
}
