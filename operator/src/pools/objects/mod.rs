//! The Kubernetes objects of a pool and of one worker. Pure.

mod metadata;
mod pod;
mod shared;
mod stateful_set;
mod worker;

pub use metadata::{COMPONENT, config_name, pool_selector, selector_text};
pub use shared::{budget, config_map};
pub use stateful_set::{claim_name, claimed, stateful_set};
pub use worker::{service, worker};
