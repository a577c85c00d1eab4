//! The resolved query, which every pass reads; no pass is in it.

pub(crate) mod columns;
pub(crate) mod derived;
pub(crate) mod expr;
pub(crate) mod functions;
pub(crate) mod infer;
pub(crate) mod literal;
pub(crate) mod neighbour;
mod print;
pub(crate) mod scope;
pub(crate) mod select;
pub(crate) mod value;
mod walk;
