//! A download that continues where its connection broke.
//!
//! With a strong validator the rest is asked for with `Range` and `If-Range`, so that the server
//! either continues the same version or sends the new one. Else, and when a server ignores the
//! range, the file comes again from its start: what was read already is left out, and without a
//! strong validator it must be the same bytes, so that what was passed on is one answer as a whole.

use std::io;

use bytes::Bytes;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use reqwest::{Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::address::Address;
use super::broken::Broken;
use super::opened::Head;
use super::tries::{Failure, Pauses, refused, what};

/// A download under way.
pub struct Download {
    client: reqwest::Client,
    address: Address,
    /// ETag or modification time of the first answer.
    validator: Option<String>,
    /// How the first answer was encoded.
    encoding: Option<String>,
    /// Its length, where it was said.
    size: Option<u64>,
    got: u64,
    /// Of the bytes passed on, where no strong validator says that others are the same.
    hash: Option<Sha256>,
    send: mpsc::Sender<io::Result<Bytes>>,
}

impl Download {
    /// Before the body of `first`, which is passed on to `send`.
    pub fn new(
        client: reqwest::Client,
        address: Address,
        first: &Response,
        send: mpsc::Sender<io::Result<Bytes>>,
    ) -> Self {
        let validator = validator(first);
        let strong = validator.as_deref().is_some_and(is_strong);
        Self {
            client,
            address,
            validator,
            encoding: encoding(first),
            size: described(first).size,
            got: 0,
            hash: (!strong).then(Sha256::new),
            send,
        }
    }

    /// Passes `first` on, and what follows when it breaks.
    pub async fn run(mut self, first: Response) {
        let mut response = first;
        let mut pauses = Pauses::new();
        loop {
            let before = self.got;
            let Err(failure) = self.pass_on(response, 0).await else {
                return;
            };
            if self.got > before {
                pauses = Pauses::new();
            }
            response = match self.again(failure, &mut pauses).await {
                Ok(Some(next)) => next,
                Ok(None) => return,
                Err(broken) => {
                    // The reader is gone when this fails.
                    let _ = self.send.send(Err(io::Error::other(broken))).await;
                    return;
                }
            };
        }
    }

    /// A response that continues at `self.got`; `None` when what follows was passed on already.
    async fn again(
        &mut self,
        failure: Failure,
        pauses: &mut Pauses,
    ) -> Result<Option<Response>, Broken> {
        let mut failure = failure;
        loop {
            pauses.after(failure).await?;
            failure = match self.request().await {
                Ok(response) if response.status() == StatusCode::PARTIAL_CONTENT => {
                    self.check_same(&response)?;
                    self.check_range(&response)?;
                    return Ok(Some(response));
                }
                Ok(response) if response.status() == StatusCode::OK => {
                    self.check_same(&response)?;
                    let skip = self.got;
                    match self.pass_on(response, skip).await {
                        Ok(()) => return Ok(None),
                        Err(failure) => failure,
                    }
                }
                Ok(response) if response.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Err(shorter());
                }
                Ok(response) => refused(response.status()),
                Err(error) => Failure::Again(what(error)),
            };
        }
    }

    async fn request(&self) -> reqwest::Result<Response> {
        let mut request = self.client.get(self.address.get());
        if let (Some(validator), None) = (&self.validator, &self.hash) {
            request = request
                .header(RANGE, format!("bytes={}-", self.got))
                .header(IF_RANGE, validator);
        }
        request.send().await
    }

    /// Whether the rest that `response` holds belongs to what was read.
    fn check_same(&self, response: &Response) -> Result<(), Broken> {
        if encoding(response) != self.encoding {
            return Err(Broken::Unreachable(
                "the connection broke and the server sends the rest in another encoding".into(),
            ));
        }
        match (&self.validator, validator(response)) {
            (Some(old), Some(new)) if *old != new => Err(Broken::Changed(format!(
                "its version was {old} and became {new} while it was read"
            ))),
            // RFC 9110 lets a partial answer to If-Range leave a weaker validator out.
            (Some(_), None)
                if self.hash.is_none() && response.status() != StatusCode::PARTIAL_CONTENT =>
            {
                Err(Broken::Unreachable(
                    "the connection broke and the server no longer gives a version".into(),
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_range(&self, response: &Response) -> Result<(), Broken> {
        let range = header(response, CONTENT_RANGE).unwrap_or_default();
        let mut parts = range.strip_prefix("bytes ").unwrap_or_default().split('/');
        let start = parts
            .next()
            .and_then(|range| range.split('-').next()?.parse::<u64>().ok());
        let total = parts.next().and_then(|total| total.parse::<u64>().ok());
        if self.hash.is_some() || start != Some(self.got) {
            let asked = if self.hash.is_some() { 0 } else { self.got };
            return Err(Broken::Unreachable(format!(
                "asked for bytes from {asked}, the server sent `{range}`"
            )));
        }
        match (self.size, total) {
            (Some(size), Some(total)) if size != total => Err(Broken::Changed(format!(
                "its size was {size} and became {total} while it was read"
            ))),
            _ => Ok(()),
        }
    }

    /// Sends the body on, without its first `skip` bytes. Those were passed on already; without a
    /// strong validator they must be the same.
    async fn pass_on(&mut self, mut response: Response, mut skip: u64) -> Result<(), Failure> {
        let mut again = Sha256::new();
        loop {
            let mut chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return Err(Failure::Again(what(error))),
            };
            if skip > 0 {
                let skipped = chunk.split_to(skip.min(chunk.len() as u64) as usize);
                skip -= skipped.len() as u64;
                if let Some(before) = &self.hash {
                    again.update(&skipped);
                    if skip == 0 && before.clone().finalize() != again.clone().finalize() {
                        return Err(Failure::Final(Broken::Changed(
                            "it has no version, and its beginning changed while it was read".into(),
                        )));
                    }
                }
            }
            self.got += chunk.len() as u64;
            if let Some(hash) = &mut self.hash {
                hash.update(&chunk);
            }
            if !chunk.is_empty() && self.send.send(Ok(chunk)).await.is_err() {
                return Ok(());
            }
        }
        match self.size {
            _ if skip > 0 => Err(Failure::Final(shorter())),
            Some(size) if self.got < size => Err(Failure::Again(format!(
                "the connection ended after {} of {size} bytes",
                self.got
            ))),
            _ => Ok(()),
        }
    }
}

fn shorter() -> Broken {
    Broken::Changed("it became shorter while it was read".into())
}

/// Whether equal validators mean equal bytes. Two changes within a second may leave a modification
/// time as it is; servers know when they may not be compared (RFC 9110, 8.8.2.2).
fn is_strong(validator: &str) -> bool {
    !validator.starts_with("W/")
}

/// What a server says of a file besides its bytes.
pub fn described(response: &Response) -> Head {
    Head {
        size: header(response, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        version: validator(response).unwrap_or_default(),
    }
}

/// How an answer is encoded; `None` when it is not.
pub fn encoding(response: &Response) -> Option<String> {
    header(response, CONTENT_ENCODING).filter(|encoding| encoding != "identity")
}

/// ETag, or the modification time of servers that have none.
fn validator(response: &Response) -> Option<String> {
    header(response, ETAG).or_else(|| header(response, LAST_MODIFIED))
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}
