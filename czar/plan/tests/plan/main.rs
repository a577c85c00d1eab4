//! Statements planned over a catalog: what comes out, what is refused, and whether the parts give
//! the whole. One program, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

mod bounds;
mod common;
mod derived;
mod gather;
mod golden;
mod grammar;
mod names;
mod near;
mod plans;
mod qserv;
mod queries_in_from;
mod refusals;
mod soundness;
mod soups;
mod subqueries;
mod versions;
mod whole_groups;
