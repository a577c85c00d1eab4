//! The server's side of a conversation: handshake, commands in, answers out.
//!
//! The caller drives: [`ServerConnection::handshake`] (or its two steps, [`Introduced::greet`] and
//! [`Introduced::authenticate`], where a client may be turned away between them), then
//! [`ServerConnection::read_command`] and an answer through [`ResponseWriter`], again and again.
//! Nothing is answered behind the caller's back except a failed login and a packet over the limit.

mod auth;
mod config;
mod connection;
mod halves;
mod handshake;
mod session;
mod writer;

pub use auth::Authenticator;
pub use config::ServerConfig;
pub use connection::{DisconnectWatch, ServerConnection};
pub use handshake::{Introduced, refuse_connection};
pub use session::{HandshakeError, Session};
pub use writer::{ResponseWriter, WriteRowError};
