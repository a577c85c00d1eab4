//! The write half: payloads in, frames out, buffered, with back-pressure.

use std::future::Future;
use std::io;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::frame::{HEADER_LEN, MAX_FRAME};
use crate::error::WireError;

/// Buffered bytes beyond which a write waits for the stream.
const HIGH_WATER: usize = 64 * 1024;
/// Payloads from this size on bypass the buffer.
const DIRECT: usize = 256 * 1024;

/// Writes payloads to a byte stream. Frames gather in a buffer until it is full or
/// [`PacketWriter::flush`] is called.
///
/// A future of this type that is dropped half-way may leave part of a frame on the stream: after
/// that the connection can only be closed.
pub struct PacketWriter<W> {
    io: W,
    buffer: BytesMut,
    next_seq: u8,
    bytes: u64,
    /// How long the stream may take no byte.
    timeout: Option<Duration>,
}

impl<W: AsyncWrite + Unpin> PacketWriter<W> {
    /// A writer with an empty buffer, sequence number 0.
    pub fn new(io: W) -> Self {
        Self {
            io,
            buffer: BytesMut::with_capacity(4096),
            next_seq: 0,
            bytes: 0,
            timeout: None,
        }
    }

    /// The sequence number the next frame will carry.
    pub fn next_seq(&self) -> u8 {
        self.next_seq
    }

    /// Sets the number of the next frame.
    pub fn set_next_seq(&mut self, seq: u8) {
        self.next_seq = seq;
    }

    /// Bytes written so far, with those that wait for a flush; frames' headers do not count.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// From now on a stream that takes no byte for so long is an error.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Gives the stream back. Unflushed bytes are lost.
    pub fn into_inner(self) -> W {
        self.io
    }

    /// Queues a payload; waits only when the buffer is full.
    pub async fn write(&mut self, payload: &[u8]) -> Result<(), WireError> {
        if payload.len() >= DIRECT {
            return self.write_large(payload).await;
        }
        self.put_header(payload.len());
        self.buffer.put_slice(payload);
        self.relieve().await
    }

    /// Queues a payload if the buffer has room, without waiting; false when [`Self::write`] is
    /// needed.
    pub fn try_queue(&mut self, payload: &[u8]) -> bool {
        let fits = payload.len() < DIRECT && self.buffer.len() < HIGH_WATER;
        if fits {
            self.put_header(payload.len());
            self.buffer.put_slice(payload);
        }
        fits
    }

    /// Queues a payload that `encode` appends to the buffer, without a copy.
    pub async fn write_with(
        &mut self,
        encode: impl FnOnce(&mut BytesMut),
    ) -> Result<(), WireError> {
        self.try_write_with(|buffer| {
            encode(buffer);
            Ok::<(), WireError>(())
        })
        .await
    }

    /// As [`Self::write_with`]; when `encode` fails, nothing of the payload is sent.
    pub async fn try_write_with<E: From<WireError>>(
        &mut self,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.buffer.len();
        self.buffer.put_bytes(0, HEADER_LEN);
        if let Err(error) = encode(&mut self.buffer) {
            self.buffer.truncate(start);
            return Err(error);
        }
        let length = self.buffer.len() - start - HEADER_LEN;
        if length >= MAX_FRAME {
            let mut encoded = self.buffer.split_off(start);
            let payload = encoded.split_off(HEADER_LEN);
            return Ok(self.write_large(&payload).await?);
        }
        self.bytes += length as u64;
        let seq = self.take_seq();
        if let Some(header) = self.buffer.get_mut(start..start + HEADER_LEN) {
            header.copy_from_slice(&frame_header(length, seq));
        }
        Ok(self.relieve().await?)
    }

    /// Sends everything that is buffered.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        self.drain().await?;
        Ok(within(self.timeout, self.io.flush()).await?)
    }

    /// Whether bytes wait for a flush.
    pub fn has_unsent(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Closes the write side after what is buffered has been sent.
    pub async fn shutdown(&mut self) -> Result<(), WireError> {
        self.drain().await?;
        Ok(self.io.shutdown().await?)
    }

    async fn relieve(&mut self) -> Result<(), WireError> {
        if self.buffer.len() >= HIGH_WATER {
            self.drain().await
        } else {
            Ok(())
        }
    }

    async fn drain(&mut self) -> Result<(), WireError> {
        while !self.buffer.is_empty() {
            // Not `write_buf`: one buffer needs no scatter list.
            match within(self.timeout, self.io.write(&self.buffer)).await? {
                0 => return Err(WireError::Closed),
                sent => self.buffer.advance(sent),
            }
        }
        Ok(())
    }

    async fn write_large(&mut self, payload: &[u8]) -> Result<(), WireError> {
        for frame in payload.chunks(MAX_FRAME) {
            self.put_header(frame.len());
            self.drain().await?;
            let mut left = frame;
            while !left.is_empty() {
                let sent = within(self.timeout, self.io.write(left)).await?;
                left = left
                    .get(sent..)
                    .filter(|_| sent > 0)
                    .ok_or(WireError::Closed)?;
            }
        }
        // A full last frame promises another one: an empty frame keeps the promise.
        if payload.len().is_multiple_of(MAX_FRAME) {
            self.put_header(0);
        }
        Ok(())
    }

    fn put_header(&mut self, length: usize) {
        self.bytes += length as u64;
        let seq = self.take_seq();
        self.buffer.put_slice(&frame_header(length, seq));
    }

    fn take_seq(&mut self) -> u8 {
        let seq = self.next_seq;
        self.next_seq = seq.wrapping_add(1);
        seq
    }
}

/// One step of writing, which may not take longer than `timeout`. Most steps do not wait, and cost
/// no timer.
async fn within<T>(
    timeout: Option<Duration>,
    step: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let Some(timeout) = timeout else {
        return step.await;
    };
    let mut step = std::pin::pin!(step);
    if let Poll::Ready(done) =
        std::future::poll_fn(|context| Poll::Ready(step.as_mut().poll(context))).await
    {
        return done;
    }
    match tokio::time::timeout(timeout, step).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the peer takes no more bytes",
        )),
    }
}

/// `length` is at most [`MAX_FRAME`], so three bytes hold it.
fn frame_header(length: usize, seq: u8) -> [u8; HEADER_LEN] {
    [length as u8, (length >> 8) as u8, (length >> 16) as u8, seq]
}
