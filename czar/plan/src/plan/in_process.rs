//! Merges that need no SQL server.

/// A merge in process: groups keyed by integer columns (or one group), each output column computed
/// from partial columns. No DISTINCT, HAVING, ORDER BY or LIMIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleMerge {
    /// Partial columns that are the group's key: integers, compared as their text, NULL equal to
    /// NULL. Empty: exactly one group, also when there is no partial row.
    pub keys: Vec<usize>,
    /// Output columns in order; numbers are partial columns.
    pub columns: Vec<SimpleColumn>,
}

/// An output column of a [`SimpleMerge`]. NULL partials count for nothing; if there is no other,
/// the result is NULL (0 for `Count`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimpleColumn {
    /// The key's value.
    Key(usize),
    /// Sum of counts, as a signed 64-bit integer.
    Count(usize),
    /// Sum of decimals, with this many digits after the point.
    SumDecimal {
        /// Partial sums.
        sum: usize,
        /// Digits after the point.
        scale: u8,
    },
    /// Sum of doubles: exact when there is one group, else in chunk order (`docs/decisions/0004`).
    SumDouble(usize),
    /// Smallest integer.
    MinInteger(usize),
    /// Largest integer.
    MaxInteger(usize),
    /// Smallest double.
    MinDouble(usize),
    /// Largest double.
    MaxDouble(usize),
    /// Quotient of doubles: sum, made as that of `SumDouble`, over count.
    AvgDouble {
        /// Partial sums.
        sum: usize,
        /// Partial counts.
        count: usize,
    },
}
