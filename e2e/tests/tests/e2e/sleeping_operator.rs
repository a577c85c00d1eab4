//! An operator that stands still for longer than its Lease holds, as on a machine that is paused or
//! has no memory left, and then continues with what it had in hand.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::{Api, ResourceExt as _};
use mysql_async::Conn;
use orrery_e2e::lab::Lab;
use orrery_e2e::own::{Own, objects};
use orrery_e2e::{Archive, NAMESPACE, TIMEOUT, eventually, rows, session};
use serde_json::Value;

/// Seconds for which the catalog is watched after the sleeper woke.
const WATCHED: u64 = 20;

/// The operator's process in its pod.
struct Process<'a> {
    lab: &'a Lab,
    pod: String,
    /// How often its container was started again before.
    restarts: i32,
}

impl<'a> Process<'a> {
    /// The process that leads.
    async fn leader(lab: &'a Lab, archive: &Archive) -> Result<Self> {
        let holder = leader(archive).await?;
        let pods = archive.ready_pods("operator").await?;
        let pod = pods.iter().find(|pod| holder.starts_with(&pod.name_any()));
        let pod = pod.context("the leader is no ready pod")?;
        Ok(Self {
            lab,
            pod: pod.name_any(),
            restarts: container(pod)?.restart_count,
        })
    }

    async fn signal(&self, signal: &str) -> Result<()> {
        let reached = self
            .lab
            .signal(&self.pod, "^orrery-operator", signal)
            .await?;
        ensure!(
            reached == 1,
            "{signal} reached {reached} processes of {}",
            self.pod
        );
        Ok(())
    }

    /// How this process ended, once it has.
    async fn end(&self, archive: &Archive) -> Result<ContainerStateTerminated> {
        eventually("the sleeper's end", async || {
            let container = container(&archive.pods().get(&self.pod).await?)?;
            let last = container.last_state.and_then(|state| state.terminated);
            Ok(last.filter(|_| container.restart_count > self.restarts))
        })
        .await
    }
}

/// The operator's container in its pod.
fn container(pod: &Pod) -> Result<ContainerStatus> {
    let status = pod.status.as_ref();
    let mut containers = status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    containers
        .next()
        .cloned()
        .context("the pod has no container")
}

async fn leader(archive: &Archive) -> Result<String> {
    let leases: Api<Lease> = Api::namespaced(archive.client.clone(), NAMESPACE);
    let spec = leases.get("orrery-operator").await?.spec;
    spec.and_then(|spec| spec.holder_identity)
        .context("there is no leader")
}

/// The numbers of the catalog's root that must never fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    term: u64,
    data: u64,
    placement: u64,
}

impl Numbers {
    async fn read(archive: &Archive) -> Result<Self> {
        let root = archive.kind("ChunkMap").get("root").await?;
        let root: &Value = &root.data["spec"]["root"];
        let number = |field: &str| {
            root[field]
                .as_u64()
                .with_context(|| format!("no {field} in {root}"))
        };
        Ok(Self {
            term: number("term")?,
            data: number("dataEpoch")?,
            placement: number("placementEpoch")?,
        })
    }

    fn none_below(self, other: Self) -> bool {
        self.term >= other.term && self.data >= other.data && self.placement >= other.placement
    }
}

/// Number and sum of the rows, read from the rows and not from sealed counts.
async fn total(session: &mut Conn, database: &str) -> Result<(u64, Option<u64>)> {
    let sql = format!("SELECT COUNT(id), CAST(SUM(v) AS UNSIGNED) FROM {database}.Object");
    let found: Vec<(u64, Option<u64>)> = rows(session, &sql).await?;
    found.first().copied().context("no row")
}

fn sum(from: u64, until: u64) -> (u64, Option<u64>) {
    (until - from, Some((from..until).sum()))
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn an_operator_that_slept_through_a_publish_rolls_nothing_back() -> Result<()> {
    let Some(lab) = Lab::here() else {
        return Ok(());
    };
    let own = Own::new("slept").await?;
    let (archive, database) = (&own.archive, own.database());
    archive.await_ready("operator", 2).await?;
    own.director().await?;
    let status = own.ingest("early", "Object", 0, &objects(0, 100)).await?;
    ensure!(status["phase"] == "Visible", "{status}");

    // Few rows, because the kubelet ends what has not answered its probes for a minute.
    own.file("late", &objects(100, 300)).await?;
    own.declare("late", "Object", 0, false).await?;
    own.status_when("late", TIMEOUT, |status| {
        matches!(status["phase"].as_str(), Some("Load" | "Seal" | "Verify"))
    })
    .await?;
    let (holder, sleeper) = (
        leader(archive).await?,
        Process::leader(&lab, archive).await?,
    );
    sleeper.signal("STOP").await?;
    let asleep = Numbers::read(archive).await?;

    // The standby publishes one ingest and takes the other back.
    let work = async {
        let status = own.ended("late", TIMEOUT).await?;
        ensure!(status["phase"] == "Visible", "{status}");
        own.set_revoked("early", "Object", 0, true).await?;
        ensure!(leader(archive).await? != holder, "the sleeper leads");
        Numbers::read(archive).await
    }
    .await;
    sleeper.signal("CONT").await?;
    let published = work?;
    assert!(published.term > asleep.term, "{asleep:?} → {published:?}");
    assert!(
        published.data > asleep.data + 1,
        "{asleep:?} → {published:?}"
    );

    // Whatever the sleeper had in hand it does now, and here is something that any leader would
    // write into the catalog.
    own.child().await?;
    let mut session = session().await?;
    let mut highest = published;
    for _ in 0..WATCHED {
        let now = Numbers::read(archive).await?;
        assert!(now.none_below(highest), "{now:?} after {highest:?}");
        assert_eq!(total(&mut session, &database).await?, sum(100, 300));
        highest = now;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_ne!(
        leader(archive).await?,
        holder,
        "the sleeper leads again although a leader lives"
    );

    // It woke, and then ended by itself: had the kubelet ended it in its sleep, nothing was tested.
    let end = sleeper.end(archive).await?;
    assert_eq!((end.exit_code, end.signal), (1, None), "{end:?}");
    archive.await_ready("operator", 2).await?;
    own.set_revoked("early", "Object", 0, false).await?;
    eventually("the early rows to be back", async || {
        Ok((total(&mut self::session().await?, &database).await? == sum(0, 300)).then_some(()))
    })
    .await?;
    own.remove().await
}
