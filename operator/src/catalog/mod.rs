//! The catalog and its only writer (docs/design/catalog.md#conditional-writes).
//!
//! [`declared`] is what controllers hand over, [`edit`] holds the pure changes of a catalog,
//! [`store`] reads and writes its objects, and [`writer`] joins them: one change at a time per
//! archive, conditional on the root it was computed from, under this leader's term. [`readers`]
//! says what readers still need, and [`segments`] bounds the number of segments.

pub mod declared;
pub mod edit;
pub mod error;
pub mod readers;
pub mod segments;
pub mod store;
pub mod witnesses;
pub mod writer;
