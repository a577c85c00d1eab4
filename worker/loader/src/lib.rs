//! The loader: reads the sources of one Ingest, finds each row's chunk, and sends the rows to the
//! workers' agents.
//!
//! The way of a record: [`source`] (bytes, hashed, decompressed) → where files have types [`typed`]
//! (their rows as text) → [`dialect`] (records and fields) → [`values`] (checked against the column
//! types) → [`survey`] (chunk, key, spool) → [`load`] (framed rows to every replica). [`job`] keeps the state the operator asks for, [`server`] is the
//! HTTPS API it asks through, [`supervise`] is the pod's first process.
//!
//! Keeps true: a row is either loaded exactly as MariaDB's strict mode would store it or named in
//! the list of rejects; the same sources and the same index give the same spool, byte for byte;
//! nothing the loader does is visible before the operator publishes.

#![forbid(unsafe_code)]

mod admin;
pub mod config;
pub mod dialect;
pub mod disk;
pub mod fault;
pub mod job;
pub mod load;
pub mod peers;
pub mod progress;
pub mod server;
pub mod source;
pub mod supervise;
pub mod survey;
pub mod typed;
pub mod values;
