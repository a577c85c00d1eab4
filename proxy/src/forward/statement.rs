//! A statement on its way to a czar, and how it ended.

use orrery_czar_protocol::Question;
use orrery_wire::{ServerError, StatusFlags, WireError};

use super::interrupt::Interrupt;
use super::overlay::Overlay;
use crate::session::Diagnostics;

/// A statement to be sent to a czar.
pub struct Forwarded<'a> {
    /// Its text, UTF-8.
    pub sql: &'a str,
    /// Whose it is and under which settings it runs.
    pub question: Question<'a>,
    /// Status flags of the session, for the client.
    pub status: StatusFlags,
    /// What to change in the rows.
    pub overlay: Overlay,
}

/// A statement that ended well.
#[derive(Debug)]
pub struct Answered {
    /// Warnings, as the czar tells them.
    pub diagnostics: Diagnostics,
    /// dataEpoch it was answered from.
    pub data_epoch: u64,
}

/// A statement that did not.
#[derive(Debug)]
pub enum Failure {
    /// The client is to be told.
    Error(ServerError),
    /// It was stopped; the client's connection is in order.
    Interrupted(Interrupt),
    /// The client's connection is not in order any more: close it.
    Client(WireError),
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Client(error)
    }
}
