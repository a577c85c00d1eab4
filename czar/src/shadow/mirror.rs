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

/// Tables that the shadow server could not make, with its words.
pub type LeftOut = BTreeMap<TableKey, String>;

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
    /// The table that it is, when it is one.
    fn table(&self) -> Option<&TableKey> {
        match self {
            Self::Database(_) => None,
            Self::Table(key) => Some(key),
        }
    }

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
    /// To run before the catalog is used: databases to make,
    pub databases: Vec<String>,
    /// then tables to make,
    pub tables: Vec<(TableKey, String)>,
    /// then rights to change and accounts to drop; with the table that a right is to.
    pub rights: Vec<(Option<TableKey>, String)>,
    /// To run once no new statement uses the old catalog.
    pub after: Vec<String>,
    /// Users that need an account, which the caller makes with a password of its own before
    /// [`Self::rights`].
    pub new_users: Vec<String>,
    /// Users whose rights change: a session remembers the rights to its default database, so theirs
    /// must be made again.
    pub changed_users: Vec<String>,
}

impl Changes {
    /// Takes out what comes to nothing without tables that could not be made. Those that were there
    /// before, with another definition, are gone, which is a change.
    pub fn leave_out(&mut self, tables: &LeftOut, held: &Mirror) {
        self.tables
            .retain(|(key, _)| !tables.contains_key(key) || held.tables.contains_key(key));
        self.rights
            .retain(|(key, _)| key.as_ref().is_none_or(|key| !tables.contains_key(key)));
    }
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
            changes.databases.push(format!(
                "CREATE DATABASE {}",
                ddl::quote_identifier(database)
            ));
        }
        for (key, definition) in &next.tables {
            let create = match self.tables.get(key) {
                Some(held) if held == definition => continue,
                Some(_) => "CREATE OR REPLACE TABLE",
                None => "CREATE TABLE",
            };
            let made = format!("{create} {} {definition}", name(key));
            changes.tables.push((key.clone(), made));
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

    /// Forgets tables that could not be made. A right to one stays where `held` has it, since the
    /// server has it too.
    pub fn leave_out(&mut self, tables: &LeftOut, held: &Self) {
        self.tables.retain(|key, _| !tables.contains_key(key));
        for (user, granted) in &mut self.grants {
            let before = held.grants.get(user);
            let is_held = |right: &Granted| before.is_some_and(|before| before.contains(right));
            granted.retain(|right| {
                let is_out = right.table().is_some_and(|key| tables.contains_key(key));
                !is_out || is_held(right)
            });
        }
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
                let grant = format!(
                    "GRANT {} ON {} TO {}",
                    right(user),
                    granted.sql(),
                    account(user)
                );
                changes.rights.push((granted.table().cloned(), grant));
            }
            // A right taken away is gone before the catalog that takes it away is used.
            for granted in held.difference(wanted) {
                let revoke = format!(
                    "REVOKE {} ON {} FROM {}",
                    right(user),
                    granted.sql(),
                    account(user)
                );
                changes.rights.push((None, revoke));
            }
        }
        for user in self
            .grants
            .keys()
            .filter(|user| !next.grants.contains_key(*user))
        {
            let drop = format!("DROP USER IF EXISTS {}", account(user));
            changes.rights.push((None, drop));
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

    /// All statements that run before the catalog is used, in order.
    fn before(changes: &Changes) -> Vec<&str> {
        let tables = changes.tables.iter().map(|(_, sql)| sql);
        let rights = changes.rights.iter().map(|(_, sql)| sql);
        let all = changes.databases.iter().chain(tables).chain(rights);
        all.map(String::as_str).collect()
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
            before(&changes),
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
            before(&changes),
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
            before(&now.changes(&next)),
            [
                "GRANT SELECT ON `sky_1`.`T` TO 'ann'@'localhost'",
                "REVOKE SELECT ON `sky\\_1`.* FROM 'ann'@'localhost'",
            ]
        );
    }

    /// A right that the server has is taken away when it is to go, also without its table.
    #[test]
    fn a_table_that_could_not_be_made_is_asked_for_again_and_keeps_no_right_alive() {
        let tables = [("sky", "T", "(a INT)"), ("sky", "U", "(a BAD)")];
        let now = mirror(&tables[..1], &[("ann", &["sky.T"])]);
        let mut next = mirror(&tables, &[("ann", &["sky.T", "sky.U"])]);
        let wanted = next.clone();
        let mut changes = now.changes(&next);
        let out = LeftOut::from([(TableKey::new("sky", "U"), "unknown type".to_owned())]);
        changes.leave_out(&out, &now);
        assert!(before(&changes).is_empty(), "nothing that is seen changed");
        next.leave_out(&out, &now);
        assert_eq!(next, now);
        assert_eq!(
            before(&next.changes(&wanted)),
            [
                "CREATE TABLE `sky`.`U` (a BAD)",
                "GRANT SELECT ON `sky`.`U` TO 'ann'@'localhost'",
            ]
        );
        let held = mirror(&tables, &[("ann", &["sky.T", "sky.U"])]);
        let mut changed = held.clone();
        changed.leave_out(&out, &held);
        let none = mirror(&tables[..1], &[("ann", &["sky.T"])]);
        assert_eq!(
            before(&changed.changes(&none)),
            ["REVOKE SELECT ON `sky`.`U` FROM 'ann'@'localhost'"]
        );
    }
}
