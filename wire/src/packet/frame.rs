//! Sizes of frames and payloads.

/// Bytes in front of each frame.
pub const HEADER_LEN: usize = 4;
/// The largest frame; a frame of exactly this length is always followed by another.
pub const MAX_FRAME: usize = 0xFF_FFFF;
/// What the protocol itself allows for one payload (1 GiB), whatever is configured.
pub const MAX_PAYLOAD: usize = 1 << 30;
