//! Makes guessing passwords slow. Nothing here waits: it says whether a log-in may be tried now.
//!
//! * Wrong passwords in a row for one account from one address: from the fourth on each further try
//!   has to come later, twice as late as the one before, up to a minute. The right password ends it.
//! * Wrong passwords from one address for accounts that never logged in from there: from the
//!   hundredth on each further one has to come later, up to five seconds.
//! * Other addresses never wait, so that guessing locks nobody out.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

use super::origin::Origin;

/// After this long without a wrong password all is forgotten.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// The first pause.
const FIRST: Duration = Duration::from_secs(1);
/// Accounts and addresses that are remembered, those that were tried last.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("not zero");

/// How many wrong passwords are free, and the longest pause after them.
struct Rule {
    free: u32,
    longest: Duration,
}

const OF_ACCOUNT: Rule = Rule {
    free: 3,
    longest: Duration::from_secs(60),
};
const OF_ADDRESS: Rule = Rule {
    free: 100,
    longest: Duration::from_secs(5),
};

/// Wrong passwords, and who may try again when.
pub struct Backoff {
    state: Mutex<State>,
    names: RandomState,
}

struct State {
    accounts: LruCache<Account, Record>,
    addresses: LruCache<Origin, Record>,
}

/// An account, by a hash of its name, as tried from one place.
type Account = (Origin, u64);

/// What is known of an account or address.
#[derive(Default)]
struct Record {
    /// Wrong passwords in a row.
    wrong: u32,
    /// When the last one came.
    last: Option<Instant>,
    /// One more is being tried; others wait once the free ones are used.
    is_trying: bool,
    /// The account has logged in from there.
    is_known: bool,
}

impl Record {
    /// How long until the next try; zero: now.
    fn wait(&mut self, rule: &Rule, now: Instant) -> Duration {
        let quiet = self.last.map(|last| now.saturating_duration_since(last));
        if quiet.is_some_and(|quiet| quiet >= FORGET) {
            self.wrong = 0;
        }
        let Some(more) = self.wrong.checked_sub(rule.free) else {
            return Duration::ZERO;
        };
        if self.is_trying {
            return FIRST;
        }
        let pause = FIRST.saturating_mul(1 << more.min(16)).min(rule.longest);
        pause.saturating_sub(quiet.unwrap_or(Duration::ZERO))
    }

    fn is_wrong(&mut self, now: Instant) {
        self.wrong = self.wrong.saturating_add(1);
        self.last = Some(now);
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                accounts: LruCache::new(REMEMBERED),
                addresses: LruCache::new(REMEMBERED),
            }),
            names: RandomState::new(),
        }
    }
}

impl Backoff {
    /// Whether a log-in may be tried now, or how long it has to wait.
    pub fn may_try(&self, account: &str, from: IpAddr, now: Instant) -> Result<Try<'_>, Duration> {
        let origin = Origin::from(from);
        let account = (origin, self.names.hash_one(account));
        let mut state = self.state.lock();
        let state = &mut *state;
        let of_account = state.accounts.get_or_insert_mut(account, Record::default);
        let of_address = state.addresses.get_or_insert_mut(origin, Record::default);
        let mut wait = of_account.wait(&OF_ACCOUNT, now);
        if !of_account.is_known {
            wait = wait.max(of_address.wait(&OF_ADDRESS, now));
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        of_account.is_trying = true;
        of_address.is_trying |= !of_account.is_known;
        Ok(Try {
            backoff: self,
            account,
            outcome: None,
        })
    }
}

/// A log-in that is being tried. Dropped without an outcome, it counts for nothing.
pub struct Try<'a> {
    backoff: &'a Backoff,
    account: Account,
    outcome: Option<(bool, Instant)>,
}

impl Try<'_> {
    /// The password was right.
    pub fn right(mut self, now: Instant) {
        self.outcome = Some((true, now));
    }

    /// The password was wrong.
    pub fn wrong(mut self, now: Instant) {
        self.outcome = Some((false, now));
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let mut state = self.backoff.state.lock();
        let mut was_known = false;
        if let Some(record) = state.accounts.get_mut(&self.account) {
            record.is_trying = false;
            was_known = record.is_known;
            match self.outcome {
                Some((true, _)) => {
                    record.wrong = 0;
                    record.is_known = true;
                }
                Some((false, now)) => record.is_wrong(now),
                None => {}
            }
        }
        if let Some(record) = state.addresses.get_mut(&self.account.0) {
            record.is_trying &= was_known;
            if let Some((false, now)) = self.outcome
                && !was_known
            {
                record.is_wrong(now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// Seconds until the next try of `ann` from HERE.
    fn wait(backoff: &Backoff, now: Instant) -> u64 {
        backoff
            .may_try("ann", HERE, now)
            .map_or_else(|wait| wait.as_secs(), |_| 0)
    }

    fn guess(backoff: &Backoff, account: &str, now: Instant) {
        backoff.may_try(account, HERE, now).ok().unwrap().wrong(now);
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_the_right_password_ends_them() {
        let (backoff, mut now) = (Backoff::default(), Instant::now());
        for _ in 0..3 {
            guess(&backoff, "ann", now);
        }
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(wait(&backoff, now), pause);
            now += Duration::from_secs(pause);
            guess(&backoff, "ann", now);
        }
        now += Duration::from_secs(60);
        backoff.may_try("ann", HERE, now).ok().unwrap().right(now);
        guess(&backoff, "ann", now);
        assert_eq!(wait(&backoff, now), 0);
    }

    #[test]
    fn other_addresses_and_accounts_do_not_wait() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        for _ in 0..3 {
            guess(&backoff, "ann", now);
        }
        assert!(backoff.may_try("ann", HERE, now).is_err());
        assert!(backoff.may_try("ann", THERE, now).is_ok());
        assert!(backoff.may_try("bob", HERE, now).is_ok());
        assert_eq!(wait(&backoff, now + FORGET), 0, "it is forgotten");
    }

    #[test]
    fn guesses_at_one_time_are_one_guess_once_the_free_ones_are_used() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        let free = [(); 3].map(|()| backoff.may_try("ann", HERE, now).ok().unwrap());
        for free in free {
            free.wrong(now);
        }
        let later = now + Duration::from_secs(1);
        let first = backoff.may_try("ann", HERE, later).ok().unwrap();
        assert!(backoff.may_try("ann", HERE, later).is_err());
        drop(first);
        assert!(backoff.may_try("ann", HERE, later).is_ok(), "no outcome");
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_but_not_for_those_that_it_knows() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        backoff.may_try("ann", HERE, now).ok().unwrap().right(now);
        for number in 0..100 {
            guess(&backoff, &format!("user{number}"), now);
        }
        assert!(backoff.may_try("bob", HERE, now).is_err());
        assert!(backoff.may_try("bob", THERE, now).is_ok());
        assert!(backoff.may_try("ann", HERE, now).is_ok());
        assert!(
            backoff
                .may_try("bob", HERE, now + Duration::from_secs(1))
                .is_ok()
        );
    }
}
