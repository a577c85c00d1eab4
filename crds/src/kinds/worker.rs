//! `Worker`: one mysqld with its volume, made by the operator for a pool.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which worker of which pool. Users may set `desired`; the rest is the operator's.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "Worker",
    plural = "workers",
    doc = "One MariaDB server with a volume of its own, made by the operator for a pool.",
    shortname = "wk",
    category = "orrery",
    namespaced,
    status = "WorkerStatus",
    printcolumn(name = "Id", type_ = "integer", json_path = ".spec.id"),
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.pool", priority = 1),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Zone", type_ = "string", json_path = ".status.zone"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.node"),
    printcolumn(name = "Tables", type_ = "integer", json_path = ".status.tables", description = "physical tables held"),
    printcolumn(name = "Bytes", type_ = "string", json_path = ".status.size"),
    printcolumn(name = "Free", type_ = "string", json_path = ".status.free"),
    printcolumn(name = "Desired", type_ = "string", json_path = ".spec.desired", description = "Drained: its chunks are to leave"),
    printcolumn(name = "Epoch", type_ = "string", json_path = ".status.epoch", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec.id == oldSelf.spec.id && self.spec.pool == oldSelf.spec.pool").message("a worker's id and pool never change")
)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSpec {
    /// Integer id, never reused in the life of the archive.
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub id: u32,
    /// Name of the pool it belongs to.
    #[schemars(length(min = 1, max = 40))]
    pub pool: String,
    /// What is wanted of it: `Online` when absent, or `Drained`: its chunks are copied elsewhere
    /// and leave it, and nothing new lands. Set it back to undo.
    #[serde(default, skip_serializing_if = "DesiredState::is_online")]
    pub desired: DesiredState,
}

/// Annotation of a Worker: the data directory of this identity is given up, and an empty one in its
/// place may be used once no chunk is listed on the worker.
pub const REPLACE_DIRECTORY: &str = "orrery.dev/replace-directory";

/// Annotation of a Worker: its pod of this uid is to be restarted, as soon as every chunk has other
/// copies that serve.
pub const RESTART_POD: &str = "orrery.dev/restart-pod";

/// What is wanted of a worker.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum DesiredState {
    /// It holds chunks and serves them.
    #[default]
    Online,
    /// It holds none.
    Drained,
}

impl DesiredState {
    /// Whether it is to hold chunks.
    pub fn is_online(&self) -> bool {
        *self == Self::Online
    }
}

/// Where a worker stands.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum WorkerPhase {
    /// Its pod is not yet up.
    #[default]
    Pending,
    /// It serves.
    Ready,
    /// Probes fail, not long enough to act.
    Suspect,
    /// Confirmed down.
    Down,
    /// Its chunks are leaving, because a person or a smaller pool has it so.
    Draining,
    /// It holds no chunk any more.
    Drained,
}

impl WorkerPhase {
    /// Every phase.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Ready,
        Self::Suspect,
        Self::Down,
        Self::Draining,
        Self::Drained,
    ];
}

/// What the operator sees of the worker; written on transitions only.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands.
    #[serde(default)]
    pub phase: WorkerPhase,
    /// Address of its pod when last seen; czars and proxies dial it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub address: Option<String>,
    /// Node it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node: Option<String>,
    /// Failure domain of that node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub zone: Option<String>,
    /// Random identity of its data directory, written when the operator adopted it; a different one
    /// is never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub identity: Option<String>,
    /// Physical tables held.
    #[serde(default)]
    pub tables: u64,
    /// Bytes of table data.
    #[serde(default)]
    pub size_bytes: u64,
    /// The same for people, for example `1.2 GiB`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub size: String,
    /// Bytes free on its volume.
    #[serde(default)]
    pub free_bytes: u64,
    /// The same for people.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub free: String,
    /// Newest catalog its agent holds, as `dataEpoch/placementEpoch`.
    #[serde(default)]
    #[schemars(length(max = 48))]
    pub epoch: String,
    /// `Ready`, `Adopted`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}
