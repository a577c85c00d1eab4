//! The bytes as stored: counted and hashed as they pass.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// A shared reader; all clones are one position in one stream.
#[derive(Clone)]
pub struct Stored {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    source: Box<dyn Read + Send>,
    hash: Sha256,
    read: u64,
}

impl Stored {
    /// Reads `source`.
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                source,
                hash: Sha256::new(),
                read: 0,
            })),
        }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.with(|inner| inner.read)
    }

    /// Reads to the end; number of bytes and their SHA-256, hex.
    pub fn finish(&self) -> io::Result<(u64, String)> {
        let mut rest = vec![0; 64 << 10];
        while (&*self).read(&mut rest)? > 0 {}
        Ok(self.with(|inner| (inner.read, hex::encode(inner.hash.clone().finalize()))))
    }

    fn with<T>(&self, use_inner: impl FnOnce(&mut Inner) -> T) -> T {
        use_inner(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for &Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|inner| {
            let read = loop {
                match inner.source.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            inner.hash.update(buffer.get(..read).unwrap_or_default());
            inner.read += read as u64;
            Ok(read)
        })
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}
