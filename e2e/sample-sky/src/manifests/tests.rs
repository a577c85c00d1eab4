use orrery_crds::kinds::{ChunkFamily, ChunkedTable, Ingest, ReferenceTable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

fn manifests() -> Manifests {
    Manifests {
        objects: 1000,
        seed: 7,
        files: 4,
        base_url: "http://sample-sky:8080".to_owned(),
        namespace: "demo".to_owned(),
        pool: "default".to_owned(),
        replicas: 3,
    }
}

/// Fails unless everything said in `given` is still said in `typed`: a misspelt field would be
/// dropped.
fn assert_kept(given: &Value, typed: &Value, path: &str) {
    match (given, typed) {
        (Value::Object(given), Value::Object(typed)) => {
            for (name, value) in given {
                let is_default = *value == json!("") || *value == json!([]);
                let kept = typed.get(name);
                assert!(kept.is_some() || is_default, "{path}.{name} is no field");
                if let Some(kept) = kept {
                    assert_kept(value, kept, &format!("{path}.{name}"));
                }
            }
        }
        (Value::Array(given), Value::Array(typed)) => {
            assert_eq!(given.len(), typed.len(), "{path}");
            for (index, (given, typed)) in given.iter().zip(typed).enumerate() {
                assert_kept(given, typed, &format!("{path}[{index}]"));
            }
        }
        _ => assert_eq!(given, typed, "{path}"),
    }
}

fn check<K: Serialize + DeserializeOwned>(document: &Value) {
    // Through YAML, as kubectl reads it.
    let yaml = serde_saphyr::to_string(document).unwrap();
    let typed: K = serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{error}: {yaml}"));
    assert_kept(document, &serde_json::to_value(typed).unwrap(), "");
}

#[test]
fn every_document_is_an_object_of_its_kind_and_loses_no_field() {
    let documents = manifests().documents().unwrap();
    for document in &documents {
        match document["kind"].as_str().unwrap() {
            "ChunkFamily" => check::<ChunkFamily>(document),
            "ChunkedTable" => check::<ChunkedTable>(document),
            "ReferenceTable" => check::<ReferenceTable>(document),
            "Ingest" => check::<Ingest>(document),
            other => panic!("{other}"),
        }
    }
    assert_eq!(documents.len(), 7);
}

#[test]
fn column_types_parse() {
    for table in Table::ALL {
        for column in columns(table) {
            let parsed = orrery_archive::sql_type::SqlType::parse(column.sql_type);
            assert!(
                parsed.is_ok(),
                "{table}.{}: {:?}",
                column.name,
                parsed.err()
            );
        }
    }
}

#[test]
fn ingests_name_every_file() {
    let documents = manifests().documents().unwrap();
    let source = documents
        .iter()
        .find(|document| document["metadata"]["name"] == "sky-source")
        .unwrap();
    assert_eq!(
        source["kind"], "ChunkedTable",
        "tables come before their ingests"
    );
    let ingest = documents
        .iter()
        .rfind(|document| document["metadata"]["name"] == "sky-source")
        .unwrap();
    let urls: Vec<&str> = ingest["spec"]["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["url"].as_str().unwrap())
        .collect();
    assert_eq!(urls.len(), 4);
    assert_eq!(
        urls[3],
        "http://sample-sky:8080/v1/1000/7/Source/3-of-4.csv"
    );
}

#[test]
fn more_files_than_an_ingest_takes_are_refused() {
    for files in [0, 1001] {
        assert_eq!(
            Manifests {
                files,
                ..manifests()
            }
            .documents(),
            Err(PartError::Files(files))
        );
    }
}
