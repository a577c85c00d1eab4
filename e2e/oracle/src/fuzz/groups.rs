//! Statements that fold rows: aggregates, GROUP BY, HAVING, ROLLUP.

use rand::Rng;

use super::expressions::Expressions;
use super::schema::{Column, Type};
use super::statements::Statements;
use super::tree::{Expr, Select, Statement, form, text};

/// What of an aggregate's value is sure, so that something may be computed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// Nothing: another order of rows moves it, or one server keeps now all digits and now those that
    /// are shown (docs/sql.md#where-mariadb-contradicts-itself).
    Nothing,
    /// Its text: as a number it depends on how one server groups.
    Text,
    /// Its text and its number.
    Number,
}

/// An aggregate as a pattern, what of it is sure, and its argument.
type Folded = (&'static str, Sure, Expr);

impl Statements {
    fn folding<'s>(&'s mut self, columns: &'s [Column]) -> Expressions<'s, 's> {
        Expressions {
            folds: true,
            ..self.expressions(columns)
        }
    }

    /// An aggregate, and what of it is sure.
    fn aggregate(&mut self, columns: &[Column]) -> (Expr, Sure) {
        let choice = self.below(20);
        let mut expressions = self.folding(columns);
        let depth = expressions.random.random_range(0..3);
        let kind = expressions.any_type();
        let (pattern, sure, argument) = match choice {
            0 | 1 => return (text("COUNT(*)"), Sure::Number),
            2..10 => {
                let argument = expressions.value(kind, depth);
                of_any(choice, kind, argument, columns)
            }
            10..15 => sum(choice, depth, &mut expressions),
            15 => self.sum_of_reals(columns, depth),
            18 => {
                let value = expressions.value(Type::Int, depth);
                let both = [value.clone(), value];
                return (form("GROUP_CONCAT(# ORDER BY #)", both), Sure::Nothing);
            }
            _ => of_numbers(choice, depth, &mut expressions),
        };
        let is_quotient = argument.sql().contains(" / ");
        let sure = if is_quotient { Sure::Nothing } else { sure };
        (form(pattern, [argument]), sure)
    }

    /// Sums of numbers near the largest cancel or are infinite in one order and not in another.
    fn sum_of_reals(&mut self, columns: &[Column], depth: usize) -> Folded {
        let bounded: Vec<Column> = columns
            .iter()
            .filter(|column| !column.is_huge())
            .cloned()
            .collect();
        let mut expressions = self.folding(&bounded);
        let pattern = expressions.one(&["SUM(#)", "AVG(#)"]);
        let argument = expressions.value(Type::Real, depth.min(1));
        (pattern, Sure::Nothing, argument)
    }

    /// Something computed from aggregates.
    pub(super) fn folded(&mut self, columns: &[Column]) -> Expr {
        let (aggregate, sure) = self.aggregate(columns);
        let (other, other_sure) = self.aggregate(columns);
        let both = sure.min(other_sure);
        match self.below(8) {
            0 if sure == Sure::Number => form("# * 2 + 1", [aggregate]),
            // Without + 0 MariaDB takes bits for signed where they meet a DOUBLE.
            1 if both == Sure::Number => form("(# + 0) / (# + 0)", [aggregate, other]),
            2 if sure >= Sure::Text => form("IFNULL(#, 0)", [aggregate]),
            3 if both == Sure::Number => form("# = #", [aggregate, other]),
            4 if sure >= Sure::Text => form("CONCAT(#, '')", [aggregate]),
            _ => aggregate,
        }
    }

    /// Groups, or one row for all.
    pub(super) fn groups(&mut self) -> Statement {
        let sources = self.sources(1);
        let filter = self.filter(&sources);
        let columns: Vec<Column> = sources
            .columns
            .iter()
            .filter(|column| column.kind != Type::Spelled)
            .cloned()
            .collect();
        let keys = self.random.random_range(0..3);
        let mut expressions = self.expressions(&columns);
        let mut group: Vec<Expr> = Vec::new();
        for _ in 0..keys {
            let kind = expressions.any_type();
            // Only a column or what is computed: a literal would be a position, or no key.
            let depth = expressions.random.random_range(0..2);
            let is_long = expressions.columns.iter().any(Column::is_long);
            group.extend(expressions.column(kind).map(|column| {
                // MariaDB clips a quotient with more than 65 digits where it stores it.
                if depth == 0 || (is_long && kind == Type::Decimal) {
                    column
                } else {
                    form(group_form(kind), [column])
                }
            }));
        }
        // MariaDB clips a sum of a group to 65 digits (docs/sql.md#where-mariadb-contradicts-itself).
        let columns: Vec<Column> = columns
            .into_iter()
            .filter(|column| group.is_empty() || !column.is_long())
            .collect();
        let mut items: Vec<Expr> = group.clone();
        let is_joined = sources.from.len() > 1 && !group.is_empty();
        for _ in 0..=self.below(3) {
            let item = self.folded(&columns);
            items.push(if is_joined {
                without_quotients(item)
            } else {
                item
            });
        }
        let having = if self.below(4) == 0 {
            let (aggregate, sure) = self.aggregate(&columns);
            let patterns: &[&str] = match sure {
                Sure::Nothing => &[],
                Sure::Text => &["# IS NOT NULL", "NOT # <=> NULL"],
                Sure::Number => &["# > 1", "# IS NOT NULL", "NOT # <=> NULL", "# & 3 = 1"],
            };
            (!patterns.is_empty()).then(|| form(self.one(patterns), [aggregate]))
        } else {
            None
        };
        let rollup = !group.is_empty() && self.below(12) == 0;
        let order = if rollup || self.below(2) == 0 {
            Vec::new()
        } else {
            group.clone()
        };
        Statement {
            first: Select {
                distinct: self.below(15) == 0,
                items,
                from: sources.from,
                filter,
                group,
                rollup,
                having,
            },
            order,
            ..Statement::default()
        }
    }
}

/// An aggregate, if it is no sum of quotients: in groups one server rounds each of them or none, as its
/// plan has it (docs/sql.md#where-mariadb-contradicts-itself).
pub(super) fn without_quotients(item: Expr) -> Expr {
    let sql = item.sql();
    let is_sum = ["SUM(", "AVG("].iter().any(|word| sql.contains(word));
    if is_sum && sql.contains(" / ") {
        text("COUNT(*)")
    } else {
        item
    }
}

/// Aggregates of values of any type.
fn of_any(choice: u32, kind: Type, argument: Expr, columns: &[Column]) -> Folded {
    let (pattern, sure) = match choice {
        2 => ("COUNT(#)", Sure::Number),
        3 => ("COUNT(DISTINCT #)", Sure::Number),
        4..7 => ("MIN(#)", of_extreme(kind, &argument, columns)),
        _ => ("MAX(#)", of_extreme(kind, &argument, columns)),
    };
    (pattern, sure, argument)
}

/// Sums and means of exact numbers.
fn sum(choice: u32, depth: usize, expressions: &mut Expressions<'_, '_>) -> Folded {
    // What is computed from the longest numbers is cut, and its sums depend on their order.
    let summed = if expressions.columns.iter().any(Column::is_long) {
        0
    } else {
        depth
    };
    let (pattern, kind, depth) = match choice {
        10 | 11 => ("SUM(#)", Type::Int, depth),
        12 => ("AVG(#)", Type::Int, depth),
        13 => ("SUM(#)", Type::Decimal, summed),
        _ => ("AVG(#)", Type::Decimal, summed),
    };
    (pattern, Sure::Nothing, expressions.value(kind, depth))
}

/// Other aggregates of numbers.
fn of_numbers(choice: u32, depth: usize, expressions: &mut Expressions<'_, '_>) -> Folded {
    match choice {
        16 => {
            let pattern = bits(expressions.random.random_range(0..3));
            (pattern, Sure::Number, expressions.value(Type::Int, depth))
        }
        17 => {
            // A literal 0x0A is 9 to MariaDB's SUM(DISTINCT), and 10 to everything else.
            let pattern = expressions.one(&["SUM(DISTINCT # + 0)", "AVG(DISTINCT # + 0)"]);
            (pattern, Sure::Nothing, expressions.leaf(Type::Int))
        }
        _ => {
            let pattern = expressions.one(&["STDDEV(#)", "VARIANCE(#)"]);
            // Of large numbers a variance has few digits that are sure.
            let value = form("# % 1000", [expressions.value(Type::Int, 0)]);
            (pattern, Sure::Nothing, value)
        }
    }
}

/// What is sure of MIN and MAX of an expression of a type.
fn of_extreme(kind: Type, argument: &Expr, columns: &[Column]) -> Sure {
    let sql = argument.sql();
    let has_fixed_decimals = ["ROUND(", "FLOOR(", "CEIL(", "TRUNCATE(", ".fixed"]
        .iter()
        .any(|word| sql.contains(word));
    let is_plain_column = columns
        .iter()
        .any(|column| column.name == sql && !column.is_listed());
    match kind {
        // It is rounded where it is stored.
        Type::Real if has_fixed_decimals => Sure::Nothing,
        // The number of a computed text may be rounded without a temporary table.
        Type::Text | Type::Spelled if !is_plain_column => Sure::Text,
        _ => Sure::Number,
    }
}

fn bits(number: u32) -> &'static str {
    match number {
        0 => "BIT_AND(#)",
        1 => "BIT_OR(#)",
        _ => "BIT_XOR(#)",
    }
}

/// Something computed from a key.
fn group_form(kind: Type) -> &'static str {
    match kind {
        Type::Int => "# % 3",
        // MariaDB clips and rounds a key that is a DOUBLE with a fixed number of decimals
        // (docs/sql.md#where-mariadb-contradicts-itself).
        Type::Real => "SQRT(#)",
        Type::Decimal => "# / 7",
        Type::Text | Type::Spelled => "UPPER(#)",
        Type::Moment => "YEAR(#)",
        Type::Span => "HOUR(#)",
    }
}
