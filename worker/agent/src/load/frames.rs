//! Takes a row stream apart (see [`orrery_worker_api::agent::frame`]). Pure.

use bytes::{Buf, Bytes};
use orrery_worker_api::agent::frame::{LENGTH_BYTES, MAX_FRAME, parse_end};
use thiserror::Error;

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
    Length { have: usize, bytes: [u8; LENGTH_BYTES] },
    Rows { left: usize },
    End { have: usize, bytes: [u8; 16] },
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
    use orrery_worker_api::agent::frame;

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
        [
            &frame::header(4)[..],
            b"1\t2\n",
            &frame::header(2),
            b"3\n",
            &frame::end(2, 6),
        ]
        .concat()
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
            decode(&frame::header(MAX_FRAME as u32 + 1), 4),
            Err(FrameError::TooLong(MAX_FRAME + 1))
        );
        let mut long = stream();
        long.push(0);
        assert_eq!(decode(&long, 5), Err(FrameError::AfterEnd));
    }
}
