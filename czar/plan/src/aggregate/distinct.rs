//! Aggregates over distinct values: parts group by the values too, so that the merge sees each
//! value of a group and makes it distinct.

use super::carry::Carrier;
use super::lists;
use crate::error::{PlanError, refused};
use crate::query::expr::{Aggregate, Expr};
use crate::query::value::Shown;

/// A value to be made distinct: how it travels, and the partial column it travels in.
pub(crate) struct Value {
    pub carrier: Carrier,
    pub travelled: Expr,
}

/// The aggregate over what travelled.
pub(crate) fn merged(aggregate: &Aggregate, values: Vec<Value>) -> Result<Expr, PlanError> {
    if lists::is_list(aggregate) {
        return Err(lists::no_parts(aggregate));
    }
    let is_count = aggregate.function.name == "COUNT";
    let mut arguments = Vec::new();
    for Value { carrier, travelled } in values {
        if matches!(carrier, Carrier::Timestamp(_)) && !is_count {
            return Err(refused(
                format!("{} of distinct TIMESTAMP values", aggregate.function.name),
                "convert them with UNIX_TIMESTAMP(x)",
            ));
        }
        if carrier == Carrier::Double(Shown::Unknown) {
            return Err(refused(
                format!(
                    "{} of distinct numbers made of strings",
                    aggregate.function.name
                ),
                "write CAST(expression AS DOUBLE)",
            ));
        }
        arguments.push(carrier.grouped(&travelled).unwrap_or(travelled));
    }
    Ok(Expr::Aggregate(Box::new(Aggregate {
        function: aggregate.function,
        distinct: true,
        arguments,
        rest: Vec::new(),
    })))
}
