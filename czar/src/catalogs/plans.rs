//! Plans, and their memory.

use std::sync::Arc;

use orrery_archive::catalog::Catalog;
use orrery_plan::{Keyed, KeyedPlan, Plan, PlanError, Way, Work};
use parking_lot::Mutex;

use crate::memory::{LONGEST_STATEMENT, Memory};

/// Bytes of plans remembered per catalog, and of plans by key.
const BYTES: usize = 16 << 20;
/// Bytes that a plan takes whatever its statement.
const PLAN_BYTES: usize = 2 << 10;
/// Bytes of a plan per byte of its statement: the text as the user wrote it, as template and as
/// merge, each printed in full.
const PER_BYTE: usize = 8;
/// Bytes of a chunk in a set of chunks.
const CHUNK_BYTES: usize = 16;

/// A statement, or the shape of many, its default database and the plans it may have: all that a
/// plan depends on, the catalog apart. Rights are checked with the metadata.
type Key = (String, Option<String>, Way);

/// Plans made for one catalog.
pub struct PlanCache {
    plans: Memory<Key, Arc<Plan>>,
    /// Plans of statements that differ in one key; `None` for shapes whose statements are planned
    /// one by one.
    keyed: Memory<Key, Option<Arc<KeyedPlan>>>,
    /// Held while a long statement is planned: that takes long, and much memory.
    long: Mutex<()>,
}

impl Default for PlanCache {
    fn default() -> Self {
        Self {
            plans: Memory::new(BYTES),
            keyed: Memory::new(BYTES),
            long: Mutex::new(()),
        }
    }
}

impl PlanCache {
    /// The plan of a statement, made or remembered.
    pub fn plan(
        &self,
        way: Way,
        sql: &str,
        database: Option<&str>,
        catalog: &Catalog,
    ) -> Result<Arc<Plan>, PlanError> {
        if sql.len() > LONGEST_STATEMENT {
            let plan = || {
                let _alone = self.long.lock();
                orrery_plan::plan_by(way, sql, catalog, database)
            };
            // Other statements' work goes to other threads meanwhile.
            return Ok(Arc::new(tokio::task::block_in_place(plan)?));
        }
        if way == Way::Planned
            && let Some(plan) = self.by_key(sql, database, catalog)
        {
            return Ok(Arc::new(plan));
        }
        let key = (sql.to_owned(), database.map(str::to_owned), way);
        if let Some(plan) = self.plans.get(&key) {
            return Ok(plan);
        }
        let plan = Arc::new(orrery_plan::plan_by(way, sql, catalog, database)?);
        self.plans.put(key, plan.clone(), bytes_of(sql, &plan));
        Ok(plan)
    }

    /// The plan of a statement that fetches rows by key.
    fn by_key(&self, sql: &str, database: Option<&str>, catalog: &Catalog) -> Option<Plan> {
        let keyed = Keyed::of(sql)?;
        let key = (keyed.shape(), database.map(str::to_owned), Way::Planned);
        let known = self.keyed.get(&key);
        let plan = known.unwrap_or_else(|| {
            let plan = KeyedPlan::new(&keyed, catalog, database).map(Arc::new);
            let bytes = PLAN_BYTES + PER_BYTE * key.0.len();
            self.keyed.put(key, plan.clone(), bytes);
            plan
        });
        Some(plan?.with_key(keyed.key()))
    }
}

/// About what a plan takes in memory.
fn bytes_of(sql: &str, plan: &Plan) -> usize {
    let more = match &plan.work {
        Work::Chunks(work) => {
            let area = work.selection.area.as_ref();
            CHUNK_BYTES * area.map_or(0, std::collections::BTreeSet::len)
        }
        Work::Gather(gather) => {
            let scans = gather.scans.iter();
            scans.map(|scan| bytes_of(sql, &scan.plan)).sum()
        }
        Work::Static(_) | Work::Shadow | Work::AnyWorker(_) => 0,
    };
    PLAN_BYTES + PER_BYTE * sql.len() + more
}
