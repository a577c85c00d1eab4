//! What the workers themselves say they were asked: their general logs.

use std::collections::BTreeMap;

use anyhow::Context;
use orrery_archive::names::WorkerId;
use orrery_wire::value::TextCells;

use crate::site::Site;

/// Statements of the czars in a worker's general log, in order.
const LOGGED: &[u8] =
    b"SELECT argument FROM mysql.general_log WHERE user_host LIKE 'orrery\\_reader[%' \
    AND command_type IN ('Query', 'Prepare', 'Execute') ORDER BY event_time";

/// A table as a statement names it: database and table.
pub type Named = (String, String);

/// Makes every worker keep a general log, empty to begin with.
pub async fn begin(site: &Site) -> anyhow::Result<()> {
    for worker in site.stack.workers.values() {
        worker
            .run_all([
                "SET GLOBAL general_log = 0",
                "SET GLOBAL log_output = 'TABLE'",
                "TRUNCATE mysql.general_log",
                "SET GLOBAL general_log = 1",
            ])
            .await?;
    }
    Ok(())
}

/// What each worker was asked since [`begin`].
pub async fn statements(site: &Site) -> anyhow::Result<BTreeMap<WorkerId, Vec<String>>> {
    let mut all = BTreeMap::new();
    for (id, worker) in &site.stack.workers {
        // A worker that has been killed says nothing any more.
        let Ok(mut root) = worker.root().await else {
            continue;
        };
        let (_, rows) = root.query_all(LOGGED).await?;
        let text = |row: &bytes::Bytes| {
            let cell = TextCells::new(row)
                .next()
                .context("a row without cells")??;
            anyhow::Ok(String::from_utf8_lossy(cell.unwrap_or_default()).into_owned())
        };
        all.insert(*id, rows.iter().map(text).collect::<anyhow::Result<_>>()?);
    }
    Ok(all)
}

/// The tables that a statement names, in order.
pub fn tables(statement: &str) -> Vec<Named> {
    let names: Vec<&str> = statement.split('`').collect();
    let qualified = names
        .windows(3)
        .enumerate()
        .filter_map(|(place, window)| match window {
            // Quoted names stand at odd places.
            [database, ".", table] if place % 2 == 1 => {
                Some(((*database).to_owned(), (*table).to_owned()))
            }
            _ => None,
        });
    qualified.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_the_qualified_names() {
        let named = |database: &str, table: &str| (database.to_owned(), table.to_owned());
        assert_eq!(
            tables(
                "SELECT `o`.`a` FROM `d__1`.`T_1__2` AS `o` UNION ALL SELECT 1 FROM `d__1`.`T_1__3` AS `o`"
            ),
            [
                named("o", "a"),
                named("d__1", "T_1__2"),
                named("d__1", "T_1__3")
            ]
        );
        assert_eq!(tables("SELECT 1"), []);
    }
}
