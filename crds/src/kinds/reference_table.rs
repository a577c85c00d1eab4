//! `ReferenceTable`: a small table held whole on every worker.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use orrery_archive::table::{Column, DeletionPolicy, SecondaryKey, default_deletion_grace};

/// Name, columns and keys of the table.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "ReferenceTable",
    plural = "referencetables",
    doc = "A small table that every worker holds whole, so that every table joins with it. An Ingest puts rows into it.",
    shortname = "rt",
    category = "orrery",
    namespaced,
    status = "ReferenceTableStatus",
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.database"),
    printcolumn(name = "Table", type_ = "string", json_path = ".spec.table"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rows"),
    printcolumn(name = "Bytes", type_ = "string", json_path = ".status.size"),
    printcolumn(name = "Segments", type_ = "integer", json_path = ".status.segments"),
    printcolumn(name = "Accepted", type_ = "string", json_path = ".status.conditions[?(@.type=='Accepted')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Accepted')].reason", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec.database == oldSelf.spec.database && self.spec.table == oldSelf.spec.table").message("a table's database and name never change"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.incarnation) || self.spec.columns == oldSelf.spec.columns").message("columns of an accepted table never change: make a new table and ingest into it"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.incarnation) || (has(self.spec.primaryKey) == has(oldSelf.spec.primaryKey) && (!has(self.spec.primaryKey) || self.spec.primaryKey == oldSelf.spec.primaryKey) && has(self.spec.indexes) == has(oldSelf.spec.indexes) && (!has(self.spec.indexes) || self.spec.indexes == oldSelf.spec.indexes) && self.spec.charset == oldSelf.spec.charset && self.spec.collation == oldSelf.spec.collation)").message("primaryKey, indexes, charset and collation of an accepted table never change: make a new table and ingest into it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(self.database.lowerAscii() in ['information_schema', 'mysql', 'performance_schema', 'sys']) && !self.database.lowerAscii().startsWith('orrery_')").message("this database name is reserved: names of MariaDB's own databases, and those that begin with orrery_"))]
#[x_kube(validation = Rule::new("!has(self.primaryKey) || self.primaryKey.all(k, self.columns.exists(c, c.name.lowerAscii() == k.lowerAscii()))").message("every column of primaryKey must be a column of the table"))]
pub struct ReferenceTableSpec {
    /// Database users see it in.
    #[schemars(length(min = 1, max = 50), regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub database: String,
    /// Name users see.
    #[schemars(length(min = 1, max = 50), regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub table: String,
    /// Columns in order.
    #[schemars(length(min = 1, max = 1000))]
    pub columns: Vec<Column>,
    /// Columns of the primary key, if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)))]
    pub primary_key: Vec<String>,
    /// Secondary keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub indexes: Vec<SecondaryKey>,
    /// Character set of text columns that name none.
    #[serde(default = "super::chunked_table::default_charset")]
    #[schemars(length(max = 32), regex(pattern = "^[A-Za-z0-9_]*$"))]
    pub charset: String,
    /// Collation of text columns that name none.
    #[serde(default = "super::chunked_table::default_collation")]
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9_]*$"))]
    pub collation: String,
    /// What the table means.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub description: String,
    /// What happens to the rows when this object is deleted. No query sees them any more; with
    /// `Retain` the same table made again has them back, with `Delete` within the grace period.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Seconds for which the rows are kept after a deletion with `deletionPolicy: Delete`; 0 drops
    /// them at once.
    #[serde(default = "default_deletion_grace")]
    #[schemars(range(max = 315_360_000))]
    pub deletion_grace_seconds: u64,
}

/// A mirror of the catalog for people.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferenceTableStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number this incarnation of the table got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// Published rows.
    #[serde(default)]
    pub rows: u64,
    /// Bytes of one copy.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub size: String,
    /// Published segments.
    #[serde(default)]
    pub segments: u64,
    /// `Accepted`, `Available`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}
