//! The warnings of the statements that compute one together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use orrery_plan::Plan;

use super::list::{Warning, Warnings};

/// Parts whose warnings are kept until the statement ends.
const PARTS: usize = 256;

/// The warnings of the parts of a statement, a statement each.
#[derive(Clone, Debug, Default)]
pub struct OfParts {
    /// By the place of their task, and their own in it.
    parts: BTreeMap<(usize, usize), Warnings>,
    /// How many there are in parts that are not kept, and the number of these.
    unlisted: (u64, u64),
}

impl OfParts {
    /// Adds those of a task's statements.
    pub fn add(&mut self, place: usize, warnings: Vec<Warnings>) {
        for (number, warnings) in warnings.into_iter().enumerate() {
            self.parts.insert((place, number), warnings);
            if self.parts.len() > PARTS
                && let Some((_, last)) = self.parts.pop_last()
            {
                self.unlisted.0 = self.unlisted.0.saturating_add(last.count);
                self.unlisted.1 += 1;
            }
        }
    }

    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        self.parts.is_empty()
    }

    /// Those of the statement of this text.
    fn whole(self, sql: &str) -> Warnings {
        let constant = self.constant(sql);
        let of_each_part: usize = constant.values().sum();
        let mut whole = Warnings::default();
        let mut told = BTreeSet::new();
        for part in self.parts.into_values() {
            let new = part.listed.iter().filter(|one| constant.contains_key(one));
            let new: Vec<Warning> = new.cloned().collect();
            whole.add(part.without(&told));
            told.extend(new);
        }
        let (unlisted, parts) = self.unlisted;
        let repeated = parts.saturating_mul(of_each_part as u64);
        whole.count += unlisted.saturating_sub(repeated);
        whole
    }

    /// Warnings about a value of the text that several parts raised, each as often as the others:
    /// the value is read once by a server, whatever its rows. With how often.
    fn constant(&self, sql: &str) -> BTreeMap<Warning, usize> {
        let mut times: BTreeMap<&Warning, Vec<usize>> = BTreeMap::new();
        for part in self.parts.values() {
            let of_part: BTreeSet<&Warning> = part.listed.iter().collect();
            for warning in of_part {
                let found = part.listed.iter().filter(|one| *one == warning).count();
                times.entry(warning).or_default().push(found);
            }
        }
        let constant = times
            .into_iter()
            .filter_map(|(warning, times)| match *times {
                [first, ref others @ ..] if !others.is_empty() => {
                    let is_same = others.iter().all(|other| *other == first);
                    (is_same && names_value_of(warning, sql)).then(|| (warning.clone(), first))
                }
                _ => None,
            });
        constant.collect()
    }
}

/// Whether a warning names, in quotes, a string of the text.
fn names_value_of(warning: &Warning, sql: &str) -> bool {
    let quoted = warning.message.split_once('\'').map(|(_, value)| value);
    let value = quoted.and_then(|value| value.strip_suffix('\''));
    value.is_some_and(|value| sql.contains(&format!("'{value}'")))
}

/// How the warnings of an answer came about.
#[derive(Clone, Default)]
pub enum Raised {
    /// One server ran the statement.
    #[default]
    Whole,
    /// Parts computed it: each may have raised what the values in its text raise.
    InParts(Arc<Plan>),
    /// Rows were chosen in one place and computed with in another: both may have raised the same.
    Twice,
}

/// The warnings that an answer has met so far.
#[derive(Default)]
pub struct Met {
    /// How they came about.
    pub raised: Raised,
    /// Of what workers ran.
    pub parts: OfParts,
    /// Of what the shadow server ran.
    pub own: Warnings,
}

impl Met {
    /// All of them.
    pub fn whole(self) -> Warnings {
        let are_twice = matches!(self.raised, Raised::Twice) && !self.parts.are_none();
        let sql = match &self.raised {
            Raised::InParts(plan) => plan.metadata_sql.as_str(),
            Raised::Whole | Raised::Twice => "",
        };
        let mut whole = self.parts.whole(sql);
        whole.add(self.own);
        if are_twice { whole.each_once() } else { whole }
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::warnings;
    use super::*;

    #[test]
    fn parts_are_counted_and_listed_in_their_order() {
        let mut parts = OfParts::default();
        parts.add(3, vec![warnings(&["value: 'c'"], 2)]);
        parts.add(2, Vec::new());
        parts.add(
            1,
            vec![warnings(&["value: 'a'", "value: 'c'", "value: 'c'"], 70)],
        );
        let all = ["value: 'a'", "value: 'c'", "value: 'c'", "value: 'c'"];
        assert_eq!(parts.whole("SELECT 'c'"), warnings(&all, 72));
    }

    #[test]
    fn what_each_part_says_of_a_string_of_the_statement_is_told_once() {
        let whole = |sql| {
            let mut parts = OfParts::default();
            parts.add(3, vec![warnings(&["value: '1x'", "value: 'b'"], 2)]);
            let both = ["a", "z"].map(|value| warnings(&["value: '1x'", value], 2));
            parts.add(1, both.to_vec());
            parts.whole(sql)
        };
        let once = ["value: '1x'", "a", "z", "value: 'b'"];
        assert_eq!(whole("WHERE run = '1x'"), warnings(&once, 4));
        assert_eq!(whole("WHERE name > 5").count, 6);
    }

    #[test]
    fn more_than_are_listed_are_counted() {
        let mut parts = OfParts::default();
        for place in 0..PARTS + 10 {
            parts.add(place, vec![warnings(&["value: '1x'", "x"], 300)]);
        }
        let whole = parts.whole("WHERE run = '1x'");
        assert_eq!(whole.listed.len(), 64);
        assert_eq!(whole.count, 1 + 299 * (PARTS as u64 + 10));
        assert_eq!(whole.count(), u16::MAX);
    }

    #[test]
    fn what_two_ways_raise_is_told_once() {
        let met = |raised, of_parts| {
            let mut parts = OfParts::default();
            parts.add(0, of_parts);
            let own = warnings(&["a", "b", "b"], 3);
            Met { raised, parts, own }.whole()
        };
        let (some, none) = (|| vec![warnings(&["a"], 1)], Vec::new);
        assert_eq!(met(Raised::Twice, some()), warnings(&["a", "b"], 2));
        assert_eq!(met(Raised::Twice, none()), warnings(&["a", "b", "b"], 3));
        let all = warnings(&["a", "a", "b", "b"], 4);
        assert_eq!(met(Raised::Whole, some()), all);
    }
}
