//! Does a simple merge in process and compares it with what the server made.

use std::collections::BTreeMap;

use orrery_plan::{SimpleColumn, SimpleMerge};

type Row = Vec<Option<Vec<u8>>>;

fn number<T: std::str::FromStr>(row: &Row, column: usize) -> Option<T> {
    let text = std::str::from_utf8(row[column].as_deref()?).unwrap();
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("'{text}' is no number")),
    )
}

/// A decimal as an integer of its last digit.
fn decimal(row: &Row, column: usize, scale: u8) -> Option<i128> {
    let text = std::str::from_utf8(row[column].as_deref()?).unwrap();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert_eq!(fraction.len(), usize::from(scale), "'{text}'");
    Some(format!("{whole}{fraction}").parse().unwrap())
}

fn value(column: SimpleColumn, rows: &[&Row]) -> Option<f64> {
    let doubles = |column: usize| {
        rows.iter()
            .filter_map(|row| number::<f64>(row, column))
            .collect::<Vec<f64>>()
    };
    let integers = |column: usize| {
        rows.iter()
            .filter_map(move |row| number::<i64>(row, column))
    };
    match column {
        SimpleColumn::Key(column) => number(rows[0], column),
        SimpleColumn::Count(column) => Some(integers(column).sum::<i64>() as f64),
        SimpleColumn::SumDecimal { sum, scale } => {
            let parts: Vec<i128> = rows
                .iter()
                .filter_map(|row| decimal(row, sum, scale))
                .collect();
            (!parts.is_empty())
                .then(|| parts.iter().sum::<i128>() as f64 / 10_f64.powi(i32::from(scale)))
        }
        SimpleColumn::SumDouble(column) => doubles(column).into_iter().reduce(|a, b| a + b),
        SimpleColumn::MinInteger(column) => integers(column).min().map(|value| value as f64),
        SimpleColumn::MaxInteger(column) => integers(column).max().map(|value| value as f64),
        SimpleColumn::MinDouble(column) => doubles(column).into_iter().reduce(f64::min),
        SimpleColumn::MaxDouble(column) => doubles(column).into_iter().reduce(f64::max),
        SimpleColumn::AvgDouble { sum, count } => {
            let counted: i64 = integers(count).sum();
            doubles(sum)
                .into_iter()
                .reduce(|a, b| a + b)
                .map(|sum| sum / counted as f64)
        }
    }
}

/// Panics unless the simple merge of the parts equals the server's.
pub fn compare(simple: &SimpleMerge, parts: &[Row], merged: &[Row]) {
    let mut groups: BTreeMap<Vec<Option<Vec<u8>>>, Vec<&Row>> = BTreeMap::new();
    for part in parts {
        let key = simple.keys.iter().map(|&key| part[key].clone()).collect();
        groups.entry(key).or_default().push(part);
    }
    if simple.keys.is_empty() {
        // All rows are one group, also when there is none.
        groups.entry(Vec::new()).or_default();
    }
    assert_eq!(groups.len(), merged.len(), "groups");
    let number_of = |value: &Option<Vec<u8>>| {
        let text = value
            .as_ref()
            .map(|value| String::from_utf8(value.clone()).unwrap())?;
        Some(text.parse::<f64>().unwrap())
    };
    let mut expected: Vec<Vec<Option<f64>>> = merged
        .iter()
        .map(|row| row.iter().map(number_of).collect())
        .collect();
    let groups = groups.values();
    let mut actual: Vec<Vec<Option<f64>>> = groups
        .map(|rows| {
            simple
                .columns
                .iter()
                .map(|column| value(*column, rows))
                .collect()
        })
        .collect();
    let order = |a: &Vec<Option<f64>>, b: &Vec<Option<f64>>| a.partial_cmp(b).unwrap();
    expected.sort_by(order);
    actual.sort_by(order);
    for (expected, actual) in expected.iter().flatten().zip(actual.iter().flatten()) {
        let close = match (expected, actual) {
            (Some(expected), Some(actual)) => {
                (expected - actual).abs() <= 1e-9 * expected.abs().max(1.0)
            }
            (None, None) => true,
            _ => false,
        };
        assert!(close, "{expected:?} and {actual:?}");
    }
}
