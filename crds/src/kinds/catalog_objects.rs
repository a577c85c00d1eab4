//! The three kinds that carry the catalog (see [`orrery_archive::catalog`]). Only the operator
//! writes them.
//!
//! A `ChunkMap` named `root` is the root of the tree. Every other object is named after the hash of
//! its payload and never changes.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use orrery_archive::catalog::RootPayload;

/// The root, or a page: lists of tables, accepted specs, lists of pages.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "ChunkMap",
    plural = "chunkmaps",
    doc = "Part of the catalog, which says which table has which rows and who holds them. The ChunkMap named root is its root; every other one is a page that never changes. Only the operator writes them.",
    shortname = "cmap",
    category = "orrery-catalog",
    namespaced,
    printcolumn(name = "Holds", type_ = "string", json_path = ".spec.holds"),
    printcolumn(name = "DataEpoch", type_ = "integer", json_path = ".spec.root.dataEpoch"),
    printcolumn(name = "PlacementEpoch", type_ = "integer", json_path = ".spec.root.placementEpoch"),
    printcolumn(name = "Term", type_ = "integer", json_path = ".spec.root.term"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name != 'root' || has(self.spec.root)").message("the ChunkMap named root carries the root"),
    validation = Rule::new("self.metadata.name == 'root' || has(self.spec.payload)").message("a catalog page carries its payload"),
    validation = Rule::new("self.metadata.name == 'root' || self.spec == oldSelf.spec").message("catalog pages never change")
)]
#[serde(rename_all = "camelCase")]
pub struct ChunkMapSpec {
    /// What the payload is, for people.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub holds: String,
    /// The root; only in the object named `root`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootPayload>,
    /// The page's payload, whose hash is in the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10_000))]
    pub payload: Option<String>,
}

/// A page of placement: which workers hold each chunk of a fixed range of 512 chunk ids.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "ChunkPlacement",
    plural = "chunkplacements",
    doc = "Part of the catalog: which workers hold which chunks. Only the operator writes them.",
    shortname = "cpl",
    category = "orrery-catalog",
    namespaced,
    printcolumn(name = "Holds", type_ = "string", json_path = ".spec.holds"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec == oldSelf.spec").message("catalog pages never change")
)]
pub struct ChunkPlacementSpec {
    /// What the payload is, for people.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub holds: String,
    /// The page's payload, whose hash is in the object's name.
    #[schemars(length(max = 10_000))]
    pub payload: String,
}

/// A page of segments: which rows were published when, and in which chunks they lie.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "orrery.dev",
    version = "v1alpha1",
    kind = "ChunkSegment",
    plural = "chunksegments",
    doc = "Part of the catalog: the rows that one ingest added, chunk by chunk. Only the operator writes them.",
    shortname = "cseg",
    category = "orrery-catalog",
    namespaced,
    printcolumn(name = "Holds", type_ = "string", json_path = ".spec.holds"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec == oldSelf.spec").message("catalog pages never change")
)]
pub struct ChunkSegmentSpec {
    /// What the payload is, for people.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub holds: String,
    /// The page's payload, whose hash is in the object's name.
    #[schemars(length(max = 10_000))]
    pub payload: String,
}

/// What all catalog objects but the root have in common.
pub trait CatalogPayload {
    /// The payload that the object's name is the hash of.
    fn payload(&self) -> Option<&str>;
}

impl CatalogPayload for ChunkMap {
    fn payload(&self) -> Option<&str> {
        self.spec.payload.as_deref()
    }
}

impl CatalogPayload for ChunkPlacement {
    fn payload(&self) -> Option<&str> {
        Some(&self.spec.payload)
    }
}

impl CatalogPayload for ChunkSegment {
    fn payload(&self) -> Option<&str> {
        Some(&self.spec.payload)
    }
}
