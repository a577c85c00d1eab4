//! Prepared statements from the client's side.

use bytes::BufMut;
use mysql_common::constants::{CapabilityFlags, Command as Code};

use super::connection::{ClientConnection, State};
use super::error::ClientError;
use super::query::Response;
use crate::column::ColumnDef;
use crate::error::WireError;
use crate::reply::{ERR_MARK, OK_MARK};
use crate::statement::{PrepareOk, encode_execute};
use crate::value::Param;

/// A statement the server has prepared; it belongs to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The server's number for it.
    pub statement: u32,
    /// One definition per parameter.
    pub params: Vec<ColumnDef>,
    /// Columns of the result as known before execution; empty if there is none.
    pub columns: Vec<ColumnDef>,
    /// Warnings of the preparation.
    pub warnings: u16,
}

impl ClientConnection {
    /// Prepares one statement.
    pub async fn prepare(&mut self, sql: &[u8]) -> Result<Prepared, ClientError> {
        self.send(|out| {
            out.put_u8(Code::COM_STMT_PREPARE as u8);
            out.put_slice(sql);
        })
        .await?;
        let payload = self.reader.read().await?;
        match payload.first() {
            Some(&ERR_MARK) => return Err(self.server_error(&payload)?),
            Some(&OK_MARK) => {}
            _ => return Err(WireError::Malformed("answer to COM_STMT_PREPARE").into()),
        }
        let head = PrepareOk::decode(&payload)?;
        let mut definitions = [Vec::new(), Vec::new()];
        for (count, place) in [head.params, head.columns]
            .into_iter()
            .zip(&mut definitions)
        {
            if count > 0 {
                *place = self.read_definitions(u64::from(count)).await?.decode()?;
            }
        }
        self.state = State::Idle;
        let [params, columns] = definitions;
        Ok(Prepared {
            statement: head.statement,
            params,
            columns,
            warnings: head.warnings,
        })
    }

    /// Runs a prepared statement; rows come as binary row packets.
    pub async fn execute(
        &mut self,
        prepared: &Prepared,
        params: &[Param],
    ) -> Result<Response, ClientError> {
        if params.len() != prepared.params.len() {
            return Err(ClientError::NotReady(
                "the number of parameters differs from the prepared statement's",
            ));
        }
        let named = self
            .capabilities
            .contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
        self.try_send(|out| Ok(encode_execute(out, prepared.statement, params, named)?))
            .await?;
        self.read_response().await
    }

    /// Forgets a prepared statement on the server, which does not answer.
    pub async fn close_statement(&mut self, prepared: Prepared) -> Result<(), ClientError> {
        self.send(|out| {
            out.put_u8(Code::COM_STMT_CLOSE as u8);
            out.put_u32_le(prepared.statement);
        })
        .await?;
        self.state = State::Idle;
        Ok(())
    }
}
