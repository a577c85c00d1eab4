//! The queries: those that the planner is tested with, and more that need a whole czar.
//!
//! A line is `kind: statement`, then ` ### statement for the plain server` where it differs. Kinds: `any` (rows in any order), `fixed`
//! (in this order), `count` (only their number is defined), each with `~` when sums of doubles may differ by rounding.

/// Queries shared with the planner's tests.
const SHARED: &str = include_str!("../../../czar/plan/tests/golden.sql");
/// Queries of this crate.
const OWN: &str = include_str!("../corpus.sql");

/// What is defined about the order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    Any,
    /// All.
    Fixed,
    /// Not even which rows: only how many.
    Count,
}

/// One query.
#[derive(Clone, Debug)]
pub struct Query {
    /// Order of rows.
    pub order: Order,
    /// Whether floating point sums may differ by rounding.
    pub approximate: bool,
    /// Statement for Orrery.
    pub sql: String,
    /// Statement for the plain server.
    pub plain: String,
}

/// Every query.
pub fn queries() -> Vec<Query> {
    let lines = SHARED.lines().chain(OWN.lines());
    lines
        .filter(|line| !line.trim().is_empty() && !line.starts_with("--"))
        .map(query)
        .collect()
}

fn query(line: &str) -> Query {
    let (kind, rest) = line.split_once(": ").unwrap_or(("any", line));
    let (sql, plain) = rest.split_once(" ### ").unwrap_or((rest, rest));
    let order = match kind.trim_end_matches('~') {
        "fixed" => Order::Fixed,
        "count" => Order::Count,
        _ => Order::Any,
    };
    Query {
        order,
        approximate: kind.ends_with('~'),
        sql: sql.to_owned(),
        plain: plain.to_owned(),
    }
}
