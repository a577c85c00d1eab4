//! Work on many tables, a bounded number at a time: a small table waits for the disk and for its
//! source far longer than it works.

use std::iter;

use parking_lot::Mutex;

use crate::error::{AgentError, Result};

/// Tables of one copy that are worked on at a time.
const LANES: usize = 8;

/// Does the work for each item until one fails: what was done, and the first failure. Nothing is
/// begun after a failure, and what was begun comes to its end.
pub(super) async fn in_lanes<I, T, F>(
    items: I,
    work: impl Fn(I::Item) -> F,
) -> (Vec<T>, Option<AgentError>)
where
    I: Iterator,
    F: Future<Output = Result<T>>,
{
    let (waiting, done, failed) = (Mutex::new(items.fuse()), Mutex::default(), Mutex::new(None));
    let lane = async || {
        while failed.lock().is_none() {
            let Some(item) = waiting.lock().next() else {
                return;
            };
            match work(item).await {
                Ok(result) => Vec::push(&mut done.lock(), result),
                Err(error) => drop(failed.lock().get_or_insert(error)),
            }
        }
    };
    futures::future::join_all(iter::repeat_with(&lane).take(LANES)).await;
    (done.into_inner(), failed.into_inner())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn finish(item: usize, bad: usize, begun: &Mutex<Vec<usize>>) -> Result<usize> {
        begun.lock().push(item);
        tokio::time::sleep(Duration::from_millis(if item == bad { 1 } else { 5 })).await;
        if item == bad {
            return Err(AgentError::Busy(item.to_string()));
        }
        Ok(item)
    }

    #[tokio::test]
    async fn all_items_are_done_and_no_more_at_a_time_than_there_are_lanes() {
        let (running, most) = (Mutex::new(0), Mutex::new(0));
        let work = async |item: usize| {
            *running.lock() += 1;
            let now = *running.lock();
            let highest = *most.lock();
            *most.lock() = now.max(highest);
            tokio::time::sleep(Duration::from_millis(1)).await;
            *running.lock() -= 1;
            Ok(item)
        };
        let (mut done, failed) = in_lanes(0..50, work).await;
        done.sort_unstable();
        assert!(failed.is_none());
        assert_eq!(done, (0..50).collect::<Vec<_>>());
        assert_eq!(*most.lock(), LANES);
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_begun_and_what_was_begun_is_done() {
        let begun = Mutex::default();
        let (done, failed) = in_lanes(0..50, |item| finish(item, 2, &begun)).await;
        assert!(matches!(failed, Some(AgentError::Busy(item)) if item == "2"));
        assert_eq!(begun.lock().len(), LANES);
        assert_eq!(done.len(), LANES - 1);
    }
}
