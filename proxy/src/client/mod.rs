//! One client: its connection, its session, its statements.
//!
//! [`login`] makes a [`Client`] from a stream and says in the log whose it is ([`visitor`]),
//! [`commands`] reads what it sends, [`statement`]
//! decides about a statement, which [`local`] answers here and [`ask`] at a czar; [`text`] reads
//! and changes statements; [`audit`] notes what was done. Each adds methods to [`Client`]; none knows another's items.

mod ask;
mod audit;
mod commands;
mod local;
pub mod login;
mod statement;
mod text;
mod visitor;

use std::sync::Arc;

use jiff::Timestamp;
use orrery_archive::catalog::users::User;
use orrery_wire::server::ResponseWriter;
use orrery_wire::{OkPacket, ServerError, WireError};

use crate::prepared::PreparedStatements;
use crate::refusals;
use crate::registry::Membership;
use crate::session::{Diagnostics, Session};
use crate::shared::Proxy;
use visitor::Visitor;

/// The state of one client.
pub struct Client {
    proxy: Arc<Proxy>,
    member: Membership,
    session: Session,
    visitor: Visitor,
    /// The client's host, as messages name it.
    peer: String,
    prepared: PreparedStatements,
    answer: Answer,
}

/// What a statement's answer came to, for the audit log.
#[derive(Clone, Debug, Default)]
struct Answer {
    /// Rows sent.
    rows: u64,
    /// Bytes sent.
    bytes: u64,
    /// Number of the error that the client got.
    error: Option<u16>,
}

/// How a statement ended, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Answered.
    Ok,
    /// The client got an error.
    Error,
    /// Killed or out of time.
    Interrupted,
    /// The client went away.
    ClientGone,
}

impl Client {
    /// The user as the newest snapshot has it, if it may still ask.
    fn account(&self) -> Result<User, ServerError> {
        let snapshot = self.proxy.hub.current();
        let user =
            snapshot.and_then(|snapshot| snapshot.users.users.get(&self.session.user).cloned());
        let user = user.ok_or_else(|| refusals::user_gone(&self.session.user, &self.peer))?;
        let now = Timestamp::now().as_second();
        if user.valid_until.is_some_and(|until| until <= now) {
            return Err(refusals::user_expired(&self.session.user, &self.peer));
        }
        Ok(user)
    }

    /// Success without rows.
    fn ok(&self) -> OkPacket {
        OkPacket::with_status(self.session.status(), 0)
    }

    /// Writes an error and remembers it for SHOW WARNINGS.
    async fn send_error(
        &mut self,
        writer: &mut ResponseWriter,
        error: &ServerError,
    ) -> Result<Outcome, WireError> {
        self.session.diagnostics = Diagnostics::of_error(error);
        self.answer.error = Some(error.code);
        writer.write_err(error).await.map(|()| Outcome::Error)
    }
}
