//! Column types, as far as statements depend on them.

use orrery_archive::sql_type::SqlType;
use orrery_archive::table::Column;

/// Whether a derived table of several segments, or of none, changes what a value of the type means
/// in an expression.
pub(crate) fn loses_nature(kind: &SqlType) -> bool {
    kind.is_zerofill()
        || matches!(
            kind,
            SqlType::Enum(_)
                | SqlType::Set(_)
                | SqlType::Bit(_)
                | SqlType::Year
                | SqlType::Float {
                    digits: Some(_),
                    ..
                }
                | SqlType::Double {
                    digits: Some(_),
                    ..
                }
        )
}

/// NULL of a column's type, as far as CAST can say it.
pub(crate) fn typed_null(kind: Option<&SqlType>, column: Option<&Column>) -> String {
    let Some(kind) = kind else {
        return "NULL".into();
    };
    let target = match kind {
        SqlType::Integer { flags, .. } if flags.unsigned => "UNSIGNED".into(),
        SqlType::Integer { .. } => "SIGNED".into(),
        SqlType::Decimal {
            precision, scale, ..
        } => format!("DECIMAL({precision},{scale})"),
        SqlType::Float { .. } => "FLOAT".into(),
        SqlType::Double { .. } => "DOUBLE".into(),
        SqlType::Date => "DATE".into(),
        SqlType::DateTime(digits) | SqlType::Timestamp(digits) => format!("DATETIME({digits})"),
        SqlType::Time(digits) => format!("TIME({digits})"),
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => "BINARY".into(),
        _ => "CHAR".into(),
    };
    let null = format!("CAST(NULL AS {target})");
    let names =
        column.and_then(|column| Some((column.charset.as_deref()?, column.collation.as_deref()?)));
    match names.filter(|_| kind.is_text()) {
        Some((charset, collation)) => {
            format!("CONVERT({null} USING {charset}) COLLATE {collation}")
        }
        None => null,
    }
}
