//! How czars and proxies see the archive: a complete, consistent [`Snapshot`], replaced as a whole.
//!
//! ```text
//! api (watch) ─┐
//! file ────────┼─► Hub ── newest wins ──► watch channel of Arc<Snapshot> ──► queries
//! agents ──────┘     └─► file (mode 0600), for the next start without the cluster API
//! ```
//!
//! Nothing on a query's path calls the API server (docs/design/README.md#principles). [`lease`]
//! reports to the operator what this process still needs.

pub mod agents;
pub mod api;
mod assemble;
pub mod file;
mod hub;
pub mod lease;
mod model;
mod sources;

pub use assemble::{Assembler, Change};
pub use hub::{Hub, Offer};
pub use model::{Snapshot, WorkerView};
pub use sources::{SourceArgs, SourceError};
