//! What a chunked table and a reference table have in common as objects of users.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::core::object::HasStatus;
use orrery_archive::catalog::TableKey;
use orrery_archive::table::{DeletionPolicy, OnDeletion};
use orrery_crds::kinds::{
    BEGIN_EMPTY, ChunkedTable, ChunkedTableStatus, ReferenceTable, ReferenceTableStatus,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::quantity::human;

/// A table as a user declares it.
pub trait UserTable:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: PartialEq>
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
{
    /// Database and name.
    fn key(&self) -> TableKey;

    /// Number of its incarnation, once it was accepted.
    fn incarnation(&self) -> Option<u64>;

    /// What becomes of its rows when it is deleted.
    fn on_deletion(&self) -> OnDeletion;

    /// Whether it is to begin without rows although those of a deleted table of its name are kept.
    fn begins_empty(&self) -> bool {
        let annotations = self.meta().annotations.as_ref();
        let asked = annotations.and_then(|annotations| annotations.get(BEGIN_EMPTY));
        asked.is_some_and(|asked| asked == "true")
    }

    /// The conditions of its status.
    fn conditions(&self) -> &[Condition];

    /// Its status, saying this from now on.
    fn mirroring(&self, mirror: Mirror) -> Self::Status;
}

/// What the status of a table says.
pub struct Mirror {
    /// Generation of the spec it speaks of.
    pub generation: Option<i64>,
    /// Incarnation.
    pub incarnation: Option<u64>,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// Counts, once the catalog has the table; until then the status keeps the ones it has.
    pub published: Option<Published>,
}

/// Counts over a table's published segments.
pub struct Published {
    /// Rows.
    pub rows: u64,
    /// Bytes of one copy.
    pub bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Chunks with rows of their own.
    pub chunks: u64,
}

fn on_deletion(policy: DeletionPolicy, grace_seconds: u64) -> OnDeletion {
    match policy {
        DeletionPolicy::Retain => OnDeletion::Retain,
        DeletionPolicy::Delete => OnDeletion::Delete { grace_seconds },
    }
}

impl UserTable for ChunkedTable {
    fn key(&self) -> TableKey {
        TableKey::new(&self.spec.database, &self.spec.table)
    }

    fn incarnation(&self) -> Option<u64> {
        self.status.as_ref()?.incarnation
    }

    fn on_deletion(&self) -> OnDeletion {
        on_deletion(self.spec.deletion_policy, self.spec.deletion_grace_seconds)
    }

    fn conditions(&self) -> &[Condition] {
        self.status
            .as_ref()
            .map_or(&[], |status| &status.conditions)
    }

    fn mirroring(&self, mirror: Mirror) -> ChunkedTableStatus {
        let mut status = self.status.clone().unwrap_or_default();
        status.observed_generation = mirror.generation;
        status.incarnation = mirror.incarnation;
        status.conditions = mirror.conditions;
        if let Some(published) = mirror.published {
            (status.rows, status.size) = (published.rows, human(published.bytes));
            (status.segments, status.chunks) = (published.segments, published.chunks);
        }
        status
    }
}

impl UserTable for ReferenceTable {
    fn key(&self) -> TableKey {
        TableKey::new(&self.spec.database, &self.spec.table)
    }

    fn incarnation(&self) -> Option<u64> {
        self.status.as_ref()?.incarnation
    }

    fn on_deletion(&self) -> OnDeletion {
        on_deletion(self.spec.deletion_policy, self.spec.deletion_grace_seconds)
    }

    fn conditions(&self) -> &[Condition] {
        self.status
            .as_ref()
            .map_or(&[], |status| &status.conditions)
    }

    fn mirroring(&self, mirror: Mirror) -> ReferenceTableStatus {
        let mut status = self.status.clone().unwrap_or_default();
        status.observed_generation = mirror.generation;
        status.incarnation = mirror.incarnation;
        status.conditions = mirror.conditions;
        if let Some(published) = mirror.published {
            (status.rows, status.size) = (published.rows, human(published.bytes));
            status.segments = published.segments;
        }
        status
    }
}
