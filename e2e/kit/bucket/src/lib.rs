//! A real S3 server: each folder of a folder is a bucket, each file in it an object.

#![forbid(unsafe_code)]

use std::path::Path;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use thiserror::Error;
use tokio::net::TcpListener;

/// Why there is no server.
#[derive(Debug, Error)]
pub enum BucketError {
    /// The folder cannot be served.
    #[error("the folder of the buckets: {0}")]
    Folder(String),
    /// No more connections are taken.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
}

/// Serves the buckets of `folder` to whoever signs with this key and its secret, until `listener`
/// fails.
pub async fn serve(
    listener: TcpListener,
    folder: &Path,
    key: &str,
    secret: &str,
) -> Result<(), BucketError> {
    let files = s3s_fs::FileSystem::new(folder);
    let files = files.map_err(|error| BucketError::Folder(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(key, secret));
    let service = builder.build();
    loop {
        let (socket, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            // A client that goes away ends its connection with an error.
            let _ = http.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
