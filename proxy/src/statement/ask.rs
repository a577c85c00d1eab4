//! Statements that czars answer: what is asked, and what is learnt from the answer.

use std::time::Duration;

use orrery_archive::catalog::users::User;
use orrery_plan::statement::{Show, Statement, classify};
use orrery_wire::command::QueryAttribute;
use orrery_wire::server::{DisconnectWatch, ResponseWriter, ServerConnection};
use orrery_wire::{ColumnDef, WireError};
use tokio_util::sync::CancellationToken;

use super::{Outcome, syntax};
use crate::connection::Client;
use crate::forward::{self, Answered, Failure, Interrupt, Overlay, Question};
use crate::refusals;
use crate::result::Format;

/// Longer than its limit a statement runs only when its czar does not stop it.
const GRACE: Duration = Duration::from_secs(2);

impl Client {
    /// Attributes of a question: the session's, and the limits of its user.
    fn attributes(&self, user: &User, format: Format, prepare: bool) -> Vec<QueryAttribute> {
        let mut attributes = self.session.attributes();
        let connection = format!("{}/{}", self.proxy.name, self.member.entry().id);
        attributes.push(QueryAttribute::text("orrery.connection", connection));
        if format == Format::Binary {
            attributes.push(QueryAttribute::text("orrery.format", "binary"));
        }
        if prepare {
            attributes.push(QueryAttribute::text("orrery.prepare", "1"));
        }
        if let Some(rows) = user.limits.max_rows {
            attributes.push(QueryAttribute::text("orrery.max_rows", rows.to_string()));
        }
        if let Some(time) = self.session.max_time(user.limits.max_seconds) {
            attributes.push(QueryAttribute::text(
                "orrery.max_ms",
                time.as_millis().to_string(),
            ));
        }
        attributes
    }

    /// Sends the statement to a czar and passes its answer on.
    pub(super) async fn ask(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
        format: Format,
        overlay: Overlay,
        user: &User,
    ) -> Result<Outcome, WireError> {
        // Rows that are changed here arrive as text, whatever the client wants.
        let asked = if overlay.is_none() { format } else { Format::Text };
        let question = Question {
            sql,
            attributes: self.attributes(user, asked, false),
            user: &self.session.user,
            status: self.session.status(),
            overlay,
        };
        let limit = self.session.max_time(user.limits.max_seconds);
        let running = self.member.begin(sql);
        let answer = {
            let (watch, writer) = connection.split();
            let interrupt = std::pin::pin!(interrupted(watch, running.stop.clone(), limit));
            forward::forward(
                &self.proxy.czars,
                &question,
                interrupt,
                writer,
                &self.proxy.metrics,
            )
            .await
        };
        drop(running);
        match answer {
            Ok(answered) => {
                self.learn(answered);
                Ok(Outcome::Ok)
            }
            Err(failure) => self.tell_failure(connection.writer(), failure).await,
        }
    }

    /// The columns of a statement that is being prepared.
    pub async fn columns_of(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
    ) -> Result<Vec<ColumnDef>, Failure> {
        let statement = classify(sql).map_err(|error| Failure::Tell(syntax(&error)))?;
        let user = self.account().map_err(Failure::Tell)?;
        if let Some(refusal) = refusals::refusal(&statement) {
            return Err(Failure::Tell(refusal));
        }
        if !has_columns_at_czar(&statement) {
            return Ok(Vec::new());
        }
        let question = Question {
            sql,
            attributes: self.attributes(&user, Format::Text, true),
            user: &self.session.user,
            status: self.session.status(),
            overlay: Overlay::None,
        };
        let running = self.member.begin(sql);
        let (watch, _) = connection.split();
        let limit = self.session.max_time(user.limits.max_seconds);
        let interrupt = std::pin::pin!(interrupted(watch, running.stop.clone(), limit));
        forward::columns(&self.proxy.czars, &question, interrupt, &self.proxy.metrics).await
    }

    /// Tells the client what became of its statement, if it can still be told.
    pub async fn tell_failure(
        &mut self,
        writer: &mut ResponseWriter,
        failure: Failure,
    ) -> Result<Outcome, WireError> {
        let told = match failure {
            Failure::Tell(error) => return self.tell(writer, &error).await,
            Failure::Client(error) => return Err(error),
            Failure::Interrupted(Interrupt::ClientGone) => return Ok(Outcome::ClientGone),
            Failure::Interrupted(Interrupt::Killed) => refusals::interrupted(),
            Failure::Interrupted(Interrupt::TimeOver) => refusals::time_over(),
        };
        self.tell(writer, &told).await.map(|_| Outcome::Interrupted)
    }

    fn learn(&mut self, answered: Answered) {
        self.proxy.metrics.rows.inc_by(answered.rows);
        self.session.diagnostics = answered.diagnostics;
        self.session.data_epoch = self
            .session
            .data_epoch
            .max(answered.data_epoch.unwrap_or_default());
    }
}

/// Resolves when the statement is to stop.
async fn interrupted(
    mut watch: DisconnectWatch<'_>,
    stop: CancellationToken,
    limit: Option<Duration>,
) -> Interrupt {
    let time_over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit + GRACE).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => Interrupt::Killed,
        _ = watch.closed() => Interrupt::ClientGone,
        () = time_over => Interrupt::TimeOver,
    }
}

/// Whether a czar can tell the columns of a statement before it runs.
fn has_columns_at_czar(statement: &Statement) -> bool {
    match statement {
        Statement::Select { .. } | Statement::SelectWithoutTable { .. } | Statement::Describe { .. } => true,
        Statement::Show(show) => !matches!(show, Show::Processlist { .. } | Show::Warnings),
        _ => false,
    }
}
