//! What the phases after the survey expect of the loader: that it has surveyed for this Ingest.

use std::time::Duration;

use orrery_worker_api::loader::{LoaderError, LoaderStatus, LoaderStep, Survey, Surveyed};

use super::undo;
use crate::ingest::decision::{Decision, Order, Question, Step};
use crate::ingest::observe::{Loader, Observed};
use crate::ingest::patience;
use crate::ingest::survey_id::SurveyId;

/// A loader that has surveyed for this Ingest.
pub struct Ready<'a> {
    /// What it says of itself.
    pub now: &'a LoaderStatus,
    /// Its survey.
    pub id: SurveyId,
    /// What it surveyed.
    pub surveyed: &'a Surveyed,
}

/// The loader with its survey, or what is to be done until there is one. A loader that lost its
/// spool surveys again: the phase waits, nothing is undone. One that cannot go on ends the ingest.
pub fn ready<'a>(observed: &'a Observed<'_>) -> Result<Ready<'a>, Decision> {
    let now = asked(observed)?;
    let own = observed.own_survey();
    let Some((_, id)) = own.filter(|_| now.step != LoaderStep::Idle) else {
        return Err(survey_again(observed, now, "the loader reads the sources"));
    };
    if let Some(error) = &now.error
        && (!error.retry || now.surveyed.is_none())
    {
        return Err(failed(observed, now, error));
    }
    match &now.surveyed {
        Some(surveyed) => Ok(Ready { now, id, surveyed }),
        None => Err(Step::wait("the loader reads the sources").into()),
    }
}

/// What the loader says, or what is to be done until it says something.
pub fn asked<'a>(observed: &'a Observed<'_>) -> Result<&'a LoaderStatus, Decision> {
    match &observed.loader {
        Loader::Unasked => Err(Decision::Ask(Question::Loader)),
        Loader::NoPod(why) => {
            let why = why
                .as_ref()
                .map_or_else(String::new, |why| format!(": {why}"));
            let step = Step::wait(format!("waits for the loader's pod{why}"));
            Err(away(observed, step.order(Order::EnsureJob)))
        }
        Loader::DiskFull(said) => Err(undo::fail(
            observed,
            format!(
                "DiskFull: the loader's spool filled the disk of its node ({said}); set spec.loader.spool.size in another Ingest"
            ),
        )),
        Loader::Silent(why) => {
            let step = Step::wait(format!("waits for the loader: {why}"));
            Err(away(observed, step))
        }
        Loader::Says(now) => Ok(now),
    }
}

/// Waits for a loader that is away, as `step` says; and not without end, because others wait for the
/// director.
fn away(observed: &Observed<'_>, step: Step) -> Decision {
    if observed.loader_away_for() < patience::LOADER {
        return step.into();
    }
    let minutes = patience::LOADER.as_secs() / 60;
    let what = step.message.as_deref().unwrap_or_default();
    let why = format!("LoaderAway: after {minutes} minutes the ingest still {what}");
    undo::fail(observed, why)
}

/// After a survey that failed: another one when the cause may pass, after a pause that grows.
pub fn failed(observed: &Observed<'_>, now: &LoaderStatus, error: &LoaderError) -> Decision {
    let what = format!("{}: {}", error.reason, error.message);
    let surveys = observed.own_survey().map_or(1, |(_, id)| id.number);
    let surveys = u32::try_from(surveys).unwrap_or(u32::MAX);
    if !error.retry {
        return undo::fail(observed, what);
    }
    if surveys >= patience::MOST_TRIES {
        return undo::fail(observed, format!("{what}; tried {surveys} times"));
    }
    if Duration::from_secs(error.seconds) < patience::pause(surveys) {
        return Step::wait(format!("waits before it tries again: {what}")).into();
    }
    survey_again(observed, now, &what)
}

/// Has the loader survey, after the survey it worked on last.
pub fn survey_again(observed: &Observed<'_>, now: &LoaderStatus, message: &str) -> Decision {
    let step = Step::wait(message);
    match survey(observed, now) {
        Some(survey) => {
            let files_of = observed.state.attempt().map(|attempt| attempt.number);
            step.order(Order::Survey(Box::new(survey), files_of)).into()
        }
        None => step.into(),
    }
}

/// The request; `None` while the target is incomplete.
fn survey(observed: &Observed<'_>, now: &LoaderStatus) -> Option<Survey> {
    let target = observed.target()?;
    let last = now.id.as_deref().and_then(SurveyId::parse);
    let id = SurveyId {
        uid: observed.uid.clone(),
        basis: target.basis(&observed.catalog),
        number: last.map_or(0, |last| last.number) + 1,
    };
    let spec = &observed.ingest.spec;
    Some(Survey {
        id: id.to_string(),
        sources: spec.sources.clone(),
        dialect: spec.dialect.clone(),
        fields: spec.fields.clone(),
        target: target.survey(&observed.catalog, &observed.archive.addresses)?,
        max_rejects: spec.max_rejects,
        positions: spec.positions,
        orphans: spec.orphans,
        misplaced_children: spec.misplaced_children,
        expected_files: None,
    })
}
