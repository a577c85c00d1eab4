//! The client's side of a conversation: connect, send statements, receive rows as raw packets.
//!
//! A [`ClientConnection`] never asks for multi-statements or MariaDB's extended metadata, so one text is one statement and rows have the form every other part expects. It
//! remembers whether an answer is still outstanding ([`ClientConnection::is_idle`]): only an idle
//! connection may go back to a pool. Of a client's files it sends none: what a `LOAD DATA LOCAL` reads
//! is what [`ClientConnection::load_local`] was given.

mod connection;
mod error;
mod handshake;
mod load_local;
mod options;
mod query;
mod statement;

pub use connection::ClientConnection;
pub use error::ClientError;
pub use options::{ClientOptions, ClientTls, Endpoint};
pub use query::{Next, Pause, RawResponse, Response};
pub use statement::Prepared;
