//! From tokens to the class of a statement.

use super::assignments::assignments;
use super::kinds::{MAX_TOKENS, Show, Statement, StatementError, Transaction};
use super::quoting::{start_of, unescaped};
use super::reader::Reader;
use crate::text::lex::{self, Kind, Token};

/// Statements that EXPLAIN takes.
const EXPLAINABLE: [&str; 9] = [
    "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE", "FOR", "SUBMIT",
];

/// Classifies one statement. A single `;` may end it.
pub fn classify(sql: &str) -> Result<Statement, StatementError> {
    let mut tokens = lex::tokens(sql, MAX_TOKENS)?;
    while tokens.last().is_some_and(|token| token.is_symbol(";")) {
        tokens.pop();
    }
    if let Some(at) = tokens.iter().position(|token| token.is_symbol(";")) {
        let second = tokens
            .get(at + 1)
            .map_or("", |token| sql.get(token.start..).unwrap_or_default());
        return Err(StatementError::Several {
            near: start_of(second),
        });
    }
    let end = tokens.last().map_or(0, Token::end);
    let reader = Reader {
        sql,
        tokens: &tokens,
        end,
    };
    reader.statement()
}

/// Whether a SELECT made of these tokens of `sql` reads tables.
pub(crate) fn reads_tables(sql: &str, tokens: &[Token<'_>]) -> bool {
    let end = tokens.last().map_or(0, Token::end);
    Reader { sql, tokens, end }.reads_tables()
}

/// `DO …` as the SELECT that computes the same; `None` for anything else.
pub(crate) fn do_as_select(sql: &str) -> Option<String> {
    let first = lex::first(sql)?;
    let rest = sql.get(first.end()..)?;
    first.is_word("DO").then(|| format!("SELECT{rest}"))
}

impl Reader<'_> {
    fn statement(&self) -> Result<Statement, StatementError> {
        let first = (0..self.tokens.len())
            .find(|&at| !self.is_symbol(at, "("))
            .unwrap_or(0);
        if self.tokens.is_empty() {
            return Ok(Statement::Empty);
        }
        let verb = self.word(first);
        if first > 0 && !matches!(verb.as_str(), "SELECT" | "WITH" | "VALUES") {
            return Err(self.syntax(0));
        }
        match verb.as_str() {
            "SELECT" | "WITH" | "VALUES" | "DO" => Ok(self.select()),
            "SHOW" => self.show().map(Statement::Show),
            "DESC" | "DESCRIBE" | "EXPLAIN" | "ANALYZE" => self.explain(verb),
            "SET" => Ok(Statement::Set(assignments(self)?)),
            "USE" => self
                .name(1)
                .and_then(|name| self.at_end(2).map(|()| Statement::Use(name))),
            "KILL" => self.kill(),
            "SUBMIT" => Ok(Statement::Submit {
                inner: self.text_from(1).to_owned(),
            }),
            "CANCEL" => self
                .number(1)
                .and_then(|id| self.at_end(2).map(|()| Statement::Cancel { id })),
            "CALL" => self.name(1).map(|name| Statement::Call {
                procedure: name.to_ascii_lowercase(),
            }),
            "PREPARE" | "EXECUTE" | "DEALLOCATE" => self.prepared(&verb),
            "DROP" if self.is(1, "PREPARE") => {
                self.name(2).map(|name| Statement::Deallocate { name })
            }
            _ => Ok(self.by_verb(verb)),
        }
    }

    fn by_verb(&self, verb: String) -> Statement {
        match verb.as_str() {
            "BEGIN" => Statement::Transaction(Transaction::Begin),
            "START" if self.is(1, "TRANSACTION") => Statement::Transaction(Transaction::Begin),
            "COMMIT" => Statement::Transaction(Transaction::Commit),
            "ROLLBACK" if self.tokens.iter().any(|token| token.is_word("TO")) => {
                Statement::Transaction(Transaction::Savepoint)
            }
            "ROLLBACK" => Statement::Transaction(Transaction::Rollback),
            "SAVEPOINT" | "RELEASE" => Statement::Transaction(Transaction::Savepoint),
            "UNLOCK" if self.is_any(1, &["TABLES", "TABLE"]) => {
                Statement::Transaction(Transaction::Unlock)
            }
            "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "TRUNCATE" | "LOCK"
            | "UNLOCK" | "HANDLER" | "IMPORT" => Statement::Write { verb },
            "CREATE" | "DROP" | "ALTER" | "RENAME" | "OPTIMIZE" | "REPAIR" | "CHECK"
            | "CHECKSUM" => Statement::Ddl { verb },
            "GRANT" | "REVOKE" | "FLUSH" | "RESET" | "PURGE" | "CHANGE" | "START" | "STOP"
            | "SHUTDOWN" | "INSTALL" | "UNINSTALL" | "CACHE" | "BACKUP" | "BINLOG" | "XA" => {
                Statement::Administration { verb }
            }
            _ => Statement::Other { verb },
        }
    }

    fn select(&self) -> Statement {
        if self.reads_tables() {
            Statement::Select
        } else {
            Statement::SelectWithoutTable
        }
    }

    /// A SELECT reads tables when a FROM that names something but DUAL stands outside functions
    /// such as `EXTRACT(YEAR FROM d)`; a FROM in a subquery counts as well.
    ///
    /// A FROM belongs to EXTRACT, TRIM, SUBSTRING and the like when the parenthesis around it opens a
    /// call of them and no SELECT stands before it there.
    fn reads_tables(&self) -> bool {
        const WITH_FROM: [&str; 5] = ["EXTRACT", "TRIM", "SUBSTRING", "SUBSTR", "MID"];
        // For each open parenthesis: whether a FROM in it belongs to a function.
        let mut open = Vec::new();
        for at in 0..self.tokens.len() {
            if self.is_symbol(at, "(") {
                open.push(at > 0 && self.is_any(at - 1, &WITH_FROM));
            } else if self.is_symbol(at, ")") {
                open.pop();
            } else if self.is(at, "SELECT") {
                if let Some(of_function) = open.last_mut() {
                    *of_function = false;
                }
            } else if self.is(at, "FROM") && !self.is(at + 1, "DUAL") {
                let of_function = open.last().copied().unwrap_or(false);
                if !of_function {
                    return true;
                }
            }
        }
        false
    }

    fn show(&self) -> Result<Show, StatementError> {
        let mut at = 1;
        let full = self.is(at, "FULL");
        while self.is_any(at, &["FULL", "EXTENDED", "SESSION", "GLOBAL", "LOCAL"]) {
            at += 1;
        }
        Ok(match self.word(at).as_str() {
            "DATABASES" | "SCHEMAS" => Show::Databases,
            "TABLES" => Show::Tables {
                database: self.name_after_from(at + 1)?,
            },
            "TABLE" if self.is(at + 1, "STATUS") => Show::Tables {
                database: self.name_after_from(at + 2)?,
            },
            "COLUMNS" | "FIELDS" | "INDEX" | "INDEXES" | "KEYS" => self.show_columns(at + 1)?,
            "CREATE" if self.is(at + 1, "TABLE") => {
                let (database, table, _) = self.table_name(at + 2)?;
                Show::CreateTable { database, table }
            }
            "PROCESSLIST" => Show::Processlist { full },
            "VARIABLES" => Show::Variables,
            "STATUS" => Show::Status,
            "WARNINGS" | "ERRORS" | "COUNT" => Show::Warnings,
            "GRANTS" => Show::Grants,
            _ => Show::Other(self.plain_words(at)),
        })
    }

    fn plain_words(&self, from: usize) -> String {
        let words = (from..self.tokens.len())
            .map_while(|at| self.token(at).filter(|token| token.kind == Kind::Word));
        let words: Vec<String> = words.map(|token| token.text.to_ascii_uppercase()).collect();
        words.join(" ")
    }

    /// `FROM db` or `IN db` at `at`, if it is there.
    fn name_after_from(&self, at: usize) -> Result<Option<String>, StatementError> {
        if self.is_any(at, &["FROM", "IN"]) {
            self.name(at + 1).map(Some)
        } else {
            Ok(None)
        }
    }

    fn show_columns(&self, at: usize) -> Result<Show, StatementError> {
        if !self.is_any(at, &["FROM", "IN"]) {
            return Err(self.syntax(at));
        }
        let (qualifier, table, next) = self.table_name(at + 1)?;
        let database = self.name_after_from(next)?.or(qualifier);
        Ok(Show::Columns { database, table })
    }

    /// `[db.]table` at `at`, and where it ends.
    fn table_name(&self, at: usize) -> Result<(Option<String>, String, usize), StatementError> {
        let first = self.name(at)?;
        if self.is_symbol(at + 1, ".") {
            Ok((Some(first), self.name(at + 2)?, at + 3))
        } else {
            Ok((None, first, at + 1))
        }
    }

    fn explain(&self, verb: String) -> Result<Statement, StatementError> {
        if verb == "ANALYZE" && self.is_any(1, &["TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"])
        {
            return Ok(Statement::Ddl { verb });
        }
        let mut options = Vec::new();
        if verb == "ANALYZE" {
            options.push(verb);
        }
        let mut at = 1;
        loop {
            if self.is(at, "FORMAT") && self.is_symbol(at + 1, "=") {
                options.push(format!("FORMAT={}", self.word(at + 2)));
                at += 3;
            } else if self.is_any(at, &["EXTENDED", "PARTITIONS", "ANALYZE"])
                && !self.is_symbol(at + 1, ".")
            {
                options.push(self.word(at));
                at += 1;
            } else {
                break;
            }
        }
        if self.is_symbol(at, "(") || self.is_any(at, &EXPLAINABLE) {
            return Ok(Statement::Explain {
                inner: self.text_from(at).to_owned(),
                options,
            });
        }
        let (database, table, _) = self.table_name(at)?;
        Ok(Statement::Describe { database, table })
    }

    fn kill(&self) -> Result<Statement, StatementError> {
        let mut at = 1;
        while self.is_any(at, &["HARD", "SOFT"]) {
            at += 1;
        }
        let query_only = self.is(at, "QUERY");
        if query_only || self.is(at, "CONNECTION") {
            at += 1;
        }
        let id = self.number(at)?;
        self.at_end(at + 1)?;
        Ok(Statement::Kill { query_only, id })
    }

    fn prepared(&self, verb: &str) -> Result<Statement, StatementError> {
        match verb {
            "PREPARE" if self.is(2, "FROM") => {
                let source = self.token(3).ok_or_else(|| self.syntax(3))?;
                let text = (source.kind == Kind::Text && self.tokens.len() == 4)
                    .then(|| unescaped(source.text));
                Ok(Statement::Prepare {
                    name: self.name(1)?,
                    text,
                })
            }
            "EXECUTE" if self.is(1, "IMMEDIATE") => Ok(Statement::Other {
                verb: "EXECUTE IMMEDIATE".into(),
            }),
            "EXECUTE" => Ok(Statement::Execute {
                name: self.name(1)?,
                using: self.is(2, "USING"),
            }),
            "DEALLOCATE" if self.is(1, "PREPARE") => Ok(Statement::Deallocate {
                name: self.name(2)?,
            }),
            _ => Err(self.syntax(1)),
        }
    }
}
