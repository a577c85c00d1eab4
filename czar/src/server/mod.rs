//! The czar's MySQL server, for proxies.

mod registry;
mod request;

pub use registry::Registry;
pub use request::{Format, Request};
