//! One statement of a client: its class decides whether it is answered here, refused, or sent to a czar.

use std::time::{Duration, Instant};

use orrery_crds::catalog::users::User;
use orrery_crds::kinds::ServiceClass;
use orrery_plan::statement::{Show, Statement, StatementError, classify};
use orrery_wire::command::QueryAttribute;
use orrery_wire::reply::encode_tracked_schema;
use orrery_wire::server::{DisconnectWatch, ResponseWriter, ServerConnection};
use orrery_wire::{ColumnDef, OkPacket, ServerError, WireError};
use tokio_util::sync::CancellationToken;

use crate::connection::Client;
use crate::forward::{self, Answered, Failure, Interrupt, Known, Overlay, Question};
use crate::login::check_database;
use crate::refusals;
use crate::registry::Killed;
use crate::result::{Format, LocalResult};
use crate::session::{Diagnostic, Shown};

mod local;

/// Longer than its limit a statement runs only when its czar does not stop it.
const GRACE: Duration = Duration::from_secs(2);

/// How a statement ended, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered.
    Ok,
    /// The client got an error.
    Error,
    /// Killed or out of time.
    Interrupted,
    /// The client went away.
    ClientGone,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Interrupted => "interrupted",
            Self::ClientGone => "client_gone",
        }
    }
}

/// What to do with a statement.
enum Action {
    /// Write OK.
    Ok(OkPacket),
    /// Write a result made here.
    Rows(LocalResult),
    /// Ask a czar.
    Forward(Overlay),
    /// Close the connection after this error.
    Close(ServerError),
}

impl Client {
    /// Runs a statement and writes its answer. An error means that the connection is to be closed.
    pub async fn run(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
        format: Format,
    ) -> Result<(), WireError> {
        let started = Instant::now();
        let (class, outcome) = self.run_classified(connection, sql, format).await;
        let outcome_label = match &outcome {
            Ok(outcome) => outcome.label(),
            Err(_) => Outcome::ClientGone.label(),
        };
        let metrics = &self.proxy.metrics;
        metrics
            .statements
            .with_label_values(&[class, outcome_label])
            .inc();
        metrics.seconds.observe(started.elapsed().as_secs_f64());
        match outcome? {
            Outcome::ClientGone => Err(WireError::Closed),
            _ => Ok(()),
        }
    }

    async fn run_classified(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
        format: Format,
    ) -> (&'static str, Result<Outcome, WireError>) {
        let statement = match classify(sql) {
            Ok(statement) => statement,
            Err(error) => {
                return (
                    "unreadable",
                    self.tell(connection.writer(), &syntax(&error)).await,
                );
            }
        };
        let class = label(&statement);
        let action = match self.decide(&statement, sql, format) {
            Ok(action) => action,
            Err(error) => return (class, self.tell(connection.writer(), &error).await),
        };
        if !matches!(statement, Statement::Show(Show::Warnings)) {
            self.session.diagnostics.clear();
        }
        let done = match action {
            Action::Ok(ok) => connection.writer().write_ok(&ok).await.map(|()| Outcome::Ok),
            Action::Rows(rows) => {
                let end = OkPacket::with_status(self.session.status(), 0);
                rows.write(format, &end, connection.writer())
                    .await
                    .map(|()| Outcome::Ok)
            }
            Action::Forward(overlay) => self.ask(connection, sql, format, overlay).await,
            Action::Close(error) => {
                // The connection is closed whether or not the client hears why.
                let _ = self.tell(connection.writer(), &error).await;
                let _ = connection.writer().flush().await;
                Err(WireError::Closed)
            }
        };
        (class, done)
    }

    /// Writes an error and remembers it for SHOW WARNINGS.
    pub async fn tell(
        &mut self,
        writer: &mut ResponseWriter,
        error: &ServerError,
    ) -> Result<Outcome, WireError> {
        self.session.diagnostics = vec![Diagnostic::from(error)];
        writer.write_err(error).await.map(|()| Outcome::Error)
    }

    /// What is to be done, without doing it (but for the session's own state).
    fn decide(&mut self, statement: &Statement, sql: &str, format: Format) -> Result<Action, ServerError> {
        let user = self.account()?;
        if let Some(refusal) = refusals::refusal(statement) {
            return Err(refusal);
        }
        match statement {
            Statement::Empty => Err(ServerError::new(1065, b"42000", "Query was empty")),
            Statement::Set(assignments) => {
                self.session
                    .set(assignments)
                    .map_err(|error| ServerError::from(&error))?;
                Ok(self.ok())
            }
            Statement::Use(database) => self.use_database(database),
            Statement::Kill { query_only, id } => self.kill(*id, !query_only, &user),
            Statement::Transaction(_) => Ok(self.ok()),
            Statement::Show(Show::Processlist { full }) => Ok(Action::Rows(self.processlist(*full, &user))),
            Statement::Show(Show::Warnings) => Ok(Action::Rows(self.diagnostics(sql))),
            Statement::Show(Show::Variables) => {
                Ok(Action::Forward(Overlay::of_show_variables(&self.known(), format)))
            }
            Statement::SelectWithoutTable { .. } => {
                Overlay::of_select(sql, &self.known(), format).map(Action::Forward)
            }
            _ => Ok(Action::Forward(Overlay::None)),
        }
    }

    /// The user as the newest snapshot has it.
    pub fn account(&self) -> Result<User, ServerError> {
        let snapshot = self.proxy.hub.current();
        let user = snapshot.and_then(|snapshot| snapshot.users.users.get(&self.session.user).cloned());
        user.ok_or_else(|| refusals::user_gone(&self.session.user, &self.peer))
    }

    fn ok(&self) -> Action {
        Action::Ok(OkPacket::with_status(self.session.status(), 0))
    }

    /// Changes the default database.
    fn use_database(&mut self, database: &str) -> Result<Action, ServerError> {
        let user = self.account()?;
        if let Some(snapshot) = self.proxy.hub.current() {
            check_database(&snapshot, &self.session.user, &user, database)?;
        }
        self.session.database = Some(database.to_owned());
        self.member.set_database(Some(database));
        Ok(Action::Ok(OkPacket {
            session_state: encode_tracked_schema(database),
            ..OkPacket::with_status(self.session.status(), 0)
        }))
    }

    /// COM_INIT_DB.
    pub async fn init_db(
        &mut self,
        connection: &mut ServerConnection,
        database: &str,
    ) -> Result<(), WireError> {
        match self.use_database(database) {
            Ok(Action::Ok(ok)) => connection.writer().write_ok(&ok).await,
            Ok(_) => Ok(()),
            Err(error) => self.tell(connection.writer(), &error).await.map(drop),
        }
    }

    /// COM_PROCESS_KILL.
    pub async fn process_kill(
        &mut self,
        connection: &mut ServerConnection,
        id: u32,
    ) -> Result<(), WireError> {
        self.run(connection, &format!("KILL {id}"), Format::Text).await
    }

    fn kill(&self, id: u64, whole: bool, user: &User) -> Result<Action, ServerError> {
        if id == u64::from(self.member.entry().id) {
            return if whole {
                Ok(Action::Close(refusals::interrupted()))
            } else {
                Err(refusals::interrupted())
            };
        }
        let anybodys = user.class == ServiceClass::Admin;
        match self.proxy.registry.kill(id, whole, &self.session.user, anybodys) {
            Killed::Yes => Ok(self.ok()),
            Killed::Unknown => Err(ServerError::new(
                1094,
                b"HY000",
                format!("Unknown thread id: {id}"),
            )),
            Killed::NotOwner => Err(ServerError::new(
                1095,
                b"HY000",
                format!("You are not owner of thread {id}"),
            )),
        }
    }

    /// What the proxy knows better than a czar's front-end.
    fn known(&self) -> Known {
        let same = |text: String| Shown {
            select: text.clone(),
            show: text,
        };
        let server = &self.proxy.server;
        let id = self.member.entry().id.to_string();
        let fixed = [
            ("version", server.version.clone()),
            ("version_comment", "Orrery".to_owned()),
            ("max_allowed_packet", server.max_allowed_packet.to_string()),
            // A client that found the front-end's socket would talk to it instead.
            ("socket", String::new()),
        ];
        let mut own = self.session.own_variables();
        own.insert("pseudo_thread_id", same(id.clone()));
        let user = &self.session.user;
        let at_host = format!("{user}@{}", self.peer);
        Known {
            fixed: fixed
                .into_iter()
                .map(|(name, value)| (name, same(value)))
                .collect(),
            own,
            functions: [
                ("CONNECTION_ID", id),
                ("USER", at_host.clone()),
                ("SESSION_USER", at_host.clone()),
                ("SYSTEM_USER", at_host),
                ("CURRENT_USER", format!("{user}@%")),
            ]
            .into(),
        }
    }

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
    async fn ask(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
        format: Format,
        overlay: Overlay,
    ) -> Result<Outcome, WireError> {
        let user = match self.account() {
            Ok(user) => user,
            Err(error) => return self.tell(connection.writer(), &error).await,
        };
        // Rows that are changed here arrive as text, whatever the client wants.
        let asked = if overlay.is_none() { format } else { Format::Text };
        let question = Question {
            sql,
            attributes: self.attributes(&user, asked, false),
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

fn syntax(error: &StatementError) -> ServerError {
    ServerError::new(1064, b"42000", error.to_string())
}

/// The class as a label of counters.
fn label(statement: &Statement) -> &'static str {
    match statement {
        Statement::Empty => "empty",
        Statement::Select { .. } => "select",
        Statement::SelectWithoutTable { .. } => "select_without_table",
        Statement::Show(_) | Statement::Describe { .. } => "show",
        Statement::Explain { .. } => "explain",
        Statement::Set(_) => "set",
        Statement::Use(_) => "use",
        Statement::Kill { .. } => "kill",
        Statement::Transaction(_) => "transaction",
        Statement::Write { .. } => "write",
        Statement::Ddl { .. } => "ddl",
        Statement::Administration { .. } => "administration",
        Statement::Submit { .. } | Statement::Cancel { .. } | Statement::Call { .. } => "submit",
        Statement::Prepare { .. } | Statement::Execute { .. } | Statement::Deallocate { .. } => "prepare",
        Statement::Other { .. } => "other",
    }
}
