//! Merging in process: groups keyed by integers, sums of counts, decimals and doubles, smallest and
//! largest numbers.

use std::collections::HashMap;

use orrery_plan::{SimpleColumn, SimpleMerge};
use orrery_wire::Value;
use orrery_wire::value::TextCells;
use thiserror::Error;

use super::exact::ExactSum;

/// Groups held in memory; beyond that the shadow server merges, on disk if need be.
const MOST_GROUPS: usize = 200_000;

/// Why partial rows cannot be merged here.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SimpleError {
    /// A cell is not what the plan says.
    #[error("a partial result is not of the type that was planned")]
    Value,
    /// A sum has left the range of its type.
    #[error("a value is out of range in SUM or AVG")]
    Range,
    /// There are too many groups for memory; the shadow server can merge them.
    #[error("too many groups to be merged in process")]
    Groups,
}

/// Groups under way.
pub struct Summary<'p> {
    merge: &'p SimpleMerge,
    groups: HashMap<Vec<Option<Vec<u8>>>, usize>,
    rows: Vec<Vec<State>>,
}

/// One output column of a group so far.
#[derive(Clone, Debug)]
enum State {
    Key(Value),
    Count(i64),
    Decimal(Option<i128>),
    Double(Option<f64>),
    Integer(Option<i128>),
    Sum(Option<ExactSum>),
    Quotient { sum: ExactSum, count: i64 },
}

impl<'p> Summary<'p> {
    /// No rows yet. Without keys there is one group from the start.
    pub fn new(merge: &'p SimpleMerge) -> Self {
        let mut summary = Self {
            merge,
            groups: HashMap::new(),
            rows: Vec::new(),
        };
        if merge.keys.is_empty() {
            summary.groups.insert(Vec::new(), 0);
            summary
                .rows
                .push(merge.columns.iter().map(|column| fresh(*column)).collect());
        }
        summary
    }

    /// Adds a partial row of the text protocol.
    pub fn add(&mut self, row: &[u8]) -> Result<(), SimpleError> {
        let cells: Vec<Option<&[u8]>> = TextCells::new(row)
            .collect::<Result<_, _>>()
            .map_err(|_| SimpleError::Value)?;
        let group = self.group(&cells)?;
        let states = self.rows.get_mut(group).ok_or(SimpleError::Value)?;
        for (column, state) in self.merge.columns.iter().zip(states) {
            add(*column, state, &cells)?;
        }
        Ok(())
    }

    /// The answer's rows: groups in the order they were first seen.
    pub fn rows(self) -> Vec<Vec<Value>> {
        let columns = &self.merge.columns;
        let finish = |states: Vec<State>| {
            columns
                .iter()
                .zip(states)
                .map(|(column, state)| finish(*column, state))
                .collect()
        };
        self.rows.into_iter().map(finish).collect()
    }

    fn group(&mut self, cells: &[Option<&[u8]>]) -> Result<usize, SimpleError> {
        let mut key = Vec::with_capacity(self.merge.keys.len());
        for column in &self.merge.keys {
            key.push(cell(cells, *column)?.map(<[u8]>::to_vec));
        }
        if let Some(group) = self.groups.get(&key) {
            return Ok(*group);
        }
        if self.rows.len() >= MOST_GROUPS {
            return Err(SimpleError::Groups);
        }
        let mut states = Vec::with_capacity(self.merge.columns.len());
        for column in &self.merge.columns {
            states.push(match column {
                SimpleColumn::Key(column) => State::Key(key_value(cell(cells, *column)?)?),
                other => fresh(*other),
            });
        }
        self.rows.push(states);
        let group = self.rows.len() - 1;
        self.groups.insert(key, group);
        Ok(group)
    }
}

fn cell<'c>(cells: &[Option<&'c [u8]>], column: usize) -> Result<Option<&'c [u8]>, SimpleError> {
    cells.get(column).copied().ok_or(SimpleError::Value)
}

fn key_value(cell: Option<&[u8]>) -> Result<Value, SimpleError> {
    let Some(text) = cell else {
        return Ok(Value::NULL);
    };
    let number: i128 = parse(text)?;
    integer_value(number).ok_or(SimpleError::Value)
}

fn fresh(column: SimpleColumn) -> State {
    match column {
        SimpleColumn::Key(_) => State::Key(Value::NULL),
        SimpleColumn::Count(_) => State::Count(0),
        SimpleColumn::SumDecimal { .. } => State::Decimal(None),
        SimpleColumn::SumDouble(_) => State::Sum(None),
        SimpleColumn::MinDouble(_) | SimpleColumn::MaxDouble(_) => State::Double(None),
        SimpleColumn::MinInteger(_) | SimpleColumn::MaxInteger(_) => State::Integer(None),
        SimpleColumn::AvgDouble { .. } => State::Quotient {
            sum: ExactSum::default(),
            count: 0,
        },
    }
}

fn add(
    column: SimpleColumn,
    state: &mut State,
    cells: &[Option<&[u8]>],
) -> Result<(), SimpleError> {
    match (column, state) {
        (SimpleColumn::Key(_), State::Key(_)) => {}
        (SimpleColumn::Count(count), State::Count(total)) => {
            if let Some(text) = cell(cells, count)? {
                *total = total.checked_add(parse(text)?).ok_or(SimpleError::Value)?;
            }
        }
        (SimpleColumn::SumDecimal { sum, scale }, State::Decimal(total)) => {
            if let Some(text) = cell(cells, sum)? {
                let part = parse_decimal(text, scale).ok_or(SimpleError::Value)?;
                *total = Some(
                    total
                        .unwrap_or(0)
                        .checked_add(part)
                        .ok_or(SimpleError::Value)?,
                );
            }
        }
        (SimpleColumn::SumDouble(sum), State::Sum(total)) => {
            if let Some(text) = cell(cells, sum)? {
                add_double(total.get_or_insert_default(), text)?;
            }
        }
        (SimpleColumn::MinDouble(column), State::Double(least)) => {
            fold_double(least, cell(cells, column)?, f64::min)?;
        }
        (SimpleColumn::MaxDouble(column), State::Double(most)) => {
            fold_double(most, cell(cells, column)?, f64::max)?;
        }
        (SimpleColumn::MinInteger(column), State::Integer(least)) => {
            fold_integer(least, cell(cells, column)?, i128::min)?;
        }
        (SimpleColumn::MaxInteger(column), State::Integer(most)) => {
            fold_integer(most, cell(cells, column)?, i128::max)?;
        }
        (
            SimpleColumn::AvgDouble { sum, count },
            State::Quotient {
                sum: total,
                count: rows,
            },
        ) => {
            if let (Some(part), Some(part_rows)) = (cell(cells, sum)?, cell(cells, count)?) {
                add_double(total, part)?;
                *rows = rows
                    .checked_add(parse(part_rows)?)
                    .ok_or(SimpleError::Value)?;
            }
        }
        _ => return Err(SimpleError::Value),
    }
    Ok(())
}

fn add_double(sum: &mut ExactSum, text: &[u8]) -> Result<(), SimpleError> {
    if sum.add(parse(text)?) {
        Ok(())
    } else {
        Err(SimpleError::Range)
    }
}

fn fold_double(
    state: &mut Option<f64>,
    cell: Option<&[u8]>,
    fold: fn(f64, f64) -> f64,
) -> Result<(), SimpleError> {
    if let Some(text) = cell {
        let part: f64 = parse(text)?;
        *state = Some(state.map_or(part, |total| fold(total, part)));
    }
    Ok(())
}

fn fold_integer(
    state: &mut Option<i128>,
    cell: Option<&[u8]>,
    fold: fn(i128, i128) -> i128,
) -> Result<(), SimpleError> {
    if let Some(text) = cell {
        let part: i128 = parse(text)?;
        *state = Some(state.map_or(part, |total| fold(total, part)));
    }
    Ok(())
}

fn finish(column: SimpleColumn, state: State) -> Value {
    match (column, state) {
        (_, State::Key(value)) => value,
        (_, State::Count(total)) => Value::Int(total),
        (SimpleColumn::SumDecimal { scale, .. }, State::Decimal(Some(total))) => {
            Value::Bytes(print_decimal(total, scale).into_bytes())
        }
        (_, State::Double(Some(number))) => Value::Double(number),
        (_, State::Sum(Some(sum))) => Value::Double(sum.total()),
        (_, State::Integer(Some(number))) => {
            integer_value(number).unwrap_or_else(|| Value::Bytes(number.to_string().into_bytes()))
        }
        (_, State::Quotient { sum, count }) if count > 0 => {
            Value::Double(sum.total() / count as f64)
        }
        _ => Value::NULL,
    }
}

fn integer_value(number: i128) -> Option<Value> {
    i64::try_from(number)
        .map(Value::Int)
        .or_else(|_| u64::try_from(number).map(Value::UInt))
        .ok()
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Result<T, SimpleError> {
    let text = std::str::from_utf8(text).map_err(|_| SimpleError::Value)?;
    text.parse().map_err(|_| SimpleError::Value)
}

/// A decimal as an integer count of its last digit.
fn parse_decimal(text: &[u8], scale: u8) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, is_negative) = text
        .strip_prefix('-')
        .map_or((text, false), |rest| (rest, true));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::from(scale);
    if fraction.len() > scale {
        return None;
    }
    let number: i128 = format!("{whole}{fraction:0<scale$}").parse().ok()?;
    Some(if is_negative { -number } else { number })
}

fn print_decimal(number: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use orrery_wire::value::encode_text_row;

    use super::*;

    fn merged(
        merge: &SimpleMerge,
        rows: &[&[Option<&str>]],
    ) -> Result<Vec<Vec<Value>>, SimpleError> {
        let mut summary = Summary::new(merge);
        for row in rows {
            let mut packet = BytesMut::new();
            encode_text_row(&mut packet, row.iter().map(|cell| cell.map(str::as_bytes)));
            summary.add(&packet)?;
        }
        Ok(summary.rows())
    }

    fn all_columns(keys: Vec<usize>) -> SimpleMerge {
        use SimpleColumn as C;
        let columns = vec![
            C::Count(0),
            C::SumDecimal { sum: 1, scale: 2 },
            C::SumDouble(2),
            C::MinInteger(3),
            C::MaxDouble(2),
        ];
        SimpleMerge { keys, columns }
    }

    #[test]
    fn without_keys_there_is_one_row_even_without_rows() {
        let rows = merged(&all_columns(Vec::new()), &[]).unwrap();
        assert_eq!(
            rows,
            [[
                Value::Int(0),
                Value::NULL,
                Value::NULL,
                Value::NULL,
                Value::NULL
            ]]
        );
    }

    #[test]
    fn partial_results_add_up_exactly_and_null_counts_for_nothing() {
        let rows = merged(
            &all_columns(Vec::new()),
            &[
                &[
                    Some("3"),
                    Some("-1.05"),
                    Some("0.1"),
                    Some("18446744073709551615"),
                ],
                &[Some("0"), None, None, None],
                &[
                    Some("2"),
                    Some("1"),
                    Some("0.2"),
                    Some("18446744073709551614"),
                ],
            ],
        )
        .unwrap();
        let expected = [
            Value::Int(5),
            Value::Bytes(b"-0.05".to_vec()),
            Value::Double(0.1 + 0.2),
            Value::UInt(18_446_744_073_709_551_614),
            Value::Double(0.2),
        ];
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn groups_are_keyed_by_value_and_null_is_a_key() {
        let merge = SimpleMerge {
            keys: vec![0],
            columns: vec![
                SimpleColumn::Key(0),
                SimpleColumn::AvgDouble { sum: 1, count: 2 },
            ],
        };
        let rows = merged(
            &merge,
            &[
                &[Some("7"), Some("1"), Some("1")],
                &[None, None, Some("0")],
                &[Some("7"), Some("5"), Some("2")],
                &[None, Some("4"), Some("1")],
            ],
        )
        .unwrap();
        assert_eq!(
            rows,
            [
                [Value::Int(7), Value::Double(2.0)],
                [Value::NULL, Value::Double(4.0)]
            ]
        );
    }

    #[test]
    fn sums_of_doubles_do_not_depend_on_the_order_of_parts() {
        let merge = SimpleMerge {
            keys: Vec::new(),
            columns: vec![
                SimpleColumn::SumDouble(0),
                SimpleColumn::AvgDouble { sum: 0, count: 1 },
            ],
        };
        let parts: [&[Option<&str>]; 4] = [
            &[Some("1e16"), Some("1")],
            &[Some("1"), Some("1")],
            &[Some("-1e16"), Some("1")],
            &[Some("0.5"), Some("1")],
        ];
        let expected = [Value::Double(1.5), Value::Double(0.375)];
        for first in 0..parts.len() {
            let mut turned = parts;
            turned.rotate_left(first);
            assert_eq!(
                merged(&merge, &turned).unwrap(),
                std::slice::from_ref(&expected)
            );
            turned.swap(0, 2);
            assert_eq!(
                merged(&merge, &turned).unwrap(),
                std::slice::from_ref(&expected)
            );
        }
        let beyond: [&[Option<&str>]; 2] = [&[Some("1.7e308"), Some("1")]; 2];
        assert_eq!(merged(&merge, &beyond), Err(SimpleError::Range));
    }

    #[test]
    fn a_number_that_is_longer_than_planned_is_an_error() {
        let huge = "9".repeat(60);
        let row: &[Option<&str>] = &[Some("1"), Some(huge.as_str()), Some("1"), Some("1")];
        assert_eq!(
            merged(&all_columns(Vec::new()), &[row]),
            Err(SimpleError::Value)
        );
    }
}
