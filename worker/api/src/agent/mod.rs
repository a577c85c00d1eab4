//! What is sent to and from a worker's agent (port [`orrery_archive::names::ports::AGENT`]); its
//! calls are those of [`AgentCall`](crate::routes::AgentCall).

mod attempts;
mod copies;
mod identity;
mod index;
mod manifest;
mod trials;

pub use attempts::{
    AttemptSpec, Ledger, LoadTarget, Loaded, OpenAttempt, Sealed, SourceFile, SourceFiles,
    StagedTable,
};
pub use copies::{CopyDdl, CopyStatus, CopyTable, ExportOrder, StartCopy};
pub use identity::{
    API_VERSIONS, Adopt, Held, Highest, Identity, Info, KnownCatalog, Term, TlsInUse,
};
pub use index::{IndexEntries, IndexLookup};
pub use manifest::{
    DamagedTable, DamagedTables, Drop, Dropped, ManifestPage, ManifestRow, PageQuery, RowState,
    SetState, TablePart, UnknownTables,
};
pub use trials::{Refusal, Trial, TrialPart, TrialTable, Tried};
