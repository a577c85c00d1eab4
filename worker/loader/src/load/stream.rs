//! One unit as a framed body, and its end checked against what the agent says it committed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream;
use orrery_worker_api::CallError;
use orrery_worker_api::agent::{LoadTarget, Loaded};
use orrery_worker_api::client::Body;
use orrery_worker_api::frame::Encoder;
use tokio::sync::mpsc;

use super::plan::{Blocks, Unit, UnitRows};
use super::tools::LoadTools;
use crate::survey::spool::{data_path, read_block};
use crate::survey::{IndexPiece, index_path};

/// Bytes read from a file at a time.
const BLOCK: usize = 256 << 10;
/// Frames ready before the network takes them.
const AHEAD: usize = 2;

type Sender = mpsc::Sender<io::Result<Bytes>>;

/// The rows of a survey.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    /// Records that are not loaded, by file.
    dropped: HashSet<(u32, u64)>,
}

impl Spool {
    /// The spool in `directory` without the `dropped` records.
    pub fn new(directory: &Path, dropped: HashSet<(u32, u64)>) -> Self {
        Self {
            directory: directory.to_owned(),
            dropped,
        }
    }

    /// The framed rows of `unit`; `rows` is their number once the body has ended.
    fn body(self: &Arc<Self>, unit: &Unit, rows: &Arc<AtomicU64>) -> Body {
        let (send, receive) = mpsc::channel(AHEAD);
        let (spool, unit, rows) = (self.clone(), unit.clone(), rows.clone());
        tokio::task::spawn_blocking(move || {
            let mut frames = Frames::new(send.clone());
            let written = match &unit.rows {
                UnitRows::Blocks(blocks) => spool.write_rows(&unit.target, blocks, &mut frames),
                UnitRows::Index(piece) => spool.write_index(piece, &mut frames),
            };
            rows.store(frames.encoder.rows(), Ordering::Release);
            // Without the end-of-part record the agent commits nothing.
            if let Err(error) = written.and_then(|()| frames.end()) {
                // Fails when the agent no longer reads; then the call says why.
                let _ = send.blocking_send(Err(error));
            }
        });
        channel_body(receive)
    }

    fn write_rows(
        &self,
        target: &LoadTarget,
        blocks: &Blocks,
        frames: &mut Frames,
    ) -> io::Result<()> {
        let file = target.file;
        let data = File::open(data_path(&self.directory, file, target.file_part))?;
        for block in blocks.iter() {
            let mut sent = Ok(());
            read_block(&data, block, |record, text| {
                if sent.is_ok()
                    && (self.dropped.is_empty() || !self.dropped.contains(&(file, record)))
                {
                    sent = frames.push(text, 1);
                }
            })?;
            sent?;
        }
        Ok(())
    }

    fn write_index(&self, piece: &IndexPiece, frames: &mut Frames) -> io::Result<()> {
        let data = File::open(index_path(&self.directory, piece.chunk))?;
        let mut offset = piece.offset;
        let mut left = piece.length as usize;
        let mut bytes = vec![0; BLOCK];
        while left > 0 {
            let (target, _) = bytes.split_at_mut(left.min(BLOCK));
            data.read_exact_at(target, offset)?;
            frames.push(target, 0)?;
            offset += target.len() as u64;
            left -= target.len();
        }
        // A block ends anywhere in a row, so rows are counted for the whole piece.
        frames.push(&[], piece.rows)
    }
}

/// Encoded rows on their way to the network.
struct Frames {
    encoder: Encoder,
    send: Sender,
}

impl Frames {
    fn new(send: Sender) -> Self {
        Self {
            encoder: Encoder::default(),
            send,
        }
    }

    fn push(&mut self, text: &[u8], rows: u64) -> io::Result<()> {
        self.encoder
            .push(text, rows, &mut |bytes| send_bytes(&self.send, bytes))
    }

    /// The rest of the rows and the end-of-part record.
    fn end(self) -> io::Result<()> {
        self.encoder.end(&mut |bytes| send_bytes(&self.send, bytes))
    }
}

fn send_bytes(send: &Sender, bytes: Bytes) -> io::Result<()> {
    send.blocking_send(Ok(bytes))
        .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the agent no longer reads"))
}

/// Sends `unit`; the rows committed, or why the agent is lost.
pub async fn send(
    tools: &LoadTools,
    spool: &Arc<Spool>,
    agent: &str,
    unit: Unit,
) -> Result<u64, String> {
    if tools.is_lost(agent) {
        return Err("lost already".into());
    }
    let rows = Arc::new(AtomicU64::new(0));
    let name = || format!("{:?} of chunk {}", unit.target.part, unit.target.chunk);
    let loaded = load(tools, agent, &unit, || spool.body(&unit, &rows))
        .await
        .map_err(|error| format!("{}: {error}", name()))?;
    let sent = rows.load(Ordering::Acquire);
    if !loaded.already && loaded.rows != sent {
        return Err(format!(
            "{}: {sent} rows sent, {} committed",
            name(),
            loaded.rows
        ));
    }
    Ok(loaded.rows)
}

/// Every try gets a body of its own.
async fn load(
    tools: &LoadTools,
    agent: &str,
    unit: &Unit,
    body: impl Fn() -> Body,
) -> Result<Loaded, CallError> {
    let load = || async {
        tools
            .agents
            .at(agent)?
            .load(unit.attempt, &unit.target, body())
            .await
    };
    tools.retry.run(load).await
}

/// A file as a body.
pub fn file_body(path: &Path) -> Body {
    let (send, receive) = mpsc::channel(AHEAD);
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_file(&path, &send) {
            // Nobody reads any more when this fails.
            let _ = send.blocking_send(Err(error));
        }
    });
    channel_body(receive)
}

fn send_file(path: &Path, send: &Sender) -> io::Result<()> {
    let mut file = File::open(path)?;
    loop {
        let mut bytes = vec![0; BLOCK];
        let read = file.read(&mut bytes)?;
        bytes.truncate(read);
        if read == 0 || send.blocking_send(Ok(Bytes::from(bytes))).is_err() {
            return Ok(());
        }
    }
}

fn channel_body(receive: mpsc::Receiver<io::Result<Bytes>>) -> Body {
    Body::wrap_stream(stream::unfold(receive, |mut receive| async move {
        Some((receive.recv().await?, receive))
    }))
}
