//! Session variables that may be set although nothing here depends on them.
//!
//! Drivers set many variables on every connection. One that cannot change any answer is remembered and shown again; one whose only
//! harmless value is the default may be set to that. Anything else is refused by name, never ignored.

/// A session variable's value as the two statements that show it print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// In `SELECT @@x`.
    pub select: String,
    /// In `SHOW VARIABLES`.
    pub show: String,
}

impl Shown {
    pub(super) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            select: text.clone(),
            show: text,
        }
    }
}

/// Which values a variable takes.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// ON or OFF.
    Bool,
    /// A whole number.
    Number,
    /// Any text.
    Text,
    /// One of these words, whatever the case.
    Word(&'static [&'static str]),
    /// Only these: every other value would change answers. The first is the default.
    Only(&'static [&'static str]),
}

const ISOLATION: Rule = Rule::Word(&[
    "REPEATABLE-READ",
    "READ-COMMITTED",
    "READ-UNCOMMITTED",
    "SERIALIZABLE",
]);

/// All of them.
const VARIABLES: [(&str, Rule); 33] = [
    ("autocommit", Rule::Bool),
    ("wait_timeout", Rule::Number),
    ("interactive_timeout", Rule::Number),
    ("net_read_timeout", Rule::Number),
    ("net_write_timeout", Rule::Number),
    ("lock_wait_timeout", Rule::Number),
    ("innodb_lock_wait_timeout", Rule::Number),
    ("tx_isolation", ISOLATION),
    ("transaction_isolation", ISOLATION),
    ("tx_read_only", Rule::Bool),
    ("transaction_read_only", Rule::Bool),
    ("foreign_key_checks", Rule::Bool),
    ("unique_checks", Rule::Bool),
    ("sql_safe_updates", Rule::Bool),
    ("sql_log_bin", Rule::Bool),
    ("sql_notes", Rule::Bool),
    ("sql_warnings", Rule::Bool),
    ("low_priority_updates", Rule::Bool),
    ("completion_type", Rule::Word(&["NO_CHAIN", "CHAIN", "RELEASE"])),
    ("query_cache_type", Rule::Word(&["OFF", "ON", "DEMAND"])),
    ("session_track_schema", Rule::Bool),
    ("session_track_state_change", Rule::Bool),
    ("session_track_system_variables", Rule::Text),
    (
        "session_track_transaction_info",
        Rule::Word(&["OFF", "STATE", "CHARACTERISTICS"]),
    ),
    ("sql_auto_is_null", Rule::Only(&["OFF"])),
    ("sql_big_selects", Rule::Only(&["ON"])),
    ("sql_quote_show_create", Rule::Only(&["ON"])),
    ("sql_buffer_result", Rule::Only(&["OFF"])),
    ("profiling", Rule::Only(&["OFF"])),
    ("sql_select_limit", Rule::Only(&["18446744073709551615"])),
    ("group_concat_max_len", Rule::Only(&["1048576"])),
    ("div_precision_increment", Rule::Only(&["4"])),
    ("default_week_format", Rule::Only(&["0"])),
];

/// A variable that may be set, by its lower-case name.
pub fn find(name: &str) -> Option<(&'static str, Rule)> {
    VARIABLES.into_iter().find(|(known, _)| *known == name)
}

/// How a boolean is shown.
pub fn shown_bool(value: bool) -> Shown {
    Shown {
        select: u8::from(value).to_string(),
        show: if value { "ON" } else { "OFF" }.to_owned(),
    }
}

/// A boolean as SET takes it.
pub fn parse_bool(value: &str) -> Option<bool> {
    match value.to_ascii_uppercase().as_str() {
        "1" | "ON" | "TRUE" => Some(true),
        "0" | "OFF" | "FALSE" => Some(false),
        _ => None,
    }
}

impl Rule {
    /// The value as it will be shown, if the rule takes it.
    pub fn check(self, value: &str) -> Option<Shown> {
        match self {
            Self::Bool => parse_bool(value).map(shown_bool),
            Self::Number => value
                .parse::<u64>()
                .ok()
                .map(|number| Shown::same(number.to_string())),
            Self::Text => Some(Shown::same(value)),
            Self::Word(words) => {
                let found = words.iter().find(|word| word.eq_ignore_ascii_case(value));
                found.map(|word| Shown::same(*word))
            }
            Self::Only(values) => values.iter().find_map(|only| {
                let flag = parse_bool(only).filter(|_| matches!(*only, "ON" | "OFF"));
                match flag {
                    Some(flag) => (parse_bool(value) == Some(flag)).then(|| shown_bool(flag)),
                    None => only.eq_ignore_ascii_case(value).then(|| Shown::same(*only)),
                }
            }),
        }
    }
}
