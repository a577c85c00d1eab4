//! The session settings of a client that change what a statement means, and the `SET` that gives
//! them to a back-end connection.

use thiserror::Error;

/// Default sql_mode of MariaDB 10.11.
pub const DEFAULT_SQL_MODE: &str =
    "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION";
/// Collation of a connection that asked for none.
pub const DEFAULT_COLLATION: &str = "utf8mb4_general_ci";
/// Time zone of a session that asked for none: the pods run in UTC.
pub const DEFAULT_TIME_ZONE: &str = "SYSTEM";

/// Settings of a client's session that travel with each of its statements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionSettings {
    /// `time_zone`.
    pub time_zone: String,
    /// `sql_mode`, modes separated by commas.
    pub sql_mode: String,
    /// `collation_connection`; its character set is also that of results.
    pub collation: String,
    /// Text arrives in the character set it is stored in instead: partial results that are stored
    /// again.
    pub raw_results: bool,
    /// `timestamp`: what the clock says in every statement of one query, seconds since 1970 as
    /// text.
    pub timestamp: Option<String>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            time_zone: DEFAULT_TIME_ZONE.to_owned(),
            sql_mode: DEFAULT_SQL_MODE.to_owned(),
            collation: DEFAULT_COLLATION.to_owned(),
            raw_results: false,
            timestamp: None,
        }
    }
}

/// A setting holds a character that no value of it has.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("Variable '{variable}' can't be set to the value of '{value}'")]
pub struct BadSetting {
    /// The variable.
    pub variable: &'static str,
    /// What it was to be.
    pub value: String,
}

impl SessionSettings {
    /// Checks that every value is made of characters that such values have, so that it can stand
    /// between quotes.
    pub fn check(self) -> Result<Self, BadSetting> {
        let parts = [
            ("time_zone", &self.time_zone),
            ("sql_mode", &self.sql_mode),
            ("collation_connection", &self.collation),
        ];
        for (variable, value) in parts {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-:/, ".contains(&byte);
            if !value.bytes().all(fits) {
                return Err(BadSetting {
                    variable,
                    value: value.clone(),
                });
            }
        }
        Ok(self)
    }

    /// Character set of the collation: results are sent in it.
    pub fn charset(&self) -> &str {
        self.collation
            .split_once('_')
            .map_or(self.collation.as_str(), |(charset, _)| charset)
    }

    /// The statement that gives these settings to a session whose statements are sent as UTF-8.
    pub fn set_statement(&self) -> String {
        let results = if self.raw_results {
            "NULL"
        } else {
            self.charset()
        };
        format!(
            "SET time_zone='{}', sql_mode='{}', character_set_client=utf8mb4, collation_connection={}, \
             character_set_results={results}, timestamp={}",
            self.time_zone,
            self.sql_mode,
            self.collation,
            self.timestamp.as_deref().unwrap_or("DEFAULT")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_leave_its_quotes_is_refused() {
        let settings = SessionSettings {
            time_zone: "UTC', sql_mode='".to_owned(),
            ..SessionSettings::default()
        };
        assert_eq!(settings.check().unwrap_err().variable, "time_zone");
    }

    #[test]
    fn results_travel_in_the_charset_of_the_collation() {
        let settings = SessionSettings {
            collation: "latin1_swedish_ci".to_owned(),
            time_zone: "+02:00".to_owned(),
            sql_mode: "ANSI_QUOTES".to_owned(),
            ..SessionSettings::default()
        };
        assert_eq!(
            settings.check().unwrap().set_statement(),
            "SET time_zone='+02:00', sql_mode='ANSI_QUOTES', character_set_client=utf8mb4, \
             collation_connection=latin1_swedish_ci, character_set_results=latin1, timestamp=DEFAULT"
        );
    }
}
