//! The columns of a query in FROM, with the types in which a server stores them.
//!
//! Keeps true: a type is given only where a stored value is what is computed, or is it rounded to the
//! digits that it shows; where a server's types are not known exactly, the query is refused.

use orrery_archive::sql_type::{IntegerWidth, NumberFlags, SqlType};
use orrery_archive::table::Column;

use crate::error::{PlanError, refused};
use crate::query::expr::Expr;
use crate::query::infer::type_of;
use crate::query::scope::{Scope, same_name};
use crate::query::select::{Item, Select};
use crate::query::value::{Nature, Number, Shown};

const NO_FLAGS: NumberFlags = NumberFlags {
    unsigned: false,
    zerofill: false,
};

/// The columns of a query, in order.
pub(super) fn of(select: &Select<'_>) -> Result<Vec<Column>, PlanError> {
    let mut columns: Vec<Column> = Vec::new();
    for (number, item) in select.items.iter().enumerate() {
        let column = column(number, item, &select.scope)?;
        if columns
            .iter()
            .any(|known| same_name(&known.name, &column.name))
        {
            return Err(refused(
                format!("two columns '{}' in a derived table", column.name),
                "give one of them an alias",
            ));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// A column without a name is shown by `*` alone, under the name that one server gives it.
fn column(number: usize, item: &Item, scope: &Scope<'_>) -> Result<Column, PlanError> {
    let name = item.name.clone();
    let name = name.unwrap_or_else(|| format!("orrery_{}", number + 1));
    if let Some(stored) = stored(&item.expr, scope) {
        return Ok(Column { name, ..stored });
    }
    let sql_type = computed(&item.expr, scope).ok_or_else(|| {
        refused(
            format!("the type of column '{name}' in a derived table"),
            "select a column, a number, or an aggregate of one",
        )
    })?;
    Ok(Column::new(name, sql_type.to_string()))
}

/// The column of a table whose type an expression has: that column, or the least or greatest of it.
fn stored(expr: &Expr, scope: &Scope<'_>) -> Option<Column> {
    let (column, is_itself) = match expr {
        Expr::Column(column) => (*column, true),
        Expr::Aggregate(call) if matches!(call.function.name, "MIN" | "MAX") => {
            match call.arguments.as_slice() {
                [Expr::Column(column)] => (*column, false),
                _ => return None,
            }
        }
        _ => return None,
    };
    let table = scope.table_of(column)?;
    let declared = table.declared().get(column.column)?;
    let kind = scope.type_of(column)?;
    keeps_type(&kind, is_itself).then(|| Column {
        nullable: declared.nullable || !is_itself || table.role.is_optional(),
        ..declared.clone()
    })
}

/// Whether a server stores values of a column in the column's type, whether or not they are the least
/// or the greatest.
fn keeps_type(kind: &SqlType, is_itself: bool) -> bool {
    match kind {
        SqlType::Integer { flags, .. }
        | SqlType::Decimal { flags, .. }
        | SqlType::Double {
            digits: None,
            flags,
        } => !flags.zerofill,
        SqlType::Float {
            digits: None,
            flags,
        } => is_itself && !flags.zerofill,
        SqlType::Timestamp(_) => is_itself,
        SqlType::Date
        | SqlType::DateTime(_)
        | SqlType::Time(_)
        | SqlType::Char(_)
        | SqlType::VarChar(_)
        | SqlType::Binary(_)
        | SqlType::VarBinary(_)
        | SqlType::Text(_)
        | SqlType::Blob(_) => true,
        _ => false,
    }
}

/// The type of a number that is computed. One that has more digits than it shows is stored with those.
fn computed(expr: &Expr, scope: &Scope<'_>) -> Option<SqlType> {
    if matches!(expr, Expr::Aggregate(call) if call.function.name == "COUNT") {
        return Some(SqlType::Integer {
            width: IntegerWidth::Big,
            display: None,
            flags: NO_FLAGS,
        });
    }
    let kind = type_of(expr, scope);
    match (kind.nature, kind.number) {
        (Nature::Number, Number::Exact(digits)) if digits.can_be_stored() => {
            Some(SqlType::Decimal {
                precision: (digits.whole + digits.shown).max(1),
                scale: digits.shown,
                flags: NO_FLAGS,
            })
        }
        (Nature::Number, Number::Double(Shown::All)) => Some(SqlType::Double {
            digits: None,
            flags: NO_FLAGS,
        }),
        _ => None,
    }
}
