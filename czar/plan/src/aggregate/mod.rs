//! Aggregate functions: which can be made from partial results.

use crate::query::expr::AggregateKind;

/// The aggregate function of this name, if it can be made from partial results.
pub(crate) fn aggregate(name: &str) -> Option<AggregateKind> {
    Some(match name {
        "COUNT" => AggregateKind::Count,
        "SUM" => AggregateKind::Sum,
        "AVG" => AggregateKind::Avg,
        "MIN" => AggregateKind::Min,
        "MAX" => AggregateKind::Max,
        "BIT_AND" => AggregateKind::BitAnd,
        "BIT_OR" => AggregateKind::BitOr,
        "BIT_XOR" => AggregateKind::BitXor,
        _ => return None,
    })
}
