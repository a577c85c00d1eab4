//! Pods of the archive: which there are, where they run, a connection to one of them, the end of
//! one.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt as _};
use orrery_archive::names::physical_database;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::{Archive, NAMESPACE, eventually, kubectl};

impl Archive {
    /// The namespace's pods.
    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// Pods of a component, ready or not, by name.
    pub async fn pods_of(&self, component: &str) -> Result<Vec<Pod>> {
        let of_component =
            ListParams::default().labels(&format!("app.kubernetes.io/component={component}"));
        let mut pods = self.pods().list(&of_component).await?.items;
        pods.sort_by_key(kube::ResourceExt::name_any);
        Ok(pods)
    }

    /// Pods of a component that are ready, by name.
    pub async fn ready_pods(&self, component: &str) -> Result<Vec<Pod>> {
        let mut pods = self.pods_of(component).await?;
        pods.retain(is_ready);
        Ok(pods)
    }

    /// Waits until a component has that many ready pods and no others.
    pub async fn await_ready(&self, component: &str, count: usize) -> Result<Vec<Pod>> {
        eventually(&format!("{count} ready pods of {component}"), async || {
            let pods = self.pods_of(component).await?;
            Ok((pods.len() == count && pods.iter().all(is_ready)).then_some(pods))
        })
        .await
    }

    /// The database in which workers keep the table that a `ChunkedTable` declares now.
    pub async fn physical_database(&self, object: &str) -> Result<String> {
        let table = self.kind("ChunkedTable").get(object).await?;
        let incarnation = table.data["status"]["incarnation"].as_u64();
        let database = table.data["spec"]["database"]
            .as_str()
            .context("no database")?;
        Ok(physical_database(
            database,
            incarnation.context("no incarnation")?,
        ))
    }

    /// Pods of the workers that have a physical database on their disks. Each worker answers: on a
    /// busy machine one may be unready for a moment, and it holds rows all the same.
    pub async fn holders(&self, database: &str) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{database}'"
        );
        let mut holders = Vec::new();
        for pod in self.pods_of("worker").await? {
            let name = pod.name_any();
            let found = eventually(&format!("an answer of {name}"), async || {
                on_worker(&name, &sql).await.map(Some)
            })
            .await?;
            if found.trim() != "0" {
                holders.push(name);
            }
        }
        Ok(holders)
    }

    /// Ends a pod at once, without asking it to finish.
    pub async fn kill_pod(&self, pod: &Pod) -> Result<()> {
        self.pods()
            .delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
            .await?;
        Ok(())
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|all| {
        all.iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    ready && pod.metadata.deletion_timestamp.is_none()
}

/// Asks a worker's own mysqld, past all of Orrery; rows as lines, columns by tabs.
pub async fn on_worker(pod: &str, sql: &str) -> Result<String> {
    kubectl(&[
        "exec",
        pod,
        "--container",
        "mysqld",
        "--",
        "mariadb",
        "--socket=/run/mysqld/mysqld.sock",
        "--batch",
        "--skip-column-names",
        "--execute",
        sql,
    ])
    .await
}

/// Name of the node a pod runs on.
pub fn node_of(pod: &Pod) -> Result<String> {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    node.with_context(|| format!("pod {} is on no node", pod.name_any()))
}

/// A port of this machine that leads to one pod; gone when dropped.
pub struct Forward {
    /// The port on 127.0.0.1.
    pub port: u16,
    _kubectl: Child,
}

impl Forward {
    /// Opens a way to `port` of a pod.
    pub async fn open(pod: &Pod, port: u16) -> Result<Self> {
        let mut kubectl = Command::new("kubectl")
            .args([
                "--namespace",
                NAMESPACE,
                "port-forward",
                "--address",
                "127.0.0.1",
            ])
            .arg(format!("pod/{}", pod.name_any()))
            .arg(format!(":{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .context("kubectl")?;
        let mut lines = BufReader::new(kubectl.stdout.take().context("no pipe")?).lines();
        let first = tokio::time::timeout(Duration::from_secs(30), lines.next_line())
            .await
            .context("kubectl port-forward says nothing")??;
        let port = first.as_deref().and_then(local_port);
        // Whoever does not read on would stop kubectl at its next line.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        match port {
            Some(port) => Ok(Self {
                port,
                _kubectl: kubectl,
            }),
            None => bail!("kubectl port-forward printed {first:?}"),
        }
    }
}

/// The port in "Forwarding from 127.0.0.1:40123 -> 4040".
fn local_port(line: &str) -> Option<u16> {
    let (address, _) = line.strip_prefix("Forwarding from ")?.split_once(" -> ")?;
    address.rsplit(':').next()?.parse().ok()
}
