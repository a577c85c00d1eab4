//! Plans, and their memory.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use orrery_plan::{Plan, PlanError};
use parking_lot::Mutex;

use crate::catalogs::Current;

/// Plans remembered per catalog.
const ENTRIES: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// A statement and its default database: all that a plan depends on beside the catalog. Rights are checked with the metadata.
type Key = (String, Option<String>);

/// Plans made for one catalog.
pub struct PlanCache(Mutex<LruCache<Key, Arc<Plan>>>);

impl Default for PlanCache {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(ENTRIES)))
    }
}

impl PlanCache {
    /// The plan of a statement, made or remembered.
    pub fn plan(&self, sql: &str, database: Option<&str>, current: &Current) -> Result<Arc<Plan>, PlanError> {
        let key = (sql.to_owned(), database.map(str::to_owned));
        if let Some(plan) = self.0.lock().get(&key) {
            return Ok(plan.clone());
        }
        let plan = Arc::new(orrery_plan::plan(sql, current.catalog(), database)?);
        self.0.lock().put(key, plan.clone());
        Ok(plan)
    }
}
