//! What becomes of a statement over the typical catalog.

use orrery_plan::{ChunkWork, MysqlError, Work, plan};

use super::typical;

/// The error with which a statement does not run at all.
pub fn refused(sql: &str) -> MysqlError {
    match plan(sql, &typical(), Some("sky")) {
        Err(error) => error.mysql(),
        Ok(plan) => panic!("{sql}\n{plan:#?}"),
    }
}

/// Why the chunks do not compute a statement that is gathered.
pub fn not_in_chunks(sql: &str) -> MysqlError {
    match plan(sql, &typical(), Some("sky")).map(|plan| plan.work) {
        Ok(Work::Gather(gather)) => gather.reason.unwrap().mysql(),
        other => panic!("{sql}\n{other:#?}"),
    }
}

/// What the chunks compute of a statement, and what comes of it.
pub fn chunks(sql: &str) -> ChunkWork {
    match plan(sql, &typical(), Some("sky"))
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .work
    {
        Work::Chunks(work) => work,
        other => panic!("{other:?}"),
    }
}
