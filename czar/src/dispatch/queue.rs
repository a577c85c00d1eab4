//! Which units go together, and where. Pure.
//!
//! Units (chunks with their statements) are dealt to workers so that each has about the same; a
//! task takes the next few units of one worker's queue. The first task of a statement is one unit,
//! later ones double up to a limit, so that first rows come early and many small chunks cost few
//! statements.

use std::collections::{BTreeMap, VecDeque};

use orrery_archive::names::WorkerId;

/// Stands for a worker where no known one holds a unit: the unit's task fails there and looks for a
/// newer placement.
pub(super) const NO_WORKER: WorkerId = WorkerId::MAX;
/// Most statements joined into one.
pub const MAX_BATCH: usize = 50;
/// Rows a task of a streamed result may have, at first and at most.
const FIRST_ROWS: u64 = 1_000;
const MOST_ROWS: u64 = 64_000;
/// Bytes such a task may have, whatever the memory: beyond this a larger task saves nothing.
const MOST_BYTES: u64 = 4 << 20;
/// Below this tasks would cost more than their rows.
const LEAST_BYTES: u64 = 256 << 10;

/// Sizes of the tasks of one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizing {
    /// One unit each: units must not be joined.
    Single,
    /// Rows leave as they come, about this many per unit.
    Stream {
        /// Rows of a unit if nothing is filtered out.
        rows_per_unit: u64,
        /// Their bytes.
        bytes_per_unit: u64,
        /// Bytes that all tasks together may hold before rows go to disk.
        memory: u64,
    },
    /// Few rows per unit, all wanted before any leaves; this many tasks per worker keep it busy.
    Gather {
        /// Tasks per worker.
        tasks: usize,
    },
}

/// Units waiting for a place on a worker.
pub struct Queue {
    waiting: BTreeMap<WorkerId, VecDeque<usize>>,
    running: BTreeMap<WorkerId, usize>,
    sizing: Sizing,
    gather: usize,
    target: u64,
    most_bytes: u64,
    per_worker: usize,
}

impl Queue {
    /// Deals units, given by their candidates' choice in `dealt` (unit numbers ascending per
    /// worker). At most `per_worker` tasks run on a worker at once.
    pub fn new(
        dealt: BTreeMap<WorkerId, VecDeque<usize>>,
        sizing: Sizing,
        per_worker: usize,
    ) -> Self {
        let longest = dealt.values().map(VecDeque::len).max().unwrap_or(0);
        let gather = match sizing {
            Sizing::Gather { tasks } => longest.div_ceil(tasks.max(1)).clamp(1, MAX_BATCH),
            _ => 1,
        };
        let per_worker = per_worker.max(1);
        let most_bytes = match sizing {
            // As many tasks are under way, and as many again may wait for the client.
            Sizing::Stream { memory, .. } => memory / (2 * per_worker * dealt.len().max(1)) as u64,
            _ => 0,
        };
        Self {
            waiting: dealt,
            running: BTreeMap::new(),
            sizing,
            gather,
            target: FIRST_ROWS,
            most_bytes: most_bytes.clamp(LEAST_BYTES, MOST_BYTES),
            per_worker,
        }
    }

    /// The next task: a worker and its units. `None` while every worker with waiting units is as
    /// busy as it may be.
    pub fn next_task(&mut self) -> Option<(WorkerId, Vec<usize>)> {
        let running = &self.running;
        let busy = |worker: &WorkerId| running.get(worker).copied().unwrap_or(0);
        let open = self
            .waiting
            .iter()
            .filter(|(worker, units)| !units.is_empty() && busy(worker) < self.per_worker);
        // Units in order of chunks as far as places allow.
        let worker = open
            .min_by_key(|(worker, units)| (busy(worker), units.front().copied()))
            .map(|(worker, _)| *worker)?;
        let size = self.size();
        let units = self.waiting.get_mut(&worker)?;
        let count = size.min(units.len());
        *self.running.entry(worker).or_default() += 1;
        Some((worker, units.drain(..count).collect()))
    }

    /// A task of this worker is over.
    pub fn finished(&mut self, worker: WorkerId) {
        if let Some(running) = self.running.get_mut(&worker) {
            *running = running.saturating_sub(1);
        }
    }

    fn size(&mut self) -> usize {
        match self.sizing {
            Sizing::Single => 1,
            Sizing::Gather { .. } => self.gather,
            Sizing::Stream {
                rows_per_unit,
                bytes_per_unit,
                ..
            } => {
                let by_rows = self.target / rows_per_unit.max(1);
                let units = by_rows.min(self.most_bytes / bytes_per_unit.max(1));
                self.target = (self.target * 2).min(MOST_ROWS);
                (units as usize).clamp(1, MAX_BATCH)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(lists: &[(WorkerId, &[usize])]) -> BTreeMap<WorkerId, VecDeque<usize>> {
        lists
            .iter()
            .map(|(worker, units)| (*worker, units.iter().copied().collect()))
            .collect()
    }

    fn stream(rows_per_unit: u64, bytes_per_unit: u64) -> Sizing {
        Sizing::Stream {
            rows_per_unit,
            bytes_per_unit,
            memory: 1 << 40,
        }
    }

    #[test]
    fn the_first_task_is_small_and_later_ones_double() {
        let units: Vec<usize> = (0..200).collect();
        let mut queue = Queue::new(dealt(&[(1, &units)]), stream(500, 1), 100);
        let sizes: Vec<usize> = std::iter::from_fn(|| queue.next_task())
            .map(|(_, units)| units.len())
            .collect();
        assert_eq!(sizes.get(..6), Some(&[2, 4, 8, 16, 32, 50][..]));
        assert_eq!(sizes.iter().sum::<usize>(), 200);
    }

    #[test]
    fn tasks_share_the_memory_of_the_statement() {
        let units: Vec<usize> = (0..200).collect();
        let sizing = Sizing::Stream {
            rows_per_unit: 500,
            bytes_per_unit: 100 << 10,
            memory: 32 << 20,
        };
        let mut queue = Queue::new(
            dealt(&[(1, &units), (2, &[]), (3, &[]), (4, &[])]),
            sizing,
            4,
        );
        let sizes: Vec<usize> = std::iter::from_fn(|| queue.next_task())
            .map(|(_, units)| units.len())
            .collect();
        assert_eq!(
            sizes,
            [2, 4, 8, 10],
            "32 MiB for 2 times 4 tasks on 4 workers"
        );
    }

    #[test]
    fn large_chunks_are_never_joined() {
        let mut queue = Queue::new(dealt(&[(1, &[0, 1, 2])]), stream(1_000_000, 1), 100);
        let sizes: Vec<usize> = std::iter::from_fn(|| queue.next_task())
            .map(|(_, units)| units.len())
            .collect();
        assert_eq!(sizes, [1, 1, 1]);
    }

    #[test]
    fn a_worker_gets_no_more_tasks_at_once_than_it_may_and_the_lowest_units_go_first() {
        let mut queue = Queue::new(dealt(&[(1, &[2, 3]), (2, &[0, 1])]), Sizing::Single, 1);
        assert_eq!(queue.next_task(), Some((2, vec![0])));
        assert_eq!(queue.next_task(), Some((1, vec![2])));
        assert_eq!(queue.next_task(), None);
        queue.finished(2);
        assert_eq!(queue.next_task(), Some((2, vec![1])));
    }

    #[test]
    fn gathered_units_are_spread_over_the_tasks_that_keep_a_worker_busy() {
        let units: Vec<usize> = (0..40).collect();
        let mut queue = Queue::new(dealt(&[(1, &units)]), Sizing::Gather { tasks: 4 }, 8);
        let sizes: Vec<usize> = std::iter::from_fn(|| queue.next_task())
            .map(|(_, units)| units.len())
            .collect();
        assert_eq!(sizes, [10, 10, 10, 10]);
    }
}
