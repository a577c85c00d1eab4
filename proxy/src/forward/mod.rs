//! Sending a statement to a czar and its rows to the client.
//!
//! Rows are not decoded. Up to a megabyte they are held until the answer is complete, so that a
//! czar that dies before costs a second run and nothing else; a longer answer streams, with the
//! client's speed as the czar's speed. While a statement is under way the caller's `interrupt`
//! (kill, disconnect, time over) is watched at every point of waiting, and stops it at the czar.

mod attempts;
mod begin;
mod interrupt;
mod overlay;
mod pass_on;
mod statement;
mod stream;
mod warnings;

pub use interrupt::Interrupt;
pub use overlay::{Known, Overlay};
pub use pass_on::{columns, forward};
pub use statement::{Answered, Failure, Forwarded};
