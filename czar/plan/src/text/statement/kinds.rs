//! The kinds of statements, with what the proxy needs to act on them.

use thiserror::Error;

use crate::text::lex::LexError;

/// Largest number of tokens a statement may have.
pub const MAX_TOKENS: usize = 1_000_000;

/// Why a statement has no class.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StatementError {
    /// It cannot be cut into tokens.
    #[error("You have an error in your SQL syntax; {0}")]
    Lex(#[from] LexError),
    /// More than one statement.
    #[error(
        "You have an error in your SQL syntax; only one statement at a time is taken, and a second one starts near '{near}'"
    )]
    Several {
        /// Start of the second statement.
        near: String,
    },
    /// A statement whose kind is known is not complete or not as MariaDB writes it.
    #[error(
        "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right syntax to use near '{near}'"
    )]
    Syntax {
        /// Where reading stopped.
        near: String,
    },
}

/// A statement's class, with what the proxy needs to act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Nothing but white space, comments and `;`.
    Empty,
    /// Reads tables: goes to a czar. `WITH`, `VALUES`, `TABLE` and parenthesised selects included.
    Select,
    /// A SELECT without FROM (or `FROM DUAL`), `DO`.
    SelectWithoutTable,
    /// `SHOW …`.
    Show(Show),
    /// `DESCRIBE table [column]` and `EXPLAIN table`.
    Describe {
        /// Database, when written.
        database: Option<String>,
        /// Table.
        table: String,
    },
    /// `EXPLAIN statement`: ours.
    Explain {
        /// The explained statement's text.
        inner: String,
        /// `ANALYZE`, `FORMAT=…`, `EXTENDED`, `PARTITIONS`: what was asked beyond plain EXPLAIN.
        options: Vec<String>,
    },
    /// `SET …`.
    Set(Vec<Assignment>),
    /// `USE db`.
    Use(String),
    /// `KILL [HARD|SOFT] [CONNECTION|QUERY] id`.
    Kill {
        /// Only the statement that runs there, not the connection.
        query_only: bool,
        /// The connection's id.
        id: u64,
    },
    /// A transaction verb. Orrery's rows never change under a reader, so these succeed and do
    /// nothing.
    Transaction(Transaction),
    /// INSERT, UPDATE, DELETE, LOAD DATA and the like: refused.
    Write {
        /// First word, upper case.
        verb: String,
    },
    /// CREATE, DROP, ALTER and the like: refused.
    Ddl {
        /// First word, upper case.
        verb: String,
    },
    /// GRANT, REVOKE, FLUSH, RESET and other administration: refused.
    Administration {
        /// First word, upper case.
        verb: String,
    },
    /// `SUBMIT select`.
    Submit {
        /// The select's text.
        inner: String,
    },
    /// `CANCEL id`.
    Cancel {
        /// The query's id.
        id: u64,
    },
    /// `CALL procedure(…)`.
    Call {
        /// Procedure's name, lower case.
        procedure: String,
    },
    /// `PREPARE name FROM …` as text.
    Prepare {
        /// Statement's name.
        name: String,
        /// The prepared text; `None` when it comes from a user variable or expression.
        text: Option<String>,
    },
    /// `EXECUTE name [USING …]` as text.
    Execute {
        /// Statement's name.
        name: String,
        /// Whether it passes values.
        using: bool,
    },
    /// `DEALLOCATE PREPARE name` and `DROP PREPARE name`.
    Deallocate {
        /// Statement's name.
        name: String,
    },
    /// Something else MariaDB may know: refused.
    Other {
        /// First word, upper case.
        verb: String,
    },
}

/// A transaction verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// `SAVEPOINT`, `ROLLBACK TO`, `RELEASE SAVEPOINT`.
    Savepoint,
    /// `UNLOCK TABLES`.
    Unlock,
}

/// What a SHOW asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// `SHOW DATABASES`.
    Databases,
    /// `SHOW [FULL] TABLES [FROM db]`, `SHOW TABLE STATUS`.
    Tables {
        /// Database, when written.
        database: Option<String>,
    },
    /// `SHOW [FULL] COLUMNS|FIELDS FROM table [FROM db]`, `SHOW INDEX`.
    Columns {
        /// Database, when written.
        database: Option<String>,
        /// Table.
        table: String,
    },
    /// `SHOW CREATE TABLE table`.
    CreateTable {
        /// Database, when written.
        database: Option<String>,
        /// Table.
        table: String,
    },
    /// `SHOW [FULL] PROCESSLIST`.
    Processlist {
        /// Whether long texts are wanted whole.
        full: bool,
    },
    /// `SHOW [SESSION|GLOBAL] VARIABLES`.
    Variables,
    /// `SHOW [SESSION|GLOBAL] STATUS`.
    Status,
    /// `SHOW WARNINGS`, `SHOW ERRORS`, and their counts.
    Warnings,
    /// `SHOW GRANTS [FOR …]`.
    Grants,
    /// Any other: the words after SHOW up to the first that is no plain word, upper case.
    Other(String),
}

/// One assignment of a SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What is set.
    pub target: Target,
    /// Text of the value as written; empty for `SET NAMES DEFAULT` and the like.
    pub value: String,
}

/// What a SET assigns to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A session variable, lower case.
    Session(String),
    /// A global variable, lower case.
    Global(String),
    /// A user variable, without `@`.
    User(String),
    /// `SET NAMES charset [COLLATE collation]`: value is the charset, then the collation if
    /// written.
    Names {
        /// Collation, when written.
        collation: Option<String>,
    },
    /// `SET CHARACTER SET charset`.
    CharacterSet,
    /// `SET [SESSION|GLOBAL] TRANSACTION …`: value is the rest.
    Transaction,
    /// `SET PASSWORD`, `SET ROLE`, `SET DEFAULT ROLE`, `SET STATEMENT`: value is the whole text.
    Other(String),
}
