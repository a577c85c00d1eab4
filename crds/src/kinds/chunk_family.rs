//! `ChunkFamily`: tables partitioned alike and placed together.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use orrery_archive::replicas::FamilyReplicas;

/// How rows map to chunks, where the chunks live and how often. Tables of one family are
/// co-located.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "ChunkFamily",
    plural = "chunkfamilies",
    doc = "Tables that are cut into chunks alike and lie together, so that they join chunk by chunk.",
    shortname = "cf",
    category = "orrery",
    namespaced,
    status = "ChunkFamilyStatus",
    printcolumn(name = "Scheme", type_ = "string", json_path = ".spec.scheme.kind"),
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.pool"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas.desired"),
    printcolumn(name = "Chunks", type_ = "integer", json_path = ".status.chunks.total"),
    printcolumn(name = "MinCopies", type_ = "integer", json_path = ".status.minCopies", description = "copies of the least-copied chunk"),
    printcolumn(name = "Under", type_ = "integer", json_path = ".status.chunks.underReplicated", description = "chunks below the desired copies"),
    printcolumn(name = "Unreadable", type_ = "integer", json_path = ".status.chunks.unreadable", description = "chunks without any copy that can be read"),
    printcolumn(name = "Accepted", type_ = "string", json_path = ".status.conditions[?(@.type=='Accepted')].status"),
    printcolumn(name = "Available", type_ = "string", json_path = ".status.conditions[?(@.type=='Available')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 57 && !self.metadata.name.endsWith('-index')").message("a family's name has at most 57 characters and does not end in -index, which is for director indexes"),
    validation = Rule::new("self.spec.scheme == oldSelf.spec.scheme").message("a family's scheme never changes: make a new family and ingest into it"),
    validation = Rule::new("self.spec.indexChunks == oldSelf.spec.indexChunks").message("a family's indexChunks never changes: it says in which chunk a key is looked up"),
    validation = Rule::new("self.spec.pool == oldSelf.spec.pool").message("a family's pool never changes")
)]
#[serde(rename_all = "camelCase")]
pub struct ChunkFamilySpec {
    /// How rows map to chunks.
    pub scheme: Scheme,
    /// Worker pool that holds the family.
    #[schemars(length(min = 1, max = 40))]
    pub pool: String,
    /// Copies of each chunk.
    #[serde(default)]
    pub replicas: FamilyReplicas,
    /// Hash chunks of the director index of each of a sphere's directors.
    #[serde(default = "default_index_chunks")]
    #[schemars(range(min = 1, max = 4096))]
    pub index_chunks: u32,
}

fn default_index_chunks() -> u32 {
    16
}

/// Which partitioning scheme.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SchemeKind {
    /// Latitude stripes cut into chunks and sub-chunks, with overlap.
    Sphere,
    /// By hash of the key.
    Hash,
}

/// A partitioning scheme with its parameters.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.kind != 'sphere' || (has(self.stripes) && has(self.subStripes) && !has(self.chunks))").message("a sphere has stripes and subStripes, and no chunks"))]
#[x_kube(validation = Rule::new("self.kind != 'hash' || (has(self.chunks) && !has(self.stripes) && !has(self.subStripes) && self.overlap == 0.0)").message("a hash scheme has chunks, and no stripes, subStripes or overlap"))]
#[x_kube(validation = Rule::new("self.kind != 'sphere' || !has(self.stripes) || !has(self.subStripes) || self.stripes * self.subStripes <= 648000").message("stripes × subStripes is at most 648000"))]
#[x_kube(validation = Rule::new("self.kind != 'sphere' || !has(self.stripes) || !has(self.subStripes) || self.overlap * double(self.stripes) * double(self.subStripes) <= 180.0").message("the overlap is at most the height of a sub-stripe, 180 / (stripes × subStripes) degrees"))]
pub struct Scheme {
    /// `sphere` or `hash`.
    pub kind: SchemeKind,
    /// Sphere: number of latitude stripes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub stripes: Option<u32>,
    /// Sphere: sub-stripes per stripe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub sub_stripes: Option<u32>,
    /// Sphere: overlap in degrees, for near-neighbour joins.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub overlap: f64,
    /// Hash: number of chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub chunks: Option<u32>,
}

/// Chunks by how many verified copies they have on workers that are not down.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FamilyChunks {
    /// All chunks with rows, those of deleted tables that may come back included.
    pub total: u64,
    /// With the desired copies.
    pub ready: u64,
    /// With fewer, also those without any.
    pub under_replicated: u64,
    /// Without any.
    pub unreadable: u64,
}

/// Counts. A status that an earlier version wrote has the total alone here: the others are counted
/// with the next look, and the family can be read meanwhile.
fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FamilyChunks, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Counts(FamilyChunks),
        Earlier(u64),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Counts(counts) => counts,
        Written::Earlier(total) => FamilyChunks {
            total,
            ..FamilyChunks::default()
        },
    })
}

/// What the operator sees of the family.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChunkFamilyStatus {
    /// Generation of the spec this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Chunks with rows, by how they stand.
    #[serde(default, deserialize_with = "counts")]
    pub chunks: FamilyChunks,
    /// Hash chunks of its directors' indexes, likewise.
    #[serde(default)]
    pub index_chunks: FamilyChunks,
    /// Verified copies of the least-copied chunk, of rows or index.
    #[serde(default)]
    pub min_copies: u32,
    /// `Accepted`, `Available`, `Degraded`.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ChunkFamilyStatus;

    #[test]
    fn a_status_of_an_earlier_version_can_be_read() {
        let read = |chunks: serde_json::Value| -> ChunkFamilyStatus {
            serde_json::from_value(json!({"chunks": chunks, "minCopies": 3})).unwrap()
        };
        assert_eq!(read(json!(132)).chunks.total, 132);
        let counts = json!({"total": 132, "ready": 131, "underReplicated": 1, "unreadable": 0});
        assert_eq!(read(counts).chunks.ready, 131);
    }
}
