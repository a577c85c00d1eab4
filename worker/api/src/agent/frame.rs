//! Framing of row streams between loader and agent.
//!
//! A body is a run of frames, each a 4-byte big-endian length and that many bytes of rows, and ends
//! with the end-of-part record: a zero length, then rows and bytes sent, 8 bytes big-endian each.
//! The agent commits only after that record (docs/design/ingest.md#loading: a writer that dies
//! inside `300` gives `30` without a warning).
//!
//! Rows are what
//! `LOAD DATA … CHARACTER SET binary FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'`
//! takes.

/// Bytes of the length before each frame.
pub const LENGTH_BYTES: usize = 4;
/// Bytes of the end-of-part record, the zero length included.
pub const END_BYTES: usize = LENGTH_BYTES + 16;
/// Largest frame; a larger length is an error.
pub const MAX_FRAME: usize = 16 << 20;

/// Length prefix of a frame.
pub fn header(length: u32) -> [u8; LENGTH_BYTES] {
    length.to_be_bytes()
}

/// End-of-part record.
pub fn end(rows: u64, bytes: u64) -> [u8; END_BYTES] {
    let mut record = [0; END_BYTES];
    record[LENGTH_BYTES..LENGTH_BYTES + 8].copy_from_slice(&rows.to_be_bytes());
    record[LENGTH_BYTES + 8..].copy_from_slice(&bytes.to_be_bytes());
    record
}

/// Rows and bytes of an end-of-part record after its zero length.
pub fn parse_end(record: [u8; 16]) -> (u64, u64) {
    let (rows, bytes) = record.split_at(8);
    (be(rows), be(bytes))
}

fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| (value << 8) | u64::from(*byte))
}
