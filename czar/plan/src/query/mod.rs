//! The resolved query, which every pass reads; no pass is in it.

pub(crate) mod expr;
pub(crate) mod functions;
pub(crate) mod literal;
pub(crate) mod scope;
pub(crate) mod select;
pub(crate) mod types;
