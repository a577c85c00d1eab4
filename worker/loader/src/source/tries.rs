//! How often a source is asked again, and what ends that.

use std::time::Duration;

use orrery_worker_api::error_chain;
use reqwest::StatusCode;

use super::broken::Broken;

/// Tries in a row without a byte before a source counts as unreachable.
const TRIES: u32 = 6;
/// First pause between tries; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A try's failure: whether another one makes sense.
pub enum Failure {
    /// It does not.
    Final(Broken),
    /// It may.
    Again(String),
}

/// Growing pauses between tries, and an end to them.
pub struct Pauses {
    tries: u32,
}

impl Pauses {
    /// Before the first try.
    pub fn new() -> Self {
        Self { tries: 0 }
    }

    /// Waits until another try makes sense; an error when none does.
    pub async fn after(&mut self, failure: Failure) -> Result<(), Broken> {
        let what = match failure {
            Failure::Final(broken) => return Err(broken),
            Failure::Again(what) => what,
        };
        self.tries += 1;
        if self.tries >= TRIES {
            return Err(Broken::Unreachable(format!("{what} ({TRIES} tries)")));
        }
        tracing::warn!(
            what,
            tries = self.tries,
            "source does not answer; trying again"
        );
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(self.tries - 1)).await;
        Ok(())
    }
}

/// What went wrong, without the address: a signed one would open its object to whoever reads it.
pub fn what(error: reqwest::Error) -> String {
    error_chain(&error.without_url())
}

/// What an answer without a file means.
pub fn refused(status: StatusCode) -> Failure {
    let what = format!("the server answers {status}");
    if is_missing(status) {
        Failure::Final(Broken::Missing(what))
    } else if status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
    {
        Failure::Again(what)
    } else {
        Failure::Final(Broken::Unreachable(what))
    }
}

fn is_missing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED
    )
}
