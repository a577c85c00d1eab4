//! Whole statements: every clause, joins, groups, subqueries, set operations, windows.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::expressions::Expressions;
use super::schema::{Column, TABLES, Table, Type};
use super::tree::{Expr, From, Select, Source, Statement, form, text};

/// Makes one statement after the other from a seed.
pub struct Statements {
    pub(super) random: ChaCha8Rng,
}

/// A table, the letter of its alias, how it is joined, and ON.
type Joined<'t> = (&'t Table, &'t str, &'static str, Option<Expr>);

/// What a SELECT reads, and the columns in sight.
pub(super) struct Sources {
    pub(super) from: Vec<Source>,
    pub(super) columns: Vec<Column>,
    /// A condition that the join needs in WHERE.
    needed: Option<Expr>,
}

impl Statements {
    /// The statements of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.random.random_range(0..end)
    }

    pub(super) fn one<'v>(&mut self, values: &[&'v str]) -> &'v str {
        values
            .get(self.random.random_range(0..values.len()))
            .copied()
            .unwrap_or("1")
    }

    /// The next statement.
    pub fn next_statement(&mut self) -> Statement {
        let mut statement = match self.below(20) {
            0 => self.set_operation(),
            1 => self.over_with(),
            2 => self.over_derived(),
            3 => self.with_subquery(),
            4 => self.windows(),
            5..12 => self.rows(),
            _ => self.groups(),
        };
        if statement.first.rollup {
            return statement;
        }
        statement.total = self.below(3) == 0;
        if statement.total && self.below(2) == 0 {
            // MariaDB 10.11 ignores the offset of SELECT DISTINCT of constants.
            let limits: &[&str] = if statement.first.distinct {
                &["5", "1000"]
            } else {
                &["5", "3, 7", "1000", "0", "4 OFFSET 2"]
            };
            statement.limit = Some(self.one(limits).to_owned());
        }
        statement
    }

    /// FROM, the first alias with this number.
    pub(super) fn sources(&mut self, number: usize) -> Sources {
        let [object, source, extreme, filter] = &TABLES;
        let alias = |letter: &str| format!("{letter}{number}");
        let table = |table: &Table, letter: &str, join, on: Option<Expr>| Source {
            join,
            from: From::Table(table.name.to_owned()),
            alias: alias(letter),
            on,
        };
        let keys = |left: &str, right: &str| {
            Some(text(format!(
                "{left}{number}.objectId = {right}{number}.objectId"
            )))
        };
        let filters = || Some(text(format!("s{number}.filterId = f{number}.filterId")));
        let (chosen, needed): (Vec<Joined<'_>>, _) = match self.below(14) {
            0..3 => (vec![(object, "o", "", None)], None),
            3 | 4 => (vec![(source, "s", "", None)], None),
            5 => (vec![(extreme, "e", "", None)], None),
            6 => (
                vec![
                    (object, "o", "", None),
                    (source, "s", " JOIN ", keys("o", "s")),
                ],
                None,
            ),
            7 => (
                vec![(object, "o", "", None), (source, "s", ", ", None)],
                keys("o", "s"),
            ),
            8 => (
                vec![
                    (object, "o", "", None),
                    (source, "s", " LEFT JOIN ", keys("o", "s")),
                ],
                None,
            ),
            9 => (
                vec![
                    (extreme, "e", "", None),
                    (object, "o", " JOIN ", keys("e", "o")),
                ],
                None,
            ),
            10 => (
                vec![
                    (source, "s", "", None),
                    (filter, "f", " LEFT JOIN ", filters()),
                ],
                None,
            ),
            11 => (
                vec![
                    (object, "o", "", None),
                    (source, "s", " JOIN ", keys("s", "o")),
                    (filter, "f", " JOIN ", filters()),
                ],
                None,
            ),
            12 => (
                vec![
                    (object, "o", "", None),
                    (extreme, "e", " LEFT JOIN ", keys("o", "e")),
                ],
                None,
            ),
            _ => (
                vec![
                    (source, "s", "", None),
                    (object, "o", " RIGHT JOIN ", keys("o", "s")),
                ],
                None,
            ),
        };
        let mut sources = Sources {
            from: Vec::new(),
            columns: Vec::new(),
            needed,
        };
        for (kind, letter, join, on) in chosen {
            sources.from.push(table(kind, letter, join, on));
            let columns = kind.columns.iter().map(|(name, kind)| Column {
                name: format!("{}.{name}", alias(letter)),
                kind: *kind,
            });
            sources.columns.extend(columns);
        }
        sources
    }

    pub(super) fn filter(&mut self, sources: &Sources) -> Option<Expr> {
        let condition = match self.below(8) {
            0..3 => None,
            3 => self.narrow(sources),
            _ => {
                let depth = 1 + self.random.random_range(0..3);
                Some(self.expressions(&sources.columns).condition(depth))
            }
        };
        match (sources.needed.clone(), condition) {
            (Some(needed), Some(condition)) => Some(form("# AND (#)", [needed, condition])),
            (needed, condition) => needed.or(condition),
        }
    }

    /// A condition that prunes: keys or a region.
    fn narrow(&mut self, sources: &Sources) -> Option<Expr> {
        let named = |end: &str| {
            sources
                .columns
                .iter()
                .find(|column| column.name.ends_with(end))
        };
        let key = named(".objectId")?.name.clone();
        let number = 390_030_275_138_000_u64 + u64::from(self.below(170));
        let position = named(".decl").map(|decl| decl.name.replace("decl", "ra"));
        Some(match (self.below(5), position) {
            (0, Some(ra)) => text(format!("{ra} BETWEEN 3 AND {}", 4 + self.below(30))),
            (1, Some(ra)) => {
                let decl = ra.replace(".ra", ".decl");
                text(format!(
                    "scisql_s2PtInCircle({ra}, {decl}, 20, 0, {}) = 1",
                    1 + self.below(8)
                ))
            }
            (2, _) => text(format!("{key} IN ({number}, {}, 7)", number + 3)),
            (3, _) => text(format!("{key} BETWEEN {number} AND {}", number + 20)),
            _ => text(format!("{key} = {number}")),
        })
    }

    pub(super) fn expressions<'s>(&'s mut self, columns: &'s [Column]) -> Expressions<'s, 's> {
        Expressions {
            random: &mut self.random,
            columns,
        }
    }

    pub(super) fn items(&mut self, columns: &[Column], least: usize) -> Vec<Expr> {
        let count = least + self.random.random_range(0..3);
        let mut expressions = self.expressions(columns);
        let item = |_| {
            let kind = if expressions.chance(8) {
                Type::Spelled
            } else {
                expressions.any_type()
            };
            let depth = expressions.random.random_range(0..4);
            expressions.value(kind, depth)
        };
        (0..count).map(item).collect()
    }

    fn order(&mut self, columns: &[Column]) -> Vec<Expr> {
        if self.below(3) > 0 {
            return Vec::new();
        }
        let mut expressions = self.expressions(columns);
        let kind = expressions.any_type();
        let key = expressions.value(kind, 1);
        // A number alone would be a position.
        vec![form(direction(expressions.chance(2)), [key])]
    }

    /// Rows as they are.
    pub(super) fn rows(&mut self) -> Statement {
        let sources = self.sources(1);
        let filter = self.filter(&sources);
        let items = self.items(&sources.columns, 1);
        let distinct = self.below(6) == 0;
        let order = if distinct {
            Vec::new()
        } else {
            self.order(&sources.columns)
        };
        Statement {
            first: Select {
                distinct,
                items,
                from: sources.from,
                filter,
                ..Select::default()
            },
            order,
            ..Statement::default()
        }
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { "(#) DESC" } else { "(#)" }
}
