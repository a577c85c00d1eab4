//! SET: changing the session. A statement with several assignments takes effect as a whole or not
//! at all.

use std::time::Duration;

use orrery_plan::statement::{Assignment, Target};

use super::charset::{Collation, current_name};
use super::error::SetError;
use super::evaluate::{Value, evaluate};
use super::sql_mode::SqlMode;
use super::variables::{self, Rule};
use super::{DEFAULT_WAIT_TIMEOUT, Session, plan_name, time_zone};

/// Longest `max_statement_time`, seconds: MariaDB's own.
const MAX_STATEMENT_TIME: f64 = 31_536_000.0;

impl Session {
    /// Applies the assignments of one SET.
    pub fn set(&mut self, assignments: &[Assignment]) -> Result<(), SetError> {
        let mut changed = self.clone();
        for assignment in assignments {
            changed.assign(assignment)?;
        }
        *self = changed;
        Ok(())
    }

    fn assign(&mut self, assignment: &Assignment) -> Result<(), SetError> {
        let value = assignment.value.as_str();
        match &assignment.target {
            Target::Names { collation } => self.set_names(value, collation.as_deref()),
            Target::CharacterSet => self.set_names(value, None),
            Target::Session(name) => self.set_variable(name, value),
            Target::Global(_) => Err(SetError::Global),
            // Rows never change under a reader, so every level gives the same answers.
            Target::Transaction => Ok(()),
            Target::User(name) => Err(SetError::NotHere {
                what: format!("SET @{name}"),
                why: "user variables are not kept; put the value into the statement".to_owned(),
            }),
            Target::Other(what) => Err(SetError::NotHere {
                what: format!("SET {what}"),
                why: "users, their rights and passwords are QueryUser objects".to_owned(),
            }),
        }
    }

    fn set_names(&mut self, charset: &str, collation: Option<&str>) -> Result<(), SetError> {
        if charset.is_empty() || charset.eq_ignore_ascii_case("default") {
            self.collation = Collation::default();
            return Ok(());
        }
        let default =
            Collation::of_charset(charset).ok_or_else(|| SetError::Charset(charset.to_owned()))?;
        self.collation = match collation.filter(|name| !name.eq_ignore_ascii_case("default")) {
            None => default,
            Some(name) => {
                let wanted =
                    Collation::by_name(name).ok_or_else(|| SetError::Collation(name.to_owned()))?;
                if wanted.charset() != default.charset() {
                    return Err(SetError::Mismatch {
                        collation: name.to_owned(),
                        charset: charset.to_owned(),
                    });
                }
                wanted
            }
        };
        Ok(())
    }

    fn set_variable(&mut self, name: &str, text: &str) -> Result<(), SetError> {
        let value = evaluate(text, self)?;
        match name {
            "time_zone" => {
                let zone = text_or(value, "SYSTEM");
                self.time_zone = time_zone::time_zone(&zone).ok_or(SetError::TimeZone(zone))?;
            }
            "sql_mode" => {
                self.sql_mode = match value {
                    Value::Text(modes) => SqlMode::of(&modes)?,
                    Value::Default => SqlMode::default(),
                    Value::Null => return Err(wrong_value(name, "NULL")),
                }
            }
            "sql_select_limit" => self.select_limit = select_limit(value)?,
            "collation_connection" => {
                let name = text_or(value, "utf8mb4_general_ci");
                self.collation = Collation::by_name(&name).ok_or(SetError::Collation(name))?;
            }
            "character_set_client" | "character_set_connection" | "character_set_results" => {
                self.set_one_charset(name, value)?;
            }
            "orrery_plan" => self.gathers = gathers(text_or(value, plan_name(false)))?,
            "max_statement_time" => self.max_statement_time = statement_time(text_or(value, "0"))?,
            _ => self.keep(name, value, text)?,
        }
        Ok(())
    }

    /// One of the three character sets of a session. They are one here: setting a part of it to
    /// what the whole is already, or results to NULL or binary (no conversion, which is what
    /// happens), changes nothing; `character_set_client` moves the whole.
    fn set_one_charset(&mut self, name: &str, value: Value) -> Result<(), SetError> {
        let unconverted = matches!(&value, Value::Null)
            || matches!(&value, Value::Text(charset) if charset.eq_ignore_ascii_case("binary"));
        if unconverted && name == "character_set_results" {
            return Ok(());
        }
        let charset = text_or(value, "utf8mb4");
        if current_name(&charset) == self.collation.charset() {
            return Ok(());
        }
        if name == "character_set_client" {
            return self.set_names(&charset, None);
        }
        Err(SetError::NotHere {
            what: format!("SET {name} = {charset}"),
            why: "statements and results have one character set; write SET NAMES".to_owned(),
        })
    }

    fn keep(&mut self, name: &str, value: Value, text: &str) -> Result<(), SetError> {
        let (name, rule) = variables::find(name).ok_or_else(|| SetError::NotHere {
            what: format!("SET {name}"),
            why: "Orrery's sessions do not have this variable".to_owned(),
        })?;
        let value = match value {
            Value::Text(value) => value,
            Value::Default => {
                self.forget(name);
                return Ok(());
            }
            Value::Null => text.to_owned(),
        };
        let Some(shown) = rule.check(&value) else {
            return Err(match rule {
                Rule::Only(values) => SetError::NotHere {
                    what: format!("SET {name} = {value}"),
                    why: format!("its value is {} here", values.join(" or ")),
                },
                _ => SetError::Value {
                    variable: name.to_owned(),
                    value,
                },
            });
        };
        match name {
            "autocommit" => self.set_autocommit(shown.select == "1"),
            "wait_timeout" => {
                self.wait_timeout = shown.select.parse().unwrap_or(DEFAULT_WAIT_TIMEOUT);
            }
            _ => drop(self.kept.insert(name, shown)),
        }
        Ok(())
    }

    /// Switching autocommit on ends a transaction.
    fn set_autocommit(&mut self, on: bool) {
        if on && !self.autocommit {
            self.end_transaction(false);
        }
        self.autocommit = on;
    }

    fn forget(&mut self, name: &'static str) {
        match name {
            "autocommit" => self.set_autocommit(true),
            "wait_timeout" => self.wait_timeout = DEFAULT_WAIT_TIMEOUT,
            _ => drop(self.kept.remove(name)),
        }
    }
}

fn text_or(value: Value, default: &str) -> String {
    match value {
        Value::Text(text) => text,
        Value::Default | Value::Null => default.to_owned(),
    }
}

/// The largest number means no limit.
fn select_limit(value: Value) -> Result<Option<u64>, SetError> {
    match value {
        Value::Default => Ok(None),
        Value::Null => Err(wrong_value("sql_select_limit", "NULL")),
        Value::Text(text) => match text.parse() {
            Ok(u64::MAX) => Ok(None),
            Ok(rows) => Ok(Some(rows)),
            Err(_) => Err(wrong_value("sql_select_limit", &text)),
        },
    }
}

fn wrong_value(variable: &str, value: &str) -> SetError {
    SetError::Value {
        variable: variable.to_owned(),
        value: value.to_owned(),
    }
}

/// Whether `orrery_plan` asks for a gather.
fn gathers(text: String) -> Result<bool, SetError> {
    let asks = [false, true]
        .into_iter()
        .find(|asks| text.eq_ignore_ascii_case(plan_name(*asks)));
    asks.ok_or(SetError::Value {
        variable: "orrery_plan".to_owned(),
        value: text,
    })
}

/// Seconds with a fraction; 0 means no limit.
fn statement_time(text: String) -> Result<Option<Duration>, SetError> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=MAX_STATEMENT_TIME).contains(&seconds) => {
            Ok((seconds > 0.0).then(|| Duration::from_secs_f64(seconds)))
        }
        _ => Err(SetError::Value {
            variable: "max_statement_time".to_owned(),
            value: text,
        }),
    }
}
