//! Expressions over rows as expressions over partial columns.

use super::columns::{Centre, Columns};
use super::keys::Keys;
use crate::aggregate::carry::{Merged, check_quotient};
use crate::aggregate::{self, Split, distinct};
use crate::error::{PlanError, refused};
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Operator};
use crate::query::functions::{Returns, returns};
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::value::{Nature, Number};

/// What an expression is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// For its value: it is computed with, ordered by, or sent to the client, whose metadata tell
    /// how it is shown.
    Value,
    /// As it is shown: it becomes part of a text, or is compared, which MariaDB does by the digits
    /// that are shown.
    Shown,
}

/// Makes expressions over partial columns, and notes what partial columns that takes.
pub(super) struct Lift<'k, 's> {
    keys: &'k Keys<'k, 's>,
    scope: &'k Scope<'k>,
    columns: Columns,
    aggregates: Vec<(Aggregate, Split)>,
}

impl<'k, 's> Lift<'k, 's> {
    pub(super) fn new(keys: &'k Keys<'k, 's>, scope: &'k Scope<'k>) -> Self {
        Self {
            keys,
            scope,
            columns: Columns::after(keys.all().len(), keys.are_finer()),
            aggregates: Vec::new(),
        }
    }

    /// Everything that travels: keys, then partial aggregates. And what the merge computes of each
    /// group beforehand.
    pub(super) fn into_columns(self) -> (Vec<Expr>, Vec<Centre>) {
        let keys = self.keys.all().iter();
        let keys = keys.map(|key| key.carrier.pack(key.expr.clone()));
        let (partials, centres) = self.columns.into_parts();
        (keys.chain(partials).collect(), centres)
    }

    /// An aggregate of the statement without a SQL server.
    pub(super) fn in_process(&self, call: &Aggregate) -> Option<SimpleColumn> {
        let (_, split) = self.aggregates.iter().find(|(known, _)| known == call)?;
        split.in_process
    }

    /// An entry of the select list. A key that stands there by itself comes from what one server
    /// groups in: with the digits that are shown.
    pub(super) fn output(&mut self, expr: &Expr, used: Use) -> Result<Expr, PlanError> {
        let key = self.keys.grouped(expr);
        let shown = key.and_then(|(number, key)| {
            let value = aggregate::least(Expr::Partial(number));
            key.carrier
                .grouped(&value)
                .filter(|_| key.carrier.is_double())
        });
        shown.map_or_else(|| self.expr(expr, used), Ok)
    }

    /// An expression over the partial columns that has the value of `expr` over the rows.
    pub(super) fn expr(&mut self, expr: &Expr, used: Use) -> Result<Expr, PlanError> {
        if let Expr::Call { name, arguments } = expr
            && name == "UNIX_TIMESTAMP"
            && let [time] = arguments.as_slice()
            && let Some(Merged {
                seconds: Some(seconds),
                ..
            }) = self.merged(time)?
        {
            // Through local time an hour a year would be lost.
            return Ok(seconds);
        }
        if let Some(merged) = self.merged(expr)? {
            return match used {
                Use::Value => Ok(merged.value),
                Use::Shown => merged.shown.ok_or_else(|| {
                    refused(
                        "a DOUBLE with a fixed number of decimals in a text or a comparison",
                        "write CAST(expression AS DOUBLE)",
                    )
                }),
            };
        }
        if let Expr::Arithmetic(Operator::Divide, dividend, _) = expr
            && let Number::Exact(digits) = type_of(dividend, self.scope).number
        {
            check_quotient(digits)?;
        }
        let below = self.below(expr, used);
        expr.map_children(&mut |child| self.expr(child, below))
    }

    /// What operands are used for in an expression that is used so itself.
    fn below(&self, expr: &Expr, used: Use) -> Use {
        match expr {
            // Truth is a matter of the value.
            Expr::And(_) | Expr::Or(_) | Expr::Not(_) => Use::Value,
            Expr::Negative(_) => used,
            Expr::Arithmetic(operator, ..) => match operator {
                Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Remainder => used,
                _ => Use::Value,
            },
            Expr::Cast { .. } if self.is_number(expr) => Use::Value,
            Expr::Case { operand: None, .. } if self.is_number(expr) => used,
            Expr::Call { name, arguments } => match returns(name) {
                Some(Returns::Double | Returns::Whole) => Use::Value,
                Some(Returns::Rounded)
                    if matches!(arguments.get(1), None | Some(Expr::Literal(_))) =>
                {
                    Use::Value
                }
                Some(Returns::First | Returns::Remainder) => used,
                Some(Returns::Choice | Returns::ChoiceAfterFirst) if self.is_number(expr) => used,
                _ => Use::Shown,
            },
            _ => Use::Shown,
        }
    }

    fn is_number(&self, expr: &Expr) -> bool {
        type_of(expr, self.scope).nature == Nature::Number
    }

    /// What a key or an aggregate is at the merge; `None` when `expr` is neither.
    fn merged(&mut self, expr: &Expr) -> Result<Option<Merged>, PlanError> {
        if let Some((number, key)) = self.keys.grouped(expr) {
            let travelled = Expr::Partial(number);
            return Ok(Some(match key.carrier.grouped(&travelled) {
                // Several values make one group: one of them stands for it, as one row does in one
                // server.
                Some(_) => key.carrier.unpack(aggregate::least(travelled)),
                None => key.carrier.unpack(travelled),
            }));
        }
        match expr {
            Expr::Aggregate(call) if aggregate::is_over_distinct(call) => {
                self.distinct(call).map(Some)
            }
            Expr::Aggregate(call) => self.aggregate(call).map(Some),
            _ => Ok(None),
        }
    }

    fn aggregate(&mut self, call: &Aggregate) -> Result<Merged, PlanError> {
        if let Some((_, split)) = self.aggregates.iter().find(|(known, _)| known == call) {
            return Ok(split.merged.clone());
        }
        let split = aggregate::split(call, self.scope, &mut self.columns)?;
        let merged = split.merged.clone();
        self.aggregates.push((call.clone(), split));
        Ok(merged)
    }

    fn distinct(&self, call: &Aggregate) -> Result<Merged, PlanError> {
        let value = |argument| {
            let (number, key) = self.keys.any(argument).ok_or_else(|| {
                refused(
                    format!("this {}(DISTINCT …)", call.function.name),
                    "select it by itself",
                )
            })?;
            Ok(distinct::Value {
                carrier: key.carrier,
                travelled: Expr::Partial(number),
            })
        };
        let values = call
            .arguments
            .iter()
            .map(value)
            .collect::<Result<_, PlanError>>()?;
        let value = distinct::merged(call, values)?;
        // DOUBLEs that were rounded travel without their number of decimals.
        let kind = type_of(&Expr::Aggregate(Box::new(call.clone())), self.scope);
        let is_exact = matches!(kind.number, Number::Exact(_));
        Ok(Merged {
            shown: is_exact.then(|| value.clone()),
            value,
            seconds: None,
        })
    }
}
