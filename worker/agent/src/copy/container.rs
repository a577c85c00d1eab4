//! How a table travels: sections, each a kind, blocks with their lengths, a zero length and the
//! SHA-256 of its bytes; then an end mark. A stream that breaks off lacks the mark, one that was
//! changed fails its hash.

use std::pin::Pin;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::SinkExt;
use futures::channel::mpsc::Sender;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::{AgentError, Result};

const MAGIC: [u8; 8] = *b"ORRYTBL1";
/// Largest block.
const BLOCK: usize = 1 << 20;

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The source's `SHOW CREATE TABLE`.
    Definition,
    /// The `.cfg` file.
    Config,
    /// The `.ibd` file.
    Tablespace,
}

/// All sections, in the order they travel.
pub const SECTIONS: [Section; 3] = [Section::Definition, Section::Config, Section::Tablespace];
const END: u8 = 0;

impl Section {
    fn mark(self) -> u8 {
        match self {
            Self::Definition => 1,
            Self::Config => 2,
            Self::Tablespace => 3,
        }
    }
}

/// Blocks of a stream on their way to the network.
pub type BlockSender = Sender<std::io::Result<Bytes>>;

/// Writes a table's stream.
pub struct Writer {
    blocks: BlockSender,
    idle: Duration,
    sent: u64,
}

impl Writer {
    /// Sends to `blocks`; a reader that takes nothing for `idle` counts as gone.
    pub fn new(blocks: BlockSender, idle: Duration) -> Self {
        Self {
            blocks,
            idle,
            sent: 0,
        }
    }

    /// Begins the stream.
    pub async fn begin(&mut self) -> Result<()> {
        self.send(Bytes::from_static(&MAGIC)).await
    }

    /// Sends a section.
    pub async fn section(
        &mut self,
        section: Section,
        mut content: impl AsyncRead + Unpin,
    ) -> Result<()> {
        self.send(Bytes::copy_from_slice(&[section.mark()])).await?;
        let mut digest = Sha256::new();
        loop {
            let mut block = BytesMut::with_capacity(4 + BLOCK);
            block.put_u32(0);
            while block.len() < 4 + BLOCK
                && content
                    .read_buf(&mut (&mut block).limit(4 + BLOCK))
                    .await
                    .map_err(read)?
                    > 0
            {}
            let length = block.len() - 4;
            if length == 0 {
                break;
            }
            let (head, bytes) = block.split_at_mut(4);
            head.copy_from_slice(&(length as u32).to_be_bytes());
            digest.update(bytes);
            self.send(block.freeze()).await?;
        }
        let mut end = BytesMut::with_capacity(4 + 32);
        end.put_u32(0);
        end.put_slice(&digest.finalize());
        self.send(end.freeze()).await
    }

    /// Ends the stream; bytes sent in all.
    pub async fn end(&mut self) -> Result<u64> {
        self.send(Bytes::from_static(&[END])).await?;
        Ok(self.sent)
    }

    async fn send(&mut self, block: Bytes) -> Result<()> {
        self.sent += block.len() as u64;
        match tokio::time::timeout(self.idle, self.blocks.send(Ok(block))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(AgentError::Peer(
                "the reader of a tablespace went away".into(),
            )),
            Err(_) => Err(AgentError::Peer(
                "the reader of a tablespace takes nothing any more".into(),
            )),
        }
    }
}

fn read(source: std::io::Error) -> AgentError {
    AgentError::io("read a tablespace", source)
}

/// Reads a table's stream.
pub struct Reader {
    stream: Pin<Box<dyn AsyncRead + Send>>,
    idle: Duration,
    received: u64,
}

impl Reader {
    /// Reads from `stream`; a silence of `idle` counts as a break.
    pub fn new(stream: impl AsyncRead + Send + 'static, idle: Duration) -> Self {
        Self {
            stream: Box::pin(stream),
            idle,
            received: 0,
        }
    }

    /// Checks the beginning.
    pub async fn begin(&mut self) -> Result<()> {
        let mut magic = [0; MAGIC.len()];
        self.exact(&mut magic).await?;
        if magic == MAGIC {
            Ok(())
        } else {
            Err(damaged("it is no table stream of this version"))
        }
    }

    /// Writes a section's bytes to `target`, after which they are known to be what was sent.
    pub async fn section(
        &mut self,
        section: Section,
        target: &mut (impl AsyncWrite + Unpin),
    ) -> Result<()> {
        let mut mark = [0];
        self.exact(&mut mark).await?;
        if mark != [section.mark()] {
            return Err(damaged(&format!(
                "a section {mark:?} stands where {section:?} must be"
            )));
        }
        let mut digest = Sha256::new();
        let mut block = vec![0; BLOCK];
        loop {
            let mut length = [0; 4];
            self.exact(&mut length).await?;
            let length = u32::from_be_bytes(length) as usize;
            let Some(bytes) = block.get_mut(..length) else {
                return Err(damaged(&format!("a block of {length} bytes")));
            };
            if bytes.is_empty() {
                break;
            }
            self.exact(bytes).await?;
            digest.update(&*bytes);
            target
                .write_all(bytes)
                .await
                .map_err(|source| AgentError::io("write a tablespace", source))?;
        }
        let mut sent = [0; 32];
        self.exact(&mut sent).await?;
        if digest.finalize().as_slice() == sent {
            Ok(())
        } else {
            Err(damaged(&format!("the hash of its {section:?} differs")))
        }
    }

    /// Checks the end; bytes received in all.
    pub async fn end(&mut self) -> Result<u64> {
        let mut mark = [0];
        self.exact(&mut mark).await?;
        if mark == [END] {
            Ok(self.received)
        } else {
            Err(damaged("it does not end where it must"))
        }
    }

    async fn exact(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.received += bytes.len() as u64;
        match tokio::time::timeout(self.idle, self.stream.read_exact(bytes)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(AgentError::Peer(format!(
                "the stream of a table broke: {error}"
            ))),
            Err(_) => Err(AgentError::Peer(
                "the stream of a table stands still".into(),
            )),
        }
    }
}

fn damaged(what: &str) -> AgentError {
    AgentError::Mismatch(format!("the stream of a table is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    const IDLE: Duration = Duration::from_secs(5);

    async fn written() -> Vec<u8> {
        let (sender, receiver) = futures::channel::mpsc::channel(64);
        let mut writer = Writer::new(sender, IDLE);
        writer.begin().await.unwrap();
        for (section, content) in
            SECTIONS
                .into_iter()
                .zip([b"create".to_vec(), Vec::new(), vec![7; BLOCK + 5]])
        {
            writer.section(section, content.as_slice()).await.unwrap();
        }
        let sent = writer.end().await.unwrap();
        drop(writer);
        let stream: Vec<Bytes> = receiver.map(|block| block.unwrap()).collect().await;
        let stream = stream.concat();
        assert_eq!(stream.len() as u64, sent);
        stream
    }

    async fn read(stream: Vec<u8>) -> Result<[Vec<u8>; 3]> {
        let mut reader = Reader::new(std::io::Cursor::new(stream), IDLE);
        let mut contents = [Vec::new(), Vec::new(), Vec::new()];
        reader.begin().await?;
        for (section, content) in SECTIONS.into_iter().zip(&mut contents) {
            reader.section(section, content).await?;
        }
        reader.end().await?;
        Ok(contents)
    }

    #[tokio::test]
    async fn sections_come_out_as_they_went_in() {
        let [definition, config, tablespace] = read(written().await).await.unwrap();
        assert_eq!((definition.as_slice(), config.len()), (&b"create"[..], 0));
        assert_eq!(tablespace, vec![7; BLOCK + 5]);
    }

    #[tokio::test]
    async fn a_flipped_byte_or_a_cut_anywhere_is_detected() {
        let stream = written().await;
        let places = (0..160).chain([BLOCK / 2, stream.len() - 40, stream.len() - 1]);
        for place in places {
            let mut flipped = stream.clone();
            flipped[place] ^= 1;
            assert!(read(flipped).await.is_err(), "flip at {place}");
            assert!(
                read(stream[..place].to_vec()).await.is_err(),
                "cut at {place}"
            );
        }
    }
}
