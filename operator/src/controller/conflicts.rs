//! Writes that lost: the object changed, or was made, since it was looked at. Each costs itself only
//! and comes again with the next look, which is to be soon.

use std::fmt::Display;

use super::apply::ApplyError;

/// An error that may be a conflict.
pub trait Conflicting {
    /// Whether the object is another than the one that was looked at.
    fn is_conflict(&self) -> bool;
}

impl Conflicting for kube::Error {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Api(status) if status.is_conflict() || status.is_already_exists())
    }
}

impl Conflicting for ApplyError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { source, .. } if source.is_conflict())
    }
}

/// The writes of a round that lost.
#[derive(Debug, Default)]
pub struct Conflicts {
    lost: usize,
}

impl Conflicts {
    /// What a write of the object `name` gave; `None` when it lost.
    pub fn pass<T, E: Conflicting + Display>(
        &mut self,
        name: &str,
        written: Result<T, E>,
    ) -> Result<Option<T>, E> {
        match written {
            Err(error) if error.is_conflict() => {
                tracing::debug!(name, %error, "an object changed since it was looked at");
                self.lost += 1;
                Ok(None)
            }
            written => written.map(Some),
        }
    }

    /// Whether any write lost.
    pub fn any(&self) -> bool {
        self.lost > 0
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::core::response::reason;

    use super::*;

    fn refused(code: u16, reason: &str) -> kube::Error {
        kube::Error::Api(Status::failure("why", reason).with_code(code).boxed())
    }

    #[test]
    fn a_conflict_is_counted_and_any_other_error_ends_the_round() {
        let mut conflicts = Conflicts::default();
        assert_eq!(
            conflicts.pass("w1", Ok::<_, kube::Error>(7)).unwrap(),
            Some(7)
        );
        assert!(
            conflicts
                .pass::<(), _>("w1", Err(refused(403, reason::FORBIDDEN)))
                .is_err()
        );
        assert!(!conflicts.any());
        for reason in [reason::CONFLICT, reason::ALREADY_EXISTS] {
            let mut conflicts = Conflicts::default();
            let lost = conflicts.pass::<(), _>("w1", Err(refused(409, reason)));
            assert_eq!(lost.unwrap(), None);
            let error = ApplyError::Api {
                kind: "Worker".into(),
                name: "w1".into(),
                source: refused(409, reason),
            };
            assert_eq!(conflicts.pass::<(), _>("w1", Err(error)).unwrap(), None);
            assert!(conflicts.any());
        }
    }
}
