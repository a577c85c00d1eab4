//! The czar: answers SELECTs over chunked tables by asking workers.
//!
//! A proxy's statement comes in through [`server`] with its user and settings, is planned by `orrery-plan`, gets its metadata from the
//! [`frontend`] mysqld, is dispatched to workers as tasks ([`dispatch`]) whose rows are held until complete ([`spool`]), is merged
//! and sent back. Nothing here outlives the process: a czar may die at any time.

pub mod backend;
pub mod dispatch;
pub mod errors;
pub mod frontend;
pub mod server;
pub mod spool;
