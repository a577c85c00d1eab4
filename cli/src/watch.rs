//! `kubectl orrery ingest watch`: follows ingests to their ends.
//!
//! On a terminal a bar is redrawn; elsewhere a line is printed when the phase changes and every few
//! seconds within one.

use std::io::{IsTerminal as _, stderr};
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use kube::Api;
use kube::runtime::watcher::watch_object;
use kube::runtime::{WatchStreamExt as _, watcher};
use orrery_crds::kinds::{Ingest, IngestPhase, IngestStatus};

use crate::archive::Archive;
use crate::output::{self, outln};
use crate::{progress, summary};

/// Time between two lines of one phase where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Follows the ingests in order; false when one failed.
pub async fn all(archive: &Archive, names: &[String], timeout: Option<Duration>) -> Result<bool> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut good = true;
    for name in names {
        let status = match deadline {
            None => one(archive, name).await?,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                tokio::time::timeout(left, one(archive, name))
                    .await
                    .with_context(|| format!("{name} has not ended in time"))??
            }
        };
        good &= report_end(name, &status)?;
    }
    Ok(good)
}

/// The ingest, or an error that says it is not there.
pub async fn get(archive: &Archive, name: &str) -> Result<Ingest> {
    let found = api(archive)
        .get_opt(name)
        .await
        .context("asking the cluster")?;
    found.with_context(|| {
        format!(
            "there is no Ingest {name} in namespace {}",
            archive.namespace
        )
    })
}

fn api(archive: &Archive) -> Api<Ingest> {
    Api::namespaced(archive.client.clone(), &archive.namespace)
}

/// Shows one ingest until it has ended; its last status.
async fn one(archive: &Archive, name: &str) -> Result<IngestStatus> {
    get(archive, name).await?;
    let mut display = Display::new(name);
    let mut events = pin!(watch_object(api(archive), name).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(Some(ingest)) => {
                let status = ingest.status.unwrap_or_default();
                display.show(&status);
                let taken_back = status.phase == IngestPhase::Revoked && ingest.spec.revoked;
                if matches!(status.phase, IngestPhase::Visible | IngestPhase::Failed) || taken_back
                {
                    display.clear();
                    return Ok(status);
                }
            }
            Ok(None) => bail!("Ingest {name} was deleted"),
            Err(watcher::Error::WatchError(error)) if error.code == 403 => {
                bail!("not allowed to watch Ingests: {}", error.message)
            }
            Err(error) => display.trouble(&error.to_string()),
        }
    }
    bail!("the cluster ended the watch of {name}")
}

/// Prints how an ingest ended; whether it is good.
fn report_end(name: &str, status: &IngestStatus) -> Result<bool> {
    if status.phase == IngestPhase::Failed {
        eprintln!("{name}: Failed: {}", status.message);
        if !status.reject_samples.is_empty() {
            eprint!("{}", summary::rejects(&status.reject_samples));
        }
        return Ok(false);
    }
    let times = summary::times(status);
    outln!("{name}: {:?} ({times})", status.phase)?;
    output::write(format_args!("{}", summary::text(status)))?;
    Ok(true)
}

/// Where progress is shown.
enum Display {
    Bar {
        name: String,
        bar: ProgressBar,
    },
    Lines {
        name: String,
        last: Option<(IngestPhase, String, Instant)>,
    },
}

impl Display {
    fn new(name: &str) -> Self {
        let name = name.to_owned();
        if stderr().is_terminal() {
            let bar = ProgressBar::no_length();
            bar.enable_steady_tick(Duration::from_millis(200));
            Self::Bar { name, bar }
        } else {
            Self::Lines { name, last: None }
        }
    }

    fn show(&mut self, status: &IngestStatus) {
        match self {
            Self::Bar { name, bar } => draw(bar, name, status),
            Self::Lines { name, last } => {
                let phase = (status.phase, waiting_for(status));
                let due = last.as_ref().is_none_or(|(was, why, at)| {
                    (*was, why) != (phase.0, &phase.1) || at.elapsed() >= LINE_EVERY
                });
                if due {
                    eprintln!("{}", progress::line(name, status));
                    *last = Some((phase.0, phase.1, Instant::now()));
                }
            }
        }
    }

    fn trouble(&self, what: &str) {
        match self {
            Self::Bar { bar, .. } => {
                bar.set_message(format!("the cluster does not answer: {what}"));
            }
            Self::Lines { name, .. } => eprintln!("{name}: the cluster does not answer: {what}"),
        }
    }

    fn clear(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

/// The message, in phases that have nothing else to show.
fn waiting_for(status: &IngestStatus) -> String {
    match progress::extent(status) {
        Some(_) => String::new(),
        None => status.message.clone(),
    }
}

fn draw(bar: &ProgressBar, name: &str, status: &IngestStatus) {
    let (template, message) = match progress::extent(status) {
        Some(extent) if extent.total == 0 => {
            let facts = [progress::amount(extent), progress::pace(status)];
            ("{prefix} {spinner} {wide_msg}", joined(facts))
        }
        Some(extent) => {
            bar.set_length(extent.total.max(extent.done));
            bar.set_position(extent.done);
            let facts = [progress::amount(extent), progress::pace(status)];
            (
                "{prefix} [{bar:30}] {percent:>3}% {wide_msg}",
                joined(facts),
            )
        }
        None => ("{prefix} {spinner} {wide_msg}", status.message.clone()),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(format!("{name} {:<7}", format!("{:?}", status.phase)));
    bar.set_message(message);
}

fn joined(facts: [String; 2]) -> String {
    let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    facts.join(", ")
}
