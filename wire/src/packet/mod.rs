//! Framing: payloads of any length over a byte stream.
//!
//! A frame is a 3-byte length, a 1-byte sequence number and the bytes. A payload of 0xFFFFFF bytes or more is sent
//! as full frames followed by one that is shorter (possibly empty). [`PacketReader`] joins, [`PacketWriter`] splits.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{PacketReader, Visit};
pub use writer::PacketWriter;

/// Bytes in front of each frame.
pub const HEADER_LEN: usize = 4;
/// The largest frame; a frame of exactly this length is always followed by another.
pub const MAX_FRAME: usize = 0xFF_FFFF;
/// What the protocol itself allows for one payload (1 GiB), whatever is configured.
pub const MAX_PAYLOAD: usize = 1 << 30;
