//! The rules in this process, and that the table has an example of each.

use std::collections::{BTreeMap, BTreeSet};

use kube::core::cel::Validator;
use orrery_crds::kinds::all;
use serde_json::Value;

use crate::cases;

/// Schemas by kind.
fn schemas() -> BTreeMap<String, Value> {
    all()
        .iter()
        .map(|crd| {
            let schema = crd.spec.versions[0]
                .schema
                .as_ref()
                .unwrap()
                .open_api_v3_schema
                .as_ref();
            (
                crd.spec.names.kind.clone(),
                serde_json::to_value(schema.unwrap()).unwrap(),
            )
        })
        .collect()
}

/// Messages of all rules below a node.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        found.insert(
            rule["message"]
                .as_str()
                .expect("a rule without a message")
                .to_owned(),
        );
    }
    for field in schema["properties"].as_object().into_iter().flatten() {
        messages(field.1, found);
    }
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            messages(&schema[part], found);
        }
    }
}

fn without_field(refusal: &str) -> &str {
    refusal.split_once(": ").unwrap().1
}

#[test]
fn every_rule_refuses_an_example() {
    for (kind, schema) in schemas() {
        let mut rules = BTreeSet::new();
        messages(&schema, &mut rules);
        let cases = cases::all();
        for case in cases
            .iter()
            .filter(|case| case.object["kind"] == kind.as_str())
        {
            for refusal in &case.refusals {
                rules.remove(without_field(refusal));
            }
        }
        assert!(rules.is_empty(), "{kind}: no example of {rules:#?}");
    }
}

#[test]
fn rules_refuse_what_the_table_says_and_nothing_else() {
    let schemas = schemas();
    for case in cases::all() {
        let kind = case.object["kind"].as_str().unwrap();
        let schema = &schemas[kind];
        let mut rules = BTreeSet::new();
        messages(schema, &mut rules);
        let said: BTreeSet<String> =
            match Validator::new().validate(schema, &case.object, case.was.as_ref()) {
                Ok(()) => BTreeSet::new(),
                Err(errors) => errors.iter().map(|error| error.message.clone()).collect(),
            };
        let wanted: BTreeSet<String> = case
            .refusals
            .iter()
            .map(|refusal| without_field(refusal).to_owned())
            .filter(|message| rules.contains(message))
            .collect();
        assert_eq!(said, wanted, "{kind}: {}", case.shows);
    }
}
