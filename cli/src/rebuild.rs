//! `kubectl orrery catalog rebuild`: has the operator make a lost catalog again from what workers
//! hold, and shows what it would write before it does.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams};
use orrery_crds::rebuild::{
    ANSWER_KEY, REBUILD_CONFIG, REBUILD_LABEL, REBUILD_LABEL_VALUE, REQUEST_KEY, RebuildAnswer,
    RebuildRequest, RebuildState,
};
use rand::distr::{Alphanumeric, SampleString as _};
use tokio::time::Instant;

use crate::archive::Archive;
use crate::output::{self, outln};

/// Pause between looks.
const ROUND: Duration = Duration::from_millis(500);

/// What is asked for.
#[derive(Args)]
pub struct Rebuild {
    /// UID of the archive, where workers have copies of several catalogs.
    #[arg(long, value_name = "UID")]
    archive: Option<String>,
    /// UID of the archive whose catalog is there and is to be replaced.
    #[arg(long, value_name = "UID")]
    replace: Option<String>,
    /// Accepts that what is listed as lost is lost.
    #[arg(long)]
    accept_loss: bool,
    /// Has the catalog written as shown.
    #[arg(long)]
    yes: bool,
    /// Seconds to wait for the operator, which asks every worker for all it holds.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    timeout: u64,
}

impl Rebuild {
    /// The request, to carry out the plan of this name or to have one made.
    fn request(&self, approve: Option<String>) -> RebuildRequest {
        RebuildRequest {
            id: Alphanumeric.sample_string(&mut rand::rng(), 16),
            archive: self.archive.clone(),
            replace: self.replace.clone(),
            accept_loss: self.accept_loss,
            approve,
        }
    }
}

/// Shows the plan, and has it carried out when that is asked for; false when the operator refuses.
pub async fn run(archive: &Archive, rebuild: Rebuild) -> Result<bool> {
    let api: Api<ConfigMap> = Api::namespaced(archive.client.clone(), &archive.namespace);
    let asked = ask(&api, &rebuild).await;
    // Nothing of it is to be carried out or taken for an answer later.
    match api.delete(REBUILD_CONFIG, &DeleteParams::default()).await {
        Err(kube::Error::Api(answer)) if answer.code == 404 => {}
        deleted => drop(deleted.context("deleting the request")?),
    }
    asked
}

async fn ask(api: &Api<ConfigMap>, rebuild: &Rebuild) -> Result<bool> {
    let wait = Duration::from_secs(rebuild.timeout);
    let proposed = answer(api, &rebuild.request(None), wait).await?;
    let approves = rebuild.yes && proposed.state == RebuildState::Proposed;
    output::write(format_args!("{}", text(&proposed, !approves)))?;
    let Some(plan) = proposed.plan.clone().filter(|_| approves) else {
        return Ok(proposed.state == RebuildState::Proposed);
    };
    let written = answer(api, &rebuild.request(Some(plan)), wait).await?;
    outln!("{}", written.message)?;
    Ok(written.state == RebuildState::Written)
}

/// Leaves a request, and waits for what the operator makes of it.
async fn answer(
    api: &Api<ConfigMap>,
    request: &RebuildRequest,
    wait: Duration,
) -> Result<RebuildAnswer> {
    let config = ConfigMap {
        metadata: ObjectMeta {
            name: Some(REBUILD_CONFIG.into()),
            labels: Some([(REBUILD_LABEL.into(), REBUILD_LABEL_VALUE.into())].into()),
            ..ObjectMeta::default()
        },
        data: Some([(REQUEST_KEY.into(), serde_json::to_string(request)?)].into()),
        ..ConfigMap::default()
    };
    let parameters = PatchParams::apply("kubectl-orrery").force();
    let apply = Patch::Apply(&config);
    let left = api.patch(REBUILD_CONFIG, &parameters, &apply).await;
    left.context("leaving the request")?;
    let end = Instant::now() + wait;
    loop {
        let config = api
            .get_opt(REBUILD_CONFIG)
            .await
            .context("reading the answer")?;
        let data = config.and_then(|config| config.data);
        let data = data.context("somebody else deleted the request")?;
        if let Some(answer) = read(&data, &request.id)? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!(
                "the operator did not answer in {} s: kubectl logs deploy/orrery-operator says why",
                wait.as_secs()
            );
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// The answer to this request, once it is there.
fn read(data: &BTreeMap<String, String>, id: &str) -> Result<Option<RebuildAnswer>> {
    let Some(answer) = data.get(ANSWER_KEY) else {
        return Ok(None);
    };
    let answer: RebuildAnswer = serde_json::from_str(answer).context("the operator's answer")?;
    Ok((answer.request == id).then_some(answer))
}

/// An answer for people.
fn text(answer: &RebuildAnswer, with_message: bool) -> String {
    let mut text = String::new();
    for (title, lines) in [
        ("Found", &answer.found),
        ("Lost", &answer.losses),
        ("To know", &answer.notes),
    ] {
        if !lines.is_empty() {
            text.push_str(&format!("{title}:\n"));
            text.extend(lines.iter().map(|line| format!("  {line}\n")));
        }
    }
    if let Some(plan) = &answer.plan {
        text.push_str(&format!("Plan {plan}\n"));
    }
    if with_message {
        text.push_str(&format!("{}\n", answer.message));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal() -> RebuildAnswer {
        RebuildAnswer {
            request: "r1".into(),
            state: RebuildState::Proposed,
            plan: Some("0a1b".into()),
            message: "nothing is written yet".into(),
            found: vec!["archive a".into()],
            losses: vec!["no worker has rows of sky.Object: 1 chunks (7)".into()],
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_proposal_shows_what_is_found_and_lost_and_that_nothing_is_written() {
        let shown = text(&proposal(), true);
        assert_eq!(
            shown,
            "Found:\n  archive a\nLost:\n  no worker has rows of sky.Object: 1 chunks (7)\nPlan 0a1b\nnothing is written yet\n"
        );
        assert!(!text(&proposal(), false).contains("nothing is written"));
    }

    #[test]
    fn an_answer_to_another_request_is_not_taken() {
        let answer = serde_json::to_string(&proposal()).unwrap();
        let data = BTreeMap::from([(ANSWER_KEY.to_owned(), answer)]);
        assert_eq!(read(&data, "r2").unwrap(), None);
        assert_eq!(read(&data, "r1").unwrap(), Some(proposal()));
        assert_eq!(read(&BTreeMap::new(), "r1").unwrap(), None);
    }
}
