//! Whether columns say the same of themselves.

use orrery_wire::{ColumnDef, ColumnFlags, ColumnType};

use super::loose::Loose;
use super::schema::{EXTREME, FILTER, OBJECT, SOURCE};
use crate::client::Answer;

/// How columns differ. Where rows are joined, one server reads a table now and now a temporary copy
/// of it (docs/sql.md#what-is-not-defined): then key flags, lengths, the original names, the
/// size of a text or a computed integer and the decimals of a text are not defined, and with NULLs in place of rows not NOT NULL.
pub(super) fn columns_differ(loose: Loose, given: &Answer, right: &Answer) -> Option<String> {
    let (given, right) = (said(given, loose), said(right, loose));
    if given.len() != right.len() {
        return Some(format!(
            "{} columns instead of {}",
            given.len(),
            right.len()
        ));
    }
    let (given, right) = given
        .iter()
        .zip(&right)
        .find(|(given, right)| given != right)?;
    Some(format!("column {given:?}\n    instead of {right:?}"))
}

fn said(answer: &Answer, loose: Loose) -> Vec<ColumnDef> {
    let mut columns = answer.columns.clone();
    for column in &mut columns {
        column.flags &= ColumnFlags::NOT_NULL_FLAG | ColumnFlags::UNSIGNED_FLAG;
        if loose.nulled {
            column.flags.remove(ColumnFlags::NOT_NULL_FLAG);
        }
        if !loose.joined {
            continue;
        }
        column.column_type = stored_type(column);
        column.org_table = Vec::new().into();
        column.org_name = Vec::new().into();
        column.length = 0;
        if is_text(column.column_type) {
            column.decimals = 0;
        }
    }
    columns
}

/// One type for those among which one server chooses when it stores a text, or an integer that is
/// computed.
fn stored_type(column: &ColumnDef) -> ColumnType {
    use ColumnType as T;
    match column.column_type {
        T::MYSQL_TYPE_TINY_BLOB | T::MYSQL_TYPE_MEDIUM_BLOB | T::MYSQL_TYPE_LONG_BLOB => {
            T::MYSQL_TYPE_BLOB
        }
        T::MYSQL_TYPE_STRING if !is_of_table(column) => T::MYSQL_TYPE_VAR_STRING,
        T::MYSQL_TYPE_LONG if !is_of_table(column) => T::MYSQL_TYPE_LONGLONG,
        other => other,
    }
}

/// Whether a column is one of a table: not computed, neither here nor in a derived table, whose
/// columns bear its name.
fn is_of_table(column: &ColumnDef) -> bool {
    let tables = [&OBJECT, &SOURCE, &EXTREME, &FILTER];
    let mut names = tables.iter().map(|table| table.name.as_bytes());
    names.any(|name| name == &column.org_table[..])
}

fn is_text(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::MYSQL_TYPE_VAR_STRING | ColumnType::MYSQL_TYPE_BLOB
    )
}
