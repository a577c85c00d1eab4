//! Which statements of chunks may be joined by UNION ALL: it stores each row on the way, in a type
//! that MariaDB derives from the expressions, and not every value fits into the type of its own.
//!
//! Keeps true: what is not known to have the same text there is not joined.

use crate::plan::Merge;
use crate::query::expr::{Expr, Part};
use crate::query::functions::Returns;
use crate::query::infer::type_of;
use crate::query::literal;
use crate::query::scope::{Scope, TableRole};
use crate::query::select::Select;
use crate::query::value::{Nature, Number, Shown};

/// Functions of texts, exact numbers and dates that give a text or a date, and for which MariaDB
/// reserves as many characters as they can give. `TIME_FORMAT(x, '%T')`, for one, gets one too few;
/// times lose the sign of a zero.
const RESERVING: &[&str] = &[
    "ADDDATE",
    "BIN",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
    "DATE",
    "DATE_ADD",
    "DATE_SUB",
    "ELT",
    "FROM_DAYS",
    "GREATEST",
    "HEX",
    "IFNULL",
    "LAST_DAY",
    "LCASE",
    "LEAST",
    "LEFT",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MAKEDATE",
    "MD5",
    "MID",
    "NULLIF",
    "NVL",
    "OCT",
    "QUOTE",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "RPAD",
    "RTRIM",
    "SHA",
    "SHA1",
    "SHA2",
    "SPACE",
    "SUBDATE",
    "SUBSTR",
    "SUBSTRING",
    "SUBSTRING_INDEX",
    "TIMESTAMP",
    "TRIM",
    "UCASE",
    "UPPER",
];

/// Whether the statements of the chunks may be joined. UNION ALL drops ZEROFILL, cuts exact numbers
/// longer than the longest DECIMAL and texts longer than what is reserved for them, shows a FLOAT or
/// DOUBLE that is computed with other digits, clips large ones that have a fixed number of decimals,
/// and mixes the types of optional tables with those of their stand-ins; derived tables, the user's and
/// those of neighbours, are kept until its end.
pub(super) fn is_batchable(select: &Select<'_>, merge: &Merge) -> bool {
    let scope = &select.scope;
    let is_apart = |role| matches!(role, TableRole::ChunkedOptional | TableRole::Neighbour);
    let mut tables = scope.tables.iter();
    let apart = tables.any(|table| table.is_query || is_apart(table.role));
    let keeps_text = select
        .items
        .iter()
        .all(|item| !is_padded(&item.expr, scope) && is_shown_alike(&item.expr, scope));
    !apart && (keeps_text || matches!(merge, Merge::Shadow(_)))
}

fn is_padded(expr: &Expr, scope: &Scope<'_>) -> bool {
    let mut padded = false;
    expr.for_each_column(&mut |column| {
        padded |= scope.type_of(column).is_none_or(|kind| kind.is_zerofill());
    });
    padded
}

/// Whether an expression has the same text in UNION ALL.
fn is_shown_alike(expr: &Expr, scope: &Scope<'_>) -> bool {
    if matches!(expr, Expr::Column(_)) {
        return true;
    }
    let kind = type_of(expr, scope);
    match (kind.nature, kind.number) {
        (Nature::Number, Number::Double(shown)) => shown == Shown::All,
        _ => fits(expr, scope),
    }
}

/// Whether the text of an expression is never longer than what is reserved for it.
fn fits(expr: &Expr, scope: &Scope<'_>) -> bool {
    let all = |operands: &[Expr]| operands.iter().all(|operand| fits(operand, scope));
    let kind = type_of(expr, scope);
    if let (Nature::Number, Number::Exact(digits)) = (kind.nature, kind.number) {
        return digits.can_be_stored() && !expr.any(&is_negated_truth);
    }
    match expr {
        Expr::Column(_) => {
            let is_real = matches!(kind.nature, Nature::Number | Nature::Float);
            !is_real && kind.nature != Nature::Bit
        }
        Expr::Literal(text) => matches!(
            literal::Kind::of(text),
            literal::Kind::Null | literal::Kind::Text | literal::Kind::Temporal { .. }
        ),
        Expr::Call { name, arguments } if name == "IF" || name == "NVL2" => {
            arguments.get(1..).is_some_and(all)
        }
        Expr::Call { name, arguments } => RESERVING.contains(&name.as_str()) && all(arguments),
        Expr::Case {
            branches,
            otherwise,
            ..
        } => branches
            .iter()
            .map(|(_, value)| value)
            .chain(otherwise.as_deref())
            .all(|value| fits(value, scope)),
        Expr::Cast { expr, target } => !target.starts_with("TIME") && fits(expr, scope),
        Expr::Arithmetic(_, date, interval) => fits(date, scope) && fits(interval, scope),
        Expr::Form(parts, Returns::Text | Returns::Interval) => {
            parts.iter().all(|part| match part {
                Part::Text(_) => true,
                Part::Table(_) => false,
                Part::Expr(expr) => fits(expr, scope),
            })
        }
        _ => false,
    }
}

/// Whether it is `-TRUE`, for whose sign MariaDB reserves nothing: ROUND(-TRUE, 1) is stored as 1.
fn is_negated_truth(expr: &Expr) -> bool {
    match expr {
        Expr::Negative(operand) => matches!(
            operand.as_ref(),
            Expr::Literal(text) if literal::Kind::of(text) == literal::Kind::Truth
        ),
        _ => false,
    }
}
