//! The scratch databases of trials, and the trials under way.

use std::collections::BTreeSet;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use orrery_archive::names::{TRIAL_DATABASE, trial_database};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::db::sql;
use crate::error::Result;

/// Trials at a time: DDL stands in the way of all other DDL.
const AT_ONCE: usize = 2;

/// The trials under way.
#[derive(Debug)]
pub struct Trials {
    /// A place among those that are made at a time.
    pub turns: Semaphore,
    /// Their scratch databases.
    scratch: Mutex<BTreeSet<String>>,
}

impl Default for Trials {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            scratch: Mutex::default(),
        }
    }
}

impl Trials {
    /// Names a database that [`clean`] leaves while this lives.
    pub fn scratch(&self) -> Scratch<'_> {
        let name = trial_database(&uuid::Uuid::new_v4().simple().to_string());
        self.scratch.lock().insert(name.clone());
        Scratch { trials: self, name }
    }

    fn is_under_way(&self, database: &str) -> bool {
        self.scratch.lock().contains(database)
    }
}

/// The database of a trial.
pub struct Scratch<'a> {
    trials: &'a Trials,
    /// Its name.
    pub name: String,
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.trials.scratch.lock().remove(&self.name);
    }
}

/// Removes the scratch databases that no trial works in.
pub async fn clean(conn: &mut Conn, trials: &Trials) -> Result<()> {
    let databases: Vec<String> = conn
        .query(format!(
            "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, {}) = '{TRIAL_DATABASE}'",
            TRIAL_DATABASE.len()
        ))
        .await?;
    for database in databases {
        if !trials.is_under_way(&database) {
            conn.query_drop(format!("DROP DATABASE IF EXISTS {}", sql::ident(&database)))
                .await?;
        }
    }
    Ok(())
}
