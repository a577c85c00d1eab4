//! What a proxy asks for: a statement and, in query attributes, whose it is and under which
//! settings it runs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use orrery_czar_protocol::Question;
use orrery_plan::Way;
use orrery_wire::command::QueryAttribute;
use orrery_wire::{Format, ServerError, errors};

use crate::backend::SessionSettings;

/// One statement with everything that decides its answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// The statement, UTF-8.
    pub sql: Bytes,
    /// Orrery user whose rights count.
    pub user: String,
    /// Default database.
    pub database: Option<String>,
    /// Session settings.
    pub settings: Arc<SessionSettings>,
    /// Encoding of rows.
    pub format: Format,
    /// Most rows that may be sent.
    pub max_rows: Option<u64>,
    /// Longest time it may run.
    pub max_time: Option<Duration>,
    /// dataEpoch the client has seen already.
    pub min_data_epoch: u64,
    /// The proxy's connection id, for people.
    pub connection: String,
    /// Only the columns are asked for (COM_STMT_PREPARE).
    pub prepare: bool,
    /// Which plans it may have.
    pub way: Way,
}

impl Request {
    /// Reads the attributes. `last` are the settings of the statement before on this connection:
    /// equal ones are shared.
    pub fn new(
        sql: Bytes,
        attributes: &[QueryAttribute],
        last: &Arc<SessionSettings>,
    ) -> Result<Self, ServerError> {
        let question = Question::from_attributes(attributes)?;
        Ok(Self {
            sql,
            user: question.user.to_owned(),
            database: question.database.map(str::to_owned),
            settings: shared_settings(&question, last)?,
            format: question.format,
            max_rows: question.max_rows,
            max_time: question.max_time,
            min_data_epoch: question.min_data_epoch,
            connection: question.connection.to_owned(),
            prepare: question.prepare,
            way: if question.gather {
                Way::Gathered
            } else {
                Way::Planned
            },
        })
    }
}

/// The settings a question asks for; `last` itself when they are equal.
fn shared_settings(
    question: &Question<'_>,
    last: &Arc<SessionSettings>,
) -> Result<Arc<SessionSettings>, ServerError> {
    let mut settings = SessionSettings::default();
    let asked = [
        (&mut settings.time_zone, question.time_zone),
        (&mut settings.sql_mode, question.sql_mode),
        (&mut settings.collation, question.collation),
    ];
    for (setting, asked) in asked {
        if let Some(asked) = asked {
            asked.clone_into(setting);
        }
    }
    if settings == **last {
        return Ok(last.clone());
    }
    let settings = settings
        .check()
        .map_err(|error| errors::WRONG_VALUE.error(error.to_string()))?;
    Ok(Arc::new(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(
        question: &Question<'_>,
        last: &Arc<SessionSettings>,
    ) -> Result<Request, ServerError> {
        Request::new(
            Bytes::from_static(b"SELECT 1"),
            &question.attributes(),
            last,
        )
    }

    #[test]
    fn attributes_say_whose_statement_it_is_and_how_it_runs() {
        let question = Question {
            user: "ann",
            database: Some("sky"),
            time_zone: Some("+02:00"),
            format: Format::Binary,
            max_time: Some(Duration::from_millis(1500)),
            ..Question::default()
        };
        let request = request(&question, &Arc::default()).unwrap();
        assert_eq!(request.user, "ann");
        assert_eq!(request.database.as_deref(), Some("sky"));
        assert_eq!(request.settings.time_zone, "+02:00");
        assert_eq!(request.format, Format::Binary);
        assert_eq!(request.max_time, Some(Duration::from_millis(1500)));
        assert_eq!(request.max_rows, None);
    }

    #[test]
    fn a_setting_that_could_leave_its_quotes_is_refused() {
        let question = Question {
            user: "ann",
            sql_mode: Some("x'"),
            ..Question::default()
        };
        assert_eq!(request(&question, &Arc::default()).unwrap_err().code, 1231);
    }

    #[test]
    fn equal_settings_are_shared() {
        let last = Arc::new(SessionSettings::default());
        let question = Question {
            user: "ann",
            ..Question::default()
        };
        let request = request(&question, &last).unwrap();
        assert!(Arc::ptr_eq(&request.settings, &last));
    }
}
