//! The sample sky as plain rows: what the archive should answer is computed from these, by other
//! code than the archive's.

use anyhow::{Context as _, Result, bail};
use orrery_sample_sky::{Sky, Table};

/// Calls `each` with the fields of every row of a table of the sky; `None` is NULL.
pub fn rows(
    objects: u64,
    seed: u64,
    table: Table,
    mut each: impl FnMut(&[Option<&str>]),
) -> Result<()> {
    let part = Sky::new(objects, seed)?.part(table, 0, 1)?;
    let mut rest = Vec::new();
    for block in part.blocks() {
        rest.extend_from_slice(&block);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let text = std::str::from_utf8(&rest[..end]).context("the sky is UTF-8")?;
        for line in text.split('\n') {
            let fields: Vec<Option<&str>> = line
                .split(',')
                .map(|field| (field != "\\N").then_some(field))
                .collect();
            each(&fields);
        }
        rest.drain(..=end);
    }
    if !rest.is_empty() {
        bail!("the last row has no end");
    }
    Ok(())
}

/// Place of a column in the rows of `table`.
pub fn place(table: Table, column: &str) -> Result<usize> {
    let columns = orrery_sample_sky::columns(table);
    let found = columns
        .iter()
        .position(|candidate| candidate.name == column);
    found.with_context(|| format!("{table} has no column {column}"))
}

/// Degrees between two positions, by the haversine formula.
pub fn separation(lon: f64, lat: f64, other_lon: f64, other_lat: f64) -> f64 {
    let half = |angle: f64| (angle.to_radians() / 2.0).sin().powi(2);
    let cosines = lat.to_radians().cos() * other_lat.to_radians().cos();
    let square = half(other_lat - lat) + cosines * half(other_lon - lon);
    2.0 * square.sqrt().min(1.0).asin().to_degrees()
}
