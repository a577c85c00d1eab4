//! The local mysqld: connections, the settings it must have, and the agent's own tables in it.

pub mod connect;
pub mod control;
pub mod settings;
pub mod sql;

pub use connect::{Db, shares, side_by_side};
