//! What a proxy asks for: a statement and, in query attributes, whose it is and under which settings it runs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use orrery_wire::command::QueryAttribute;
use orrery_wire::{ServerError, Value};

use crate::backend::SessionSettings;

/// How rows are to be encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text protocol.
    #[default]
    Text,
    /// Binary protocol, as after COM_STMT_EXECUTE.
    Binary,
}

/// One statement with everything that decides its answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// The statement as the client sent it, in the character set of `settings`.
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
}

impl Request {
    /// Reads the attributes. `last` are the settings of the statement before on this connection: equal ones are shared.
    pub fn new(
        sql: Bytes,
        attributes: &[QueryAttribute],
        last: &Arc<SessionSettings>,
    ) -> Result<Self, ServerError> {
        let mut settings = SessionSettings::default();
        let mut request = Self {
            sql,
            user: String::new(),
            database: None,
            settings: last.clone(),
            format: Format::Text,
            max_rows: None,
            max_time: None,
            min_data_epoch: 0,
            connection: String::new(),
            prepare: false,
        };
        for attribute in attributes {
            let Some(name) = attribute.name.strip_prefix("orrery.") else {
                continue;
            };
            request.set(name, text(attribute)?, &mut settings)?;
        }
        if request.user.is_empty() {
            return Err(malformed("orrery.user", "is missing"));
        }
        if settings != **last {
            let settings = settings
                .check()
                .map_err(|error| ServerError::new(1231, b"42000", error.to_string()))?;
            request.settings = Arc::new(settings);
        }
        Ok(request)
    }

    fn set(&mut self, name: &str, value: &str, settings: &mut SessionSettings) -> Result<(), ServerError> {
        match name {
            "user" => value.clone_into(&mut self.user),
            "database" => self.database = (!value.is_empty()).then(|| value.to_owned()),
            "time_zone" => value.clone_into(&mut settings.time_zone),
            "sql_mode" => value.clone_into(&mut settings.sql_mode),
            "charset" => value.clone_into(&mut settings.collation),
            "format" => {
                self.format = match value {
                    "text" => Format::Text,
                    "binary" => Format::Binary,
                    _ => return Err(malformed("orrery.format", "is neither text nor binary")),
                }
            }
            "max_rows" => self.max_rows = Some(number("orrery.max_rows", value)?),
            "max_ms" => self.max_time = Some(Duration::from_millis(number("orrery.max_ms", value)?)),
            "min_data_epoch" => self.min_data_epoch = number("orrery.min_data_epoch", value)?,
            "connection" => value.clone_into(&mut self.connection),
            "prepare" => self.prepare = value == "1",
            // A newer proxy may say more than this czar knows.
            _ => {}
        }
        Ok(())
    }
}

fn text(attribute: &QueryAttribute) -> Result<&str, ServerError> {
    match &attribute.param.value {
        Value::Bytes(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| malformed(&attribute.name, "is not UTF-8"))
        }
        _ => Err(malformed(&attribute.name, "is not a string")),
    }
}

fn number(name: &str, value: &str) -> Result<u64, ServerError> {
    value
        .parse()
        .map_err(|_| malformed(name, "is not a whole number"))
}

fn malformed(name: &str, what: &str) -> ServerError {
    ServerError::new(
        1835,
        b"HY000",
        format!("Malformed communication packet: query attribute {name} {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[(&str, &str)]) -> Result<Request, ServerError> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, value)| QueryAttribute::text(name, *value))
            .collect();
        Request::new(Bytes::from_static(b"SELECT 1"), &attributes, &Arc::default())
    }

    #[test]
    fn attributes_say_whose_statement_it_is_and_how_it_runs() {
        let request = request(&[
            ("orrery.user", "ann"),
            ("orrery.database", "sky"),
            ("orrery.time_zone", "+02:00"),
            ("orrery.format", "binary"),
            ("orrery.max_ms", "1500"),
            ("other", "ignored"),
        ])
        .unwrap();
        assert_eq!(request.user, "ann");
        assert_eq!(request.database.as_deref(), Some("sky"));
        assert_eq!(request.settings.time_zone, "+02:00");
        assert_eq!(request.format, Format::Binary);
        assert_eq!(request.max_time, Some(Duration::from_millis(1500)));
        assert_eq!(request.max_rows, None);
    }

    #[test]
    fn a_statement_of_nobody_is_refused() {
        assert!(
            request(&[])
                .unwrap_err()
                .message
                .contains("orrery.user is missing")
        );
    }

    #[test]
    fn bad_values_are_errors_that_name_the_attribute() {
        let error = request(&[("orrery.user", "ann"), ("orrery.max_rows", "-1")]).unwrap_err();
        assert!(error.message.contains("orrery.max_rows"));
        assert_eq!(
            request(&[("orrery.user", "ann"), ("orrery.sql_mode", "x'")])
                .unwrap_err()
                .code,
            1231
        );
    }

    #[test]
    fn equal_settings_are_shared() {
        let last = Arc::new(SessionSettings::default());
        let attributes = [QueryAttribute::text("orrery.user", "ann")];
        let request = Request::new(Bytes::new(), &attributes, &last).unwrap();
        assert!(Arc::ptr_eq(&request.settings, &last));
    }
}
