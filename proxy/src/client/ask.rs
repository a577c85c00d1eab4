//! Statements that czars answer: what is asked, and what is learnt from the answer.

use std::time::Duration;

use orrery_archive::catalog::users::User;
use orrery_czar_protocol::Question;
use orrery_plan::statement::{Show, Statement};
use orrery_wire::server::{DisconnectWatch, ResponseWriter, ServerConnection};
use orrery_wire::{ColumnDef, Format, WireError, errors};
use tokio_util::sync::CancellationToken;

use super::{Client, Outcome, text};
use crate::forward::{self, Answered, Failure, Forwarded, Interrupt, Overlay};
use crate::refusals;

/// Longer than its limit a statement runs only when its czar does not stop it.
const GRACE: Duration = Duration::from_secs(2);

impl Client {
    /// This connection's name, for people.
    fn connection_name(&self) -> String {
        format!("{}/{}", self.proxy.name, self.member.entry().id)
    }

    /// A question in this session's name, within the limits of its user.
    fn question<'a>(&'a self, user: &User, connection: &'a str) -> Question<'a> {
        Question {
            max_rows: user.limits.max_rows,
            max_time: self.session.max_time(user.limits.max_seconds),
            connection,
            ..self.session.question()
        }
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
        let asked = if overlay.is_none() {
            format
        } else {
            Format::Text
        };
        let name = self.connection_name();
        let statement = Forwarded {
            sql,
            question: Question {
                format: asked,
                ..self.question(user, &name)
            },
            status: self.session.status(),
            overlay,
        };
        let limit = self.session.max_time(user.limits.max_seconds);
        let running = self.member.begin(sql);
        let mut rows = 0;
        let answer = {
            let (watch, writer) = connection.split();
            let stop = (running.stop.clone(), &self.proxy.cut);
            let interrupt = std::pin::pin!(interrupted(watch, stop, limit));
            forward::forward(
                &self.proxy.czars,
                &statement,
                interrupt,
                writer,
                &mut rows,
                &self.proxy.metrics,
            )
            .await
        };
        self.proxy.metrics.rows.inc_by(rows);
        drop(running);
        self.answer.rows = rows;
        match answer {
            Ok(answered) => {
                self.learn(answered);
                Ok(Outcome::Ok)
            }
            Err(failure) => self.tell_failure(connection.writer(), failure).await,
        }
    }

    /// The columns of a statement that is being prepared.
    pub(super) async fn columns_of(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
    ) -> Result<Vec<ColumnDef>, Failure> {
        let class = text::class_of(sql).map_err(Failure::Error)?;
        if let Some(settings) = text::set_statement(&class) {
            let (inner, before) = self.enter_statement(settings).map_err(Failure::Error)?;
            let columns = Box::pin(self.columns_of(connection, &inner)).await;
            self.leave_statement(before);
            return columns;
        }
        let user = self.account().map_err(Failure::Error)?;
        if let Some(refusal) = refusals::refusal(&class) {
            return Err(Failure::Error(refusal));
        }
        if !has_columns_at_czar(&class) {
            return Ok(Vec::new());
        }
        let sql = self.sent(&class, sql).map_err(Failure::Error)?;
        let name = self.connection_name();
        let statement = Forwarded {
            sql: &sql,
            question: Question {
                prepare: true,
                ..self.question(&user, &name)
            },
            status: self.session.status(),
            overlay: Overlay::None,
        };
        let running = self.member.begin(&sql);
        let (watch, _) = connection.split();
        let limit = self.session.max_time(user.limits.max_seconds);
        let stop = (running.stop.clone(), &self.proxy.cut);
        let interrupt = std::pin::pin!(interrupted(watch, stop, limit));
        forward::columns(
            &self.proxy.czars,
            &statement,
            interrupt,
            &self.proxy.metrics,
        )
        .await
    }

    /// Tells the client what became of its statement, if it can still be told.
    pub(super) async fn tell_failure(
        &mut self,
        writer: &mut ResponseWriter,
        failure: Failure,
    ) -> Result<Outcome, WireError> {
        let told = match failure {
            Failure::Error(error) => return self.send_error(writer, &error).await,
            Failure::Client(error) => return Err(error),
            Failure::Interrupted(Interrupt::ClientGone) => return Ok(Outcome::ClientGone),
            Failure::Interrupted(Interrupt::Killed) => errors::interrupted(),
            Failure::Interrupted(Interrupt::TimeOver) => errors::timed_out(),
            Failure::Interrupted(Interrupt::Shutdown) => refusals::cut_off(),
        };
        self.send_error(writer, &told)
            .await
            .map(|_| Outcome::Interrupted)
    }

    fn learn(&mut self, answered: Answered) {
        if answered.diagnostics.count() > 0 {
            self.session.diagnostics = answered.diagnostics;
        }
        self.session.data_epoch = self.session.data_epoch.max(answered.data_epoch);
    }
}

/// Resolves when the statement is to stop.
async fn interrupted(
    mut watch: DisconnectWatch<'_>,
    (stop, cut): (CancellationToken, &CancellationToken),
    limit: Option<Duration>,
) -> Interrupt {
    let time_over = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit.saturating_add(GRACE)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => Interrupt::Killed,
        () = cut.cancelled() => Interrupt::Shutdown,
        _ = watch.closed() => Interrupt::ClientGone,
        () = time_over => Interrupt::TimeOver,
    }
}

/// Whether a czar can tell the columns of a statement before it runs.
fn has_columns_at_czar(statement: &Statement) -> bool {
    match statement {
        Statement::Select | Statement::SelectWithoutTable | Statement::Describe { .. } => true,
        Statement::Show(show) => !matches!(
            show,
            Show::Processlist { .. } | Show::Warnings | Show::Grants
        ),
        _ => false,
    }
}
