//! `QueryUser`: who may log in and read what.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use orrery_archive::catalog::users::{ServiceClass, UserLimits};

/// Name, password, grants per database or table, and limits.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "QueryUser",
    plural = "queryusers",
    doc = "Somebody who may log in with a MySQL client and read.",
    shortname = "qu",
    category = "orrery",
    namespaced,
    status = "QueryUserStatus",
    printcolumn(name = "User", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.class"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Accepted')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Accepted')].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec.user == oldSelf.spec.user").message("a user's name never changes: make another QueryUser")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(self.user.lowerAscii() in ['root', 'mysql', 'mariadb.sys', 'public']) && !self.user.lowerAscii().startsWith('orrery_')").message("this user name is reserved: root, mysql, mariadb.sys, public, and names that begin with orrery_"))]
pub struct QueryUserSpec {
    /// Name to log in with.
    #[schemars(length(min = 1, max = 80), regex(pattern = "^[A-Za-z0-9_.@-]+$"))]
    pub user: String,
    /// Name of the Secret in this namespace whose key `password` holds the password, or whose key
    /// `hash` holds what MariaDB's PASSWORD() gives of it: `*` and 40 hexadecimal digits. A line
    /// break at the end of either does not count.
    #[schemars(length(min = 1, max = 253))]
    pub password_secret: String,
    /// From when on the user can neither log in nor ask any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
    /// Databases the user may read, or tables of them.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub grants: Vec<DatabaseGrant>,
    /// `QueryRole`s of this namespace whose grants the user has as well. One that is not there
    /// grants nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(
            length(min = 1, max = 253),
            regex(pattern = "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")
        )
    )]
    pub roles: Vec<String>,
    /// Class of service.
    #[serde(default)]
    pub class: ServiceClass,
    /// Limits of each statement and connection.
    #[serde(default)]
    pub limits: UserLimits,
}

/// Right to read one database, some tables of it, or every database.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[x_kube(validation = Rule::new("self.database != '*' || !has(self.tables)").message("tables are those of one database: name it instead of `*`"))]
pub struct DatabaseGrant {
    /// Database name; `*` means every database.
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = "^([*]|[A-Za-z][A-Za-z0-9_]*)$")
    )]
    pub database: String,
    /// Tables of that database, those that come later too: names, or the beginning of names
    /// followed by `*`. Absent: all tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 256),
        inner(
            length(min = 1, max = 51),
            regex(pattern = "^[A-Za-z][A-Za-z0-9_]*[*]?$")
        )
    )]
    pub tables: Option<Vec<String>>,
}

/// Whether the user can log in.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryUserStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}
