//! What stands in a line of the audit log.

use std::borrow::Cow;

use orrery_archive::catalog::{Catalog, TableKey};
use orrery_plan::lex::{self, Kind};
use orrery_plan::statement::MAX_TOKENS;
use serde::Serialize;

/// Bytes of a statement's text that are kept.
const TEXT: usize = 4096;

/// One line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    /// When it ended: RFC 3339, UTC.
    pub time: String,
    /// What happened.
    pub event: Event,
    /// The proxy's name.
    pub proxy: &'a str,
    /// Connection at the proxy; 0 before there is one.
    pub connection: u32,
    /// Account, as the client named it.
    pub user: &'a str,
    /// The client's address and port.
    pub address: String,
    /// Whether it uses TLS.
    pub tls: bool,
    /// Its library and program, as it says.
    pub program: &'a str,
    /// Why it was not let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The statement.
    #[serde(flatten)]
    pub asked: Option<Asked<'a>>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// A log-in, or a change of user.
    LogIn,
    /// Somebody was not let in.
    Refusal,
    /// A statement has ended.
    Statement,
}

/// A statement and its answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked<'a> {
    /// Default database.
    pub database: Option<&'a str>,
    /// Class of the statement, as in the metrics.
    pub class: &'static str,
    /// Its text, of bounded length.
    pub statement: Cow<'a, str>,
    /// Bytes of its text.
    pub statement_bytes: usize,
    /// Tables of the archive that it names.
    pub tables: Vec<String>,
    /// Rows sent.
    pub rows: u64,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Seconds from the statement to the end of its answer.
    pub seconds: f64,
    /// How it ended, as in the metrics.
    pub outcome: &'static str,
    /// Number of the error that the client got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<u16>,
}

/// The text of a statement as it may be kept: its beginning, and nothing of one that may carry a
/// password.
pub fn kept<'a>(class: &str, sql: &'a str) -> Cow<'a, str> {
    let is_read = matches!(
        class,
        "select" | "select_without_table" | "show" | "explain" | "use" | "kill"
    );
    let upper = || sql.to_ascii_uppercase();
    if !is_read
        && ["PASSWORD", "IDENTIFIED"]
            .iter()
            .any(|word| upper().contains(word))
    {
        return Cow::Borrowed("(not kept: it names a password)");
    }
    Cow::Borrowed(&sql[..sql.floor_char_boundary(TEXT)])
}

/// The tables of the archive whose names stand in a statement: all that it reads, and those that
/// other names in it are equal to.
pub fn tables(sql: &str, database: Option<&str>, catalog: &Catalog) -> Vec<String> {
    // What is no statement reads nothing.
    let Ok(tokens) = lex::tokens(sql, MAX_TOKENS) else {
        return Vec::new();
    };
    let name = |at: usize| {
        let token = tokens.get(at)?;
        match token.kind {
            Kind::Word => Some(Cow::Borrowed(token.text)),
            Kind::QuotedName => Some(Cow::Owned(token.text.trim_matches('`').replace("``", "`"))),
            _ => None,
        }
    };
    let mut found = std::collections::BTreeSet::new();
    for at in 0..tokens.len() {
        let Some(table) = name(at) else { continue };
        let is_qualified = at >= 2 && tokens[at - 1].is_symbol(".");
        let qualifier = is_qualified.then(|| name(at - 2)).flatten();
        let database = qualifier.as_deref().or(database);
        if let Some(database) = database {
            let key = TableKey::new(database, table.as_ref());
            if catalog.tables.contains_key(&key) {
                found.insert(format!("{database}.{table}"));
            }
        }
    }
    found.into_iter().collect()
}
