//! Asking either side, in either protocol.

use anyhow::Context;
use bytes::Bytes;
use orrery_czar_protocol::Question;
use orrery_wire::client::{ClientConnection, ClientError, Next, Response};
use orrery_wire::value::{BinaryCells, TextCells};
use orrery_wire::{ColumnDef, Format, ServerError, Value};

/// Session settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Default database, may be empty.
    pub database: &'static str,
    /// `time_zone`.
    pub time_zone: &'static str,
    /// `sql_mode`.
    pub sql_mode: &'static str,
    /// Collation of the connection.
    pub collation: &'static str,
    /// Orrery user.
    pub user: &'static str,
}

impl Session {
    /// The usual user, with an sql_mode that forbids nothing.
    pub const ANN: Self = Self {
        database: "sky",
        time_zone: "SYSTEM",
        sql_mode: "",
        collation: "utf8mb4_general_ci",
        user: "ann",
    };
    /// The same user with MariaDB's own default sql_mode.
    pub const STRICT: Self = Self {
        sql_mode: "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
        ..Self::ANN
    };

    /// A question of this session.
    pub fn question(self) -> Question<'static> {
        Question {
            user: self.user,
            database: Some(self.database).filter(|database| !database.is_empty()),
            time_zone: Some(self.time_zone),
            sql_mode: Some(self.sql_mode),
            collation: Some(self.collation),
            ..Question::default()
        }
    }
}

/// An answer: what it says about itself, and its rows.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Columns.
    pub columns: Vec<ColumnDef>,
    /// Rows.
    pub rows: Vec<Vec<Value>>,
}

/// An answer or the server's error.
pub type Outcome = Result<Answer, ServerError>;

/// Asks a czar as a proxy does.
pub async fn ask_czar(
    connection: &mut ClientConnection,
    session: Session,
    format: Format,
    sql: &str,
) -> anyhow::Result<Outcome> {
    let question = Question {
        format,
        ..session.question()
    };
    ask_question(connection, question, sql).await
}

/// Asks a czar a question of the caller's own.
pub async fn ask_question(
    connection: &mut ClientConnection,
    question: Question<'_>,
    sql: &str,
) -> anyhow::Result<Outcome> {
    let response = connection
        .query_with_attributes(sql.as_bytes(), &question.attributes())
        .await;
    read(connection, response, question.format).await
}

/// Gives a plain server's session the settings.
pub async fn set(connection: &mut ClientConnection, session: Session) -> anyhow::Result<()> {
    let charset = session.collation.split('_').next().unwrap_or_default();
    let statement = format!(
        "SET time_zone='{}', sql_mode='{}', character_set_client=utf8mb4, collation_connection={}, character_set_results={charset}",
        session.time_zone, session.sql_mode, session.collation
    );
    connection.run(statement.as_bytes()).await?;
    Ok(connection.init_db(session.database).await?)
}

/// Asks a plain server, or a proxy, as any client does.
pub async fn ask_plain(
    connection: &mut ClientConnection,
    format: Format,
    sql: &str,
) -> anyhow::Result<Outcome> {
    match format {
        Format::Text => {
            let response = connection.query(sql.as_bytes()).await;
            read(connection, response, format).await
        }
        Format::Binary => {
            let prepared = match connection.prepare(sql.as_bytes()).await {
                Ok(prepared) => prepared,
                Err(ClientError::Server(error)) => return Ok(Err(error)),
                Err(error) => return Err(error.into()),
            };
            let response = connection.execute(&prepared, &[]).await;
            let outcome = read(connection, response, format).await;
            connection.close_statement(prepared).await?;
            outcome
        }
    }
}

async fn read(
    connection: &mut ClientConnection,
    response: Result<Response, ClientError>,
    format: Format,
) -> anyhow::Result<Outcome> {
    let columns = match response {
        Ok(Response::Rows(columns)) => columns,
        Ok(Response::Ok(_)) => Vec::new(),
        Err(ClientError::Server(error)) => return Ok(Err(error)),
        Err(error) => return Err(error.into()),
    };
    let mut rows = Vec::new();
    while !columns.is_empty() {
        match connection.next_row().await {
            Ok(Next::Row(row)) => rows.push(cells(&row, &columns, format)?),
            Ok(Next::End(_)) => break,
            Err(ClientError::Server(error)) => return Ok(Err(error)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Ok(Answer { columns, rows }))
}

fn cells(row: &Bytes, columns: &[ColumnDef], format: Format) -> anyhow::Result<Vec<Value>> {
    let cells: Result<Vec<Value>, _> = match format {
        Format::Text => {
            let value = |cell: Option<&[u8]>| {
                cell.map_or(Value::NULL, |bytes| Value::Bytes(bytes.to_vec()))
            };
            TextCells::new(row).map(|cell| cell.map(value)).collect()
        }
        Format::Binary => BinaryCells::new(row, columns)?.collect(),
    };
    cells.context("a row cannot be read")
}
