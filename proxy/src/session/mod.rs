//! What the proxy remembers about a client's session: small, so that any czar connection can serve
//! any statement.

mod charset;
mod diagnostics;
mod error;
mod evaluate;
mod set;
mod sql_mode;
#[cfg(test)]
mod tests;
mod time_zone;
mod variables;

use std::collections::BTreeMap;
use std::time::Duration;

use orrery_czar_protocol::Question;
use orrery_wire::StatusFlags;

pub use charset::Collation;
pub use diagnostics::{Diagnostic, Diagnostics};
use sql_mode::SqlMode;
pub use variables::Shown;

/// Seconds without a command after which a connection is closed, unless the session says otherwise.
const DEFAULT_WAIT_TIMEOUT: u64 = 28_800;

/// What a transaction may do, as the status flags tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// READ WRITE, which is the default.
    ReadWrite,
    /// READ ONLY.
    ReadOnly,
}

/// The state of one session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Account.
    pub user: String,
    /// Default database.
    pub database: Option<String>,
    /// `time_zone`, as every server knows it.
    time_zone: String,
    sql_mode: SqlMode,
    /// `collation_connection`; its character set is the client's.
    collation: Collation,
    autocommit: bool,
    /// Whether a transaction has begun that has not ended; reads and writes nothing by itself.
    transaction: Option<Access>,
    /// `sql_select_limit`, when it is one.
    select_limit: Option<u64>,
    wait_timeout: u64,
    /// `max_statement_time` of the session.
    max_statement_time: Option<Duration>,
    /// Whether `orrery_plan` is `gather`: tables are gathered whatever the chunks could compute.
    gathers: bool,
    /// Variables that were set and that nothing depends on.
    kept: BTreeMap<&'static str, Shown>,
    /// Highest dataEpoch an answer was made from.
    pub data_epoch: u64,
    /// Of the last statement that read tables or raised any.
    pub diagnostics: Diagnostics,
}

/// Value of `orrery_plan`.
fn plan_name(gathers: bool) -> &'static str {
    if gathers { "gather" } else { "auto" }
}

impl Session {
    /// The session of a user who has just logged in.
    pub fn new(user: String, database: Option<String>, collation: Collation) -> Self {
        Self {
            user,
            database,
            time_zone: "SYSTEM".to_owned(),
            sql_mode: SqlMode::default(),
            collation,
            autocommit: true,
            transaction: None,
            select_limit: None,
            wait_timeout: DEFAULT_WAIT_TIMEOUT,
            max_statement_time: None,
            gathers: false,
            kept: BTreeMap::new(),
            data_epoch: 0,
            diagnostics: Diagnostics::default(),
        }
    }

    /// What COM_RESET_CONNECTION leaves: user, database and what has been seen of the data.
    pub fn reset(&mut self) {
        let fresh = Self::new(
            std::mem::take(&mut self.user),
            self.database.take(),
            Collation::default(),
        );
        *self = Self {
            data_epoch: self.data_epoch,
            ..fresh
        };
    }

    /// Status flags of every answer.
    pub fn status(&self) -> StatusFlags {
        let mut status = StatusFlags::empty();
        status.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, self.autocommit);
        status.set(
            StatusFlags::SERVER_STATUS_IN_TRANS,
            self.transaction.is_some(),
        );
        let read_only = self.transaction == Some(Access::ReadOnly);
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY, read_only);
        status
    }

    /// A transaction begins. Rows never change under a reader, so only the status flags know.
    pub fn begin(&mut self, access: Access) {
        self.transaction = Some(access);
    }

    /// The transaction ends, and with `chain` another one begins.
    pub fn end_transaction(&mut self, chain: bool) {
        self.transaction = self.transaction.filter(|_| chain);
    }

    /// A statement reads tables: without autocommit that begins a transaction.
    pub fn reads_tables(&mut self) {
        if !self.autocommit && self.transaction.is_none() {
            self.transaction = Some(Access::ReadWrite);
        }
    }

    /// Most rows of a SELECT without a LIMIT of its own.
    pub fn select_limit(&self) -> Option<u64> {
        self.select_limit
    }

    /// Whether `||` is CONCAT to this session.
    pub fn has_pipes(&self) -> bool {
        self.sql_mode.has_pipes()
    }

    /// Takes over what a statement under other settings has taught: what was seen of the data, and
    /// its warnings.
    pub fn learn_from(&mut self, other: Self) {
        self.data_epoch = other.data_epoch;
        self.diagnostics = other.diagnostics;
        self.transaction = other.transaction;
    }

    /// How long the connection may be idle.
    pub fn wait_timeout(&self) -> Duration {
        Duration::from_secs(self.wait_timeout)
    }

    /// Longest time a statement may run: the shorter of the session's wish and the user's limit in
    /// seconds.
    pub fn max_time(&self, limit: Option<u64>) -> Option<Duration> {
        let limit = limit.map(Duration::from_secs);
        [self.max_statement_time, limit].into_iter().flatten().min()
    }

    /// A question in this session's name, under its settings.
    pub fn question(&self) -> Question<'_> {
        Question {
            user: &self.user,
            database: self.database.as_deref(),
            time_zone: Some(&self.time_zone),
            sql_mode: Some(&self.sql_mode.sent),
            collation: Some(&self.collation.name),
            min_data_epoch: self.data_epoch,
            gather: self.gathers,
            ..Question::default()
        }
    }

    /// Variables whose value is the session's own and unknown to whoever answers: name → value.
    pub fn own_variables(&self) -> BTreeMap<&'static str, Shown> {
        let mut own = self.kept.clone();
        own.insert("autocommit", variables::shown_bool(self.autocommit));
        own.insert("wait_timeout", Shown::same(self.wait_timeout.to_string()));
        if self.has_pipes() {
            own.insert("sql_mode", Shown::same(self.sql_mode.shown.clone()));
        }
        own.insert(
            "sql_select_limit",
            Shown::same(self.select_limit.unwrap_or(u64::MAX).to_string()),
        );
        let seconds = self
            .max_statement_time
            .map_or(0.0, |time| time.as_secs_f64());
        own.insert("max_statement_time", Shown::same(format!("{seconds:.6}")));
        own.insert("orrery_plan", Shown::same(plan_name(self.gathers)));
        let (all, errors) = (self.diagnostics.count(), self.diagnostics.errors());
        own.insert("warning_count", Shown::same(all.to_string()));
        own.insert("error_count", Shown::same(errors.to_string()));
        own
    }

    /// The collation of the connection.
    pub fn collation(&self) -> &Collation {
        &self.collation
    }

    /// Speaks another character set from now on.
    pub fn set_collation(&mut self, collation: Collation) {
        self.collation = collation;
    }

    /// The value of a variable this session knows, for use in SET.
    fn value_of(&self, name: &str) -> Option<String> {
        match name {
            "sql_mode" => Some(self.sql_mode.shown.clone()),
            "time_zone" => Some(self.time_zone.clone()),
            "collation_connection" => Some(self.collation.name.clone()),
            "character_set_client" | "character_set_connection" | "character_set_results" => {
                Some(self.collation.charset().to_owned())
            }
            _ => {
                let own = self.own_variables();
                let shown = own.get(name).map(|shown| shown.select.clone());
                shown.or_else(|| variables::default_of(name))
            }
        }
    }

    /// The value that every session begins with.
    fn global_value_of(name: &str) -> Option<String> {
        Self::new(String::new(), None, Collation::default()).value_of(name)
    }
}
