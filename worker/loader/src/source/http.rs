//! Sources behind HTTP: streamed, and resumed where a connection broke.
//!
//! A broken download continues with `Range` and `If-Range`, so that it either continues the same
//! version or learns that there is a new one. A server that ignores `Range` sends the file again;
//! what was read already is skipped when the version is the same.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use orrery_worker_api::error_chain;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::address::Address;
use super::broken::Broken;
use super::opened::{Head, Opened};
use crate::fault::Fault;

/// Tries in a row without a byte before a source counts as unreachable.
const TRIES: u32 = 6;
/// First pause between tries; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// A connection silent for this long is broken.
const SILENCE: Duration = Duration::from_mins(1);
/// Chunks of a response kept ahead of the reader; each is at most some 100 KiB.
const AHEAD: usize = 64;

/// A try's failure: whether another one makes sense.
enum Failure {
    Final(Broken),
    Again(String),
}

/// Opens URLs. Its calls block; they run on threads outside the runtime's own.
#[derive(Clone, Debug)]
pub struct HttpSources {
    client: reqwest::Client,
    runtime: Handle,
}

impl HttpSources {
    /// Downloads on `runtime`.
    pub fn new(runtime: Handle) -> reqwest::Result<Self> {
        let client = builder().build().or_else(|error| {
            tracing::warn!(
                error = error_chain(&error),
                "no system CA certificates: only http:// sources can be read"
            );
            let no_authority = ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth();
            builder().tls_backend_preconfigured(no_authority).build()
        })?;
        Ok(Self { client, runtime })
    }

    /// Size and version by `HEAD`; `None` when the server does not answer that, or refuses it:
    /// addresses that are signed for `GET` do.
    pub fn head(&self, address: &Address) -> Result<Option<Head>, Fault> {
        self.runtime.block_on(async {
            match self.client.head(address.head()).send().await {
                Ok(response) if response.status().is_success() => {
                    Ok(Some(before_reading(&response)))
                }
                Ok(response)
                    if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) =>
                {
                    Err(
                        Broken::Missing(format!("the server answers {}", response.status()))
                            .fault(&address.name()),
                    )
                }
                // A GET that follows says more.
                Ok(_) | Err(_) => Ok(None),
            }
        })
    }

    /// Begins a download.
    pub fn open(&self, address: &Address) -> Result<Opened, Fault> {
        let (response, head) = self
            .runtime
            .block_on(self.first(address))
            .map_err(|broken| broken.fault(&address.name()))?;
        let (send, receive) = mpsc::channel(AHEAD);
        let download = Download {
            client: self.client.clone(),
            address: address.clone(),
            validator: validator(&response),
            size: head.size,
            got: 0,
            send,
        };
        self.runtime.spawn(download.run(response));
        let reader = ChannelReader {
            chunks: receive,
            current: Bytes::new(),
        };
        Ok(Opened::new(address.name(), head, Box::new(reader)))
    }

    /// A short answer as a whole, from `url`, which people know by `name`.
    pub fn text(&self, url: &str, name: &str) -> Result<String, Fault> {
        let whole = async {
            let (response, _) = self.first(&Address::Url(url.to_owned())).await?;
            let text = response.text().await;
            text.map_err(|error| Broken::Unreachable(what(error)))
        };
        self.runtime
            .block_on(whole)
            .map_err(|broken| broken.fault(name))
    }

    async fn first(&self, address: &Address) -> Result<(Response, Head), Broken> {
        let mut pauses = Pauses::new();
        loop {
            let failure = match self.client.get(address.get()).send().await {
                Ok(response) if response.status() == StatusCode::OK => {
                    let head = described(&response);
                    return Ok((response, head));
                }
                Ok(response) => refused(response.status()),
                Err(error) => Failure::Again(what(error)),
            };
            pauses.after(failure).await?;
        }
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(SILENCE)
}

struct Download {
    client: reqwest::Client,
    address: Address,
    validator: Option<String>,
    size: Option<u64>,
    got: u64,
    send: mpsc::Sender<io::Result<Bytes>>,
}

impl Download {
    async fn run(mut self, first: Response) {
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
                    self.check_range(&response)?;
                    return Ok(Some(response));
                }
                Ok(response) if response.status() == StatusCode::OK => {
                    self.check_version(&response)?;
                    let skip = self.got;
                    match self.pass_on(response, skip).await {
                        Ok(()) => return Ok(None),
                        Err(failure) => failure,
                    }
                }
                Ok(response) if response.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Err(Broken::Changed(
                        "it became shorter while it was read".into(),
                    ));
                }
                Ok(response) => refused(response.status()),
                Err(error) => Failure::Again(what(error)),
            };
        }
    }

    async fn request(&self) -> reqwest::Result<Response> {
        let mut request = self
            .client
            .get(self.address.get())
            .header(RANGE, format!("bytes={}-", self.got));
        if let Some(validator) = &self.validator {
            request = request.header(IF_RANGE, validator);
        }
        request.send().await
    }

    fn check_range(&self, response: &Response) -> Result<(), Broken> {
        self.check_version(response)?;
        let range = header(response, CONTENT_RANGE).unwrap_or_default();
        let start = range
            .strip_prefix("bytes ")
            .and_then(|range| range.split('-').next())
            .and_then(|start| start.parse::<u64>().ok());
        if start == Some(self.got) {
            return Ok(());
        }
        Err(Broken::Unreachable(format!(
            "asked for bytes from {}, the server sent `{range}`",
            self.got
        )))
    }

    /// Without a version it is unknown whether the rest belongs to the beginning.
    fn check_version(&self, response: &Response) -> Result<(), Broken> {
        match (&self.validator, validator(response)) {
            (Some(old), Some(new)) if *old == new => Ok(()),
            (Some(old), Some(new)) => Err(Broken::Changed(format!(
                "its version was {old} and became {new} while it was read"
            ))),
            // RFC 9110 lets a partial answer to If-Range leave a weaker validator out.
            (Some(_), None) if response.status() == StatusCode::PARTIAL_CONTENT => Ok(()),
            _ => Err(Broken::Unreachable(
                "the connection broke and the server gives no version to continue with".into(),
            )),
        }
    }

    /// Sends the body on, without its first `skip` bytes.
    async fn pass_on(&mut self, mut response: Response, mut skip: u64) -> Result<(), Failure> {
        loop {
            let mut chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => return Err(Failure::Again(what(error))),
            };
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            chunk = chunk.slice(skipped as usize..);
            self.got += chunk.len() as u64;
            if !chunk.is_empty() && self.send.send(Ok(chunk)).await.is_err() {
                return Ok(());
            }
        }
        match self.size {
            Some(size) if self.got < size => Err(Failure::Again(format!(
                "the connection ended after {} of {size} bytes",
                self.got
            ))),
            _ => Ok(()),
        }
    }
}

/// Growing pauses between tries, and an end to them.
struct Pauses {
    tries: u32,
}

impl Pauses {
    fn new() -> Self {
        Self { tries: 0 }
    }

    async fn after(&mut self, failure: Failure) -> Result<(), Broken> {
        let what = match failure {
            Failure::Final(broken) => return Err(broken),
            Failure::Again(what) => what,
        };
        self.tries += 1;
        if self.tries >= TRIES {
            return Err(Broken::Unreachable(format!("{what} ({TRIES} tries)")));
        }
        tracing::warn!(
            what,
            tries = self.tries,
            "source does not answer; trying again"
        );
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(self.tries - 1)).await;
        Ok(())
    }
}

/// What went wrong, without the address: a signed one would open its object to whoever reads it.
fn what(error: reqwest::Error) -> String {
    error_chain(&error.without_url())
}

fn refused(status: StatusCode) -> Failure {
    let what = format!("the server answers {status}");
    if is_missing(status) {
        Failure::Final(Broken::Missing(what))
    } else if status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
    {
        Failure::Again(what)
    } else {
        Failure::Final(Broken::Unreachable(what))
    }
}

fn is_missing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED
    )
}

/// What `HEAD` says. The length of an encoded form is not that of the bytes a server sends to us,
/// who ask for no encoding.
fn before_reading(response: &Response) -> Head {
    let encoded = header(response, CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    let head = described(response);
    Head {
        size: head.size.filter(|_| !encoded),
        ..head
    }
}

fn described(response: &Response) -> Head {
    Head {
        size: header(response, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        version: validator(response).unwrap_or_default(),
    }
}

/// ETag, or the modification time of servers that have none.
fn validator(response: &Response) -> Option<String> {
    header(response, ETAG).or_else(|| header(response, LAST_MODIFIED))
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// The download as a blocking reader.
struct ChannelReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let length = self.current.len().min(buffer.len());
        let taken = self.current.split_to(length);
        buffer
            .get_mut(..length)
            .unwrap_or_default()
            .copy_from_slice(&taken);
        Ok(length)
    }
}
