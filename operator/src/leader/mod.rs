//! Leader election by a Lease. One operator acts, a standby waits.
//!
//! Writes are conditional on the resourceVersion, so two candidates never both succeed. A leader
//! that cannot renew in time must stop acting before its successor starts; the process ends then
//! ([`Leadership::keep`]), which also drops everything under way. What slips through all the same
//! is refused by terms ([`term`]).

pub mod decide;
pub mod term;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;
use kube::{Api, Client, ResourceExt};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::field_manager;
use decide::Step;

/// Name of the Lease.
pub const LEASE: &str = "orrery-operator";
/// How long a silent leader stays leader.
const DURATION: Duration = Duration::from_secs(15);
/// How long a leader works without a successful renewal: well within [`DURATION`].
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Pause between renewals and between looks.
const PERIOD: Duration = Duration::from_secs(2);

/// Why this process is not leader any more.
#[derive(Debug, Error)]
pub enum Lost {
    /// Somebody else took the Lease.
    #[error("another operator took the lease")]
    Taken,
    /// The Lease was not renewed in time.
    #[error("the lease was not renewed in time: {0}")]
    NotRenewed(kube::Error),
}

/// A candidate for the Lease.
pub struct Candidate {
    leases: Api<Lease>,
    identity: String,
    /// The resourceVersion seen last (none: there was no Lease), and since when.
    seen: Option<(Option<String>, Instant)>,
}

/// The Lease, held.
pub struct Leadership {
    candidate: Candidate,
    lease: Lease,
    /// Changes of holder so far; part of the term.
    pub transitions: u64,
}

impl Candidate {
    /// A candidate named `identity`, which no other process may have, for the Lease in `namespace`.
    pub fn new(client: Client, namespace: &str, identity: impl Into<String>) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            identity: identity.into(),
            seen: None,
        }
    }

    /// Waits until the Lease is ours. `alive` is called after every answer of the API server.
    pub async fn win(mut self, alive: impl Fn()) -> Leadership {
        loop {
            let pause = match self.attempt(&alive).await {
                Ok(Attempt::Won(lease)) => return self.leadership(*lease),
                Ok(Attempt::Waits(left)) => left.min(PERIOD),
                Err(error) => {
                    tracing::warn!(%error, "cannot read or take the lease");
                    PERIOD
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&mut self, alive: &impl Fn()) -> Result<Attempt, kube::Error> {
        let live = self.leases.get_opt(LEASE).await?;
        alive();
        let unchanged = self.unchanged(live.as_ref());
        let spec = live.as_ref().and_then(|lease| lease.spec.as_ref());
        match decide::step(spec, &self.identity, false, unchanged) {
            Step::Take { transitions } | Step::Renew { transitions } => self
                .write(live.as_ref(), &self.identity, transitions)
                .await
                .map(|lease| Attempt::Won(Box::new(lease))),
            Step::Wait(left) => Ok(Attempt::Waits(left)),
        }
    }

    /// How long the Lease has looked the same to us.
    fn unchanged(&mut self, live: Option<&Lease>) -> Duration {
        let version = live.and_then(Lease::resource_version);
        match &self.seen {
            Some((seen, since)) if *seen == version => since.elapsed(),
            _ => {
                self.seen = Some((version, Instant::now()));
                Duration::ZERO
            }
        }
    }

    async fn write(
        &self,
        live: Option<&Lease>,
        holder: &str,
        transitions: i32,
    ) -> Result<Lease, kube::Error> {
        let now = MicroTime(Timestamp::now());
        let before = live.and_then(|lease| lease.spec.as_ref());
        let same_holder = before.is_some_and(|spec| {
            spec.holder_identity.as_deref() == Some(holder)
                && spec.lease_transitions == Some(transitions)
        });
        let acquired = before
            .filter(|_| same_holder)
            .and_then(|spec| spec.acquire_time.clone());
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(LEASE.into()),
                resource_version: live.and_then(Lease::resource_version),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                lease_transitions: Some(transitions),
                acquire_time: acquired.or_else(|| Some(now.clone())),
                renew_time: Some(now),
                ..LeaseSpec::default()
            }),
        };
        let parameters = field_manager::post();
        if live.is_some() {
            self.leases.replace(LEASE, &parameters, &lease).await
        } else {
            self.leases.create(&parameters, &lease).await
        }
    }

    fn leadership(self, lease: Lease) -> Leadership {
        let transitions = transitions(&lease);
        Leadership {
            candidate: self,
            transitions: u64::from(transitions.unsigned_abs()),
            lease,
        }
    }
}

enum Attempt {
    Won(Box<Lease>),
    Waits(Duration),
}

fn transitions(lease: &Lease) -> i32 {
    let spec = lease.spec.as_ref();
    spec.and_then(|spec| spec.lease_transitions)
        .unwrap_or(0)
        .max(0)
}

impl Leadership {
    /// Renews the Lease on a task of its own, so that nothing that this process computes meanwhile
    /// makes a renewal late. `alive` is called after every one. The task ends when the Lease is
    /// lost; or it gives the Lease back, so that the standby need not wait, when `release` is
    /// cancelled, which is to be when this process has stopped acting.
    pub fn keep(
        mut self,
        alive: impl Fn() + Send + 'static,
        release: CancellationToken,
    ) -> JoinHandle<Result<(), Lost>> {
        tokio::spawn(async move {
            let lost = tokio::select! {
                lost = self.lost(alive) => Some(lost),
                () = release.cancelled() => None,
            };
            if let Some(lost) = lost {
                return Err(lost);
            }
            self.release().await;
            Ok(())
        })
    }

    /// Renews the Lease for as long as that goes well.
    async fn lost(&mut self, alive: impl Fn()) -> Lost {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(PERIOD).await;
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            let failure = match tokio::time::timeout(left, self.renew()).await {
                Ok(Ok(Renewal::Done)) => {
                    renewed = Instant::now();
                    alive();
                    continue;
                }
                Ok(Ok(Renewal::Taken)) => return Lost::Taken,
                Ok(Err(error)) => error,
                Err(_) => kube::Error::Service("the API server does not answer".into()),
            };
            tracing::warn!(error = %failure, "cannot renew the lease");
            if renewed.elapsed() >= RENEW_DEADLINE {
                return Lost::NotRenewed(failure);
            }
        }
    }

    async fn renew(&mut self) -> Result<Renewal, kube::Error> {
        let me = &self.candidate.identity;
        let written = self
            .candidate
            .write(Some(&self.lease), me, transitions(&self.lease))
            .await;
        match written {
            Ok(lease) => self.lease = lease,
            // Somebody wrote the Lease: a lost answer of our own write, a person, or a successor.
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                let live = self.candidate.leases.get(LEASE).await?;
                let spec = live.spec.as_ref();
                if !matches!(decide::step(spec, me, true, Duration::ZERO), Step::Renew { transitions } if transitions == self::transitions(&self.lease))
                {
                    return Ok(Renewal::Taken);
                }
                self.lease = live;
            }
            Err(error) => return Err(error),
        }
        Ok(Renewal::Done)
    }

    /// The right to write, for as long as the Lease stays ours.
    pub fn mandate(&self) -> Mandate {
        let candidate = &self.candidate;
        Mandate::of(
            candidate.leases.clone(),
            candidate.identity.clone(),
            self.transitions,
        )
    }

    /// Gives the Lease back.
    async fn release(self) {
        let transitions = transitions(&self.lease);
        if let Err(error) = self
            .candidate
            .write(Some(&self.lease), "", transitions)
            .await
        {
            tracing::warn!(%error, "cannot release the lease");
        }
    }
}

/// By what right a process writes catalogs: as the holder of the Lease.
pub struct Mandate {
    /// Changes of holder up to this one.
    pub transitions: u64,
    lease: Option<(Api<Lease>, String)>,
}

impl Mandate {
    /// The right of a process that is known to be alone: there is no Lease to look at.
    pub fn alone(transitions: u64) -> Self {
        Self {
            transitions,
            lease: None,
        }
    }

    /// The right of `identity`, for as long as the Lease names it and has changed hands so many
    /// times.
    pub fn of(leases: Api<Lease>, identity: String, transitions: u64) -> Self {
        Self {
            transitions,
            lease: Some((leases, identity)),
        }
    }

    /// Passes while the Lease names this process and the same term of office.
    pub async fn check(&self) -> Result<(), Lost> {
        let Some((leases, identity)) = &self.lease else {
            return Ok(());
        };
        let live = leases.get_opt(LEASE).await.map_err(Lost::NotRenewed)?;
        let spec = live.as_ref().and_then(|lease| lease.spec.as_ref());
        match decide::step(spec, identity, true, Duration::ZERO) {
            Step::Renew { transitions }
                if u64::from(transitions.unsigned_abs()) == self.transitions =>
            {
                Ok(())
            }
            _ => Err(Lost::Taken),
        }
    }
}

enum Renewal {
    Done,
    Taken,
}
