//! The loop that every controller runs in: keys come in from watches, are gathered for a moment,
//! reconciled one after the other and come back after a while by themselves.
//!
//! One reconcile looks at everything a key stands for (a pool, or all tables of an archive), so a
//! burst of changes costs one run. Nothing here knows what a key means, or a controller does. A
//! failed run comes back with growing delay; other keys run meanwhile.

use std::collections::HashMap;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::pin::pin;
use std::time::Duration;

use futures::channel::mpsc;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use kube::Client;
use kube::runtime::scheduler::{ScheduleRequest, debounced_scheduler};
use tokio::time::Instant;

use super::context::{Context, Scope};
use crate::metrics::ReconcileMetrics;

/// How long changes of one key are gathered before it is reconciled.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// First delay after a failure; it doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// Largest delay after failures: within the 30 s that a hand edit may live.
const MAX_BACKOFF: Duration = Duration::from_secs(20);

/// One of the operator's controllers.
pub trait Controller {
    /// What one reconcile looks at: an archive by its namespace, or an object by namespace and
    /// name.
    type Key: Clone + Hash + Eq + Debug + Send + 'static;
    /// Why a reconcile did not end.
    type Failure: Display;
    /// Label of its metrics.
    const NAME: &'static str;

    /// Keys that are due because something changed, without end.
    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, Self::Key>;

    /// Keys that are due because another controller says so, without end.
    fn signals(_context: &Context) -> BoxStream<'static, Self::Key> {
        stream::pending().boxed()
    }

    /// Brings what the key stands for nearer to what is declared; answers after how long the key is
    /// due again without a change.
    fn reconcile(
        &self,
        context: &Context,
        key: &Self::Key,
    ) -> impl Future<Output = Result<Duration, Self::Failure>>;
}

/// Runs a controller without end.
pub async fn run<C: Controller>(controller: C, context: &Context) {
    let watches = C::watches(&context.client, &context.scope);
    let due = stream::select(watches, C::signals(context));
    let metrics = context.metrics.reconciles(C::NAME);
    // All controllers are one future: what a run holds is on the heap, and only while it runs.
    work(due, metrics, async |key: &C::Key| {
        Box::pin(controller.reconcile(context, key)).await
    })
    .await;
}

/// Reconciles keys until `triggers` ends, which a live watch never does.
///
/// `reconcile` answers after how long the key is due again without a trigger.
async fn work<Key, Failure, Reconcile>(
    triggers: impl Stream<Item = Key>,
    metrics: ReconcileMetrics,
    mut reconcile: Reconcile,
) where
    Key: Clone + Hash + Eq + Debug,
    Failure: Display,
    Reconcile: AsyncFnMut(&Key) -> Result<Duration, Failure>,
{
    // Bounded by the number of keys: each waits here at most once.
    let (later, requeued) = mpsc::unbounded();
    let requests = stream::select(triggers.map(|key| at(key, Instant::now())), requeued);
    let mut failures: HashMap<Key, u32> = HashMap::new();
    // When keys come back by themselves.
    let mut back: HashMap<Key, Instant> = HashMap::new();
    let mut due = pin!(debounced_scheduler(requests, DEBOUNCE));
    while let Some(key) = due.next().await {
        let now = Instant::now();
        let late = back
            .remove(&key)
            .map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        let waiting = back.values().filter(|due| **due <= now).count();
        metrics.due(late, waiting);
        let running = metrics.start();
        let delay = match reconcile(&key).await {
            Ok(delay) => {
                failures.remove(&key);
                running.succeeded();
                delay
            }
            Err(error) => {
                running.failed();
                let count = failures.entry(key.clone()).or_default();
                *count = count.saturating_add(1);
                let delay = backoff(*count);
                tracing::warn!(?key, %error, ?delay, "reconcile failed");
                delay
            }
        };
        back.insert(key.clone(), Instant::now() + delay.max(DEBOUNCE));
        // The scheduler adds the time in which changes are gathered.
        let again = Instant::now() + delay.saturating_sub(DEBOUNCE);
        if later.unbounded_send(at(key, again)).is_err() {
            return;
        }
    }
}

fn at<Key>(message: Key, run_at: Instant) -> ScheduleRequest<Key> {
    ScheduleRequest { message, run_at }
}

/// Delay after this many failures in a row.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (MIN_BACKOFF * (1 << doublings)).min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use futures::StreamExt;
    use tokio::time::Instant;

    use super::{MAX_BACKOFF, backoff, work};
    use crate::metrics::Metrics;

    #[test]
    fn delay_doubles_up_to_its_bound() {
        assert_eq!(backoff(1), Duration::from_millis(500));
        assert_eq!(backoff(2), Duration::from_secs(1));
        assert_eq!(backoff(u32::MAX), MAX_BACKOFF);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_triggers_is_one_run_and_keys_come_back_by_themselves() {
        let triggers =
            futures::stream::iter(["a", "a", "a", "b"]).chain(futures::stream::pending());
        let seen = RefCell::new(Vec::new());
        let running = work(
            triggers,
            Metrics::new().unwrap().reconciles("test"),
            async |key: &&'static str| {
                seen.borrow_mut().push(*key);
                Ok::<_, String>(Duration::from_secs(60))
            },
        );
        let _ = tokio::time::timeout(Duration::from_secs(30), running).await;
        seen.borrow_mut().sort_unstable();
        assert_eq!(*seen.borrow(), ["a", "b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_comes_back_after_just_the_time_that_was_asked_for() {
        let triggers = futures::stream::iter(["a"]).chain(futures::stream::pending());
        let seen = RefCell::new(Vec::new());
        let running = work(
            triggers,
            Metrics::new().unwrap().reconciles("test"),
            async |_: &&'static str| {
                seen.borrow_mut().push(Instant::now());
                Ok::<_, String>(Duration::from_millis(300))
            },
        );
        let _ = tokio::time::timeout(Duration::from_secs(2), running).await;
        let seen = seen.borrow();
        let pause = seen[1] - seen[0];
        let most = Duration::from_millis(310);
        assert!(
            (Duration::from_millis(300)..most).contains(&pause),
            "{pause:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn how_late_a_key_is_reconciled_is_measured() {
        let triggers = futures::stream::iter(["slow", "quick"]).chain(futures::stream::pending());
        let all = Metrics::new().unwrap();
        let running = work(
            triggers,
            all.reconciles("test"),
            async |key: &&'static str| {
                if *key == "slow" {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
                Ok::<_, String>(Duration::from_secs(1))
            },
        );
        // The quick one is due after one second, and runs when the slow one has ended.
        let _ = tokio::time::timeout(Duration::from_millis(11_500), running).await;
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&all.gather())
            .unwrap();
        let late = text
            .lines()
            .find(|line| line.starts_with("orrery_operator_reconcile_late"));
        let late: f64 = late.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!((3.5..=5.0).contains(&late), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_key_is_tried_again_and_does_not_stop_others() {
        let triggers = futures::stream::iter(["bad", "good"]).chain(futures::stream::pending());
        let seen = RefCell::new(Vec::new());
        let running = work(
            triggers,
            Metrics::new().unwrap().reconciles("test"),
            async |key: &&'static str| {
                seen.borrow_mut().push(*key);
                if *key == "bad" {
                    Err("no")
                } else {
                    Ok(Duration::from_secs(3600))
                }
            },
        );
        let _ = tokio::time::timeout(Duration::from_secs(10), running).await;
        let seen = seen.borrow();
        assert_eq!(seen.iter().filter(|key| **key == "good").count(), 1);
        assert!(seen.iter().filter(|key| **key == "bad").count() > 2);
    }
}
