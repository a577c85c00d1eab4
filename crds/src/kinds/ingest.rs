//! `Ingest`: adds rows to one table, exactly once, all or nothing, undoable.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use orrery_archive::ingest::{
    Dialect, IngestProgress, IngestSource, IngestSummary, MisplacedChildPolicy, OrphanPolicy,
    PositionPolicy, RejectSample,
};

/// Which files go into which table, and what happens to rows that do not fit. `revoked` takes the
/// rows back.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "Ingest",
    plural = "ingests",
    doc = "Rows of files on their way into one table: exactly once, all or nothing, undoable. Deleting the object never touches rows, and applying it again does not load them again.",
    shortname = "ing",
    // `ing` alone means Ingress to kubectl wherever both exist; this one is unambiguous.
    shortname = "igt",
    category = "orrery",
    namespaced,
    status = "IngestStatus",
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.target.database"),
    printcolumn(name = "Table", type_ = "string", json_path = ".spec.target.table"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Done", type_ = "string", json_path = ".status.progress.percent", description = "percent of this phase"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.summary.rows"),
    printcolumn(name = "Rejects", type_ = "integer", json_path = ".status.summary.rejects"),
    printcolumn(name = "Chunks", type_ = "integer", json_path = ".status.summary.chunks"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 56").message("an Ingest's name has at most 56 characters: the name of its Job and a label are made from it"),
    validation = Rule::new("self.spec.target == oldSelf.spec.target && self.spec.sources == oldSelf.spec.sources && self.spec.dialect == oldSelf.spec.dialect && has(self.spec.fields) == has(oldSelf.spec.fields) && (!has(self.spec.fields) || self.spec.fields == oldSelf.spec.fields)").message("an ingest's target, sources, dialect and fields never change: make another Ingest"),
    validation = Rule::new("self.spec.maxRejects == oldSelf.spec.maxRejects && self.spec.positions == oldSelf.spec.positions && self.spec.orphans == oldSelf.spec.orphans && self.spec.misplacedChildren == oldSelf.spec.misplacedChildren").message("an ingest's rules for bad rows never change: make another Ingest")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(r"self.dialect.delimiter == '\\t' || self.dialect.delimiter.matches('^[\\x01-\\x09\\x0b\\x0c\\x0e-\\x7f]$')").message(r"dialect.delimiter is one ASCII character that ends no line, or \t for a tab"))]
#[x_kube(validation = Rule::new(r"!has(self.dialect.quote) || self.dialect.quote.matches('^[\\x01-\\x09\\x0b\\x0c\\x0e-\\x7f]$')").message("dialect.quote is one ASCII character that ends no line"))]
#[x_kube(validation = Rule::new(r"self.dialect.escape.matches('^[\\x01-\\x09\\x0b\\x0c\\x0e-\\x7f]?$')").message("dialect.escape is one ASCII character that ends no line, or empty"))]
#[x_kube(validation = Rule::new("self.dialect.escape != self.dialect.delimiter && (!has(self.dialect.quote) || (self.dialect.quote != self.dialect.delimiter && self.dialect.quote != self.dialect.escape))").message("dialect.delimiter, quote and escape must differ from each other"))]
#[x_kube(validation = Rule::new(r"self.dialect.comment.matches('^[^\\n\\r]*$') && (size(self.dialect.comment) == 0 || !has(self.dialect.quote) || !self.dialect.comment.startsWith(self.dialect.quote))").message("dialect.comment is text of one line that does not begin with the quote"))]
#[x_kube(validation = Rule::new("self.dialect.header || self.dialect.skipAfterHeader == 0").message("dialect.skipAfterHeader needs header: true"))]
#[x_kube(validation = Rule::new("self.dialect.charset in ['utf8mb4', 'latin1', 'binary']").message("dialect.charset is utf8mb4, latin1 or binary"))]
#[x_kube(validation = Rule::new("self.dialect.compression in ['auto', 'none', 'gzip', 'zstd']").message("dialect.compression is auto, none, gzip or zstd"))]
#[x_kube(validation = Rule::new(r"self.dialect.format == 'text' || (self.dialect.delimiter == ',' && !has(self.dialect.quote) && self.dialect.escape == '\\' && self.dialect.nulls == ['\\N'] && !self.dialect.header && size(self.dialect.comment) == 0 && self.dialect.blankLines == 'records' && !self.dialect.trim && !self.dialect.booleans && self.dialect.charset == 'utf8mb4')").message("with a dialect.format other than text, dialect takes notFinite and compression alone"))]
pub struct IngestSpec {
    /// Table that gets the rows.
    pub target: IngestTarget,
    /// Files, in order.
    #[schemars(length(min = 1, max = 1000))]
    pub sources: Vec<IngestSource>,
    /// How the files are written.
    #[serde(default)]
    pub dialect: Dialect,
    /// Fields of the files in order; the table's columns when empty. A name that is no column is
    /// skipped when it starts with `-`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 65)))]
    pub fields: Vec<String>,
    /// Rejected rows after which the ingest fails.
    #[serde(default)]
    pub max_rejects: u64,
    /// What happens to rows without a usable position.
    #[serde(default)]
    pub positions: PositionPolicy,
    /// What happens to child rows whose director row is unknown.
    #[serde(default)]
    pub orphans: OrphanPolicy,
    /// What happens to child rows whose director row lies in another chunk.
    #[serde(default)]
    pub misplaced_children: MisplacedChildPolicy,
    /// The pod that reads the files.
    #[serde(default)]
    pub loader: LoaderPod,
    /// True unpublishes the rows; false again brings them back.
    #[serde(default)]
    pub revoked: bool,
}

/// The pod that reads the files. Changes hold for the pods that are made after them.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoaderPod {
    /// CPU and memory of the loader; it checks rows with as many threads as it has CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Nodes that it may run on, by label.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 63}))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that it tolerates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// Volume for its spool; a directory on its node when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolVolume>,
}

/// A volume that is made for the loader's pod and goes with it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("isQuantity(self.size) && quantity(self.size).isGreaterThan(quantity('0'))").message("size is a size, for example 500Gi"))]
pub struct SpoolVolume {
    /// Size, for example `500Gi`: that of all files, decompressed, and a quarter more.
    #[schemars(length(min = 1, max = 32))]
    pub size: String,
    /// Storage class; the cluster's default class when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub storage_class: Option<String>,
}

/// Table that gets the rows.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct IngestTarget {
    /// Database.
    #[schemars(length(min = 1, max = 50))]
    pub database: String,
    /// Table; a `ChunkedTable` or a `ReferenceTable`.
    #[schemars(length(min = 1, max = 50))]
    pub table: String,
}

/// Key of the list in the ConfigMap that keeps an Ingest's rejects.
pub const REJECTS_KEY: &str = "rejects.tsv";

/// Name of the ConfigMap that keeps the rejects of an Ingest that failed: lines of file, record,
/// column (may be empty) and reason, separated by tabs.
pub fn rejects_name(ingest: &str) -> String {
    format!("ingest-{ingest}-rejects")
}

/// Where an ingest stands.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
pub enum IngestPhase {
    /// Waits for its table or for another ingest of its director.
    #[default]
    Pending,
    /// Reads keys and positions.
    Survey,
    /// Chunks get workers.
    Place,
    /// Rows go to the replicas.
    Load,
    /// No more rows; staging tables take their final names.
    Seal,
    /// Replicas are counted and compared.
    Verify,
    /// The catalog names the segment.
    Publish,
    /// All live readers have the catalog that names the segment.
    Visible,
    /// Ended with an error; nothing is visible.
    Failed,
    /// Published once, taken back.
    Revoked,
}

impl IngestPhase {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Survey,
        Self::Place,
        Self::Load,
        Self::Seal,
        Self::Verify,
        Self::Publish,
        Self::Visible,
        Self::Failed,
        Self::Revoked,
    ];
}

/// What the operator sees of the ingest.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngestStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands.
    #[serde(default)]
    pub phase: IngestPhase,
    /// The same in words, with the reason of a failure.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub message: String,
    /// Number of the present attempt, used once in the archive's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// Number of its segment, given at Place; used once in the archive's life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<u64>,
    /// Number of the index attempt that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_attempt: Option<u64>,
    /// Short hash of what the survey of the present attempt relied on: schemas and the director's
    /// index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub basis: Option<String>,
    /// Incarnation of the target table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// dataEpoch of the publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_epoch: Option<u64>,
    /// Attempts to load that did not succeed. The next one waits longer each time; the eighth ends
    /// the ingest.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_attempts: u32,
    /// Since when the loader's pod does not run, or does not answer; absent while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loader_away_since: Option<Time>,
    /// Progress within the phase.
    #[serde(default)]
    pub progress: IngestProgress,
    /// What it did so far.
    #[serde(default)]
    pub summary: IngestSummary,
    /// First rejected rows; the whole list is a file of the loader, copied to the workers' control
    /// tables.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub reject_samples: Vec<RejectSample>,
    /// Seconds each phase took, by phase name.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 16))]
    pub phase_seconds: BTreeMap<String, f64>,
    /// One condition per phase reached, and `Accepted`; `AlreadyLoaded` when an earlier object of this
    /// name loaded the same rows, which are not loaded again; `NameTaken` when it loaded others.
    #[serde(default)]
    #[schemars(length(max = 24))]
    pub conditions: Vec<Condition>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
