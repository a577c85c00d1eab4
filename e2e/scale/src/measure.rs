//! What a stretch of the run cost, and whether the leader's Lease was ever late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use orrery_operator::leader::LEASE;

use crate::process::Operator;
use crate::relay::Counters;

/// Pause between looks at the Lease.
const LOOK: Duration = Duration::from_millis(500);

/// Everything that is counted, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    at: Instant,
    requests: u64,
    sent: u64,
    received: u64,
    cpu: f64,
}

/// What happened between two readings.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// What it was.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
    /// Requests that the API server answered, those of this program too where it made any.
    pub requests: u64,
    /// Bytes to the API server.
    pub sent: u64,
    /// Bytes from it.
    pub received: u64,
    /// Seconds of CPU of the operator.
    pub cpu: f64,
    /// Peak of the operator's resident memory so far, in bytes.
    pub memory: u64,
}

/// Reads the counters.
pub async fn read(client: &Client, counters: &Counters, operator: &Operator) -> Result<Reading> {
    Ok(Reading {
        at: Instant::now(),
        requests: requests(client).await?,
        sent: counters.sent.load(Ordering::Relaxed),
        received: counters.received.load(Ordering::Relaxed),
        cpu: operator.cpu()?,
    })
}

/// What happened since `before`.
pub async fn since(
    name: &str,
    before: &Reading,
    client: &Client,
    counters: &Counters,
    operator: &Operator,
) -> Result<Stretch> {
    let now = read(client, counters, operator).await?;
    Ok(Stretch {
        name: name.to_owned(),
        seconds: now.at.duration_since(before.at).as_secs_f64(),
        requests: now.requests - before.requests,
        sent: now.sent - before.sent,
        received: now.received - before.received,
        cpu: now.cpu - before.cpu,
        memory: operator.peak_memory()?,
    })
}

/// Requests that the API server has answered, its own to itself not counted.
async fn requests(client: &Client) -> Result<u64> {
    let request = hyper::Request::get("/metrics").body(Vec::new())?;
    let text = client.request_text(request).await?;
    let lines = text
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"));
    let counts = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    Ok(counts.sum::<f64>() as u64)
}

/// The longest time between two renewals of the Lease.
#[derive(Clone, Default)]
pub struct LeaseWatch(Arc<AtomicU64>);

impl LeaseWatch {
    /// Looks at the Lease until the process ends.
    pub fn start(client: Client, namespace: &str) -> Self {
        let watch = Self::default();
        let longest = Arc::clone(&watch.0);
        let leases: Api<Lease> = Api::namespaced(client, namespace);
        tokio::spawn(async move {
            let mut seen = None;
            let mut changed = Instant::now();
            loop {
                tokio::time::sleep(LOOK).await;
                let Ok(Some(lease)) = leases.get_opt(LEASE).await else {
                    continue;
                };
                let spec = lease.spec.unwrap_or_default();
                // While nobody holds it nobody is late.
                if spec.holder_identity.is_none_or(|holder| holder.is_empty()) {
                    changed = Instant::now();
                }
                if seen != spec.renew_time {
                    seen = spec.renew_time;
                    changed = Instant::now();
                }
                let late = changed.elapsed().as_millis();
                longest.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        watch
    }

    /// The longest so far, within half a second.
    pub fn longest(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A number of a root, for people.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The figures as a Markdown table.
pub fn table(stretches: &[Stretch]) -> String {
    let mut text = "| | Seconds | Requests | To the API server | From it | Operator's CPU | Peak memory so far |\n|---|---|---|---|---|---|---|\n".to_owned();
    for stretch in stretches {
        text.push_str(&format!(
            "| {} | {:.0} | {} | {} | {} | {:.1} s | {} |\n",
            stretch.name,
            stretch.seconds,
            stretch.requests,
            mib(stretch.sent),
            mib(stretch.received),
            stretch.cpu,
            mib(stretch.memory)
        ));
    }
    text
}

/// The port of the API server's address.
pub fn port(url: &hyper::Uri) -> Result<u16> {
    url.port_u16()
        .context("the API server's address has no port")
}
