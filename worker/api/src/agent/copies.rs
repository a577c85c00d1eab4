//! Copies of tables from agent to agent.

use orrery_archive::names::WorkerId;
use orrery_archive::signing::{Purpose, SigningKey, TrustedKeys};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::manifest::{ManifestRow, TablePart};

/// Pulls tables from another agent.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct StartCopy {
    /// Caller's term.
    pub term: u64,
    /// Name the caller chose; the same name asks for the same copy.
    pub id: String,
    /// `https://host:port` of the source agent.
    pub source: String,
    /// What to copy.
    pub tables: Vec<CopyTable>,
    /// placementEpoch of the catalog that asks for the copy: no drop that was decided over an older
    /// one takes these tables.
    pub placement_epoch: u64,
    /// DDL by (database, part), as in [`AttemptSpec`](super::AttemptSpec).
    pub creates: Vec<CopyDdl>,
}

/// A table to copy.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CopyTable {
    /// As the source's manifest has it.
    pub row: ManifestRow,
    /// For the source: that it is to be handed out.
    pub order: ExportOrder,
}

/// The operator's order to hand out a table to one worker. An agent's certificate alone reads no
/// table of another worker, and an order serves no other agent.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ExportOrder {
    /// Archive.
    pub archive_uid: String,
    /// The worker that hands it out.
    pub source: WorkerId,
    /// The worker that it is handed to.
    pub target: WorkerId,
    /// Seconds since 1970 from which on it is none.
    pub until: i64,
    /// Of these and the table's name, in hexadecimal digits.
    pub signature: String,
}

impl ExportOrder {
    /// An order for a physical table, from `source` to `target`.
    pub fn sign(
        key: &SigningKey,
        archive_uid: &str,
        (source, target): (WorkerId, WorkerId),
        (database, table): (&str, &str),
        until: i64,
    ) -> Self {
        let mut order = Self {
            archive_uid: archive_uid.to_owned(),
            source,
            target,
            until,
            signature: String::new(),
        };
        order.signature = key.sign(Purpose::Export, &order.text(database, table));
        order
    }

    /// Whether it is an order for this table, signed by one of `keys`.
    pub fn is_for(&self, database: &str, table: &str, keys: &TrustedKeys) -> bool {
        let text = self.text(database, table);
        keys.verify(Purpose::Export, &text, &self.signature)
    }

    fn text(&self, database: &str, table: &str) -> Vec<u8> {
        let Self {
            archive_uid,
            source,
            target,
            until,
            signature: _,
        } = self;
        let parts = json!([archive_uid, source, target, until, database, table]);
        parts.to_string().into_bytes()
    }
}

/// DDL for copied tables.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct CopyDdl {
    /// Physical database.
    pub database: String,
    /// Part.
    pub part: TablePart,
    /// See [`AttemptSpec::create_home`](super::AttemptSpec::create_home).
    pub create: String,
}

/// How far a copy is.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CopyStatus {
    /// Tables done and verified: their manifest rows on the target, state `Sealed`.
    pub done: Vec<ManifestRow>,
    /// Tables still to do.
    pub left: usize,
    /// Why it ended, if it failed.
    pub error: Option<String>,
}
