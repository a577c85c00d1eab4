//! What MariaDB said of tables, and the questions under way.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::subject::{Standing, Subject, Word};

/// How long a refusal counts: the reason may be a setting or a version of the worker's mysqld.
const REFUSED_FOR: Duration = Duration::from_mins(5);

type Asking = JoinHandle<Result<Word, String>>;

struct Entry {
    subject: Subject,
    said: Option<(Word, Instant)>,
    asking: Option<Asking>,
    trouble: Option<String>,
    /// Questions so far; the next begins at another worker.
    tries: usize,
}

impl Entry {
    fn new(subject: &Subject) -> Self {
        Self {
            subject: subject.clone(),
            said: None,
            asking: None,
            trouble: None,
            tries: 0,
        }
    }

    /// Waits for the answer to a question under way.
    async fn answer(&mut self) {
        let Some(asking) = &mut self.asking else {
            return;
        };
        let ended = asking.await;
        self.asking = None;
        match ended.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(word) => self.said = Some((word, Instant::now())),
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    fn standing(&self) -> Standing {
        match (&self.said, &self.asking, &self.trouble) {
            (Some((word, _)), ..) => Standing::Said(word.clone()),
            (None, Some(_), _) => Standing::UnderWay,
            (None, None, Some(trouble)) => Standing::Silent(trouble.clone()),
            (None, None, None) => Standing::NoWorker,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

/// What is remembered of the tables of an archive, by UID of their objects.
#[derive(Default)]
pub struct Memory {
    entries: HashMap<String, Entry>,
}

impl Memory {
    /// Forgets what is no longer to be tried, and what was said of another schema.
    pub fn keep(&mut self, subjects: &[(String, Subject)]) {
        self.entries
            .retain(|uid, _| subjects.iter().any(|(subject, _)| subject == uid));
        for (uid, subject) in subjects {
            let entry = self.entries.entry(uid.clone());
            let entry = entry.or_insert_with(|| Entry::new(subject));
            if entry.subject != *subject {
                *entry = Entry::new(subject);
            }
        }
    }

    /// Whether a table is to be tried now: how often it was before.
    pub fn due(&self, uid: &str, now: Instant) -> Option<usize> {
        let entry = self.entries.get(uid)?;
        let counts = match &entry.said {
            Some((Word::Taken, _)) => true,
            Some((Word::Refused(_), when)) => now.duration_since(*when) < REFUSED_FOR,
            None => false,
        };
        (!counts && entry.asking.is_none()).then_some(entry.tries)
    }

    /// A table is being tried.
    pub fn asked(&mut self, uid: &str, asking: Asking) {
        if let Some(entry) = self.entries.get_mut(uid) {
            entry.asking = Some(asking);
            entry.trouble = None;
            entry.tries += 1;
        }
    }

    /// No worker can be asked about a table.
    pub fn unasked(&mut self, uid: &str) {
        if let Some(entry) = self.entries.get_mut(uid) {
            entry.trouble = None;
        }
    }

    /// Waits for answers, at most `limit`. Those that have not come by then are waited for again in
    /// another round.
    pub async fn wait(&mut self, limit: Duration) {
        let answers = self.entries.values_mut().map(Entry::answer);
        let _ = tokio::time::timeout(limit, futures::future::join_all(answers)).await;
    }

    /// What is known of each table.
    pub fn standings(&self) -> HashMap<&str, Standing> {
        let known = self.entries.iter();
        known
            .map(|(uid, entry)| (uid.as_str(), entry.standing()))
            .collect()
    }

    /// Whether a worker is trying some table.
    pub fn is_under_way(&self) -> bool {
        self.entries.values().any(|entry| entry.asking.is_some())
    }

    /// Whether workers were asked and did not tell.
    pub fn has_trouble(&self) -> bool {
        self.entries.values().any(|entry| entry.trouble.is_some())
    }
}
