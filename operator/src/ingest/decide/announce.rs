//! The segment is in the catalog: agents and people are told, and readers are waited for.

use orrery_archive::catalog::{Segment, Table, TableKey};
use orrery_worker_api::agent::{RowState, SetState};

use crate::catalog::segments;
use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::{Published, State};

/// Tells agents what was published, then waits for readers.
pub fn decide(observed: &Observed<'_>, segment: u64) -> Decision {
    let catalog = &observed.catalog;
    let key = observed.key();
    let found = catalog.tables.get(&key).and_then(|table| {
        let mut segments = table.segments.iter().chain(&table.revoked);
        let segment = segments.find(|held| held.id == segment)?;
        Some((table, segment))
    });
    let published = Published {
        segment,
        // A table that went in the same moment has no readers to wait for.
        data_epoch: found.map_or(catalog.epochs.data, |(_, held)| held.published),
    };
    let mut step = Step::to(
        State::Publish(published),
        "waits for every reader to have the new catalog",
    );
    if let Some((table, held)) = found {
        step.rows = Some(held.rows);
        step.warning = many_segments(&key, table, held);
        step = step.order(set_state(observed, segment, RowState::Published));
    }
    step.into()
}

/// Warn at 16 segments per chunk and table (docs/design/ingest.md#number-of-segments).
fn many_segments(
    key: &TableKey,
    table: &Table,
    segment: &Segment,
) -> Option<(&'static str, String)> {
    let own = |chunk| segment.home.contains(&chunk) || segment.overlap.contains(&chunk);
    let words = segments::warning(key, table, own)?;
    Some((segments::MANY_SEGMENTS, words))
}

/// The order that agents get for a segment's rows by the catalog in force.
pub fn set_state(observed: &Observed<'_>, segment: u64, state: RowState) -> Order {
    Order::SetState(SetState {
        term: observed.catalog.term,
        epochs: observed.catalog.epochs,
        segments: vec![segment],
        state,
    })
}
