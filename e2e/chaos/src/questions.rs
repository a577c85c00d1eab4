//! The statements of the load, of every way in which the archive answers, with their right answers.

use anyhow::{Context as _, Result, ensure};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Params, Row};
use orrery_e2e::questions::{Answer, STATEMENTS};

/// More than the end-to-end tests ask: unions, subqueries, gathered statements, groups by the key.
const MORE: [&str; 7] = [
    "SELECT objectId, rMag FROM sky.Object WHERE objectId IN (11, 222, 3333, 44444) ORDER BY objectId",
    "SELECT COUNT(*) FROM sky.Object WHERE rMag < 20 UNION ALL SELECT COUNT(*) FROM sky.Object WHERE rMag >= 20",
    "SELECT objectId, rMag FROM sky.Object ORDER BY rMag, objectId LIMIT 10",
    "SELECT COUNT(DISTINCT FLOOR(ra)) FROM sky.Object",
    "SELECT f.name, COUNT(*) FROM sky.Source s JOIN sky.Filter f ON f.filterId = s.filterId GROUP BY f.name ORDER BY f.name",
    "SELECT COUNT(*) FROM sky.Object WHERE objectId IN (SELECT objectId FROM sky.Source WHERE sourceId < 200)",
    "SELECT COUNT(*), MIN(n), MAX(n) FROM (SELECT objectId, COUNT(*) AS n FROM sky.Source GROUP BY objectId) AS per_object",
];

/// How a statement is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Prepared,
}

/// A statement with its right answer.
pub struct Question {
    pub sql: &'static str,
    pub form: Form,
    right: Answer,
}

/// Why there is no answer to compare.
pub struct NoAnswer {
    pub error: mysql_async::Error,
    /// Whether a row had come.
    pub begun: bool,
}

impl Question {
    /// Asks; whether the answer is the right one.
    pub async fn ask(&self, session: &mut Conn) -> Result<bool, NoAnswer> {
        Ok(answer(session, self.sql, self.form).await? == self.right)
    }
}

async fn answer(session: &mut Conn, sql: &str, form: Form) -> Result<Answer, NoAnswer> {
    let mut rows = Vec::new();
    let outcome = match form {
        Form::Text => text(session, sql, &mut rows).await,
        Form::Prepared => prepared(session, sql, &mut rows).await,
    };
    match outcome {
        Ok(()) => Ok(rows.into_iter().map(Row::unwrap).collect()),
        Err(error) => Err(NoAnswer {
            error,
            begun: !rows.is_empty(),
        }),
    }
}

async fn text(
    session: &mut Conn,
    sql: &str,
    rows: &mut Vec<Row>,
) -> Result<(), mysql_async::Error> {
    let mut answer = session.query_iter(sql).await?;
    while let Some(row) = answer.next().await? {
        rows.push(row);
    }
    Ok(())
}

async fn prepared(
    session: &mut Conn,
    sql: &str,
    rows: &mut Vec<Row>,
) -> Result<(), mysql_async::Error> {
    let mut answer = session.exec_iter(sql, Params::Empty).await?;
    while let Some(row) = answer.next().await? {
        rows.push(row);
    }
    Ok(())
}

/// Asks everything once while all is well, in both forms, and once more: what does not answer twice
/// alike can be compared with nothing.
pub async fn learn(session: &mut Conn) -> Result<Vec<Question>> {
    let mut known = Vec::new();
    for sql in STATEMENTS.into_iter().chain(MORE) {
        for form in [Form::Text, Form::Prepared] {
            let failed = |no: NoAnswer| anyhow::Error::from(no.error).context(sql);
            let right = answer(session, sql, form).await.map_err(failed)?;
            ensure!(!right.is_empty(), "no row to compare later: {sql}");
            let question = Question { sql, form, right };
            let same = question.ask(session).await.map_err(failed)?;
            ensure!(same, "two answers to {sql}");
            known.push(question);
        }
    }
    known.first().context("no statements")?;
    Ok(known)
}
