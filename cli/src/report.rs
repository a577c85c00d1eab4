//! `kubectl orrery report`: everything that support needs to see of an archive, and no secret.
//!
//! Secrets are not read at all. Of what is read, addresses of sources are cut before what may sign
//! them, and annotations and environment are left out: they may repeat a secret.

use std::fmt::Debug;

use anyhow::Result;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use kube::api::{ListParams, LogParams};
use kube::{Api, Resource, ResourceExt as _};
use orrery_crds::kinds::{
    ChunkFamily, ChunkMap, ChunkedTable, Ingest, QueryRole, QueryUser, ReferenceTable, Worker,
    WorkerPool,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::archive::Archive;
use crate::output::{self, outln};

/// Pods of the archive.
const OURS: &str = "app.kubernetes.io/name=orrery";
/// Lines of each container's log.
const LINES: i64 = 300;

/// Prints the report. What cannot be read is said, and the rest follows.
pub async fn print(archive: &Archive) -> Result<()> {
    outln!("kubectl-orrery {}", env!("CARGO_PKG_VERSION"))?;
    match archive.client.apiserver_version().await {
        Ok(version) => outln!("Kubernetes {}", version.git_version)?,
        Err(error) => outln!("Kubernetes: {error}")?,
    }
    objects::<WorkerPool>(archive, "").await?;
    objects::<Worker>(archive, "").await?;
    objects::<ChunkFamily>(archive, "").await?;
    objects::<ChunkedTable>(archive, "").await?;
    objects::<ReferenceTable>(archive, "").await?;
    objects::<Ingest>(archive, "").await?;
    objects::<QueryUser>(archive, "").await?;
    objects::<QueryRole>(archive, "").await?;
    objects::<ChunkMap>(archive, "").await?;
    objects::<Deployment>(archive, OURS).await?;
    objects::<StatefulSet>(archive, OURS).await?;
    objects::<Job>(archive, OURS).await?;
    objects::<PersistentVolumeClaim>(archive, "").await?;
    objects::<Lease>(archive, "").await?;
    objects::<Event>(archive, "").await?;
    logs(archive).await
}

async fn objects<K>(archive: &Archive, labels: &str) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Serialize
        + Clone
        + Debug,
{
    let api: Api<K> = Api::namespaced(archive.client.clone(), &archive.namespace);
    outln!("\n==== {}", K::plural(&()))?;
    match api.list(&ListParams::default().labels(labels)).await {
        Ok(listed) => {
            for object in listed.items {
                let text = serde_json::to_string(&shown(serde_json::to_value(object)?))?;
                outln!("{text}")?;
            }
        }
        Err(error) => outln!("cannot be read: {error}")?,
    }
    Ok(())
}

async fn logs(archive: &Archive) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(archive.client.clone(), &archive.namespace);
    outln!("\n==== pods")?;
    let listed = match pods.list(&ListParams::default().labels(OURS)).await {
        Ok(listed) => listed.items,
        Err(error) => return Ok(outln!("cannot be read: {error}")?),
    };
    for pod in &listed {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        let pod = json!({"name": pod.name_any(), "node": node, "labels": pod.labels(), "status": pod.status});
        outln!("{pod}")?;
    }
    for pod in &listed {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        for container in containers {
            log(&pods, &pod.name_any(), &container.name).await?;
        }
    }
    Ok(())
}

async fn log(pods: &Api<Pod>, pod: &str, container: &str) -> Result<()> {
    outln!("\n==== log of {pod}, {container}")?;
    let parameters = LogParams {
        container: Some(container.to_owned()),
        tail_lines: Some(LINES),
        ..LogParams::default()
    };
    match pods.logs(pod, &parameters).await {
        Ok(text) => output::write(format_args!("{text}"))?,
        Err(error) => outln!("cannot be read: {error}")?,
    }
    Ok(())
}

/// What the report shows of an object.
fn shown(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        metadata.remove("annotations");
    }
    without_secrets(&mut object);
    object
}

/// Leaves out what may hold a secret, wherever it is: the environment of containers and what signs
/// an address.
fn without_secrets(value: &mut Value) {
    match value {
        Value::Object(fields) => fields_without_secrets(fields),
        Value::Array(items) => items.iter_mut().for_each(without_secrets),
        Value::String(text) => {
            if let Some(cut) = unsigned(text) {
                *text = cut;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn fields_without_secrets(fields: &mut Map<String, Value>) {
    for hidden in ["env", "envFrom", "args", "command"] {
        fields.remove(hidden);
    }
    fields.values_mut().for_each(without_secrets);
}

/// A text whose addresses have neither a user nor a query; `None` when it has no address. Addresses
/// end at white space.
fn unsigned(text: &str) -> Option<String> {
    let is_address = |word: &str| word.contains("://");
    if !is_address(text) {
        return None;
    }
    let words = text.split_inclusive(char::is_whitespace);
    let cut = words.map(|word| {
        let Some((scheme, rest)) = word.split_once("://") else {
            return word.to_owned();
        };
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (place, query) = rest.split_at(end);
        let (server, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
        let query = if query.is_empty() { "" } else { "?…" };
        let ends_a_word = word.ends_with(char::is_whitespace) && !query.is_empty();
        let space = if ends_a_word { " " } else { "" };
        format!("{scheme}://{server}{path}{query}{space}")
    });
    Some(cut.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_signs_an_address_is_left_out_wherever_it_is() {
        for (text, expected) in [
            (
                "https://b/c.csv?X-Amz-Signature=s3cret",
                "https://b/c.csv?…",
            ),
            ("https://me:s3cret@b/c.csv", "https://b/c.csv"),
            ("https://me:s3cret@b?t=s3cret", "https://b?…"),
            (
                "SourceMissing: https://b/c.csv?sig=s3cret answers 403",
                "SourceMissing: https://b/c.csv?… answers 403",
            ),
            (
                "a https://b/c and http://x:s3cret@y/z d",
                "a https://b/c and http://y/z d",
            ),
        ] {
            assert_eq!(unsigned(text).as_deref(), Some(expected));
        }
        assert_eq!(unsigned("16 of 16 chunks"), None);
    }

    #[test]
    fn no_secret_of_an_object_is_in_the_report() {
        let object = json!({
            "metadata": {
                "name": "i",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "s3cret"},
                "managedFields": [],
            },
            "spec": {
                "sources": [{"url": "https://b/c.csv?sig=s3cret"}, {"s3": {"secretRef": {"name": "keys"}}}],
                "template": {"spec": {"containers": [{"name": "c", "env": [{"value": "s3cret"}], "args": ["s3cret"]}]}},
            },
            "status": {"message": "cannot read https://u:s3cret@b/c.csv now"},
        });
        let text = shown(object).to_string();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(
            text.contains("https://b/c.csv") && text.contains("keys"),
            "{text}"
        );
    }
}
