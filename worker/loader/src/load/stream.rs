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
use orrery_worker_api::agent::frame;
use reqwest::Body;
use tokio::sync::mpsc;

use super::LoadTools;
use super::plan::{Unit, UnitRows};
use crate::survey::spool::{data_path, read_block};
use crate::survey::{IndexPiece, index_path};

/// Bytes of rows in a frame; well below [`frame::MAX_FRAME`] so that little waits in memory.
const FRAME: usize = 1 << 20;
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
            let mut frames = Frames::new(send);
            let written = match &unit.rows {
                UnitRows::Blocks(_) => spool.write_rows(&unit, &mut frames),
                UnitRows::Index(piece) => spool.write_index(piece, &mut frames),
            };
            rows.store(frames.rows, Ordering::Release);
            frames.end(written);
        });
        channel_body(receive)
    }

    fn write_rows(&self, unit: &Unit, frames: &mut Frames) -> io::Result<()> {
        let UnitRows::Blocks(blocks) = &unit.rows else {
            return Ok(());
        };
        let file = unit.target.file;
        let data = File::open(data_path(&self.directory, file, unit.target.file_part))?;
        for block in blocks {
            let mut sent = Ok(());
            read_block(&data, block, |record, text| {
                if sent.is_ok() && (self.dropped.is_empty() || !self.dropped.contains(&(file, record))) {
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
        let mut bytes = vec![0; FRAME];
        while left > 0 {
            let target = bytes.get_mut(..left.min(FRAME)).unwrap_or_default();
            data.read_exact_at(target, offset)?;
            frames.push(target, 0)?;
            offset += target.len() as u64;
            left -= target.len();
        }
        frames.rows = piece.rows;
        Ok(())
    }
}

/// Collects rows into frames and counts them.
struct Frames {
    send: Sender,
    frame: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl Frames {
    fn new(send: Sender) -> Self {
        Self {
            send,
            frame: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    fn push(&mut self, text: &[u8], rows: u64) -> io::Result<()> {
        self.frame.extend_from_slice(text);
        self.rows += rows;
        self.bytes += text.len() as u64;
        while self.frame.len() >= FRAME {
            let rest = self.frame.split_off(FRAME);
            let full = std::mem::replace(&mut self.frame, rest);
            self.flush(full)?;
        }
        Ok(())
    }

    fn flush(&mut self, full: Vec<u8>) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the agent no longer reads");
        let header = Bytes::copy_from_slice(&frame::header(full.len() as u32));
        self.send.blocking_send(Ok(header)).map_err(|_| gone())?;
        self.send.blocking_send(Ok(Bytes::from(full))).map_err(|_| gone())
    }

    /// The last frame and the end-of-part record, or the failure: without that record the agent commits nothing.
    fn end(mut self, written: io::Result<()>) {
        let last = std::mem::take(&mut self.frame);
        let flushed = match written {
            Ok(()) if last.is_empty() => Ok(()),
            Ok(()) => self.flush(last),
            Err(error) => Err(error),
        };
        let end = flushed.map(|()| Bytes::copy_from_slice(&frame::end(self.rows, self.bytes)));
        // Nobody reads any more when this fails.
        let _ = self.send.blocking_send(end);
    }
}

/// Sends `unit`; the rows committed, or why the agent is lost.
pub async fn send(tools: &LoadTools, spool: &Arc<Spool>, agent: &str, unit: Unit) -> Result<u64, String> {
    if super::is_lost(tools, agent) {
        return Err("lost already".into());
    }
    let rows = Arc::new(AtomicU64::new(0));
    let name = || format!("{:?} of chunk {}", unit.target.part, unit.target.chunk);
    let loaded = tools
        .agents
        .load(agent, unit.attempt, &unit.target, || spool.body(&unit, &rows))
        .await
        .map_err(|error| format!("{}: {error}", name()))?;
    let sent = rows.load(Ordering::Acquire);
    if !loaded.already && loaded.rows != sent {
        return Err(format!("{}: {sent} rows sent, {} committed", name(), loaded.rows));
    }
    Ok(loaded.rows)
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
        let mut bytes = vec![0; FRAME];
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
