//! Where two answers differ.

use orrery_wire::{ColumnDef, ColumnFlags, Value};

use crate::client::{Answer, Outcome};
use crate::corpus::{Order, Query};

/// Relative difference that rounding may make in a sum: 1e-12 × Σ|x|, and Σ|x| is never less than
/// the sum.
const ROUNDING: f64 = 1e-12;
/// Differing rows shown.
const SHOWN: usize = 3;

/// Says how `given` differs from `right`, if it does.
pub fn difference(query: &Query, given: &Outcome, right: &Outcome) -> Option<String> {
    match (given, right) {
        (Ok(given), Ok(right)) => difference_of_answers(query, given, right),
        (Err(given), Err(right))
            if given.code == right.code && given.sqlstate == right.sqlstate =>
        {
            None
        }
        (Err(given), Err(right)) => Some(format!("error {given} instead of {right}")),
        (Err(given), Ok(_)) => Some(format!("error {given}")),
        (Ok(_), Err(right)) => Some(format!("an answer instead of error {right}")),
    }
}

fn difference_of_answers(query: &Query, given: &Answer, right: &Answer) -> Option<String> {
    if given.columns.len() != right.columns.len() {
        return Some(format!(
            "{} columns instead of {}",
            given.columns.len(),
            right.columns.len()
        ));
    }
    let columns = given
        .columns
        .iter()
        .zip(&right.columns)
        .filter_map(|(given, right)| column(query, given, right));
    let mut found: Vec<String> = columns.collect();
    if given.rows.len() != right.rows.len() {
        found.push(format!(
            "{} rows instead of {}",
            given.rows.len(),
            right.rows.len()
        ));
    } else if query.order != Order::Count {
        found.extend(rows(query, &given.rows, &right.rows));
    }
    (!found.is_empty()).then(|| found.join("\n    "))
}

fn column(query: &Query, given: &ColumnDef, right: &ColumnDef) -> Option<String> {
    use ColumnFlags as F;
    let (mut given, mut right) = (given.clone(), right.clone());
    if query.loose_flags {
        for column in [&mut given, &mut right] {
            column
                .flags
                .remove(F::PRI_KEY_FLAG | F::PART_KEY_FLAG | F::MULTIPLE_KEY_FLAG | F::BINARY_FLAG);
        }
    }
    (given != right).then(|| format!("column {given:?}\n    instead of {right:?}"))
}

fn rows(query: &Query, given: &[Vec<Value>], right: &[Vec<Value>]) -> Vec<String> {
    let (mut given, mut right) = (given.to_vec(), right.to_vec());
    if query.order == Order::Any {
        given.sort_by_cached_key(|row| key(row, query.approximate));
        right.sort_by_cached_key(|row| key(row, query.approximate));
    }
    let differ = |(given, right): &(&Vec<Value>, &Vec<Value>)| {
        given.len() != right.len()
            || !given
                .iter()
                .zip(*right)
                .all(|(a, b)| same(a, b, query.approximate))
    };
    let show = |(given, right): (&Vec<Value>, &Vec<Value>)| {
        format!("row {}\n    instead of {}", print(given), print(right))
    };
    given
        .iter()
        .zip(&right)
        .filter(differ)
        .take(SHOWN)
        .map(show)
        .collect()
}

fn same(given: &Value, right: &Value, approximate: bool) -> bool {
    if given == right {
        return true;
    }
    match (number(given), number(right)) {
        (Some(given), Some(right)) if approximate => {
            (given - right).abs() <= ROUNDING * right.abs().max(given.abs())
        }
        _ => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        Value::Float(number) => Some(f64::from(*number)),
        Value::Bytes(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// Sort key of a row. Where sums may be rounded otherwise, floating point numbers count with fewer
/// digits.
fn key(row: &[Value], approximate: bool) -> Vec<String> {
    let cell = |value: &Value| match number(value) {
        Some(number) if approximate && number.fract() != 0.0 => format!("{number:.6e}"),
        _ => print(std::slice::from_ref(value)),
    };
    row.iter().map(cell).collect()
}

fn print(row: &[Value]) -> String {
    let cells: Vec<String> = row.iter().map(|value| value.as_sql(true)).collect();
    cells.join(", ")
}
