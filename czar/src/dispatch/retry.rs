//! A task until it is complete: tried on a worker, sent to another, split, or given up with a
//! reason.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orrery_archive::names::WorkerId;
use orrery_wire::ServerError;
use tokio::time::Instant;

use super::attempt::{AttemptError, Given, attempt, may_change};
use super::job::{DispatchError, Done, Job};
use super::losses::Losses;
use super::policy::Action;
use super::queue::NO_WORKER;
use super::workers::Workers;
use crate::spool::SpoolError;
use crate::warnings::Warnings;

/// First pause before workers that failed are asked again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long a pod that is replaced may take until the catalog has its new address.
const REPLACED_WITHIN: Duration = Duration::from_secs(10);
/// Most bytes of statements sent as one: a worker takes about 30 times as much memory for each.
const MOST_JOINED: usize = 256 << 10;
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Units to be run together on a worker.
struct Part {
    worker: WorkerId,
    units: Vec<usize>,
    /// Whether the statements are sent as one.
    is_joined: bool,
}

/// One task on its way.
pub(super) struct Task {
    job: Arc<Job>,
    workers: Arc<Workers>,
    /// Whether the job's statements are no longer sent as one: that may change values.
    apart: Arc<AtomicBool>,
    /// Who failed for a unit, and with what.
    failed: HashMap<usize, Vec<(WorkerId, String)>>,
    losses: Losses,
    /// Until when units that no replica answers for are tried again.
    deadline: Option<Instant>,
    pause: Duration,
}

impl Task {
    pub(super) fn new(job: Arc<Job>, workers: Arc<Workers>, apart: Arc<AtomicBool>) -> Self {
        Self {
            job,
            workers,
            apart,
            failed: HashMap::new(),
            losses: Losses::default(),
            deadline: None,
            pause: FIRST_PAUSE,
        }
    }

    /// Runs units that were dealt to `worker` until all are complete.
    pub(super) async fn run(
        mut self,
        worker: WorkerId,
        units: Vec<usize>,
    ) -> Result<Vec<Done>, DispatchError> {
        let is_joined = units.len() > 1 && !self.apart.load(Ordering::Relaxed);
        let mut parts = VecDeque::from([Part {
            worker,
            units,
            is_joined,
        }]);
        let mut done = Vec::new();
        while let Some(part) = parts.pop_front() {
            let (part, statements) = self.render(part, &mut parts)?;
            match self.attempt(&part, statements).await? {
                Ok(complete) => done.extend(complete),
                Err(error) => self.after(part, &error, &mut parts).await?,
            }
        }
        Ok(done)
    }

    /// The statements of a part. Units with which its one statement would be too long become a part
    /// of their own.
    fn render(
        &self,
        mut part: Part,
        parts: &mut VecDeque<Part>,
    ) -> Result<(Part, Vec<String>), DispatchError> {
        let mut statements = Vec::with_capacity(part.units.len());
        let mut bytes = 0;
        for (number, unit) in part.units.iter().enumerate() {
            let of_unit = self.job.units.statements(*unit)?;
            bytes += of_unit.iter().map(String::len).sum::<usize>();
            if part.is_joined && number > 0 && bytes > MOST_JOINED {
                let units = part.units.split_off(number);
                parts.push_front(Part {
                    worker: part.worker,
                    is_joined: units.len() > 1,
                    units,
                });
                break;
            }
            statements.extend(of_unit);
        }
        Ok((part, statements))
    }

    async fn attempt(
        &self,
        part: &Part,
        mut statements: Vec<String>,
    ) -> Result<Result<Option<Done>, AttemptError>, DispatchError> {
        let Some(worker) = self.workers.get(part.worker) else {
            return Ok(Err(AttemptError::Unknown));
        };
        if part.is_joined && statements.len() > 1 {
            statements = vec![joined(
                &statements,
                self.job.units.joined_end().unwrap_or_default(),
            )];
        }
        let is_joined = part.is_joined && part.units.len() > 1;
        let since = Instant::now();
        let outcome = attempt(&self.job, &worker, &statements, is_joined).await;
        let rows = outcome.as_ref().ok().map(|given| &given.rows);
        let figures = &self.job.figures;
        figures.note(part.worker, statements.len(), rows, since.elapsed());
        if let Ok(given) = &outcome
            && may_change(&given.columns)
        {
            self.apart.store(true, Ordering::Relaxed);
        }
        let Some(unit) = part.units.first().copied() else {
            return Err(DispatchError::Render("a task has no unit".to_owned()));
        };
        let in_words =
            |warnings: Warnings| warnings.in_words(|text| self.job.units.in_users_words(text));
        let done = |given: Given| {
            (!statements.is_empty()).then(|| Done {
                unit,
                columns: given.columns,
                rows: given.rows,
                warnings: given.warnings.into_iter().map(in_words).collect(),
            })
        };
        Ok(outcome.map(done))
    }

    /// Decides what becomes of a part that failed.
    async fn after(
        &mut self,
        part: Part,
        error: &AttemptError,
        parts: &mut VecDeque<Part>,
    ) -> Result<(), DispatchError> {
        let action = error.action();
        tracing::debug!(worker = part.worker, units = part.units.len(), %error, ?action, "a task failed");
        if let AttemptError::Died { endpoint, .. } = error {
            self.losses.note(&part.units, part.worker, endpoint);
            self.not_deadly().await?;
        }
        match action {
            Action::Fail => return Err(self.failure(error)),
            Action::Split if !part.is_joined => return Err(self.failure(error)),
            Action::Split => {
                parts.extend(singles(part));
                return Ok(());
            }
            Action::Apart => {
                self.apart.store(true, Ordering::Relaxed);
                parts.push_back(Part {
                    is_joined: false,
                    ..part
                });
                return Ok(());
            }
            Action::BackOff => self.workers.rest(part.worker),
            Action::Missing | Action::RetryElsewhere => {}
        }
        if action == Action::Missing && part.units.len() > 1 {
            return self.move_missing(part, error, parts).await;
        }
        self.move_all(&part.units, part.worker, error, parts).await
    }

    /// An error when too many servers were lost with a unit's statement. A server whose pod was
    /// replaced, as in a roll, comes back elsewhere within a moment: that is waited for, because the
    /// statement was not what ended it.
    async fn not_deadly(&mut self) -> Result<(), DispatchError> {
        let end = Instant::now() + REPLACED_WITHIN;
        while let Some((unit, workers)) = self.losses.deadly() {
            if Instant::now() >= end {
                return Err(DispatchError::Deadly {
                    unit: self.job.units.name(unit),
                    workers,
                });
            }
            tokio::time::sleep(FIRST_PAUSE).await;
            let now = |worker| {
                self.workers
                    .get(worker)
                    .map(|worker| worker.pool.endpoint())
            };
            self.losses.forget_replaced(now);
        }
        Ok(())
    }

    /// Moves the one unit of a batch whose table is missing; the others stay where they are. When
    /// the error names none of them, each is asked for alone.
    async fn move_missing(
        &mut self,
        part: Part,
        error: &AttemptError,
        parts: &mut VecDeque<Part>,
    ) -> Result<(), DispatchError> {
        let mut lacking = None;
        for unit in &part.units {
            if let Some(error) = error.server_error()
                && self.names_table_of(*unit, &error.message)?
            {
                lacking = Some(*unit);
            }
        }
        let Some(lacking) = lacking else {
            parts.extend(singles(part));
            return Ok(());
        };
        let worker = part.worker;
        let rest: Vec<usize> = part
            .units
            .into_iter()
            .filter(|unit| *unit != lacking)
            .collect();
        let is_joined = rest.len() > 1 && !self.apart.load(Ordering::Relaxed);
        parts.push_back(Part {
            worker,
            units: rest,
            is_joined,
        });
        self.move_all(&[lacking], worker, error, parts).await
    }

    /// Whether an error message names a table that the unit reads.
    fn names_table_of(&self, unit: usize, message: &str) -> Result<bool, DispatchError> {
        let Some(table) = message
            .split('\'')
            .nth(1)
            .and_then(|name| name.split_once('.'))
        else {
            return Ok(false);
        };
        let name = format!("`{}`.`{}`", table.0, table.1);
        Ok(self
            .job
            .units
            .statements(unit)?
            .iter()
            .any(|statement| statement.contains(&name)))
    }

    /// What the user gets of an error that every replica would give.
    fn failure(&self, error: &AttemptError) -> DispatchError {
        if let AttemptError::Spool(SpoolError::Full { limit }) = error {
            return DispatchError::Spool(SpoolError::Full { limit: *limit });
        }
        match error.server_error() {
            Some(error) => DispatchError::Statement(ServerError {
                message: self.job.units.in_users_words(&error.message),
                ..error.clone()
            }),
            None => DispatchError::Render(error.to_string()),
        }
    }

    /// Sends units to other workers, those with the same next worker together.
    async fn move_all(
        &mut self,
        units: &[usize],
        from: WorkerId,
        error: &AttemptError,
        parts: &mut VecDeque<Part>,
    ) -> Result<(), DispatchError> {
        let mut next: Vec<Part> = Vec::new();
        for unit in units {
            self.failed
                .entry(*unit)
                .or_default()
                .push((from, error.to_string()));
            let worker = self.next_worker(*unit).await?;
            match next.iter_mut().find(|part| part.worker == worker) {
                Some(part) => {
                    part.units.push(*unit);
                    part.is_joined = !self.apart.load(Ordering::Relaxed);
                }
                None => next.push(Part {
                    worker,
                    units: vec![*unit],
                    is_joined: false,
                }),
            }
        }
        parts.extend(next);
        Ok(())
    }

    /// A worker that has not failed for the unit. When all have, waits for a newer placement and
    /// begins again, until the time for retries ends.
    async fn next_worker(&mut self, unit: usize) -> Result<WorkerId, DispatchError> {
        loop {
            let failed = self.failed.entry(unit).or_default();
            let tried: HashSet<WorkerId> = failed.iter().map(|(worker, _)| *worker).collect();
            let mut candidates = self.job.units.workers(unit);
            candidates.retain(|worker| !tried.contains(worker));
            if let Some(worker) = self.workers.choose(&candidates, |_| 0) {
                return Ok(worker);
            }
            // The time for retries begins here: however long the tries took that failed, each
            // replica gets another.
            let deadline = *self
                .deadline
                .get_or_insert_with(|| Instant::now() + self.job.retry_for);
            if Instant::now() + self.pause > deadline {
                return Err(DispatchError::NoReplica {
                    unit: self.job.units.name(unit),
                    reasons: self.job.units.in_users_words(&reasons(failed)),
                });
            }
            let look = self.job.units.look_for_newer();
            let _ = tokio::time::timeout_at(deadline, look).await;
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            // Reasons stay for the message until somebody new has failed.
            let candidates = self.job.units.workers(unit);
            if let Some(worker) = self.workers.choose(&candidates, |_| 0) {
                self.failed.remove(&unit);
                return Ok(worker);
            }
        }
    }
}

/// What each worker said, the last word of each.
fn reasons(failed: &[(WorkerId, String)]) -> String {
    let mut text = String::new();
    for (number, (worker, reason)) in failed.iter().enumerate() {
        if *worker == NO_WORKER
            || failed
                .iter()
                .skip(number + 1)
                .any(|(later, _)| later == worker)
        {
            continue;
        }
        let joint = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{joint}worker {worker}: {reason}");
    }
    if text.is_empty() {
        text.push_str("no worker holds it");
    }
    text
}

fn singles(part: Part) -> impl Iterator<Item = Part> {
    let worker = part.worker;
    part.units.into_iter().map(move |unit| Part {
        worker,
        units: vec![unit],
        is_joined: false,
    })
}

/// Several statements as one; each keeps its own ORDER BY and LIMIT, and `end` follows them all.
fn joined(statements: &[String], end: &str) -> String {
    let length = statements
        .iter()
        .map(|statement| statement.len() + 13)
        .sum();
    let mut text = String::with_capacity(length);
    for (number, statement) in statements.iter().enumerate() {
        text.push_str(if number > 0 { " UNION ALL (" } else { "(" });
        text.push_str(statement);
        text.push(')');
    }
    text.push_str(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_joined_statements_follows_them_all() {
        let statements = ["SELECT 1 LIMIT 1".to_owned(), "SELECT 2 LIMIT 1".to_owned()];
        assert_eq!(
            joined(&statements, " LIMIT 1"),
            "(SELECT 1 LIMIT 1) UNION ALL (SELECT 2 LIMIT 1) LIMIT 1"
        );
    }

    #[test]
    fn each_worker_is_named_with_its_last_word_and_no_worker_is_not_one() {
        let said = |worker, reason: &str| (worker, reason.to_owned());
        assert_eq!(
            reasons(&[said(1, "busy"), said(2, "gone"), said(1, "1146")]),
            "worker 2: gone; worker 1: 1146"
        );
        assert_eq!(reasons(&[said(NO_WORKER, "unknown")]), "no worker holds it");
        assert_eq!(reasons(&[]), "no worker holds it");
    }
}
