//! The oracle: one plain MariaDB that holds the same rows says what the right answer is.
//!
//! [`data`] makes tables with every kind of column, [`corpus`] has the queries, [`client`] asks
//! either side in text or binary protocol, [`compare`] says where two answers differ, [`site`] runs
//! both sides, [`evidence`] is what the workers say about it, [`fuzz`] finds statements that the
//! corpus lacks.

pub mod client;
pub mod compare;
pub mod corpus;
pub mod data;
pub mod evidence;
pub mod fuzz;
pub mod process;
pub mod site;
