//! The tasks of one job, run side by side within bounds, handed out as they complete.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use orrery_archive::names::WorkerId;
use tokio::task::JoinSet;

use super::job::{DispatchError, Done, Job};
use super::queue::{NO_WORKER, Queue};
use super::retry::Task;
use super::workers::Workers;

type Outcome = (WorkerId, Result<Vec<Done>, DispatchError>);

/// A job under way. Dropping it stops its tasks and kills their statements.
pub struct Tasks {
    job: Arc<Job>,
    workers: Arc<Workers>,
    apart: Arc<AtomicBool>,
    queue: Queue,
    running: JoinSet<Outcome>,
    ready: VecDeque<Done>,
}

impl Tasks {
    /// Deals the units of a job to workers. Nothing runs before [`Self::next`].
    pub fn new(job: Job, workers: Arc<Workers>) -> Self {
        let mut dealt: BTreeMap<WorkerId, VecDeque<usize>> = BTreeMap::new();
        for unit in 0..job.units.count() {
            let candidates = job.units.workers(unit);
            let share = |worker: WorkerId| dealt.get(&worker).map_or(0, VecDeque::len);
            let worker = workers.choose(&candidates, share).unwrap_or(NO_WORKER);
            dealt.entry(worker).or_default().push_back(unit);
        }
        let queue = Queue::new(dealt, job.sizing, job.per_worker);
        Self {
            job: Arc::new(job),
            workers,
            apart: Arc::default(),
            queue,
            running: JoinSet::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next complete task, in any order; `None` after the last. At most as many tasks run or
    /// wait here as workers may have at once, so a caller that does not ask stops the job.
    pub async fn next(&mut self) -> Result<Option<Done>, DispatchError> {
        loop {
            if let Some(done) = self.ready.pop_front() {
                return Ok(Some(done));
            }
            if self.job.units.count() == 1
                && let Some((worker, units)) = self.queue.next_task()
            {
                // Not worth a task of its own.
                let task = Task::new(self.job.clone(), self.workers.clone(), self.apart.clone());
                self.ready.extend(task.run(worker, units).await?);
                continue;
            }
            while let Some((worker, units)) = self.queue.next_task() {
                let task = Task::new(self.job.clone(), self.workers.clone(), self.apart.clone());
                self.running
                    .spawn(async move { (worker, task.run(worker, units).await) });
            }
            match self.running.join_next().await {
                None => return Ok(None),
                Some(Ok((worker, outcome))) => {
                    self.queue.finished(worker);
                    self.ready.extend(outcome?);
                }
                Some(Err(_)) => return Err(DispatchError::LostTask),
            }
        }
    }
}
