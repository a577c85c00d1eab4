//! A table's objects: what was accepted, its segments, and those of a director's index.

use serde::{Deserialize, Serialize};

use super::super::model::{Table, TableKey, TableKind};
use super::super::objects::{ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};
use super::payload::{get, put};
use super::segments;
use crate::table::DeletionPolicy;

/// A table in an index page; `segments`, `revoked`, `index` and `index_revoked` name pages of
/// segments.
#[derive(Serialize, Deserialize)]
pub(super) struct TableEntry {
    database: String,
    name: String,
    incarnation: u64,
    schema_version: u32,
    spec: ObjectName,
    segments: Vec<ObjectName>,
    revoked: Vec<ObjectName>,
    index: Vec<ObjectName>,
    index_revoked: Vec<ObjectName>,
    #[serde(default)]
    on_deletion: DeletionPolicy,
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
        Self {
            database: key.database.clone(),
            name: key.table.clone(),
            incarnation: table.incarnation,
            schema_version: table.schema_version,
            spec: put(objects, ObjectKind::Map, &table.kind),
            segments: segments::encode(objects, &table.segments),
            revoked: segments::encode(objects, &table.revoked),
            index,
            index_revoked,
            on_deletion: table.on_deletion,
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
            schema_version: self.schema_version,
            kind,
            segments: segments::decode(source, &self.segments)?,
            revoked: segments::decode(source, &self.revoked)?,
            on_deletion: self.on_deletion,
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
