//! What users see of an ingest. Pure but for the write.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::Resource as _;
use orrery_crds::kinds::{Ingest, IngestPhase, IngestStatus};

use super::decision::{Earlier, Step};
use super::error::IngestError;
use super::standing::between;
use crate::controller::conditions::{self, ACCEPTED, Finding};
use crate::controller::context::Context;
use crate::controller::events::Event;
use crate::controller::status;

/// How a look at an ingest ended.
pub enum Outcome {
    /// With its step.
    Step(Box<Step>),
    /// It could not be ended; the phase that was reached nonetheless, if it is another one.
    Failed(IngestError, Option<IngestPhase>),
}

/// Condition of an Ingest whose rows were in the catalog before it: it is not loaded again.
pub const ALREADY_LOADED: &str = "AlreadyLoaded";
/// Condition of an Ingest that is refused because other rows are visible under its name.
const NAME_TAKEN: &str = "NameTaken";

/// Longest message, in characters, that the schema takes.
const LONGEST_MESSAGE: usize = 4096;

/// Writes the status when it differs, and publishes a change of phase and what a person should look
/// at. Answers with the Ingest as it was written, `None` when there was nothing to write.
pub async fn write(
    context: &Context,
    namespace: &str,
    ingest: &Ingest,
    outcome: &Outcome,
) -> Result<Option<Ingest>, kube::Error> {
    let before = ingest.status.clone().unwrap_or_default();
    let after = after(
        &before,
        ingest.metadata.generation,
        outcome,
        Timestamp::now(),
    );
    let phase = after.phase;
    let note = format!("{phase:?}: {}", after.message);
    let written = status::written(context, namespace, ingest, after).await?;
    let about = ingest.object_ref(&());
    if let Outcome::Step(step) = outcome
        && let Some((reason, words)) = &step.warning
    {
        let event = Event::warning(reason, words.clone());
        context.events.publish(&about, None, event).await;
    }
    if let Outcome::Step(step) = outcome
        && let Some(Earlier::Loaded(_, why)) = &step.earlier
    {
        let event = Event::normal(ALREADY_LOADED, why.clone());
        context.events.publish(&about, None, event).await;
    }
    if phase != before.phase {
        let event = if phase == IngestPhase::Failed {
            Event::warning("IngestFailed", note)
        } else {
            Event::normal("IngestPhase", note)
        };
        context.events.publish(&about, None, event).await;
    }
    Ok(written)
}

/// The new status. A step that could not end is told in the message and tried again.
fn after(
    before: &IngestStatus,
    generation: Option<i64>,
    outcome: &Outcome,
    now: Timestamp,
) -> IngestStatus {
    let mut status = before.clone();
    match outcome {
        Outcome::Step(step) => take(&mut status, step, now),
        Outcome::Failed(error, reached) => {
            status.message = format!("tried again: {error}");
            status.phase = reached.unwrap_or(status.phase);
        }
    }
    status.message = within(std::mem::take(&mut status.message));
    status.observed_generation = generation;
    if status.phase != before.phase || status.conditions.is_empty() {
        mark(before, &mut status, generation, now);
    }
    let accepted = match status.phase {
        IngestPhase::Failed => Finding::unmet("Failed", status.message.clone()),
        IngestPhase::Pending => Finding::unmet("Waiting", status.message.clone()),
        _ => Finding::met("Accepted", ""),
    };
    conditions::set(&mut status.conditions, ACCEPTED, &accepted, generation, now);
    if let Outcome::Step(step) = outcome
        && let Some(earlier) = &step.earlier
    {
        let (kind, finding) = match earlier {
            Earlier::Loaded(_, why) => (ALREADY_LOADED, Finding::met("SameRows", why.clone())),
            Earlier::NameTaken(why) => (NAME_TAKEN, Finding::met("OtherRows", why.clone())),
        };
        conditions::set(&mut status.conditions, kind, &finding, generation, now);
    }
    status
}

/// A message may name all columns of a file, or all workers: what is too long for the schema is cut
/// here, because a refused status would hold the ingest where it is.
fn within(message: String) -> String {
    if message.chars().count() <= LONGEST_MESSAGE {
        return message;
    }
    let kept = message.chars().take(LONGEST_MESSAGE - 2);
    kept.chain(" …".chars()).collect()
}

fn take(status: &mut IngestStatus, step: &Step, now: Timestamp) {
    match step.loader_away {
        Some(true) => {
            let _ = status.loader_away_since.get_or_insert(Time(now));
        }
        Some(false) => status.loader_away_since = None,
        None => {}
    }
    status.failed_attempts += u32::from(step.attempt_failed);
    if let Some(report) = &step.report {
        status.progress = report.progress.clone();
        status.summary = report.summary.clone();
        status.reject_samples.clone_from(&report.reject_samples);
    }
    if let Some(state) = &step.to {
        state.write(status);
    }
    if let Some(rows) = step.rows {
        status.summary.rows = rows;
    }
    if let Some(Earlier::Loaded(loaded, _)) = &step.earlier {
        status.incarnation = Some(loaded.incarnation);
        status.attempt = Some(loaded.attempt);
        let summary = &mut status.summary;
        (summary.rows, summary.chunks, summary.bytes) = (loaded.rows, loaded.chunks, loaded.bytes);
    }
    if let Some(message) = &step.message {
        status.message.clone_from(message);
    }
}

/// One condition per phase reached, and the seconds the phase before took.
fn mark(before: &IngestStatus, status: &mut IngestStatus, generation: Option<i64>, now: Timestamp) {
    let name = |phase: IngestPhase| format!("{phase:?}");
    let last = before
        .conditions
        .iter()
        .find(|condition| condition.type_ == name(before.phase));
    if let Some(last) = last {
        let took = between(last.last_transition_time.0, now).as_secs_f64();
        let tenths = (took * 10.0).round() / 10.0;
        status.phase_seconds.insert(name(before.phase), tenths);
    }
    let reached = Finding::met("Reached", status.message.clone());
    let kind = name(status.phase);
    conditions::clear(&mut status.conditions, &kind);
    conditions::set(&mut status.conditions, &kind, &reached, generation, now);
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::SignedDuration;

    use super::*;
    use crate::ingest::state::{Attempt, State, StateError};

    fn condition<'a>(status: &'a IngestStatus, kind: &str) -> &'a str {
        let mut conditions = status.conditions.iter();
        let found = conditions.find(|condition| condition.type_ == kind);
        found.map_or("absent", |condition| &condition.status)
    }

    fn step(step: Step) -> Outcome {
        Outcome::Step(Box::new(step))
    }

    #[test]
    fn a_phase_that_is_reached_has_a_condition_and_the_one_before_its_seconds() {
        let start = Timestamp::UNIX_EPOCH;
        let pending = after(
            &IngestStatus::default(),
            Some(1),
            &step(Step::wait("waits")),
            start,
        );
        assert_eq!(condition(&pending, "Pending"), "True");
        assert_eq!(condition(&pending, "Accepted"), "False");
        let to = step(Step::to(State::Survey { incarnation: 3 }, "reads"));
        let later = start + SignedDuration::from_millis(2_340);
        let survey = after(&pending, Some(1), &to, later);
        assert!((survey.phase_seconds["Pending"] - 2.3).abs() < 1e-9);
        assert_eq!(
            (condition(&survey, "Survey"), condition(&survey, "Accepted")),
            ("True", "True")
        );
        assert_eq!(
            (survey.message.as_str(), survey.incarnation),
            ("reads", Some(3))
        );
    }

    #[test]
    fn a_phase_takes_no_negative_time_when_the_clock_is_set_back_in_it() {
        let wait = step(Step::wait("waits"));
        let begun = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(3);
        let pending = after(&IngestStatus::default(), Some(1), &wait, begun);
        let to = step(Step::to(State::Survey { incarnation: 3 }, "reads"));
        let survey = after(&pending, Some(1), &to, Timestamp::UNIX_EPOCH);
        assert_eq!(survey.phase_seconds.get("Pending"), Some(&0.0));
    }

    #[test]
    fn the_status_says_since_when_the_loader_is_away_and_how_often_attempts_failed() {
        let start = Timestamp::UNIX_EPOCH;
        let later = start + SignedDuration::from_mins(1);
        let with = |loader_away, attempt_failed| {
            step(Step {
                loader_away,
                attempt_failed,
                ..Step::default()
            })
        };
        let since = |status: &IngestStatus| status.loader_away_since.as_ref().map(|since| since.0);
        let away = after(
            &IngestStatus::default(),
            None,
            &with(Some(true), true),
            start,
        );
        let still = after(&away, None, &with(Some(true), true), later);
        assert_eq!((since(&still), still.failed_attempts), (Some(start), 2));
        let unasked = after(&still, None, &with(None, false), later);
        assert_eq!((since(&unasked), unasked.failed_attempts), (Some(start), 2));
        assert_eq!(
            since(&after(&unasked, None, &with(Some(false), false), later)),
            None
        );
    }

    #[test]
    fn a_message_is_never_longer_than_the_schema_takes() {
        let long = "the table has no column ü, ".repeat(1_000);
        let step = step(Step::wait(long.clone()));
        let status = after(&IngestStatus::default(), Some(1), &step, Timestamp::now());
        assert_eq!(status.message.chars().count(), LONGEST_MESSAGE);
        assert!(status.message.ends_with(" …"), "{}", status.message);
        let prefix = status.message.trim_end_matches(" …");
        assert!(long.starts_with(prefix));
    }

    #[test]
    fn a_step_that_does_not_end_changes_only_the_message_and_what_was_reached() {
        let attempt = Attempt {
            number: 7,
            index: None,
            segment: 5,
            basis: "b".into(),
            incarnation: 3,
        };
        let mut before = IngestStatus::default();
        let since = Timestamp::UNIX_EPOCH;
        State::Seal(attempt).write(&mut before);
        let error = |reached| Outcome::Failed(IngestError::NoUid, reached);
        let same = after(&before, None, &error(None), since);
        assert_eq!(same.message, "tried again: the Ingest has no UID");
        assert_eq!((same.phase, same.attempt), (IngestPhase::Seal, Some(7)));
        let verify = after(&before, None, &error(Some(IngestPhase::Verify)), since);
        assert_eq!(
            (verify.phase, verify.attempt),
            (IngestPhase::Verify, Some(7))
        );
        let impossible = StateError::Missing {
            phase: IngestPhase::Load,
            field: "segment",
        };
        let named = after(
            &before,
            None,
            &Outcome::Failed(impossible.into(), None),
            since,
        );
        assert!(
            named.message.contains("phase Load without segment"),
            "{}",
            named.message
        );
    }
}
