//! Metadata of statements: executed once on the shadow tables, then remembered.
//!
//! A cached answer is used again only for the same text, default database, rights, settings, format and table versions. Of literals
//! that stand right after a comparison in WHERE only the kind counts ([`super::normalise`]): they decide which rows come, never what the
//! columns are.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use orrery_wire::ColumnDef;
use orrery_wire::client::Response;
use parking_lot::Mutex;

use super::server::{ShadowError, ShadowServer};
use crate::backend::SessionSettings;

/// What a statement's result says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// Columns; empty when the statement has no result set.
    pub columns: Arc<[ColumnDef]>,
}

/// Everything that metadata depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetadataKey {
    /// The statement, literals of comparisons replaced.
    pub statement: Vec<u8>,
    /// Default database.
    pub database: Option<String>,
    /// Whose rights count.
    pub user: String,
    /// Session settings.
    pub settings: Arc<SessionSettings>,
}

/// Metadata of statements seen before. Valid for one state of the shadow server: replaced when tables or rights change.
pub struct MetadataCache(Mutex<LruCache<MetadataKey, Metadata>>);

impl MetadataCache {
    /// A cache for this many statements.
    pub fn new(size: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(size)))
    }

    /// The metadata, if known.
    pub fn get(&self, key: &MetadataKey) -> Option<Metadata> {
        self.0.lock().get(key).cloned()
    }

    /// Remembers.
    pub fn put(&self, key: MetadataKey, metadata: Metadata) {
        self.0.lock().put(key, metadata);
    }
}

impl ShadowServer {
    /// Executes a statement over the shadow tables under the user's account; its rows, if any, mean nothing.
    pub async fn metadata(
        &self,
        user: &str,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
        statement: &str,
    ) -> Result<Metadata, ShadowError> {
        let mut lease = self.session(user, settings, database).await?;
        let connection = lease.connection()?;
        let columns = match connection.query(statement.as_bytes()).await? {
            Response::Rows(columns) => columns,
            Response::Ok(_) => Vec::new(),
        };
        connection.drain().await?;
        Ok(Metadata {
            columns: columns.into(),
        })
    }

    /// Prepares a statement, parameters and all, and gives its columns.
    pub async fn prepare(
        &self,
        user: &str,
        settings: &Arc<SessionSettings>,
        database: Option<&str>,
        statement: &str,
    ) -> Result<Metadata, ShadowError> {
        let mut lease = self.session(user, settings, database).await?;
        let connection = lease.connection()?;
        let prepared = connection.prepare(statement.as_bytes()).await?;
        let columns = prepared.columns.clone().into();
        connection.close_statement(prepared).await?;
        Ok(Metadata { columns })
    }
}
