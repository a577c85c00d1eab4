//! sql_mode: which modes a session may have.

use super::error::SetError;

/// sql_mode of MariaDB 10.11 when nothing changed it.
const DEFAULT_SQL_MODE: &str =
    "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION";
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
/// The mode in which `||` is not OR but CONCAT. A session may have it: statements mean the same
/// without it as long as they have no `||`, and one that has is refused. So it stays here and
/// travels to no server.
pub const PIPES: &str = "PIPES_AS_CONCAT";
/// Modes that change how statements are read. Statements are planned as MariaDB reads them without
/// these.
const REFUSED: [&str; 13] = [
    "ANSI",
    "ANSI_QUOTES",
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

/// A session's modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlMode {
    /// All of them, separated by commas.
    pub shown: String,
    /// Those that servers are to have.
    pub sent: String,
}

impl SqlMode {
    /// Checks a list of modes.
    pub fn of(value: &str) -> Result<Self, SetError> {
        let mut modes = Vec::new();
        for mode in value
            .split(',')
            .map(str::trim)
            .filter(|mode| !mode.is_empty())
        {
            let mode = mode.to_ascii_uppercase();
            if REFUSED.contains(&mode.as_str()) {
                return Err(SetError::NotHere {
                    what: format!("sql_mode {mode}"),
                    why: "it changes how statements are read, and they are planned without it"
                        .to_owned(),
                });
            }
            if mode != PIPES && !HONOURED.contains(&mode.as_str()) {
                return Err(SetError::Value {
                    variable: "sql_mode".to_owned(),
                    value: mode,
                });
            }
            if !modes.contains(&mode) {
                modes.push(mode);
            }
        }
        let shown = modes.join(",");
        modes.retain(|mode| mode != PIPES);
        Ok(Self {
            shown,
            sent: modes.join(","),
        })
    }

    /// Whether `||` is CONCAT.
    pub fn has_pipes(&self) -> bool {
        self.shown != self.sent
    }
}

impl Default for SqlMode {
    fn default() -> Self {
        Self {
            shown: DEFAULT_SQL_MODE.to_owned(),
            sent: DEFAULT_SQL_MODE.to_owned(),
        }
    }
}
