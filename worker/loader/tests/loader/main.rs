//! The loader from its sources to real workers. One program, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stop at the first failure"
)]

mod buckets;
mod combinations;
mod common;
mod dialects;
mod durable;
mod end_to_end;
mod field;
mod formats;
mod memory;
mod rates;
mod same_rows;
mod samples;
mod stars;
mod supervise;
mod survey;
mod tables;
mod values_oracle;
