//! How many bytes gathers hold on the shadow server.
//!
//! Keeps true: rows are counted before they are stored, so that no limit is passed; what a
//! statement held is free again when its [`Share`] is dropped, whatever ended it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

/// Bytes that rows in temporary tables of gathers may take.
#[derive(Clone, Copy, Debug)]
pub struct GatherLimits {
    /// For one statement.
    pub statement: u64,
    /// For all statements of one user.
    pub user: u64,
    /// For all statements.
    pub total: u64,
}

/// What all gathers of the czar share.
pub struct GatherSpace {
    limits: GatherLimits,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    total: u64,
    users: HashMap<String, u64>,
}

/// A limit that a gather would pass.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the tables of this statement must be fetched to one server, which takes {needed} bytes or more, and {whose} may hold {limit} there; {hint}"
)]
pub struct GatherLimit {
    /// Bytes that were to be held.
    needed: u64,
    /// Who may hold no more.
    whose: &'static str,
    /// How many it may.
    limit: u64,
    /// What to do.
    hint: &'static str,
}

const FEWER: &str = "say in WHERE which rows of each table are needed (keys, a region), name fewer columns, or join by the director's key and use GROUP BY, which the workers compute";
const LATER: &str = "try again when other statements have ended, or ask for fewer rows";

impl GatherSpace {
    /// Space without gathers.
    pub fn new(limits: GatherLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            held: Mutex::default(),
        })
    }

    /// The share of a statement that begins.
    pub fn share(self: &Arc<Self>, user: &str) -> Share {
        Share {
            space: self.clone(),
            user: user.to_owned(),
            bytes: 0,
        }
    }

    /// Bytes held now.
    pub fn held(&self) -> u64 {
        self.held.lock().total
    }
}

/// What one statement holds; given back when dropped.
pub struct Share {
    space: Arc<GatherSpace>,
    user: String,
    bytes: u64,
}

impl Share {
    /// Refuses a statement that needs at least so many bytes, before it begins.
    pub fn check(&self, needed: u64) -> Result<(), GatherLimit> {
        let limits = &self.space.limits;
        let most = limits.statement.min(limits.user).min(limits.total);
        if needed > most {
            return Err(limit(needed, "a statement", most, FEWER));
        }
        Ok(())
    }

    /// Takes more bytes.
    pub fn take(&mut self, bytes: u64) -> Result<(), GatherLimit> {
        let limits = &self.space.limits;
        let mut held = self.space.held.lock();
        let statement = self.bytes.saturating_add(bytes);
        let of_user = held.users.get(&self.user).copied().unwrap_or(0);
        let user = of_user.saturating_add(bytes);
        let total = held.total.saturating_add(bytes);
        if statement > limits.statement {
            return Err(limit(statement, "a statement", limits.statement, FEWER));
        }
        if user > limits.user {
            return Err(limit(user, "all statements of a user", limits.user, LATER));
        }
        if total > limits.total {
            return Err(limit(total, "all statements together", limits.total, LATER));
        }
        self.bytes = statement;
        held.users.insert(self.user.clone(), user);
        held.total = total;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.space.held.lock();
        held.total = held.total.saturating_sub(self.bytes);
        if let Some(user) = held.users.get_mut(&self.user) {
            *user = user.saturating_sub(self.bytes);
            if *user == 0 {
                held.users.remove(&self.user);
            }
        }
    }
}

fn limit(needed: u64, whose: &'static str, limit: u64, hint: &'static str) -> GatherLimit {
    GatherLimit {
        needed,
        whose,
        limit,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Arc<GatherSpace> {
        GatherSpace::new(GatherLimits {
            statement: 100,
            user: 150,
            total: 200,
        })
    }

    #[test]
    fn a_statement_a_user_and_all_of_them_have_limits_of_their_own() {
        let space = space();
        let (mut one, mut two, mut other) =
            (space.share("ann"), space.share("ann"), space.share("bob"));
        assert!(one.take(100).is_ok());
        let passed = one.take(1).unwrap_err().to_string();
        assert!(passed.contains("101 bytes") && passed.contains("a statement may hold 100"));
        assert!(two.take(50).is_ok());
        let passed = two.take(1).unwrap_err().to_string();
        assert!(
            passed.contains("all statements of a user may hold 150"),
            "{passed}"
        );
        assert!(other.take(50).is_ok());
        let passed = other.take(1).unwrap_err().to_string();
        assert!(
            passed.contains("all statements together may hold 200"),
            "{passed}"
        );
    }

    #[test]
    fn what_a_statement_held_is_free_when_it_ends() {
        let space = space();
        let mut one = space.share("ann");
        one.take(100).unwrap();
        assert_eq!(space.held(), 100);
        drop(one);
        assert_eq!(space.held(), 0);
        assert!(space.held.lock().users.is_empty());
        assert!(space.share("ann").take(100).is_ok());
    }

    #[test]
    fn what_takes_too_much_for_sure_does_not_begin() {
        let share = space().share("ann");
        assert!(share.check(100).is_ok());
        assert!(share.check(101).is_err());
    }
}
