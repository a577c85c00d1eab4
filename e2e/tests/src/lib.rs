//! What the end-to-end tests share: the archive under test, its proxy, and the sample sky as plain
//! rows.
//!
//! The tests take any cluster that `KUBECONFIG` names and that runs the demo (`make demo`);
//! `ORRERY_HOST`, `ORRERY_PORT`, `ORRERY_USER` and `ORRERY_PASSWORD` say where its proxy is
//! (`make -s env`). They are ignored by a plain `cargo test`, which has no cluster; `e2e/tests/run`
//! runs them.

pub mod bucket;
pub mod files;
pub mod lab;
pub mod own;
pub mod pods;
pub mod questions;
pub mod sky;
pub mod workers;

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use mysql_async::prelude::{FromRow, Queryable as _};
use mysql_async::{Conn, Opts, OptsBuilder};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Namespace of the demo's archive.
pub const NAMESPACE: &str = "orrery";
/// How long a thing that takes seconds may take on a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(180);

/// The archive under test.
#[derive(Clone)]
pub struct Archive {
    /// The cluster.
    pub client: Client,
}

impl Archive {
    /// The archive of the demo.
    pub async fn demo() -> Result<Self> {
        orrery_shell::install_crypto();
        let client = Client::try_default().await.context("no cluster")?;
        Ok(Self { client })
    }

    /// Objects of one of Orrery's kinds.
    pub fn kind(&self, kind: &str) -> Api<DynamicObject> {
        let version = GroupVersionKind::gvk("orrery.dev", "v1alpha1", kind);
        let plural = match kind {
            "ChunkFamily" => "chunkfamilies".to_owned(),
            other => format!("{}s", other.to_lowercase()),
        };
        let resource = ApiResource::from_gvk_with_plural(&version, &plural);
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource)
    }

    /// Applies an object of one of Orrery's kinds.
    pub async fn apply(
        &self,
        kind: &str,
        name: &str,
        spec: Value,
    ) -> Result<DynamicObject, kube::Error> {
        let object = json!({
            "apiVersion": "orrery.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": spec,
        });
        let manager = PatchParams::apply("orrery-e2e").force();
        self.kind(kind)
            .patch(name, &manager, &Patch::Apply(object))
            .await
    }

    /// Deletes an object if it is there, and waits until it is gone.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        match self.kind(kind).delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(answer)) if answer.code == 404 => return Ok(()),
            other => drop(other?),
        }
        eventually(&format!("{kind} {name} to be gone"), || async {
            Ok(self.kind(kind).get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }

    /// The object's status once it satisfies `wanted`.
    pub async fn status_when(
        &self,
        kind: &str,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let what = format!("{kind} {name}");
        eventually(&what, || async {
            let object = self.kind(kind).get(name).await?;
            let status = object.data.get("status").cloned().unwrap_or_default();
            Ok(wanted(&status).then_some(status))
        })
        .await
    }

    /// Reason and message of the object's condition `Accepted` once it is `False` for the present
    /// generation.
    pub async fn refusal(&self, kind: &str, name: &str) -> Result<(String, String)> {
        let status = self
            .status_when(kind, name, |status| {
                condition(status, "Accepted").is_some_and(|accepted| accepted["status"] == "False")
            })
            .await?;
        let accepted = condition(&status, "Accepted").context("no condition Accepted")?;
        let text = |field: &str| accepted[field].as_str().unwrap_or_default().to_owned();
        Ok((text("reason"), text("message")))
    }

    /// The status of an ingest that has ended, well or badly.
    pub async fn ended(&self, ingest: &str) -> Result<Value> {
        self.status_when("Ingest", ingest, |status| {
            matches!(status["phase"].as_str(), Some("Visible" | "Failed"))
        })
        .await
    }
}

/// A condition of a status.
pub fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Tries until there is an answer; the last error is reported when the time is over.
pub async fn eventually<T>(what: &str, attempt: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    eventually_within(TIMEOUT, what, attempt).await
}

/// The same with a timeout of its own.
pub async fn eventually_within<T>(
    timeout: Duration,
    what: &str,
    attempt: impl AsyncFn() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + timeout;
    loop {
        match attempt().await {
            Ok(Some(value)) => return Ok(value),
            other if Instant::now() >= end => {
                let why = other
                    .err()
                    .map(|error| format!(": {error:#}"))
                    .unwrap_or_default();
                bail!(
                    "waited {} s for {what}, which did not come{why}",
                    timeout.as_secs()
                );
            }
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// The value of an environment variable that `make -s env` sets.
pub fn setting(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; see make -s env"))
}

/// Address of the proxy.
pub fn proxy() -> Result<(String, u16)> {
    Ok((setting("ORRERY_HOST")?, setting("ORRERY_PORT")?.parse()?))
}

/// How to log in at the proxy as the demo's user.
pub fn login() -> Result<OptsBuilder> {
    let (host, port) = proxy()?;
    Ok(OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .user(Some(setting("ORRERY_USER")?))
        .pass(Some(setting("ORRERY_PASSWORD")?))
        .max_allowed_packet(Some(1 << 30))
        .prefer_socket(false))
}

/// A session of the demo's user.
pub async fn session() -> Result<Conn> {
    Conn::new(Opts::from(login()?))
        .await
        .context("no session at the proxy")
}

/// All rows of a statement's answer.
pub async fn rows<T: FromRow + Send + 'static>(session: &mut Conn, sql: &str) -> Result<Vec<T>> {
    session
        .query(sql)
        .await
        .with_context(|| sql.chars().take(200).collect::<String>())
}

/// Code and message of the server's error for a statement that must fail.
pub async fn error_of(session: &mut Conn, sql: &str) -> Result<(u16, String)> {
    match session.query_drop(sql).await {
        Err(mysql_async::Error::Server(error)) => Ok((error.code, error.message)),
        Err(other) => Err(anyhow!(other).context("no answer of the server")),
        Ok(()) => bail!(
            "it was taken: {}",
            sql.chars().take(200).collect::<String>()
        ),
    }
}

/// What kubectl prints in the archive's namespace.
pub async fn kubectl(arguments: &[&str]) -> Result<String> {
    kubectl_with(arguments, b"").await
}

/// The same with something on its standard input.
pub async fn kubectl_with(arguments: &[&str], input: &[u8]) -> Result<String> {
    let mut process = Command::new("kubectl")
        .args(["--namespace", NAMESPACE])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("kubectl")?;
    let mut pipe = process.stdin.take().context("no pipe to kubectl")?;
    // A kubectl that reads nothing may close the pipe; its own words say why.
    let _ = pipe.write_all(input).await;
    drop(pipe);
    let output = process.wait_with_output().await?;
    if !output.status.success() {
        bail!(
            "kubectl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
