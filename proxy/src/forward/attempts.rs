//! How often and how long czars are asked for one answer.
//!
//! A czar that a statement has not reached cannot have been harmed by it: others are tried, and the
//! same ones again, until one can be reached or the time for waiting is over. Czars restart within
//! seconds, and no row has left yet, so a client waits in place of losing its statement. A czar
//! that failed with the statement may have failed because of it, so these are counted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use orrery_wire::{ServerError, errors};

/// Czars that may fail with one statement.
const ATTEMPTS: usize = 3;
/// Shadow servers that may be lost with one statement: it may be what they die of.
const MOST_LOSSES: usize = 2;

/// A czar that gave no answer.
pub(super) struct Failed {
    /// Which; none when no czar is known.
    pub(super) czar: Option<SocketAddr>,
    /// In words.
    pub(super) why: String,
    pub(super) trouble: Trouble,
}

/// How far a statement came at a czar that gave no answer.
pub(super) enum Trouble {
    /// It has not reached the czar, or was turned away by one that stops or is full.
    Unreached,
    /// The czar failed with it.
    Lost,
    /// The czar's shadow server was lost while it ran the statement.
    ShadowLost,
    /// The czar itself says so, and another may do better; the client is told this if none does.
    Said(ServerError),
}

/// What has come of one statement so far.
pub(super) struct Attempts {
    /// How long czars may be out of reach.
    patience: Duration,
    /// Since when no czar could be reached.
    unreached_since: Option<Instant>,
    /// Czars that failed: others are asked first.
    avoid: Vec<SocketAddr>,
    failures: usize,
    losses: usize,
}

impl Attempts {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            unreached_since: None,
            avoid: Vec::new(),
            failures: 0,
            losses: 0,
        }
    }

    pub(super) fn avoid(&self) -> &[SocketAddr] {
        &self.avoid
    }

    /// Whether each of so many czars has failed, so that a pause is due before the next attempt.
    pub(super) fn have_met_all(&self, known: usize) -> bool {
        self.avoid.len() >= known
    }

    /// Whether the statement waits for a czar to come, and has said so already.
    pub(super) fn waits(&self) -> bool {
        self.unreached_since.is_some()
    }

    /// Notes a failure at `now`; the error is for the client, and ends the attempts.
    pub(super) fn note(&mut self, failed: Failed, now: Instant) -> Result<(), ServerError> {
        if let Some(czar) = failed.czar
            && !self.avoid.contains(&czar)
        {
            self.avoid.push(czar);
        }
        let own = match failed.trouble {
            Trouble::Unreached => {
                let since = *self.unreached_since.get_or_insert(now);
                return if now.duration_since(since) < self.patience {
                    Ok(())
                } else {
                    Err(self.nowhere(&failed.why))
                };
            }
            Trouble::Lost => None,
            Trouble::ShadowLost => {
                self.losses += 1;
                None
            }
            Trouble::Said(error) => Some(error),
        };
        self.unreached_since = None;
        self.failures += 1;
        if self.losses >= MOST_LOSSES {
            return Err(deadly(&failed.why));
        }
        if self.failures >= ATTEMPTS {
            return Err(own.unwrap_or_else(|| no_czar(&failed.why)));
        }
        Ok(())
    }

    fn nowhere(&self, why: &str) -> ServerError {
        let seconds = self.patience.as_secs();
        no_czar(&format!(
            "none could be reached for {seconds} s; the last attempt: {why}"
        ))
    }
}

fn deadly(why: &str) -> ServerError {
    errors::UNKNOWN_ERROR.error(format!(
        "The shadow servers of {MOST_LOSSES} czars were lost while they ran this statement ({why}); it is not sent to others: ask for less at once"
    ))
}

pub(super) fn no_czar(why: &str) -> ServerError {
    errors::UNKNOWN_ERROR.error(format!("No czar can answer now: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn failed(czar: u16, trouble: Trouble) -> Failed {
        Failed {
            czar: Some(SocketAddr::from(([127, 0, 0, 1], czar))),
            why: "test".to_owned(),
            trouble,
        }
    }

    fn at(seconds: u64) -> Instant {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *START + Duration::from_secs(seconds)
    }

    #[test]
    fn czars_out_of_reach_are_waited_for_until_patience_ends() {
        let mut attempts = Attempts::new(PATIENCE);
        for second in 0..60 {
            let one = failed(second as u16 % 2, Trouble::Unreached);
            attempts.note(one, at(second)).unwrap();
        }
        assert_eq!(attempts.avoid().len(), 2);
        let error = attempts.note(failed(0, Trouble::Unreached), at(60));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("No czar") && error.contains("60 s"),
            "{error}"
        );
    }

    #[test]
    fn patience_begins_again_with_each_czar_that_had_the_statement() {
        let mut attempts = Attempts::new(PATIENCE);
        let steps = [
            (0, Trouble::Unreached),
            (50, Trouble::Lost),
            (100, Trouble::Unreached),
            (150, Trouble::Unreached),
        ];
        for (second, trouble) in steps {
            attempts.note(failed(1, trouble), at(second)).unwrap();
        }
        assert!(
            attempts
                .note(failed(1, Trouble::Unreached), at(160))
                .is_err()
        );
    }

    #[test]
    fn a_statement_that_three_czars_failed_with_goes_to_no_fourth() {
        let mut attempts = Attempts::new(PATIENCE);
        attempts.note(failed(1, Trouble::Lost), at(0)).unwrap();
        attempts.note(failed(2, Trouble::Unreached), at(0)).unwrap();
        attempts.note(failed(3, Trouble::Lost), at(0)).unwrap();
        let said = errors::TEMPORARY.error("later".to_owned());
        let error = attempts.note(failed(4, Trouble::Said(said.clone())), at(0));
        assert_eq!(error.unwrap_err().to_string(), said.to_string());
    }

    #[test]
    fn a_statement_that_two_shadow_servers_were_lost_with_goes_to_no_third() {
        let mut attempts = Attempts::new(PATIENCE);
        attempts
            .note(failed(1, Trouble::ShadowLost), at(0))
            .unwrap();
        let error = attempts.note(failed(2, Trouble::ShadowLost), at(0));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("not sent to others")
        );
    }
}
