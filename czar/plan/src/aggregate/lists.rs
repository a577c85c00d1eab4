//! GROUP_CONCAT, JSON_ARRAYAGG and JSON_OBJECTAGG: lists of a group's values.
//!
//! The server of a chunk makes them where a group is whole there. Of partial lists none is made: only
//! the values themselves say in which order they stand, which of them are equal, and where the list is
//! cut, so that parts would have to hold every value, as gathered tables do.

use super::definition::{Definition, Places, Split};
use crate::error::{PlanError, refused};
use crate::query::expr::{Aggregate, Function};
use crate::query::scope::Scope;
use crate::query::value::Type;

/// GROUP_CONCAT.
pub(super) static GROUP_CONCAT: Definition = list("GROUP_CONCAT");
/// JSON_ARRAYAGG.
pub(super) static JSON_ARRAYAGG: Definition = list("JSON_ARRAYAGG");
/// JSON_OBJECTAGG.
pub(super) static JSON_OBJECTAGG: Definition = list("JSON_OBJECTAGG");

const fn list(name: &'static str) -> Definition {
    Definition {
        function: Function {
            name,
            result: |_| Type::TEXT,
        },
        distinct_counts: true,
        split,
    }
}

fn split(call: &Aggregate, _: &Scope<'_>, _: &mut dyn Places) -> Result<Split, PlanError> {
    Err(no_parts(call))
}

/// Whether a call makes a list.
pub(super) fn is_list(call: &Aggregate) -> bool {
    let lists = [&GROUP_CONCAT, &JSON_ARRAYAGG, &JSON_OBJECTAGG];
    lists.iter().any(|list| list.function == *call.function)
}

/// The refusal of lists of groups that may lie in several statements.
pub(super) fn no_parts(call: &Aggregate) -> PlanError {
    refused(
        format!(
            "{} of groups that may lie in several chunks",
            call.function.name
        ),
        "GROUP BY the director's key, without ORDER BY, or select the rows",
    )
}
