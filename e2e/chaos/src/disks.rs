//! How the disk of a worker is made full or slow, or taken away, and how it is put right.

use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use orrery_e2e::lab::Lab;
use orrery_e2e::{Archive, eventually_within};
use serde_json::{Value, json};

use crate::faults::Trouble;

/// How long another directory may take to be in the place of a lost one.
const LONGEST: Duration = Duration::from_secs(900);

/// The disk of a worker, and what is known of it before it is in trouble.
#[derive(Clone)]
pub struct Disk {
    trouble: Trouble,
    worker: String,
    volume: String,
    /// Identity of the worker's directory.
    identity: Value,
    /// How the pool repairs.
    repair: Value,
}

impl Disk {
    /// That of the worker whose pod this is.
    pub async fn of(archive: &Archive, pod: &Pod, trouble: Trouble) -> Result<Self> {
        let pod = pod.name_any();
        let worker = pod.strip_suffix("-0").context("no pod of a worker")?;
        Ok(Self {
            trouble,
            worker: worker.to_owned(),
            volume: archive.volume_of(worker).await?,
            identity: archive.identity_of(worker).await?,
            repair: archive.repair().await?,
        })
    }

    pub async fn strike(&self, archive: &Archive, lab: &Lab) -> Result<()> {
        match self.trouble {
            Trouble::Full => lab.run(&["volumes", "fill", &self.volume]).await.map(drop),
            Trouble::Slow => lab.run(&["volumes", "slow", &self.volume]).await.map(drop),
            Trouble::Lost => {
                let soon = json!({ "repairAfterSeconds": 5, "replaceAfterSeconds": 5 });
                archive.set_repair(&soon).await?;
                archive.lose_disk(&self.worker).await
            }
        }
    }

    /// Puts it right; of a lost disk, waits until another one is in its place.
    pub async fn mend(&self, archive: &Archive, lab: &Lab) -> Result<()> {
        match self.trouble {
            Trouble::Full => lab.run(&["volumes", "free", &self.volume]).await.map(drop),
            Trouble::Slow => lab.run(&["volumes", "quick", &self.volume]).await.map(drop),
            Trouble::Lost => {
                let replaced = self.replaced(archive).await;
                archive.set_repair(&self.repair).await?;
                replaced
            }
        }
    }

    async fn replaced(&self, archive: &Archive) -> Result<()> {
        let what = format!("another directory for {}", self.worker);
        eventually_within(LONGEST, &what, async || {
            let ready = archive.phase_of(&self.worker).await? == "Ready";
            let other = archive.identity_of(&self.worker).await? != self.identity;
            Ok((ready && other).then_some(()))
        })
        .await
    }
}
