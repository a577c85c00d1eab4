//! Plans of cone searches, each around another place.

use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use orrery_plan::{Work, plan};

use crate::compare::{Effort, median};
use crate::site::Site;

/// Plans per pass.
const PLANS: usize = 2_000;

/// Plans per second on one core, the median of the rounds.
pub(super) fn measure(site: &Site, effort: Effort) -> anyhow::Result<f64> {
    let (lon, lat) = site.objects.middle;
    let statements: Vec<String> = (0..PLANS)
        .map(|number| {
            let lon = lon + number as f64 * 1e-4;
            format!(
                "SELECT objectId, ra, decl FROM Object WHERE scisql_angSep(ra, decl, {lon}, {lat}) < 0.3"
            )
        })
        .collect();
    let mut rates = Vec::new();
    for _ in 0..=effort.rounds {
        let begun = Instant::now();
        for sql in &statements {
            let plan = plan(black_box(sql), &site.objects.catalog, Some("sky"))?;
            let Work::Chunks(work) = &black_box(plan).work else {
                anyhow::bail!("a cone search is not planned for the chunks");
            };
            ensure!(work.selection.area.is_some(), "a cone search is not pruned");
        }
        rates.push(PLANS as f64 / begun.elapsed().as_secs_f64());
    }
    // The first pass touches fresh memory.
    Ok(median(rates.into_iter().skip(1)))
}
