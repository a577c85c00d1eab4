//! Plans, and their memory.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use orrery_archive::catalog::Catalog;
use orrery_plan::{Keyed, KeyedPlan, Plan, PlanError};
use parking_lot::Mutex;

/// Plans remembered per catalog.
const ENTRIES: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// A statement, or the shape of many, and its default database: all that a plan depends on, the catalog apart. Rights are checked
/// with the metadata.
type Key = (String, Option<String>);

/// Plans made for one catalog.
pub struct PlanCache {
    plans: Mutex<LruCache<Key, Arc<Plan>>>,
    /// Plans of statements that differ in one key; `None` for shapes whose statements are planned one by one.
    keyed: Mutex<LruCache<Key, Option<Arc<KeyedPlan>>>>,
}

impl Default for PlanCache {
    fn default() -> Self {
        Self {
            plans: Mutex::new(LruCache::new(ENTRIES)),
            keyed: Mutex::new(LruCache::new(ENTRIES)),
        }
    }
}

impl PlanCache {
    /// The plan of a statement, made or remembered.
    pub fn plan(&self, sql: &str, database: Option<&str>, catalog: &Catalog) -> Result<Arc<Plan>, PlanError> {
        if let Some(plan) = self.by_key(sql, database, catalog) {
            return Ok(Arc::new(plan));
        }
        let key = (sql.to_owned(), database.map(str::to_owned));
        if let Some(plan) = self.plans.lock().get(&key) {
            return Ok(plan.clone());
        }
        let plan = Arc::new(orrery_plan::plan(sql, catalog, database)?);
        self.plans.lock().put(key, plan.clone());
        Ok(plan)
    }

    /// The plan of a statement that fetches rows by key.
    fn by_key(&self, sql: &str, database: Option<&str>, catalog: &Catalog) -> Option<Plan> {
        let keyed = Keyed::of(sql)?;
        let key = (keyed.shape(), database.map(str::to_owned));
        let known = self.keyed.lock().get(&key).cloned();
        let plan = known.unwrap_or_else(|| {
            let plan = KeyedPlan::new(&keyed, catalog, database).map(Arc::new);
            self.keyed.lock().put(key, plan.clone());
            plan
        });
        Some(plan?.with_key(keyed.key()))
    }
}
