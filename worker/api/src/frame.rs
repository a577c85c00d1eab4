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

use bytes::{Buf, Bytes};
use thiserror::Error;

/// Bytes of the length before each frame.
const LENGTH_BYTES: usize = 4;
/// Bytes of the end-of-part record, the zero length included.
const END_BYTES: usize = LENGTH_BYTES + 16;
/// Largest frame; a larger length is an error.
pub const MAX_FRAME: usize = 16 << 20;
/// Bytes of rows in a frame that [`Encoder`] writes; well below [`MAX_FRAME`] so that little waits
/// in memory.
const FRAME: usize = 256 << 10;

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
fn parse_end(record: [u8; 16]) -> (u64, u64) {
    let (rows, bytes) = record.split_at(8);
    (be(rows), be(bytes))
}

fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// Collects rows into frames, and counts them for the end-of-part record.
#[derive(Debug, Default)]
pub struct Encoder {
    frame: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl Encoder {
    /// Takes `text`, which ends `rows` rows; frames that are full go to `send`.
    pub fn push<E>(
        &mut self,
        text: &[u8],
        rows: u64,
        send: &mut impl FnMut(Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        self.frame.extend_from_slice(text);
        self.rows += rows;
        self.bytes += text.len() as u64;
        while self.frame.len() >= FRAME {
            let rest = self.frame.split_off(FRAME);
            let full = std::mem::replace(&mut self.frame, rest);
            send_frame(full, send)?;
        }
        Ok(())
    }

    /// Sends the last frame and the end-of-part record.
    pub fn end<E>(self, send: &mut impl FnMut(Bytes) -> Result<(), E>) -> Result<(), E> {
        if !self.frame.is_empty() {
            send_frame(self.frame, send)?;
        }
        send(Bytes::copy_from_slice(&end(self.rows, self.bytes)))
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

fn send_frame<E>(rows: Vec<u8>, send: &mut impl FnMut(Bytes) -> Result<(), E>) -> Result<(), E> {
    send(Bytes::copy_from_slice(&header(rows.len() as u32)))?;
    send(Bytes::from(rows))
}

/// What is wrong with a stream.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// A length above the limit.
    #[error("a frame of {0} bytes; at most {MAX_FRAME} are allowed")]
    TooLong(usize),
    /// Bytes after the end-of-part record.
    #[error("bytes after the end-of-part record")]
    AfterEnd,
}

/// A piece of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Rows; borders of frames and rows need not meet.
    Rows(Bytes),
    /// The end-of-part record: rows and bytes the loader says it sent.
    End {
        /// Rows.
        rows: u64,
        /// Bytes.
        bytes: u64,
    },
}

#[derive(Debug)]
enum State {
    Length {
        have: usize,
        bytes: [u8; LENGTH_BYTES],
    },
    Rows {
        left: usize,
    },
    End {
        have: usize,
        bytes: [u8; 16],
    },
    Done,
}

/// Decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    state: State,
}

const NEXT: State = State::Length {
    have: 0,
    bytes: [0; LENGTH_BYTES],
};

impl Default for Decoder {
    fn default() -> Self {
        Self { state: NEXT }
    }
}

impl Decoder {
    /// Next piece of `input`; `None` when more input is needed, all of `input` being used up then.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Piece>, FrameError> {
        while input.has_remaining() {
            match &mut self.state {
                State::Length { have, bytes } => {
                    fill(bytes, have, input);
                    if *have == LENGTH_BYTES {
                        self.state = after_length(u32::from_be_bytes(*bytes) as usize)?;
                    }
                }
                State::Rows { left } => {
                    let rows = input.split_to(input.len().min(*left));
                    *left -= rows.len();
                    if *left == 0 {
                        self.state = NEXT;
                    }
                    return Ok(Some(Piece::Rows(rows)));
                }
                State::End { have, bytes } => {
                    fill(bytes, have, input);
                    if *have == bytes.len() {
                        let (rows, bytes) = parse_end(*bytes);
                        self.state = State::Done;
                        return Ok(Some(Piece::End { rows, bytes }));
                    }
                }
                State::Done => return Err(FrameError::AfterEnd),
            }
        }
        Ok(None)
    }
}

fn after_length(length: usize) -> Result<State, FrameError> {
    match length {
        0 => Ok(State::End {
            have: 0,
            bytes: [0; 16],
        }),
        1..=MAX_FRAME => Ok(State::Rows { left: length }),
        _ => Err(FrameError::TooLong(length)),
    }
}

/// Moves what fits from `input` to the unfilled part of `target`.
fn fill(target: &mut [u8], have: &mut usize, input: &mut Bytes) {
    let (_, unfilled) = target.split_at_mut(*have);
    let count = unfilled.len().min(input.len());
    let (now, _) = unfilled.split_at_mut(count);
    input.copy_to_slice(now);
    *have += count;
}

#[cfg(test)]
mod tests {
    use super::*;

    type Decoded = (Vec<u8>, Option<(u64, u64)>);

    fn decode(stream: &[u8], step: usize) -> Result<Decoded, FrameError> {
        let mut decoder = Decoder::default();
        let (mut rows, mut end) = (Vec::new(), None);
        for chunk in stream.chunks(step) {
            let mut input = Bytes::copy_from_slice(chunk);
            while let Some(piece) = decoder.next(&mut input)? {
                match piece {
                    Piece::Rows(bytes) => rows.extend_from_slice(&bytes),
                    Piece::End { rows, bytes } => end = Some((rows, bytes)),
                }
            }
        }
        Ok((rows, end))
    }

    fn stream() -> Vec<u8> {
        [&header(4)[..], b"1\t2\n", &header(2), b"3\n", &end(2, 6)].concat()
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_rows_and_end() {
        for step in 1..=stream().len() {
            assert_eq!(
                decode(&stream(), step),
                Ok((b"1\t2\n3\n".to_vec(), Some((2, 6)))),
                "{step}"
            );
        }
    }

    #[test]
    fn a_stream_that_breaks_off_has_no_end() {
        let whole = stream();
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length], 7).unwrap().1, None, "{length}");
        }
    }

    #[test]
    fn long_frames_and_bytes_after_the_end_are_errors() {
        assert_eq!(
            decode(&header(MAX_FRAME as u32 + 1), 4),
            Err(FrameError::TooLong(MAX_FRAME + 1))
        );
        let mut long = stream();
        long.push(0);
        assert_eq!(decode(&long, 5), Err(FrameError::AfterEnd));
    }

    #[test]
    fn what_was_encoded_is_decoded_with_its_counts() {
        let row = [b'x'; 1000];
        let (mut encoder, mut stream) = (Encoder::default(), Vec::new());
        let mut send = |bytes: Bytes| {
            stream.extend_from_slice(&bytes);
            Ok::<_, std::convert::Infallible>(())
        };
        for _ in 0..3000 {
            encoder.push(&row, 1, &mut send).unwrap();
        }
        assert_eq!(encoder.rows(), 3000);
        encoder.end(&mut send).unwrap();
        assert_eq!(
            decode(&stream, 8192),
            Ok((vec![b'x'; 3_000_000], Some((3000, 3_000_000))))
        );
    }
}
