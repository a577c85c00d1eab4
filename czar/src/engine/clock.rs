//! One clock per query: all its statements, on workers and in the merge, see the same time.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use orrery_plan::{Class, Plan};
use orrery_wire::{Format, errors};

use super::error::StatementError;
use crate::backend::SessionSettings;
use crate::dispatch::Figures;
use crate::server::Request;

/// How the statements of a merge run.
pub(super) struct Run {
    /// Lane of its tasks.
    pub(super) class: Class,
    /// Settings of all of them, and of the merge.
    pub(super) settings: Arc<SessionSettings>,
    /// What the client wants.
    pub(super) format: Format,
    /// Where it is noted what workers do.
    pub(super) figures: Arc<Figures>,
}

/// Settings of every statement of one query.
pub(super) fn settings(
    plan: &Plan,
    request: &Request,
) -> Result<Arc<SessionSettings>, StatementError> {
    if !plan.uses_now {
        return Ok(request.settings.clone());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| {
        StatementError::refused(
            errors::UNKNOWN_ERROR,
            "the clock of this czar stands before 1970",
        )
    })?;
    Ok(Arc::new(SessionSettings {
        timestamp: Some(format!("{}.{:06}", now.as_secs(), now.subsec_micros())),
        ..request.settings.as_ref().clone()
    }))
}
