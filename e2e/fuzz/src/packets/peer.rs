//! Peers whose words are known beforehand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use orrery_wire::CapabilityFlags;
use orrery_wire::auth::{AuthMethod, SCRAMBLE_LEN, scramble};
use orrery_wire::packet::HEADER_LEN;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What answers the first words that are heard.
type Answer = Box<dyn FnOnce(&[u8]) -> Bytes + Send>;

/// A peer that is always ready, and whose words come in pieces.
pub(super) struct Peer {
    words: Bytes,
    piece: usize,
    heard: BytesMut,
    answer: Option<Answer>,
}

impl Peer {
    /// One that says `words`, whatever it hears.
    pub(super) fn saying(words: &[u8], piece: u8) -> Self {
        Self {
            words: Bytes::copy_from_slice(words),
            piece: 1 + usize::from(piece),
            heard: BytesMut::new(),
            answer: None,
        }
    }

    /// One that answers what it hears first, and then says `words`.
    pub(super) fn answering(answer: Answer, words: &[u8]) -> Self {
        Self {
            answer: Some(answer),
            ..Self::saying(words, u8::MAX)
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(answer) = self.answer.take() {
            self.words = [answer(&self.heard), self.words.clone()].concat().into();
        }
        let count = self.piece.min(self.words.len()).min(out.remaining());
        out.put_slice(&self.words.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.answer.is_some() {
            self.heard.put_slice(bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The packet in which a client answers a greeting, with these capabilities at least, and proves its
/// password, which is its name.
pub(super) fn introduction(greeting: &[u8], capabilities: u32, name: &str) -> Bytes {
    use CapabilityFlags as C;
    let needed = C::CLIENT_PROTOCOL_41
        | C::CLIENT_SECURE_CONNECTION
        | C::CLIENT_PLUGIN_AUTH
        | C::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA;
    let unwanted = C::CLIENT_SSL | C::CLIENT_CONNECT_WITH_DB | C::CLIENT_CONNECT_ATTRS;
    let capabilities = (capabilities | needed.bits()) & !unwanted.bits();
    let proof = scramble(AuthMethod::Native, &challenge(greeting), name.as_bytes());
    let mut body = BytesMut::new();
    body.put_u32_le(capabilities);
    body.put_u32_le(u32::MAX);
    body.put_u8(45);
    body.put_bytes(0, 23);
    body.put_slice(name.as_bytes());
    body.put_u8(0);
    body.put_u8(proof.len() as u8);
    body.put_slice(&proof);
    body.put_slice(AuthMethod::Native.plugin().as_bytes());
    body.put_u8(0);
    let mut packet = BytesMut::new();
    packet.put_uint_le(body.len() as u64, 3);
    packet.put_u8(1);
    packet.put_slice(&body);
    packet.freeze()
}

/// The challenge of a greeting: eight bytes after the version and the connection's number, the others
/// after the capabilities.
fn challenge(greeting: &[u8]) -> Vec<u8> {
    let body = greeting.get(HEADER_LEN + 1..).unwrap_or_default();
    let version = body.iter().position(|byte| *byte == 0).unwrap_or(0);
    let part = |from: usize, length: usize| {
        let from = version + 1 + from;
        body.get(from..from + length).unwrap_or_default()
    };
    [
        part(4, 8),
        part(4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10, SCRAMBLE_LEN - 8),
    ]
    .concat()
}
