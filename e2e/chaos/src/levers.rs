//! How a step's faults are done, and how everything is put back.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use orrery_e2e::lab::Lab;
use orrery_e2e::{Archive, NAMESPACE};
use tokio::task::spawn_blocking;

use crate::clock::Skewed;
use crate::disks::Disk;
use crate::faults::{Blow, Control, Fault, Outage, Part, Step};
use crate::ledger::{Ledger, Target};

/// How long a connection may hang on after its proxy's node is back before the proxy counts as
/// alive again: the network tries once more after up to that time.
const AFTERWARDS: Duration = Duration::from_secs(15);

/// What puts a fault right again.
enum Remedy {
    Node(String, Outage),
    /// SIGCONT for the program of a pod.
    Continue(String, &'static str),
    Clock(Skewed),
    Disk(Disk),
    Control(Control),
}

/// The cluster under the archive.
pub struct Levers<'a> {
    pub archive: &'a Archive,
    pub lab: &'a Lab,
    pub ledger: &'a Ledger,
}

impl Levers<'_> {
    /// Does all faults of a step, holds them, and puts everything back, also when one failed.
    pub async fn run(&self, step: &Step) -> Result<()> {
        let mut remedies = Vec::new();
        let mut targets = Vec::new();
        let mut struck = Ok(());
        for fault in &step.faults {
            struck = self.strike(fault, &mut remedies, &mut targets).await;
            if struck.is_err() {
                break;
            }
        }
        if struck.is_ok() {
            tokio::time::sleep(step.hold).await;
        }
        let mut mended = Ok(());
        for remedy in remedies.into_iter().rev() {
            // All are tried; the first that failed is reported.
            mended = mended.and(self.mend(remedy).await);
        }
        if !targets.is_empty() {
            tokio::time::sleep(AFTERWARDS).await;
        }
        for target in &targets {
            self.ledger.end(target);
        }
        struck.and(mended)
    }

    async fn strike(
        &self,
        fault: &Fault,
        remedies: &mut Vec<Remedy>,
        targets: &mut Vec<Target>,
    ) -> Result<()> {
        match fault {
            Fault::Node(node, outage) => {
                let target = Target::Node(node.clone());
                self.ledger.begin(target.clone());
                targets.push(target);
                remedies.push(Remedy::Node(node.clone(), *outage));
                let action = match outage {
                    Outage::Off => "stop",
                    Outage::Paused => "pause",
                    Outage::Cut => "cut",
                };
                self.lab.run(&["node", action, node]).await.map(drop)
            }
            Fault::Pod { part, pick, blow } => {
                let pod = self.pod(*part, *pick).await?;
                self.blow(&pod, *part, *blow, remedies, targets).await
            }
            Fault::Clock {
                part,
                pick,
                seconds,
            } => {
                let pod = self.pod(*part, *pick).await?;
                self.skew(&pod, *part, *seconds, remedies, targets).await
            }
            Fault::Disk { pick, trouble } => {
                let pod = self.pod(Part::Worker, *pick).await?;
                let disk = Disk::of(self.archive, &pod, *trouble).await?;
                remedies.push(Remedy::Disk(disk.clone()));
                disk.strike(self.archive, self.lab).await
            }
            Fault::Away(control) => {
                remedies.push(Remedy::Control(*control));
                self.lab.run(&[tool_name(*control), "stop"]).await.map(drop)
            }
        }
    }

    async fn blow(
        &self,
        pod: &Pod,
        part: Part,
        blow: Blow,
        remedies: &mut Vec<Remedy>,
        targets: &mut Vec<Target>,
    ) -> Result<()> {
        let name = pod.name_any();
        let target = Target::Pod(name.clone());
        self.ledger.begin(target.clone());
        let program = part.program();
        match blow {
            Blow::Crashed => {
                targets.push(target);
                self.lab.signal(&name, program, "KILL").await?;
            }
            Blow::Stopped => {
                targets.push(target);
                remedies.push(Remedy::Continue(name.clone(), program));
                self.lab.signal(&name, program, "STOP").await?;
            }
            // A pod that is deleted never comes back under its name, but for a worker's, and
            // clients have no connection to workers.
            Blow::Killed => self.archive.kill_pod(pod).await?,
            Blow::Deleted => {
                let politely = DeleteParams::default();
                drop(self.archive.pods().delete(&name, &politely).await?);
            }
        }
        Ok(())
    }

    async fn skew(
        &self,
        pod: &Pod,
        part: Part,
        seconds: i32,
        remedies: &mut Vec<Remedy>,
        targets: &mut Vec<Target>,
    ) -> Result<()> {
        let name = pod.name_any();
        let processes = self.lab.processes(&name, part.program()).await?;
        ensure!(!processes.is_empty(), "no {} in {name}", part.program());
        let target = Target::Pod(name);
        self.ledger.begin(target.clone());
        targets.push(target);
        for number in processes {
            let skewed = spawn_blocking(move || Skewed::begin(number, seconds)).await??;
            remedies.push(Remedy::Clock(skewed));
        }
        Ok(())
    }

    /// The pod that is meant; of operators the one that leads.
    async fn pod(&self, part: Part, pick: u32) -> Result<Pod> {
        let mut pods = self.archive.ready_pods(part.component()).await?;
        if part == Part::Operator {
            let leases: Api<Lease> = Api::namespaced(self.archive.client.clone(), NAMESPACE);
            let spec = leases.get("orrery-operator").await?.spec;
            let holder = spec.and_then(|spec| spec.holder_identity);
            let holder = holder.context("there is no leader")?;
            let leads = |pod: &Pod| holder.starts_with(&pod.name_any());
            let leader = pods.into_iter().find(leads);
            return leader.with_context(|| format!("{holder} leads, and is no pod that is ready"));
        }
        let at = (pick as usize).checked_rem(pods.len());
        let at = at.with_context(|| format!("no {part:?} is ready"))?;
        Ok(pods.swap_remove(at))
    }

    async fn mend(&self, remedy: Remedy) -> Result<()> {
        match remedy {
            Remedy::Node(node, outage) => {
                let action = match outage {
                    Outage::Off => "start",
                    Outage::Paused => "resume",
                    Outage::Cut => "heal",
                };
                self.lab.run(&["node", action, &node]).await?;
            }
            Remedy::Continue(pod, program) => {
                self.lab.signal(&pod, program, "CONT").await?;
            }
            Remedy::Clock(skewed) => spawn_blocking(|| skewed.end()).await??,
            Remedy::Disk(disk) => disk.mend(self.archive, self.lab).await?,
            Remedy::Control(control) => {
                self.lab.run(&[tool_name(control), "start"]).await?;
            }
        }
        Ok(())
    }
}

/// The cluster tool's word.
fn tool_name(control: Control) -> &'static str {
    match control {
        Control::ApiServer => "apiserver",
        Control::Etcd => "etcd",
    }
}
