//! Whose a statement is, and under which settings it runs.

use std::time::Duration;

use orrery_wire::command::QueryAttribute;
use orrery_wire::{Format, ServerError};

use crate::attributes::{
    COLLATION, CONNECTION, DATABASE, FORMAT, GATHER, MAX_MS, MAX_ROWS, MIN_DATA_EPOCH, PREPARE,
    SET, SQL_MODE, TIME_ZONE, USER, flag, malformed, number, ours,
};

/// Value of [`FORMAT`] for the binary protocol.
const BINARY: &str = "binary";

/// Everything that decides a statement's answer, but its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question<'a> {
    /// Orrery user whose rights count; never empty.
    pub user: &'a str,
    /// Default database.
    pub database: Option<&'a str>,
    /// `time_zone`; absent: the czar's default.
    pub time_zone: Option<&'a str>,
    /// `sql_mode`; absent: the czar's default.
    pub sql_mode: Option<&'a str>,
    /// Name of `collation_connection`; absent: the czar's default.
    pub collation: Option<&'a str>,
    /// Encoding of rows.
    pub format: Format,
    /// Most rows the user may get.
    pub max_rows: Option<u64>,
    /// Longest time it may run; travels in milliseconds, rounded up.
    pub max_time: Option<Duration>,
    /// dataEpoch the client has seen already.
    pub min_data_epoch: u64,
    /// The client's connection at its proxy, for people; may be empty.
    pub connection: &'a str,
    /// Only the columns are asked for (COM_STMT_PREPARE).
    pub prepare: bool,
    /// Tables are gathered whatever the chunks could compute (`SET orrery_plan = gather`).
    pub gather: bool,
}

impl<'a> Question<'a> {
    /// As query attributes. What has its default is left out.
    pub fn attributes(&self) -> Vec<QueryAttribute> {
        let texts = [
            (USER, Some(self.user)),
            (DATABASE, self.database),
            (TIME_ZONE, self.time_zone),
            (SQL_MODE, self.sql_mode),
            (COLLATION, self.collation),
            (FORMAT, (self.format == Format::Binary).then_some(BINARY)),
            (PREPARE, self.prepare.then_some(SET)),
            (GATHER, self.gather.then_some(SET)),
            (
                CONNECTION,
                Some(self.connection).filter(|connection| !connection.is_empty()),
            ),
        ];
        let numbers = [
            (MAX_ROWS, self.max_rows),
            (MAX_MS, self.max_time.map(milliseconds)),
            (
                MIN_DATA_EPOCH,
                Some(self.min_data_epoch).filter(|epoch| *epoch > 0),
            ),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, value)| Some(QueryAttribute::text(name, value?)));
        let numbers = numbers
            .into_iter()
            .filter_map(|(name, value)| Some(QueryAttribute::text(name, value?.to_string())));
        texts.chain(numbers).collect()
    }

    /// From query attributes. Those of another name are passed over: a newer proxy may say more
    /// than this czar knows.
    pub fn from_attributes(attributes: &'a [QueryAttribute]) -> Result<Self, ServerError> {
        let mut question = Self::default();
        for attribute in ours(attributes) {
            let (name, value) = attribute?;
            question.set(name, value)?;
        }
        if question.user.is_empty() {
            return Err(malformed(USER, "is missing"));
        }
        Ok(question)
    }

    fn set(&mut self, name: &str, value: &'a str) -> Result<(), ServerError> {
        match name {
            USER => self.user = value,
            DATABASE => self.database = Some(value),
            TIME_ZONE => self.time_zone = Some(value),
            SQL_MODE => self.sql_mode = Some(value),
            COLLATION => self.collation = Some(value),
            FORMAT if value == BINARY => self.format = Format::Binary,
            FORMAT => return Err(malformed(FORMAT, "is not binary")),
            MAX_ROWS => self.max_rows = Some(number(MAX_ROWS, value)?),
            MAX_MS => self.max_time = Some(Duration::from_millis(number(MAX_MS, value)?)),
            MIN_DATA_EPOCH => self.min_data_epoch = number(MIN_DATA_EPOCH, value)?,
            CONNECTION => self.connection = value,
            PREPARE => self.prepare = flag(PREPARE, value)?,
            GATHER => self.gather = flag(GATHER, value)?,
            _ => {}
        }
        Ok(())
    }
}

/// Rounded up, so that a limit below one millisecond is still a limit and not none at all; u64::MAX
/// when there are more.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_question_is_read_as_it_was_written(
            user in ".+",
            texts in (of(".*"), of(".*"), of(".*"), of(".*")),
            connection in ".*",
            (binary, prepare, gather) in any::<(bool, bool, bool)>(),
            max_rows in any::<Option<u64>>(),
            max_ms in any::<Option<u64>>(),
            min_data_epoch in any::<u64>(),
        ) {
            let question = Question {
                user: &user,
                database: texts.0.as_deref(),
                time_zone: texts.1.as_deref(),
                sql_mode: texts.2.as_deref(),
                collation: texts.3.as_deref(),
                format: if binary { Format::Binary } else { Format::Text },
                max_rows,
                max_time: max_ms.map(Duration::from_millis),
                min_data_epoch,
                connection: &connection,
                prepare,
                gather,
            };
            let attributes = question.attributes();
            prop_assert_eq!(Question::from_attributes(&attributes), Ok(question));
        }
    }

    fn read(attributes: &[(&str, &str)]) -> Result<(), ServerError> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, value)| QueryAttribute::text(name, *value))
            .collect();
        Question::from_attributes(&attributes).map(drop)
    }

    #[test]
    fn attributes_of_clients_and_of_newer_proxies_are_passed_over() {
        read(&[
            ("user", "eve"),
            ("orrery.user", "ann"),
            ("orrery.later", "?"),
        ])
        .unwrap();
    }

    #[test]
    fn a_statement_of_no_user_is_refused() {
        for attributes in [&[][..], &[("orrery.user", "")], &[("user", "ann")]] {
            let error = read(attributes).unwrap_err();
            assert!(error.message.contains("orrery.user is missing"), "{error}");
        }
    }

    #[test]
    fn bad_values_are_errors_that_name_the_attribute() {
        for (name, value) in [
            ("orrery.max_rows", "-1"),
            ("orrery.max_ms", "1.5"),
            ("orrery.min_data_epoch", ""),
            ("orrery.format", "xml"),
            ("orrery.prepare", "0"),
            ("orrery.gather", "0"),
        ] {
            let error = read(&[("orrery.user", "ann"), (name, value)]).unwrap_err();
            assert!(error.message.contains(name), "{error}");
        }
        let number = QueryAttribute::number("orrery.user", 7);
        assert!(Question::from_attributes(&[number]).is_err());
        let bytes = QueryAttribute::text("orrery.user", b"\xFF".as_slice());
        assert!(Question::from_attributes(&[bytes]).is_err());
    }

    #[test]
    fn a_limit_below_a_millisecond_is_a_limit() {
        let question = Question {
            user: "ann",
            max_time: Some(Duration::from_micros(1)),
            ..Question::default()
        };
        let attributes = question.attributes();
        let read = Question::from_attributes(&attributes).unwrap();
        assert_eq!(read.max_time, Some(Duration::from_millis(1)));
    }
}
