//! What the shadow server must hold for a catalog, and the statements that get it there. Pure.
//!
//! Keeps true: one database per user database, one empty shadow table per table, one account per
//! user with exactly the user's grants, on databases or on single tables. A table is the same as long as its definition and
//! incarnation are; publishing rows changes nothing here.

use std::collections::{BTreeMap, BTreeSet};

use orrery_archive::catalog::users::Users;
use orrery_archive::catalog::{Catalog, TableKey};
use orrery_archive::table::ddl;

/// Database of merge tables; every connection sees only its own temporary tables in it.
pub const MERGE_DATABASE: &str = "orrery_merge";
/// Account that runs merges: temporary tables in [`MERGE_DATABASE`], reading the empty shadow
/// tables, and nothing else.
pub const MERGE_ACCOUNT: &str = "orrery_merge";
/// Account that runs gathers: it makes temporary tables in the databases of users, and may read
/// nothing that it did not make.
pub const GATHER_ACCOUNT: &str = "orrery_gather";
/// Accounts that no Orrery user may have on the shadow server.
const RESERVED: [&str; 6] = [
    "root",
    "mysql",
    "mariadb.sys",
    "PUBLIC",
    MERGE_ACCOUNT,
    GATHER_ACCOUNT,
];

/// What the shadow server holds, or should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// Definition of each shadow table.
    pub tables: BTreeMap<TableKey, String>,
    /// Databases.
    pub databases: BTreeSet<String>,
    /// What each account has its right to, see [`right`].
    pub grants: BTreeMap<String, BTreeSet<Granted>>,
}

/// What a right is to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Granted {
    /// All tables of a database.
    Database(String),
    /// A table.
    Table(TableKey),
}

impl Granted {
    /// As GRANT and REVOKE name it.
    fn sql(&self) -> String {
        match self {
            Self::Database(database) => format!("{}.*", pattern(database)),
            Self::Table(key) => name(key),
        }
    }
}

/// Statements that change one mirror into another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To run before the catalog is used.
    pub before: Vec<String>,
    /// To run once no new statement uses the old catalog.
    pub after: Vec<String>,
    /// Users that need an account, which the caller makes with a password of its own before
    /// [`Self::before`].
    pub new_users: Vec<String>,
    /// Users whose rights change: a session remembers the rights to its default database, so theirs
    /// must be made again.
    pub changed_users: Vec<String>,
}

impl Mirror {
    /// What a catalog and its users need. `own` is the czar's own account on the shadow server.
    pub fn new(catalog: &Catalog, users: &Users, own: &str) -> Self {
        let mut mirror = Self::default();
        for (key, table) in &catalog.tables {
            mirror.databases.insert(key.database.clone());
            mirror.tables.insert(key.clone(), ddl::shadow(&table.kind));
        }
        let databases = || mirror.databases.iter().cloned().map(Granted::Database);
        let mut grants: BTreeMap<String, BTreeSet<Granted>> = BTreeMap::new();
        for account in [MERGE_ACCOUNT, GATHER_ACCOUNT] {
            grants.insert(account.to_owned(), databases().collect());
        }
        for (name, user) in &users.users {
            if name == own || RESERVED.contains(&name.as_str()) {
                tracing::warn!(
                    user = name,
                    "this user name is reserved on the shadow server; the user is left out"
                );
                continue;
            }
            let whole = mirror
                .databases
                .iter()
                .filter(|database| user.may_read_all_of(database))
                .cloned()
                .map(Granted::Database);
            let single = user.single_tables(catalog).cloned().map(Granted::Table);
            grants.insert(name.clone(), whole.chain(single).collect());
        }
        mirror.grants = grants;
        mirror
    }

    /// How to get from `self` to `next`.
    pub fn changes(&self, next: &Self) -> Changes {
        let mut changes = Changes::default();
        for database in next.databases.difference(&self.databases) {
            changes.before.push(format!(
                "CREATE DATABASE {}",
                ddl::quote_identifier(database)
            ));
        }
        for (key, definition) in &next.tables {
            match self.tables.get(key) {
                Some(held) if held == definition => {}
                Some(_) => changes.before.push(format!(
                    "CREATE OR REPLACE TABLE {} {definition}",
                    name(key)
                )),
                None => changes
                    .before
                    .push(format!("CREATE TABLE {} {definition}", name(key))),
            }
        }
        for key in self
            .tables
            .keys()
            .filter(|key| !next.tables.contains_key(key))
        {
            changes
                .after
                .push(format!("DROP TABLE IF EXISTS {}", name(key)));
        }
        self.change_users(next, &mut changes);
        for database in self.databases.difference(&next.databases) {
            changes.after.push(format!(
                "DROP DATABASE IF EXISTS {}",
                ddl::quote_identifier(database)
            ));
        }
        changes
    }

    fn change_users(&self, next: &Self, changes: &mut Changes) {
        let none = BTreeSet::new();
        for (user, wanted) in &next.grants {
            let held = self.grants.get(user);
            match held {
                None => changes.new_users.push(user.clone()),
                Some(held) if held != wanted => changes.changed_users.push(user.clone()),
                Some(_) => {}
            }
            let held = held.unwrap_or(&none);
            for granted in wanted.difference(held) {
                changes.before.push(format!(
                    "GRANT {} ON {} TO {}",
                    right(user),
                    granted.sql(),
                    account(user)
                ));
            }
            // A right taken away is gone before the catalog that takes it away is used.
            for granted in held.difference(wanted) {
                changes.before.push(format!(
                    "REVOKE {} ON {} FROM {}",
                    right(user),
                    granted.sql(),
                    account(user)
                ));
            }
        }
        for user in self
            .grants
            .keys()
            .filter(|user| !next.grants.contains_key(*user))
        {
            changes
                .before
                .push(format!("DROP USER IF EXISTS {}", account(user)));
        }
    }
}

/// What an account may do where it is granted anything.
fn right(account: &str) -> &'static str {
    match account {
        GATHER_ACCOUNT => "CREATE TEMPORARY TABLES",
        _ => "SELECT",
    }
}

/// An account of the shadow server, as SQL names it. It is reachable by the local socket only.
pub fn account(user: &str) -> String {
    format!("{}@'localhost'", ddl::quote_string(user))
}

/// A table, as SQL names it.
pub(super) fn name(key: &TableKey) -> String {
    format!(
        "{}.{}",
        ddl::quote_identifier(&key.database),
        ddl::quote_identifier(&key.table)
    )
}

/// A database in a GRANT, where `_` and `%` would otherwise match any character.
fn pattern(database: &str) -> String {
    ddl::quote_identifier(&database.replace('_', "\\_").replace('%', "\\%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(tables: &[(&str, &str, &str)], grants: &[(&str, &[&str])]) -> Mirror {
        let mut mirror = Mirror::default();
        for (database, table, definition) in tables {
            mirror.databases.insert((*database).to_owned());
            mirror
                .tables
                .insert(TableKey::new(*database, *table), (*definition).to_owned());
        }
        for (user, granted) in grants {
            let granted = granted.iter().map(|granted| match granted.split_once('.') {
                Some((database, table)) => Granted::Table(TableKey::new(database, table)),
                None => Granted::Database((*granted).to_owned()),
            });
            mirror.grants.insert((*user).to_owned(), granted.collect());
        }
        mirror
    }

    #[test]
    fn a_mirror_that_is_right_needs_nothing() {
        let now = mirror(&[("sky", "Object", "(id INT)")], &[("ann", &["sky"])]);
        assert_eq!(now.changes(&now), Changes::default());
    }

    #[test]
    fn what_is_new_comes_before_and_what_is_gone_goes_after() {
        let now = mirror(&[("old", "T", "(a INT)")], &[("bob", &["old"])]);
        let next = mirror(&[("a_b", "T", "(a INT)")], &[("ann", &["a_b"])]);
        let changes = now.changes(&next);
        assert_eq!(changes.new_users, ["ann"]);
        assert_eq!(
            changes.before,
            [
                "CREATE DATABASE `a_b`",
                "CREATE TABLE `a_b`.`T` (a INT)",
                "GRANT SELECT ON `a\\_b`.* TO 'ann'@'localhost'",
                "DROP USER IF EXISTS 'bob'@'localhost'",
            ]
        );
        assert_eq!(
            changes.after,
            [
                "DROP TABLE IF EXISTS `old`.`T`",
                "DROP DATABASE IF EXISTS `old`"
            ]
        );
    }

    #[test]
    fn a_right_taken_away_is_gone_before_the_catalog_is_used() {
        let now = mirror(&[("sky", "T", "(a INT)")], &[("ann", &["sky"])]);
        let next = mirror(&[("sky", "T", "(a INT)")], &[("ann", &[])]);
        let changes = now.changes(&next);
        assert_eq!(
            changes.before,
            ["REVOKE SELECT ON `sky`.* FROM 'ann'@'localhost'"]
        );
        assert_eq!(changes.changed_users, ["ann"]);
    }

    #[test]
    fn a_table_takes_the_place_of_its_database_in_the_rights_of_a_user() {
        let tables = [("sky_1", "T", "(a INT)"), ("sky_1", "U", "(a INT)")];
        let now = mirror(&tables, &[("ann", &["sky_1"])]);
        let next = mirror(&tables, &[("ann", &["sky_1.T"])]);
        assert_eq!(
            now.changes(&next).before,
            [
                "GRANT SELECT ON `sky_1`.`T` TO 'ann'@'localhost'",
                "REVOKE SELECT ON `sky\\_1`.* FROM 'ann'@'localhost'",
            ]
        );
    }
}
