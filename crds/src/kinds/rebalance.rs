//! `Rebalance`: how the bytes of a pool are evened out among its workers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether and how chunks move to workers of the pool that have less than their share. The operator
/// makes one for each pool, under the pool's name; its spec is the user's.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "Rebalance",
    plural = "rebalances",
    doc = "How the bytes of the pool of the same name are evened out among its workers.",
    shortname = "rb",
    category = "orrery",
    namespaced,
    status = "RebalanceStatus",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Uneven", type_ = "integer", json_path = ".status.unevenPercent", description = "percentage by which a worker differs most from the mean of its zone"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".status.plan", description = "name of the plan, for spec.approve"),
    printcolumn(name = "Moves", type_ = "integer", json_path = ".status.moves", description = "copies that the plan moves"),
    printcolumn(name = "Bytes", type_ = "string", json_path = ".status.size", description = "bytes that the plan moves"),
    printcolumn(name = "Left", type_ = "integer", json_path = ".status.movesLeft", description = "copies yet to move"),
    printcolumn(name = "Auto", type_ = "boolean", json_path = ".spec.autoApprove", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')").message("a Rebalance has the name of its pool, which has at most 40 characters, small letters, digits and -, and begins with a letter")
)]
#[serde(rename_all = "camelCase")]
pub struct RebalanceSpec {
    /// Whether every plan is carried out at once. When false a plan waits until `approve` names it.
    #[serde(default = "yes")]
    pub auto_approve: bool,
    /// Name of the plan that may be carried out, as `status.plan` has it. A plan that changed since
    /// has another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), regex(pattern = "^[0-9a-f]{12}$"))]
    pub approve: Option<String>,
    /// When true nothing moves: what has moved stays where it is, what has not stays too.
    #[serde(default)]
    pub stopped: bool,
}

fn yes() -> bool {
    true
}

/// What becomes of a rebalance.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum RebalancePhase {
    /// The pool is not as it is to be in other respects; nothing is planned before.
    #[default]
    Waiting,
    /// Nothing is to move.
    Balanced,
    /// There is a plan, which waits for approval.
    Proposed,
    /// Chunks move.
    Moving,
    /// `spec.stopped` is true.
    Stopped,
}

/// The plan, and how far it is.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RebalanceStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands.
    #[serde(default)]
    pub phase: RebalancePhase,
    /// Percentage by which the worker furthest from it differs from the mean of its zone; absent
    /// before it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uneven_percent: Option<u64>,
    /// Name of the plan: a hash over its moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub plan: Option<String>,
    /// Copies that the plan moves.
    #[serde(default)]
    pub moves: u64,
    /// Bytes that the plan moves.
    #[serde(default)]
    pub bytes: u64,
    /// The same for people, for example `1.2 GiB`.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub size: String,
    /// Estimated seconds that it takes.
    #[serde(default)]
    pub seconds: u64,
    /// Copies of the plan that have yet to move.
    #[serde(default)]
    pub moves_left: u64,
    /// In words.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// `Balanced`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}
