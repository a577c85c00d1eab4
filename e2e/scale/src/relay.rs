//! What the operator and the API server send each other, counted.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Bytes on the wire, TLS included.
#[derive(Debug, Default)]
pub struct Counters {
    /// To the API server.
    pub sent: AtomicU64,
    /// From the API server.
    pub received: AtomicU64,
}

/// Listens on a free port and passes on to `server`; the port.
pub async fn start(server: SocketAddr, counters: Arc<Counters>) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr().context("the relay's port")?.port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counters = Arc::clone(&counters);
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(server).await else {
                    return;
                };
                let (client, server) = (client.into_split(), server.into_split());
                tokio::join!(
                    pass(client.0, server.1, &counters.sent),
                    pass(server.0, client.1, &counters.received),
                );
            });
        }
    });
    Ok(port)
}

/// Passes on until one side ends, which ends the other.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counter: &AtomicU64,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        counter.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // The other side may have ended by itself.
    let _ = to.shutdown().await;
}
