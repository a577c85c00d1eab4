//! Names of tables as the parser has them.

use sqlparser::ast::ObjectName;

use crate::error::{PlanError, ResolveError};

/// Database, when written, and table.
pub(crate) fn table_parts(name: &ObjectName) -> Result<(Option<&str>, &str), PlanError> {
    let parts: Vec<&str> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident())
        .map(|ident| ident.value.as_str())
        .collect();
    match parts.as_slice() {
        [table] => Ok((None, table)),
        [database, table] => Ok((Some(database), table)),
        _ => Err(ResolveError::UnknownTable {
            alias: name.to_string(),
        }
        .into()),
    }
}
