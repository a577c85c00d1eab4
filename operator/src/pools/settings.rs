//! The workers' `my.cnf`: settings that correctness rests on, defaults, and the user's own. Pure.
//!
//! A worker that flushes less, or compares or sorts otherwise than its peers, gives other answers
//! or loses rows. So users may set what is known to do neither ([`taken`]) and nothing else; the
//! agent checks what correctness rests on again in the running server.

pub mod taken;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::quantity;
use taken::TAKEN;

/// Directory of the data on a worker's volume.
pub const DATA_DIR: &str = "/var/lib/mysql";
/// Directory of the server's Unix socket, shared with the agent.
pub const RUN_DIR: &str = "/run/mysqld";
/// The only directory LOAD DATA reads from, shared with the agent.
pub const FILES_DIR: &str = "/var/lib/orrery-files";

/// Directory of the server's TLS files.
pub const MYSQLD_TLS_DIR: &str = "/etc/orrery-tls";

/// Settings that users cannot change.
const FIXED: &[(&str, &str)] = &[
    ("bind_address", "0.0.0.0"),
    ("character_set_server", "utf8mb4"),
    ("collation_server", "utf8mb4_general_ci"),
    ("datadir", DATA_DIR),
    ("default_storage_engine", "InnoDB"),
    // Makes the sky functions and time zones of the image the server runs from.
    ("init_file", "/usr/share/orrery/functions.sql"),
    ("innodb_doublewrite", "1"),
    ("innodb_file_per_table", "1"),
    ("innodb_flush_log_at_trx_commit", "1"),
    ("innodb_page_size", "16384"),
    // Tables are analyzed once, when they are complete. What analyzes them while they fill locks
    // InnoDB's dictionary through each of its commits, and all other sessions wait.
    ("innodb_stats_auto_recalc", "0"),
    ("innodb_strict_mode", "1"),
    ("local_infile", "0"),
    ("lower_case_table_names", "0"),
    // A function whose result is longer is NULL.
    ("max_allowed_packet", "64M"),
    ("pid_file", "/run/mysqld/mysqld.pid"),
    ("port", "3306"),
    ("secure_file_priv", FILES_DIR),
    ("skip_log_bin", ""),
    ("skip_name_resolve", "1"),
    ("socket", "/run/mysqld/mysqld.sock"),
    (
        "sql_mode",
        "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    ),
    // Czars come with TLS and a certificate; the agent has new files read (FLUSH SSL).
    ("ssl_ca", "/etc/orrery-tls/ca.crt"),
    ("ssl_cert", "/etc/orrery-tls/tls.crt"),
    ("ssl_key", "/etc/orrery-tls/tls.key"),
    ("tmpdir", "/tmp"),
];

/// Defaults that users may change.
const DEFAULTS: &[(&str, &str)] = &[
    ("innodb_log_file_size", "96M"),
    ("innodb_open_files", "8000"),
    ("max_connections", "500"),
    ("open_files_limit", "20000"),
    ("performance_schema", "OFF"),
    ("table_definition_cache", "8000"),
    ("table_open_cache", "4000"),
    ("table_open_cache_instances", "4"),
    // A czar whose node lost its power closes no connection: it counts as gone after 30 s.
    ("tcp_keepalive_interval", "5"),
    ("tcp_keepalive_probes", "3"),
    ("tcp_keepalive_time", "15"),
];

/// Share of the container's memory that the buffer pool gets when the user sets neither.
const BUFFER_POOL_DIVISOR: u64 = 2;
/// Buffer pool of a container without a memory limit.
const SMALL_BUFFER_POOL: u64 = 128 << 20;

/// Why a pool's settings are refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingError {
    /// Correctness rests on it.
    #[error("spec.settings: `{name}` is fixed by Orrery ({why}) and cannot be set")]
    Fixed {
        /// As the user wrote it.
        name: String,
        /// The fixed setting it would change.
        why: &'static str,
    },
    /// It is none of those that users may set.
    #[error(
        "spec.settings: `{0}` is none of the settings that can be set, which change neither what workers store nor what they answer"
    )]
    Untaken(String),
    /// MariaDB would not take it as a setting's name.
    #[error(
        "spec.settings: `{0}` is no name of a mysqld setting: letters, digits, `_` and `-` only"
    )]
    Name(String),
    /// The value would end its line.
    #[error("spec.settings: the value of `{0}` holds a control character")]
    Value(String),
    /// The server may not open more files than the container can.
    #[error("spec.settings: open_files_limit is at most 20000, which is what a container may open")]
    OpenFiles,
}

/// The text of `my.cnf` for a container with this memory (a Kubernetes quantity, if limited).
pub fn my_cnf(
    settings: &BTreeMap<String, String>,
    memory: Option<&str>,
) -> Result<String, SettingError> {
    let mut all: BTreeMap<String, String> = DEFAULTS
        .iter()
        .map(|(name, value)| owned(name, value))
        .collect();
    all.insert(
        "innodb_buffer_pool_size".into(),
        buffer_pool(memory).to_string(),
    );
    for (name, value) in settings {
        check(name, value)?;
        all.insert(canonical(name), value.clone());
    }
    all.extend(FIXED.iter().map(|(name, value)| owned(name, value)));
    let mut text = String::from(
        "# Made by the operator; change WorkerPool.spec.settings instead.\n[mariadbd]\n",
    );
    for (name, value) in all {
        text.push_str(&name);
        if !value.is_empty() {
            text.push('=');
            text.push_str(&value);
        }
        text.push('\n');
    }
    Ok(text)
}

fn owned(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Half of the container's memory, rounded down to whole MiB.
fn buffer_pool(memory: Option<&str>) -> u64 {
    memory
        .and_then(quantity::bytes)
        .map_or(SMALL_BUFFER_POOL, |bytes| {
            let half = bytes / BUFFER_POOL_DIVISOR;
            (half - half % (1 << 20)).max(16 << 20)
        })
}

fn check(name: &str, value: &str) -> Result<(), SettingError> {
    let sound = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !sound {
        return Err(SettingError::Name(name.to_owned()));
    }
    if value.chars().any(char::is_control) {
        return Err(SettingError::Value(name.to_owned()));
    }
    if let Some(why) = protected(name) {
        return Err(SettingError::Fixed {
            name: name.to_owned(),
            why,
        });
    }
    if !TAKEN.contains(&canonical(name).as_str()) {
        return Err(SettingError::Untaken(name.to_owned()));
    }
    let too_many = |value: &str| {
        value
            .trim()
            .parse::<u64>()
            .map_or(true, |files| files > 20_000)
    };
    if canonical(name) == "open_files_limit" && too_many(value) {
        return Err(SettingError::OpenFiles);
    }
    Ok(())
}

/// The fixed setting that `name` would change. MariaDB takes any unambiguous beginning of a name, and
/// prefixes that turn a setting off, so both count.
fn protected(name: &str) -> Option<&'static str> {
    let canonical = canonical(name);
    let plain = stripped(&canonical);
    let mut fixed = FIXED.iter().map(|(name, _)| *name);
    fixed.find(|fixed| stripped(fixed).starts_with(plain))
}

fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

fn stripped(name: &str) -> &str {
    ["loose_", "skip_", "disable_", "enable_", "maximum_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .map_or(name, stripped)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::taken::TAKEN;
    use super::{DEFAULTS, FIXED, SettingError, my_cnf};

    fn set(name: &str, value: &str) -> Result<String, SettingError> {
        my_cnf(&BTreeMap::from([(name.to_owned(), value.to_owned())]), None)
    }

    #[test]
    fn settings_that_correctness_rests_on_are_always_there() {
        let text = my_cnf(&BTreeMap::new(), None).unwrap();
        for line in [
            "innodb_flush_log_at_trx_commit=1",
            "innodb_doublewrite=1",
            "innodb_stats_auto_recalc=0",
            "character_set_server=utf8mb4",
            "collation_server=utf8mb4_general_ci",
            "sql_mode=STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
            "lower_case_table_names=0",
            "secure_file_priv=/var/lib/orrery-files",
            "skip_log_bin",
            "innodb_buffer_pool_size=134217728",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn users_change_defaults_and_add_settings() {
        let text = set("Max-Connections", "900").unwrap();
        assert!(text.contains("max_connections=900\n") && !text.contains("=500"));
        assert!(
            set("innodb_io_capacity", "2000")
                .unwrap()
                .contains("innodb_io_capacity=2000\n")
        );
    }

    #[test]
    fn the_buffer_pool_is_half_of_the_memory_unless_set() {
        let text = my_cnf(&BTreeMap::new(), Some("2Gi")).unwrap();
        assert!(text.contains("innodb_buffer_pool_size=1073741824\n"));
        let own = BTreeMap::from([("innodb_buffer_pool_size".into(), "300M".into())]);
        assert!(
            my_cnf(&own, Some("2Gi"))
                .unwrap()
                .contains("innodb_buffer_pool_size=300M\n")
        );
    }

    #[test]
    fn fixed_settings_are_refused_however_they_are_spelled() {
        for name in [
            "innodb_flush_log_at_trx_commit",
            "INNODB-Flush-Log-At-Trx-Commit",
            "innodb_flush_log_at_trx",
            "skip_innodb_doublewrite",
            "loose-skip-innodb-doublewrite",
            "sql_mode",
            "log-bin",
            "max_allowed_packet",
            "datadir",
        ] {
            assert!(
                matches!(set(name, "0"), Err(SettingError::Fixed { .. })),
                "{name}"
            );
        }
        assert_eq!(
            set("sql-mode", "").unwrap_err().to_string(),
            "spec.settings: `sql-mode` is fixed by Orrery (sql_mode) and cannot be set"
        );
    }

    /// `sql_select_limit` cut the rows of each chunk, and a list of what is forbidden had it not.
    #[test]
    fn what_is_not_known_to_change_no_answer_is_refused_however_it_is_spelled() {
        for name in [
            "sql_select_limit",
            "max_sort_length",
            "div_precision_increment",
            "group_concat_max_len",
            "default_week_format",
            "old_mode",
            "optimizer_switch",
            "max_join_size",
            "innodb_flush_method",
            "general_log_file",
            "init_connect",
            "skip_grant_tables",
            "skip_networking",
            "plugin_load_add",
            "innodb_force_recovery",
            "transaction_isolation",
            "loose-sort_buffer_size",
            "sort_buffer",
            "no_such_setting",
        ] {
            let refused = SettingError::Untaken(name.to_owned());
            assert_eq!(set(name, "1"), Err(refused));
        }
    }

    #[test]
    fn every_default_and_no_fixed_setting_may_be_set() {
        for (name, value) in DEFAULTS {
            assert!(set(name, value).is_ok(), "{name}");
        }
        for (name, _) in FIXED {
            assert!(!TAKEN.contains(name), "{name}");
        }
        assert!(TAKEN.is_sorted(), "in order, so that it can be read");
    }

    #[test]
    fn names_and_values_cannot_break_out_of_their_line() {
        assert_eq!(
            set("a=1\nsql_mode", ""),
            Err(SettingError::Name("a=1\nsql_mode".into()))
        );
        assert_eq!(set("", ""), Err(SettingError::Name(String::new())));
        assert_eq!(
            set("sort_buffer_size", "1M\nsql_mode="),
            Err(SettingError::Value("sort_buffer_size".into()))
        );
    }

    #[test]
    fn open_files_are_bounded() {
        assert_eq!(
            set("open_files_limit", "65535"),
            Err(SettingError::OpenFiles)
        );
        assert!(set("open-files-limit", "1000").is_ok());
    }
}
