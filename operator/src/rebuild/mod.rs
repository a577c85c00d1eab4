//! A catalog that was lost is made again from what workers hold: each agent has a signed copy of
//! it, and a manifest of its tables (docs/design/catalog.md#rebuild).
//!
//! A person asks with `kubectl orrery catalog rebuild`, sees the plan and approves it by its name
//! ([`orrery_crds::rebuild`]). [`source`], [`holdings`] and [`plan`] are pure: which catalog is the
//! newest, who holds its rows, and what is written. Nothing is written without an approval of the
//! very plan.

mod holdings;
mod observe;
mod plan;
mod source;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::Patch;
use orrery_crds::rebuild::{
    ANSWER_KEY, REBUILD_CONFIG, REBUILD_LABEL, REBUILD_LABEL_VALUE, REQUEST_KEY, RebuildAnswer,
    RebuildRequest, RebuildState,
};
use serde_json::json;

use crate::controller::context::{Context, Scope};
use crate::controller::error::ReconcileError;
use crate::controller::runner::Controller;
use crate::controller::watch::{self, Sensitivity, changes};
use crate::field_manager;
use plan::Plan;

/// Pause between looks: a request wakes it.
const RESYNC: Duration = Duration::from_mins(10);
/// Pause while workers cannot be called yet.
const SOON: Duration = Duration::from_secs(1);

/// The controller.
pub struct Rebuild;

impl Controller for Rebuild {
    type Key = String;
    type Failure = ReconcileError;
    const NAME: &'static str = "rebuild";

    fn watches(client: &Client, scope: &Scope) -> BoxStream<'static, String> {
        let label = format!("{REBUILD_LABEL}={REBUILD_LABEL_VALUE}");
        let key = |metadata: &ObjectMeta| {
            watch::namespace(metadata).filter(|_| metadata.name.as_deref() == Some(REBUILD_CONFIG))
        };
        changes::<ConfigMap, _>(client, scope, Some(&label), Sensitivity::Any, key).boxed()
    }

    async fn reconcile(
        &self,
        context: &Context,
        namespace: &String,
    ) -> Result<Duration, ReconcileError> {
        let api = context.api::<ConfigMap>(namespace);
        let data = api.get_opt(REBUILD_CONFIG).await?;
        let data = data.and_then(|config| config.data).unwrap_or_default();
        let Some(request) = open(&data)? else {
            return Ok(RESYNC);
        };
        if !context.agents.knows(namespace) {
            return Ok(SOON);
        }
        let answer = serde_json::to_string(&answer(context, namespace, &request).await?)?;
        let patch = Patch::Merge(json!({"data": {ANSWER_KEY: answer}}));
        api.patch(REBUILD_CONFIG, &field_manager::merge(), &patch)
            .await?;
        Ok(RESYNC)
    }
}

/// The request, while it has no answer.
fn open(data: &BTreeMap<String, String>) -> Result<Option<RebuildRequest>, serde_json::Error> {
    let Some(request) = data.get(REQUEST_KEY) else {
        return Ok(None);
    };
    let request: RebuildRequest = serde_json::from_str(request)?;
    let answered = data.get(ANSWER_KEY);
    let answered: Option<RebuildAnswer> = answered
        .map(|text| serde_json::from_str(text))
        .transpose()?;
    let is_open = answered.is_none_or(|answer| answer.request != request.id);
    Ok(is_open.then_some(request))
}

/// Plans, and writes what was approved.
async fn answer(
    context: &Context,
    namespace: &str,
    request: &RebuildRequest,
) -> Result<RebuildAnswer, ReconcileError> {
    let observed = observe::observe(context, namespace).await?;
    let plan = match plan::plan(request, &observed) {
        Ok(plan) => plan,
        Err(why) => return Ok(refused(request, why.to_string())),
    };
    let (state, message) = judge(request, &plan);
    if state == RebuildState::Written {
        let over = observed.version.as_deref();
        let written = context
            .writer
            .rebuild(namespace, over, plan.catalog.clone());
        written.await?;
    }
    Ok(RebuildAnswer {
        request: request.id.clone(),
        state,
        plan: Some(plan.id),
        message,
        found: plan.found,
        losses: plan.losses,
        notes: plan.notes,
    })
}

/// What is to become of a request.
fn judge(request: &RebuildRequest, plan: &Plan) -> (RebuildState, String) {
    let accepted = plan.losses.is_empty() || request.accept_loss;
    match &request.approve {
        None if accepted => (
            RebuildState::Proposed,
            "nothing is written yet: add --yes to write this".into(),
        ),
        None => (
            RebuildState::Proposed,
            "nothing is written yet: to write this and lose what is listed, add --accept-loss --yes"
                .into(),
        ),
        Some(approved) if *approved != plan.id => (
            RebuildState::Refused,
            format!(
                "nothing was written: the plan is {} by now, and {approved} was approved",
                plan.id
            ),
        ),
        Some(_) if !accepted => (
            RebuildState::Refused,
            "nothing was written: what is listed would be lost; add --accept-loss to accept that"
                .into(),
        ),
        Some(_) => (RebuildState::Written, "the catalog is written".into()),
    }
}

fn refused(request: &RebuildRequest, message: String) -> RebuildAnswer {
    RebuildAnswer {
        request: request.id.clone(),
        state: RebuildState::Refused,
        plan: None,
        message,
        found: Vec::new(),
        losses: Vec::new(),
        notes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(losses: &[&str]) -> Plan {
        Plan {
            catalog: orrery_archive::catalog::Catalog::default(),
            id: "p1".into(),
            found: Vec::new(),
            losses: losses.iter().map(|line| (*line).to_owned()).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn only_the_very_plan_that_was_approved_is_written_and_no_loss_without_a_word() {
        let judged = |approve: Option<&str>, accept_loss, losses: &[&str]| {
            let request = RebuildRequest {
                approve: approve.map(str::to_owned),
                accept_loss,
                ..RebuildRequest::default()
            };
            judge(&request, &plan(losses)).0
        };
        for (approve, accept_loss, losses, state) in [
            (None, false, &[][..], RebuildState::Proposed),
            (None, true, &["rows"][..], RebuildState::Proposed),
            (Some("p0"), true, &[][..], RebuildState::Refused),
            (Some("p1"), false, &["rows"][..], RebuildState::Refused),
            (Some("p1"), true, &["rows"][..], RebuildState::Written),
            (Some("p1"), false, &[][..], RebuildState::Written),
        ] {
            assert_eq!(
                judged(approve, accept_loss, losses),
                state,
                "{approve:?} {losses:?}"
            );
        }
    }

    #[test]
    fn a_request_is_answered_once() {
        let request = |id: &str| {
            let request = RebuildRequest {
                id: id.into(),
                ..RebuildRequest::default()
            };
            serde_json::to_string(&request).unwrap()
        };
        let asked: RebuildRequest = serde_json::from_str(&request("a")).unwrap();
        let answer = serde_json::to_string(&refused(&asked, "no".into())).unwrap();
        let data = |id: &str| {
            let entries = [(REQUEST_KEY, request(id)), (ANSWER_KEY, answer.clone())];
            entries.map(|(key, value)| (key.to_owned(), value)).into()
        };
        assert_eq!(open(&data("a")).unwrap(), None);
        assert_eq!(open(&data("b")).unwrap().unwrap().id, "b");
        assert_eq!(open(&BTreeMap::new()).unwrap(), None);
    }
}
