//! What an aggregate function is.

use super::carry::Merged;
use crate::error::{PlanError, refused};
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Function};
use crate::query::scope::Scope;

/// An aggregate function that can be made from partial results.
pub(super) struct Definition {
    /// What calls of it know.
    pub function: Function,
    /// Whether DISTINCT changes its value.
    pub distinct_counts: bool,
    /// How a call is taken apart.
    pub split: TakeApart,
}

/// Takes a call apart that is not DISTINCT.
pub(super) type TakeApart = fn(&Aggregate, &Scope<'_>, &mut dyn Places) -> Result<Split, PlanError>;

/// Where the values of an aggregate get their columns.
pub(crate) trait Places {
    /// The column of what parts compute, in the form in which it travels.
    fn part(&mut self, value: Expr) -> usize;
    /// At the merge, the mean over all parts of a group, of which `mean` is the column of the parts'
    /// means and `count` that of the counts behind them. It can stand within an aggregate.
    fn centre(&mut self, count: usize, mean: usize) -> Expr;
    /// Whether parts group by more than the statement does. Then a part may compute in a temporary
    /// table, which keeps the digits that are shown, where one server computes without.
    fn are_finer(&self) -> bool;
}

/// An aggregate taken apart.
pub(crate) struct Split {
    /// The whole, made of the parts' columns.
    pub merged: Merged,
    /// The whole without a SQL server, where every type is understood exactly.
    pub in_process: Option<SimpleColumn>,
}

/// `function(arguments)`, not DISTINCT.
pub(super) fn over(function: &'static Function, arguments: Vec<Expr>) -> Expr {
    Expr::Aggregate(Box::new(Aggregate {
        function,
        distinct: false,
        arguments,
        rest: Vec::new(),
    }))
}

/// The one argument of a call.
pub(super) fn argument(aggregate: &Aggregate) -> Result<&Expr, PlanError> {
    match aggregate.arguments.as_slice() {
        [argument] => Ok(argument),
        _ => Err(refused(
            format!("{} of several values", aggregate.function.name),
            "pass one",
        )),
    }
}
