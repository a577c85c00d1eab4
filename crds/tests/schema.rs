//! The schemas as people and the API server meet them: every field explained, every string and list
//! bounded, columns that show health, size and progress.

#![expect(clippy::unwrap_used, reason = "a test helper fails the test")]

use orrery_crds::kinds::all;
use serde_json::Value;

/// Types of Kubernetes inside ours; their bounds are not ours to set.
const FOREIGN: [&str; 3] = ["resources", "tolerations", "conditions"];

/// A node of a schema with its path.
struct Node {
    path: String,
    schema: Value,
}

/// All fields, list items and map values of every kind, each kind's own node first.
fn nodes() -> Vec<Node> {
    let mut found = Vec::new();
    for crd in all() {
        let schema = crd.spec.versions[0]
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref();
        walk(
            &crd.spec.names.kind,
            &serde_json::to_value(schema.unwrap()).unwrap(),
            &mut found,
        );
    }
    found
}

fn walk(path: &str, schema: &Value, found: &mut Vec<Node>) {
    found.push(Node {
        path: path.to_owned(),
        schema: schema.clone(),
    });
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), field, found);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], found);
    }
    if schema["additionalProperties"].is_object() {
        walk(
            &format!("{path}{{}}"),
            &schema["additionalProperties"],
            found,
        );
    }
}

fn is_field(node: &Node) -> bool {
    !node.path.ends_with("[]") && !node.path.ends_with("{}")
}

fn is_ours(node: &Node) -> bool {
    !FOREIGN.iter().any(|foreign| {
        node.path
            .split(['.', '[', '{'])
            .any(|part| part.eq_ignore_ascii_case(foreign))
    })
}

#[test]
fn kubectl_explain_has_words_for_every_kind_and_field() {
    let silent: Vec<_> = nodes()
        .into_iter()
        .filter(is_field)
        .filter(|node| {
            let description = node.schema["description"].as_str().unwrap_or_default();
            description.is_empty() || description.contains("Auto-generated")
        })
        .map(|node| node.path)
        .collect();
    assert!(silent.is_empty(), "no description: {silent:#?}");
}

#[test]
fn every_string_list_and_map_is_bounded() {
    let endless: Vec<_> = nodes()
        .into_iter()
        .filter(is_ours)
        .filter(|node| {
            let has = |key: &str| !node.schema[key].is_null();
            match node.schema["type"].as_str() {
                // The API server takes nothing but a time there.
                Some("string") if node.schema["format"] == "date-time" => false,
                Some("string") => !has("maxLength") && !has("enum"),
                Some("array") => !has("maxItems"),
                Some("object") => has("additionalProperties") && !has("maxProperties"),
                _ => false,
            }
        })
        .map(|node| node.path)
        .collect();
    assert!(endless.is_empty(), "no bound: {endless:#?}");
}

#[test]
fn every_kind_has_a_short_name_that_is_its_own_and_a_category() {
    let mut taken = std::collections::BTreeSet::new();
    for crd in all() {
        let names = &crd.spec.names;
        for short in names.short_names.iter().flatten() {
            assert!(taken.insert(short.clone()), "{short} is taken twice");
        }
        assert!(
            names.short_names.iter().flatten().next().is_some(),
            "{}",
            names.kind
        );
        let category = names.categories.iter().flatten().next().unwrap();
        assert!(category.starts_with("orrery"), "{}: {category}", names.kind);
    }
}

#[test]
fn columns_of_kubectl_get_show_health_size_and_progress() {
    let columns: Vec<String> = all()
        .iter()
        .map(|crd| {
            let columns = crd.spec.versions[0]
                .additional_printer_columns
                .iter()
                .flatten();
            let shown = columns.filter(|column| column.priority.unwrap_or_default() == 0);
            let names: Vec<_> = shown.map(|column| column.name.as_str()).collect();
            format!("{}: {}", crd.spec.names.kind, names.join(" "))
        })
        .collect();
    assert_eq!(
        columns,
        [
            "WorkerPool: Workers Ready Chunks Bytes Accepted Available Age",
            "Worker: Id Phase Zone Node Tables Bytes Free Desired Age",
            "Rebalance: Phase Uneven Plan Moves Bytes Left Age",
            "ChunkFamily: Scheme Pool Replicas Chunks MinCopies Under Unreadable Accepted Available Age",
            "ChunkedTable: Database Table Role Rows Bytes Chunks Segments Accepted Age",
            "ReferenceTable: Database Table Rows Bytes Segments Accepted Age",
            "ChunkMap: Holds DataEpoch PlacementEpoch Term Age",
            "ChunkPlacement: Holds Age",
            "ChunkSegment: Holds Age",
            "Ingest: Database Table Phase Done Rows Rejects Chunks Age",
            "QueryUser: User Class Accepted Reason Age",
            "QueryRole: Age",
        ]
    );
}
