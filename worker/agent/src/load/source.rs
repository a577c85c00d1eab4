//! The loader's side of a LOAD: its body, read with a limit on silence and believed only when its
//! end-of-part record agrees.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use orrery_worker_api::frame::{Decoder, FrameError, Piece};
use tokio_util::sync::CancellationToken;

use crate::error::{AgentError, Result};

/// A request's body.
pub type RowStream = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, axum::Error>> + Send>>;

/// Rows and bytes of a part, as announced and received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What comes next in a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Rows.
    Rows(Bytes),
    /// The end; nothing follows.
    End(Sent),
}

/// A framed stream of rows.
pub struct Source {
    body: RowStream,
    decoder: Decoder,
    idle: Duration,
    pending: Bytes,
    received: u64,
    last: Option<u8>,
}

impl Source {
    /// Reads `body`; a silence of `idle` counts as a break.
    pub fn new(body: RowStream, idle: Duration) -> Self {
        Self {
            body,
            decoder: Decoder::default(),
            idle,
            pending: Bytes::new(),
            received: 0,
            last: None,
        }
    }

    /// Next rows, or the end when the record of it is there and agrees.
    pub async fn next(&mut self) -> Result<Next> {
        loop {
            match self
                .decoder
                .next(&mut self.pending)
                .map_err(|error: FrameError| bad(&error))?
            {
                Some(Piece::Rows(rows)) => {
                    self.received += rows.len() as u64;
                    self.last = rows.last().copied();
                    return Ok(Next::Rows(rows));
                }
                Some(Piece::End { rows, bytes }) => return self.end(Sent { rows, bytes }).await,
                None => match self.more().await? {
                    Some(bytes) => self.pending = bytes,
                    None => return Err(bad(&"the stream ended before its end-of-part record")),
                },
            }
        }
    }

    /// Reads what the caller still sends, so that it can hear the answer. A caller that sends for
    /// long holds up no seal, no discard and no shutdown: it is left when `cancelled` fires.
    pub async fn drain(&mut self, cancelled: &CancellationToken) {
        let rest = async { while let Ok(Some(_)) = self.more().await {} };
        cancelled.run_until_cancelled(rest).await;
    }

    async fn end(&mut self, sent: Sent) -> Result<Next> {
        let mut rest = std::mem::take(&mut self.pending);
        while rest.is_empty() {
            match self.more().await? {
                Some(bytes) => rest = bytes,
                None => return self.agree(sent),
            }
        }
        Err(bad(&FrameError::AfterEnd))
    }

    fn agree(&self, sent: Sent) -> Result<Next> {
        if sent.bytes != self.received {
            return Err(bad(&format!(
                "{} bytes were announced but {} came",
                sent.bytes, self.received
            )));
        }
        if self.last.is_some_and(|byte| byte != b'\n') {
            return Err(bad(&"the last row has no end"));
        }
        if self.last.is_none() && sent.rows > 0 {
            return Err(bad(&format!(
                "{} rows were announced but none came",
                sent.rows
            )));
        }
        Ok(Next::End(sent))
    }

    async fn more(&mut self) -> Result<Option<Bytes>> {
        match tokio::time::timeout(self.idle, self.body.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
            Ok(Some(Err(error))) => Err(bad(&format!("the stream broke: {error}"))),
            Err(_) => Err(bad(&format!("nothing came for {} s", self.idle.as_secs()))),
        }
    }
}

fn bad(reason: &dyn std::fmt::Display) -> AgentError {
    AgentError::BadStream(format!("rows of a part: {reason}"))
}

#[cfg(test)]
mod tests {
    use orrery_worker_api::frame;

    use super::*;

    async fn read(chunks: Vec<Vec<u8>>) -> Result<Sent> {
        let body = futures::stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))));
        let mut source = Source::new(Box::pin(body), Duration::from_secs(5));
        loop {
            if let Next::End(sent) = source.next().await? {
                return Ok(sent);
            }
        }
    }

    fn rows(text: &str) -> Vec<u8> {
        [&frame::header(text.len() as u32)[..], text.as_bytes()].concat()
    }

    #[tokio::test]
    async fn an_end_that_agrees_is_believed() {
        let sent = read(vec![rows("1\n2\n"), frame::end(2, 4).to_vec(), Vec::new()])
            .await
            .unwrap();
        assert_eq!(sent, Sent { rows: 2, bytes: 4 });
        assert_eq!(
            read(vec![frame::end(0, 0).to_vec()]).await.unwrap(),
            Sent { rows: 0, bytes: 0 }
        );
    }

    /// A caller that sends without end must not hold up a seal or a shutdown.
    #[tokio::test]
    async fn the_rest_of_a_stream_is_read_until_it_ends_or_the_load_is_cancelled() {
        let token = CancellationToken::new();
        let some = futures::stream::iter([Ok(Bytes::from_static(b"rest"))]);
        let mut ends = Source::new(Box::pin(some), Duration::MAX);
        ends.drain(&token).await;
        let silent = futures::stream::pending();
        let mut silent = Source::new(Box::pin(silent), Duration::MAX);
        let mut draining = std::pin::pin!(silent.drain(&token));
        assert!(futures::poll!(&mut draining).is_pending());
        token.cancel();
        assert!(futures::poll!(&mut draining).is_ready());
    }

    #[tokio::test]
    async fn a_stream_without_a_true_end_is_refused() {
        let cases = [
            vec![rows("300\n")],
            vec![rows("30"), frame::end(1, 2).to_vec()],
            vec![rows("300\n"), frame::end(1, 5).to_vec()],
            vec![frame::end(1, 0).to_vec()],
            vec![rows("300\n"), frame::end(1, 4).to_vec(), vec![0]],
        ];
        for case in cases {
            assert!(
                matches!(read(case.clone()).await, Err(AgentError::BadStream(_))),
                "{case:?}"
            );
        }
    }
}
