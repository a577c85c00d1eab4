//! How a value travels from a worker to the merge without losing anything.
//!
//! The text protocol shows 6 digits of a FLOAT, and a TIMESTAMP as local time, of which an hour a
//! year exists twice. Values that are compared, grouped or ordered at the merge travel in a form
//! that is exact instead (docs/design/query.md#floating-point).

use orrery_archive::sql_type::SqlType;

use crate::error::{PlanError, refused};
use crate::query::expr::{AggregateKind, Expr, Part};
use crate::query::functions::Yields;
use crate::query::scope::Scope;

/// What it takes to carry a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// Its text is exact.
    Plain,
    /// A FLOAT: travels as DOUBLE.
    Float,
    /// A TIMESTAMP column with this many fraction digits: travels as seconds since 1970.
    Timestamp(u32),
    /// A BIT column: plain as a key, but MIN and MAX give it as a number.
    Bit,
    /// A mixture whose type is not known exactly.
    Unsure,
}

impl Carrier {
    /// What carries the value of `expr`.
    pub(crate) fn of(expr: &Expr, scope: &Scope<'_>) -> Self {
        match expr {
            Expr::Column(column) => scope.type_of(*column).map_or(Self::Unsure, |kind| of_type(&kind)),
            Expr::Aggregate(aggregate) => match (aggregate.kind, aggregate.arguments.first()) {
                (AggregateKind::Min | AggregateKind::Max, Some(argument)) => Self::of(argument, scope),
                _ => Self::Plain,
            },
            Expr::Call {
                name,
                arguments,
                yields: Yields::Choice,
            } => {
                let condition = usize::from(name == "IF" || name == "NVL2");
                Self::common(arguments.iter().skip(condition), scope)
            }
            Expr::Form(parts, Yields::Choice) => {
                let operands = parts.iter().filter_map(|part| match part {
                    Part::Expr(expr) => Some(expr),
                    Part::Text(_) => None,
                });
                Self::common(operands, scope)
            }
            _ => Self::Plain,
        }
    }

    fn common<'e>(operands: impl Iterator<Item = &'e Expr>, scope: &Scope<'_>) -> Self {
        let is_null = |expr: &Expr| matches!(expr, Expr::Literal(text) if text == "NULL");
        let mut carriers = operands
            .filter(|expr| !is_null(expr))
            .map(|expr| Self::of(expr, scope));
        let first = carriers.next().unwrap_or(Self::Plain);
        match (first, carriers.all(|carrier| carrier == first)) {
            // IF and the like over FLOAT print more digits than a FLOAT column does: no type carries that.
            (Self::Plain, true) => first,
            _ => Self::Unsure,
        }
    }

    /// The expression that travels. `what` is told to the user when there is none.
    pub(crate) fn pack(self, expr: &Expr, what: &str) -> Result<Expr, PlanError> {
        match self {
            Self::Plain | Self::Bit => Ok(expr.clone()),
            Self::Float => Ok(surrounded("CAST(", expr.clone(), " AS DOUBLE)")),
            Self::Timestamp(_) => Ok(surrounded("UNIX_TIMESTAMP(", expr.clone(), ")")),
            Self::Unsure => Err(refused(
                format!("{what} of an expression over FLOAT or TIMESTAMP columns"),
                "write CAST(expression AS DOUBLE), or UNIX_TIMESTAMP(column)",
            )),
        }
    }

    /// The argument of MIN or MAX that travels.
    pub(crate) fn pack_extreme(self, expr: &Expr, what: &str) -> Result<Expr, PlanError> {
        match self {
            Self::Bit => Ok(surrounded("(", expr.clone(), " + 0)")),
            other => other.pack(expr, what),
        }
    }

    /// The original value, made from what travelled.
    pub(crate) fn unpack(self, travelled: Expr) -> Expr {
        match self {
            Self::Plain | Self::Bit | Self::Unsure => travelled,
            Self::Float => surrounded("CAST(", travelled, " AS FLOAT)"),
            Self::Timestamp(digits) => {
                // Second 0 of 1970 is no TIMESTAMP: it stands for the zero date.
                let zero = format!(" = 0, CAST('0000-00-00 00:00:00' AS DATETIME({digits})), FROM_UNIXTIME(");
                let parts = vec![
                    Part::Text("IF(".into()),
                    Part::Expr(travelled.clone()),
                    Part::Text(zero),
                    Part::Expr(travelled),
                    Part::Text("))".into()),
                ];
                Expr::Form(parts, Yields::Exact)
            }
        }
    }
}

fn of_type(kind: &SqlType) -> Carrier {
    match kind {
        SqlType::Float { digits: None, .. } => Carrier::Float,
        // With few enough digits the fixed form is exact.
        SqlType::Float {
            digits: Some((total, _)),
            ..
        } if *total > 6 => Carrier::Unsure,
        SqlType::Double {
            digits: Some((total, _)),
            ..
        } if *total > 15 => Carrier::Unsure,
        SqlType::Bit(_) => Carrier::Bit,
        SqlType::Timestamp(digits) => Carrier::Timestamp(*digits),
        _ => Carrier::Plain,
    }
}

fn surrounded(head: &str, inner: Expr, tail: &str) -> Expr {
    Expr::Form(
        vec![
            Part::Text(head.into()),
            Part::Expr(inner),
            Part::Text(tail.into()),
        ],
        Yields::Exact,
    )
}
