//! Makes objects as wanted, with a comparison before each write: one that is as wanted costs none.
//!
//! Every object we make carries the hash of what was wanted ([`HASH_ANNOTATION`]). A live object
//! that differs although its hash is the wanted one was edited by hand, which is put right and
//! reported. An object that is wholly ours is replaced, so that what somebody added goes, and what
//! we do not want any more; of one that users share only our fields are applied.
//!
//! An object that was absent is created, and a live one is only ever written under the
//! resourceVersion that it was compared at: a process that was paused in between, and leads no more,
//! writes nothing over what its successor wrote.

pub mod drift;

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Patch;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::field_manager;

/// Annotation with the hash of the object as last applied.
pub const HASH_ANNOTATION: &str = "orrery.dev/applied";

/// Why an object was not applied.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The API server refused or did not answer.
    #[error("{kind} {name}: {source}")]
    Api {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The object cannot be written as JSON, or its JSON is not of its kind.
    #[error("{kind} {name} has no JSON form: {source}")]
    Json {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Why not.
        source: serde_json::Error,
    },
}

/// Whether others may own fields of the object's spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Every field is ours; additions are taken away.
    Whole,
    /// Users own some fields, such as `Worker.spec.desired`.
    Shared,
}

/// What an apply did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object was as wanted; nothing was written.
    Unchanged,
    /// It was missing.
    Created,
    /// What we want has changed.
    Updated,
    /// Somebody had edited these fields.
    Reverted(Vec<String>),
}

/// Makes the live object as wanted, writing only when it differs.
pub async fn apply<K>(
    api: &Api<K>,
    live: Option<&K>,
    wanted: &K,
    ownership: Ownership,
) -> Result<Change, ApplyError>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    let Some(live) = live else {
        create(api, wanted).await?;
        return Ok(Change::Created);
    };
    let Difference {
        wanted: stamped,
        change,
    } = difference(live, wanted, ownership)?;
    if change != Change::Unchanged {
        match ownership {
            Ownership::Whole => replace(api, live, typed(wanted, stamped)?).await?,
            Ownership::Shared => write(api, wanted, &at_version(stamped, live.meta())).await?,
        }
    }
    Ok(change)
}

/// The JSON of an object as an object.
fn typed<K>(wanted: &K, stamped: Value) -> Result<K, ApplyError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    serde_json::from_value(stamped).map_err(json_error(wanted))
}

/// What [`apply`] would find, without writing.
pub fn compare<K>(live: &K, wanted: &K, ownership: Ownership) -> Result<Change, ApplyError>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    Ok(difference(live, wanted, ownership)?.change)
}

/// How a live object differs from the wanted one.
struct Difference {
    /// The wanted object with its hash.
    wanted: Value,
    change: Change,
}

fn difference<K>(live: &K, wanted: &K, ownership: Ownership) -> Result<Difference, ApplyError>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let stamped = stamped(wanted)?;
    let live_json = serde_json::to_value(live).map_err(json_error(live))?;
    let differing = drift::differences(&stamped, &live_json);
    let added = match ownership {
        Ownership::Whole => drift::additions(
            &stamped,
            &live_json,
            live.managed_fields(),
            field_manager::NAME,
        ),
        Ownership::Shared => Vec::new(),
    };
    Ok(Difference {
        change: classify(&stamped, &live_json, &differing, &added),
        wanted: stamped,
    })
}

fn stamped<K>(wanted: &K) -> Result<Value, ApplyError>
where
    K: Resource<DynamicType = ()> + Serialize,
{
    serde_json::to_value(wanted)
        .map(stamp)
        .map_err(json_error(wanted))
}

fn json_error<K: Resource<DynamicType = ()>>(
    object: &K,
) -> impl Fn(serde_json::Error) -> ApplyError {
    let (kind, name) = (K::kind(&()).into_owned(), object.name_any());
    move |source| ApplyError::Json {
        kind: kind.clone(),
        name: name.clone(),
        source,
    }
}

/// What to call the differences found.
fn classify(stamped: &Value, live: &Value, differing: &[String], added: &[String]) -> Change {
    if differing.is_empty() && added.is_empty() {
        Change::Unchanged
    } else if hash_of(live).is_some_and(|hash| hash_of(stamped) != Some(hash)) {
        Change::Updated
    } else {
        Change::Reverted(differing.iter().chain(added).cloned().collect())
    }
}

fn hash_of(object: &Value) -> Option<&str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(HASH_ANNOTATION)?
        .as_str()
}

/// The object with the hash of its content as an annotation.
fn stamp(mut object: Value) -> Value {
    // Fields come in the order of their declaration or of their keys, so equal objects have equal
    // texts.
    let hash = hex::encode(Sha256::digest(object.to_string()));
    let metadata = object
        .as_object_mut()
        .and_then(|object| object.get_mut("metadata"))
        .and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        let annotations = metadata
            .entry("annotations")
            .or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(
                HASH_ANNOTATION.into(),
                hash.chars().take(16).collect::<String>().into(),
            );
        }
    }
    object
}

fn api_error<K: Resource<DynamicType = ()>>(object: &K) -> impl Fn(kube::Error) -> ApplyError {
    let (kind, name) = (K::kind(&()).into_owned(), object.name_any());
    move |source| ApplyError::Api {
        kind: kind.clone(),
        name: name.clone(),
        source,
    }
}

/// The wanted object, to be applied to the live one at this version and to no other.
fn at_version(mut stamped: Value, live: &ObjectMeta) -> Value {
    if let Some(version) = &live.resource_version {
        stamped["metadata"]["resourceVersion"] = version.clone().into();
    }
    stamped
}

/// Makes an object that was absent. A server-side apply would be written over one that somebody made
/// meanwhile.
async fn create<K>(api: &Api<K>, wanted: &K) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    let object = typed(wanted, stamped(wanted)?)?;
    api.create(&field_manager::post(), &object)
        .await
        .map(drop)
        .map_err(api_error(wanted))
}

/// Applies our fields of an object that others have fields of too.
async fn write<K>(api: &Api<K>, wanted: &K, stamped: &Value) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug,
{
    api.patch(
        &wanted.name_any(),
        &field_manager::apply(),
        &Patch::Apply(stamped),
    )
    .await
    .map(drop)
    .map_err(api_error(wanted))
}

/// Writes the wanted object over the live one, keeping only the metadata that others own.
async fn replace<K>(api: &Api<K>, live: &K, mut wanted: K) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    let kept = live.meta();
    let others = |texts: &Option<Texts>, field| {
        let ours = drift::written(live.managed_fields(), field_manager::NAME, field);
        let mut texts = texts.clone().unwrap_or_default();
        texts.retain(|key, _| !ours.contains(key.as_str()));
        texts
    };
    let own = wanted.meta_mut();
    *own = ObjectMeta {
        resource_version: kept.resource_version.clone(),
        uid: kept.uid.clone(),
        finalizers: kept.finalizers.clone(),
        labels: Some(merged(others(&kept.labels, "labels"), own.labels.take())),
        annotations: Some(merged(
            others(&kept.annotations, "annotations"),
            own.annotations.take(),
        )),
        ..std::mem::take(own)
    };
    api.replace(&live.name_any(), &field_manager::post(), &wanted)
        .await
        .map(drop)
        .map_err(api_error(live))
}

type Texts = std::collections::BTreeMap<String, String>;

fn merged(mut kept: Texts, own: Option<Texts>) -> Texts {
    kept.extend(own.into_iter().flatten());
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Change, classify, stamp};

    #[test]
    fn a_difference_under_the_same_hash_is_a_hand_edit() {
        let wanted = stamp(json!({"metadata": {"name": "a"}, "spec": {"x": 1}}));
        let mut live = wanted.clone();
        assert_eq!(classify(&wanted, &live, &[], &[]), Change::Unchanged);
        live["spec"]["x"] = json!(2);
        let paths = vec!["spec.x".to_owned()];
        assert_eq!(
            classify(&wanted, &live, &paths, &[]),
            Change::Reverted(paths.clone())
        );
    }

    #[test]
    fn a_difference_under_another_hash_is_our_own_update() {
        let before = stamp(json!({"metadata": {"name": "a"}, "spec": {"x": 1}}));
        let wanted = stamp(json!({"metadata": {"name": "a"}, "spec": {"x": 2}}));
        assert_eq!(
            classify(&wanted, &before, &["spec.x".into()], &[]),
            Change::Updated
        );
    }

    #[test]
    fn equal_objects_have_equal_hashes() {
        let object = json!({"metadata": {"name": "a"}, "spec": {"b": 1, "a": 2}});
        assert_eq!(stamp(object.clone()), stamp(object));
    }
}
