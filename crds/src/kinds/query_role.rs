//! `QueryRole`: what several users may read.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::query_user::DatabaseGrant;

/// Grants that a `QueryUser` has by naming the role.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "QueryRole",
    plural = "queryroles",
    doc = "What several users may read. A user has the grants of all roles that spec.roles of its QueryUser names, and its own.",
    shortname = "qr",
    category = "orrery",
    namespaced,
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct QueryRoleSpec {
    /// Databases that users with this role may read, or tables of them.
    #[schemars(length(min = 1, max = 256))]
    pub grants: Vec<DatabaseGrant>,
}
