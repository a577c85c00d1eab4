//! Where an ingest stands, as a value in which nothing impossible can be said. The object's status
//! is its form in the cluster API.

use orrery_crds::kinds::{IngestPhase, IngestStatus};
use thiserror::Error;

/// An attempt to load the rows: numbers that are used once in the archive's life, and what its
/// survey relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Attempt of the table's rows.
    pub number: u64,
    /// Attempt of the index entries, when there are any.
    pub index: Option<u64>,
    /// Segment that the rows are published under.
    pub segment: u64,
    /// Short hash of what the survey relied on (see [`super::target::Target::basis`]).
    pub basis: String,
    /// Incarnation of the table that the rows are for.
    pub incarnation: u64,
}

impl Attempt {
    /// Its numbers: of the rows and of the index entries.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        [self.number].into_iter().chain(self.index)
    }
}

/// A segment that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Segment.
    pub segment: u64,
    /// dataEpoch of the last publish or revocation.
    pub data_epoch: u64,
}

/// Where an ingest stands. `incarnation` is that of the table that its rows are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its table or its turn.
    Pending,
    /// The loader reads the sources.
    Survey {
        /// Incarnation.
        incarnation: u64,
    },
    /// Chunks get workers.
    Place {
        /// Incarnation.
        incarnation: u64,
    },
    /// Rows go to the workers.
    Load(Attempt),
    /// No more rows; tables are renamed, counted and compared.
    Seal(Attempt),
    /// The catalog has the segment, and readers are waited for.
    Publish(Published),
    /// Every reader has it.
    Visible(Published),
    /// It was taken back.
    Revoked(Published),
    /// Ended.
    Failed,
}

/// A status that no run of the operator writes: somebody edited it, or it was restored in part.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StateError {
    /// Something that the phase relies on is not there.
    #[error("the status is impossible: phase {phase:?} without {field}; make a new Ingest")]
    Missing {
        /// Phase.
        phase: IngestPhase,
        /// Field of the status.
        field: &'static str,
    },
    /// Something is there before it can be.
    #[error("the status is impossible: phase {phase:?} with {field} {value}; make a new Ingest")]
    TooEarly {
        /// Phase.
        phase: IngestPhase,
        /// Field of the status.
        field: &'static str,
        /// What it says.
        value: u64,
    },
}

impl State {
    /// Reads a status; an ingest without one is pending.
    pub fn read(status: Option<&IngestStatus>) -> Result<Self, StateError> {
        let Some(status) = status else {
            return Ok(Self::Pending);
        };
        let fields = Fields(status);
        match status.phase {
            IngestPhase::Pending => fields.without_attempt().map(|()| Self::Pending),
            IngestPhase::Survey => {
                fields.without_attempt()?;
                let incarnation = fields.incarnation()?;
                Ok(Self::Survey { incarnation })
            }
            IngestPhase::Place => {
                fields.without_attempt()?;
                let incarnation = fields.incarnation()?;
                Ok(Self::Place { incarnation })
            }
            IngestPhase::Load => fields.attempt().map(Self::Load),
            IngestPhase::Seal | IngestPhase::Verify => fields.attempt().map(Self::Seal),
            IngestPhase::Publish => fields.published().map(Self::Publish),
            IngestPhase::Visible => fields.published().map(Self::Visible),
            IngestPhase::Revoked => fields.published().map(Self::Revoked),
            IngestPhase::Failed => Ok(Self::Failed),
        }
    }

    /// Makes `status` say this.
    pub fn write(&self, status: &mut IngestStatus) {
        status.phase = self.phase();
        let (incarnation, attempt) = match self {
            Self::Pending => (None, None),
            Self::Survey { incarnation } | Self::Place { incarnation } => {
                (Some(*incarnation), None)
            }
            Self::Load(attempt) | Self::Seal(attempt) => (Some(attempt.incarnation), Some(attempt)),
            // The numbers stay as they are: people look rows up by them.
            Self::Publish(published) | Self::Visible(published) | Self::Revoked(published) => {
                status.segment = Some(published.segment);
                status.data_epoch = Some(published.data_epoch);
                return;
            }
            Self::Failed => (status.incarnation, None),
        };
        status.incarnation = incarnation;
        status.attempt = attempt.map(|attempt| attempt.number);
        status.index_attempt = attempt.and_then(|attempt| attempt.index);
        status.segment = attempt.map(|attempt| attempt.segment);
        status.basis = attempt.map(|attempt| attempt.basis.clone());
        status.data_epoch = None;
    }

    fn phase(&self) -> IngestPhase {
        match self {
            Self::Pending => IngestPhase::Pending,
            Self::Survey { .. } => IngestPhase::Survey,
            Self::Place { .. } => IngestPhase::Place,
            Self::Load(_) => IngestPhase::Load,
            Self::Seal(_) => IngestPhase::Seal,
            Self::Publish(_) => IngestPhase::Publish,
            Self::Visible(_) => IngestPhase::Visible,
            Self::Revoked(_) => IngestPhase::Revoked,
            Self::Failed => IngestPhase::Failed,
        }
    }

    /// The incarnation its rows are for, while the ingest can still end for nothing.
    pub fn incarnation(&self) -> Option<u64> {
        match self {
            Self::Survey { incarnation } | Self::Place { incarnation } => Some(*incarnation),
            Self::Load(attempt) | Self::Seal(attempt) => Some(attempt.incarnation),
            Self::Pending
            | Self::Publish(_)
            | Self::Visible(_)
            | Self::Revoked(_)
            | Self::Failed => None,
        }
    }

    /// The attempt under way.
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Load(attempt) | Self::Seal(attempt) => Some(attempt),
            _ => None,
        }
    }
}

struct Fields<'a>(&'a IngestStatus);

impl Fields<'_> {
    fn required<T>(&self, field: &'static str, value: Option<T>) -> Result<T, StateError> {
        let phase = self.0.phase;
        value.ok_or(StateError::Missing { phase, field })
    }

    fn incarnation(&self) -> Result<u64, StateError> {
        self.required("incarnation", self.0.incarnation)
    }

    fn attempt(&self) -> Result<Attempt, StateError> {
        self.absent("dataEpoch", self.0.data_epoch)?;
        Ok(Attempt {
            number: self.required("attempt", self.0.attempt)?,
            index: self.0.index_attempt,
            segment: self.required("segment", self.0.segment)?,
            basis: self.required("basis", self.0.basis.clone())?,
            incarnation: self.incarnation()?,
        })
    }

    fn published(&self) -> Result<Published, StateError> {
        Ok(Published {
            segment: self.required("segment", self.0.segment)?,
            data_epoch: self.required("dataEpoch", self.0.data_epoch)?,
        })
    }

    fn absent(&self, field: &'static str, value: Option<u64>) -> Result<(), StateError> {
        let phase = self.0.phase;
        match value {
            None => Ok(()),
            Some(value) => Err(StateError::TooEarly {
                phase,
                field,
                value,
            }),
        }
    }

    /// Before a placement there are no numbers.
    fn without_attempt(&self) -> Result<(), StateError> {
        self.absent("attempt", self.0.attempt)?;
        self.absent("indexAttempt", self.0.index_attempt)?;
        self.absent("segment", self.0.segment)?;
        self.absent("dataEpoch", self.0.data_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(phase: IngestPhase) -> IngestStatus {
        IngestStatus {
            phase,
            incarnation: Some(3),
            attempt: Some(7),
            index_attempt: Some(8),
            segment: Some(5),
            basis: Some("b".into()),
            ..IngestStatus::default()
        }
    }

    fn states() -> Vec<State> {
        let attempt = Attempt {
            number: 7,
            index: Some(8),
            segment: 5,
            basis: "b".into(),
            incarnation: 3,
        };
        let published = Published {
            segment: 5,
            data_epoch: 9,
        };
        vec![
            State::Pending,
            State::Survey { incarnation: 3 },
            State::Place { incarnation: 3 },
            State::Load(attempt.clone()),
            State::Seal(attempt),
            State::Publish(published),
            State::Visible(published),
            State::Revoked(published),
            State::Failed,
        ]
    }

    #[test]
    fn every_state_is_read_as_it_was_written_whatever_the_status_said_before() {
        for state in states() {
            for before in states() {
                let mut status = full(IngestPhase::Pending);
                before.write(&mut status);
                state.write(&mut status);
                assert_eq!(
                    State::read(Some(&status)),
                    Ok(state.clone()),
                    "after {before:?}"
                );
            }
        }
        assert_eq!(State::read(None), Ok(State::Pending));
    }

    #[test]
    fn a_phase_without_what_it_relies_on_is_named() {
        use IngestPhase::{Load, Place, Publish, Seal, Survey, Verify, Visible};
        type Lose = fn(&mut IngestStatus);
        let cases: [(IngestPhase, &str, Lose); 8] = [
            (Load, "attempt", |status| status.attempt = None),
            (Load, "segment", |status| status.segment = None),
            (Load, "basis", |status| status.basis = None),
            (Seal, "incarnation", |status| status.incarnation = None),
            (Verify, "basis", |status| status.basis = None),
            (Publish, "dataEpoch", |_| {}),
            (Visible, "segment", |status| status.segment = None),
            (Survey, "incarnation", |status| {
                *status = IngestStatus {
                    phase: Survey,
                    ..IngestStatus::default()
                }
            }),
        ];
        for (phase, field, lose) in cases {
            let mut status = full(phase);
            lose(&mut status);
            assert_eq!(
                State::read(Some(&status)),
                Err(StateError::Missing { phase, field })
            );
        }
        let error = State::read(Some(&full(Place))).unwrap_err();
        assert!(
            error.to_string().contains("phase Place with attempt 7"),
            "{error}"
        );
    }
}
