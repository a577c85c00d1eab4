//! What proxies and czars say to each other in addition to the statement itself.
//!
//! They speak the MySQL protocol. A [`Question`] travels as query attributes of COM_QUERY; the
//! dataEpoch of an answer ([`answer`]) travels as a tracked session variable in its last packet; a
//! [`Killer`] travels as query attributes of a KILL from one proxy to another. Each is a value with
//! one way to write it and one way to read it, so both ends agree by construction.

pub mod answer;
mod attributes;
mod killer;
mod question;

pub use killer::Killer;
pub use question::Question;
