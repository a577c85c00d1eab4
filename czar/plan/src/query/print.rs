//! The text of expressions, with all parentheses.
//!
//! Keeps true: what is printed means what the user wrote, whatever surrounds it, because every
//! compound is parenthesised.

use std::fmt::Write as _;

use super::expr::{Aggregate, ColumnNames, Expr, Part};

impl Expr {
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
                push_infix(left, comparison.text(), right, names, text);
            }
            Self::In {
                expr,
                list,
                negated,
            } => push_in(expr, list, *negated, names, text),
            Self::Between {
                expr,
                low,
                high,
                negated,
            } => push_between(expr, [low, high], *negated, names, text),
            Self::Arithmetic(operator, left, right) => {
                push_infix(left, operator.text(), right, names, text);
            }
            Self::Negative(operand) => {
                text.push_str("(- ");
                operand.push(names, text);
                text.push(')');
            }
            Self::Case {
                operand,
                branches,
                otherwise,
            } => push_case(
                operand.as_deref(),
                branches,
                otherwise.as_deref(),
                names,
                text,
            ),
            Self::Cast { expr, target } => {
                text.push_str("CAST(");
                expr.push(names, text);
                let _ = write!(text, " AS {target})");
            }
            Self::Call { name, arguments } => {
                text.push_str(name);
                push_list(arguments, ", ", names, text);
            }
            Self::Random { name, .. } => {
                let _ = write!(text, "{name}()");
            }
            Self::Aggregate(aggregate) => aggregate.push(names, text),
            Self::Form(parts, _) => push_parts(parts, names, text),
            Self::Partial(number) => {
                let _ = write!(text, "`p{number}`");
            }
            Self::OwnKey(column) => {
                text.push('(');
                names.push_column(*column, text);
                text.push_str(" IN ({keys}))");
            }
        }
    }
}

impl Aggregate {
    fn push(&self, names: &dyn ColumnNames, text: &mut String) {
        text.push_str(self.function.name);
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
        push_parts(&self.rest, names, text);
        text.push(')');
    }
}

fn push_parts(parts: &[Part], names: &dyn ColumnNames, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Expr(expr) => expr.push(names, text),
            Part::Table(table) => names.push_table(*table, text),
        }
    }
}

fn push_infix(
    left: &Expr,
    operator: &str,
    right: &Expr,
    names: &dyn ColumnNames,
    text: &mut String,
) {
    text.push('(');
    left.push(names, text);
    let _ = write!(text, " {operator} ");
    right.push(names, text);
    text.push(')');
}

fn push_in(expr: &Expr, list: &[Expr], negated: bool, names: &dyn ColumnNames, text: &mut String) {
    text.push('(');
    expr.push(names, text);
    text.push_str(if negated { " NOT IN " } else { " IN " });
    push_list(list, ", ", names, text);
    text.push(')');
}

fn push_between(
    expr: &Expr,
    [low, high]: [&Expr; 2],
    negated: bool,
    names: &dyn ColumnNames,
    text: &mut String,
) {
    text.push('(');
    expr.push(names, text);
    text.push_str(if negated {
        " NOT BETWEEN "
    } else {
        " BETWEEN "
    });
    low.push(names, text);
    text.push_str(" AND ");
    high.push(names, text);
    text.push(')');
}

fn push_case(
    operand: Option<&Expr>,
    branches: &[(Expr, Expr)],
    otherwise: Option<&Expr>,
    names: &dyn ColumnNames,
    text: &mut String,
) {
    text.push_str("(CASE");
    let mut push = |word: &str, expr: &Expr| {
        text.push_str(word);
        expr.push(names, text);
    };
    if let Some(operand) = operand {
        push(" ", operand);
    }
    for (condition, value) in branches {
        push(" WHEN ", condition);
        push(" THEN ", value);
    }
    if let Some(otherwise) = otherwise {
        push(" ELSE ", otherwise);
    }
    text.push_str(" END)");
}

fn push_list(terms: &[Expr], joint: &str, names: &dyn ColumnNames, text: &mut String) {
    text.push('(');
    for (number, term) in terms.iter().enumerate() {
        text.push_str(if number > 0 { joint } else { "" });
        term.push(names, text);
    }
    text.push(')');
}
