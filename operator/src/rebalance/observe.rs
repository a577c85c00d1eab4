//! What is known of an archive's pools, workers and rebalances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;
use orrery_archive::catalog::Catalog;
use orrery_crds::kinds::{Rebalance, Worker, WorkerPool};

use crate::controller::context::Context;
use crate::controller::error::ReconcileError;

/// What is known of an archive.
pub struct Observed {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Pools by name.
    pub pools: BTreeMap<String, WorkerPool>,
    /// Workers.
    pub workers: Vec<Worker>,
    /// Rebalances by name, which is that of their pool.
    pub rebalances: BTreeMap<String, Rebalance>,
    /// Names of rebalances that cannot be read.
    pub malformed: BTreeSet<String>,
}

/// Observes the archive; `None` while a Worker or pool cannot be read: what it says may matter.
pub async fn observe(
    context: &Context,
    namespace: &str,
) -> Result<Option<Observed>, ReconcileError> {
    let (pools, workers, rebalances) = tokio::try_join!(
        context.list::<WorkerPool>(namespace, None),
        context.list::<Worker>(namespace, None),
        context.list::<Rebalance>(namespace, None),
    )?;
    if !pools.malformed.is_empty() || !workers.malformed.is_empty() {
        return Ok(None);
    }
    let pools = pools.valid.into_iter();
    let valid = rebalances.valid.into_iter();
    Ok(Some(Observed {
        catalog: context.writer.catalog(namespace).await?,
        pools: pools.map(|pool| (pool.name_any(), pool)).collect(),
        workers: workers.valid,
        rebalances: valid.map(|one| (one.name_any(), one)).collect(),
        malformed: rebalances.malformed.into_iter().collect(),
    }))
}
