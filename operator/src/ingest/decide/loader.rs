//! What the phases after the survey expect of the loader: that it has surveyed for this Ingest.

use orrery_worker_api::loader::{LoaderStatus, LoaderStep, Survey, Surveyed};

use super::undo;
use crate::ingest::decision::{Decision, Order, Question, Step};
use crate::ingest::observe::{Loader, Observed};
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
    if let Some(error) = &now.error {
        let what = format!("{}: {}", error.reason, error.message);
        if !error.retry {
            return Err(undo::fail(observed, what));
        }
        if now.surveyed.is_none() {
            return Err(survey_again(observed, now, &what));
        }
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
        Loader::NoPod => {
            let step = Step::wait("waits for the loader's pod");
            Err(step.order(Order::EnsureJob).into())
        }
        Loader::DiskFull(said) => Err(undo::fail(
            observed,
            format!(
                "DiskFull: the loader's spool filled the disk of its node ({said}); set spec.loader.spool.size in another Ingest"
            ),
        )),
        Loader::Silent(why) => Err(Step::wait(format!("waits for the loader: {why}")).into()),
        Loader::Says(now) => Ok(now),
    }
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
