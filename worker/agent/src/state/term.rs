//! The highest term seen. A leader that was replaced without noticing carries a lower one and is
//! refused (docs/design/catalog.md#terms).

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::durable;
use crate::error::{AgentError, Result};

const FILE: &str = "orrery-term.json";

#[derive(Serialize, Deserialize)]
struct Stored {
    term: u64,
}

/// Highest term seen, on disk before anybody acts on it.
#[derive(Debug)]
pub struct TermStore {
    path: PathBuf,
    highest: Mutex<u64>,
}

impl TermStore {
    /// Reads the term kept in `directory`.
    pub fn open(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let term = durable::read_json::<Stored>(&path)?.map_or(0, |stored| stored.term);
        Ok(Self {
            path,
            highest: Mutex::new(term),
        })
    }

    /// Highest term seen.
    pub fn highest(&self) -> u64 {
        *self.highest.lock()
    }

    /// Lets a call with this term pass, or refuses it. A higher term is durable when this returns.
    pub fn admit(&self, term: u64) -> Result<()> {
        let mut highest = self.highest.lock();
        if term < *highest {
            return Err(AgentError::TermTooLow {
                given: term,
                known: *highest,
            });
        }
        if term > *highest {
            durable::write_json(&self.path, &Stored { term })?;
            *highest = term;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_term_is_refused_even_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let terms = TermStore::open(dir.path()).unwrap();
        terms.admit(7).unwrap();
        terms.admit(7).unwrap();
        assert!(matches!(
            terms.admit(6),
            Err(AgentError::TermTooLow { given: 6, known: 7 })
        ));
        let reopened = TermStore::open(dir.path()).unwrap();
        assert!(matches!(
            reopened.admit(6),
            Err(AgentError::TermTooLow { given: 6, known: 7 })
        ));
        reopened.admit(8).unwrap();
        assert_eq!(reopened.highest(), 8);
    }

    #[test]
    fn a_term_that_cannot_be_kept_is_not_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        std::fs::create_dir(&gone).unwrap();
        let terms = TermStore::open(&gone).unwrap();
        std::fs::remove_dir(&gone).unwrap();
        assert!(terms.admit(7).is_err());
        assert_eq!(terms.highest(), 0);
    }
}
