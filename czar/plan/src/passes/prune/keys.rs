//! Literals as keys of a director index.

use orrery_archive::sql_type::SqlType;

use crate::query::expr::ColumnId;
use crate::query::literal;
use crate::query::scope::Scope;
use crate::text::statement::quoting::unescaped;

/// How a key column compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// As a number.
    Integer,
    /// Byte for byte.
    Text,
}

impl KeyKind {
    /// Of a column; `None` when literals cannot be converted to keys exactly.
    pub(super) fn of(column: ColumnId, scope: &Scope<'_>) -> Option<Self> {
        match scope.type_of(column)? {
            SqlType::Integer { .. } => Some(Self::Integer),
            SqlType::VarBinary(_) => Some(Self::Text),
            SqlType::VarChar(_) => {
                let declared = scope.table_of(column)?.declared().get(column.column)?;
                declared
                    .collation
                    .as_deref()
                    .is_some_and(|name| name.ends_with("_nopad_bin"))
                    .then_some(Self::Text)
            }
            _ => None,
        }
    }

    /// The literal as the index has it; `None` when it does not convert exactly.
    pub(super) fn canonical(self, literal: &str) -> Option<String> {
        match self {
            Self::Integer => literal::integer(literal),
            // Beyond ASCII the connection's character set would matter.
            Self::Text if literal.starts_with(['\'', '"']) && literal.is_ascii() => Some(unescaped(literal)),
            Self::Text => None,
        }
    }
}
