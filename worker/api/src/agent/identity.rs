//! What an agent is, and whom it belongs to.

use orrery_archive::catalog::Epochs;
use orrery_archive::names::WorkerId;
use serde::{Deserialize, Serialize};

/// Versions of the agent API that this build speaks. Before the last program that needs one is gone,
/// a build speaks it and the next.
pub const API_VERSIONS: &[u32] = &[1];

/// What an agent is and has.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Versions of this API the agent speaks.
    pub api_versions: Vec<u32>,
    /// Identity of its data directory; `None` before adoption.
    pub identity: Option<Identity>,
    /// Highest term seen.
    pub term: u64,
    /// Whether mysqld answers.
    pub mysqld: Option<String>,
    /// Newest catalog copy held.
    pub catalog: Option<Epochs>,
    /// Bytes free on the volume.
    pub free_bytes: u64,
    /// What mysqld says that it holds; `None` while it does not answer, which says nothing about
    /// what is there.
    pub held: Option<Held>,
    /// The TLS files that agent and mysqld work with.
    #[serde(default)]
    pub tls: TlsInUse,
}

impl Info {
    /// Whether the agent and this build speak one version of the API.
    pub fn is_understood(&self) -> bool {
        let mut theirs = self.api_versions.iter();
        theirs.any(|version| API_VERSIONS.contains(version))
    }
}

/// Digests of the TLS files that a worker works with ([`orrery_tls::Files::digest`]); `None` while
/// there are none that can be used.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TlsInUse {
    /// Of the agent.
    pub agent: Option<String>,
    /// Of mysqld, which has read them.
    pub mysqld: Option<String>,
}

/// What a worker's mysqld holds.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Physical tables.
    pub tables: u64,
    /// Bytes of table data.
    pub bytes: u64,
    /// Highest numbers ever used here.
    pub highest: Highest,
}

/// Highest numbers an agent has heard of; a catalog that has given out fewer is older than what the
/// worker holds.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Highest {
    /// Attempt.
    pub attempt: u64,
    /// Segment.
    pub segment: u64,
}

/// Identity of a data directory.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Archive it belongs to.
    pub archive_uid: String,
    /// Worker it belongs to.
    pub worker: WorkerId,
    /// Random id of the data directory itself.
    pub directory: String,
}

/// Names a fresh data directory.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// Caller's term.
    pub term: u64,
    /// Archive.
    pub archive_uid: String,
    /// Worker.
    pub worker: WorkerId,
    /// Password of the reader account (see [`orrery_archive::names::READER_ACCOUNT`]).
    pub reader_password: String,
}

/// A catalog that a reader has: an agent whose copy is no newer sends none.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct KnownCatalog {
    /// Archive.
    pub archive_uid: String,
    /// Lineage.
    pub lineage: u32,
    /// Data epoch.
    pub data: u64,
    /// Placement epoch.
    pub placement: u64,
}

/// A bare term.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Term {
    /// Caller's term.
    pub term: u64,
}
