//! The catalog: which tables there are, which segments of rows they have, and which workers hold
//! each chunk.
//!
//! In the cluster API it is a tree of content-addressed objects under one root
//! (docs/design/catalog.md#the-tree):
//!
//! ```text
//! ChunkMap/root ── RootPayload: archive UID, lineage, term, dataEpoch, placementEpoch, counters, hashes of index pages
//!   └─ index pages (ChunkMap)             families and tables, each with the hashes of what it owns; deleted tables; databases to drop
//!        ├─ accepted specs (ChunkMap)     family grids, table schema versions
//!        ├─ placement page lists (ChunkMap) → placement pages (ChunkPlacement), 512 chunk ids each
//!        └─ segment pages (ChunkSegment)  → segments (ChunkSegment): chunk sets, rows, bytes
//! ```
//!
//! [`Catalog`] is the decoded tree. [`encode`] and [`decode`] (pure) turn one into the other; a
//! reader decodes only when every referenced object is there and matches its hash, else it keeps
//! the last complete catalog. What a newer version has written and this one cannot read is left out
//! and named ([`Unread`]).

pub mod chunk_set;
mod claims;
mod codec;
mod empty;
mod hash;
mod kind;
mod model;
mod objects;
mod signed;
#[cfg(test)]
mod tests;
pub mod users;

pub use claims::{Claim, Claims, HeldTable};
pub use codec::{Encoded, PAGE_CHUNKS, decode, encode, reachable};

pub use hash::hash_chunk;
pub use model::{
    AcceptedReference, AcceptedTable, Behind, Catalog, ChunkSet, Counters, Epochs, FORMAT, Family,
    FamilyGrid, IndexTable, MIN_READER, OpenAttempt, Origin, Retired, RootPayload, Segment, Table,
    TableKey, TableKind, Unread,
};
pub use objects::{MAX_PAYLOAD, ObjectError, ObjectKind, ObjectName, ObjectSource, Objects};
pub use signed::{SignatureError, SignedCatalog};
