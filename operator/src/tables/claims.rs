//! Who has a table name that several objects claim.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_archive::catalog::TableKey;
use orrery_crds::kinds::{ChunkedTable, ReferenceTable};

use super::user_table::UserTable;
use crate::controller::conditions::Finding;

/// Databases that belong to MariaDB.
const SYSTEM_DATABASES: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];
/// Beginning of the names of our own databases on workers.
const OWN_PREFIX: &str = "orrery_";

/// An object that claims a table name; the least one has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// Not accepted yet. The API server gives ages in whole seconds: a table that is there must not
    /// lose its name to one made in the same.
    is_newcomer: bool,
    created: Option<Timestamp>,
    uid: Option<String>,
    /// Kind and name.
    object: String,
}

impl Claim {
    fn of<T: UserTable>(table: &T) -> Self {
        Self {
            is_newcomer: table.incarnation().is_none(),
            created: table.creation_timestamp().map(|time| time.0),
            uid: table.uid(),
            object: object(table),
        }
    }
}

fn object<T: UserTable>(table: &T) -> String {
    format!("{} {}", T::kind(&()), table.name_any())
}

/// Who has each table name.
pub struct Owners(BTreeMap<TableKey, Claim>);

impl Owners {
    /// The table that was accepted, else of several claims the oldest, whether its columns are
    /// right or not.
    pub fn of(chunked: &[ChunkedTable], references: &[ReferenceTable]) -> Self {
        let chunked = chunked.iter().map(|table| (table.key(), Claim::of(table)));
        let references = references
            .iter()
            .map(|table| (table.key(), Claim::of(table)));
        let mut owners: BTreeMap<TableKey, Claim> = BTreeMap::new();
        for (key, claim) in chunked.chain(references) {
            owners
                .entry(key)
                .and_modify(|owner| {
                    if claim < *owner {
                        *owner = claim.clone();
                    }
                })
                .or_insert(claim);
        }
        Self(owners)
    }

    /// The object that has the name which this one claims too.
    pub fn instead_of<T: UserTable>(&self, table: &T) -> Option<&str> {
        let owner = &self.0.get(&table.key())?.object;
        (*owner != object(table)).then_some(owner)
    }

    /// Passes when the table may have its name.
    pub fn check<T: UserTable>(&self, table: &T) -> Result<(), Finding> {
        let key = table.key();
        let database = key.database.to_ascii_lowercase();
        if SYSTEM_DATABASES.contains(&database.as_str()) || database.starts_with(OWN_PREFIX) {
            return Err(Finding::unmet(
                "DatabaseReserved",
                format!(
                    "spec.database: `{}` is not for tables of users",
                    key.database
                ),
            ));
        }
        match self.instead_of(table) {
            None => Ok(()),
            Some(owner) => Err(Finding::unmet(
                "NameTaken",
                format!("spec.table: {key} belongs to {owner}, which is older"),
            )),
        }
    }
}
