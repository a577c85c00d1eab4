//! Who may come in, and to which database.

use orrery_archive::catalog::users::User;
use orrery_snapshot::{Hub, Snapshot};
use orrery_wire::auth::Verifier;
use orrery_wire::server::Authenticator;
use orrery_wire::{ServerError, errors};

/// The users of the newest snapshot. The proxies' own account is none of them.
pub struct Accounts<'a>(pub &'a Hub);

impl Authenticator for Accounts<'_> {
    fn verifier(&self, user: &str) -> Option<Verifier> {
        let snapshot = self.0.current()?;
        let user = snapshot.users.users.get(user)?;
        // A digest that is no digest verifies nothing.
        Some(Verifier {
            native: digest(&user.native),
            sha2: user.sha2.as_deref().and_then(digest),
        })
    }
}

fn digest<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut digest = [0; N];
    hex::decode_to_slice(text, &mut digest).ok()?;
    Some(digest)
}

/// Whether the user may have `database` as default: it needs a right to it or to one of its tables,
/// and there must be one of that name.
pub fn check_database(
    snapshot: &Snapshot,
    name: &str,
    user: &User,
    database: &str,
) -> Result<(), ServerError> {
    if database.eq_ignore_ascii_case("information_schema") {
        return Ok(());
    }
    if !user.may_enter(database, &snapshot.catalog) {
        let message = format!("Access denied for user '{name}'@'%' to database '{database}'");
        return Err(errors::DATABASE_ACCESS_DENIED.error(message));
    }
    if snapshot
        .catalog
        .tables
        .keys()
        .any(|table| table.database == database)
    {
        return Ok(());
    }
    Err(errors::UNKNOWN_DATABASE.error(format!("Unknown database '{database}'")))
}
