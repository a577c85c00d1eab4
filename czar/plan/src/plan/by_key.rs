//! Plans of statements that differ in one key only.
//!
//! Somebody who fetches rows by key sends the same statement with another number each time. Such a
//! statement is planned once, with a number that stands for any key, and the number of each
//! statement is put in its place: parsing, resolving and printing are saved.
//!
//! Keeps true: the plan for a key is the one that [`crate::passes::plan`] makes of the statement's
//! own text. The number that stands for any key occurs nowhere else in the statement, so it gets
//! into the plan from its one place alone; a plan is used for other keys only when it got into the
//! keys to be looked up, where the planner takes a number as it is written, and into texts, where
//! it is one too. Everything else (numbers that the planner computes with, partial results) is
//! planned statement by statement.

use orrery_archive::catalog::Catalog;

use super::template::{Piece, Template};
use super::{ChunkWork, Merge, Plan, Work};

/// The number that stands for any key: of the most digits that a key may have here.
const ANY_KEY: &str = "987654321987654321";

/// What stands for the key in a shape: no statement that has a plan holds it outside a string.
const PLACE: &str = "\0";

/// A statement cut around an integer that a column equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed<'a> {
    before: &'a str,
    key: &'a str,
    after: &'a str,
}

impl<'a> Keyed<'a> {
    /// The first integer right after a `=`; `None` when there is none, or more than one SELECT.
    ///
    /// Strings and comments are not looked for: a number in one never becomes a key of the plan.
    pub fn of(sql: &'a str) -> Option<Self> {
        let bytes = sql.as_bytes();
        let begins = |at: &usize| bytes.get(..*at).is_some_and(ends_with_equal);
        let digits = |at: usize| {
            let rest = bytes.get(at..).unwrap_or_default();
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_whole = rest
                .get(length)
                .is_none_or(|next| b" \t\r\n);".contains(next));
            let is_plain = rest.first() != Some(&b'0') && (1..=ANY_KEY.len()).contains(&length);
            (is_whole && is_plain).then_some(at + length)
        };
        let places = (0..bytes.len()).filter(|at| bytes.get(*at).is_some_and(u8::is_ascii_digit));
        let (start, end) = places
            .filter(begins)
            .find_map(|start| digits(start).map(|end| (start, end)))?;
        Some(Self {
            before: sql.get(..start)?,
            key: sql.get(start..end)?,
            after: sql.get(end..)?,
        })
        .filter(|keyed| {
            let has = |text: &str| keyed.before.contains(text) || keyed.after.contains(text);
            !has(ANY_KEY) && !has(PLACE)
        })
    }

    /// The integer.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// What statements that differ in the integer alone have in common.
    pub fn shape(&self) -> String {
        self.with(PLACE)
    }

    fn with(&self, key: &str) -> String {
        [self.before, key, self.after].concat()
    }
}

/// Whether a text ends with `=` that is no part of a longer operator, and blanks.
fn ends_with_equal(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    text.strip_suffix(b"=")
        .is_some_and(|rest| !rest.last().is_some_and(|before| b"<>!:=".contains(before)))
}

/// The plan of all statements of one shape.
#[derive(Clone, Debug)]
pub struct KeyedPlan {
    plan: Plan,
}

impl KeyedPlan {
    /// Plans the shape of a statement; `None` when its statements have to be planned one by one, as
    /// those that fail.
    pub fn new(keyed: &Keyed<'_>, catalog: &Catalog, database: Option<&str>) -> Option<Self> {
        let plan = crate::passes::plan(&keyed.with(ANY_KEY), catalog, database).ok()?;
        let Work::Chunks(work) = &plan.work else {
            return None;
        };
        let lookup = work.selection.lookup.as_ref()?;
        let is_key = lookup.integer && lookup.keys.contains(ANY_KEY);
        let is_plain = matches!(work.merge, Merge::Concatenate(_));
        (is_key && is_plain).then_some(Self { plan })
    }

    /// The plan of the statement with this key.
    pub fn with_key(&self, key: &str) -> Plan {
        let work = match &self.plan.work {
            Work::Chunks(work) => Work::Chunks(with_key(work, key)),
            other => other.clone(),
        };
        Plan {
            data_epoch: self.plan.data_epoch,
            class: self.plan.class,
            tables: self.plan.tables.clone(),
            metadata_sql: put(&self.plan.metadata_sql, key),
            uses_now: self.plan.uses_now,
            work,
        }
    }
}

fn with_key(work: &ChunkWork, key: &str) -> ChunkWork {
    let mut selection = work.selection.clone();
    if let Some(lookup) = &mut selection.lookup {
        lookup.keys.remove(ANY_KEY);
        lookup.keys.insert(key.to_owned());
    }
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => Piece::Text(put(text, key)),
        other => other.clone(),
    };
    ChunkWork {
        selection,
        template: Template {
            pieces: work.template.pieces.iter().map(piece).collect(),
        },
        merge: work.merge.clone(),
        batchable: work.batchable,
        joined_end: work.joined_end.clone(),
    }
}

fn put(text: &str, key: &str) -> String {
    text.replace(ANY_KEY, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_integer_that_something_equals_is_the_key() {
        for (sql, key, shape) in [
            (
                "SELECT * FROM t WHERE id = 5",
                "5",
                "SELECT * FROM t WHERE id = \0",
            ),
            (
                "select a from t where id=77 and x=3;",
                "77",
                "select a from t where id=\0 and x=3;",
            ),
            (
                "SELECT a FROM t WHERE x >= 1 AND (id=9)",
                "9",
                "SELECT a FROM t WHERE x >= 1 AND (id=\0)",
            ),
            (
                "SELECT a FROM t WHERE x = 1.5 AND id = 9\n",
                "9",
                "SELECT a FROM t WHERE x = 1.5 AND id = \0\n",
            ),
        ] {
            let keyed = Keyed::of(sql).unwrap();
            assert_eq!((keyed.key(), keyed.shape().as_str()), (key, shape));
        }
    }

    #[test]
    fn what_is_no_plain_integer_after_a_plain_equal_is_no_key() {
        for sql in [
            "SELECT a FROM t",
            "SELECT a FROM t WHERE id <= 5",
            "SELECT a FROM t WHERE id <=> 5",
            "SELECT a FROM t WHERE id != 5",
            "SELECT a FROM t WHERE id = 05",
            "SELECT a FROM t WHERE id = 5.0",
            "SELECT a FROM t WHERE id = 5e3",
            "SELECT a FROM t WHERE id = 5+1",
            "SELECT a FROM t WHERE id = 0x5",
            "SELECT a FROM t WHERE id = -5",
            "SELECT a FROM t WHERE id = '5'",
            "SELECT a FROM t WHERE id = 1234567890123456789",
            "SELECT a FROM t WHERE id = 5 AND x = 987654321987654321",
            "SELECT a FROM t WHERE id = 5 AND s = '\0'",
        ] {
            assert_eq!(Keyed::of(sql), None, "{sql}");
        }
    }
}
