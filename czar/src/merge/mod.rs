//! From partial rows to the answer: in process where every type is understood exactly, else in the
//! shadow server.
//!
//! Keeps true (docs/design/query.md#floating-point): one dataEpoch gives the same bits each time.
//! Here sums of doubles are exact until they are rounded once, so that no order counts; the shadow
//! server gets partial rows in chunk order.

mod exact;
mod server;
mod simple;

pub use server::merge_in_shadow;
pub use simple::{SimpleError, Summary};

use crate::dispatch::{DispatchError, Done, Tasks};

/// Waits for every task and puts them in chunk order.
pub async fn in_chunk_order(mut tasks: Tasks) -> Result<Vec<Done>, DispatchError> {
    let mut all = Vec::new();
    while let Some(done) = tasks.next().await? {
        all.push(done);
    }
    all.sort_by_key(|done| done.unit);
    Ok(all)
}
