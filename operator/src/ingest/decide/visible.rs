//! Publish → Visible: every live reader has a catalog that names the segment. The loader's Job
//! goes.

use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::{Published, State};

/// Publish, after the catalog: waits until every live reader has the rows.
pub fn decide(observed: &Observed<'_>, published: Published) -> Decision {
    if !observed.readers_have {
        return Step::default().into();
    }
    let summary = observed
        .ingest
        .status
        .as_ref()
        .map(|status| &status.summary);
    let (rows, chunks) = summary.map_or((0, 0), |summary| (summary.rows, summary.chunks));
    let step = Step::to(
        State::Visible(published),
        format!("{rows} rows in {chunks} chunks"),
    );
    step.order(Order::EndJob).into()
}
