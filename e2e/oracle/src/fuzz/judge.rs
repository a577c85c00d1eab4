//! Whether two answers are the same, as far as the contract (design §7) defines the answer.

use orrery_wire::{ColumnDef, ColumnFlags, ColumnType, Value};

use super::tree::Statement;
use crate::client::{Answer, Outcome};
use crate::corpus::Order;

/// Errors that refuse a statement: not planned yet, too deep or too long, forbidden, larger than a
/// limit.
const REFUSALS: [u16; 5] = [1235, 1436, 1227, 1105, 1114];
/// A value is out of range. Which rows are computed before others drop out is not defined.
const OUT_OF_RANGE: u16 = 1690;
/// Relative difference that another order of additions may make, with room for what is computed
/// from sums.
const ROUNDING: f64 = 1e-9;

/// What a comparison says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The same answer, or the same error.
    Equal,
    /// Orrery refuses it, for this reason.
    Refused(String),
    /// Another answer.
    Wrong(String),
}

/// What is not compared.
#[derive(Clone, Copy, Debug)]
struct Loose {
    /// In which order rows come.
    order: Order,
    /// Several tables, in one SELECT or in several.
    joined: bool,
    /// Doubles may differ by rounding.
    rounded: bool,
    /// Equal text may be spelled otherwise: one of several equal values stands for all.
    spelling: bool,
}

impl Loose {
    fn of(statement: &Statement, sql: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| sql.contains(word));
        Self {
            order: if statement.total {
                Order::Fixed
            } else {
                Order::Any
            },
            joined: statement.first.from.len() > 1 || sql.matches("SELECT").count() > 1,
            rounded: has(&["SUM(", "AVG(", "STDDEV(", "VARIANCE("]),
            spelling: has(&[
                "MIN(",
                "MAX(",
                "GROUP BY",
                "DISTINCT",
                "UNION",
                "INTERSECT",
                "EXCEPT",
                ".name",
            ]),
        }
    }
}

/// Compares an answer with the right one.
pub fn judge(statement: &Statement, given: &Outcome, right: &Outcome) -> Verdict {
    let sql = statement.sql();
    match (given, right) {
        (Ok(given), Ok(right)) => judge_answers(Loose::of(statement, &sql), given, right),
        (Err(given), Err(right)) if given.code == right.code => Verdict::Equal,
        (Err(given), _) if REFUSALS.contains(&given.code) => {
            Verdict::Refused(reason(&given.message))
        }
        (Err(given), _) if given.code == OUT_OF_RANGE => Verdict::Equal,
        (_, Err(right)) if right.code == OUT_OF_RANGE => Verdict::Equal,
        (Err(given), Err(right)) => Verdict::Wrong(format!("error {given} instead of {right}")),
        (Err(given), Ok(_)) => Verdict::Wrong(format!("error {given}")),
        (Ok(_), Err(right)) => Verdict::Wrong(format!("an answer instead of error {right}")),
    }
}

/// A refusal without what differs from statement to statement.
fn reason(message: &str) -> String {
    let plain: String = message
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    match plain.split_once("'GROUP_CONCAT(") {
        Some((before, _)) => format!("{before}'GROUP_CONCAT'"),
        None => plain,
    }
}

/// What kind of difference a text of [`Verdict::Wrong`] tells of.
pub fn kind(difference: &str) -> String {
    difference
        .split_whitespace()
        .filter(|word| word.parse::<u64>().is_err())
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

fn judge_answers(loose: Loose, given: &Answer, right: &Answer) -> Verdict {
    if let Some(difference) = columns_differ(loose, given, right) {
        return Verdict::Wrong(difference);
    }
    if given.rows.len() != right.rows.len() {
        return Verdict::Wrong(format!(
            "{} rows instead of {}",
            given.rows.len(),
            right.rows.len()
        ));
    }
    let (mut given, mut right) = (rows(given, loose), rows(right, loose));
    if loose.order == Order::Any {
        given.sort_by_cached_key(|row| key(row));
        right.sort_by_cached_key(|row| key(row));
    }
    let differs = |(given, right): &(&Vec<Cell>, &Vec<Cell>)| {
        !given
            .iter()
            .zip(*right)
            .all(|(given, right)| given.equals(right))
    };
    match given.iter().zip(&right).find(differs) {
        Some((given, right)) => Verdict::Wrong(format!("row {given:?}\n    instead of {right:?}")),
        None => Verdict::Equal,
    }
}

/// What columns say of themselves. Where rows are joined, the optimizer may take a temporary table
/// or not: then key flags, lengths, the original name and the decimals of text are not defined.
fn columns_differ(loose: Loose, given: &Answer, right: &Answer) -> Option<String> {
    let said = |answer: &Answer| -> Vec<ColumnDef> {
        let mut columns = answer.columns.clone();
        for column in &mut columns {
            column.flags &= ColumnFlags::NOT_NULL_FLAG | ColumnFlags::UNSIGNED_FLAG;
            if loose.joined {
                column.org_name = Vec::new().into();
                column.length = 0;
                if column.column_type == ColumnType::MYSQL_TYPE_VAR_STRING {
                    column.decimals = 0;
                }
            }
        }
        columns
    };
    let (given, right) = (said(given), said(right));
    if given.len() != right.len() {
        return Some(format!(
            "{} columns instead of {}",
            given.len(),
            right.len()
        ));
    }
    let (given, right) = given
        .iter()
        .zip(&right)
        .find(|(given, right)| given != right)?;
    Some(format!("column {given:?}\n    instead of {right:?}"))
}

/// A value as it is compared.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Rounded(f64),
    Exact(String),
}

impl Cell {
    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rounded(one), Self::Rounded(two)) => {
                one.to_bits() == two.to_bits()
                    || (one - two).abs() <= ROUNDING * one.abs().max(two.abs()).max(1e-3)
            }
            (one, two) => one == two,
        }
    }
}

fn key(row: &[Cell]) -> Vec<String> {
    let text = |cell: &Cell| match cell {
        Cell::Rounded(number) => format!("{number:.5e}"),
        Cell::Exact(text) => text.clone(),
    };
    row.iter().map(text).collect()
}

fn rows(answer: &Answer, loose: Loose) -> Vec<Vec<Cell>> {
    let is_float: Vec<bool> = answer
        .columns
        .iter()
        .map(|column| {
            matches!(
                column.column_type,
                ColumnType::MYSQL_TYPE_DOUBLE | ColumnType::MYSQL_TYPE_FLOAT
            )
        })
        .collect();
    let cell = |(value, is_float): (&Value, &bool)| {
        let number = loose
            .rounded
            .then(|| number(value))
            .flatten()
            .filter(|_| *is_float);
        number.map_or_else(|| Cell::Exact(text(value, loose.spelling)), Cell::Rounded)
    };
    let row = |row: &Vec<Value>| row.iter().zip(&is_float).map(cell).collect();
    answer.rows.iter().map(row).collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Float(number) => Some(f64::from(*number)),
        Value::Bytes(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

fn text(value: &Value, spelling: bool) -> String {
    let text = value.as_sql(true);
    if spelling {
        let folded = text.to_lowercase();
        folded.trim_end_matches('\'').trim_end().to_owned()
    } else {
        text
    }
}

/// Rows as a set, for checks of answers against each other.
pub fn sorted(answer: &Answer) -> Vec<String> {
    let mut rows: Vec<String> = answer
        .rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|value| value.as_sql(true))
                .collect::<Vec<_>>()
                .join(", ")
        })
        .collect();
    rows.sort();
    rows
}
