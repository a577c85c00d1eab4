//! What workers say to the rest of the archive: the HTTPS API of the worker agent ([`agent`]) and that of the ingest loader ([`loader`]).

pub mod agent;
pub mod loader;
