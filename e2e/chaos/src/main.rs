//! `orrery-chaos` (`make chaos`): nodes, pods, disks, clocks and parts of the control plane of the
//! demo fail, one seeded step after another, under a steady load of statements whose answers are
//! known, while rows are ingested. Ends with `chaos: N queries, wrong 0, lost 0, failed F, seed S`.
//!
//! [`schedule`] decides which [`faults`] come, [`levers`] does them, with [`clock`] (by [`vdso`]) and
//! [`disks`]; [`load`] asks [`questions`] and looks at [`batches`];
//! [`ledger`] knows whose fault a failure is, [`tally`] counts. The same seed gives the same steps
//! in the same order; when they come depends on how soon the archive is whole again ([`steady`]).

mod batches;
mod clock;
mod disks;
mod faults;
mod ledger;
mod levers;
mod load;
mod questions;
mod schedule;
mod steady;
mod tally;
mod vdso;
mod ways;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use orrery_e2e::Archive;
use orrery_e2e::lab::Lab;

use crate::batches::Batches;
use crate::ledger::Ledger;
use crate::levers::Levers;
use crate::load::Load;
use crate::schedule::Schedule;
use crate::steady::Shape;
use crate::tally::Tally;
use crate::ways::Ways;

/// Between two batches of rows at least.
const INGEST_EVERY: Duration = Duration::from_secs(25);
/// Batches at most. Each is a segment of the same chunks, and a chunk takes 64.
const BATCHES: u32 = 60;

/// Faults in the demo, under load.
#[derive(Parser)]
struct Args {
    /// Seed of the steps: the same seed, the same steps.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how long steps begin: a number with s, m or h.
    #[arg(long, default_value = "5m", value_parser = duration)]
    duration: Duration,
    /// Connections that ask.
    #[arg(long, default_value_t = 6)]
    clients: u64,
    /// Print the first steps of the seed for these nodes, and do nothing.
    #[arg(long, value_delimiter = ',')]
    plan: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err("it ends with s, m or h".to_owned()),
    };
    let number: u64 = text[..text.len() - 1]
        .parse()
        .map_err(|_| "no number before the unit")?;
    let seconds = number.checked_mul(unit).ok_or("too long")?;
    Ok(Duration::from_secs(seconds))
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if !args.plan.is_empty() {
        for step in Schedule::new(args.seed, args.plan).take(20) {
            println!("{step}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(lab) = Lab::here() else {
        bail!("chaos needs the cluster that `make demo` makes");
    };
    let archive = Archive::demo().await?;
    let good = run(&archive, &lab, &args).await?;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The whole run; whether nothing is to be blamed on the archive.
async fn run(archive: &Archive, lab: &Lab, args: &Args) -> Result<bool> {
    let shape = Shape::wanted(archive).await?;
    shape
        .restored(archive)
        .await
        .context("before the first step")?;
    let load = prepare(archive, lab, args).await?;
    let mut clients = Vec::new();
    for client in 0..args.clients {
        let seed = args.seed.wrapping_mul(1000).wrapping_add(client);
        clients.push(tokio::spawn(load::client(Arc::clone(&load), seed)));
    }
    let finding = tokio::spawn(find_proxies(
        Arc::clone(&load),
        archive.clone(),
        lab.clone(),
    ));
    let ingesting = tokio::spawn(ingest(Arc::clone(&load), between_batches(args.duration)));

    let stepped = steps(archive, lab, args, &shape, &load).await;
    load.stopped.store(true, Ordering::Relaxed);
    ingesting.await?;
    finding.await?;
    for client in clients {
        client.await?;
    }
    let ended = match stepped {
        Ok(()) => load.batches.finish(&load.tally).await,
        red => red,
    };
    load.tally.say(format_args!(
        "{} statements ended with their proxy or after a row",
        load.tally.excuses()
    ));
    println!("{}", load.tally);
    ended?;
    load.batches.remove().await?;
    Ok(load.tally.good())
}

async fn prepare(archive: &Archive, lab: &Lab, args: &Args) -> Result<Arc<Load>> {
    let batches = args.duration.as_secs() / between_batches(args.duration).as_secs() + 1;
    let load = Load {
        ways: Ways::default(),
        questions: questions::learn(&mut orrery_e2e::session().await?).await?,
        batches: Batches::prepare(batches).await?,
        ledger: Ledger::default(),
        tally: Tally::new(args.seed),
        stopped: AtomicBool::new(false),
    };
    load.ways.refresh(archive, lab).await?;
    Ok(Arc::new(load))
}

/// One step after another, each once the archive is whole again.
async fn steps(
    archive: &Archive,
    lab: &Lab,
    args: &Args,
    shape: &Shape,
    load: &Load,
) -> Result<()> {
    let levers = Levers {
        archive,
        lab,
        ledger: &load.ledger,
    };
    let began = Instant::now();
    for (number, step) in Schedule::new(args.seed, shape.nodes.clone()).enumerate() {
        if began.elapsed() >= args.duration {
            break;
        }
        let left = args.duration.saturating_sub(began.elapsed());
        if let Some(why) = step.left_out(std::env::consts::ARCH, left) {
            load.tally
                .say(format_args!("step {number}: {step}: left out, as {why}"));
            continue;
        }
        load.tally.say(format_args!("step {number}: {step}"));
        let place = || format!("step {number}: {step}");
        levers.run(&step).await.with_context(place)?;
        shape.restored(archive).await.with_context(place)?;
        load.tally.say(format_args!("step {number}: whole again"));
        tokio::time::sleep(step.rest).await;
    }
    Ok(())
}

/// Keeps the ways to proxies up to date.
async fn find_proxies(load: Arc<Load>, archive: Archive, lab: Lab) {
    while !load.stopped.load(Ordering::Relaxed) {
        // Without an API server the known ways stay.
        let _ = load.ways.refresh(&archive, &lab).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// How long a run of `duration` waits between two batches.
fn between_batches(duration: Duration) -> Duration {
    INGEST_EVERY.max(duration / BATCHES)
}

/// Declares one batch of rows after another.
async fn ingest(load: Arc<Load>, between: Duration) {
    while !load.stopped.load(Ordering::Relaxed) {
        // Without an API server the batch is declared later.
        let declared = load.batches.declare_next().await;
        let pause = if declared.is_ok() {
            between
        } else {
            Duration::from_secs(2)
        };
        let end = Instant::now() + pause;
        while Instant::now() < end && !load.stopped.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        assert!(duration("30").is_err());
        assert!(duration("m").is_err());
        assert!(duration("").is_err());
        assert!(duration("99999999999999999999h").is_err());
    }
}
