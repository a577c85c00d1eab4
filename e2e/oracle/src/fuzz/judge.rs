//! Whether two answers are the same, as far as the contract (design §7) defines the answer.

use super::cells::{Cell, Side, Storing, rows, without_order};
use super::columns::columns_differ;
use super::loose::Loose;
use super::tree::Statement;
use crate::client::{Answer, Outcome};
use crate::corpus::Order;

/// Errors that refuse a statement: not planned yet, too deep or too long, forbidden, larger than a
/// limit.
const REFUSALS: [u16; 5] = [1235, 1436, 1227, 1105, 1114];
/// A value is out of range. Which rows are computed before others drop out is not defined.
const OUT_OF_RANGE: u16 = 1690;

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
    let (mut given, mut right) = (
        rows(given, loose, Side::Given),
        rows(right, loose, Side::Right),
    );
    let storing = Storing::of(loose, &right);
    if loose.order == Order::Any || storing.clips() {
        without_order(&mut given, storing);
        without_order(&mut right, storing);
    }
    if loose.distinct && storing.clips() {
        given.dedup_by(|next, before| {
            next.iter()
                .zip(before.iter())
                .all(|(next, before)| next.is_stored_as(before, storing))
        });
    }
    if given.len() != right.len() {
        return Verdict::Wrong(format!("{} rows instead of {}", given.len(), right.len()));
    }
    match given
        .iter()
        .zip(&right)
        .find(|(given, right)| !are_equal(given, right, storing))
    {
        Some((given, right)) => Verdict::Wrong(format!("row {given:?}\n    instead of {right:?}")),
        None => Verdict::Equal,
    }
}

fn are_equal(given: &[Cell], right: &[Cell], storing: Storing) -> bool {
    given
        .iter()
        .zip(right)
        .all(|(given, right)| given.equals(right, storing))
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
