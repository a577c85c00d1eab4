//! One statement of a client: its class decides whether it is answered here, refused, or sent to a
//! czar.

use std::borrow::Cow;
use std::time::Instant;

use orrery_archive::catalog::users::{ServiceClass, User};
use orrery_plan::statement::{Show, Statement, Transaction};
use orrery_wire::reply::encode_tracked_schema;
use orrery_wire::server::ServerConnection;
use orrery_wire::{Format, OkPacket, ServerError, WireError, errors};

use super::{Answer, Client, Outcome, text};
use crate::accounts::check_database;
use crate::forward::{Known, Overlay};
use crate::peers::Kill;
use crate::refusals;
use crate::registry::Killed;
use crate::result::LocalResult;
use crate::session::{Diagnostics, Session, Shown};

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
    /// Ask a czar.
    Forward(Overlay),
    /// Answer without one.
    Here(Here),
}

/// An answer that needs no czar.
enum Here {
    /// Write OK.
    Ok(OkPacket),
    /// Write a result made here.
    Rows(LocalResult),
    /// Stop something, here or at another proxy.
    Kill(Kill),
    /// Close the connection after this error.
    Close(ServerError),
}

impl Client {
    /// Runs a statement and writes its answer. An error means that the connection is to be closed.
    pub(super) async fn run(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
        format: Format,
    ) -> Result<(), WireError> {
        let started = Instant::now();
        self.answer = Answer::default();
        let sent_before = connection.writer().bytes();
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
        let took = started.elapsed();
        metrics.seconds.observe(took.as_secs_f64());
        self.answer.bytes = connection.writer().bytes() - sent_before;
        self.audit(sql, (class, outcome_label), &self.answer, took);
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
        let statement = match text::class_of(sql) {
            Ok(statement) => statement,
            Err(error) => {
                return (
                    "unreadable",
                    self.send_error(connection.writer(), &error).await,
                );
            }
        };
        if let Some(settings) = text::set_statement(&statement) {
            return self.run_under(connection, settings, format).await;
        }
        let class = label(&statement);
        let decided = self
            .account()
            .and_then(|user| Ok((self.decide(&statement, sql, format, &user)?, user)));
        let (action, user) = match decided {
            Ok(decided) => decided,
            Err(error) => return (class, self.send_error(connection.writer(), &error).await),
        };
        if text::forgets_warnings(&statement) {
            self.session.diagnostics = Diagnostics::default();
        }
        let done = match action {
            Action::Forward(overlay) => match self.sent(&statement, sql) {
                Ok(sql) => self.ask(connection, &sql, format, overlay, &user).await,
                Err(error) => self.send_error(connection.writer(), &error).await,
            },
            Action::Here(answer) => self.answer_here(connection, answer, format).await,
        };
        (class, done)
    }

    /// Writes what needs no czar.
    async fn answer_here(
        &mut self,
        connection: &mut ServerConnection,
        answer: Here,
        format: Format,
    ) -> Result<Outcome, WireError> {
        match answer {
            Here::Ok(ok) => connection.writer().write_ok(&ok).await?,
            Here::Rows(rows) => {
                let end = self.ok();
                self.answer.rows = rows.rows.len() as u64;
                rows.write(format, &end, connection.writer()).await?;
            }
            Here::Kill(kill) => return self.kill(connection, &kill).await,
            Here::Close(error) => {
                // The connection is closed whether or not the client hears why.
                let _ = self.send_error(connection.writer(), &error).await;
                let _ = connection.writer().flush().await;
                return Err(WireError::Closed);
            }
        }
        Ok(Outcome::Ok)
    }

    /// Runs the statement of a SET STATEMENT under its settings, and forgets them after.
    async fn run_under(
        &mut self,
        connection: &mut ServerConnection,
        settings: &str,
        format: Format,
    ) -> (&'static str, Result<Outcome, WireError>) {
        let (inner, before) = match self.enter_statement(settings) {
            Ok(entered) => entered,
            Err(error) => return ("set", self.send_error(connection.writer(), &error).await),
        };
        let ran = Box::pin(self.run_classified(connection, &inner, format)).await;
        self.leave_statement(before);
        ran
    }

    /// Gives the session the settings of a SET STATEMENT: the statement that is to run under them,
    /// and the session as it was.
    pub(super) fn enter_statement(
        &mut self,
        settings: &str,
    ) -> Result<(String, Session), ServerError> {
        let under = text::under(settings)?;
        let Statement::Set(assignments) = text::class_of(&under.set)? else {
            return Err(errors::empty_query());
        };
        let inner = text::class_of(&under.inner)?;
        if !text::runs_under(&inner) {
            return Err(errors::NOT_SUPPORTED.error(format!(
                "This version of Orrery doesn't yet support 'SET STATEMENT … FOR {}'; it takes SELECT, SHOW, DESCRIBE and EXPLAIN",
                label(&inner)
            )));
        }
        let before = self.session.clone();
        self.session
            .set(&assignments)
            .map_err(|error| ServerError::from(&error))?;
        Ok((under.inner, before))
    }

    /// The session as it was, but for what it has learnt.
    pub(super) fn leave_statement(&mut self, before: Session) {
        let under = std::mem::replace(&mut self.session, before);
        self.session.learn_from(under);
    }

    /// The text that is sent to a czar.
    pub(super) fn sent<'a>(
        &self,
        statement: &Statement,
        sql: &'a str,
    ) -> Result<Cow<'a, str>, ServerError> {
        if self.session.has_pipes() {
            text::refuse_pipes(sql)?;
        }
        match (statement, self.session.select_limit()) {
            (Statement::Select | Statement::SelectWithoutTable, Some(limit)) => {
                text::limited(sql, limit)
            }
            _ => Ok(Cow::Borrowed(sql)),
        }
    }

    /// What is to be done, without doing it (but for the session's own state).
    fn decide(
        &mut self,
        statement: &Statement,
        sql: &str,
        format: Format,
        user: &User,
    ) -> Result<Action, ServerError> {
        if let Some(refusal) = refusals::refusal(statement) {
            return Err(refusal);
        }
        match statement {
            Statement::Empty => Err(errors::empty_query()),
            Statement::Set(assignments) => {
                self.session
                    .set(assignments)
                    .map_err(|error| ServerError::from(&error))?;
                Ok(Action::Here(Here::Ok(self.ok())))
            }
            Statement::Use(database) => self.use_database(database).map(Here::Ok).map(Action::Here),
            Statement::Kill { query_only, id } => {
                self.to_kill(*id, !query_only, user).map(Action::Here)
            }
            Statement::Transaction(verb) => {
                match verb {
                    Transaction::Begin => self.session.begin(text::access(sql)?),
                    Transaction::Commit | Transaction::Rollback => {
                        self.session.end_transaction(text::chains(sql)?);
                    }
                    // Nothing is ever locked or changed.
                    Transaction::Savepoint | Transaction::Unlock => {}
                }
                Ok(Action::Here(Here::Ok(self.ok())))
            }
            Statement::Show(Show::Grants) => {
                self.grants(sql, user).map(Here::Rows).map(Action::Here)
            }
            Statement::Show(Show::Processlist { full }) => {
                Ok(Action::Here(Here::Rows(self.processlist(sql, *full, user))))
            }
            Statement::Show(Show::Warnings) => {
                self.diagnostics(sql).map(Here::Rows).map(Action::Here)
            }
            Statement::Show(Show::Variables) => Ok(Action::Forward(Overlay::of_show_variables(
                &self.known(),
                format,
            ))),
            Statement::SelectWithoutTable => {
                Overlay::of_select(sql, &self.known(), format).map(Action::Forward)
            }
            Statement::Select => {
                self.session.reads_tables();
                Ok(Action::Forward(Overlay::None))
            }
            _ => Ok(Action::Forward(Overlay::None)),
        }
    }

    /// Changes the default database.
    fn use_database(&mut self, database: &str) -> Result<OkPacket, ServerError> {
        let user = self.account()?;
        if let Some(snapshot) = self.proxy.hub.current() {
            check_database(&snapshot, &self.session.user, &user, database)?;
        }
        self.session.database = Some(database.to_owned());
        self.member.set_database(Some(database));
        Ok(OkPacket {
            session_state: encode_tracked_schema(database),
            ..self.ok()
        })
    }

    /// COM_INIT_DB.
    pub(super) async fn init_db(
        &mut self,
        connection: &mut ServerConnection,
        database: &str,
    ) -> Result<(), WireError> {
        match self.use_database(database) {
            Ok(ok) => connection.writer().write_ok(&ok).await,
            Err(error) => self.send_error(connection.writer(), &error).await.map(drop),
        }
    }

    /// COM_PROCESS_KILL.
    pub(super) async fn process_kill(
        &mut self,
        connection: &mut ServerConnection,
        id: u32,
    ) -> Result<(), WireError> {
        self.run(connection, &format!("KILL {id}"), Format::Text)
            .await
    }

    fn to_kill(&self, id: u64, whole: bool, user: &User) -> Result<Here, ServerError> {
        if id != u64::from(self.member.entry().id) {
            let anybodys = user.class == ServiceClass::Admin;
            let user = self.session.user.clone();
            return Ok(Here::Kill(Kill {
                id,
                whole,
                user,
                anybodys,
            }));
        }
        if whole {
            Ok(Here::Close(errors::interrupted()))
        } else {
            Err(errors::interrupted())
        }
    }

    async fn kill(
        &mut self,
        connection: &mut ServerConnection,
        kill: &Kill,
    ) -> Result<Outcome, WireError> {
        let mut killed = kill.here(&self.proxy.registry);
        if killed == Killed::Unknown && !self.proxy.peers.is_empty() {
            killed = kill
                .at_peers(&self.proxy.peers, self.proxy.czars.account())
                .await;
        }
        if let Some(error) = refusals::not_killed(killed, kill.id) {
            return self.send_error(connection.writer(), &error).await;
        }
        self.write_ok(connection).await.map(|()| Outcome::Ok)
    }

    /// What the proxy knows better than a czar's shadow server.
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
            // A client that found the shadow server's socket would talk to it instead.
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
}

/// The class as a label of counters.
fn label(statement: &Statement) -> &'static str {
    match statement {
        Statement::Empty => "empty",
        Statement::Select => "select",
        Statement::SelectWithoutTable => "select_without_table",
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
        Statement::Prepare { .. } | Statement::Execute { .. } | Statement::Deallocate { .. } => {
            "prepare"
        }
        Statement::Other { .. } => "other",
    }
}
