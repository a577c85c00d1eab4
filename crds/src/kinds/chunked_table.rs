//! `ChunkedTable`: one table for users, many physical tables on workers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use orrery_archive::table::{DeletionPolicy, PositionColumns, UniqueKey, default_deletion_grace};

use orrery_archive::table::{Column, SecondaryKey};

/// Name, columns and keys of the table, and the family whose chunks its rows are spread over.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "ChunkedTable",
    plural = "chunkedtables",
    doc = "One table for users, cut into chunks that lie on many workers. An Ingest puts rows into it.",
    shortname = "ct",
    category = "orrery",
    namespaced,
    status = "ChunkedTableStatus",
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.database"),
    printcolumn(name = "Table", type_ = "string", json_path = ".spec.table"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rows"),
    printcolumn(name = "Bytes", type_ = "string", json_path = ".status.size"),
    printcolumn(name = "Chunks", type_ = "integer", json_path = ".status.chunks"),
    printcolumn(name = "Segments", type_ = "integer", json_path = ".status.segments"),
    printcolumn(name = "Accepted", type_ = "string", json_path = ".status.conditions[?(@.type=='Accepted')].status"),
    printcolumn(name = "Family", type_ = "string", json_path = ".spec.family", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Accepted')].reason", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec.database == oldSelf.spec.database && self.spec.table == oldSelf.spec.table && self.spec.family == oldSelf.spec.family && self.spec.role == oldSelf.spec.role").message("a table's database, name, family and role never change"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.incarnation) || self.spec.columns == oldSelf.spec.columns").message("columns of an accepted table never change: make a new table and ingest into it"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.incarnation) || (has(self.spec.key) == has(oldSelf.spec.key) && (!has(self.spec.key) || self.spec.key == oldSelf.spec.key) && has(self.spec.director) == has(oldSelf.spec.director) && (!has(self.spec.director) || self.spec.director == oldSelf.spec.director) && has(self.spec.position) == has(oldSelf.spec.position) && (!has(self.spec.position) || self.spec.position == oldSelf.spec.position) && self.spec.uniqueKey == oldSelf.spec.uniqueKey)").message("key, director, position and uniqueKey of an accepted table never change: make a new table and ingest into it"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.incarnation) || (has(self.spec.indexes) == has(oldSelf.spec.indexes) && (!has(self.spec.indexes) || self.spec.indexes == oldSelf.spec.indexes) && self.spec.charset == oldSelf.spec.charset && self.spec.collation == oldSelf.spec.collation && self.spec.qservCompat == oldSelf.spec.qservCompat)").message("indexes, charset, collation and qservCompat of an accepted table never change: make a new table and ingest into it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.role != 'director' || (has(self.key) && self.columns.exists(c, c.name.lowerAscii() == self.key.lowerAscii()))").message("a director needs a key that is one of its columns"))]
#[x_kube(validation = Rule::new("self.role != 'child' || (has(self.director) && has(self.key) && self.columns.exists(c, c.name.lowerAscii() == self.key.lowerAscii()))").message("a child needs its director, and a key that is one of its columns and names the director row"))]
#[x_kube(validation = Rule::new("self.role != 'director' || !has(self.director)").message("a director has no director"))]
#[x_kube(validation = Rule::new("!self.columns.exists(c, c.name.lowerAscii() in ['chunkid', 'subchunkid'])").message("the column names chunkId and subChunkId are reserved, whatever the case"))]
#[x_kube(validation = Rule::new("!(self.database.lowerAscii() in ['information_schema', 'mysql', 'performance_schema', 'sys']) && !self.database.lowerAscii().startsWith('orrery_')").message("this database name is reserved: names of MariaDB's own databases, and those that begin with orrery_"))]
#[x_kube(validation = Rule::new("!has(self.position) || (self.columns.exists(c, c.name.lowerAscii() == self.position.longitude.lowerAscii()) && self.columns.exists(c, c.name.lowerAscii() == self.position.latitude.lowerAscii()))").message("position.longitude and position.latitude must be columns of the table"))]
#[x_kube(validation = Rule::new("!self.table.matches('(_[0-9]+|[Ff][Uu][Ll][Ll][Oo][Vv][Ee][Rr][Ll][Aa][Pp])$')").message("a chunked table's name does not end in _<digits> or FullOverlap"))]
pub struct ChunkedTableSpec {
    /// Database users see it in.
    #[schemars(length(min = 1, max = 50), regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub database: String,
    /// Name users see.
    #[schemars(length(min = 1, max = 32), regex(pattern = "^[A-Za-z][A-Za-z0-9_]*$"))]
    pub table: String,
    /// Name of its `ChunkFamily`.
    #[schemars(length(min = 1, max = 63))]
    pub family: String,
    /// What the table is in its family.
    pub role: TableRole,
    /// Director: the unique id. Child: the column that holds the director's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub key: Option<String>,
    /// Child: the director table, in the same database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub director: Option<String>,
    /// Columns that hold a row's position, in degrees. A director of a sphere needs them; a child
    /// without them follows its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<PositionColumns>,
    /// Columns in order.
    #[schemars(length(min = 1, max = 1000))]
    pub columns: Vec<Column>,
    /// Secondary keys of every physical table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub indexes: Vec<SecondaryKey>,
    /// Director: whether two rows may share a key.
    #[serde(default)]
    pub unique_key: UniqueKey,
    /// Character set of text columns that name none.
    #[serde(default = "default_charset")]
    #[schemars(length(max = 32), regex(pattern = "^[A-Za-z0-9_]*$"))]
    pub charset: String,
    /// Collation of text columns that name none.
    #[serde(default = "default_collation")]
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9_]*$"))]
    pub collation: String,
    /// What the table means.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub description: String,
    /// How slow a full scan is compared to others; 1 is fastest.
    #[serde(default = "default_scan_rating")]
    #[schemars(range(min = 1, max = 100))]
    pub scan_rating: u32,
    /// Makes `chunkId` and `subChunkId` visible columns, as Qserv has them.
    #[serde(default)]
    pub qserv_compat: bool,
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

pub(crate) fn default_charset() -> String {
    "utf8mb4".into()
}

pub(crate) fn default_collation() -> String {
    "utf8mb4_general_ci".into()
}

fn default_scan_rating() -> u32 {
    10
}

/// Annotation of a new table object that is to begin without rows (`true`), although rows of the
/// same table, which was deleted, are kept.
pub const BEGIN_EMPTY: &str = "orrery.dev/begin-empty";

/// What a chunked table is in its family.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TableRole {
    /// Owns the unique id and the position.
    Director,
    /// Its rows follow a director's rows.
    Child,
}

/// A mirror of the catalog for people.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChunkedTableStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number this incarnation of the table got, used once in the archive's life.
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
    /// Chunks that hold rows.
    #[serde(default)]
    pub chunks: u64,
    /// `Accepted`, `Available`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}
