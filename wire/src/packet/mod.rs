//! Framing: payloads of any length over a byte stream.
//!
//! A frame is a 3-byte length, a 1-byte sequence number and the bytes. A payload of 0xFFFFFF bytes
//! or more is sent as full frames followed by one that is shorter (possibly empty).
//! [`PacketReader`] joins, [`PacketWriter`] splits.

mod frame;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use frame::{HEADER_LEN, MAX_FRAME, MAX_PAYLOAD};
pub use reader::{PacketReader, Visit};
pub use writer::PacketWriter;
