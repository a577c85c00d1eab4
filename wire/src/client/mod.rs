//! The client's side of a conversation: connect, send statements, receive rows as raw packets.
//!
//! A [`ClientConnection`] never asks for multi-statements, LOCAL INFILE or MariaDB's extended
//! metadata, so one text is one statement and rows have the form every other part expects. It
//! remembers whether an answer is still outstanding ([`ClientConnection::is_idle`]): only an idle
//! connection may go back to a pool.

mod connection;
mod error;
mod handshake;
mod options;
mod query;
mod statement;

pub use connection::ClientConnection;
pub use error::ClientError;
pub use options::{ClientOptions, ClientTls, Endpoint};
pub use query::{Next, Pause, RawResponse, Response};
pub use statement::Prepared;
