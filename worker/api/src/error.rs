//! What goes wrong with a call, as the server sends it and as the caller sees it.

use orrery_tls::TlsError;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::agent::API_VERSIONS;
use crate::retry::Transient;

/// Body of every answer that is no success.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// Short machine-readable reason, for example `TermTooLow`, `Sealed`, `BadRow`, `Busy`.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// Reason of a refusal that may pass within moments: a lock is held, or other work is under way
/// there.
pub const BUSY: &str = "Busy";

/// Reason of a refusal by a server that does not have what the call names.
pub const NOT_FOUND: &str = "NotFound";

/// Why a call failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// The server's address cannot be used.
    #[error("{address:?} is no base URL of a server: {why}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// This program's certificate cannot be used.
    #[error("the certificate for calls cannot be used: {0}")]
    Certificate(#[from] TlsError),
    /// No HTTP client can be made.
    #[error("no HTTP client: {}", error_chain(.0))]
    Client(#[source] reqwest::Error),
    /// The request cannot be written.
    #[error("the request: {0}")]
    Request(String),
    /// The server did not answer, or not to the end, or not so that it can be understood.
    #[error("no answer: {}", error_chain(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The agent speaks no version of the API that this program does.
    #[error(
        "the agent speaks versions {theirs:?} of its API, this program {API_VERSIONS:?}: upgrade the older of the two"
    )]
    Version {
        /// What it speaks.
        theirs: Vec<u32>,
    },
    /// The server refused.
    #[error("{status}: {}: {}", .error.reason, .error.message)]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// What it says.
        error: ApiError,
    },
}

impl CallError {
    /// The reason of a refusal.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused { error, .. } => Some(&error.reason),
            _ => None,
        }
    }

    /// Whether the server says that it does not have what the call names. A server that does not
    /// have the call says no such thing.
    pub fn is_not_found(&self) -> bool {
        self.reason() == Some(NOT_FOUND)
    }

    /// A failure between this program and the server. The URL is left out: callers name the server.
    pub(crate) fn unreachable(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

impl Transient for CallError {
    /// No connection, a failure of the server, or work in the way.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, error } => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                    )
                    || error.reason == BUSY
            }
            Self::Address { .. }
            | Self::Certificate(_)
            | Self::Client(_)
            | Self::Request(_)
            | Self::Version { .. } => false,
        }
    }
}

/// An error with its causes; the text of most HTTP errors leaves them out.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_that_may_pass_is_worth_another_try() {
        let refused = |status: u16, reason: &str| CallError::Refused {
            status: StatusCode::from_u16(status).unwrap(),
            error: ApiError {
                reason: reason.into(),
                message: "why".into(),
            },
        };
        for (status, reason, may_pass) in [
            (503, "MysqldNotReady", true),
            (423, BUSY, true),
            (429, "Unknown", true),
            (409, "Sealed", false),
            (412, "TermTooLow", false),
            (403, "Forbidden", false),
        ] {
            assert_eq!(
                refused(status, reason).may_pass(),
                may_pass,
                "{status} {reason}"
            );
        }
    }

    #[test]
    fn a_chain_names_every_cause() {
        #[derive(Debug, Error)]
        #[error("the call failed")]
        struct Outer(#[source] std::io::Error);
        assert_eq!(
            error_chain(&Outer(std::io::Error::other("no route"))),
            "the call failed: no route"
        );
    }
}
