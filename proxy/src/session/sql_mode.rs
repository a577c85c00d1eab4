//! sql_mode: which modes a session may have.

use super::error::SetError;

/// Modes that change how values are computed or written; servers honour them.
const HONOURED: [&str; 19] = [
    "REAL_AS_FLOAT",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_DIR_IN_CREATE",
    "NO_KEY_OPTIONS",
    "NO_FIELD_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_AUTO_VALUE_ON_ZERO",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "TRADITIONAL",
    "NO_AUTO_CREATE_USER",
    "NO_ENGINE_SUBSTITUTION",
    "PAD_CHAR_TO_FULL_LENGTH",
    "TIME_ROUND_FRACTIONAL",
    "ALLOW_INVALID_DATES",
];
/// Modes that change how statements are read. Statements are planned as MariaDB reads them without these.
const REFUSED: [&str; 14] = [
    "ANSI",
    "ANSI_QUOTES",
    "PIPES_AS_CONCAT",
    "NO_BACKSLASH_ESCAPES",
    "HIGH_NOT_PRECEDENCE",
    "IGNORE_SPACE",
    "IGNORE_BAD_TABLE_OPTIONS",
    "SIMULTANEOUS_ASSIGNMENT",
    "EMPTY_STRING_IS_NULL",
    "ORACLE",
    "MSSQL",
    "DB2",
    "POSTGRESQL",
    "MAXDB",
];

/// Checks a list of modes and gives it as it is sent to servers.
pub fn sql_mode(value: &str) -> Result<String, SetError> {
    let mut modes = Vec::new();
    for mode in value.split(',').map(str::trim).filter(|mode| !mode.is_empty()) {
        let mode = mode.to_ascii_uppercase();
        if REFUSED.contains(&mode.as_str()) {
            return Err(SetError::NotHere {
                what: format!("sql_mode {mode}"),
                why: "it changes how statements are read, and they are planned without it".to_owned(),
            });
        }
        if !HONOURED.contains(&mode.as_str()) {
            return Err(SetError::Value {
                variable: "sql_mode".to_owned(),
                value: mode,
            });
        }
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    Ok(modes.join(","))
}
