//! Settings without which acknowledged rows could be lost or mean something else on another worker
//! (docs/design/security.md#worker-settings).

use std::path::Path;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::config::Config;
use crate::error::{AgentError, Result};

/// What mysqld says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Version.
    pub version: String,
    /// `innodb_flush_log_at_trx_commit`.
    pub flush_log: u64,
    /// `innodb_doublewrite`.
    pub doublewrite: bool,
    /// `innodb_file_per_table`; tablespaces could not be copied without.
    pub file_per_table: bool,
    /// `innodb_page_size`; a tablespace of another page size could not be imported.
    pub page_size: u64,
    /// `character_set_server`.
    pub charset: String,
    /// `collation_server`.
    pub collation: String,
    /// `sql_mode`.
    pub sql_mode: String,
    /// `lower_case_table_names`.
    pub lower_case: u64,
    /// `secure_file_priv`.
    pub secure_file_priv: Option<String>,
    /// `datadir`.
    pub datadir: String,
}

type Numbers = (String, u64, bool, bool, u64, u64);
type Texts = (String, String, String, Option<String>, String);

impl Settings {
    /// Asks mysqld.
    pub async fn read(conn: &mut Conn) -> Result<Self> {
        let numbers: Option<Numbers> = conn
            .query_first(
                "SELECT @@version, @@global.innodb_flush_log_at_trx_commit, @@global.innodb_doublewrite, \
                 @@global.innodb_file_per_table, @@global.innodb_page_size, @@global.lower_case_table_names",
            )
            .await?;
        let texts: Option<Texts> = conn
            .query_first(
                "SELECT @@global.character_set_server, @@global.collation_server, @@global.sql_mode, \
                 @@global.secure_file_priv, @@global.datadir",
            )
            .await?;
        let (Some(numbers), Some(texts)) = (numbers, texts) else {
            return Err(AgentError::NotReady(
                "it does not report its settings".into(),
            ));
        };
        let (version, flush_log, doublewrite, file_per_table, page_size, lower_case) = numbers;
        let (charset, collation, sql_mode, secure_file_priv, datadir) = texts;
        Ok(Self {
            version,
            flush_log,
            doublewrite,
            file_per_table,
            page_size,
            charset,
            collation,
            sql_mode,
            lower_case,
            secure_file_priv,
            datadir,
        })
    }

    /// What is wrong, one sentence per setting.
    pub fn faults(&self, config: &Config) -> Vec<String> {
        let strict = self
            .sql_mode
            .split(',')
            .any(|mode| mode == "STRICT_TRANS_TABLES" || mode == "STRICT_ALL_TABLES");
        let checks = [
            (
                self.flush_log == 1,
                format!(
                    "innodb_flush_log_at_trx_commit is {}, must be 1",
                    self.flush_log
                ),
            ),
            (
                self.doublewrite,
                "innodb_doublewrite is off, must be on".to_owned(),
            ),
            (
                self.file_per_table,
                "innodb_file_per_table is off, must be on".to_owned(),
            ),
            (
                self.page_size == PAGE_SIZE,
                format!(
                    "innodb_page_size is {}, must be {PAGE_SIZE}",
                    self.page_size
                ),
            ),
            (
                self.charset == config.charset,
                format!(
                    "character_set_server is {}, must be {}",
                    self.charset, config.charset
                ),
            ),
            (
                self.collation == config.collation,
                format!(
                    "collation_server is {}, must be {}",
                    self.collation, config.collation
                ),
            ),
            (
                strict,
                format!(
                    "sql_mode is {:?}, must have STRICT_TRANS_TABLES",
                    self.sql_mode
                ),
            ),
            (
                self.lower_case == 0,
                format!("lower_case_table_names is {}, must be 0", self.lower_case),
            ),
            (
                self.secure_file_priv
                    .as_deref()
                    .is_some_and(|path| same_directory(path, &config.pipe_dir)),
                format!(
                    "secure_file_priv is {:?}, must be {}",
                    self.secure_file_priv,
                    config.pipe_dir.display()
                ),
            ),
            (
                same_directory(&self.datadir, &config.data_dir),
                format!(
                    "datadir is {}, must be {}",
                    self.datadir,
                    config.data_dir.display()
                ),
            ),
        ];
        checks
            .into_iter()
            .filter(|(fine, _)| !fine)
            .map(|(_, fault)| fault)
            .collect()
    }
}

/// InnoDB's default page size, the same on every worker.
const PAGE_SIZE: u64 = 16_384;

fn same_directory(given: &str, wanted: &Path) -> bool {
    let resolve = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    !given.is_empty() && resolve(Path::new(given)) == resolve(wanted)
}
