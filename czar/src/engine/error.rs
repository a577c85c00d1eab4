//! Why a statement failed, and the error the client gets.

use orrery_czar_protocol::answer::SHADOW_LOST;
use orrery_plan::PlanError;
use orrery_wire::ServerError;
use orrery_wire::client::ClientError;
use orrery_wire::errors::{self, ErrorKind};
use thiserror::Error;

use crate::dispatch::DispatchError;
use crate::encode::EncodeError;
use crate::gathers::GatherLimit;
use crate::merge::SimpleError;
use crate::shadow::{ExchangeError, ShadowError};
use crate::spool::SpoolError;

/// Why a statement failed.
#[derive(Debug, Error)]
pub enum StatementError {
    /// A worker or the shadow server refused it; or it is refused here with an error of MySQL's.
    #[error("{0}")]
    Refused(ServerError),
    /// It has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its tasks failed.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// The shadow server could not be asked.
    #[error(transparent)]
    Shadow(ShadowError),
    /// Rows could not be held.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Rows could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Rows did not get into the shadow server, or its result not out of it.
    #[error(transparent)]
    Exchange(ExchangeError),
    /// A gather would hold too much.
    #[error(transparent)]
    Gather(#[from] GatherLimit),
    /// Partial results could not be merged in process.
    #[error(transparent)]
    InProcess(SimpleError),
}

impl StatementError {
    /// A refusal of this kind.
    pub fn refused(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Refused(kind.error(message))
    }

    /// Whether a value of the chunks did not get into the merge: another way may do without it.
    pub fn is_about_carrying(&self) -> bool {
        matches!(self, Self::Exchange(ExchangeError::Changed(_)))
    }

    /// The error as clients see it.
    pub fn mysql(&self) -> ServerError {
        match self {
            Self::Refused(error) => error.clone(),
            Self::Plan(error) => {
                let error = error.mysql();
                let mut state = *b"HY000";
                if let Ok(given) = error.state.as_bytes().try_into() {
                    state = given;
                }
                ServerError {
                    code: error.code,
                    sqlstate: state,
                    message: error.message,
                }
            }
            Self::Dispatch(error) => error.mysql(),
            Self::Spool(SpoolError::Full { .. }) | Self::Gather(_) => {
                errors::TABLE_FULL.error(self.to_string())
            }
            Self::Shadow(ShadowError::NoAccount(user)) => errors::ACCESS_DENIED.error(format!(
                "Access denied for user '{user}': unknown to this czar"
            )),
            // As of a server that shuts down: a proxy then asks another czar.
            Self::Shadow(ShadowError::Unreachable(_)) => {
                errors::SERVER_SHUTDOWN.error(self.to_string())
            }
            // The statement may be what it died of: a proxy asks one more czar, and no third.
            Self::Shadow(ShadowError::Client(error)) => SHADOW_LOST.error(format!(
                "The shadow server was lost during this statement: {error}"
            )),
            Self::InProcess(SimpleError::Range) => errors::OUT_OF_RANGE.error(self.to_string()),
            Self::Exchange(ExchangeError::TooLong(_)) => {
                errors::PACKET_TOO_LARGE.error(self.to_string())
            }
            Self::Spool(_) | Self::Encode(_) | Self::Exchange(_) | Self::InProcess(_) => {
                errors::UNKNOWN_ERROR.error(self.to_string())
            }
        }
    }
}

impl From<ShadowError> for StatementError {
    fn from(error: ShadowError) -> Self {
        match error {
            ShadowError::Client(error) => client_error(error),
            ShadowError::Unreachable(ClientError::Server(error)) => Self::Refused(error),
            ShadowError::Unreachable(_) | ShadowError::NoAccount(_) => Self::Shadow(error),
        }
    }
}

impl From<ExchangeError> for StatementError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Shadow(error) => error.into(),
            ExchangeError::Spool(error) => Self::Spool(error),
            other => Self::Exchange(other),
        }
    }
}

/// An error of the shadow server: the server's own words reach the client.
pub fn client_error(error: ClientError) -> StatementError {
    match error {
        ClientError::Server(error) => StatementError::Refused(error),
        other => StatementError::Shadow(ShadowError::Client(other)),
    }
}

#[cfg(test)]
mod tests {
    use orrery_wire::WireError;

    use super::*;

    #[test]
    fn a_shadow_server_that_is_lost_during_a_statement_is_told_from_one_that_is_not_there() {
        let closed = || ClientError::Wire(WireError::Closed);
        let lost = StatementError::from(ShadowError::Client(closed())).mysql();
        assert!(SHADOW_LOST.is(&lost), "{lost}");
        let away = StatementError::from(ShadowError::Unreachable(closed())).mysql();
        assert!(errors::SERVER_SHUTDOWN.is(&away), "{away}");
    }
}
