//! The proxy: where clients connect.
//!
//! ```text
//! client ──► listener ──► door ──► client: login ──► commands ──► statement ──┬─► local: answered from the session (SET, USE, KILL …)
//!                                                                    ├─► refusals: what to do instead (INSERT, CREATE, GRANT …)
//!                                                                    └─► ask ──► forward ──► czars (pooled connections) ──► rows
//! ```
//!
//! What it keeps true:
//! * a client's session lives here and nowhere else, so any statement may run on any czar and any
//!   connection to it;
//! * a statement whose czar dies before its first row left is run again elsewhere; short answers
//!   are held until complete;
//! * a statement nobody waits for any more (killed, Ctrl-C, client gone, time over) is stopped at
//!   the czar at once;
//! * nothing on a statement's path calls the cluster API: users and their verifiers come from the
//!   snapshot.

mod accounts;
mod admin;
pub mod audit;
pub mod budget;
mod client;
pub mod config;
pub mod czars;
pub mod door;
mod forward;
pub mod inside;
mod listener;
pub mod metrics;
pub mod peers;
mod prepared;
mod refusals;
mod registry;
mod result;
pub mod run;
mod session;
mod shared;

pub use listener::serve;
pub use registry::{Places, Registry};
pub use shared::Proxy;
