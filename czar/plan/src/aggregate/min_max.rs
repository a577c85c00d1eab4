//! MIN and MAX: the least and the greatest of the parts' values.

use super::carry::Carrier;
use super::definition::{Definition, Places, Split, argument, over};
use crate::error::PlanError;
use crate::plan::in_process::SimpleColumn;
use crate::query::expr::{Aggregate, Expr, Function, Operator};
use crate::query::infer::type_of;
use crate::query::scope::Scope;
use crate::query::value::{Digits, Nature, Number, Shown, Type};

/// MIN.
pub(super) static MIN: Definition = Definition {
    function: Function {
        name: "MIN",
        result: extreme,
    },
    distinct_counts: false,
    split: |aggregate, scope, places| {
        let extreme = Extreme {
            function: &MIN.function,
            integer: SimpleColumn::MinInteger,
            double: SimpleColumn::MinDouble,
        };
        extreme.split(aggregate, scope, places)
    },
};

/// MAX.
pub(super) static MAX: Definition = Definition {
    function: Function {
        name: "MAX",
        result: extreme,
    },
    distinct_counts: false,
    split: |aggregate, scope, places| {
        let extreme = Extreme {
            function: &MAX.function,
            integer: SimpleColumn::MaxInteger,
            double: SimpleColumn::MaxDouble,
        };
        extreme.split(aggregate, scope, places)
    },
};

/// A BIT is a number there.
fn extreme(argument: Type) -> Type {
    match argument.nature {
        Nature::Bit => Type::INTEGER,
        _ => argument,
    }
}

/// One of the two.
struct Extreme {
    function: &'static Function,
    /// The same over integers, and over DOUBLEs, without a SQL server.
    integer: fn(usize) -> SimpleColumn,
    double: fn(usize) -> SimpleColumn,
}

impl Extreme {
    fn split(
        self,
        aggregate: &Aggregate,
        scope: &Scope<'_>,
        places: &mut dyn Places,
    ) -> Result<Split, PlanError> {
        let argument = argument(aggregate)?;
        let carrier = Carrier::of(argument, scope, self.function.name)?;
        let extreme = |argument| over(self.function, vec![argument]);
        let argument_itself = argument.clone();
        let are_finer = places.are_finer();
        let column = places.part(match carrier {
            Carrier::Bit => extreme(argument_itself.arithmetic(Operator::Add, Expr::number(0))),
            // They are compared in the form in which they travel.
            Carrier::Float | Carrier::Timestamp(_) => extreme(carrier.pack(argument_itself)),
            // A part's temporary table would clip them.
            Carrier::Double(shown) if shown != Shown::All => extreme(carrier.pack(argument_itself)),
            Carrier::Decimal(_) if are_finer => extreme(carrier.pack(argument_itself)),
            carrier => carrier.pack(extreme(argument_itself)),
        });
        let in_process = match type_of(argument, scope) {
            Type {
                nature: Nature::Number,
                number: Number::Exact(digits),
            } if is_integer(digits) && !is_zerofill(argument, scope) => {
                Some((self.integer)(column))
            }
            Type {
                nature: Nature::Number,
                number: Number::Double(_),
            } => Some((self.double)(column)),
            _ => None,
        };
        Ok(Split {
            merged: carrier.unpack(over(self.function, vec![Expr::Partial(column)])),
            in_process,
        })
    }
}

fn is_integer(digits: Digits) -> bool {
    digits.held == 0 && digits.whole <= 20
}

/// Whether it shows leading zeros.
fn is_zerofill(argument: &Expr, scope: &Scope<'_>) -> bool {
    let Expr::Column(column) = argument else {
        return false;
    };
    scope.type_of(*column).is_none_or(|kind| kind.is_zerofill())
}
