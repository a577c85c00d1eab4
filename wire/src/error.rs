//! The error of everything below a conversation: bytes, frames and what is in them.

use std::io;

/// What can go wrong while packets are read, written or taken apart.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The peer closed the stream between two packets.
    #[error("connection closed by the peer")]
    Closed,
    /// The peer closed the stream in the middle of a packet.
    #[error("connection closed by the peer inside a packet")]
    Truncated,
    /// The stream failed.
    #[error("connection failed")]
    Io(#[source] io::Error),
    /// A packet, or the packets that make one payload, exceed the limit in bytes.
    #[error("packet larger than max_allowed_packet ({limit} bytes)")]
    PacketTooLarge {
        /// The limit that was exceeded, bytes.
        limit: usize,
    },
    /// The sequence number of a packet does not follow the one before it.
    #[error("packets out of order: expected number {expected}, got {got}")]
    OutOfOrder {
        /// Sequence number that would have been right.
        expected: u8,
        /// Sequence number received.
        got: u8,
    },
    /// A packet does not have the form its place in the conversation asks for.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Self::Closed,
            _ => Self::Io(error),
        }
    }
}
