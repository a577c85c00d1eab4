//! The pipe one LOAD DATA reads.
//!
//! mysqld blocks in `open()` until a pipe has a writer, survives KILL there and then cannot even
//! shut down (tried). So the agent holds the pipe open for reading and writing before the statement
//! starts, and closes and unlinks it whatever happens. Pipes an agent left behind that died are
//! opened once at the next start, which ends any `open()` that waits for them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

use crate::error::{AgentError, Result};

const PREFIX: &str = "load-";
/// Bytes the kernel may hold; fewer wake-ups of mysqld than with the usual 64 KiB.
const CAPACITY: usize = 1 << 20;
/// Longest pause between two looks at whether mysqld has read everything.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// A pipe with mysqld as its reader to come. Dropping it closes and unlinks it.
#[derive(Debug)]
pub struct Pipe {
    path: PathBuf,
    writer: pipe::Sender,
}

impl Pipe {
    /// Makes a new pipe in `directory` and opens it.
    pub fn create(directory: &Path) -> Result<Self> {
        let path = directory.join(format!("{PREFIX}{}", uuid::Uuid::new_v4().simple()));
        rustix::fs::mkfifoat(
            CWD,
            &path,
            Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH,
        )
        .map_err(|error| {
            AgentError::io(format!("make the pipe {}", path.display()), error.into())
        })?;
        match pipe::OpenOptions::new().read_write(true).open_sender(&path) {
            Ok(writer) => {
                if let Err(error) = rustix::pipe::fcntl_setpipe_size(&writer, CAPACITY) {
                    tracing::debug!(%error, "the pipe keeps its size");
                }
                Ok(Self { path, writer })
            }
            Err(source) => {
                unlink(&path);
                Err(AgentError::io(
                    format!("open the pipe {}", path.display()),
                    source,
                ))
            }
        }
    }

    /// Its path, as mysqld needs it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands rows to mysqld, waiting while it is slower.
    pub async fn write(&mut self, rows: &[u8]) -> Result<()> {
        let path = &self.path;
        self.writer.write_all(rows).await.map_err(|source| {
            AgentError::io(format!("write to the pipe {}", path.display()), source)
        })
    }

    /// Waits until mysqld has read everything. Closing earlier could throw rows away: a pipe that
    /// is not opened yet forgets what is in it.
    pub async fn drained(&self) -> Result<()> {
        let mut pause = Duration::from_micros(100);
        loop {
            let waiting = rustix::io::ioctl_fionread(&self.writer).map_err(|error| {
                AgentError::io(
                    format!("look into the pipe {}", self.path.display()),
                    error.into(),
                )
            })?;
            if waiting == 0 {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        unlink(&self.path);
    }
}

fn unlink(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a pipe stays behind");
    }
}

/// Opens, closes and unlinks every pipe an earlier agent left in `directory`.
pub fn release_leftovers(directory: &Path) -> Result<()> {
    let failed = |source| {
        AgentError::io(
            format!("look for old pipes in {}", directory.display()),
            source,
        )
    };
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            // Opening for both directions never blocks and lets a waiting open() of mysqld return;
            // it then reads end of file.
            let released = std::fs::File::options()
                .read(true)
                .write(true)
                .open(entry.path());
            unlink(&entry.path());
            drop(released);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn a_reader_that_waits_on_a_leftover_pipe_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("load-old");
        rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        let opened = path.clone();
        let reader = std::thread::spawn(move || std::fs::File::open(opened));
        // The reader may not have come to open() yet: release until it is through, as a LOAD that
        // starts later finds no file at all.
        while !reader.is_finished() {
            release_leftovers(dir.path()).unwrap();
            std::thread::yield_now();
        }
        let mut rest = Vec::new();
        match reader.join().unwrap() {
            Ok(mut file) => assert_eq!(file.read_to_end(&mut rest).unwrap(), 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn drained_waits_for_a_reader_that_opens_late() {
        let dir = tempfile::tempdir().unwrap();
        let mut pipe = Pipe::create(dir.path()).unwrap();
        pipe.write(b"300\n").await.unwrap();
        let path = pipe.path().to_owned();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            std::fs::File::open(path)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        });
        pipe.drained().await.unwrap();
        let path = pipe.path().to_owned();
        drop(pipe);
        assert_eq!(reader.join().unwrap(), "300\n");
        assert!(!path.exists());
    }
}
