//! What there is of an archive's catalog, and who reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use orrery_archive::catalog::{Catalog, ObjectName};
use orrery_crds::kinds::Worker;
use orrery_snapshot::lease::READER_LABEL;

use crate::catalog::store::{Needed, Store};
use crate::controller::context::Context;
use crate::controller::error::ReconcileError;

/// What is known of an archive.
pub struct Observed {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Workers.
    pub workers: Vec<Worker>,
    /// Leases of readers.
    pub leases: Vec<Lease>,
    /// All objects of the catalog with their resourceVersions, listed before `needed` was read.
    pub there: BTreeMap<ObjectName, String>,
    /// What the newest root needs.
    pub needed: Needed,
}

/// Observes the archive.
pub async fn observe(
    context: &Context,
    store: &Store,
    namespace: &str,
) -> Result<Observed, ReconcileError> {
    let catalog = context.writer.catalog(namespace).await?;
    let workers = context.list::<Worker>(namespace, None).await?.valid;
    let leases = context
        .list::<Lease>(namespace, Some(READER_LABEL))
        .await?
        .valid;
    let there = store.names().await?;
    // After the objects: what a root of another process uses again meanwhile has another
    // resourceVersion.
    let needed = context.writer.needed(namespace).await?;
    Ok(Observed {
        catalog,
        workers,
        leases,
        there,
        needed,
    })
}
