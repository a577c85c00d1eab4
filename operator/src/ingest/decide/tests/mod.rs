//! What is decided, in words; a table of answers and decisions per file.

mod again;
mod by_agents;
mod by_catalog;
mod by_loader;
mod by_spec;

use orrery_worker_api::loader::{LoaderError, LoaderStatus, LoaderStep};

use crate::ingest::catalog_edit::{CatalogEdit, GivingUp};
use crate::ingest::decision::{Decision, Order, Question};
use crate::ingest::observe::Loader;
use crate::ingest::patience;
use crate::ingest::state::State;
use crate::ingest::survey_id::SurveyId;
use crate::ingest::testing::{Scene, error, says};

/// A decision in words: orders, `→` phase (none when it stays), and the message.
fn said(decision: &Decision) -> String {
    match decision {
        Decision::Ask(Question::Loader) => "ask the loader".into(),
        Decision::Ask(Question::Seal(attempts)) => format!("ask to seal {attempts:?}"),
        Decision::Write(edit) => match &**edit {
            CatalogEdit::Place(_) => "write the placement".into(),
            CatalogEdit::Publish(_) => "write the publish".into(),
            CatalogEdit::GiveUp(GivingUp { then, why, .. }) => {
                format!("give up, then {then:?}: {why}")
            }
            CatalogEdit::Revoke(revoking) => format!("write revoked={}", revoking.revoked),
        },
        Decision::Step(step) => {
            let mut parts: Vec<String> = step.orders.iter().map(ordered).collect();
            let phase = step.to.as_ref().map(|state| format!("{state:?}"));
            let phase = phase
                .as_ref()
                .and_then(|state| state.split([' ', '(']).next());
            parts.extend(phase.map(|phase| format!("→ {phase}")));
            parts.extend(step.message.clone());
            parts.join(", ")
        }
    }
}

fn ordered(order: &Order) -> String {
    match order {
        Order::EnsureJob => "make the Job".into(),
        Order::EndJob => "end the Job".into(),
        Order::KeepRejects => "keep the rejects".into(),
        Order::Survey(survey, files_of) => {
            let id = SurveyId::parse(&survey.id).unwrap();
            let files = files_of.map_or_else(String::new, |attempt| {
                format!(" with the files of {attempt}")
            });
            format!("survey {}{files}", id.number)
        }
        Order::Open(opens) => format!("open at {:?}", opens.keys().collect::<Vec<_>>()),
        Order::Load(load) => format!("load {}/{:?}", load.attempt, load.index_attempt),
        Order::Discard(attempts) => format!("discard {attempts:?}"),
        Order::SetState(state) => format!("set {:?} {:?}", state.segments, state.state),
    }
}

/// The states in which the loader has a part, by name.
fn state(scene: &Scene, phase: &str) -> State {
    let (incarnation, attempt) = (scene.incarnation(), scene.attempt());
    match phase {
        "Survey" => State::Survey { incarnation },
        "Place" => State::Place { incarnation },
        "Load" => State::Load(attempt),
        "Seal" => State::Seal(attempt),
        other => panic!("{other}"),
    }
}

/// An error that is as old as the pause after it.
fn ago(error: LoaderError) -> LoaderError {
    let seconds = patience::pause(1).as_secs();
    LoaderError { seconds, ..error }
}

/// The answers a loader may give, by name.
fn answer(scene: &Scene, name: &str) -> Loader {
    let with = |step, change: &dyn Fn(&mut LoaderStatus)| {
        let mut now = scene.loader(step);
        change(&mut now);
        says(now)
    };
    let id = |uid: &str, basis: &str| {
        let (uid, basis) = (uid.to_owned(), basis.to_owned());
        let number = 4;
        Some(SurveyId { uid, basis, number }.to_string())
    };
    match name {
        "unasked" => Loader::Unasked,
        "no pod" => Loader::NoPod(None),
        "no pod for a reason" => Loader::NoPod(Some("no claim `files`".into())),
        "put out" => Loader::DiskFull("low on ephemeral-storage".into()),
        "silent" => Loader::Silent("no answer".into()),
        "fresh" => with(LoaderStep::Idle, &|now| now.id = None),
        "lost its spool" => with(LoaderStep::Idle, &|_| {}),
        "of a former life" => with(LoaderStep::Surveyed, &|now| {
            now.id = id("former", &scene.basis());
        }),
        "reads" => with(LoaderStep::Surveying, &|_| {}),
        "surveyed" => with(LoaderStep::Surveyed, &|_| {}),
        "surveyed on another basis" => with(LoaderStep::Surveyed, &|now| now.id = id("u", "other")),
        "loads" => with(LoaderStep::Loading, &|_| {}),
        "loaded" => with(LoaderStep::Loaded, &|_| {}),
        "loaded another attempt" => with(LoaderStep::Loaded, &|now| now.attempt = Some(6)),
        "loaded without an agent" => with(LoaderStep::Loaded, &|now| {
            now.lost_agents.insert("https://a".into(), "gone".into());
        }),
        "failed for good" => with(LoaderStep::Failed, &|now| {
            now.error = Some(error("BadFile", false));
        }),
        "failed to survey just now" => with(LoaderStep::Failed, &|now| {
            now.error = Some(error("Unreachable", true));
        }),
        "failed to survey" => with(LoaderStep::Failed, &|now| {
            now.error = Some(ago(error("Unreachable", true)));
        }),
        "failed to survey for the eighth time" => with(LoaderStep::Failed, &|now| {
            let mut last = SurveyId::parse(now.id.as_deref().unwrap()).unwrap();
            last.number = 8;
            now.id = Some(last.to_string());
            now.error = Some(ago(error("Unreachable", true)));
        }),
        "failed to load just now" => with(LoaderStep::Failed, &|now| {
            (now.surveyed, now.attempt) = (Some(scene.surveyed()), Some(7));
            now.error = Some(error("NoReplica", true));
        }),
        "failed to load" => with(LoaderStep::Failed, &|now| {
            (now.surveyed, now.attempt) = (Some(scene.surveyed()), Some(7));
            now.error = Some(ago(error("NoReplica", true)));
        }),
        other => panic!("{other}"),
    }
}
