//! gzip: members in a row, and the zero bytes that tapes and block devices put after the last.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Decompresses all members of `source`.
pub struct Members<R> {
    at: At<R>,
}

/// Where reading stands. `Nowhere` lasts only while one state becomes the next.
enum At<R> {
    Between {
        source: R,
        members: u64,
    },
    Member {
        decoder: Box<GzDecoder<R>>,
        members: u64,
    },
    Nowhere,
}

impl<R: BufRead> Members<R> {
    /// At the first member of `source`.
    pub fn new(source: R) -> Self {
        Self {
            at: At::Between { source, members: 0 },
        }
    }

    /// Leaves the zero bytes after a member out; whether another member follows.
    fn another(source: &mut R, members: u64) -> io::Result<bool> {
        loop {
            let Some(&first) = source.fill_buf()?.first() else {
                return Ok(false);
            };
            if first == 0 && members > 0 {
                source.consume(1);
            } else if first == 0x1f || members == 0 {
                return Ok(true);
            } else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "bytes that are no gzip follow the end of the compressed stream",
                ));
            }
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.at, At::Nowhere) {
                At::Between {
                    mut source,
                    members,
                } => {
                    let another = Self::another(&mut source, members)?;
                    if !another {
                        self.at = At::Between { source, members };
                        return Ok(0);
                    }
                    self.at = At::Member {
                        decoder: Box::new(GzDecoder::new(source)),
                        members: members + 1,
                    };
                }
                At::Member {
                    mut decoder,
                    members,
                } => {
                    let read = decoder.read(buffer)?;
                    self.at = if read > 0 {
                        At::Member { decoder, members }
                    } else {
                        At::Between {
                            source: decoder.into_inner(),
                            members,
                        }
                    };
                    if read > 0 {
                        return Ok(read);
                    }
                }
                // An error left nothing to read on from.
                At::Nowhere => return Err(io::Error::other("the compressed stream broke before")),
            }
        }
    }
}
