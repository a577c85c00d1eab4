//! A real S3 server in a pod of the cluster, which ingests reach at the pod's address.

use std::path::Path;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::files::{pod, worker_image, write_to};
use crate::{Archive, NAMESPACE, eventually};

/// Name of the pod, and of the Secret with its keys.
const NAME: &str = "e2e-bucket";
const BUCKET: &str = "sky";
const PORT: u16 = 9000;
const KEY: &str = "AKIDORRERY";
const SECRET: &str = "a secret / with + signs";
/// Where the program and the buckets are in the pod.
const PROGRAM: &str = "/bucket/serve";
const FOLDER: &str = "/bucket/objects";

/// An S3 server with one bucket; it ends with [`Self::remove`].
pub struct Bucket {
    pods: Api<Pod>,
    secrets: Api<Secret>,
    endpoint: String,
}

impl Bucket {
    /// Runs `program`, this package's `e2e-bucket`, in a pod, in place of what an earlier run left.
    pub async fn open(archive: &Archive, program: &Path) -> Result<Self> {
        let mut bucket = Self {
            pods: archive.pods(),
            secrets: Api::namespaced(archive.client.clone(), NAMESPACE),
            endpoint: String::new(),
        };
        bucket.remove().await?;
        let manager = PatchParams::apply("orrery-e2e").force();
        let keys = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": NAME },
            "stringData": { "accessKeyId": KEY, "secretAccessKey": SECRET },
        });
        bucket
            .secrets
            .patch(NAME, &manager, &Patch::Apply(keys))
            .await?;
        let server = server(&worker_image(&bucket.pods).await?);
        bucket
            .pods
            .patch(NAME, &manager, &Patch::Apply(server))
            .await?;
        bucket
            .address(|status| status["phase"] == "Running")
            .await?;
        write_to(NAME, &format!("{FOLDER}/{BUCKET}/.keep"), b"").await?;
        write_to(NAME, PROGRAM, &std::fs::read(program)?).await?;
        let address = bucket.address(is_ready).await?;
        bucket.endpoint = format!("http://{address}:{PORT}");
        Ok(bucket)
    }

    /// The pod's address once its status is as wanted.
    async fn address(&self, wanted: impl Fn(&Value) -> bool) -> Result<String> {
        eventually("the pod of the bucket", async || {
            let status = self.pods.get(NAME).await?.status;
            let status = serde_json::to_value(status.context("no status")?)?;
            let address = status["podIP"].as_str().map(str::to_owned);
            Ok(address.filter(|_| wanted(&status)))
        })
        .await
    }

    /// Puts an object; its key has letters, digits, `/`, `-` and `.` alone.
    pub async fn put(&self, key: &str, content: &[u8]) -> Result<()> {
        write_to(NAME, &format!("{FOLDER}/{BUCKET}/{key}"), content).await
    }

    /// The source of an Ingest for the objects that fit `key`, with the Secret of this name.
    pub fn source(&self, key: &str, secret: &str) -> Value {
        json!({ "s3": {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "bucket": BUCKET,
            "key": key,
            "secretRef": { "name": secret },
        } })
    }

    /// The Secret with its keys.
    pub const fn secret() -> &'static str {
        NAME
    }

    /// Ends the server.
    pub async fn remove(&self) -> Result<()> {
        let at_once = DeleteParams::default().grace_period(0);
        unless_gone(self.pods.delete(NAME, &at_once).await)?;
        unless_gone(self.secrets.delete(NAME, &DeleteParams::default()).await)?;
        eventually("the pod of the bucket to be gone", async || {
            Ok(self.pods.get_opt(NAME).await?.is_none().then_some(()))
        })
        .await
    }
}

fn unless_gone<T>(deleted: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match deleted {
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

fn is_ready(status: &Value) -> bool {
    crate::condition(status, "Ready").is_some_and(|ready| ready["status"] == "True")
}

fn server(image: &str) -> Value {
    let serve = format!(
        "until [ -x {PROGRAM} ]; do sleep 0.2; done; exec {PROGRAM} {PORT} {FOLDER} '{KEY}' '{SECRET}'"
    );
    let container = json!({
        "name": "bucket",
        "command": ["sh", "-c", serve],
        "readinessProbe": { "tcpSocket": { "port": PORT }, "periodSeconds": 1 },
        "volumeMounts": [{ "name": "bucket", "mountPath": "/bucket" }],
    });
    pod(
        NAME,
        image,
        container,
        &json!({ "name": "bucket", "emptyDir": {} }),
    )
}
