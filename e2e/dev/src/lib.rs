//! An archive without Kubernetes: real mysqld processes on loopback, chunk tables loaded directly,
//! and a snapshot file.
//!
//! [`archive`] is pure: tables and [`rows`] in, physical tables and a catalog out. [`mysqld`] runs
//! servers, [`load`] fills them, [`stack`] puts a whole archive together; [`sample`] has the sample
//! sky as tables, [`programs`] starts czar and proxy. The program `orrery-dev` (`make dev`) puts
//! them together for people; the oracle tests and the benchmark use the same parts.

pub mod archive;
pub mod load;
pub mod mysqld;
pub mod programs;
pub mod rows;
pub mod sample;
pub mod stack;
