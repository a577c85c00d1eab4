//! One HTTPS server for the agents of all workers: on which address a call comes in says which
//! worker is meant. A worker that is lost accepts connections and says nothing, as a machine that
//! stands still does: that is what costs callers most.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::body::{Body, Bytes, to_bytes};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, server::conn::http1};
use hyper_util::rt::TokioIo;
use orrery_archive::catalog::SignedCatalog;
use orrery_archive::names::{WorkerId, ports};
use orrery_tls::Identity;
use orrery_worker_api::agent::{DamagedTables, Tried, UnknownTables};
use orrery_worker_api::routes::{AgentCall, Call as _};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::pool::Pool;

/// How long a lost worker keeps a connection.
const SILENCE: Duration = Duration::from_secs(30);

/// Where the agent of a worker is: on a loopback address of its own.
pub fn address(worker: WorkerId) -> Ipv4Addr {
    let [.., high, low] = worker.to_be_bytes();
    Ipv4Addr::new(127, 10, high, low)
}

fn worker(address: IpAddr) -> Option<WorkerId> {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [127, 10, high, low] => Some(u32::from_be_bytes([0, 0, high, low])),
            _ => None,
        },
        IpAddr::V6(_) => None,
    }
}

/// Serves until the process ends.
pub async fn serve(pool: Arc<Mutex<Pool>>, identity: &Identity) -> Result<()> {
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, ports::AGENT));
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("listening on {listen}"))?;
    let acceptor = TlsAcceptor::from(Arc::new(identity.server()?));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (pool, acceptor) = (Arc::clone(&pool), acceptor.clone());
            tokio::spawn(connection(pool, acceptor, stream));
        }
    });
    Ok(())
}

async fn connection(pool: Arc<Mutex<Pool>>, acceptor: TlsAcceptor, stream: TcpStream) {
    let Some(worker) = stream.local_addr().ok().and_then(|own| worker(own.ip())) else {
        return;
    };
    if pool.lock().is_lost(worker) {
        return tokio::time::sleep(SILENCE).await;
    }
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let answer = service_fn(move |request| {
        let pool = Arc::clone(&pool);
        async move { Ok::<_, Infallible>(answer(&pool, worker, request).await) }
    });
    // The operator ends connections as it likes; what it was not told it asks again.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

async fn answer(
    pool: &Mutex<Pool>,
    worker: WorkerId,
    request: Request<Incoming>,
) -> Response<Body> {
    if pool.lock().is_lost(worker) {
        tokio::time::sleep(SILENCE).await;
    }
    let (status, body) = match said(pool, worker, request).await {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            eprintln!("worker {worker}: {error:#}");
            (StatusCode::NOT_IMPLEMENTED, error.to_string().into())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

/// What the worker says to a call.
async fn said(pool: &Mutex<Pool>, worker: WorkerId, request: Request<Incoming>) -> Result<Bytes> {
    let (head, body) = request.into_parts();
    let mut calls = AgentCall::ALL.iter().copied();
    let call = calls.find(|call| {
        let route = call.route();
        route.verb.method() == head.method && route.path == head.uri.path()
    });
    let call = call.ok_or_else(|| anyhow!("no such call: {} {}", head.method, head.uri))?;
    let body = to_bytes(Body::new(body), usize::MAX).await?;
    let query = head.uri.query().unwrap_or_default();
    match call {
        AgentCall::Info => json(&pool.lock().info(worker)),
        AgentCall::Adopt => json(&pool.lock().adopt(worker, &serde_json::from_slice(&body)?)),
        AgentCall::Manifest => json(
            &pool
                .lock()
                .manifest(worker, &serde_urlencoded::from_str(query)?),
        ),
        AgentCall::Unknown => json(&UnknownTables::default()),
        AgentCall::Damaged => json(&DamagedTables::default()),
        AgentCall::Copy => json(&pool.lock().copy(worker, &serde_json::from_slice(&body)?)),
        AgentCall::Drop => json(
            &pool
                .lock()
                .drop_tables(worker, &serde_json::from_slice(&body)?),
        ),
        AgentCall::Trial => json(&Tried { refusal: None }),
        AgentCall::SetState => Ok(Bytes::new()),
        AgentCall::PutCatalog => {
            let copy: SignedCatalog = serde_json::from_slice(&body)?;
            let (_, epochs) = copy.version();
            pool.lock().put_catalog(worker, copy.root().term, epochs);
            Ok(Bytes::new())
        }
        other => Err(anyhow!("a call that is not made up: {other:?}")),
    }
}

fn json(answer: &impl Serialize) -> Result<Bytes> {
    Ok(serde_json::to_vec(answer)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_worker_is_meant() {
        for id in [1, 255, 256, 1000] {
            assert_eq!(worker(address(id).into()), Some(id));
        }
        assert_eq!(worker(Ipv4Addr::LOCALHOST.into()), None);
    }
}
