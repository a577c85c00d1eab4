//! Expressions as the planner keeps them: names resolved, every construct on the allow-list, printed with all parentheses.
//!
//! Keeps true: what is printed means what the user wrote, whatever surrounds it, because every compound is parenthesised; two
//! expressions are equal only when they are the same computation over the same columns.

use std::fmt::Write as _;

use super::functions::{self, Yields};

/// A column of a table in the FROM clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ColumnId {
    /// Place of the table in the scope.
    pub table: usize,
    /// Place of the column in the table.
    pub column: usize,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NullSafeEqual,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NullSafeEqual => "<=>",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            other => other,
        }
    }
}

/// A piece of a construct that the planner prints but does not look into.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Expr(Expr),
}

/// Aggregate functions that can be made from partial results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    BitAnd,
    BitOr,
    BitXor,
}

impl AggregateKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::Sum => "SUM",
            Self::Avg => "AVG",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::BitAnd => "BIT_AND",
            Self::BitOr => "BIT_OR",
            Self::BitXor => "BIT_XOR",
        }
    }
}

/// A call of an aggregate function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregate {
    pub kind: AggregateKind,
    pub distinct: bool,
    /// No argument is `COUNT(*)`.
    pub arguments: Vec<Expr>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Column(ColumnId),
    /// Verbatim text of a literal.
    Literal(String),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    /// A function by its name in capitals (`scisql_*` in small letters).
    Call {
        name: String,
        arguments: Vec<Expr>,
        yields: Yields,
    },
    Aggregate(Box<Aggregate>),
    /// Anything else on the allow-list: arithmetic, LIKE, CASE, CAST, EXTRACT and so on.
    Form(Vec<Part>, Yields),
    /// Column `p<n>` of the partial results; in merging statements alone.
    Partial(usize),
}

/// Names the columns of an expression when it is printed.
pub(crate) trait ColumnNames {
    /// Quoted and qualified name.
    fn push_column(&self, column: ColumnId, text: &mut String);
}

impl Expr {
    /// A number as a literal.
    pub(crate) fn number(value: impl std::fmt::Display) -> Self {
        Self::Literal(value.to_string())
    }

    /// The expression's text.
    pub(crate) fn print(&self, names: &dyn ColumnNames) -> String {
        let mut text = String::new();
        self.push(names, &mut text);
        text
    }

    /// Appends the expression's text.
    pub(crate) fn push(&self, names: &dyn ColumnNames, text: &mut String) {
        match self {
            Self::Column(column) => names.push_column(*column, text),
            Self::Literal(literal) => text.push_str(literal),
            Self::And(terms) => push_list(terms, " AND ", names, text),
            Self::Or(terms) => push_list(terms, " OR ", names, text),
            Self::Not(term) => {
                text.push_str("(NOT ");
                term.push(names, text);
                text.push(')');
            }
            Self::Compare(comparison, left, right) => {
                text.push('(');
                left.push(names, text);
                let _ = write!(text, " {} ", comparison.text());
                right.push(names, text);
                text.push(')');
            }
            Self::In { expr, list, negated } => {
                text.push('(');
                expr.push(names, text);
                text.push_str(if *negated { " NOT IN " } else { " IN " });
                push_list(list, ", ", names, text);
                text.push(')');
            }
            Self::Between {
                expr,
                low,
                high,
                negated,
            } => {
                text.push('(');
                expr.push(names, text);
                text.push_str(if *negated { " NOT BETWEEN " } else { " BETWEEN " });
                low.push(names, text);
                text.push_str(" AND ");
                high.push(names, text);
                text.push(')');
            }
            Self::Call { name, arguments, .. } => {
                text.push_str(name);
                push_list(arguments, ", ", names, text);
            }
            Self::Aggregate(aggregate) => aggregate.push(names, text),
            Self::Form(parts, _) => parts.iter().for_each(|part| match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Expr(expr) => expr.push(names, text),
            }),
            Self::Partial(number) => {
                let _ = write!(text, "`p{number}`");
            }
        }
    }

    /// The direct operands.
    pub(crate) fn children(&self) -> Vec<&Expr> {
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Partial(_) => Vec::new(),
            Self::And(terms) | Self::Or(terms) => terms.iter().collect(),
            Self::Not(term) => vec![term],
            Self::Compare(_, left, right) => vec![left, right],
            Self::In { expr, list, .. } => std::iter::once(&**expr).chain(list).collect(),
            Self::Between { expr, low, high, .. } => vec![expr, low, high],
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::Aggregate(aggregate) => aggregate.arguments.iter().collect(),
            Self::Form(parts, _) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Expr(expr) => Some(expr),
                    Part::Text(_) => None,
                })
                .collect(),
        }
    }

    /// Rebuilds the expression with `change` applied to each direct operand.
    pub(crate) fn map_children<E>(
        &self,
        change: &mut dyn FnMut(&Expr) -> Result<Expr, E>,
    ) -> Result<Expr, E> {
        let mut boxed = |expr: &Expr| change(expr).map(Box::new);
        Ok(match self {
            Self::Column(_) | Self::Literal(_) | Self::Partial(_) => self.clone(),
            Self::Not(term) => Self::Not(boxed(term)?),
            Self::Compare(comparison, left, right) => Self::Compare(*comparison, boxed(left)?, boxed(right)?),
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
            Self::In { expr, list, negated } => Self::In {
                expr: boxed(expr)?,
                list: list.iter().map(change).collect::<Result<_, _>>()?,
                negated: *negated,
            },
            Self::And(terms) => Self::And(terms.iter().map(change).collect::<Result<_, _>>()?),
            Self::Or(terms) => Self::Or(terms.iter().map(change).collect::<Result<_, _>>()?),
            Self::Call {
                name,
                arguments,
                yields,
            } => Self::Call {
                name: name.clone(),
                arguments: arguments.iter().map(change).collect::<Result<_, _>>()?,
                yields: *yields,
            },
            Self::Aggregate(aggregate) => Self::Aggregate(Box::new(Aggregate {
                kind: aggregate.kind,
                distinct: aggregate.distinct,
                arguments: aggregate.arguments.iter().map(change).collect::<Result<_, _>>()?,
            })),
            Self::Form(parts, yields) => {
                let changed = parts.iter().map(|part| match part {
                    Part::Expr(expr) => change(expr).map(Part::Expr),
                    Part::Text(text) => Ok(Part::Text(text.clone())),
                });
                Self::Form(changed.collect::<Result<_, _>>()?, *yields)
            }
        })
    }

    /// Whether `test` holds for the expression or anything below it.
    pub(crate) fn any(&self, test: &dyn Fn(&Expr) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }

    /// Whether it contains an aggregate.
    pub(crate) fn has_aggregate(&self) -> bool {
        self.any(&|expr| matches!(expr, Self::Aggregate(_)))
    }

    /// Whether it contains a function whose value differs from call to call.
    pub(crate) fn is_random(&self) -> bool {
        self.any(&|expr| matches!(expr, Self::Call { name, .. } if functions::is_random(name)))
    }

    /// Calls `visit` for every column in it.
    pub(crate) fn for_each_column(&self, visit: &mut dyn FnMut(ColumnId)) {
        if let Self::Column(column) = self {
            visit(*column);
        }
        for child in self.children() {
            child.for_each_column(visit);
        }
    }

    /// Splits nested conjunctions into their terms.
    pub(crate) fn into_conjuncts(self) -> Vec<Expr> {
        match self {
            Self::And(terms) => terms.into_iter().flat_map(Self::into_conjuncts).collect(),
            other => vec![other],
        }
    }
}

impl Aggregate {
    fn push(&self, names: &dyn ColumnNames, text: &mut String) {
        text.push_str(self.kind.name());
        text.push('(');
        if self.distinct {
            text.push_str("DISTINCT ");
        }
        if self.arguments.is_empty() {
            text.push('*');
        }
        for (number, argument) in self.arguments.iter().enumerate() {
            text.push_str(if number > 0 { ", " } else { "" });
            argument.push(names, text);
        }
        text.push(')');
    }
}

fn push_list(terms: &[Expr], joint: &str, names: &dyn ColumnNames, text: &mut String) {
    text.push('(');
    for (number, term) in terms.iter().enumerate() {
        text.push_str(if number > 0 { joint } else { "" });
        term.push(names, text);
    }
    text.push(')');
}
