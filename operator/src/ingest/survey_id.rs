//! The id of a survey: which life of which Ingest it is for, what it relies on, and its number. A
//! loader keeps it with its spool.

use std::fmt;

/// Stands between the parts.
const BETWEEN: char = '#';

/// A survey's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyId {
    /// UID of the Ingest: one that was made again never meets an old spool.
    pub uid: String,
    /// What the survey relies on (see [`super::target::Target::basis`]).
    pub basis: String,
    /// Each survey of an ingest has another number, so that a failed one can be tried again with
    /// fresh addresses.
    pub number: u64,
}

impl SurveyId {
    /// Reads an id; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(BETWEEN);
        let id = Self {
            uid: parts.next()?.to_owned(),
            basis: parts.next()?.to_owned(),
            number: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(id)
    }
}

impl fmt::Display for SurveyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{BETWEEN}{}{BETWEEN}{}",
            self.uid, self.basis, self.number
        )
    }
}

#[cfg(test)]
mod tests {
    use super::SurveyId;

    #[test]
    fn an_id_is_read_as_it_was_written_and_nothing_else_is_one() {
        let id = SurveyId {
            uid: "u".into(),
            basis: "b".into(),
            number: 4,
        };
        assert_eq!(SurveyId::parse(&id.to_string()), Some(id));
        for text in ["", "u", "u#4", "u#b#x", "u#b#4#5"] {
            assert_eq!(SurveyId::parse(text), None, "{text}");
        }
    }
}
