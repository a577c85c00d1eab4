//! What kind of statement a text is, decided by its first tokens, and the parameters of prepared
//! statements.
//!
//! The proxy routes by [`classify`]: it answers, refuses or forwards. Nothing here needs the
//! parser, so a statement that the planner cannot read still gets the right kind of answer.

mod assignments;
mod classify;
mod kinds;
mod parameters;
pub(crate) mod quoting;
mod reader;
#[cfg(test)]
mod tests;

pub use classify::classify;
pub(crate) use classify::{do_as_select, reads_tables};
pub use kinds::{Assignment, MAX_TOKENS, Show, Statement, StatementError, Target, Transaction};
pub use parameters::{BindError, Literal, bind, parameters};
