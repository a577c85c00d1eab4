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
        let exact = [
            (
                "innodb_flush_log_at_trx_commit",
                self.flush_log.to_string(),
                "1".to_owned(),
            ),
            ("innodb_doublewrite", on(self.doublewrite), on(true)),
            ("innodb_file_per_table", on(self.file_per_table), on(true)),
            (
                "innodb_page_size",
                self.page_size.to_string(),
                PAGE_SIZE.to_string(),
            ),
            (
                "character_set_server",
                self.charset.clone(),
                config.charset.clone(),
            ),
            (
                "collation_server",
                self.collation.clone(),
                config.collation.clone(),
            ),
            (
                "lower_case_table_names",
                self.lower_case.to_string(),
                "0".to_owned(),
            ),
        ];
        let differ = exact
            .into_iter()
            .filter(|(_, found, wanted)| found != wanted)
            .map(|(name, found, wanted)| format!("{name} is {found}, must be {wanted}"));
        differ
            .chain(self.lax_mode())
            .chain(self.wrong_directories(config))
            .collect()
    }

    fn lax_mode(&self) -> Option<String> {
        let mut modes = self.sql_mode.split(',');
        let is_strict =
            modes.any(|mode| mode == "STRICT_TRANS_TABLES" || mode == "STRICT_ALL_TABLES");
        (!is_strict).then(|| {
            format!(
                "sql_mode is {:?}, must have STRICT_TRANS_TABLES",
                self.sql_mode
            )
        })
    }

    fn wrong_directories(&self, config: &Config) -> impl Iterator<Item = String> {
        let files = self.secure_file_priv.as_deref();
        let files_are_right = files.is_some_and(|path| same_directory(path, &config.pipe_dir));
        let files = (!files_are_right).then(|| {
            format!(
                "secure_file_priv is {files:?}, must be {}",
                config.pipe_dir.display()
            )
        });
        let data = (!same_directory(&self.datadir, &config.data_dir)).then(|| {
            format!(
                "datadir is {}, must be {}",
                self.datadir,
                config.data_dir.display()
            )
        });
        files.into_iter().chain(data)
    }
}

/// A switch as people write it.
fn on(is_on: bool) -> String {
    if is_on { "on" } else { "off" }.to_owned()
}

/// InnoDB's default page size, the same on every worker.
const PAGE_SIZE: u64 = 16_384;

fn same_directory(given: &str, wanted: &Path) -> bool {
    let resolve = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    !given.is_empty() && resolve(Path::new(given)) == resolve(wanted)
}
