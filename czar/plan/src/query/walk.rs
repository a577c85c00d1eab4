//! The operands of expressions.

use super::expr::{Aggregate, Expr, Part};

impl Expr {
    /// The direct operands.
    pub(crate) fn children(&self) -> Vec<&Expr> {
        match self {
            Self::Column(_)
            | Self::Literal(_)
            | Self::Random { .. }
            | Self::Partial(_)
            | Self::OwnKey(_) => Vec::new(),
            Self::And(terms) | Self::Or(terms) => terms.iter().collect(),
            Self::Not(operand) | Self::Negative(operand) | Self::Cast { expr: operand, .. } => {
                vec![operand]
            }
            Self::Compare(_, left, right) | Self::Arithmetic(_, left, right) => vec![left, right],
            Self::Case {
                operand,
                branches,
                otherwise,
            } => {
                let branches = branches
                    .iter()
                    .flat_map(|(condition, value)| [condition, value]);
                operand
                    .as_deref()
                    .into_iter()
                    .chain(branches)
                    .chain(otherwise.as_deref())
                    .collect()
            }
            Self::In { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
            Self::Between {
                expr, low, high, ..
            } => vec![expr, low, high],
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::Aggregate(aggregate) => {
                let rest = aggregate.rest.iter().filter_map(Part::expr);
                aggregate.arguments.iter().chain(rest).collect()
            }
            Self::Form(parts, _) => parts.iter().filter_map(Part::expr).collect(),
        }
    }

    /// Rebuilds the expression with `change` applied to each direct operand.
    pub(crate) fn map_children<E>(
        &self,
        change: &mut dyn FnMut(&Expr) -> Result<Expr, E>,
    ) -> Result<Expr, E> {
        let mut boxed = |expr: &Expr| change(expr).map(Box::new);
        Ok(match self {
            Self::Column(_)
            | Self::Literal(_)
            | Self::Random { .. }
            | Self::Partial(_)
            | Self::OwnKey(_) => self.clone(),
            Self::Not(term) => Self::Not(boxed(term)?),
            Self::Negative(operand) => Self::Negative(boxed(operand)?),
            Self::Compare(comparison, left, right) => {
                Self::Compare(*comparison, boxed(left)?, boxed(right)?)
            }
            Self::Arithmetic(operator, left, right) => {
                Self::Arithmetic(*operator, boxed(left)?, boxed(right)?)
            }
            Self::Cast { expr, target } => Self::Cast {
                expr: boxed(expr)?,
                target: target.clone(),
            },
            Self::Case {
                operand,
                branches,
                otherwise,
            } => map_case(operand.as_deref(), branches, otherwise.as_deref(), change)?,
            Self::Between {
                expr,
                low,
                high,
                negated,
            } => Self::Between {
                expr: boxed(expr)?,
                low: boxed(low)?,
                high: boxed(high)?,
                negated: *negated,
            },
            Self::In {
                expr,
                list,
                negated,
            } => Self::In {
                expr: boxed(expr)?,
                list: list.iter().map(change).collect::<Result<_, _>>()?,
                negated: *negated,
            },
            Self::And(terms) => Self::And(terms.iter().map(change).collect::<Result<_, _>>()?),
            Self::Or(terms) => Self::Or(terms.iter().map(change).collect::<Result<_, _>>()?),
            Self::Call { name, arguments } => Self::Call {
                name: name.clone(),
                arguments: arguments.iter().map(change).collect::<Result<_, _>>()?,
            },
            Self::Aggregate(aggregate) => Self::Aggregate(Box::new(Aggregate {
                function: aggregate.function,
                distinct: aggregate.distinct,
                arguments: aggregate
                    .arguments
                    .iter()
                    .map(&mut *change)
                    .collect::<Result<_, _>>()?,
                rest: map_parts(&aggregate.rest, change)?,
            })),
            Self::Form(parts, returns) => Self::Form(map_parts(parts, change)?, *returns),
        })
    }
}

impl Part {
    fn expr(&self) -> Option<&Expr> {
        match self {
            Self::Expr(expr) => Some(expr),
            Self::Text(_) | Self::Table(_) => None,
        }
    }
}

fn map_parts<E>(
    parts: &[Part],
    change: &mut dyn FnMut(&Expr) -> Result<Expr, E>,
) -> Result<Vec<Part>, E> {
    let changed = parts.iter().map(|part| match part {
        Part::Expr(expr) => change(expr).map(Part::Expr),
        other => Ok(other.clone()),
    });
    changed.collect()
}

fn map_case<E>(
    operand: Option<&Expr>,
    branches: &[(Expr, Expr)],
    otherwise: Option<&Expr>,
    change: &mut dyn FnMut(&Expr) -> Result<Expr, E>,
) -> Result<Expr, E> {
    Ok(Expr::Case {
        operand: operand.map(&mut *change).transpose()?.map(Box::new),
        branches: branches
            .iter()
            .map(|(condition, value)| Ok((change(condition)?, change(value)?)))
            .collect::<Result<_, E>>()?,
        otherwise: otherwise.map(change).transpose()?.map(Box::new),
    })
}
