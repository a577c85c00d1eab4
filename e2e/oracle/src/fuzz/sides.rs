//! Both sides of a comparison: a proxy's connection and one to the plain server.

use std::time::Duration;

use anyhow::Context;
use orrery_wire::Format;
use orrery_wire::client::ClientConnection;

use super::judge::{Verdict, judge, sorted};
use super::report::Kind;
use super::tree::{Expr, Statement, form};
use crate::client::{Outcome, ask_plain};
use crate::site::{Site, connect_proxy};

/// How long a statement may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Connections to both.
pub struct Sides<'s> {
    site: &'s Site,
    proxy: &'s str,
    given: ClientConnection,
    right: ClientConnection,
}

impl<'s> Sides<'s> {
    /// Logs in at the proxy and at the plain server.
    pub async fn connect(site: &'s Site, proxy: &'s str) -> anyhow::Result<Self> {
        let given = Self::log_in(proxy).await?;
        let mut right = site.connect_plain().await?;
        right.run(b"SET NAMES utf8mb4, sql_mode = ''").await?;
        right.init_db("sky").await?;
        Ok(Self {
            site,
            proxy,
            given,
            right,
        })
    }

    async fn log_in(proxy: &str) -> anyhow::Result<ClientConnection> {
        let mut connection = connect_proxy(proxy, "ann", Some("sky")).await?;
        connection.run(b"SET NAMES utf8mb4").await?;
        connection.run(b"SET sql_mode = ''").await?;
        Ok(connection)
    }

    /// Asks the archive; what ends the connection, or takes too long, is said as text.
    async fn ask(&mut self, format: Format, sql: &str) -> anyhow::Result<Result<Outcome, String>> {
        let asked = tokio::time::timeout(TIMEOUT, ask_plain(&mut self.given, format, sql)).await;
        let lost = match asked {
            Ok(Ok(outcome)) => return Ok(Ok(outcome)),
            Ok(Err(error)) => format!("the connection is lost: {error:#}"),
            Err(_) => format!("no answer within {TIMEOUT:?}"),
        };
        self.given = Self::log_in(self.proxy).await.context("log in again")?;
        Ok(Err(lost))
    }

    /// Compares both answers.
    pub async fn compare(
        &mut self,
        format: Format,
        statement: &Statement,
    ) -> anyhow::Result<Verdict> {
        let sql = statement.sql();
        let given = match self.ask(format, &sql).await? {
            Ok(given) => given,
            Err(lost) => return Ok(Verdict::Wrong(lost)),
        };
        let right = ask_plain(&mut self.right, format, &sql)
            .await
            .with_context(|| {
                format!(
                    "the plain server at {} on {sql}",
                    self.site.plain.socket().display()
                )
            })?;
        Ok(judge(statement, &given, &right))
    }

    /// How the archive plans a statement.
    pub fn kind(&self, statement: &Statement) -> Kind {
        Kind::of(&statement.sql(), &self.site.archive.catalog)
    }

    /// Whether every column of a group has one value, so that there is one answer.
    pub async fn defines(&mut self, statement: &Statement) -> anyhow::Result<bool> {
        /// A column is neither grouped nor aggregated, with GROUP BY and without.
        const NOT_GROUPED: [u16; 2] = [1055, 1140];
        self.right
            .run(b"SET sql_mode = 'ONLY_FULL_GROUP_BY'")
            .await?;
        let outcome = ask_plain(&mut self.right, Format::Text, &statement.sql()).await;
        self.right.run(b"SET sql_mode = ''").await?;
        Ok(!outcome?.is_err_and(|error| NOT_GROUPED.contains(&error.code)))
    }

    /// Whether the archive's answers agree with each other: `p`, NOT `p` and `p` IS NULL are all
    /// rows, and `p` gives the rows of `(p) IS TRUE`, which no rule of pruning sees.
    pub async fn metamorphic(&mut self, statement: &Statement) -> anyhow::Result<Verdict> {
        let Some(filter) = &statement.first.filter else {
            return Ok(Verdict::Equal);
        };
        let with = |filter: Option<Expr>| {
            let mut other = statement.clone();
            other.first.filter = filter;
            other.sql()
        };
        let pattern = |pattern: &str| with(Some(form(pattern, [filter.clone()])));
        let texts = [
            with(None),
            with(Some(filter.clone())),
            pattern("NOT (#)"),
            pattern("(#) IS NULL"),
            pattern("(#) IS TRUE"),
        ];
        let mut answers = Vec::new();
        for sql in &texts {
            match self.ask(Format::Text, sql).await? {
                Ok(Ok(answer)) => answers.push(sorted(&answer)),
                Ok(Err(_)) => return Ok(Verdict::Equal),
                Err(lost) => return Ok(Verdict::Wrong(format!("{lost}: {sql}"))),
            }
        }
        let Some(disagreement) = disagreement_of(&answers) else {
            return Ok(Verdict::Equal);
        };
        let mut right = Vec::new();
        for sql in &texts {
            match ask_plain(&mut self.right, Format::Text, sql).await? {
                Ok(answer) => right.push(sorted(&answer)),
                Err(_) => return Ok(Verdict::Equal),
            }
        }
        // MariaDB's own answers may disagree: then the archive answers as it does.
        Ok(match disagreement_of(&right) {
            Some(_) => Verdict::Equal,
            None => Verdict::Wrong(disagreement),
        })
    }
}

/// How the answers to all rows, `p`, NOT `p`, `p` IS NULL and `p` IS TRUE disagree.
fn disagreement_of(answers: &[Vec<String>]) -> Option<String> {
    let [all, is, is_not, unknown, unpruned] = answers else {
        return None;
    };
    let mut parts = [is.as_slice(), is_not, unknown].concat();
    parts.sort();
    if is != unpruned {
        Some(format!(
            "{} rows, {} with (…) IS TRUE",
            is.len(),
            unpruned.len()
        ))
    } else if parts != *all {
        Some(format!(
            "{} + {} + {} rows of WHERE p, NOT p and p IS NULL instead of {}",
            is.len(),
            is_not.len(),
            unknown.len(),
            all.len()
        ))
    } else {
        None
    }
}
