//! The kinds of `orrery.dev/v1alpha1`, one file each. Bounds on every string and list keep the cost
//! of the validation rules within what the API server accepts.

mod catalog_objects;
mod chunk_family;
mod chunked_table;
mod ingest;
mod query_role;
mod query_user;
mod rebalance;
mod reference_table;
mod worker;
mod worker_pool;

pub use catalog_objects::{
    CatalogPayload, ChunkMap, ChunkMapSpec, ChunkPlacement, ChunkPlacementSpec, ChunkSegment,
    ChunkSegmentSpec,
};
pub use chunk_family::{
    ChunkFamily, ChunkFamilySpec, ChunkFamilyStatus, FamilyChunks, Scheme, SchemeKind,
};
pub use chunked_table::{
    BEGIN_EMPTY, ChunkedTable, ChunkedTableSpec, ChunkedTableStatus, TableRole,
};
pub use ingest::{
    Ingest, IngestPhase, IngestSpec, IngestStatus, IngestTarget, LoaderPod, REJECTS_KEY,
    SpoolVolume, rejects_name,
};
pub use query_role::{QueryRole, QueryRoleSpec};
pub use query_user::{DatabaseGrant, QueryUser, QueryUserSpec, QueryUserStatus};
pub use rebalance::{Rebalance, RebalancePhase, RebalanceSpec, RebalanceStatus};
pub use reference_table::{ReferenceTable, ReferenceTableSpec, ReferenceTableStatus};
pub use worker::{
    DesiredState, REPLACE_DIRECTORY, RESTART_POD, Worker, WorkerPhase, WorkerSpec, WorkerStatus,
};
pub use worker_pool::{RepairPolicy, WorkerPool, WorkerPoolSpec, WorkerPoolStatus};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

/// The definitions of all kinds, as the cluster API gets them.
pub fn all() -> [CustomResourceDefinition; 12] {
    [
        WorkerPool::crd(),
        Worker::crd(),
        Rebalance::crd(),
        ChunkFamily::crd(),
        ChunkedTable::crd(),
        ReferenceTable::crd(),
        ChunkMap::crd(),
        ChunkPlacement::crd(),
        ChunkSegment::crd(),
        Ingest::crd(),
        QueryUser::crd(),
        QueryRole::crd(),
    ]
}

/// API group of all kinds.
pub const GROUP: &str = "orrery.dev";
/// API version of all kinds.
pub const VERSION: &str = "v1alpha1";
