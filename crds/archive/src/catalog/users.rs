//! Users as czars and proxies see them: verifiers and grants, in one Secret that they watch.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Catalog, TableKey};

/// Content of the Secret [`crate::names::USERS_SECRET`].
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// Counts changes of rights; part of cache keys.
    pub version: u64,
    /// Users by login name.
    pub users: BTreeMap<String, User>,
}

/// One user.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Hex of SHA1(SHA1(password)): verifies mysql_native_password.
    pub native: String,
    /// Hex of SHA256(SHA256(password)): verifies caching_sha2_password's fast path. Not known of a
    /// user whose password is given as a hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha2: Option<String>,
    /// When the user may not log in or ask any more: seconds of Unix time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<i64>,
    /// Databases the user may read as a whole; `*` means all.
    pub databases: Vec<String>,
    /// Tables the user may read in other databases, by database: names, or the beginning of names
    /// followed by `*`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeSet<String>>,
    /// Class of service.
    #[serde(default)]
    pub class: ServiceClass,
    /// Limits.
    #[serde(default)]
    pub limits: UserLimits,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("databases", &self.databases)
            .field("tables", &self.tables)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Whether the user may read all of `database`.
    pub fn may_read_all_of(&self, database: &str) -> bool {
        self.databases
            .iter()
            .any(|granted| granted == "*" || granted == database)
    }

    /// Whether the user may read a table.
    pub fn may_read(&self, table: &TableKey) -> bool {
        self.may_read_all_of(&table.database) || self.is_granted_alone(table)
    }

    /// Whether the user may have `database` as default: it may read all of it or a table that is
    /// there.
    pub fn may_enter(&self, database: &str, catalog: &Catalog) -> bool {
        self.may_read_all_of(database)
            || self
                .single_tables(catalog)
                .any(|table| table.database == database)
    }

    /// The tables of the catalog that the user may read in databases it may not read as a whole.
    pub fn single_tables<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = &'a TableKey> + 'a {
        catalog
            .tables
            .keys()
            .filter(|table| !self.may_read_all_of(&table.database) && self.is_granted_alone(table))
    }

    fn is_granted_alone(&self, table: &TableKey) -> bool {
        let granted = self.tables.get(&table.database).into_iter().flatten();
        granted
            .into_iter()
            .any(|granted| match granted.strip_suffix('*') {
                Some(beginning) => table.table.starts_with(beginning),
                None => *granted == table.table,
            })
    }
}

/// Class of service.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ServiceClass {
    /// Shares everything evenly.
    #[default]
    Standard,
    /// May see and kill everybody's statements.
    Admin,
}

/// Limits of each statement and connection; absent means none.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UserLimits {
    /// Rows a statement may return before it ends with an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_rows: Option<u64>,
    /// Seconds a statement may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub max_seconds: Option<u64>,
    /// Connections open at once through one proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: Option<u32>,
}
