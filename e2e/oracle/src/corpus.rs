//! The queries: those that the planner is tested with, and more that need a whole czar.
//!
//! A line is `kind: statement`, then ` ### statement for the plain server` where it differs. Kinds:
//! `any` (rows in any order), `fixed` (in this order), `count` (only their number is defined), each
//! with `~` when sums of doubles may differ by rounding.

/// Queries shared with the planner's tests.
const SHARED: &str = include_str!("../../../czar/plan/tests/plan/golden.sql");
/// Queries of this crate.
const OWN: &str = include_str!("../corpus.sql");
/// Queries that no chunk can answer by itself: tables are gathered for them.
const GATHERED: &str = include_str!("../gathered.sql");
/// Queries that Qserv and Vitess answer wrongly or refuse.
const OTHERS: &str = include_str!("../others.sql");

/// Joins, also by IN, whose groups or order come from one table: if the optimizer reads another one first, a
/// temporary table is used and the columns lose their key flags. MariaDB itself answers either way,
/// depending on its statistics; these flags are not compared here.
const JOINED_AND_SORTED: &[&str] = &[
    "SELECT objectId FROM Object o ORDER BY (SELECT COUNT(*) FROM Source s WHERE s.objectId = o.objectId), objectId LIMIT 20",
    "SELECT o.objectId, COUNT(*), AVG(s.psfFlux) FROM Object o, Source s WHERE o.objectId = s.objectId GROUP BY o.objectId",
    "SELECT o.objectId, COUNT(s.sourceId), IFNULL(SUM(s.amount), 0), IFNULL(MAX(s.mjd), -1) FROM Object o LEFT JOIN Source s ON o.objectId = s.objectId GROUP BY o.objectId",
    "SELECT s.sourceId, s.objectId FROM Source s WHERE s.objectId IN (SELECT o.objectId FROM Object o WHERE o.run IN (1, 2, 3)) ORDER BY s.sourceId LIMIT 4",
    "SELECT o.objectId, o.kind, s.sourceId, s.quality FROM Object o JOIN Source s USING (objectId) WHERE o.objectId IN (390030275138020, 390030275138021) ORDER BY o.objectId, s.sourceId",
];

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
    /// Whether key flags depend on which table is read first ([`JOINED_AND_SORTED`]).
    pub loose_flags: bool,
    /// Statement for Orrery.
    pub sql: String,
    /// Statement for the plain server.
    pub plain: String,
}

/// Every query.
pub fn queries() -> Vec<Query> {
    [SHARED, OWN, GATHERED, OTHERS]
        .into_iter()
        .flat_map(read)
        .collect()
}

/// Those for which tables are gathered.
pub fn gathered() -> Vec<Query> {
    read(GATHERED)
}

fn read(text: &str) -> Vec<Query> {
    text.lines()
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
        loose_flags: JOINED_AND_SORTED.contains(&sql),
        sql: sql.to_owned(),
        plain: plain.to_owned(),
    }
}
