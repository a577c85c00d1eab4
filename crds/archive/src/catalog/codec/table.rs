//! A table's objects: what was accepted, its segments, and those of a director's index.

use serde::{Deserialize, Serialize};

use super::super::model::{Retired, Table, TableKey, TableKind};
use super::super::objects::{ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};
use super::payload::{get, put};
use super::segments;
use crate::table::{DeletionPolicy, OnDeletion, default_deletion_grace};

/// A table in an index page; `segments`, `revoked`, `index` and `index_revoked` name pages of
/// segments.
#[derive(Serialize, Deserialize)]
pub(super) struct TableEntry {
    database: String,
    name: String,
    incarnation: u64,
    #[serde(default)]
    object: String,
    schema_version: u32,
    spec: ObjectName,
    segments: Vec<ObjectName>,
    revoked: Vec<ObjectName>,
    index: Vec<ObjectName>,
    index_revoked: Vec<ObjectName>,
    #[serde(default)]
    on_deletion: DeletionPolicy,
    /// Of [`DeletionPolicy::Delete`], in seconds.
    #[serde(default = "default_deletion_grace")]
    grace: u64,
}

/// A deleted table in an index page.
#[derive(Serialize, Deserialize)]
pub(super) struct RetiredEntry {
    table: TableEntry,
    since: u64,
    until: Option<u64>,
    director: Option<u64>,
}

impl RetiredEntry {
    /// Puts the objects of `retired` into `objects`.
    pub(super) fn encode(objects: &mut Objects, retired: &Retired) -> Self {
        Self {
            table: TableEntry::encode(objects, &retired.key, &retired.table),
            since: retired.since,
            until: retired.until,
            director: retired.director,
        }
    }

    /// The table and its incarnation.
    pub(super) fn decode(self, source: &impl ObjectSource) -> Result<(u64, Retired), ObjectError> {
        let (key, table) = self.table.decode(source)?;
        let retired = Retired {
            key,
            table,
            since: self.since,
            until: self.until,
            director: self.director,
        };
        Ok((retired.table.incarnation, retired))
    }

    /// Names of everything the entry refers to, without their parts.
    pub(super) fn contents(
        &self,
        source: &impl ObjectSource,
    ) -> Result<Vec<ObjectName>, ObjectError> {
        self.table.contents(source)
    }
}

impl TableEntry {
    /// Puts the objects of `table` into `objects`.
    pub(super) fn encode(objects: &mut Objects, key: &TableKey, table: &Table) -> Self {
        let (index, index_revoked) = table.kind.index().map_or_else(Default::default, |index| {
            (
                segments::encode(objects, &index.segments),
                segments::encode(objects, &index.revoked),
            )
        });
        let (on_deletion, grace) = match table.on_deletion {
            OnDeletion::Retain => (DeletionPolicy::Retain, default_deletion_grace()),
            OnDeletion::Delete { grace_seconds } => (DeletionPolicy::Delete, grace_seconds),
        };
        Self {
            database: key.database.clone(),
            name: key.table.clone(),
            incarnation: table.incarnation,
            object: table.object.clone(),
            schema_version: table.schema_version,
            spec: put(objects, ObjectKind::Map, &table.kind),
            segments: segments::encode(objects, &table.segments),
            revoked: segments::encode(objects, &table.revoked),
            index,
            index_revoked,
            on_deletion,
            grace,
        }
    }

    /// The table and its name.
    pub(super) fn decode(
        self,
        source: &impl ObjectSource,
    ) -> Result<(TableKey, Table), ObjectError> {
        let mut kind: TableKind = get(source, &self.spec)?;
        if let Some(index) = kind.index_mut() {
            index.segments = segments::decode(source, &self.index)?;
            index.revoked = segments::decode(source, &self.index_revoked)?;
        }
        let table = Table {
            incarnation: self.incarnation,
            object: self.object,
            schema_version: self.schema_version,
            kind,
            segments: segments::decode(source, &self.segments)?,
            revoked: segments::decode(source, &self.revoked)?,
            on_deletion: match self.on_deletion {
                DeletionPolicy::Retain => OnDeletion::Retain,
                DeletionPolicy::Delete => OnDeletion::Delete {
                    grace_seconds: self.grace,
                },
            },
        };
        Ok((TableKey::new(self.database, self.name), table))
    }

    /// Names of everything the entry refers to, without their parts.
    pub(super) fn contents(
        &self,
        source: &impl ObjectSource,
    ) -> Result<Vec<ObjectName>, ObjectError> {
        let pages = [
            &self.segments,
            &self.revoked,
            &self.index,
            &self.index_revoked,
        ];
        let mut contents = vec![self.spec.clone()];
        for page in pages.into_iter().flatten() {
            contents.push(page.clone());
            contents.extend(segments::contents(source, page)?);
        }
        Ok(contents)
    }
}
