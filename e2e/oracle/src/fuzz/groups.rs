//! Statements that fold rows: aggregates, GROUP BY, HAVING, ROLLUP.

use rand::Rng;

use super::expressions::Expressions;
use super::schema::{Column, Type};
use super::statements::Statements;
use super::tree::{Expr, Select, Statement, form, text};

impl Statements {
    fn folding<'s>(&'s mut self, columns: &'s [Column]) -> Expressions<'s, 's> {
        Expressions {
            folds: true,
            ..self.expressions(columns)
        }
    }

    /// An aggregate, and whether a condition may be put on it: rounding may not move it.
    fn aggregate(&mut self, columns: &[Column]) -> (Expr, bool) {
        let choice = self.below(20);
        let mut expressions = self.folding(columns);
        let depth = expressions.random.random_range(0..3);
        let kind = expressions.any_type();
        // What is computed from the longest numbers is cut, and its sums depend on their order.
        let summed = if expressions.columns.iter().any(Column::is_long) {
            0
        } else {
            depth
        };
        let (pattern, is_exact, argument) = match choice {
            0 | 1 => return (text("COUNT(*)"), true),
            2 => ("COUNT(#)", true, expressions.value(kind, depth)),
            3 => ("COUNT(DISTINCT #)", true, expressions.value(kind, depth)),
            4..7 => ("MIN(#)", true, expressions.value(kind, depth)),
            7..10 => ("MAX(#)", true, expressions.value(kind, depth)),
            10..12 => ("SUM(#)", false, expressions.value(Type::Int, depth)),
            12 => ("AVG(#)", false, expressions.value(Type::Int, depth)),
            13 => ("SUM(#)", false, expressions.value(Type::Decimal, summed)),
            14 => ("AVG(#)", false, expressions.value(Type::Decimal, summed)),
            15 => {
                // Sums of such numbers cancel or are infinite in one order and not in another.
                let bounded: Vec<Column> = columns
                    .iter()
                    .filter(|column| !column.is_huge())
                    .cloned()
                    .collect();
                let mut expressions = self.folding(&bounded);
                let pattern = expressions.one(&["SUM(#)", "AVG(#)"]);
                (pattern, false, expressions.value(Type::Real, depth.min(1)))
            }
            16 => {
                let pattern = bits(expressions.random.random_range(0..3));
                (pattern, true, expressions.value(Type::Int, depth))
            }
            17 => {
                // A literal 0x0A is 9 to MariaDB's SUM(DISTINCT), and 10 to everything else.
                let pattern = expressions.one(&["SUM(DISTINCT # + 0)", "AVG(DISTINCT # + 0)"]);
                (pattern, false, expressions.leaf(Type::Int))
            }
            18 => {
                let value = expressions.value(Type::Int, depth);
                let both = [value.clone(), value];
                return (form("GROUP_CONCAT(# ORDER BY #)", both), false);
            }
            _ => {
                let pattern = expressions.one(&["STDDEV(#)", "VARIANCE(#)"]);
                // Of large numbers a variance has few digits that are sure.
                let value = form("# % 1000", [expressions.value(Type::Int, 0)]);
                (pattern, false, value)
            }
        };
        // Of a quotient one server keeps all digits, or those that are shown where it groups in a
        // temporary table.
        let is_quotient = argument.sql().contains(" / ");
        (form(pattern, [argument]), is_exact && !is_quotient)
    }

    /// Something computed from aggregates.
    fn folded(&mut self, columns: &[Column]) -> Expr {
        let (aggregate, exact) = self.aggregate(columns);
        let (other, other_exact) = self.aggregate(columns);
        match self.below(8) {
            0 if exact => form("# * 2 + 1", [aggregate]),
            // Without + 0 MariaDB takes bits for signed where they meet a DOUBLE.
            1 if exact && other_exact => form("(# + 0) / (# + 0)", [aggregate, other]),
            2 if exact => form("IFNULL(#, 0)", [aggregate]),
            3 if exact && other_exact => form("# = #", [aggregate, other]),
            4 if exact => form("CONCAT(#, '')", [aggregate]),
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
        for _ in 0..=self.below(3) {
            items.push(self.folded(&columns));
        }
        let having = if self.below(4) == 0 {
            let (aggregate, exact) = self.aggregate(&columns);
            let pattern = self.one(&["# > 1", "# IS NOT NULL", "NOT # <=> NULL", "# & 3 = 1"]);
            exact.then(|| form(pattern, [aggregate]))
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
