//! A client's commands, each answered whole before the next is read.

use std::borrow::Cow;

use orrery_wire::command::Command;
use orrery_wire::server::ServerConnection;
use orrery_wire::statement::ExecuteRequest;
use orrery_wire::{Format, WireError};

use super::{Client, Outcome, text};
use crate::forward::Failure;
use crate::prepared::parameter_columns;
use crate::refusals;
use crate::result::is_like;

impl Client {
    /// Commands and answers until the client leaves, is killed, or has been idle for too long.
    pub(super) async fn converse(
        &mut self,
        connection: &mut ServerConnection,
    ) -> Result<(), WireError> {
        loop {
            connection.writer().flush().await?;
            let idle_limit = self.session.wait_timeout();
            let command = tokio::select! {
                command = connection.read_command() => command?,
                () = self.member.entry().closing.cancelled() => return Ok(()),
                () = self.proxy.stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(idle_limit) => return Ok(()),
            };
            if command == Command::Quit {
                return Ok(());
            }
            self.answer(connection, command).await?;
            if self.member.entry().closing.is_cancelled() {
                return connection.writer().flush().await;
            }
        }
    }

    async fn answer(
        &mut self,
        connection: &mut ServerConnection,
        command: Command,
    ) -> Result<(), WireError> {
        if let Some(refusal) = command.refusal() {
            return self
                .send_error(connection.writer(), &refusal)
                .await
                .map(drop);
        }
        match command {
            Command::Query { sql, .. } => match self.text_of(&sql) {
                Some(sql) => self.run(connection, &sql, Format::Text).await,
                None => self.tell_not_text(connection).await,
            },
            Command::InitDb(name) => {
                self.init_db(connection, &String::from_utf8_lossy(&name))
                    .await
            }
            Command::Prepare(sql) => match self.text_of(&sql) {
                Some(sql) => self.prepare(connection, &sql).await,
                None => self.tell_not_text(connection).await,
            },
            Command::Execute(request) => self.execute(connection, &request).await,
            Command::SendLongData {
                statement,
                param,
                data,
            } => {
                let limit = self.proxy.server.max_allowed_packet;
                self.prepared.append(statement, param, &data, limit);
                Ok(())
            }
            Command::CloseStatement(id) => {
                self.prepared.remove(id);
                Ok(())
            }
            Command::ResetStatement(id) => match self.prepared.reset(id) {
                Ok(()) => self.write_ok(connection).await,
                Err(error) => self.send_error(connection.writer(), &error).await.map(drop),
            },
            Command::ProcessKill { connection: id } => self.process_kill(connection, id).await,
            Command::ChangeUser(request) => self.change_user(connection, request).await,
            Command::ResetConnection => {
                self.session.reset();
                self.prepared.clear();
                self.write_ok(connection).await
            }
            Command::Ping | Command::SetOption { .. } => self.write_ok(connection).await,
            Command::Statistics => {
                let text = self.statistics();
                connection.writer().write_statistics(&text).await
            }
            Command::FieldList { table, wildcard } => {
                self.field_list(connection, &table, &wildcard).await
            }
            Command::Quit | Command::FetchStatement(_) | Command::Unsupported(_) => {
                Err(WireError::Closed)
            }
        }
    }

    /// The text of a statement; `None` when it is not what the session's character set says.
    fn text_of<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        if bytes.is_ascii() || self.session.collation().reads_utf8() {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        text::from_latin1(bytes).map(Cow::Owned)
    }

    pub(super) async fn write_ok(
        &self,
        connection: &mut ServerConnection,
    ) -> Result<(), WireError> {
        let ok = self.ok();
        connection.writer().write_ok(&ok).await
    }

    async fn tell_not_text(&mut self, connection: &mut ServerConnection) -> Result<(), WireError> {
        let error = refusals::not_text(self.session.collation().charset());
        self.send_error(connection.writer(), &error).await.map(drop)
    }

    async fn prepare(
        &mut self,
        connection: &mut ServerConnection,
        sql: &str,
    ) -> Result<(), WireError> {
        let columns = match self.columns_of(connection, sql).await {
            Ok(columns) => columns,
            Err(failure) => {
                self.prepared.failed();
                return self.answer_failure(connection, failure).await;
            }
        };
        match self.prepared.add(sql) {
            Ok((id, count)) => {
                let params = parameter_columns(count);
                connection
                    .writer()
                    .write_prepare_ok(id, &params, &columns, 0)
                    .await
            }
            Err(error) => self.send_error(connection.writer(), &error).await.map(drop),
        }
    }

    /// Tells why a command failed; an error when the client has gone.
    async fn answer_failure(
        &mut self,
        connection: &mut ServerConnection,
        failure: Failure,
    ) -> Result<(), WireError> {
        match self.tell_failure(connection.writer(), failure).await? {
            Outcome::ClientGone => Err(WireError::Closed),
            _ => Ok(()),
        }
    }

    /// COM_FIELD_LIST: what the columns of a table are.
    async fn field_list(
        &mut self,
        connection: &mut ServerConnection,
        table: &[u8],
        wildcard: &[u8],
    ) -> Result<(), WireError> {
        let (Ok(table), Ok(wildcard)) = (std::str::from_utf8(table), std::str::from_utf8(wildcard))
        else {
            return self.tell_not_text(connection).await;
        };
        let sql = format!("SELECT * FROM `{}` LIMIT 0", table.replace('`', "``"));
        match self.columns_of(connection, &sql).await {
            Ok(mut columns) => {
                columns.retain(|column| {
                    wildcard.is_empty() || is_like(&String::from_utf8_lossy(&column.name), wildcard)
                });
                let end = self.ok();
                connection.writer().write_field_list(&columns, &end).await
            }
            Err(failure) => self.answer_failure(connection, failure).await,
        }
    }

    async fn execute(
        &mut self,
        connection: &mut ServerConnection,
        request: &ExecuteRequest,
    ) -> Result<(), WireError> {
        match self.prepared.text(request) {
            Ok(sql) => self.run(connection, &sql, Format::Binary).await,
            Err(error) => self.send_error(connection.writer(), &error).await.map(drop),
        }
    }
}
