//! The MySQL protocol, both sides, with no product logic.
//!
//! A query crosses this crate four times: client → proxy (server side), proxy → czar (client side,
//! then server side) and czar → worker (client side). Both sides share one framing layer
//! ([`packet`]), so rows travel as raw packets that need no decoding on the way.
//!
//! What it keeps true:
//! * a packet is never silently cut: payloads of 16 MiB and more are split and joined, up to a
//!   stated limit;
//! * every read is cancel safe: a dropped future loses no byte, so a caller may watch for a
//!   disconnect or a kill while it waits for rows;
//! * nothing a peer sends makes this crate panic or allocate more than the limit the caller set;
//! * passwords are checked, never assumed: each way into a session goes through
//!   [`server::Authenticator`].
//!
//! Layers, bottom up: [`transport`] (bytes, TLS) → [`packet`] (frames) → [`codec`], [`column`],
//! [`reply`], [`command`], [`statement`], [`value`], [`errors`] (what is in a frame) → [`server`]
//! and [`client`] (conversations).

pub mod auth;
pub mod client;
pub mod codec;
pub mod column;
pub mod command;
mod error;
pub mod errors;
pub mod load_data;
pub mod packet;
pub mod reply;
pub mod server;
pub mod statement;
pub mod transport;
pub mod value;

pub use column::{ColumnDef, RawColumns};
pub use error::WireError;
pub use mysql_common::Value;
pub use mysql_common::constants::{CapabilityFlags, ColumnFlags, ColumnType, StatusFlags};
pub use reply::{OkPacket, ServerError};
pub use value::Format;
