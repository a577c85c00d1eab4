//! Calls to worker agents: HTTPS with the operator's certificate, by pod address.
//!
//! Each archive has its own authority, so each has its own identity here; [`Agents::identify`] sets it from the Secret the operator
//! keeps. An agent's certificate is checked against the role's name, whatever its address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use orrery_archive::names::{Role, ports};
use orrery_worker_api::agent::{Adopt, ApiError, Info};
use reqwest::{Certificate, Client, Identity, Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Longest time to connect; a pod that is gone does not answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest time for a short call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for a call that makes many tables.
const SLOW_CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// Connections kept per archive; more than the workers and loaders of any.
const MOST_CLIENTS: usize = 4096;
/// Longest error text kept of an answer that is no [`ApiError`].
const LONGEST_ERROR: usize = 300;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The archive's certificates are not made yet.
    #[error("no certificate for calls in namespace {0} yet")]
    NoIdentity(String),
    /// The worker has no usable address.
    #[error("`{0}` is no address of a pod")]
    Address(String),
    /// The archive's certificates cannot be used.
    #[error("the operator's certificate cannot be used: {0}")]
    Certificate(reqwest::Error),
    /// The agent did not answer, or not to the end.
    #[error("no answer: {}", root_cause(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The agent refused.
    #[error("{status}: {}: {}", .error.reason, .error.message)]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// Its words.
        error: ApiError,
    },
}

impl AgentError {
    /// Whether the agent refused for this reason.
    pub fn is_reason(&self, reason: &str) -> bool {
        matches!(self, Self::Refused { error, .. } if error.reason == reason)
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Certificate, key and authority as PEM, of the role `operator`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// `tls.crt`.
    pub certificate: Vec<u8>,
    /// `tls.key`.
    pub key: Vec<u8>,
    /// `ca.crt`.
    pub authority: Vec<u8>,
}

#[derive(Default)]
struct Archive {
    pem: Option<Pem>,
    clients: HashMap<(IpAddr, Peer), Client>,
}

/// Whom a call goes to: a role with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Peer {
    Agent,
    Loader,
}

impl Peer {
    fn host(self) -> &'static str {
        match self {
            Self::Agent => Role::Agent.common_name(),
            Self::Loader => Role::Loader.common_name(),
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Agent => ports::AGENT,
            Self::Loader => ports::LOADER,
        }
    }
}

/// Connections to the agents of every archive.
#[derive(Default)]
pub struct Agents {
    archives: Mutex<HashMap<String, Archive>>,
}

impl Agents {
    /// Sets the operator's certificate for an archive. Connections made with another one are let go.
    pub fn identify(&self, namespace: &str, pem: Pem) {
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        let archive = archives.entry(namespace.to_owned()).or_default();
        if archive.pem.as_ref() != Some(&pem) {
            *archive = Archive {
                pem: Some(pem),
                clients: HashMap::new(),
            };
        }
    }

    /// Whether calls to the archive's agents can be made. Until then nothing may be concluded from their silence.
    pub fn knows(&self, namespace: &str) -> bool {
        let archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        archives
            .get(namespace)
            .is_some_and(|archive| archive.pem.is_some())
    }

    /// The agent at a pod's address.
    pub fn at(&self, namespace: &str, address: &str) -> Result<Agent, AgentError> {
        self.peer(namespace, address, Peer::Agent)
    }

    /// The loader at a pod's address.
    pub fn loader(&self, namespace: &str, address: &str) -> Result<Agent, AgentError> {
        self.peer(namespace, address, Peer::Loader)
    }

    fn peer(&self, namespace: &str, address: &str, peer: Peer) -> Result<Agent, AgentError> {
        let ip: IpAddr = address
            .parse()
            .map_err(|_| AgentError::Address(address.to_owned()))?;
        let mut archives = self.archives.lock().unwrap_or_else(PoisonError::into_inner);
        let archive = archives
            .get_mut(namespace)
            .ok_or_else(|| AgentError::NoIdentity(namespace.to_owned()))?;
        let pem = archive
            .pem
            .as_ref()
            .ok_or_else(|| AgentError::NoIdentity(namespace.to_owned()))?;
        let client = if let Some(client) = archive.clients.get(&(ip, peer)) {
            client.clone()
        } else {
            // Pods get new addresses for ever; those in use connect again.
            if archive.clients.len() >= MOST_CLIENTS {
                archive.clients.clear();
            }
            let client = connect(pem, ip, peer).map_err(AgentError::Certificate)?;
            archive.clients.insert((ip, peer), client.clone());
            client
        };
        Ok(Agent { client, peer })
    }
}

fn connect(pem: &Pem, ip: IpAddr, peer: Peer) -> Result<Client, reqwest::Error> {
    let identity = Identity::from_pem(&[pem.key.as_slice(), b"\n", pem.certificate.as_slice()].concat())?;
    Client::builder()
        .no_proxy()
        .https_only(true)
        .tls_certs_only(Certificate::from_pem_bundle(&pem.authority)?)
        .identity(identity)
        .resolve(peer.host(), SocketAddr::new(ip, peer.port()))
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
}

/// One agent, or one loader.
#[derive(Clone)]
pub struct Agent {
    client: Client,
    peer: Peer,
}

impl Agent {
    /// What it is and has.
    pub async fn info(&self) -> Result<Info, AgentError> {
        self.get("/v1/info").await
    }

    /// Names its fresh data directory, or tells the reader's password anew.
    pub async fn adopt(&self, adopt: &Adopt) -> Result<Info, AgentError> {
        self.send(Method::POST, "/v1/adopt", adopt).await
    }

    /// `GET path`, answered with JSON.
    pub async fn get<Answer: DeserializeOwned>(&self, path: &str) -> Result<Answer, AgentError> {
        let request = self.client.get(self.url(path)).timeout(CALL_TIMEOUT);
        json(request.send().await).await
    }

    /// `method path` with a JSON body, answered with JSON.
    pub async fn send<Body, Answer>(
        &self,
        method: Method,
        path: &str,
        body: &Body,
    ) -> Result<Answer, AgentError>
    where
        Body: Serialize + Sync + ?Sized,
        Answer: DeserializeOwned,
    {
        let request = self.client.request(method, self.url(path)).timeout(CALL_TIMEOUT);
        json(request.json(body).send().await).await
    }

    /// `method path` with a JSON body whose answer says nothing more than its status.
    pub async fn tell<Body>(&self, method: Method, path: &str, body: &Body) -> Result<(), AgentError>
    where
        Body: Serialize + Sync + ?Sized,
    {
        let request = self.raw(method, path).timeout(CALL_TIMEOUT).json(body);
        checked(request.send().await.map_err(AgentError::Unreachable)?)
            .await
            .map(drop)
    }

    /// The same for a call that may take long, such as making thousands of tables.
    pub async fn tell_slowly<Body>(&self, method: Method, path: &str, body: &Body) -> Result<(), AgentError>
    where
        Body: Serialize + Sync + ?Sized,
    {
        let request = self.raw(method, path).timeout(SLOW_CALL_TIMEOUT).json(body);
        checked(request.send().await.map_err(AgentError::Unreachable)?)
            .await
            .map(drop)
    }

    /// `POST path` with a JSON body; the response itself, when its status says success.
    pub async fn call<Body>(&self, path: &str, body: &Body) -> Result<Response, AgentError>
    where
        Body: Serialize + Sync + ?Sized,
    {
        let request = self.raw(Method::POST, path).timeout(CALL_TIMEOUT).json(body);
        checked(request.send().await.map_err(AgentError::Unreachable)?).await
    }

    /// The bare client and the address to call, for streams and calls with limits of their own.
    pub fn raw(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}:{}{path}", self.peer.host(), self.peer.port())
    }
}

async fn json<Answer: DeserializeOwned>(response: reqwest::Result<Response>) -> Result<Answer, AgentError> {
    let response = checked(response.map_err(AgentError::Unreachable)?).await?;
    response.json().await.map_err(AgentError::Unreachable)
}

/// The response when its status says success, else the agent's own error.
pub async fn checked(response: Response) -> Result<Response, AgentError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.map_err(AgentError::Unreachable)?;
    let error = serde_json::from_str(&text).unwrap_or_else(|_| ApiError {
        reason: "Unknown".into(),
        message: text.chars().take(LONGEST_ERROR).collect(),
    });
    Err(AgentError::Refused { status, error })
}

#[cfg(test)]
mod tests;
