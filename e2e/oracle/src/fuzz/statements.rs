//! Whole statements: every clause, joins, groups, subqueries, set operations, windows.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::expressions::Expressions;
use super::schema::{Column, EXTREME, FILTER, OBJECT, SOURCE, Table, Type};
use super::tree::{Expr, From, Select, Source, Statement, form, text};

/// Makes a statement from a seed and a number.
pub struct Statements {
    pub(super) random: ChaCha8Rng,
}

/// A table, its alias, how it is joined, and ON; `#` is the number of the SELECT.
type Joined = (&'static Table, &'static str, &'static str, &'static str);

/// What a SELECT may read, the frequent ones more than once, and what the join needs in WHERE.
const SOURCES: [(&[Joined], &str); 14] = [
    (&[(&OBJECT, "o#", "", "")], ""),
    (&[(&OBJECT, "o#", "", "")], ""),
    (&[(&OBJECT, "o#", "", "")], ""),
    (&[(&SOURCE, "s#", "", "")], ""),
    (&[(&SOURCE, "s#", "", "")], ""),
    (&[(&EXTREME, "e#", "", "")], ""),
    (
        &[
            (&OBJECT, "o#", "", ""),
            (&SOURCE, "s#", " JOIN ", "o#.objectId = s#.objectId"),
        ],
        "",
    ),
    (
        &[(&OBJECT, "o#", "", ""), (&SOURCE, "s#", ", ", "")],
        "o#.objectId = s#.objectId",
    ),
    (
        &[
            (&OBJECT, "o#", "", ""),
            (&SOURCE, "s#", " LEFT JOIN ", "o#.objectId = s#.objectId"),
        ],
        "",
    ),
    (
        &[
            (&EXTREME, "e#", "", ""),
            (&OBJECT, "o#", " JOIN ", "e#.objectId = o#.objectId"),
        ],
        "",
    ),
    (
        &[
            (&SOURCE, "s#", "", ""),
            (&FILTER, "f#", " LEFT JOIN ", "s#.filterId = f#.filterId"),
        ],
        "",
    ),
    (
        &[
            (&OBJECT, "o#", "", ""),
            (&SOURCE, "s#", " JOIN ", "s#.objectId = o#.objectId"),
            (&FILTER, "f#", " JOIN ", "s#.filterId = f#.filterId"),
        ],
        "",
    ),
    (
        &[
            (&OBJECT, "o#", "", ""),
            (&EXTREME, "e#", " LEFT JOIN ", "o#.objectId = e#.objectId"),
        ],
        "",
    ),
    (
        &[
            (&SOURCE, "s#", "", ""),
            (&OBJECT, "o#", " RIGHT JOIN ", "o#.objectId = s#.objectId"),
        ],
        "",
    ),
];

/// What a SELECT reads, and the columns in sight.
pub(super) struct Sources {
    pub(super) from: Vec<Source>,
    pub(super) columns: Vec<Column>,
    /// A condition that the join needs in WHERE.
    needed: Option<Expr>,
}

impl Statements {
    /// The maker of the statement with this number among those of a seed.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        Self { random }
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

    /// The statement.
    pub fn statement(mut self) -> Statement {
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
        if statement.total && !is_loose(&statement) && self.below(2) == 0 {
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

    /// FROM, the aliases with this number.
    pub(super) fn sources(&mut self, number: usize) -> Sources {
        let (joins, needed) = SOURCES[self.random.random_range(0..SOURCES.len())];
        let numbered = |template: &str| template.replace('#', &number.to_string());
        let condition = |template: &str| (!template.is_empty()).then(|| text(numbered(template)));
        let mut sources = Sources {
            from: Vec::new(),
            columns: Vec::new(),
            needed: condition(needed),
        };
        for (table, alias, join, on) in joins {
            let alias = numbered(alias);
            let columns = table.columns.iter().map(|(name, kind)| Column {
                name: format!("{alias}.{name}"),
                kind: *kind,
            });
            sources.columns.extend(columns);
            sources.from.push(Source {
                join,
                from: From::Table(table.name.to_owned()),
                alias,
                on: condition(on),
            });
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
            folds: false,
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

/// Whether rows may be equal in what they are ordered by and in nothing else, so that a LIMIT may
/// take others: large DOUBLEs with fixed decimals, which one server clips
/// (docs/sql.md#where-mariadb-contradicts-itself), and texts in the session's collation.
fn is_loose(statement: &Statement) -> bool {
    let sql = statement.sql();
    let has = |words: &[&str]| words.iter().any(|word| sql.contains(word));
    let is_clipped = has(&[".big", ".small"]) && has(&["FLOOR(", "CEIL(", "ROUND(", "TRUNCATE("]);
    is_clipped || has(&[" AS CHAR)"])
}
