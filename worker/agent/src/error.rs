//! The agent's errors and what each looks like to a caller: an HTTP status and a reason a program
//! can act on.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use orrery_worker_api::ApiError;
use thiserror::Error;

/// Why a call failed.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Another operator has taken over.
    #[error("term {given} is lower than {known}, the highest seen here")]
    TermTooLow {
        /// The caller's.
        given: u64,
        /// The highest seen.
        known: u64,
    },
    /// The caller's knowledge is older than what is recorded.
    #[error("{0}")]
    EpochTooLow(String),
    /// mysqld is away, or not as it must be.
    #[error("mysqld cannot be used: {0}")]
    NotReady(String),
    /// The data directory has no identity yet.
    #[error("this data directory has no identity yet; adopt it first")]
    NotAdopted,
    /// The data directory belongs to somebody else, or cannot say to whom.
    #[error("{0}")]
    WrongIdentity(String),
    /// The call is meant for another worker.
    #[error("{0}")]
    OtherWorker(String),
    /// No certificate of a role that may do this.
    #[error("{0}")]
    Forbidden(String),
    /// Something the call names is not here.
    #[error("{0}")]
    NotFound(String),
    /// The attempt takes no more rows.
    #[error("attempt {attempt} is {state} and takes no more rows")]
    Sealed {
        /// Attempt.
        attempt: u64,
        /// Its state.
        state: String,
    },
    /// The call contradicts what is recorded.
    #[error("{0}")]
    Conflict(String),
    /// Try again later.
    #[error("{0}")]
    Busy(String),
    /// mysqld refused a row, or loaded something else than was sent.
    #[error("{0}")]
    BadRow(String),
    /// The body broke off or is not what the framing says.
    #[error("{0}")]
    BadStream(String),
    /// The request makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// A table is not what it must be: after a copy, or found so while counting.
    #[error("{0}")]
    Mismatch(String),
    /// Another agent failed.
    #[error("{0}")]
    Peer(String),
    /// A statement failed.
    #[error("mysqld: {0}")]
    Sql(#[source] Box<mysql_async::Error>),
    /// A file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A job of the agent died; a defect.
    #[error("internal: {0}")]
    Internal(String),
}

/// Result of most of the agent's functions.
pub type Result<T> = std::result::Result<T, AgentError>;

/// Lock wait timeout, also for metadata locks.
const ER_LOCK_WAIT_TIMEOUT: u16 = 1205;
/// Deadlock; the transaction was rolled back.
const ER_LOCK_DEADLOCK: u16 = 1213;

impl AgentError {
    /// A file operation on `path` failed.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            what: what.into(),
            source,
        }
    }

    /// The number mysqld gave the error, if the error is mysqld's own.
    pub fn sql_code(&self) -> Option<u16> {
        match self {
            Self::Sql(error) => match error.as_ref() {
                mysql_async::Error::Server(server) => Some(server.code),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a lock held by somebody else stood in the way, so that trying again may help.
    pub fn is_lock_wait(&self) -> bool {
        matches!(
            self.sql_code(),
            Some(ER_LOCK_WAIT_TIMEOUT | ER_LOCK_DEADLOCK)
        )
    }

    fn classify(&self) -> (StatusCode, &'static str) {
        match self {
            Self::TermTooLow { .. } => (StatusCode::PRECONDITION_FAILED, "TermTooLow"),
            Self::EpochTooLow(_) => (StatusCode::PRECONDITION_FAILED, "EpochTooLow"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "MysqldNotReady"),
            Self::NotAdopted => (StatusCode::CONFLICT, "NotAdopted"),
            Self::WrongIdentity(_) => (StatusCode::CONFLICT, "WrongIdentity"),
            Self::OtherWorker(_) => (StatusCode::MISDIRECTED_REQUEST, "OtherWorker"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "NotFound"),
            Self::Sealed { .. } => (StatusCode::CONFLICT, "Sealed"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "Conflict"),
            Self::Busy(_) => (StatusCode::LOCKED, "Busy"),
            Self::BadRow(_) => (StatusCode::UNPROCESSABLE_ENTITY, "BadRow"),
            Self::BadStream(_) => (StatusCode::BAD_REQUEST, "BadStream"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::Mismatch(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Mismatch"),
            Self::Peer(_) => (StatusCode::BAD_GATEWAY, "Peer"),
            Self::Sql(_) if self.is_lock_wait() => (StatusCode::LOCKED, "Busy"),
            Self::Sql(error) => match error.as_ref() {
                mysql_async::Error::Server(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Sql"),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "MysqldNotReady"),
            },
            Self::Io { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "Io"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "Internal"),
        }
    }

    /// The error as callers get it.
    pub fn to_api(&self) -> ApiError {
        ApiError {
            reason: self.classify().1.to_owned(),
            message: self.to_string(),
        }
    }
}

impl From<mysql_async::Error> for AgentError {
    fn from(error: mysql_async::Error) -> Self {
        Self::Sql(Box::new(error))
    }
}

impl IntoResponse for AgentError {
    fn into_response(self) -> Response {
        let (status, reason) = self.classify();
        if status.is_server_error() {
            tracing::warn!(reason, error = %self, "a call failed");
        }
        (status, Json(self.to_api())).into_response()
    }
}
