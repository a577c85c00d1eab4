//! Whether a data directory may be trusted. Pure.
//!
//! A worker's rows are those of the directory that the operator adopted. A directory of another
//! archive or worker, or an empty one where there was one with rows, must never answer in its place
//! (docs/design/placement.md#identity).

use orrery_archive::names::WorkerId;
use orrery_worker_api::agent::Identity;

/// What a data directory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The one we know, under this random name.
    Known(String),
    /// A fresh one for a worker that never had any: adopt it.
    Fresh,
    /// Not to be trusted.
    Refused(&'static str, String),
}

/// Judges the directory an agent reports, for `worker` of the archive `archive_uid`. `recorded` is
/// the directory adopted before, `given_up` one that a person does not expect back; `chunks` is how
/// many chunk replicas the catalog says the worker holds.
pub fn judge(
    archive_uid: &str,
    worker: WorkerId,
    recorded: Option<&str>,
    given_up: Option<&str>,
    chunks: u64,
    reported: Option<&Identity>,
) -> Trust {
    match (reported, recorded) {
        (Some(own), _) if own.archive_uid != archive_uid => Trust::Refused(
            "ForeignArchive",
            format!(
                "the data directory belongs to archive {}, not to {archive_uid}",
                own.archive_uid
            ),
        ),
        (Some(own), _) if own.worker != worker => Trust::Refused(
            "ForeignWorker",
            format!(
                "the data directory belongs to worker {}, not to worker {worker}",
                own.worker
            ),
        ),
        (Some(own), Some(known)) if own.directory != known => Trust::Refused(
            "ForeignDirectory",
            format!(
                "the data directory is {}, but {known} was adopted",
                own.directory
            ),
        ),
        // Adopted before, but the operator died before it could write that down, or the Worker
        // object was made again.
        (Some(own), _) => Trust::Known(own.directory.clone()),
        // Nothing is asked of a worker that no chunk is listed on.
        (None, Some(known)) if chunks == 0 && given_up == Some(known) => Trust::Fresh,
        (None, Some(known)) => Trust::Refused(
            "DirectoryLost",
            format!(
                "the data directory is empty, but {known} was adopted; if that is lost: kubectl orrery worker replace, and the empty one is used once the {chunks} chunk replicas listed here are elsewhere"
            ),
        ),
        (None, None) if chunks > 0 => Trust::Refused(
            "DirectoryLost",
            format!(
                "the data directory is empty, but the catalog lists {chunks} chunk replicas on this worker"
            ),
        ),
        (None, None) => Trust::Fresh,
    }
}

#[cfg(test)]
mod tests {
    use orrery_worker_api::agent::Identity;

    use super::{Trust, judge};

    fn identity(archive_uid: &str, worker: u32, directory: &str) -> Identity {
        Identity {
            archive_uid: archive_uid.into(),
            worker,
            directory: directory.into(),
        }
    }

    fn reason(trust: &Trust) -> &str {
        match trust {
            Trust::Known(_) => "known",
            Trust::Fresh => "fresh",
            Trust::Refused(reason, _) => reason,
        }
    }

    #[test]
    fn a_fresh_directory_is_adopted_only_where_none_was() {
        assert_eq!(judge("a", 1, None, None, 0, None), Trust::Fresh);
        assert_eq!(
            reason(&judge("a", 1, Some("d1"), None, 0, None)),
            "DirectoryLost"
        );
        assert_eq!(reason(&judge("a", 1, None, None, 7, None)), "DirectoryLost");
    }

    #[test]
    fn a_directory_that_was_given_up_is_replaced_when_no_chunk_is_listed_there() {
        let judged = |given_up, chunks, own: Option<&Identity>| {
            judge("a", 1, Some("d1"), given_up, chunks, own)
        };
        assert_eq!(judged(Some("d1"), 0, None), Trust::Fresh);
        assert_eq!(reason(&judged(Some("d1"), 1, None)), "DirectoryLost");
        assert_eq!(reason(&judged(Some("d0"), 0, None)), "DirectoryLost");
        let foreign = identity("a", 1, "d2");
        let found = judged(Some("d1"), 0, Some(&foreign));
        assert_eq!(reason(&found), "ForeignDirectory", "it is not empty");
    }

    #[test]
    fn an_unknown_identity_is_never_trusted() {
        assert_eq!(
            reason(&judge("a", 1, None, None, 0, Some(&identity("b", 1, "d1")))),
            "ForeignArchive"
        );
        assert_eq!(
            reason(&judge("a", 1, None, None, 0, Some(&identity("a", 2, "d1")))),
            "ForeignWorker"
        );
        assert_eq!(
            reason(&judge(
                "a",
                1,
                Some("d1"),
                None,
                0,
                Some(&identity("a", 1, "d2"))
            )),
            "ForeignDirectory"
        );
    }

    #[test]
    fn the_adopted_directory_is_known_again_also_when_its_record_was_lost() {
        let own = identity("a", 1, "d1");
        assert_eq!(
            judge("a", 1, Some("d1"), None, 7, Some(&own)),
            Trust::Known("d1".into())
        );
        assert_eq!(
            judge("a", 1, None, None, 7, Some(&own)),
            Trust::Known("d1".into())
        );
    }
}
