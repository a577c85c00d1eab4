//! Connections to other MySQL servers: workers and the czar's own shadow server.
//!
//! A [`Pool`] bounds how many connections one account has to one server; a [`PooledConnection`] is
//! one of them in use. A lease that is dropped while its statement runs kills the statement on the
//! server before its place in the pool is free again, so a cancelled statement never keeps costing
//! a worker, and never ends another client's.

mod pool;
mod settings;

pub use pool::{Login, Pool, PooledConnection};
pub use settings::{
    BadSetting, DEFAULT_COLLATION, DEFAULT_SQL_MODE, DEFAULT_TIME_ZONE, SessionSettings,
};
