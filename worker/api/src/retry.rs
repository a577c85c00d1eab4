//! The one way in which calls are repeated.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// A failure that another try may not meet.
pub trait Transient: Display {
    /// Whether the same work may succeed later without a change by anybody.
    fn may_pass(&self) -> bool;
}

/// First pause between tries; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Repeats a call with growing pauses while its failure may pass and time is left (see
/// [`Transient`]). Any other failure is final.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    timeout: Duration,
}

impl Retry {
    /// Tries begin within `timeout`; the last one may end later.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout }
    }

    /// The first success, or the failure that was final or came too late for another try.
    pub async fn run<T, E, F>(&self, call: impl Fn() -> F) -> Result<T, E>
    where
        E: Transient,
        F: Future<Output = Result<T, E>>,
    {
        let mut pause = FIRST_PAUSE;
        let begin = Instant::now();
        loop {
            match call().await {
                Err(error) if error.may_pass() && begin.elapsed() + pause < self.timeout => {
                    tracing::debug!(%error, "a call failed and is tried again");
                }
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use reqwest::StatusCode;

    use super::*;
    use crate::{ApiError, CallError};

    fn refused(status: StatusCode) -> CallError {
        CallError::Refused {
            status,
            error: ApiError {
                reason: "Because".into(),
                message: String::new(),
            },
        }
    }

    /// The answer of a server that fails `failures` times, and how often it was asked.
    async fn asked(
        timeout: Duration,
        failures: u32,
        status: StatusCode,
    ) -> (Result<u32, CallError>, u32) {
        let calls = AtomicU32::new(0);
        let answer = Retry::new(timeout)
            .run(|| async {
                let call = calls.fetch_add(1, Ordering::Relaxed);
                if call < failures {
                    Err(refused(status))
                } else {
                    Ok(call)
                }
            })
            .await;
        (answer, calls.into_inner())
    }

    #[tokio::test]
    async fn a_failure_that_passes_is_outlived_and_a_refusal_is_final() {
        let long = Duration::from_secs(60);
        let (answer, calls) = asked(long, 1, StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!((answer.unwrap(), calls), (1, 2));
        let (answer, calls) = asked(long, 1, StatusCode::CONFLICT).await;
        assert!(answer.is_err());
        assert_eq!(calls, 1);
    }

    #[tokio::test]
    async fn no_try_begins_after_the_timeout() {
        let (answer, calls) = asked(FIRST_PAUSE, u32::MAX, StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(answer.is_err());
        assert_eq!(calls, 1);
    }
}
