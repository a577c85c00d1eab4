//! The kinds as a page for people, `docs/api.md`.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Map, Value};

/// Fields whose parts are Kubernetes' own and are described there.
const OF_KUBERNETES: [&str; 3] = ["conditions", "resources", "tolerations"];

/// Where a page begins.
const HEAD: &str = "# The kinds, field by field\n\n\
    Made from the types in `crds/`; `kubectl explain` says the same. All kinds are of\n\
    `orrery.dev/v1alpha1`. A dash in a name stands for the parts of a list's items.\n";

/// The page of these kinds.
pub fn page(kinds: &[CustomResourceDefinition]) -> Result<String, serde_json::Error> {
    let mut page = HEAD.to_owned();
    for kind in kinds.iter().filter(|kind| is_declared(kind)) {
        let value = serde_json::to_value(kind)?;
        let spec = &value["spec"];
        let schema = &spec["versions"][0]["schema"]["openAPIV3Schema"];
        let name = spec["names"]["kind"].as_str().unwrap_or_default();
        let _ = write!(page, "\n## {name}\n\n{}\n", text(schema));
        for part in ["spec", "status"] {
            let schema = &schema["properties"][part];
            let mut rows = String::new();
            fields(&mut rows, "", schema);
            if !rows.is_empty() {
                let _ = write!(page, "\n| `{part}` | Value | |\n|---|---|---|\n{rows}");
            }
        }
        let mut rules = Vec::new();
        messages(&mut rules, schema);
        if !rules.is_empty() {
            page.push_str("\nRefused otherwise:\n\n");
            for rule in rules {
                // Without the mark, readers of Markdown take `<digits>` for a tag and hide it.
                let _ = writeln!(page, "- {}", rule.replace('<', "\\<"));
            }
        }
    }
    Ok(page)
}

/// Whether people write objects of the kind; the catalog's are the operator's.
fn is_declared(kind: &CustomResourceDefinition) -> bool {
    let categories = kind.spec.names.categories.as_deref();
    categories.is_some_and(|names| names.iter().any(|name| name == "orrery"))
}

/// Rows of the fields of an object and of what is in them.
fn fields(rows: &mut String, path: &str, schema: &Value) {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let required = schema["required"].as_array();
    for (name, field) in properties {
        let is_required = required.is_some_and(|names| names.iter().any(|other| other == name));
        let path = format!("{path}{name}");
        let value = value(field, is_required);
        let _ = writeln!(rows, "| `{path}` | {value} | {} |", text(field));
        if !OF_KUBERNETES.contains(&name.as_str()) {
            fields(rows, &format!("{path}."), field);
            fields(rows, &format!("{path}.-."), &field["items"]);
        }
    }
}

/// Type, limits and default of a field.
fn value(field: &Value, is_required: bool) -> String {
    let mut parts = vec![kind(field)];
    for (key, sign) in [("minimum", "≥"), ("maximum", "≤")] {
        if let Some(limit) = field[key].as_f64() {
            parts.push(format!("{sign} {limit}"));
        }
    }
    match &field["default"] {
        Value::Null if is_required => parts.push("required".into()),
        Value::Null => {}
        default => parts.push(format!("default `{default}`")),
    }
    parts.join(", ")
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
        return values.join(" or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        Some(name) => name.to_owned(),
        None => "any value".to_owned(),
    }
}

/// A description in one line of a table.
fn text(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

/// Messages of all rules of a schema, each once.
fn messages(found: &mut Vec<String>, schema: &Value) {
    match schema {
        Value::Object(parts) => {
            for rule in parts
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let message = rule["message"].as_str().map(str::to_owned);
                found.extend(message.filter(|message| !found.contains(message)));
            }
            parts.values().for_each(|part| messages(found, part));
        }
        Value::Array(parts) => parts.iter().for_each(|part| messages(found, part)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::kinds::all;

    #[test]
    fn each_declared_kind_has_its_fields_and_rules_on_the_page() {
        let page = page(&all()).unwrap();
        for row in [
            "\n## WorkerPool\n",
            "\n## QueryUser\n",
            "\n| `workers` | integer, ≥ 1, ≤ 1000, required",
            "\n| `columns.-.name` | string, required",
            "\nRefused otherwise:\n",
        ] {
            assert!(page.contains(row), "{row} is missing");
        }
        assert!(
            !page.contains("## ChunkSegment"),
            "only the operator writes it"
        );
    }
}
