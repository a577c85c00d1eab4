//! Sources behind HTTP: asked for as they are stored, and streamed.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use orrery_worker_api::error_chain;

use super::address::Address;
use super::broken::Broken;
use super::download::{Download, described, encoding};
use super::opened::{Head, Opened};
use super::tries::{Failure, Pauses, refused, what};
use crate::fault::Fault;

/// A connection silent for this long is broken.
const SILENCE: Duration = Duration::from_mins(1);
/// Chunks of a response kept ahead of the reader; each is at most some 400 KiB.
const AHEAD: usize = 16;

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

    /// Size and version by `HEAD`; `None` when the server does not answer that, refuses it as
    /// addresses that are signed for `GET` do, or answers for an encoded form of the file.
    pub fn head(&self, address: &Address) -> Result<Option<Head>, Fault> {
        self.runtime.block_on(async {
            match self.client.head(address.head()).send().await {
                Ok(response) if response.status() == StatusCode::OK => {
                    let stored = encoding(&response).is_none();
                    Ok(stored.then(|| described(&response)))
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
        let download = Download::new(self.client.clone(), address.clone(), &response, send);
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
    // What is read, hashed and continued are the stored bytes.
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    reqwest::Client::builder()
        .default_headers(headers)
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(SILENCE)
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
