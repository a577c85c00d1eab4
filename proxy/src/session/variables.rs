//! Session variables that may be set although nothing here depends on them.
//!
//! Drivers set many variables on every connection. One that cannot change any answer is remembered
//! and shown again; one whose only harmless value is the default may be set to that. Anything else
//! is refused by name, never ignored.

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

/// All of them, with their defaults as SHOW VARIABLES shows them. `sql_select_limit` and those that
/// change answers in a way that is honoured are the session's own.
pub(super) const VARIABLES: [(&str, Rule, &str); 59] = [
    ("autocommit", Rule::Bool, "ON"),
    ("wait_timeout", Rule::Number, "28800"),
    ("interactive_timeout", Rule::Number, "28800"),
    ("net_read_timeout", Rule::Number, "30"),
    ("net_write_timeout", Rule::Number, "60"),
    ("net_retry_count", Rule::Number, "10"),
    ("lock_wait_timeout", Rule::Number, "86400"),
    ("innodb_lock_wait_timeout", Rule::Number, "50"),
    ("idle_transaction_timeout", Rule::Number, "0"),
    ("tx_isolation", ISOLATION, "REPEATABLE-READ"),
    ("transaction_isolation", ISOLATION, "REPEATABLE-READ"),
    ("tx_read_only", Rule::Bool, "OFF"),
    ("transaction_read_only", Rule::Bool, "OFF"),
    ("foreign_key_checks", Rule::Bool, "ON"),
    ("unique_checks", Rule::Bool, "ON"),
    ("check_constraint_checks", Rule::Bool, "ON"),
    ("sql_safe_updates", Rule::Bool, "OFF"),
    ("sql_log_bin", Rule::Bool, "ON"),
    ("sql_notes", Rule::Bool, "ON"),
    ("sql_warnings", Rule::Bool, "OFF"),
    ("low_priority_updates", Rule::Bool, "OFF"),
    ("auto_increment_increment", Rule::Number, "1"),
    ("auto_increment_offset", Rule::Number, "1"),
    ("big_tables", Rule::Bool, "OFF"),
    ("max_join_size", Rule::Number, "18446744073709551615"),
    ("max_error_count", Rule::Number, "64"),
    ("join_buffer_size", Rule::Number, "262144"),
    ("sort_buffer_size", Rule::Number, "2097152"),
    ("read_buffer_size", Rule::Number, "131072"),
    ("read_rnd_buffer_size", Rule::Number, "262144"),
    ("bulk_insert_buffer_size", Rule::Number, "8388608"),
    ("tmp_table_size", Rule::Number, "16777216"),
    ("tmp_memory_table_size", Rule::Number, "16777216"),
    ("max_heap_table_size", Rule::Number, "16777216"),
    ("optimizer_switch", Rule::Text, ""),
    ("optimizer_search_depth", Rule::Number, "62"),
    ("optimizer_prune_level", Rule::Number, "2"),
    ("join_cache_level", Rule::Number, "2"),
    ("long_query_time", Rule::Text, "10.000000"),
    ("slow_query_log", Rule::Bool, "OFF"),
    ("default_storage_engine", Rule::Text, "InnoDB"),
    ("storage_engine", Rule::Text, "InnoDB"),
    ("lc_messages", Rule::Text, "en_US"),
    (
        "completion_type",
        Rule::Word(&["NO_CHAIN", "CHAIN", "RELEASE"]),
        "NO_CHAIN",
    ),
    (
        "query_cache_type",
        Rule::Word(&["OFF", "ON", "DEMAND"]),
        "OFF",
    ),
    ("session_track_schema", Rule::Bool, "ON"),
    ("session_track_state_change", Rule::Bool, "OFF"),
    (
        "session_track_system_variables",
        Rule::Text,
        "autocommit,character_set_client,character_set_connection,character_set_results,time_zone",
    ),
    (
        "session_track_transaction_info",
        Rule::Word(&["OFF", "STATE", "CHARACTERISTICS"]),
        "OFF",
    ),
    ("sql_auto_is_null", Rule::Only(&["OFF"]), "OFF"),
    ("sql_big_selects", Rule::Only(&["ON"]), "ON"),
    ("sql_quote_show_create", Rule::Only(&["ON"]), "ON"),
    ("sql_buffer_result", Rule::Only(&["OFF"]), "OFF"),
    ("profiling", Rule::Only(&["OFF"]), "OFF"),
    ("old_passwords", Rule::Only(&["OFF"]), "OFF"),
    ("group_concat_max_len", Rule::Only(&["1048576"]), "1048576"),
    ("div_precision_increment", Rule::Only(&["4"]), "4"),
    ("default_week_format", Rule::Only(&["0"]), "0"),
    ("lc_time_names", Rule::Only(&["en_US"]), "en_US"),
];

/// A variable that may be set, by its lower-case name.
pub fn find(name: &str) -> Option<(&'static str, Rule)> {
    let found = VARIABLES.into_iter().find(|(known, ..)| *known == name);
    found.map(|(known, rule, _)| (known, rule))
}

/// The value that a session begins with, as SELECT shows it; `None` for a variable that is not
/// known here.
pub fn default_of(name: &str) -> Option<String> {
    let (_, rule, default) = VARIABLES.into_iter().find(|(known, ..)| *known == name)?;
    rule.check(default).map(|shown| shown.select)
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
