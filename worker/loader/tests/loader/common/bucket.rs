//! A real S3 server with one bucket.

use orrery_archive::ingest::{IngestSource, S3Source, SecretName};
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
        let folder = files.path().to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let served = orrery_kit_bucket::serve(listener, &folder, KEY, SECRET).await;
            panic!("the bucket's server ended: {served:?}");
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
