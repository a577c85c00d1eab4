//! The HTTPS APIs of a worker's agent and of an ingest's loader, for both sides of each call.
//!
//! [`agent`] and [`loader`] hold what is sent, [`routes`] says which call has which path and who
//! may make it, [`client`] makes calls, [`frame`] is the form in which rows travel. Bodies are JSON
//! unless a call says otherwise; an answer that is no success is an [`ApiError`]. Both ends check
//! each other's certificate: its common name is the role.

pub mod agent;
pub mod client;
mod error;
pub mod frame;
pub mod loader;
mod retry;
pub mod routes;

pub use error::{ApiError, CallError, error_chain};
pub use retry::{Retry, Transient};
