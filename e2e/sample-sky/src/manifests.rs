//! The Kubernetes objects that declare the tables and ingest the files.

use serde_json::{Value, json};

use crate::area::{OVERLAP, STRIPES, SUB_STRIPES};
use crate::part::{MAX_FILES, PartError, Table};
use crate::schema::columns;

/// Most sources of one `Ingest`.
const MAX_SOURCES: u32 = 1000;

/// What the manifests depend on.
#[derive(Debug, Clone)]
pub struct Manifests {
    /// Number of objects.
    pub objects: u64,
    /// Seed.
    pub seed: u64,
    /// Files each of `Object` and `Source`.
    pub files: u32,
    /// Where the files are served, without a slash at the end.
    pub base_url: String,
    /// Namespace of the objects.
    pub namespace: String,
    /// Worker pool that holds the chunks.
    pub pool: String,
    /// Copies of each chunk.
    pub replicas: u32,
}

impl Manifests {
    /// Family, tables and ingests, in an order in which they can be applied.
    pub fn documents(&self) -> Result<Vec<Value>, PartError> {
        if !(1..=MAX_SOURCES.min(MAX_FILES)).contains(&self.files) {
            return Err(PartError::Files(self.files));
        }
        let mut documents = vec![self.family(), self.filter(), self.object(), self.source()];
        documents.extend(Table::ALL.map(|table| self.ingest(table)));
        Ok(documents)
    }

    fn document(&self, kind: &str, name: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "orrery.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": spec,
        })
    }

    fn family(&self) -> Value {
        let scheme = json!({ "kind": "sphere", "stripes": STRIPES, "subStripes": SUB_STRIPES, "overlap": OVERLAP });
        // A segment is published with one copy fewer than desired, so that one worker may be away.
        let replicas = json!({ "desired": self.replicas, "minimum": self.replicas.saturating_sub(1).clamp(1, 2) });
        self.document(
            "ChunkFamily",
            "sky",
            &json!({ "scheme": scheme, "pool": self.pool, "replicas": replicas }),
        )
    }

    fn filter(&self) -> Value {
        let spec = json!({
            "database": "sky",
            "table": "Filter",
            "columns": column_list(Table::Filter),
            "primaryKey": ["filterId"],
            "description": "The six bands.",
        });
        self.document("ReferenceTable", "sky-filter", &spec)
    }

    fn object(&self) -> Value {
        let spec = json!({
            "database": "sky",
            "table": "Object",
            "family": "sky",
            "role": "director",
            "key": "objectId",
            "position": { "longitude": "ra", "latitude": "decl" },
            "columns": column_list(Table::Object),
            "description": "Stars, galaxies and quasars.",
            "scanRating": 10,
        });
        self.document("ChunkedTable", "sky-object", &spec)
    }

    fn source(&self) -> Value {
        let spec = json!({
            "database": "sky",
            "table": "Source",
            "family": "sky",
            "role": "child",
            "director": "Object",
            "key": "objectId",
            "position": { "longitude": "objectRa", "latitude": "objectDecl" },
            "columns": column_list(Table::Source),
            "indexes": [{ "name": "objectId", "columns": ["objectId"] }],
            "description": "What each exposure saw of an object.",
            "scanRating": 20,
        });
        self.document("ChunkedTable", "sky-source", &spec)
    }

    fn ingest(&self, table: Table) -> Value {
        let files = if table == Table::Filter {
            1
        } else {
            self.files
        };
        let Self {
            base_url,
            objects,
            seed,
            ..
        } = self;
        let sources: Vec<Value> = (0..files)
            .map(|file| json!({ "url": format!("{base_url}/v1/{objects}/{seed}/{table}/{file}-of-{files}.csv") }))
            .collect();
        let spec =
            json!({ "target": { "database": "sky", "table": table.name() }, "sources": sources });
        self.document(
            "Ingest",
            &format!("sky-{}", table.name().to_lowercase()),
            &spec,
        )
    }
}

fn column_list(table: Table) -> Vec<Value> {
    columns(table)
        .iter()
        .map(|column| {
            let mut value = json!({
                "name": column.name,
                "type": column.sql_type,
                "description": column.description,
            });
            if !column.nullable {
                value["nullable"] = json!(false);
            }
            if !column.unit.is_empty() {
                value["unit"] = json!(column.unit);
            }
            value
        })
        .collect()
}

#[cfg(test)]
mod tests;
