//! Who may start (docs/design/ingest.md#director-index): one open ingest per director at a time,
//! directors before children, the older first.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use orrery_archive::catalog::TableKey;
use orrery_crds::kinds::IngestPhase;

/// An ingest as the queue sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of the Ingest.
    pub name: String,
    /// Phase.
    pub phase: IngestPhase,
    /// Whether it waits for a loader for so long that others of its director need not wait for it.
    pub yields: bool,
    /// Creation time.
    pub created: Option<Timestamp>,
    /// Director it uses; `None` for a reference table, which waits for none.
    pub director: Option<TableKey>,
    /// Whether it goes into the director itself.
    pub into_director: bool,
}

/// Whether a pending ingest may start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may.
    Now,
    /// After the ingest of this name.
    After(String),
    /// Nothing is known of it, so it may not.
    Unknown,
}

/// Turns of pending ingests by name.
pub struct Turns {
    start: BTreeSet<String>,
    wait: Vec<(String, String)>,
}

impl Turns {
    /// The turns of all ingests of an archive.
    pub fn of(entries: &[Entry]) -> Self {
        let (start, wait) = startable(entries);
        Self { start, wait }
    }

    /// The turn of one of them.
    pub fn turn(&self, name: &str) -> Turn {
        if self.start.contains(name) {
            return Turn::Now;
        }
        let waits = self.wait.iter().find(|(waiting, _)| waiting == name);
        waits.map_or(Turn::Unknown, |(_, by)| Turn::After(by.clone()))
    }
}

/// One that yields has no rows on workers yet: when its loader comes, it surveys again if the
/// director's rows have changed.
fn is_open(entry: &Entry) -> bool {
    let yields = entry.yields && entry.phase == IngestPhase::Survey;
    !yields && (IngestPhase::Survey..IngestPhase::Visible).contains(&entry.phase)
}

/// Names of pending ingests that may start now; and for each that waits, the name it waits for.
fn startable(entries: &[Entry]) -> (BTreeSet<String>, Vec<(String, String)>) {
    let mut busy: Vec<(&TableKey, &str)> = entries
        .iter()
        .filter(|e| is_open(e))
        .filter_map(|e| Some((e.director.as_ref()?, e.name.as_str())))
        .collect();
    let mut pending: Vec<&Entry> = entries
        .iter()
        .filter(|e| e.phase == IngestPhase::Pending)
        .collect();
    pending.sort_by_key(|e| (!e.into_director, e.created, &e.name));
    let (mut start, mut wait) = (BTreeSet::new(), Vec::new());
    for entry in pending {
        let Some(director) = &entry.director else {
            start.insert(entry.name.clone());
            continue;
        };
        if let Some((_, by)) = busy.iter().find(|(held, _)| *held == director) {
            wait.push((entry.name.clone(), (*by).to_owned()));
        } else {
            busy.push((director, &entry.name));
            start.insert(entry.name.clone());
        }
    }
    (start, wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(
        name: &str,
        phase: IngestPhase,
        created: i64,
        director: Option<&str>,
        into_director: bool,
    ) -> Entry {
        Entry {
            name: name.into(),
            phase,
            yields: false,
            created: Timestamp::from_second(created).ok(),
            director: director.map(|table| TableKey::new("sky", table)),
            into_director,
        }
    }

    #[test]
    fn directors_start_first_and_one_at_a_time() {
        let (start, wait) = startable(&[
            entry("source", IngestPhase::Pending, 1, Some("Object"), false),
            entry("object", IngestPhase::Pending, 2, Some("Object"), true),
            entry("filter", IngestPhase::Pending, 3, None, false),
            entry("other", IngestPhase::Pending, 3, Some("Other"), true),
        ]);
        assert_eq!(
            start,
            BTreeSet::from(["object", "filter", "other"].map(String::from))
        );
        assert_eq!(wait, [("source".to_owned(), "object".to_owned())]);
    }

    #[test]
    fn an_open_ingest_holds_its_director_until_it_is_visible() {
        for (phase, free) in [
            (IngestPhase::Publish, false),
            (IngestPhase::Visible, true),
            (IngestPhase::Failed, true),
        ] {
            let (start, _) = startable(&[
                entry("a", phase, 1, Some("Object"), true),
                entry("b", IngestPhase::Pending, 2, Some("Object"), true),
            ]);
            assert_eq!(start.contains("b"), free, "{phase:?}");
        }
    }

    #[test]
    fn an_ingest_without_a_loader_holds_no_other_until_it_has_rows_on_workers() {
        for (phase, free) in [(IngestPhase::Survey, true), (IngestPhase::Load, false)] {
            let mut without = entry("a", phase, 1, Some("Object"), true);
            without.yields = true;
            let next = entry("b", IngestPhase::Pending, 2, Some("Object"), true);
            let (start, _) = startable(&[without, next]);
            assert_eq!(start.contains("b"), free, "{phase:?}");
        }
    }
}
