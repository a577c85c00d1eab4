//! The audit log: who read what. One line of JSON for each log-in, refusal and statement.
//!
//! [`record`] says what stands in a line, [`log`] carries lines to [`sink`], which writes them to
//! standard output or a file. Statements never wait for it: lines that find the queue full, or
//! cannot be written, are counted, in the metrics and in the log itself.

mod log;
mod record;
mod sink;

pub use log::AuditLog;
pub use record::{Asked, Event, Record, kept, tables};
pub use sink::{Destination, Rotation};
