//! Trials: whether mysqld takes the tables that a declared one would consist of. They are made in a
//! scratch database of each trial's own, so that trials at a time do not meet.
//!
//! A scratch database goes at the end of its trial. One that stayed, because its agent or mysqld
//! died, goes before the next trial and when mysqld is prepared ([`crate::watch`]).

pub mod run;
pub mod scratch;
