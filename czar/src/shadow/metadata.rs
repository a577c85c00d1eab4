//! Metadata of statements: executed once on the shadow tables, then remembered.
//!
//! A cached answer is used again only for the same text, default database, rights, settings, format
//! and table versions. Of literals that stand right after a comparison in WHERE only the kind
//! counts ([`super::normalise`]): they decide which rows come, never what the columns are.

use std::sync::Arc;

use orrery_wire::ColumnDef;
use orrery_wire::client::Response;

use super::server::{ShadowError, ShadowServer};
use crate::backend::SessionSettings;
use crate::memory::{LONGEST_STATEMENT, Memory};

/// Bytes of metadata remembered.
const BYTES: usize = 32 << 20;
/// Bytes of an entry without its statement and columns.
const ENTRY_BYTES: usize = 512;
/// Bytes of a column: its names and the rest.
const COLUMN_BYTES: usize = 512;

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

/// Metadata of statements seen before. Valid for one state of the shadow server: replaced when
/// tables or rights change.
pub struct MetadataCache(Memory<MetadataKey, Metadata>);

impl Default for MetadataCache {
    fn default() -> Self {
        Self(Memory::new(BYTES))
    }
}

impl MetadataCache {
    /// The metadata, if known.
    pub fn get(&self, key: &MetadataKey) -> Option<Metadata> {
        self.0.get(key)
    }

    /// Remembers.
    pub fn put(&self, key: MetadataKey, metadata: Metadata) {
        if key.statement.len() <= LONGEST_STATEMENT {
            let bytes = ENTRY_BYTES + key.statement.len() + COLUMN_BYTES * metadata.columns.len();
            self.0.put(key, metadata, bytes);
        }
    }
}

impl ShadowServer {
    /// Executes a statement over the shadow tables under the user's account; its rows, if any, mean
    /// nothing.
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
