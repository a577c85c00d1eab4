//! The errors of MySQL and MariaDB that Orrery's programs report, or act on: their numbers and
//! SQLSTATEs, and their texts where those never vary. This is the only place that knows them.

use crate::reply::ServerError;

/// A kind of error: what does not depend on the statement or connection it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorKind {
    /// MySQL's or MariaDB's number.
    pub code: u16,
    /// SQLSTATE.
    pub sqlstate: [u8; 5],
}

impl ErrorKind {
    /// An error of this kind.
    pub fn error(self, message: impl Into<String>) -> ServerError {
        ServerError {
            code: self.code,
            sqlstate: self.sqlstate,
            message: message.into(),
        }
    }

    /// Whether a server's error is of this kind. Only numbers count: servers differ in their
    /// states.
    pub fn is(self, error: &ServerError) -> bool {
        error.code == self.code
    }
}

const fn kind(code: u16, sqlstate: [u8; 5]) -> ErrorKind {
    ErrorKind { code, sqlstate }
}

/// The server has as many connections as it takes.
pub const TOO_MANY_CONNECTIONS: ErrorKind = kind(1040, *b"08004");
/// The first packet is no handshake response.
pub const BAD_HANDSHAKE: ErrorKind = kind(1043, *b"08S01");
/// No right to a database.
pub const DATABASE_ACCESS_DENIED: ErrorKind = kind(1044, *b"42000");
/// Wrong user or password.
pub const ACCESS_DENIED: ErrorKind = kind(1045, *b"28000");
/// A command the server does not know.
pub const UNKNOWN_COMMAND: ErrorKind = kind(1047, *b"08S01");
/// No database of that name.
pub const UNKNOWN_DATABASE: ErrorKind = kind(1049, *b"42000");
/// The server stops.
pub const SERVER_SHUTDOWN: ErrorKind = kind(1053, *b"08S01");
/// The statement is not SQL.
pub const SYNTAX: ErrorKind = kind(1064, *b"42000");
/// There is no statement.
pub const EMPTY_QUERY: ErrorKind = kind(1065, *b"42000");
/// No connection has this id.
pub const UNKNOWN_THREAD: ErrorKind = kind(1094, *b"HY000");
/// The connection belongs to another user.
pub const NOT_THREAD_OWNER: ErrorKind = kind(1095, *b"HY000");
/// What no other number fits.
pub const UNKNOWN_ERROR: ErrorKind = kind(1105, *b"HY000");
/// A table, here a result that is held, is full.
pub const TABLE_FULL: ErrorKind = kind(1114, *b"HY000");
/// No such character set.
pub const UNKNOWN_CHARACTER_SET: ErrorKind = kind(1115, *b"42000");
/// A connection was aborted.
pub const ABORTED_CONNECTION: ErrorKind = kind(1152, *b"08S01");
/// A packet is larger than the limit.
pub const PACKET_TOO_LARGE: ErrorKind = kind(1153, *b"08S01");
/// A packet has the wrong number.
pub const PACKETS_OUT_OF_ORDER: ErrorKind = kind(1156, *b"08S01");
/// Reading from a connection failed.
pub const NET_READ_ERROR: ErrorKind = kind(1158, *b"08S01");
/// Reading from a connection took too long.
pub const NET_READ_INTERRUPTED: ErrorKind = kind(1159, *b"08S01");
/// Writing to a connection failed.
pub const NET_WRITE_ERROR: ErrorKind = kind(1160, *b"08S01");
/// Writing to a connection took too long.
pub const NET_WRITE_INTERRUPTED: ErrorKind = kind(1161, *b"08S01");
/// The host has to wait after errors of its connections.
pub const HOST_BLOCKED: ErrorKind = kind(1129, *b"HY000");
/// No grants of that user.
pub const NO_SUCH_GRANT: ErrorKind = kind(1141, *b"42000");
/// The user has as many connections as it may.
pub const TOO_MANY_USER_CONNECTIONS: ErrorKind = kind(1203, *b"42000");
/// What was to be locked is in use.
pub const LOCK_WAIT_TIMEOUT: ErrorKind = kind(1205, *b"HY000");
/// The values of an execution do not fit its statement.
pub const WRONG_ARGUMENTS: ErrorKind = kind(1210, *b"HY000");
/// A privilege is missing.
pub const PRIVILEGE_MISSING: ErrorKind = kind(1227, *b"42000");
/// A variable does not take this value.
pub const WRONG_VALUE: ErrorKind = kind(1231, *b"42000");
/// Not supported by this version.
pub const NOT_SUPPORTED: ErrorKind = kind(1235, *b"42000");
/// No prepared statement has this id.
pub const UNKNOWN_STATEMENT: ErrorKind = kind(1243, *b"HY000");
/// The collation belongs to another character set.
pub const COLLATION_MISMATCH: ErrorKind = kind(1253, *b"42000");
/// No such collation.
pub const UNKNOWN_COLLATION: ErrorKind = kind(1273, *b"HY000");
/// Not supported for prepared statements.
pub const NOT_SUPPORTED_PREPARED: ErrorKind = kind(1295, *b"HY000");
/// Another attempt, or another server, may succeed.
pub const TEMPORARY: ErrorKind = kind(1297, *b"HY000");
/// No such time zone.
pub const UNKNOWN_TIME_ZONE: ErrorKind = kind(1298, *b"HY000");
/// Bytes that are no text in their character set.
pub const INVALID_TEXT: ErrorKind = kind(1300, *b"HY000");
/// The statement was stopped.
pub const INTERRUPTED: ErrorKind = kind(1317, *b"70100");
/// More `?` than the protocol can count.
pub const TOO_MANY_PLACEHOLDERS: ErrorKind = kind(1390, *b"HY000");
/// More prepared statements than a connection may have.
pub const TOO_MANY_STATEMENTS: ErrorKind = kind(1461, *b"42000");
/// A number that its type cannot hold.
pub const OUT_OF_RANGE: ErrorKind = kind(1690, *b"22003");
/// A packet that does not have the form it should have.
pub const MALFORMED_PACKET: ErrorKind = kind(1835, *b"HY000");
/// The connection was killed.
pub const CONNECTION_KILLED: ErrorKind = kind(1927, *b"70100");
/// The statement ran for longer than it may.
pub const TIMED_OUT: ErrorKind = kind(1969, *b"70100");
/// The account may not log in any more.
pub const ACCOUNT_LOCKED: ErrorKind = kind(4151, *b"HY000");
/// The server takes clients over TLS only.
pub const TLS_REQUIRED: ErrorKind = kind(3159, *b"08004");

/// [`TOO_MANY_CONNECTIONS`].
pub fn too_many_connections() -> ServerError {
    TOO_MANY_CONNECTIONS.error("Too many connections")
}

/// [`ACCESS_DENIED`].
pub fn access_denied(user: &str, host: &str, using_password: bool) -> ServerError {
    let using = if using_password { "YES" } else { "NO" };
    ACCESS_DENIED.error(format!(
        "Access denied for user '{user}'@'{host}' (using password: {using})"
    ))
}

/// [`UNKNOWN_COMMAND`].
pub fn unknown_command() -> ServerError {
    UNKNOWN_COMMAND.error("Unknown command")
}

/// [`EMPTY_QUERY`].
pub fn empty_query() -> ServerError {
    EMPTY_QUERY.error("Query was empty")
}

/// [`UNKNOWN_THREAD`].
pub fn unknown_thread(id: u64) -> ServerError {
    UNKNOWN_THREAD.error(format!("Unknown thread id: {id}"))
}

/// [`NOT_THREAD_OWNER`].
pub fn not_thread_owner(id: u64) -> ServerError {
    NOT_THREAD_OWNER.error(format!("You are not owner of thread {id}"))
}

/// [`PACKET_TOO_LARGE`].
pub fn packet_too_large() -> ServerError {
    PACKET_TOO_LARGE.error("Got a packet bigger than 'max_allowed_packet' bytes")
}

/// [`MALFORMED_PACKET`].
pub fn malformed_packet(what: &str) -> ServerError {
    MALFORMED_PACKET.error(format!("Malformed communication packet: {what}"))
}

/// [`INTERRUPTED`], by a KILL.
pub fn interrupted() -> ServerError {
    INTERRUPTED.error("Query execution was interrupted")
}

/// [`TIMED_OUT`].
pub fn timed_out() -> ServerError {
    TIMED_OUT.error("Query execution was interrupted (max_statement_time exceeded)")
}
