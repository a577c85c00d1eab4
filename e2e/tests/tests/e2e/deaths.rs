//! Any one pod dies while statements run: no wrong answer, and no error at a proxy that lives.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use anyhow::{Context as _, Result};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, Row};
use orrery_e2e::pods::Forward;
use orrery_e2e::questions::{Questions, STATEMENTS};
use orrery_e2e::{Archive, NAMESPACE, login};
use tokio::sync::Mutex;

/// One death at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The operator that leads, and of other kinds any pod but the one that is asked.
async fn victim(archive: &Archive, component: &str, asked: &Pod) -> Result<Pod> {
    let pods = archive.ready_pods(component).await?;
    if component != "operator" {
        let other = |pod: &Pod| pod.name_any() != asked.name_any();
        return pods
            .into_iter()
            .find(other)
            .context("no other pod is ready");
    }
    let leases: Api<Lease> = Api::namespaced(archive.client.clone(), NAMESPACE);
    let spec = leases.get("orrery-operator").await?.spec;
    let holder = spec
        .and_then(|spec| spec.holder_identity)
        .context("there is no leader")?;
    let leads = |pod: &Pod| holder.starts_with(&pod.name_any());
    pods.into_iter()
        .find(leads)
        .with_context(|| format!("{holder} leads, and is no pod that is ready"))
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_pod_of_any_kind_deleted_changes_no_answer_and_breaks_no_statement() -> Result<()> {
    let _alone = ALONE.lock().await;
    let archive = Archive::demo().await?;
    let asked = archive
        .ready_pods("proxy")
        .await?
        .into_iter()
        .next()
        .context("no proxy")?;
    let forward = Forward::open(&asked, 4040).await?;
    let way = login()?.ip_or_hostname("127.0.0.1").tcp_port(forward.port);
    let mut session = Conn::new(Opts::from(way.clone())).await?;
    let questions = Questions::learn(&mut session, STATEMENTS).await?;
    let asking = questions.keep_asking(way, 4).await?;
    // At once, as when a node dies, and politely, as in a roll-out.
    for at_once in [true, false] {
        for component in ["operator", "czar", "proxy", "worker"] {
            let ready = archive.ready_pods(component).await?.len();
            let victim = victim(&archive, component, &asked).await?;
            if at_once {
                archive.kill_pod(&victim).await?;
            } else {
                archive
                    .pods()
                    .delete(&victim.name_any(), &DeleteParams::default())
                    .await?;
            }
            asking.rounds(6).await?;
            archive.await_ready(component, ready).await?;
            asking.rounds(2).await?;
        }
    }
    asking.stop().await?;
    Ok(())
}

/// Number of rows and a sum of their hashes that does not depend on their order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Digest {
    rows: u64,
    sum: u64,
}

impl Digest {
    fn add(&mut self, row: Row) {
        let mut hasher = DefaultHasher::new();
        for cell in row.unwrap() {
            cell.as_sql(true).hash(&mut hasher);
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

#[tokio::test]
#[ignore = "needs the demo"]
async fn a_worker_that_dies_in_the_middle_of_a_select_star_changes_no_row() -> Result<()> {
    const STATEMENT: &str = "SELECT * FROM sky.Source";
    let _alone = ALONE.lock().await;
    let archive = Archive::demo().await?;
    let workers = archive.ready_pods("worker").await?;
    let mut session = Conn::new(Opts::from(login()?)).await?;
    let mut right = Digest::default();
    session
        .query_iter(STATEMENT)
        .await?
        .for_each_and_drop(|row| right.add(row))
        .await?;

    let mut found = Digest::default();
    let mut rows = session.query_iter(STATEMENT).await?;
    for _ in 0..1000 {
        found.add(rows.next().await?.context("no rows")?);
    }
    let victim = workers.last().context("no worker")?;
    archive.kill_pod(victim).await?;
    while let Some(row) = rows.next().await? {
        found.add(row);
    }
    drop(rows);
    assert_eq!(found, right);
    archive.await_ready("worker", workers.len()).await?;
    Ok(())
}
