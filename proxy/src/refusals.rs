//! What is refused, and what to do instead.

use std::time::Duration;

use orrery_plan::statement::{Statement, StatementError};
use orrery_wire::{ServerError, errors};

use crate::registry::{Full, Killed};

/// The error for a statement that Orrery does not take; `None` for one that it does.
pub fn refusal(statement: &Statement) -> Option<ServerError> {
    let message = match statement {
        Statement::Write { verb } => write(verb),
        Statement::Ddl { verb } => ddl(verb),
        Statement::Administration { verb } => administration(verb),
        Statement::Submit { .. } => not_yet(
            "SUBMIT",
            "run the SELECT itself and keep the connection open",
        ),
        Statement::Cancel { .. } => {
            not_yet("CANCEL", "stop a running statement with KILL QUERY id")
        }
        Statement::Call { procedure } => {
            not_yet(&format!("CALL {procedure}"), "run the SELECT itself")
        }
        Statement::Prepare { .. } | Statement::Execute { .. } | Statement::Deallocate { .. } => {
            not_yet(
                "PREPARE as text",
                "use prepared statements of your driver, or put the values into the statement",
            )
        }
        Statement::Other { verb } => not_yet(
            verb,
            "Orrery answers SELECT, SHOW, DESCRIBE, EXPLAIN, SET, USE and KILL",
        ),
        _ => return None,
    };
    Some(errors::NOT_SUPPORTED.error(message))
}

fn not_yet(what: &str, instead: &str) -> String {
    format!("This version of Orrery doesn't yet support '{what}'; {instead}")
}

fn write(verb: &str) -> String {
    let instead = match verb {
        "INSERT" | "REPLACE" | "LOAD" | "IMPORT" => {
            "rows are added with an Ingest object: kubectl apply -f ingest.yaml (kubectl explain ingest.spec)"
        }
        "UPDATE" => {
            "rows are not updated in place: revoke the Ingest that added them (spec.revoked: true) and ingest the new ones"
        }
        "DELETE" | "TRUNCATE" => {
            "rows are removed by revoking the Ingest that added them: kubectl patch ingest NAME --type merge -p \
             '{\"spec\":{\"revoked\":true}}'"
        }
        "LOCK" => {
            "rows never change under a reader, so nothing needs to be locked (mysqldump: --single-transaction)"
        }
        _ => "rows never change under a reader",
    };
    format!("{verb} command denied: tables are read-only through SQL; {instead}")
}

fn ddl(verb: &str) -> String {
    let instead = match verb {
        "CREATE" | "ALTER" | "RENAME" | "DROP" => {
            "tables are ChunkedTable and ReferenceTable objects: kubectl apply -f table.yaml, kubectl delete chunkedtable NAME"
        }
        _ => "Orrery looks after its tables itself: kubectl get chunkedtables shows their state",
    };
    format!("{verb} command denied: the schema is read-only through SQL; {instead}")
}

fn administration(verb: &str) -> String {
    let instead = match verb {
        "GRANT" | "REVOKE" => {
            "users and their rights are QueryUser objects: kubectl apply -f queryuser.yaml"
        }
        "SHUTDOWN" | "START" | "STOP" | "INSTALL" | "UNINSTALL" => {
            "the operator runs the servers: see the WorkerPool object"
        }
        _ => "Orrery keeps no state here that could be reset; the operator looks after the servers",
    };
    format!("{verb} is not supported: {instead}")
}

/// What became of a kill, if it did not succeed.
pub fn not_killed(killed: Killed, id: u64) -> Option<ServerError> {
    match killed {
        Killed::Yes => None,
        Killed::Unknown => Some(errors::unknown_thread(id)),
        Killed::NotOwner => Some(errors::not_thread_owner(id)),
    }
}

/// The text is no statement.
pub fn syntax(error: &StatementError) -> ServerError {
    errors::SYNTAX.error(error.to_string())
}

/// The proxies' own account was used for something else.
pub fn proxies_only() -> ServerError {
    errors::PRIVILEGE_MISSING
        .error("Access denied; this account serves proxies among themselves only")
}

/// A statement that is no text in the character set its session declared.
pub fn not_text(charset: &str) -> ServerError {
    errors::INVALID_TEXT.error(format!(
        "Invalid {charset} character string in the statement; write SET NAMES utf8mb4 and send UTF-8"
    ))
}

/// A character set named in a handshake that cannot be spoken here.
pub fn unknown_collation(id: u16) -> ServerError {
    errors::UNKNOWN_CHARACTER_SET.error(format!(
        "Unknown character set: that of collation {id}; connect with utf8mb4, utf8mb3, latin1, ascii or binary"
    ))
}

/// The user was removed while connected.
pub fn user_gone(user: &str, host: &str) -> ServerError {
    errors::ACCESS_DENIED.error(format!(
        "Access denied for user '{user}'@'{host}': the user has been removed"
    ))
}

/// The proxy stops and waits no longer for the statement.
pub fn cut_off() -> ServerError {
    errors::SERVER_SHUTDOWN.error(
        "Server shutdown in progress: the statement was still running at the end of the grace period; \
         run it again",
    )
}

/// The user's time is over.
pub fn user_expired(user: &str, host: &str) -> ServerError {
    errors::ACCOUNT_LOCKED.error(format!(
        "Access denied for user '{user}'@'{host}': the account is not valid any more"
    ))
}

/// Wrong passwords came before.
pub fn too_soon(user: &str, host: &str, wait: Duration) -> ServerError {
    errors::HOST_BLOCKED.error(format!(
        "Too many wrong passwords for user '{user}' from '{host}'; try again in {} s",
        wait.as_secs_f64().ceil()
    ))
}

/// Too many connections, in all or of one user.
pub fn too_many(full: Full, user: &str) -> ServerError {
    match full {
        Full::Proxy => errors::too_many_connections(),
        Full::User => errors::TOO_MANY_USER_CONNECTIONS.error(format!(
            "User {user} already has more than 'max_user_connections' active connections"
        )),
    }
}

#[cfg(test)]
mod tests {
    use orrery_plan::statement::classify;

    use super::*;

    fn message(sql: &str) -> String {
        let error =
            refusal(&classify(sql).unwrap()).unwrap_or_else(|| panic!("{sql} is not refused"));
        assert_eq!((error.code, &error.sqlstate), (1235, b"42000"));
        error.message
    }

    #[test]
    fn writes_and_ddl_name_the_declarative_way() {
        for (sql, says) in [
            ("INSERT INTO t VALUES (1)", "Ingest object"),
            ("LOAD DATA INFILE 'x' INTO TABLE t", "Ingest object"),
            ("DELETE FROM t", "\"revoked\":true"),
            ("UPDATE t SET a=1", "revoke"),
            ("CREATE TABLE t (a INT)", "ChunkedTable"),
            ("DROP TABLE t", "kubectl delete"),
            ("GRANT SELECT ON *.* TO x", "QueryUser"),
            ("FLUSH TABLES", "operator"),
            ("LOCK TABLES t READ", "--single-transaction"),
        ] {
            assert!(message(sql).contains(says), "{sql}: {}", message(sql));
        }
    }

    #[test]
    fn later_statements_say_not_yet() {
        for sql in [
            "SUBMIT SELECT 1",
            "CANCEL 5",
            "CALL qserv_result_delete(1)",
            "PREPARE s FROM 'SELECT 1'",
        ] {
            assert!(message(sql).contains("doesn't yet support"), "{sql}");
        }
    }

    #[test]
    fn what_is_served_is_not_refused() {
        for sql in [
            "SELECT 1",
            "SHOW TABLES",
            "SET NAMES utf8mb4",
            "USE sky",
            "KILL 5",
            "EXPLAIN SELECT 1",
            "BEGIN",
            "UNLOCK TABLES",
        ] {
            assert!(refusal(&classify(sql).unwrap()).is_none(), "{sql}");
        }
    }
}
