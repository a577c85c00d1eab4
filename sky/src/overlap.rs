//! Overlap membership: the cells that hold a copy of a row in addition to its home cell.
//!
//! Keeps true: every cell that contains a point within the overlap radius of the row gets a copy
//! (the set may be larger than that), so a neighbour search over one cell's rows and copies misses
//! no pair.

use crate::grid::{Cell, Grid, PositionError, Ring, check_position};

impl Grid {
    /// Appends the cells that hold a copy of a row at this position, each once and never the home
    /// cell.
    ///
    /// Nothing is appended when the grid has no overlap.
    pub fn overlap_cells(
        &self,
        lon: f64,
        lat: f64,
        cells: &mut Vec<Cell>,
    ) -> Result<(), PositionError> {
        check_position(lon, lat)?;
        if self.overlap() == 0.0 {
            return Ok(());
        }
        let number = self.ring_at(lat);
        let (south, north) = self.ring_latitudes(number);
        if lat < south + self.overlap() {
            self.push_across(number.checked_sub(1), lon, cells);
        }
        if lat >= north - self.overlap() {
            self.push_across(number.checked_add(1), lon, cells);
        }
        if let Some(ring) = self.ring(number) {
            push_beside(ring, lon, cells);
        }
        Ok(())
    }

    /// Cells of a neighbouring ring whose longitudes the overlap touches.
    fn push_across(&self, number: Option<u32>, lon: f64, cells: &mut Vec<Cell>) {
        let Some(ring) = number.and_then(|number| self.ring(number)) else {
            return;
        };
        let first = ((lon - ring.alpha) / ring.width).floor() as i64;
        let last = ((lon + ring.alpha) / ring.width).floor() as i64;
        let count = i64::from(ring.cells);
        for number in first..=last.min(first + count - 1) {
            cells.push(ring.cell(number.rem_euclid(count) as u32));
        }
    }
}

/// Western and eastern neighbours of the home cell in its own ring.
fn push_beside(ring: &Ring, lon: f64, cells: &mut Vec<Cell>) {
    if ring.cells == 1 {
        return;
    }
    let home = ring.cell_at(lon);
    let west = f64::from(home) * ring.width;
    let east = f64::from(home + 1) * ring.width;
    let last = ring.cells - 1;
    if lon < west + ring.alpha {
        cells.push(ring.cell(if home == 0 { last } else { home - 1 }));
    }
    if lon > east - ring.alpha {
        let neighbour = ring.cell(if home == last { 0 } else { home + 1 });
        // In a ring of two cells both neighbours are the same one.
        if ring.cells > 2 || cells.last() != Some(&neighbour) {
            cells.push(neighbour);
        }
    }
}
