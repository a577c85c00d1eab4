//! Chunk and sub-chunk of many positions on one core, without overlap: what an ingest does first
//! with every row.

use std::hint::black_box;
use std::time::Instant;

use orrery_sample_sky::{OVERLAP, STRIPES, SUB_STRIPES};
use orrery_sky::Grid;

use crate::compare::{Effort, median};

/// Positions per pass.
const POSITIONS: usize = 1_000_000;
/// Turns of the golden ratio and of the plastic number spread positions evenly and in no order.
const TURNS: (f64, f64) = (222.492_235_949_962_14, 0.754_877_666_246_692_7);

/// Positions per second, the median of the rounds.
pub fn measure(effort: Effort) -> anyhow::Result<f64> {
    let grid = Grid::new(STRIPES, SUB_STRIPES, OVERLAP)?;
    let lon: Vec<f64> = (0..POSITIONS)
        .map(|i| (i as f64 * TURNS.0) % 360.0)
        .collect();
    let lat: Vec<f64> = (0..POSITIONS)
        .map(|i| {
            (2.0 * ((i as f64 * TURNS.1) % 1.0) - 1.0)
                .asin()
                .to_degrees()
        })
        .collect();
    let mut cells = Vec::with_capacity(POSITIONS);
    let mut rates = Vec::new();
    for _ in 0..=effort.rounds {
        let begun = Instant::now();
        cells.clear();
        grid.locate_all(black_box(&lon), black_box(&lat), &mut cells)?;
        black_box(&cells);
        rates.push(POSITIONS as f64 / begun.elapsed().as_secs_f64());
    }
    // The first pass touches fresh memory.
    Ok(median(rates.into_iter().skip(1)))
}
