//! The statements that fetch a table to the shadow server, and how much it takes there.

use orrery_archive::catalog::Catalog;
use orrery_archive::table::ddl::quote_identifier;

use super::{ChunkWork, Scan, Work};

/// Bytes that a stored row takes in addition to its values, about.
pub const STORED_ROW: u64 = 32;

impl Scan {
    /// Name of the temporary table: the user's table, which it hides in its session.
    pub fn name(&self) -> String {
        format!(
            "{}.{}",
            quote_identifier(&self.key.database),
            quote_identifier(&self.key.table)
        )
    }

    /// The statement that makes the temporary table.
    pub fn create_sql(&self) -> String {
        format!("CREATE TEMPORARY TABLE {} {}", self.name(), self.definition)
    }

    /// Its columns in the order of the rows that fill it, in parentheses.
    pub fn columns_sql(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| quote_identifier(column))
            .collect();
        format!("({})", columns.join(","))
    }

    /// Bytes that its rows take for sure: 0 where a filter or an area may leave any number of them.
    pub fn least_bytes(&self, catalog: &Catalog) -> u64 {
        let is_whole = match &self.plan.work {
            Work::Chunks(ChunkWork { selection, .. }) => {
                selection.area.is_none() && selection.lookup.is_none()
            }
            _ => true,
        };
        if self.filter.is_some() || !is_whole {
            return 0;
        }
        let rows = catalog.tables.get(&self.key).map_or(0, |table| {
            table.segments.iter().map(|segment| segment.rows).sum()
        });
        (STORED_ROW + self.least_row).saturating_mul(rows)
    }
}
