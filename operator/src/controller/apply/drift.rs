//! How a live object differs from the one we want. Pure.
//!
//! The API server fills defaults in, so the wanted object is compared as a *part* of the live one.
//! What somebody else added to it is seen in the managed fields: a field of the spec that another
//! manager owns and that we do not want.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

use crate::quantity;

/// Paths at which the live object lacks or contradicts the wanted one, in the wanted one's order.
pub fn differences(wanted: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(&mut found, "", wanted, Some(live));
    found
}

fn compare(found: &mut Vec<String>, path: &str, wanted: &Value, live: Option<&Value>) {
    match (wanted, live) {
        (Value::Null, None) => {}
        (Value::Object(wanted), None | Some(Value::Object(_))) if wanted.is_empty() => {}
        (Value::Array(wanted), None) if wanted.is_empty() => {}
        (Value::Object(wanted), Some(Value::Object(live))) => {
            for (key, value) in wanted {
                compare(found, &format!("{path}.{key}"), value, live.get(key));
            }
        }
        (Value::Array(wanted), Some(Value::Array(live))) if wanted.len() == live.len() => {
            for (index, (wanted, live)) in wanted.iter().zip(live).enumerate() {
                compare(found, &format!("{path}[{index}]"), wanted, Some(live));
            }
        }
        (Value::String(wanted), Some(Value::String(live)))
            if is_quantity(path) && quantity::same(wanted, live) => {}
        (Value::Number(wanted), Some(Value::Number(live))) if wanted.as_f64() == live.as_f64() => {}
        (wanted, Some(live)) if wanted == live => {}
        _ => found.push(path.trim_start_matches('.').to_owned()),
    }
}

/// Places where Kubernetes keeps quantities.
fn is_quantity(path: &str) -> bool {
    path.contains(".requests.") || path.contains(".limits.") || path.ends_with(".sizeLimit")
}

/// Paths of fields outside metadata and status that another manager added and `wanted` does not
/// have.
pub fn additions(
    wanted: &Value,
    live: &Value,
    managers: &[ManagedFieldsEntry],
    manager: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    let others = managers
        .iter()
        .filter(|entry| entry.manager.as_deref() != Some(manager))
        .filter(|entry| entry.subresource.as_deref().is_none_or(str::is_empty));
    for entry in others {
        let Some(Value::Object(fields)) = entry.fields_v1.as_ref().map(|fields| &fields.0) else {
            continue;
        };
        for (key, below) in fields {
            if !matches!(key.as_str(), "f:metadata" | "f:status") {
                owned(&mut found, "", key, below, (Some(wanted), Some(live)));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Names of the labels, or annotations, that `manager` wrote: `field` is the name of that field of
/// the metadata.
pub fn written<'a>(
    managers: &'a [ManagedFieldsEntry],
    manager: &str,
    field: &str,
) -> BTreeSet<&'a str> {
    let ours = managers
        .iter()
        .filter(|entry| entry.manager.as_deref() == Some(manager));
    let fields = ours.filter_map(|entry| {
        let metadata = entry.fields_v1.as_ref()?.0.get("f:metadata")?;
        metadata.get(format!("f:{field}"))?.as_object()
    });
    let names = fields.flat_map(Map::keys);
    names.filter_map(|name| name.strip_prefix("f:")).collect()
}

/// A wanted value and the live one at the same place.
type Pair<'a> = (Option<&'a Value>, Option<&'a Value>);

/// Walks one entry of a managed-field tree along the wanted and the live value.
fn owned(found: &mut Vec<String>, path: &str, key: &str, below: &Value, parents: Pair<'_>) {
    let (path, wanted) = step(path, key, parents.0);
    let Some(wanted) = wanted else {
        found.push(path.trim_start_matches('.').to_owned());
        return;
    };
    let (_, live) = step("", key, parents.1);
    let below = below.as_object().filter(|below| !below.is_empty());
    if let Some(below) = below {
        for (key, below) in below.iter().filter(|(key, _)| *key != ".") {
            owned(found, &path, key, below, (Some(wanted), live));
        }
    } else {
        // A field that is owned as a whole, such as a selector: its keys are not in the tree.
        let keys = live
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::keys);
        let added = keys.filter(|key| wanted.get(key).is_none());
        found.extend(added.map(|key| format!("{path}.{key}").trim_start_matches('.').to_owned()));
    }
}

/// The path and the wanted value one step down: `f:` is a field, `k:` a list item by its keys, `v:`
/// a list item by its value, both as JSON.
fn step<'a>(path: &str, key: &str, parent: Option<&'a Value>) -> (String, Option<&'a Value>) {
    if let Some(name) = key.strip_prefix("f:") {
        return (
            format!("{path}.{name}"),
            parent.and_then(|parent| parent.get(name)),
        );
    }
    let items = parent
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let wanted = if let Some(keys) = key.strip_prefix("k:") {
        let keys = serde_json::from_str::<Map<String, Value>>(keys).ok();
        keys.and_then(|keys| {
            let has_all = |item: &&Value| keys.iter().all(|(name, value)| has(item, name, value));
            items.iter().find(has_all)
        })
    } else {
        let value = key.strip_prefix("v:");
        let value = value.and_then(|value| serde_json::from_str::<Value>(value).ok());
        value.and_then(|value| items.iter().find(|item| **item == value))
    };
    (format!("{path}[{key}]"), wanted)
}

/// Whether a wanted list item has this key; a key it leaves out is one the API server fills in.
fn has(item: &Value, name: &str, value: &Value) -> bool {
    item.get(name).is_none_or(|own| own == value)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
    use serde_json::{Value, json};

    use super::{additions, differences};

    #[test]
    fn defaults_of_the_api_server_are_no_difference() {
        let wanted = json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a"}]}}, "empty": {}}});
        let live = json!({"spec": {"replicas": 1, "template": {"spec": {"dnsPolicy": "ClusterFirst",
            "containers": [{"name": "a", "imagePullPolicy": "Always"}]}}}, "status": {"replicas": 1}});
        assert!(differences(&wanted, &live).is_empty());
    }

    #[test]
    fn changed_and_removed_fields_are_named_by_path() {
        let wanted = json!({"spec": {"replicas": 1, "ports": [{"port": 1}], "gone": "x"}});
        let live = json!({"spec": {"replicas": 2, "ports": [{"port": 1}, {"port": 2}]}});
        let mut paths = differences(&wanted, &live);
        paths.sort();
        assert_eq!(paths, ["spec.gone", "spec.ports", "spec.replicas"]);
    }

    #[test]
    fn a_rewritten_quantity_is_no_difference_but_a_changed_one_is() {
        let wanted = json!({"resources": {"requests": {"memory": "1024Mi"}}});
        assert!(
            differences(
                &wanted,
                &json!({"resources": {"requests": {"memory": "1Gi"}}})
            )
            .is_empty()
        );
        let changed = json!({"resources": {"requests": {"memory": "2Gi"}}});
        assert_eq!(
            differences(&wanted, &changed),
            ["resources.requests.memory"]
        );
    }

    fn managed(manager: &str, subresource: Option<&str>, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            subresource: subresource.map(Into::into),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    #[test]
    fn fields_somebody_else_added_are_found() {
        let wanted = json!({"data": {"my.cnf": "x"}, "spec": {"containers": [{"name": "a"}]}});
        let managers = [
            managed(
                "kubectl-edit",
                None,
                json!({"f:data": {"f:extra": {}, "f:my.cnf": {}}}),
            ),
            managed(
                "kubectl-edit",
                None,
                json!({"f:spec": {"f:containers": {"k:{\"name\":\"b\"}": {".": {}, "f:name": {}}}}}),
            ),
        ];
        assert_eq!(
            additions(&wanted, &wanted, &managers, "orrery-operator"),
            ["data.extra", "spec.containers[k:{\"name\":\"b\"}]"]
        );
    }

    #[test]
    fn our_own_fields_metadata_and_status_are_no_additions() {
        let wanted = json!({"spec": {"ports": [{"port": 80}]}});
        let managers = [
            managed("orrery-operator", None, json!({"f:spec": {"f:old": {}}})),
            managed(
                "controller-manager",
                Some("status"),
                json!({"f:status": {"f:x": {}}}),
            ),
            managed(
                "kubectl-label",
                None,
                json!({"f:metadata": {"f:labels": {"f:mine": {}}}}),
            ),
            managed(
                "other",
                None,
                json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:port": {}}}}}),
            ),
        ];
        assert!(additions(&wanted, &wanted, &managers, "orrery-operator").is_empty());
    }

    #[test]
    fn a_key_added_to_a_map_that_is_owned_as_a_whole_is_found() {
        let wanted = json!({"spec": {"selector": {"a": "b"}}});
        let live = json!({"spec": {"selector": {"a": "b", "else": "x"}}});
        let managers = [managed(
            "kubectl-edit",
            None,
            json!({"f:spec": {"f:selector": {}}}),
        )];
        assert_eq!(
            additions(&wanted, &live, &managers, "orrery-operator"),
            ["spec.selector.else"]
        );
        assert!(additions(&wanted, &wanted, &managers, "orrery-operator").is_empty());
    }
}
