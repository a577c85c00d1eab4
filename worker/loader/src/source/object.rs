//! Objects of an S3 bucket, read by signed addresses through the same downloads as other URLs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action};

/// How long a signed address holds. Each request gets one of its own.
pub const HOLDS: Duration = Duration::from_hours(1);

/// One object.
#[derive(Clone)]
pub struct Object {
    store: Arc<Store>,
    key: String,
}

/// A bucket with what opens it.
pub struct Store {
    /// The bucket.
    pub bucket: Bucket,
    /// Its keys; requests are not signed without.
    pub credentials: Option<Credentials>,
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.store.bucket.base_url() == other.store.bucket.base_url()
    }
}

impl Eq for Object {}

impl Object {
    /// The object `key`.
    pub fn new(store: Arc<Store>, key: String) -> Self {
        Self { store, key }
    }

    /// The name people and the record of files know it by.
    pub fn name(&self) -> String {
        name(self.store.bucket.name(), &self.key)
    }

    /// A fresh address to `GET`.
    pub fn get(&self) -> String {
        let (bucket, credentials) = (&self.store.bucket, self.store.credentials.as_ref());
        bucket.get_object(credentials, &self.key).sign(HOLDS).into()
    }

    /// A fresh address to `HEAD`.
    pub fn head(&self) -> String {
        let (bucket, credentials) = (&self.store.bucket, self.store.credentials.as_ref());
        bucket
            .head_object(credentials, &self.key)
            .sign(HOLDS)
            .into()
    }
}

/// What people know an object by.
pub fn name(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}
