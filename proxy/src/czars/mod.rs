//! The czars this proxy knows: found by name, probed, and reached through pooled connections.
//!
//! Proxies reach czars by pod address with their own health checks (docs/design/proxy.md#czars), so
//! a czar that hangs is avoided within seconds whatever the cluster believes. Names are looked up
//! again and again; when a look-up fails, the addresses known stay.

mod error;
mod health;
mod options;
mod pool;
mod set;

pub use error::CzarError;
pub(crate) use health::look_up;
pub use health::watch;
pub use options::CzarOptions;
pub use pool::{Czar, PooledConnection};
pub use set::Czars;
