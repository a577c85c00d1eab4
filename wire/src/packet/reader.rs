//! The read half: frames in, whole payloads out.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::frame::{HEADER_LEN, MAX_FRAME, MAX_PAYLOAD};
use crate::error::WireError;

/// How much is asked of the stream at once: little of one that says little, so that many idle
/// connections cost little memory, and more each time that it gave all it was asked for.
const LEAST_READ: usize = 8 * 1024;
const MOST_READ: usize = 64 * 1024;
/// How far [`PacketReader::closed`] reads ahead before it stops watching: a peer that pipelines
/// more than this while it has an answer outstanding is slowed down by its own socket.
const LOOK_AHEAD: usize = 1 << 20;

/// Reads payloads from a byte stream. All state lives in the reader, so every future may be dropped
/// at any time.
pub struct PacketReader<R> {
    io: R,
    buffer: BytesMut,
    /// How much to ask for next time.
    ask: usize,
    /// Frames of an unfinished payload.
    joined: BytesMut,
    next_seq: u8,
    limit: usize,
    /// Bytes of the frame being thrown away because its payload is over the limit.
    skipping: Option<Skip>,
}

/// Progress in throwing away an oversized payload.
#[derive(Clone, Copy)]
struct Skip {
    left_in_frame: usize,
    more_frames: bool,
    skipped: usize,
}

/// What came of [`PacketReader::visit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// The payload was shown and consumed.
    Taken,
    /// The payload has to be read; it may have been shown.
    Left,
    /// It has not been received yet.
    NeedBytes,
}

/// One step of [`PacketReader::buffered`].
enum Step {
    Payload(Bytes),
    NeedBytes,
    Again,
}

impl<R: AsyncRead + Unpin> PacketReader<R> {
    /// A reader that accepts payloads up to `limit` bytes (at most 1 GiB).
    pub fn new(io: R, limit: usize) -> Self {
        Self {
            io,
            buffer: BytesMut::with_capacity(LEAST_READ),
            ask: LEAST_READ,
            joined: BytesMut::new(),
            next_seq: 0,
            limit: limit.min(MAX_PAYLOAD),
            skipping: None,
        }
    }

    /// The largest payload accepted, bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the largest payload accepted, from the next frame on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(MAX_PAYLOAD);
    }

    /// The sequence number the next frame must carry.
    pub fn next_seq(&self) -> u8 {
        self.next_seq
    }

    /// Sets the sequence number expected next: 0 before a command, writer's number inside an
    /// exchange.
    pub fn set_next_seq(&mut self, seq: u8) {
        self.next_seq = seq;
    }

    /// Bytes received but not yet taken, for the switch to TLS.
    pub fn into_parts(self) -> (R, BytesMut) {
        (self.io, self.buffer)
    }

    /// Waits for the next payload. Cancel safe.
    pub async fn read(&mut self) -> Result<Bytes, WireError> {
        loop {
            if let Some(payload) = self.buffered()? {
                return Ok(payload);
            }
            self.fill().await?;
        }
    }

    /// The next payload if all of it has been received already.
    pub fn buffered(&mut self) -> Result<Option<Bytes>, WireError> {
        loop {
            match self.step()? {
                Step::Payload(payload) => return Ok(Some(payload)),
                Step::NeedBytes => return Ok(None),
                Step::Again => {}
            }
        }
    }

    /// Waits until the stream has given more bytes, for use with [`Self::buffered`] and
    /// [`Self::visit`]. Cancel safe.
    pub async fn more(&mut self) -> Result<(), WireError> {
        self.fill().await
    }

    /// Shows the next payload in place, if all of it has been received, and consumes it when `take`
    /// says so.
    ///
    /// Unlike [`Self::buffered`] this shares no ownership of the buffer: per payload nothing is
    /// counted or allocated, and the buffer is used again and again. A payload of several frames is
    /// not shown; it has to be read.
    pub fn visit(&mut self, take: impl FnOnce(&[u8]) -> bool) -> Result<Visit, WireError> {
        let Some((length, seq)) = self.peek_header() else {
            return Ok(Visit::NeedBytes);
        };
        if length >= MAX_FRAME
            || length > self.limit
            || !self.joined.is_empty()
            || self.skipping.is_some()
        {
            return Ok(Visit::Left);
        }
        let Some(payload) = self.buffer.get(HEADER_LEN..HEADER_LEN + length) else {
            self.want(length);
            return Ok(Visit::NeedBytes);
        };
        if seq != self.next_seq || !take(payload) {
            return Ok(Visit::Left);
        }
        self.buffer.advance(HEADER_LEN + length);
        self.next_seq = self.next_seq.wrapping_add(1);
        Ok(Visit::Taken)
    }

    /// Makes room for the rest of a frame of this length.
    fn want(&mut self, length: usize) {
        let missing = (HEADER_LEN + length).saturating_sub(self.buffer.len());
        self.buffer.reserve(missing);
    }

    /// Throws away the rest of the payload that made [`Self::read`] answer
    /// [`WireError::PacketTooLarge`], so that the peer finishes writing and can read the error.
    /// Gives up after 1 GiB. Cancel safe.
    pub async fn skip_oversized(&mut self) -> Result<(), WireError> {
        while let Some(skip) = self.skipping {
            let available = self.buffer.len().min(skip.left_in_frame);
            let _ = self.buffer.split_to(available);
            let skip = Skip {
                left_in_frame: skip.left_in_frame - available,
                skipped: skip.skipped + available,
                ..skip
            };
            self.skipping = Some(skip);
            if skip.skipped > MAX_PAYLOAD {
                return Err(WireError::PacketTooLarge { limit: MAX_PAYLOAD });
            }
            if skip.left_in_frame > 0 {
                self.fill().await?;
            } else if !skip.more_frames {
                self.skipping = None;
            } else if let Some(frame) = self.take_header()? {
                self.skipping = Some(Skip {
                    left_in_frame: frame,
                    more_frames: frame == MAX_FRAME,
                    ..skip
                });
            } else {
                self.fill().await?;
            }
        }
        Ok(())
    }

    /// Resolves when the peer has closed its side. What it sends meanwhile stays buffered for the
    /// next [`Self::read`]; beyond 1 MiB of such bytes the watch stops reading and never resolves.
    /// Cancel safe.
    pub async fn closed(&mut self) -> WireError {
        while self.buffer.len() < LOOK_AHEAD {
            if let Err(error) = self.fill().await {
                return error;
            }
        }
        std::future::pending().await
    }

    /// Appends what the stream has to the buffer.
    async fn fill(&mut self) -> Result<(), WireError> {
        if self.buffer.capacity() - self.buffer.len() < self.ask / 2 {
            self.buffer.reserve(self.ask);
        }
        let room = self.buffer.capacity() - self.buffer.len();
        let received = self.io.read_buf(&mut self.buffer).await?;
        if received == room {
            self.ask = (self.ask * 2).min(MOST_READ);
        } else if received < self.ask / 8 {
            self.ask = (self.ask / 2).max(LEAST_READ);
        }
        if received == 0 {
            let inside =
                !self.buffer.is_empty() || !self.joined.is_empty() || self.skipping.is_some();
            return Err(if inside {
                WireError::Truncated
            } else {
                WireError::Closed
            });
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Step, WireError> {
        let Some((length, _)) = self.peek_header() else {
            return Ok(Step::NeedBytes);
        };
        if self.joined.len() + length > self.limit {
            return self.refuse();
        }
        if self.buffer.len() < HEADER_LEN + length {
            self.want(length);
            return Ok(Step::NeedBytes);
        }
        self.take_header()?;
        let frame = self.buffer.split_to(length);
        if length < MAX_FRAME && self.joined.is_empty() {
            return Ok(Step::Payload(frame.freeze()));
        }
        self.joined.extend_from_slice(&frame);
        if length == MAX_FRAME {
            return Ok(Step::Again);
        }
        Ok(Step::Payload(std::mem::take(&mut self.joined).freeze()))
    }

    /// Turns the payload at the head of the buffer into one to be skipped.
    fn refuse(&mut self) -> Result<Step, WireError> {
        let Some(length) = self.take_header()? else {
            return Ok(Step::NeedBytes);
        };
        self.joined = BytesMut::new();
        self.skipping = Some(Skip {
            left_in_frame: length,
            more_frames: length == MAX_FRAME,
            skipped: 0,
        });
        Err(WireError::PacketTooLarge { limit: self.limit })
    }

    /// The frame header at the head of the buffer: the frame's length and number.
    fn peek_header(&self) -> Option<(usize, u8)> {
        match self.buffer.get(..HEADER_LEN) {
            Some(&[a, b, c, seq]) => {
                let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
                Some((length, seq))
            }
            _ => None,
        }
    }

    /// Consumes a frame header, checks its number and returns the frame's length; `None` if it is
    /// not there yet.
    fn take_header(&mut self) -> Result<Option<usize>, WireError> {
        let Some((length, got)) = self.peek_header() else {
            return Ok(None);
        };
        self.buffer.advance(HEADER_LEN);
        if got != self.next_seq {
            return Err(WireError::OutOfOrder {
                expected: self.next_seq,
                got,
            });
        }
        self.next_seq = self.next_seq.wrapping_add(1);
        Ok(Some(length))
    }
}
