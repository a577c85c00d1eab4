//! Overlap membership: the chunks that hold a copy of a row in addition to its home chunk.
//!
//! Keeps true: every other chunk that contains a point within the overlap radius of the row gets
//! one copy (the set may be larger than that), so a search for the neighbours of a chunk's rows that
//! reads its rows and its copies misses none. Sub-chunks decide, which are smaller than chunks, so
//! that few copies are too many.

use crate::angle::MARGIN_DEG;
use crate::grid::{Cell, Grid, PositionError, Ring, check_position};

impl Grid {
    /// Appends the chunks that hold a copy of a row at this position, each once and never the home
    /// chunk.
    ///
    /// Nothing is appended when the grid has no overlap.
    pub fn overlap_chunks(
        &self,
        lon: f64,
        lat: f64,
        chunks: &mut Vec<u32>,
    ) -> Result<(), PositionError> {
        check_position(lon, lat)?;
        if self.overlap() == 0.0 {
            return Ok(());
        }
        let number = self.ring_at(lat);
        let Some(ring) = self.ring(number) else {
            return Ok(());
        };
        let home = ring.cell(ring.cell_at(lon)).chunk;
        let first = chunks.len();
        let mut push = |Cell { chunk, .. }| {
            let known = chunks.iter().skip(first).any(|known| *known == chunk);
            if chunk != home && !known {
                chunks.push(chunk);
            }
        };
        let reach = self.overlap() + MARGIN_DEG;
        let (south, north) = self.ring_latitudes(number);
        let below = number.checked_sub(1).filter(|_| lat < south + reach);
        let above = number.checked_add(1).filter(|_| lat > north - reach);
        for number in [below, Some(number), above].into_iter().flatten() {
            if let Some(ring) = self.ring(number) {
                touched(ring, lon).for_each(&mut push);
            }
        }
        Ok(())
    }
}

/// Cells of a ring whose longitudes the overlap touches, each once.
fn touched(ring: &Ring, lon: f64) -> impl Iterator<Item = Cell> {
    let first = ((lon - ring.alpha) / ring.width).floor() as i64;
    let last = ((lon + ring.alpha) / ring.width).floor() as i64;
    let count = i64::from(ring.cells);
    (first..=last.min(first + count - 1))
        .map(move |number| ring.cell(number.rem_euclid(count) as u32))
}
