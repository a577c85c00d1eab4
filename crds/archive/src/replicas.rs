//! How often a chunk is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Copies of each chunk.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.minimum <= self.desired",
    "message": "replicas.minimum is at most replicas.desired"
}]))]
pub struct FamilyReplicas {
    /// Copies wanted.
    #[serde(default = "default_desired")]
    #[schemars(range(min = 1, max = 10))]
    pub desired: u32,
    /// Verified copies a segment needs before it is published.
    #[serde(default = "default_minimum")]
    #[schemars(range(min = 1, max = 10))]
    pub minimum: u32,
}

fn default_desired() -> u32 {
    3
}

fn default_minimum() -> u32 {
    2
}

impl Default for FamilyReplicas {
    fn default() -> Self {
        Self {
            desired: default_desired(),
            minimum: default_minimum(),
        }
    }
}
