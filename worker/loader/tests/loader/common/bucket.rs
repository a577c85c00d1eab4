//! A real S3 server with one bucket.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use orrery_archive::ingest::{IngestSource, S3Source, SecretName};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;

use super::Place;

pub const KEY: &str = "AKIDORRERY";
pub const SECRET: &str = "a secret / with + signs";

/// An S3 server with the bucket `sky`.
pub struct Bucket {
    endpoint: String,
    pub files: TempDir,
}

impl Bucket {
    pub async fn start() -> Self {
        let files = TempDir::new().unwrap();
        std::fs::create_dir(files.path().join("sky")).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(files.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    // A client that goes away ends its connection with an error.
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { endpoint, files }
    }

    pub fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        let path = self.files.path().join("sky").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn source(&self, key: &str) -> IngestSource {
        IngestSource {
            url: None,
            claim: None,
            path: None,
            s3: Some(S3Source {
                endpoint: Some(self.endpoint.clone()),
                region: "us-east-1".into(),
                path_style: true,
                bucket: "sky".into(),
                key: key.into(),
                secret_ref: Some(SecretName {
                    name: "keys".into(),
                }),
            }),
        }
    }
}

/// Gives the loader of `place` a Secret `keys` with this secret key.
pub fn keys(place: &Place, secret: &str) {
    let keys = place.directory.path().join("secrets/keys");
    std::fs::create_dir_all(&keys).unwrap();
    std::fs::write(keys.join("accessKeyId"), KEY).unwrap();
    std::fs::write(keys.join("secretAccessKey"), secret).unwrap();
}
