//! What is not defined about an answer, and so not compared.

use super::tree::Statement;
use crate::corpus::Order;

/// What is not compared.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is not defined, apart from the others"
)]
pub(super) struct Loose {
    /// In which order rows come.
    pub order: Order,
    /// Several tables, in one SELECT or in several.
    pub joined: bool,
    /// Some rows may be NULLs in place of a table's: outer joins, ROLLUP, queries in FROM.
    pub nulled: bool,
    /// One server may store rows on the way, in types that do not hold every value.
    pub stored: bool,
    /// Equal rows are one.
    pub distinct: bool,
    /// Doubles may differ by rounding.
    pub rounded: bool,
    /// Equal text may be spelled otherwise: one of several equal values stands for all.
    pub spelling: bool,
    /// MIN or MAX of a ZEROFILL column: with zeros before it, or without.
    pub padded: bool,
}

impl Loose {
    pub(super) fn of(statement: &Statement, sql: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| sql.contains(word));
        let joined = statement.first.from.len() > 1 || sql.matches("SELECT").count() > 1;
        let grouped = !statement.first.group.is_empty();
        let united = statement.more.iter().any(|(how, _)| *how != " UNION ALL ");
        Self {
            // Texts that are equal in the session's collation have no order.
            order: if statement.total && !has(&[" AS CHAR)"]) {
                Order::Fixed
            } else {
                Order::Any
            },
            joined,
            nulled: has(&[
                "LEFT JOIN",
                "RIGHT JOIN",
                "ROLLUP",
                "FROM (",
                "JOIN (",
                "WITH w",
            ]),
            stored: joined || grouped || statement.first.distinct,
            distinct: united || has(&["DISTINCT "]),
            rounded: has(&["SUM(", "AVG(", "STDDEV(", "VARIANCE("]),
            spelling: has(&[
                "MIN(",
                "MAX(",
                "GROUP BY",
                "DISTINCT",
                "UNION",
                "INTERSECT",
                "EXCEPT",
                ".name",
            ]),
            padded: has(&[".padded"]) && has(&["MIN(", "MAX("]),
        }
    }
}
