//! What `kubectl orrery catalog rebuild` and the operator say to each other: a ConfigMap, in which
//! one key is the command's and the other the operator's, both JSON.

use serde::{Deserialize, Serialize};

/// Name of the ConfigMap.
pub const REBUILD_CONFIG: &str = "orrery-catalog-rebuild";
/// Label that the ConfigMap has, by which the operator finds it.
pub const REBUILD_LABEL: &str = "orrery.dev/request";
/// Value of [`REBUILD_LABEL`].
pub const REBUILD_LABEL_VALUE: &str = "catalog-rebuild";
/// Key of the [`RebuildRequest`].
pub const REQUEST_KEY: &str = "request";
/// Key of the [`RebuildAnswer`].
pub const ANSWER_KEY: &str = "answer";

/// What a person asks for.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RebuildRequest {
    /// Random; the answer repeats it.
    pub id: String,
    /// UID of the archive to rebuild, where workers hold copies of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// UID in the root that is to be replaced, where there is a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// Whether what is listed as lost may be.
    #[serde(default)]
    pub accept_loss: bool,
    /// The plan to carry out, as an earlier answer named it; nothing is written without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<String>,
}

/// What came of a request.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildState {
    /// Nothing was written; the plan can be approved.
    Proposed,
    /// Nothing was written, and the message says why nothing will be.
    Refused,
    /// The catalog is written.
    Written,
}

/// The operator's answer.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RebuildAnswer {
    /// Id of the request.
    pub request: String,
    /// What came of it.
    pub state: RebuildState,
    /// Name of the plan, to approve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// In one sentence.
    pub message: String,
    /// What was found, a line each.
    pub found: Vec<String>,
    /// What is lost if the plan is carried out, a line each.
    pub losses: Vec<String>,
    /// What is changed or to be done, a line each.
    pub notes: Vec<String>,
}
