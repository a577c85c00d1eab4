//! The decoded catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::names::{ChunkId, WorkerId};
use crate::replicas::FamilyReplicas;
use crate::table::{Column, SecondaryKey};
use crate::table::{OnDeletion, PositionColumns, UniqueKey};

/// The form of catalogs that this version writes, and the newest that it reads whole. It is raised
/// when something is written that an earlier version cannot read or would lose.
pub const FORMAT: u32 = 1;

/// The least [`FORMAT`] that reads what this version writes without a mistake. It is raised when what
/// an earlier version can read would mean something else to it.
pub const MIN_READER: u32 = 1;

/// What the object `ChunkMap/root` carries. Below 4 KB.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootPayload {
    /// The form in which the catalog is written: [`FORMAT`] of its writer. One that writes an
    /// earlier form does not write over it, because it would lose what it does not know.
    #[serde(default = "first_format")]
    pub format: u32,
    /// The least [`FORMAT`] with which what can be read of the catalog means what it says. Others
    /// read nothing of it.
    #[serde(default = "first_format")]
    pub min_reader: u32,
    /// Random id of the archive, made with the first root.
    #[schemars(length(max = 64))]
    pub archive_uid: String,
    /// Raised by a catalog rebuild; a higher lineage wins over any epoch of a lower one.
    pub lineage: u32,
    /// Term of the leader that wrote this root.
    pub term: u64,
    /// Counts changes of what the data is.
    pub data_epoch: u64,
    /// Counts changes of who holds it.
    pub placement_epoch: u64,
    /// Numbers given out so far.
    pub counters: Counters,
    /// Names of the index pages, in order.
    #[schemars(length(max = 64), inner(length(max = 64)))]
    pub pages: Vec<String>,
}

/// That of roots which do not say it.
fn first_format() -> u32 {
    1
}

/// The last number given out of each kind; a number is used once in the archive's life.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Counters {
    /// Worker ids.
    pub worker: u32,
    /// Incarnations of tables, indexes and families.
    pub incarnation: u64,
    /// Ingest attempts.
    pub attempt: u64,
    /// Segments.
    pub segment: u64,
}

/// A pair of epochs, as leases report it.
#[derive(
    Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct Epochs {
    /// What the data is.
    pub data: u64,
    /// Who holds it.
    pub placement: u64,
}

impl fmt::Display for Epochs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.data, self.placement)
    }
}

/// The decoded catalog. Ordered maps, so that equal catalogs encode to equal objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Random id of the archive.
    pub archive_uid: String,
    /// Raised by a catalog rebuild.
    pub lineage: u32,
    /// Term of the leader that wrote it.
    pub term: u64,
    /// Both epochs.
    pub epochs: Epochs,
    /// Numbers given out so far.
    pub counters: Counters,
    /// Families by name, index families included.
    pub families: BTreeMap<String, Family>,
    /// Tables by database and name.
    pub tables: BTreeMap<TableKey, Table>,
    /// Tables that were deleted and whose rows are kept, by incarnation.
    pub retired: BTreeMap<u64, Retired>,
    /// Physical databases that workers are to drop, because their tables were deleted with
    /// [`OnDeletion::Delete`] and their grace period is over: each with the first dataEpoch that
    /// does not list it any more.
    pub dropping: BTreeMap<String, u64>,
    /// What a newer version has written there and this one cannot read.
    pub unread: Unread,
}

/// Parts of a catalog that this version cannot read, because a newer one wrote them. Readers serve
/// all else. A catalog with such parts is not written: they would be lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Tables, and why.
    pub tables: BTreeMap<TableKey, String>,
    /// Everything else, in words.
    pub others: Vec<String>,
}

/// How many parts are named in a message.
const SHOWN: usize = 5;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.tables.iter();
        let tables = tables.map(|(key, why)| format!("table {key}: {why}"));
        let mut parts = self.others.iter().cloned().chain(tables);
        let shown: Vec<String> = parts.by_ref().take(SHOWN).collect();
        f.write_str(&shown.join("; "))?;
        match parts.count() {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Unread {
    /// Whether all of the catalog was read.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.others.is_empty()
    }
}

impl Catalog {
    /// Every table whose rows workers are to keep: those that queries see, and those that may come
    /// back.
    pub fn kept(&self) -> impl Iterator<Item = (&TableKey, &Table)> {
        let retired = self.retired.values();
        let retired = retired.map(|retired| (&retired.key, &retired.table));
        self.tables.iter().chain(retired)
    }
}

/// A table that was deleted. No query sees it; workers keep its rows as they keep those of other
/// tables, so that it can come back.
#[derive(Clone, Debug, PartialEq)]
pub struct Retired {
    /// Its name.
    pub key: TableKey,
    /// What it was.
    pub table: Table,
    /// First dataEpoch that does not list it.
    pub since: u64,
    /// When its rows are dropped, in seconds since 1970 (UTC); never when absent.
    pub until: Option<u64>,
    /// A child's director: the incarnation whose index has its keys.
    pub director: Option<u64>,
}

/// A table's name as users write it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableKey {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
}

impl TableKey {
    /// Key of `database`.`table`.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            table: table.into(),
        }
    }
}

impl fmt::Display for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.table)
    }
}

/// A family as accepted, with the placement of its chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Number of this incarnation of the family.
    pub incarnation: u64,
    /// Worker pool.
    pub pool: String,
    /// Copies.
    pub replicas: FamilyReplicas,
    /// How rows map to chunks.
    pub grid: FamilyGrid,
    /// Workers that hold each placed chunk, ascending. A worker listed here has every published
    /// segment of the chunk but those in `behind`.
    pub placement: BTreeMap<ChunkId, Vec<WorkerId>>,
    /// What listed workers lack.
    pub behind: Vec<Behind>,
    /// Workers that are to get a copy of a chunk. They are listed in `placement` once they hold all
    /// of it; readers do not look here.
    pub intended: BTreeMap<ChunkId, BTreeSet<WorkerId>>,
    /// Listed workers that a chunk is to leave, although they serve, once it has as many copies as
    /// wanted without them; readers do not look here.
    pub leaving: BTreeMap<ChunkId, BTreeSet<WorkerId>>,
    /// Attempts of ingests that are about to write to the workers of these chunks, by the number of
    /// the attempt of the table's rows; readers do not look here.
    pub attempts: BTreeMap<u64, OpenAttempt>,
}

/// An attempt that has workers and is neither published nor given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// UID of the Ingest.
    pub ingest: String,
    /// Chunks that get rows.
    pub chunks: ChunkSet,
}

impl Family {
    /// A family in which nothing is placed yet.
    pub fn new(
        incarnation: u64,
        pool: impl Into<String>,
        replicas: FamilyReplicas,
        grid: FamilyGrid,
    ) -> Self {
        Self {
            incarnation,
            pool: pool.into(),
            replicas,
            grid,
            placement: BTreeMap::new(),
            behind: Vec::new(),
            intended: BTreeMap::new(),
            leaving: BTreeMap::new(),
            attempts: BTreeMap::new(),
        }
    }

    /// Workers that hold a chunk with all of these segments.
    pub fn holders(&self, chunk: ChunkId, segments: &[u64]) -> impl Iterator<Item = WorkerId> {
        self.holders_of(chunk, |segment| segments.contains(&segment))
    }

    /// Workers that hold a chunk with all its segments.
    pub fn complete_holders(&self, chunk: ChunkId) -> impl Iterator<Item = WorkerId> {
        self.holders_of(chunk, |_| true)
    }

    fn holders_of(
        &self,
        chunk: ChunkId,
        wanted: impl Fn(u64) -> bool,
    ) -> impl Iterator<Item = WorkerId> {
        let listed = self.placement.get(&chunk).into_iter().flatten().copied();
        listed.filter(move |worker| {
            !self.behind.iter().any(|behind| {
                behind.worker == *worker && wanted(behind.segment) && behind.chunks.contains(&chunk)
            })
        })
    }
}

/// How rows map to chunks.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", tag = "scheme")]
pub enum FamilyGrid {
    /// Stripes, sub-stripes, overlap.
    #[serde(rename_all = "camelCase")]
    Sphere {
        /// Latitude stripes.
        stripes: u32,
        /// Sub-stripes per stripe.
        sub_stripes: u32,
        /// Overlap in degrees.
        overlap: f64,
        /// Hash chunks of each director index.
        index_chunks: u32,
    },
    /// Hash of the key.
    Hash {
        /// Number of chunks; ids are 0 to this minus one.
        chunks: u32,
    },
}

/// A listed worker that lacks a segment for some chunks: it serves the other segments of these
/// chunks only.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Behind {
    /// The worker.
    pub worker: WorkerId,
    /// The segment it lacks.
    pub segment: u64,
    /// For these chunks.
    pub chunks: ChunkSet,
}

/// A set of chunk ids.
pub type ChunkSet = BTreeSet<ChunkId>;

/// A table as accepted, with its published segments.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Number of this incarnation of the table; part of its physical database's name.
    pub incarnation: u64,
    /// Name of the object that declares it, for people; empty in catalogs of earlier versions.
    pub object: String,
    /// Counts accepted schemas of this incarnation.
    pub schema_version: u32,
    /// What it is.
    pub kind: TableKind,
    /// Published segments, ascending by number.
    pub segments: Vec<Segment>,
    /// Segments taken back; no query sees them, and they can come back.
    pub revoked: Vec<Segment>,
    /// What becomes of the rows when the table is deleted.
    pub on_deletion: OnDeletion,
}

impl Table {
    /// Whether it has segments, or its index has: published ones, or such that may come back.
    pub fn has_segments(&self) -> bool {
        let of_index = self
            .kind
            .index()
            .map(|index| [&index.segments, &index.revoked]);
        let own = [&self.segments, &self.revoked];
        let mut all = own.into_iter().chain(of_index.into_iter().flatten());
        all.any(|segments| !segments.is_empty())
    }
}

/// What a table is, with its accepted schema.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum TableKind {
    /// Owns the unique id and the position; `index` finds a key's chunks.
    Director(AcceptedTable, IndexTable),
    /// Follows the director of this name in the same database.
    Child(AcceptedTable, String),
    /// Whole on every worker.
    Reference(AcceptedReference),
}

/// Accepted schema of a chunked table. Every default is filled in.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedTable {
    /// Family name.
    pub family: String,
    /// Column that is (director) or names (child) the director's id.
    pub key: String,
    /// Position columns.
    pub position: Option<PositionColumns>,
    /// Columns in order, with charset and collation filled in for text.
    pub columns: Vec<Column>,
    /// Secondary keys.
    pub indexes: Vec<SecondaryKey>,
    /// Whether the director's key may repeat.
    pub unique_key: UniqueKey,
    /// Default character set.
    pub charset: String,
    /// Default collation.
    pub collation: String,
    /// How slow a scan is.
    pub scan_rating: u32,
    /// Whether `chunkId` and `subChunkId` are visible.
    pub qserv_compat: bool,
}

/// Accepted schema of a reference table.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedReference {
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Primary key columns; none when empty.
    pub primary_key: Vec<String>,
    /// Secondary keys.
    pub indexes: Vec<SecondaryKey>,
    /// Default character set.
    pub charset: String,
    /// Default collation.
    pub collation: String,
}

/// A director's index: key → set of (chunk, sub-chunk), itself a hash-chunked table of an
/// operator-owned family.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct IndexTable {
    /// Number in its physical database's name.
    pub incarnation: u64,
    /// Name of its family (`<family>-index` by convention).
    pub family: String,
    /// Published index segments; `chunks` of these are hash chunks. Filled from the catalog's
    /// segment pages.
    #[serde(skip)]
    pub segments: Vec<Segment>,
    /// Index segments of revoked ingests.
    #[serde(skip)]
    pub revoked: Vec<Segment>,
}

/// The rows one ingest added to a table, over all chunks. Immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Number, used once in the archive's life.
    pub id: u64,
    /// Attempt that loaded it; part of its physical tables' names.
    pub attempt: u64,
    /// Schema version it was loaded with.
    pub schema_version: u32,
    /// Chunks with home rows (empty for a reference table).
    pub home: ChunkSet,
    /// Chunks with overlap rows.
    pub overlap: ChunkSet,
    /// Home rows over all chunks; sealed and verified.
    pub rows: u64,
    /// Bytes of one copy.
    pub bytes: u64,
    /// Name of the Ingest: one whose object is made again finds its rows by it.
    pub ingest: String,
    /// What else is known of that Ingest; absent in segments of earlier versions.
    pub origin: Option<Origin>,
    /// dataEpoch of its publish.
    pub published: u64,
    /// While it is taken back: the last segment number given out before. Whatever has a higher one
    /// was loaded without these rows.
    pub revoked: Option<u64>,
}

/// The Ingest that loaded a segment, apart from its name.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// UID of the object.
    pub uid: String,
    /// Short hash of everything in its spec that says which rows it loads.
    pub spec: String,
}
