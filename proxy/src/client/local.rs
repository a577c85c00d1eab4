//! SHOW PROCESSLIST and SHOW WARNINGS: answered from what this proxy holds.

use orrery_archive::catalog::TableKey;
use orrery_archive::catalog::users::{ServiceClass, User};
use orrery_plan::lex;
use orrery_wire::{ColumnDef, ColumnFlags, ColumnType, ServerError, Value, errors};

use super::Client;
use crate::registry::{Activity, Entry};
use crate::result::{LocalResult, text};

/// Characters of a statement in a process list that is not FULL.
const INFO: usize = 100;
/// Tokens a SHOW WARNINGS may have.
const TOKENS: usize = 1000;

impl Client {
    fn text_column(&self, name: &'static str, length: u32) -> ColumnDef {
        ColumnDef::text(name, self.session.collation().id, length)
    }

    /// The connections of this proxy: a user's own, or all for an admin.
    pub(super) fn processlist(&self, sql: &str, full: bool, user: &User) -> LocalResult {
        let number = |name: &'static str, column_type| ColumnDef {
            flags: ColumnFlags::NOT_NULL_FLAG,
            ..ColumnDef::expression(name, column_type, 10)
        };
        let columns = vec![
            number("Id", ColumnType::MYSQL_TYPE_LONGLONG),
            self.text_column("User", 384),
            self.text_column("Host", 192),
            self.text_column("db", 192),
            self.text_column("Command", 48),
            number("Time", ColumnType::MYSQL_TYPE_LONGLONG),
            self.text_column("State", 192),
            self.text_column("Info", 1 << 20),
        ];
        let all = user.class == ServiceClass::Admin;
        let mut connections = self.proxy.registry.list();
        let own = connections
            .iter_mut()
            .find(|(entry, _)| entry.id == self.member.entry().id);
        if let Some((_, activity)) = own {
            activity.statement = Some(sql.to_owned());
        }
        let visible = connections
            .iter()
            .filter(|(_, activity)| all || activity.user == self.session.user);
        LocalResult {
            columns,
            rows: visible
                .map(|(entry, activity)| process(entry, activity, full))
                .collect(),
        }
    }

    /// SHOW GRANTS: of the session's user, and for an admin of others.
    pub(super) fn grants(&self, sql: &str, own: &User) -> Result<LocalResult, ServerError> {
        let tokens =
            lex::tokens(sql, TOKENS).map_err(|error| errors::SYNTAX.error(error.to_string()))?;
        let asked = tokens
            .iter()
            .position(|token| token.is_word("FOR"))
            .and_then(|place| tokens.get(place + 1))
            .filter(|name| !name.is_word("CURRENT_USER"));
        let name = asked.map_or(self.session.user.as_str(), |token| {
            token.text.trim_matches(['\'', '"', '`'])
        });
        let snapshot = self.proxy.hub.current();
        let user = if name == self.session.user {
            own
        } else if own.class == ServiceClass::Admin {
            let users = snapshot.as_ref().map(|snapshot| &snapshot.users.users);
            users.and_then(|users| users.get(name)).ok_or_else(|| {
                let message =
                    format!("There is no such grant defined for user '{name}' on host '%'");
                errors::NO_SUCH_GRANT.error(message)
            })?
        } else {
            let message = format!(
                "Access denied for user '{}'@'%' to database 'mysql'",
                self.session.user
            );
            return Err(errors::DATABASE_ACCESS_DENIED.error(message));
        };
        let tables = snapshot
            .iter()
            .flat_map(|snapshot| user.single_tables(&snapshot.catalog));
        let lines = grant_lines(name, user, tables);
        Ok(LocalResult {
            columns: vec![ColumnDef::text(
                format!("Grants for {name}@%"),
                self.session.collation().id,
                4096,
            )],
            rows: lines
                .into_iter()
                .map(|line| vec![text(Some(line))])
                .collect(),
        })
    }

    /// COM_STATISTICS: MariaDB's line, of this proxy.
    pub(super) fn statistics(&self) -> String {
        let uptime = self.proxy.started.elapsed().as_secs();
        let questions = self.proxy.metrics.seconds.get_sample_count();
        let average = questions as f64 / uptime.max(1) as f64;
        format!(
            "Uptime: {uptime}  Threads: {}  Questions: {questions}  Slow queries: 0  Opens: 0  Open tables: 0  \
             Queries per second avg: {average:.3}",
            self.proxy.registry.len()
        )
    }

    /// SHOW WARNINGS, SHOW ERRORS and their counts.
    pub(super) fn diagnostics(&self, sql: &str) -> Result<LocalResult, ServerError> {
        let tokens =
            lex::tokens(sql, TOKENS).map_err(|error| errors::SYNTAX.error(error.to_string()))?;
        let has = |word: &str| tokens.iter().any(|token| token.is_word(word));
        let errors_only = has("ERRORS");
        let diagnostics = &self.session.diagnostics;
        if has("COUNT") {
            let (name, count) = if errors_only {
                ("@@session.error_count", diagnostics.errors() as i64)
            } else {
                ("@@session.warning_count", diagnostics.count().into())
            };
            let column = ColumnDef::expression(name, ColumnType::MYSQL_TYPE_LONGLONG, 21);
            return Ok(LocalResult {
                columns: vec![column],
                rows: vec![vec![Value::Int(count)]],
            });
        }
        let wanted = diagnostics
            .listed()
            .iter()
            .filter(|one| !errors_only || one.level == "Error");
        let row = |one: &crate::session::Diagnostic| {
            vec![
                text(Some(&one.level)),
                Value::Int(i64::from(one.code)),
                text(Some(&one.message)),
            ]
        };
        let code = ColumnDef {
            flags: ColumnFlags::NOT_NULL_FLAG | ColumnFlags::UNSIGNED_FLAG,
            ..ColumnDef::expression("Code", ColumnType::MYSQL_TYPE_LONG, 4)
        };
        Ok(LocalResult {
            columns: vec![
                self.text_column("Level", 28),
                code,
                self.text_column("Message", 2048),
            ],
            rows: limited(wanted.map(row).collect(), &tokens),
        })
    }
}

/// What a user may read, as GRANT says it: everything or nothing, databases, and `tables` of others.
fn grant_lines<'a>(
    name: &str,
    user: &User,
    tables: impl Iterator<Item = &'a TableKey>,
) -> Vec<String> {
    let grantee = format!("`{}`@`%`", name.replace('`', "``"));
    let everything = user.databases.iter().any(|database| database == "*");
    let first = if everything { "SELECT" } else { "USAGE" };
    let mut lines = vec![format!("GRANT {first} ON *.* TO {grantee}")];
    let databases = user.databases.iter().filter(|database| *database != "*");
    lines.extend(databases.map(|database| format!("GRANT SELECT ON `{database}`.* TO {grantee}")));
    lines.extend(tables.map(|TableKey { database, table }| {
        format!("GRANT SELECT ON `{database}`.`{table}` TO {grantee}")
    }));
    lines
}

/// `LIMIT [offset,] count`.
fn limited(rows: Vec<Vec<Value>>, tokens: &[lex::Token<'_>]) -> Vec<Vec<Value>> {
    let Some(at) = tokens.iter().position(|token| token.is_word("LIMIT")) else {
        return rows;
    };
    let number = |offset: usize| {
        tokens
            .get(at + offset)
            .and_then(|token| token.text.parse::<usize>().ok())
    };
    let (skip, take) = match (number(1), number(3)) {
        (Some(skip), Some(take)) => (skip, take),
        (Some(take), None) => (0, take),
        _ => (0, usize::MAX),
    };
    rows.into_iter().skip(skip).take(take).collect()
}

fn process(entry: &Entry, activity: &Activity, full: bool) -> Vec<Value> {
    let running = activity.statement.is_some();
    let info = activity.statement.as_ref().map(|statement| {
        let length = if full { usize::MAX } else { INFO };
        statement.chars().take(length).collect::<String>()
    });
    vec![
        Value::Int(i64::from(entry.id)),
        text(Some(&activity.user)),
        text(Some(&entry.host)),
        text(activity.database.as_ref()),
        text(Some(if running { "Query" } else { "Sleep" })),
        Value::Int(activity.since.elapsed().as_secs() as i64),
        text(Some(if running { "Executing" } else { "" })),
        text(info),
    ]
}
