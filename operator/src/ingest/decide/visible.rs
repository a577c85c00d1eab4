//! Publish → Visible: every live reader has a catalog that names the segment. The loader's Job
//! goes.

use crate::controller::conditions;
use crate::ingest::decision::{Decision, Order, Step};
use crate::ingest::observe::Observed;
use crate::ingest::state::{Published, State};
use crate::ingest::status::ALREADY_LOADED;

/// Publish, after the catalog: waits until every live reader has the rows.
pub fn decide(observed: &Observed<'_>, published: Published) -> Decision {
    if !observed.readers_have {
        return Step::default().into();
    }
    let status = observed.ingest.status.as_ref();
    let summary = status.map(|status| &status.summary);
    let (rows, chunks) = summary.map_or((0, 0), |summary| (summary.rows, summary.chunks));
    let mut message = format!("{rows} rows in {chunks} chunks");
    if status.is_some_and(|status| conditions::holds(&status.conditions, ALREADY_LOADED)) {
        message.push_str(", which were loaded before: see the condition AlreadyLoaded");
    }
    let step = Step::to(State::Visible(published), message);
    step.order(Order::EndJob).into()
}
