//! Users as czars and proxies see them: verifiers and grants, in one Secret that they watch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kinds::{ServiceClass, UserLimits};

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
    /// Hex of SHA256(SHA256(password)): verifies caching_sha2_password's fast path.
    pub sha2: String,
    /// Databases the user may read; `*` means all.
    pub databases: Vec<String>,
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
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Whether the user may read `database`.
    pub fn may_read(&self, database: &str) -> bool {
        self.databases
            .iter()
            .any(|granted| granted == "*" || granted == database)
    }
}
