//! Prepared statements of one connection: their texts, and their values as literals.
//!
//! A statement is planned from its whole text, so values are put into it before it is sent
//! (`orrery_plan::statement::bind`); rows come back in the binary protocol.

use std::collections::HashMap;
use std::sync::Arc;

use orrery_plan::statement::{Literal, bind, parameters};
use orrery_wire::statement::{ExecuteRequest, StatementParams};
use orrery_wire::value::Param;
use orrery_wire::{ColumnDef, ColumnFlags, ColumnType, ServerError, Value, WireError, errors};

use crate::budget::{Budget, Share};

/// Prepared statements one connection may have: MariaDB's limit for a whole server.
const MAX_STATEMENTS: usize = 16_382;
/// Bytes that the prepared statements of one connection may hold, texts and long data together.
const MAX_BYTES: usize = 64 << 20;
/// Stands for the statement prepared last in any command, so that clients need not wait for its id
/// (MariaDB 10.2).
const LAST: u32 = u32::MAX;
/// Parameters a statement may have: the protocol counts them in two bytes.
const MAX_PARAMETERS: usize = 65_535;

/// What a statement takes beside its text and its long data, bytes: about what its entry and its
/// tokens do.
const OVERHEAD: usize = 256;

/// All prepared statements of a connection.
pub struct PreparedStatements {
    budget: Arc<Budget>,
    statements: HashMap<u32, Prepared>,
    last_id: u32,
    /// What [`LAST`] stands for; nothing after a failed preparation.
    last: Option<u32>,
}

struct Prepared {
    sql: String,
    params: StatementParams,
    /// For text and long data.
    share: Share,
    /// Long data that could not be taken; told at the next execution, because sending it has no
    /// answer.
    broken: Option<ServerError>,
}

impl Prepared {
    /// Forgets long data, and gives back its bytes.
    fn forget_long_data(&mut self) {
        self.params.reset();
        self.share.shrink_to(self.sql.len() + OVERHEAD);
    }
}

impl PreparedStatements {
    /// None yet. They hold at most [`MAX_BYTES`] of `budget`.
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self {
            budget: budget.part(MAX_BYTES),
            statements: HashMap::new(),
            last_id: 0,
            last: None,
        }
    }

    /// A preparation failed: [`LAST`] stands for nothing until the next one.
    pub fn failed(&mut self) {
        self.last = None;
    }

    /// Keeps a statement: its id and number of parameters.
    pub fn add(&mut self, sql: &str) -> Result<(u32, usize), ServerError> {
        self.last = None;
        let count = parameters(sql)
            .map_err(|error| {
                errors::SYNTAX.error(format!("You have an error in your SQL syntax; {error}"))
            })?
            .len();
        if count > MAX_PARAMETERS {
            let message = "Prepared statement contains too many placeholders";
            return Err(errors::TOO_MANY_PLACEHOLDERS.error(message));
        }
        if self.statements.len() >= MAX_STATEMENTS {
            let message = format!(
                "Can't create more than max_prepared_stmt_count statements (current value: {MAX_STATEMENTS})"
            );
            return Err(errors::TOO_MANY_STATEMENTS.error(message));
        }
        let Some(share) = self.budget.take(sql.len() + OVERHEAD) else {
            return Err(errors::TOO_MANY_STATEMENTS.error(format!(
                "Prepared statements take too many bytes (one connection may hold {MAX_BYTES}); close those that are not needed"
            )));
        };
        self.last_id = following(self.last_id);
        while self.statements.contains_key(&self.last_id) {
            self.last_id = following(self.last_id);
        }
        let prepared = Prepared {
            sql: sql.to_owned(),
            params: StatementParams::new(count),
            share,
            broken: None,
        };
        self.statements.insert(self.last_id, prepared);
        self.last = Some(self.last_id);
        Ok((self.last_id, count))
    }

    /// Forgets a statement.
    pub fn remove(&mut self, id: u32) {
        let id = self.meant(id);
        self.statements.remove(&id);
        self.last = self.last.filter(|last| *last != id);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.statements.clear();
        self.last = None;
    }

    /// Forgets long data of a statement.
    pub fn reset(&mut self, id: u32) -> Result<(), ServerError> {
        let prepared = self.find(id, "mysqld_stmt_reset")?;
        prepared.forget_long_data();
        prepared.broken = None;
        Ok(())
    }

    /// Appends to a long parameter, of all together at most `limit` bytes.
    pub fn append(&mut self, id: u32, param: u16, data: &[u8], limit: usize) {
        let id = self.meant(id);
        let Some(prepared) = self.statements.get_mut(&id) else {
            return;
        };
        if !prepared.share.grow(data.len()) {
            prepared.forget_long_data();
            prepared.broken = Some(errors::PACKET_TOO_LARGE.error(format!(
                "Long data takes too many bytes (prepared statements of one connection may hold {MAX_BYTES})"
            )));
        } else if let Err(error) = prepared.params.append_long_data(param, data, limit) {
            prepared.forget_long_data();
            prepared.broken = Some(match error {
                WireError::PacketTooLarge { .. } => errors::packet_too_large(),
                _ => wrong_arguments("mysqld_stmt_send_long_data"),
            });
        }
    }

    /// The text of an execution, values in their places.
    pub fn text(&mut self, request: &ExecuteRequest) -> Result<String, ServerError> {
        let prepared = self.find(request.statement, "mysqld_stmt_execute")?;
        if let Some(error) = prepared.broken.take() {
            prepared.forget_long_data();
            return Err(error);
        }
        let params = prepared.params.take(request);
        prepared.forget_long_data();
        let params = params.map_err(|_| wrong_arguments("mysqld_stmt_execute"))?;
        let literals: Vec<Literal> = params.iter().map(literal).collect();
        bind(&prepared.sql, &literals)
            .map_err(|error| errors::WRONG_ARGUMENTS.error(error.to_string()))
    }

    /// The id that a command means.
    fn meant(&self, id: u32) -> u32 {
        self.last.filter(|_| id == LAST).unwrap_or(id)
    }

    fn find(&mut self, id: u32, command: &str) -> Result<&mut Prepared, ServerError> {
        let id = self.meant(id);
        self.statements.get_mut(&id).ok_or_else(|| {
            let message = format!("Unknown prepared statement handler ({id}) given to {command}");
            errors::UNKNOWN_STATEMENT.error(message)
        })
    }
}

/// The id after this one; ids are neither 0 nor [`LAST`].
fn following(id: u32) -> u32 {
    match id.wrapping_add(1) {
        0 | LAST => 1,
        next => next,
    }
}

fn wrong_arguments(command: &str) -> ServerError {
    errors::WRONG_ARGUMENTS.error(format!("Incorrect arguments to {command}"))
}

/// Definitions of parameters: as in MariaDB they say nothing but that there is one.
pub fn parameter_columns(count: usize) -> Vec<ColumnDef> {
    let parameter = ColumnDef {
        flags: ColumnFlags::BINARY_FLAG,
        ..ColumnDef::expression("?", ColumnType::MYSQL_TYPE_VAR_STRING, 0)
    };
    vec![parameter; count]
}

fn literal(param: &Param) -> Literal {
    match &param.value {
        Value::NULL => Literal::Null,
        Value::Int(number) => Literal::Integer(*number),
        Value::UInt(number) => Literal::Unsigned(*number),
        Value::Float(number) => Literal::Double(f64::from(*number)),
        Value::Double(number) => Literal::Double(*number),
        Value::Bytes(bytes) => bytes_literal(bytes, param.column_type),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            let is_date = param.column_type == ColumnType::MYSQL_TYPE_DATE;
            let time = format!(" {hour:02}:{minute:02}:{second:02}{}", fraction(*micros));
            // Not every value the protocol can carry has a literal: 0000-00-00, which a session may
            // use, has none.
            match (is_day(*year, *month, *day), is_date) {
                (true, true) => Literal::Date(date),
                (true, false) => Literal::DateTime(date + &time),
                (false, true) => Literal::Text(date),
                (false, false) => Literal::Text(date + &time),
            }
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u64::from(*days) * 24 + u64::from(*hours);
            let fraction = fraction(*micros);
            let text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}");
            if hours <= MAX_HOURS {
                Literal::Time(text)
            } else {
                Literal::Text(text)
            }
        }
    }
}

/// Whether a calendar has this day.
fn is_day(year: u16, month: u8, day: u8) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn bytes_literal(bytes: &[u8], column_type: ColumnType) -> Literal {
    use ColumnType as T;
    let text = || std::str::from_utf8(bytes).map(str::to_owned);
    match (column_type, text()) {
        (T::MYSQL_TYPE_NEWDECIMAL | T::MYSQL_TYPE_DECIMAL, Ok(text)) => Literal::Decimal(text),
        (T::MYSQL_TYPE_BIT | T::MYSQL_TYPE_GEOMETRY, _) | (_, Err(_)) => {
            Literal::Bytes(bytes.to_vec())
        }
        (_, Ok(text)) => Literal::Text(text),
    }
}

/// Hours that a TIME may have.
const MAX_HOURS: u64 = 838;

/// Microseconds as digits after the second; none when there are none.
fn fraction(micros: u32) -> String {
    if micros == 0 {
        String::new()
    } else {
        format!(".{micros:06}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_become_literals() {
        let param = |value: Value| Param::from(value);
        assert_eq!(literal(&param(Value::NULL)), Literal::Null);
        assert_eq!(literal(&param(Value::Int(-3))), Literal::Integer(-3));
        assert_eq!(
            literal(&param(Value::UInt(u64::MAX))),
            Literal::Unsigned(u64::MAX)
        );
        assert_eq!(literal(&param(Value::Double(0.1))), Literal::Double(0.1));
        assert_eq!(
            literal(&param(Value::Bytes(b"it's".to_vec()))),
            Literal::Text("it's".to_owned())
        );
        assert_eq!(
            literal(&param(Value::Bytes(vec![0xFF]))),
            Literal::Bytes(vec![0xFF])
        );
        let decimal = Param {
            column_type: ColumnType::MYSQL_TYPE_NEWDECIMAL,
            ..param(Value::Bytes(b"1.10".to_vec()))
        };
        assert_eq!(literal(&decimal), Literal::Decimal("1.10".to_owned()));
        let moment = param(Value::Date(2024, 2, 29, 1, 2, 3, 40));
        assert_eq!(
            literal(&moment),
            Literal::DateTime("2024-02-29 01:02:03.000040".to_owned())
        );
        let day = Param {
            column_type: ColumnType::MYSQL_TYPE_DATE,
            ..param(Value::Date(2024, 2, 29, 0, 0, 0, 0))
        };
        assert_eq!(literal(&day), Literal::Date("2024-02-29".to_owned()));
        assert_eq!(
            literal(&param(Value::Time(true, 1, 2, 3, 4, 0))),
            Literal::Time("-26:03:04".to_owned())
        );
    }

    #[test]
    fn moments_without_a_literal_stay_text() {
        let literal = |value: Value| literal(&Param::from(value));
        assert_eq!(
            literal(Value::Date(0, 0, 0, 0, 0, 0, 0)),
            Literal::Text("0000-00-00 00:00:00".to_owned())
        );
        assert_eq!(
            literal(Value::Date(2023, 2, 29, 0, 0, 0, 0)),
            Literal::Text("2023-02-29 00:00:00".to_owned())
        );
        assert_eq!(
            literal(Value::Time(false, 40, 0, 0, 0, 0)),
            Literal::Text("960:00:00".to_owned())
        );
    }

    #[test]
    fn texts_and_long_data_are_bounded_in_all_and_given_back() {
        let budget = Budget::new(60 << 20);
        let mut statements = PreparedStatements::new(&budget);
        let long = format!("SELECT ?, '{}'", "x".repeat(16 << 20));
        let (first, _) = statements.add(&long).unwrap();
        for _ in 0..2 {
            statements.add(&long).unwrap();
        }
        assert_eq!(statements.add(&long).unwrap_err().code, 1461);
        let data = vec![b'x'; 10 << 20];
        statements.append(first, 0, &data, usize::MAX);
        statements.append(first, 0, &data, usize::MAX);
        let mut other = PreparedStatements::new(&budget);
        assert_eq!(
            other.add(&long).unwrap_err().code,
            1461,
            "the proxy's own bound"
        );
        statements.reset(first).unwrap();
        statements.clear();
        assert_eq!(budget.used(), 0);
        other.add(&long).unwrap();
        drop(other);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn ids_are_never_shared_and_unknown_ones_are_named() {
        let mut statements = PreparedStatements::new(&Budget::new(1 << 20));
        let (first, count) = statements.add("SELECT ? + '?'").unwrap();
        assert_eq!(count, 1);
        let (second, _) = statements.add("SELECT 2").unwrap();
        assert_ne!(first, second);
        statements.remove(first);
        let error = statements.reset(first).unwrap_err();
        assert_eq!(error.code, 1243);
        assert!(error.message.contains(&format!("({first})")), "{error}");
    }

    #[test]
    fn minus_one_stands_for_the_statement_prepared_last() {
        let mut statements = PreparedStatements::new(&Budget::new(1 << 20));
        assert_eq!(statements.reset(LAST).unwrap_err().code, 1243);
        statements.add("SELECT 1").unwrap();
        let (second, _) = statements.add("SELECT 2").unwrap();
        statements.reset(LAST).unwrap();
        statements.remove(LAST);
        assert_eq!(statements.reset(second).unwrap_err().code, 1243);
        assert_eq!(statements.reset(LAST).unwrap_err().code, 1243);
        statements.add("SELECT 3").unwrap();
        statements.failed();
        assert_eq!(
            statements.reset(LAST).unwrap_err().code,
            1243,
            "the preparation failed"
        );
    }
}
