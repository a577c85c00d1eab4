//! Objects of the API as YAML, with a word where a person decides.

use anyhow::{Context as _, Result};
use clap::Args;
use orrery_crds::accept;
use orrery_crds::kinds::{ChunkFamilySpec, ChunkedTableSpec, IngestSpec, ReferenceTableSpec};
use serde_json::{Value, json};

use crate::create::object_name;

/// How a sphere is cut.
#[derive(Args, Clone, Debug)]
pub struct Grid {
    /// Latitude stripes of the family.
    #[arg(long, default_value_t = 340)]
    pub stripes: u32,
    /// Sub-stripes of each stripe.
    #[arg(long, default_value_t = 3)]
    pub sub_stripes: u32,
    /// Overlap in degrees, for near-neighbour joins.
    #[arg(long, default_value_t = 0.01667)]
    pub overlap: f64,
}

/// An object that the API takes, and what is said of it to people.
#[derive(Debug)]
pub struct Object {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its spec.
    pub spec: Value,
    notes: Vec<String>,
}

impl Object {
    /// A family in `pool`.
    pub fn family(name: &str, pool: &str, grid: &Grid, notes: Vec<String>) -> Result<Self> {
        let spec = json!({
            "pool": pool,
            "scheme": {"kind": "sphere", "stripes": grid.stripes, "subStripes": grid.sub_stripes, "overlap": grid.overlap},
        });
        serde_json::from_value::<ChunkFamilySpec>(spec.clone())?;
        Ok(Self {
            kind: "ChunkFamily",
            name: name.to_owned(),
            spec,
            notes,
        })
    }

    /// A table, which is a ChunkedTable or a ReferenceTable by what it has.
    pub fn table(spec: Value, notes: Vec<String>) -> Result<Self> {
        let of = |field: &str| spec.get(field).and_then(Value::as_str).unwrap_or_default();
        let name = object_name(of("database"), of("table"));
        let refused = || format!("the table {} is not accepted", of("table"));
        let kind = if spec.get("family").is_some() {
            let spec: ChunkedTableSpec =
                serde_json::from_value(spec.clone()).with_context(refused)?;
            accept::chunked(&spec).with_context(refused)?;
            "ChunkedTable"
        } else {
            let spec: ReferenceTableSpec =
                serde_json::from_value(spec.clone()).with_context(refused)?;
            accept::reference(&spec).with_context(refused)?;
            "ReferenceTable"
        };
        Ok(Self {
            kind,
            name,
            spec,
            notes,
        })
    }

    /// An ingest into a table.
    pub fn ingest(name: String, spec: Value, notes: Vec<String>) -> Result<Self> {
        serde_json::from_value::<IngestSpec>(spec.clone())?;
        Ok(Self {
            kind: "Ingest",
            name,
            spec,
            notes,
        })
    }

    fn yaml(&self) -> String {
        let mut yaml = format!(
            "apiVersion: orrery.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\n",
            self.kind,
            Value::from(self.name.as_str())
        );
        for note in &self.notes {
            let words: Vec<&str> = note.split_whitespace().collect();
            yaml.push_str(&format!("# {}\n", words.join(" ")));
        }
        yaml.push_str("spec:\n");
        for (field, value) in self.spec.as_object().into_iter().flatten() {
            match value {
                // Every JSON value is one of YAML.
                Value::Array(items) if items.iter().any(Value::is_object) => {
                    yaml.push_str(&format!("  {field}:\n"));
                    for item in items {
                        yaml.push_str(&format!("    - {item}\n"));
                    }
                }
                value => yaml.push_str(&format!("  {field}: {value}\n")),
            }
        }
        yaml
    }
}

/// All objects as one document each.
pub fn yaml(objects: &[Object]) -> String {
    let documents: Vec<String> = objects.iter().map(Object::yaml).collect();
    documents.join("---\n")
}
