//! How a table is read whose rows are near those of another: by cells of the sky, which are twice
//! as wide as the rows may be apart.
//!
//! Keeps true (docs/design/sky.md#overlap, docs/design/sky.md#near-cells): of all rows that are no
//! farther from a chunk's home row than the family's overlap, each is either a home row of that
//! chunk or has one copy there, and its cell is one of the cells near the home row, once. So a pair
//! of rows meets once, in the chunk of its home row.
//!
//! The rows are put into a derived table, which MariaDB stores and gives a key on the cell; `LIMIT`
//! keeps it from merging that table into the statement.

use orrery_archive::table::ddl::quote_identifier;
use orrery_sky::NEAR_CELLS;

use super::expr::{ColumnId, Expr, Part};
use super::functions::Returns;
use super::scope::Scope;

/// Column of the derived table that holds the cell.
pub(crate) const CELL_COLUMN: &str = "orrery_cell";

/// The plugin's function of a position, the reach and a step: with step 0 its cell, with others the
/// cells near it.
const CELL: &str = "orrery_cell";

/// Columns of a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    pub lon: ColumnId,
    pub lat: ColumnId,
}

/// A table whose rows are near those of another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Neighbour {
    /// Place in the scope.
    pub table: usize,
    /// Of its rows.
    pub position: Position,
    /// Of the rows whose home rows they are near.
    pub home: Position,
    /// No two rows that meet are farther apart, degrees.
    pub reach: f64,
}

impl Neighbour {
    /// The table whose home rows they are near.
    pub(crate) fn home_table(&self) -> usize {
        self.home.lon.table
    }

    /// Name of the numbers of the cells near a row.
    pub(crate) fn steps_name(alias: &str) -> String {
        format!("{alias}_steps")
    }

    /// These numbers as an entry of FROM.
    pub(crate) fn steps(&self, scope: &Scope<'_>) -> Option<String> {
        let name = quote_identifier(&Self::steps_name(&scope.tables.get(self.table)?.alias));
        let others: Vec<String> = (1..NEAR_CELLS)
            .map(|step| format!(" UNION ALL SELECT {step}"))
            .collect();
        let others = others.concat();
        Some(format!("(SELECT 0 AS `step`{others}) AS {name}"))
    }

    /// The condition that finds the rows by their cells.
    pub(crate) fn meeting(&self, scope: &Scope<'_>) -> Option<Expr> {
        let near = scope.tables.get(self.table)?;
        let cell = format!(
            "({}.{} = ",
            quote_identifier(&near.alias),
            quote_identifier(CELL_COLUMN)
        );
        let steps = quote_identifier(&Self::steps_name(&near.alias));
        let mut parts = vec![Part::Text(cell)];
        parts.extend(self.cell(self.home, &format!("{steps}.`step`")));
        parts.push(Part::Text(")".into()));
        Some(Expr::Form(parts, Returns::Integer))
    }

    /// The cell of a row, as an entry of the derived table's select list.
    pub(crate) fn cell_item(&self) -> Expr {
        let mut parts = self.cell(self.position, "0");
        let end = format!(" AS {}", quote_identifier(CELL_COLUMN));
        parts.push(Part::Text(end));
        Expr::Form(parts, Returns::Integer)
    }

    fn cell(&self, Position { lon, lat }: Position, step: &str) -> Vec<Part> {
        vec![
            Part::Text(format!("{CELL}(")),
            Part::Expr(Expr::Column(lon)),
            Part::Text(", ".into()),
            Part::Expr(Expr::Column(lat)),
            Part::Text(format!(", {:e}, {step})", self.reach)),
        ]
    }
}
