//! `WorkerPool`: a set of alike mysqld workers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many workers are wanted, and how each is built: a pod with a MariaDB server and a volume of
/// its own.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "WorkerPool",
    plural = "workerpools",
    doc = "Workers that are alike: how many there are, and how each is built.",
    shortname = "wp",
    category = "orrery",
    namespaced,
    status = "WorkerPoolStatus",
    scale(
        spec_replicas_path = ".spec.workers",
        status_replicas_path = ".status.workers",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Workers",
        type_ = "integer",
        json_path = ".spec.workers",
        description = "workers wanted"
    ),
    printcolumn(
        name = "Ready",
        type_ = "integer",
        json_path = ".status.readyWorkers",
        description = "workers that serve"
    ),
    printcolumn(
        name = "Chunks",
        type_ = "integer",
        json_path = ".status.chunkReplicas",
        description = "chunk replicas held"
    ),
    printcolumn(
        name = "Bytes",
        type_ = "string",
        json_path = ".status.size",
        description = "bytes of table data"
    ),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Accepted')].status"
    ),
    printcolumn(
        name = "Available",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Available')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Available')].reason",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')").message("a pool's name has at most 40 characters, small letters, digits and -, and begins with a letter: names of Services are made from it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("isQuantity(self.storage) && quantity(self.storage).isGreaterThan(quantity('0'))").message("storage is a size, for example 10Ti"))]
#[x_kube(validation = Rule::new("self.repair.suspectAfterSeconds <= self.repair.confirmAfterSeconds").message("repair.suspectAfterSeconds is at most repair.confirmAfterSeconds"))]
pub struct WorkerPoolSpec {
    /// Number of workers wanted. `kubectl scale wp` changes it; the operator never does.
    #[schemars(range(min = 1, max = 1000))]
    pub workers: u32,
    /// Size of each worker's volume, for example `10Ti`. Volumes grow with it where their class allows
    /// that, and never shrink.
    #[schemars(length(min = 1, max = 32))]
    pub storage: String,
    /// Storage class of the volumes; the cluster's default class when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub storage_class: Option<String>,
    /// CPU and memory of the mysqld container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// mysqld settings by name. Settings that Orrery fixes for safety (for example
    /// `innodb_flush_log_at_trx_commit`) are refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64, "additionalProperties" = {"type": "string", "maxLength": 1024}))]
    pub settings: BTreeMap<String, String>,
    /// Node label that names a node's failure domain.
    #[serde(default = "default_zone_key")]
    #[schemars(length(max = 253))]
    pub zone_key: String,
    /// Nodes that workers may run on, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 63}))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that workers tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// Timers of failure detection and repair.
    #[serde(default)]
    pub repair: RepairPolicy,
    /// When true the operator changes nothing in this pool.
    #[serde(default)]
    pub paused: bool,
}

fn default_zone_key() -> String {
    "topology.kubernetes.io/zone".into()
}

/// Timers of failure detection and repair, in seconds.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct RepairPolicy {
    /// Seconds of failed probes after which a worker is suspected.
    #[schemars(range(min = 1, max = 3600))]
    pub suspect_after_seconds: u32,
    /// Seconds of failed probes after which a worker that is not Ready counts as down.
    #[schemars(range(min = 1, max = 86400))]
    pub confirm_after_seconds: u32,
    /// Seconds down after which its chunks are copied elsewhere; chunks with one copy left do not
    /// wait.
    #[schemars(range(min = 0, max = 604_800))]
    pub repair_after_seconds: u32,
    /// The same for a worker on a cordoned node.
    #[schemars(range(min = 0, max = 604_800))]
    pub maintenance_after_seconds: u32,
    /// Seconds after which a worker that is down, or whose volume is empty, is replaced, once its
    /// chunks are elsewhere.
    #[schemars(range(min = 0, max = 604_800))]
    pub replace_after_seconds: u32,
    /// Percentage of workers gone above which routine repair is held.
    #[schemars(range(min = 1, max = 100))]
    pub storm_guard_percent: u32,
    /// Copies of every chunk that evictions and restarts must leave.
    #[schemars(range(min = 1, max = 10))]
    pub disruption_floor: u32,
    /// Chunks that are copied from a worker, and to a worker, at a time; a quarter of it when they
    /// only even out.
    #[schemars(range(min = 1, max = 1000))]
    pub copies_per_worker: u32,
}

impl Default for RepairPolicy {
    fn default() -> Self {
        Self {
            suspect_after_seconds: 15,
            confirm_after_seconds: 60,
            repair_after_seconds: 600,
            maintenance_after_seconds: 3600,
            replace_after_seconds: 3600,
            storm_guard_percent: 25,
            disruption_floor: 1,
            copies_per_worker: 16,
        }
    }
}

/// What the operator sees of the pool.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPoolStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Workers that exist.
    #[serde(default)]
    pub workers: u32,
    /// Workers that serve.
    #[serde(default)]
    pub ready_workers: u32,
    /// Chunk replicas held by all workers.
    #[serde(default)]
    pub chunk_replicas: u64,
    /// Bytes of table data, for example `12.3 GiB`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub size: String,
    /// Label selector of the pool's pods.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub selector: String,
    /// `Accepted`, `Available`, `Progressing`, `Degraded`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}
