//! The warnings of one server's statement.

use std::collections::BTreeSet;

use orrery_wire::WireError;
use orrery_wire::client::{ClientConnection, ClientError};
use orrery_wire::value::TextCells;

/// Warnings that are listed: MariaDB's `max_error_count`.
const LISTED: usize = 64;

/// A line of SHOW WARNINGS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// `Warning`, `Note` or `Error`.
    pub level: String,
    /// Number.
    pub code: u16,
    /// Text.
    pub message: String,
}

/// The warnings of a statement: how many there are, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    pub(super) listed: Vec<Warning>,
    pub(super) count: u64,
}

impl Warnings {
    /// Those of the connection's last statement, whose answer says that it has so many.
    pub async fn fetch(connection: &mut ClientConnection, count: u16) -> Result<Self, ClientError> {
        if count == 0 {
            return Ok(Self::default());
        }
        let (_, rows) = connection.query_all(b"SHOW WARNINGS").await?;
        let listed = rows.iter().map(|row| warning(row));
        Ok(Self {
            listed: listed.collect::<Result<_, _>>()?,
            count: count.into(),
        })
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        self.count == 0
    }

    /// How many there are, as the last packet of an answer says it.
    pub fn count(&self) -> u16 {
        u16::try_from(self.count).unwrap_or(u16::MAX)
    }

    /// The first of them.
    pub fn listed(&self) -> &[Warning] {
        &self.listed
    }

    /// The text of the first with this number.
    pub fn message(&self, code: u16) -> Option<&str> {
        let mut of_code = self.listed.iter().filter(|warning| warning.code == code);
        of_code.next().map(|warning| warning.message.as_str())
    }

    /// The same in other words.
    #[must_use]
    pub fn in_words(mut self, words: impl Fn(&str) -> String) -> Self {
        for warning in &mut self.listed {
            warning.message = words(&warning.message);
        }
        self
    }

    /// Adds those of the statement that follows.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.listed.extend(other.listed);
        self.listed.truncate(LISTED);
    }

    /// Those that are not among `told`.
    pub(super) fn without(mut self, told: &BTreeSet<Warning>) -> Self {
        let before = self.listed.len();
        self.listed.retain(|warning| !told.contains(warning));
        let gone = before - self.listed.len();
        self.count = self.count.saturating_sub(gone as u64);
        self
    }

    /// Each of those listed once.
    #[must_use]
    pub fn each_once(mut self) -> Self {
        let mut seen = BTreeSet::new();
        self.listed.retain(|warning| seen.insert(warning.clone()));
        self.count = self.listed.len() as u64;
        self
    }
}

/// A row of SHOW WARNINGS.
fn warning(row: &[u8]) -> Result<Warning, ClientError> {
    let cells: Vec<Option<&[u8]>> = TextCells::new(row).collect::<Result<_, _>>()?;
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    match cells.as_slice() {
        [Some(level), Some(code), Some(message)] => Ok(Warning {
            level: text(level),
            code: text(code)
                .parse()
                .map_err(|_| WireError::Malformed("number of a warning"))?,
            message: text(message),
        }),
        _ => Err(WireError::Malformed("row of SHOW WARNINGS").into()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Warnings with these texts.
    pub(in crate::warnings) fn warnings(messages: &[&str], count: u64) -> Warnings {
        let warning = |message: &&str| Warning {
            level: "Warning".to_owned(),
            code: 1292,
            message: (*message).to_owned(),
        };
        Warnings {
            listed: messages.iter().map(warning).collect(),
            count,
        }
    }

    #[test]
    fn what_is_raised_twice_on_two_ways_is_listed_once() {
        let twice = warnings(&["a", "b", "a"], 3);
        assert_eq!(twice.each_once(), warnings(&["a", "b"], 2));
    }
}
