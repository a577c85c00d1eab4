//! From `QueryUser`s with their roles and Secrets to the users that czars and proxies see. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use orrery_archive::catalog::users::{User, Users};
use orrery_archive::names::USERS_KEY;
use orrery_crds::kinds::{DatabaseGrant, QueryUser};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::observe::{Observed, Roles};
use crate::controller::conditions::Finding;
use crate::secrets::values::value;

/// Key of a user's Secret that holds the password.
pub const PASSWORD: &str = "password";
/// Key that holds a hash in its place.
pub const HASH: &str = "hash";
/// Annotation of the users' Secret with the version of rights that the operator wrote.
pub const VERSION_ANNOTATION: &str = "orrery.dev/users-version";
/// Beginning of the names of our own accounts.
const OWN_PREFIX: &str = "orrery_";

/// Verdicts in the order of the objects, and the accepted users by login name.
pub struct Plan {
    /// Condition `Accepted` of each object.
    pub findings: Vec<Finding>,
    /// Accepted users.
    pub users: BTreeMap<String, User>,
}

/// Judges all users of an archive.
pub fn plan(observed: &Observed) -> Plan {
    let owners = owners(&observed.users);
    let mut accepted = BTreeMap::new();
    let findings = (observed.users.iter())
        .map(|user| match judge(user, &owners, observed) {
            Ok(entry) => {
                accepted.insert(user.spec.user.clone(), entry);
                acceptance(&user.spec.roles, &observed.roles)
            }
            Err(finding) => finding,
        })
        .collect();
    Plan {
        findings,
        users: accepted,
    }
}

/// What is said of a user that is accepted. Without a role it reads less, and logs in.
fn acceptance(named: &[String], roles: &Roles) -> Finding {
    let missing = named.iter().filter(|name| !roles.contains_key(*name));
    let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
    if missing.is_empty() {
        return Finding::met("Accepted", "");
    }
    let message = format!("spec.roles: there is no QueryRole {}", missing.join(", "));
    Finding::met("RoleMissing", message)
}

/// When an object that claims a login name was made, its UID, and its name; the least one has the
/// login name.
type Claim = (Option<Timestamp>, Option<String>, String);

/// The oldest object of each login name.
fn owners(users: &[QueryUser]) -> BTreeMap<&str, Claim> {
    let mut owners: BTreeMap<&str, Claim> = BTreeMap::new();
    for user in users {
        let created = user.creation_timestamp().map(|time| time.0);
        let claim = (created, user.uid(), user.name_any());
        owners
            .entry(&user.spec.user)
            .and_modify(|owner| {
                if claim < *owner {
                    owner.clone_from(&claim);
                }
            })
            .or_insert(claim);
    }
    owners
}

fn judge(
    user: &QueryUser,
    owners: &BTreeMap<&str, Claim>,
    observed: &Observed,
) -> Result<User, Finding> {
    let spec = &user.spec;
    if spec.user.starts_with(OWN_PREFIX) {
        return Err(Finding::unmet(
            "NameReserved",
            format!("spec.user: names that begin with `{OWN_PREFIX}` are Orrery's own accounts"),
        ));
    }
    if let Some((_, _, name)) = owners.get(spec.user.as_str())
        && *name != user.name_any()
    {
        return Err(Finding::unmet(
            "NameTaken",
            format!(
                "spec.user: `{}` belongs to QueryUser {name}, which is older",
                spec.user
            ),
        ));
    }
    let secret = (observed.secrets.get(&spec.password_secret)).ok_or_else(|| {
        Finding::unmet(
            "SecretMissing",
            format!(
                "spec.passwordSecret: there is no Secret `{}`",
                spec.password_secret
            ),
        )
    })?;
    let digests = digests(&spec.password_secret, secret)?;
    let by_roles = spec
        .roles
        .iter()
        .filter_map(|name| observed.roles.get(name));
    let (databases, tables) = rights(spec.grants.iter().chain(by_roles.flatten()));
    Ok(User {
        native: digests.native,
        sha2: digests.sha2,
        valid_until: spec.valid_until.as_ref().map(|time| time.0.as_second()),
        databases,
        tables,
        class: spec.class,
        limits: spec.limits.clone(),
    })
}

/// Databases granted as a whole, each once, and tables by database.
fn rights<'a>(
    grants: impl Iterator<Item = &'a DatabaseGrant>,
) -> (Vec<String>, BTreeMap<String, BTreeSet<String>>) {
    let mut databases = Vec::new();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for grant in grants {
        match &grant.tables {
            None if databases.contains(&grant.database) => {}
            None => databases.push(grant.database.clone()),
            Some(some) => tables
                .entry(grant.database.clone())
                .or_default()
                .extend(some.iter().cloned()),
        }
    }
    (databases, tables)
}

/// What proxies verify passwords with, in hex.
struct Digests {
    native: String,
    sha2: Option<String>,
}

/// The digests of the password in a Secret, or the one that stands there in its place.
fn digests(name: &str, secret: &Secret) -> Result<Digests, Finding> {
    let text = |key| {
        let text = value(secret, key).map(without_line_break);
        text.filter(|text| !text.is_empty())
    };
    match (text(PASSWORD), text(HASH)) {
        (Some(password), None) => Ok(Digests {
            native: hex::encode(Sha1::digest(Sha1::digest(password))),
            sha2: Some(hex::encode(Sha256::digest(Sha256::digest(password)))),
        }),
        (None, Some(hash)) => {
            let digits = hash.strip_prefix('*').filter(|digits| {
                digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            });
            let native = digits.ok_or_else(|| {
                let message = format!(
                    "spec.passwordSecret: `{HASH}` of Secret `{name}` is not `*` and 40 hexadecimal digits, \
                     as MariaDB's PASSWORD() gives them"
                );
                Finding::unmet("HashUnreadable", message)
            })?;
            Ok(Digests {
                native: native.to_ascii_lowercase(),
                sha2: None,
            })
        }
        (Some(_), Some(_)) => Err(Finding::unmet(
            "PasswordAndHash",
            format!("spec.passwordSecret: Secret `{name}` has both `{PASSWORD}` and `{HASH}`"),
        )),
        (None, None) => Err(Finding::unmet(
            "PasswordMissing",
            format!(
                "spec.passwordSecret: Secret `{name}` has no text under `{PASSWORD}` or `{HASH}`"
            ),
        )),
    }
}

/// The text without the line break that editors and `kubectl create secret --from-file` leave.
fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Versions of rights that a Secret with users names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// What the operator wrote last.
    pub written: Option<u64>,
    /// What readers see, which somebody may have edited.
    pub seen: Option<u64>,
}

impl Versions {
    /// A version that no reader has seen. One that is not known any more (the Secret was deleted or
    /// garbled) starts at `clock`, seconds of Unix time, so that no cache key of former rights
    /// comes again.
    pub fn next(self, clock: u64) -> u64 {
        self.written
            .max(self.seen)
            .map_or(clock, |version| version.saturating_add(1))
    }
}

/// Versions of the live Secret.
pub fn versions(secret: &Secret) -> Versions {
    let users: Option<Users> =
        value(secret, USERS_KEY).and_then(|text| serde_json::from_str(text).ok());
    Versions {
        written: secret
            .annotations()
            .get(VERSION_ANNOTATION)
            .and_then(|version| version.parse().ok()),
        seen: users.map(|users| users.version),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use orrery_archive::catalog::TableKey;
    use orrery_archive::names::USERS_KEY;
    use orrery_crds::kinds::{DatabaseGrant, QueryUser};
    use serde_json::json;

    use super::{VERSION_ANNOTATION, Versions, plan, versions};
    use crate::controller::conditions::Finding;
    use crate::users::observe::Observed;

    fn user(object: &str, login: &str, secret: &str, created: &str) -> QueryUser {
        serde_json::from_value(json!({
            "apiVersion": "orrery.dev/v1alpha1", "kind": "QueryUser",
            "metadata": {"name": object, "uid": object, "creationTimestamp": created},
            "spec": {"user": login, "passwordSecret": secret, "grants": [{"database": "sky"}]},
        }))
        .unwrap()
    }

    /// These users, and the roles `survey` and `lab`.
    fn declared(users: impl IntoIterator<Item = QueryUser>) -> Observed {
        let role = |name: &str, grants| (name.to_owned(), serde_json::from_value(grants).unwrap());
        Observed {
            users: users.into_iter().collect(),
            roles: BTreeMap::from([
                role(
                    "survey",
                    json!([{"database": "survey"}, {"database": "sky"}]),
                ),
                role(
                    "lab",
                    json!([{"database": "lab", "tables": ["Object", "Forced*"]}]),
                ),
            ]),
            secrets: secrets(),
        }
    }

    fn secrets() -> BTreeMap<String, Secret> {
        let secret = |key: &str, value: &str| Secret {
            data: Some(BTreeMap::from([(key.to_owned(), ByteString(value.into()))])),
            ..Secret::default()
        };
        BTreeMap::from([
            ("good".to_owned(), secret("password", "secret")),
            ("bad".to_owned(), secret("else", "secret")),
            ("line".to_owned(), secret("password", "secret\n")),
            ("windows".to_owned(), secret("password", "secret\r\n")),
            (
                "hash".to_owned(),
                secret("hash", "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\n"),
            ),
            ("short".to_owned(), secret("hash", "*14E65567")),
        ])
    }

    #[test]
    fn verifiers_are_those_mariadb_and_mysql_store() {
        let plan = plan(&declared([user(
            "a",
            "anna",
            "good",
            "2026-01-01T00:00:00Z",
        )]));
        assert!(plan.findings[0].holds());
        let entry = &plan.users["anna"];
        // SELECT PASSWORD('secret') without its asterisk.
        assert_eq!(
            entry.native.to_uppercase(),
            "14E65567ABDB5135D0CFD9A70B3032C179A49EE7"
        );
        assert_eq!(entry.sha2.as_ref().unwrap().len(), 64);
        assert_eq!(entry.databases, ["sky"]);
    }

    #[test]
    fn tables_are_granted_alone_and_a_list_of_none_grants_nothing() {
        let mut some = user("a", "anna", "good", "2026-01-01T00:00:00Z");
        some.spec.grants = serde_json::from_value(json!([
            {"database": "lab"},
            {"database": "sky", "tables": ["Object"]},
            {"database": "sky", "tables": ["Forced*"]},
            {"database": "bare", "tables": []},
        ]))
        .unwrap();
        let plan = plan(&declared([some]));
        let anna = &plan.users["anna"];
        let reads = |database: &str, table: &str| anna.may_read(&TableKey::new(database, table));
        assert!(reads("lab", "Any") && reads("sky", "Object") && reads("sky", "ForcedSource"));
        for (database, table) in [
            ("sky", "ObjectExtra"),
            ("sky", "Source"),
            ("bare", "Object"),
            ("else", "Object"),
        ] {
            assert!(!reads(database, table), "{database}.{table}");
        }
        assert!(anna.may_read_all_of("lab") && !anna.may_read_all_of("sky"));
    }

    #[test]
    fn a_user_has_the_grants_of_its_roles_and_its_own() {
        let mut anna = user("a", "anna", "good", "2026-01-01T00:00:00Z");
        anna.spec.grants.extend(
            serde_json::from_value::<Vec<DatabaseGrant>>(
                json!([{"database": "lab", "tables": ["Source"]}]),
            )
            .unwrap(),
        );
        let reads = |roles: &[&str]| {
            let mut anna = anna.clone();
            anna.spec.roles = roles.iter().map(ToString::to_string).collect();
            let mut plan = plan(&declared([anna]));
            let user = plan.users.remove("anna").unwrap();
            let tables = user.tables["lab"].iter().cloned().collect::<Vec<_>>();
            (user.databases, tables, plan.findings.remove(0))
        };
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let accepted = Finding::met("Accepted", "");
        assert_eq!(
            reads(&[]),
            (texts(&["sky"]), texts(&["Source"]), accepted.clone())
        );
        let all = texts(&["Forced*", "Object", "Source"]);
        assert_eq!(
            reads(&["survey", "lab"]),
            (texts(&["sky", "survey"]), all.clone(), accepted)
        );
        let missing = Finding::met("RoleMissing", "spec.roles: there is no QueryRole `gone`");
        assert_eq!(reads(&["gone", "lab"]), (texts(&["sky"]), all, missing));
    }

    #[test]
    fn a_line_break_at_the_end_is_no_part_of_the_password_and_a_hash_will_do() {
        let created = "2026-01-01T00:00:00Z";
        let names = ["good", "line", "windows", "hash", "short"];
        let users = names.map(|secret| user(secret, secret, secret, created));
        let plan = plan(&declared(users));
        let native = &plan.users["good"].native;
        for same in ["line", "windows", "hash"] {
            assert_eq!(&plan.users[same].native, native, "{same}");
        }
        assert_eq!(plan.users["hash"].sha2, None);
        assert_eq!(plan.users["line"].sha2, plan.users["good"].sha2);
        assert_eq!(plan.findings[4].reason, "HashUnreadable");
    }

    #[test]
    fn the_end_of_a_users_validity_reaches_proxies() {
        let mut until = user("a", "anna", "good", "2026-01-01T00:00:00Z");
        until.spec.valid_until = serde_json::from_value(json!("1970-01-01T00:01:00Z")).unwrap();
        let plan = plan(&declared([until]));
        assert_eq!(plan.users["anna"].valid_until, Some(60));
    }

    #[test]
    fn the_older_of_two_users_with_one_name_wins() {
        let users = [
            user("younger", "anna", "good", "2026-01-02T00:00:00Z"),
            user("older", "anna", "good", "2026-01-01T00:00:00Z"),
        ];
        let plan = plan(&declared(users));
        assert_eq!(plan.findings[0].reason, "NameTaken");
        assert!(plan.findings[0].message.contains("QueryUser older"));
        assert!(plan.findings[1].holds());
    }

    #[test]
    fn users_without_a_password_or_with_our_names_cannot_log_in() {
        let created = "2026-01-01T00:00:00Z";
        let users = [
            user("a", "a", "missing", created),
            user("b", "b", "bad", created),
            user("c", "orrery_proxy", "good", created),
        ];
        let plan = plan(&declared(users));
        let reasons: Vec<_> = plan.findings.iter().map(|finding| finding.reason).collect();
        assert_eq!(
            reasons,
            ["SecretMissing", "PasswordMissing", "NameReserved"]
        );
        assert!(plan.users.is_empty());
    }

    #[test]
    fn a_version_that_readers_saw_never_comes_again() {
        let secret = |annotation: &str, content: &str| Secret {
            metadata: kube::api::ObjectMeta {
                annotations: Some(BTreeMap::from([(
                    VERSION_ANNOTATION.to_owned(),
                    annotation.to_owned(),
                )])),
                ..kube::api::ObjectMeta::default()
            },
            data: Some(BTreeMap::from([(
                USERS_KEY.to_owned(),
                ByteString(content.into()),
            )])),
            ..Secret::default()
        };
        let next =
            |annotation: &str, content: &str| versions(&secret(annotation, content)).next(1000);
        assert_eq!(next("7", r#"{"version": 7, "users": {}}"#), 8);
        assert_eq!(next("7", r#"{"version": 40, "users": {}}"#), 41);
        assert_eq!(next("7", "garbled"), 8);
        assert_eq!(next("garbled", "garbled"), 1000);
        let none = Versions {
            written: None,
            seen: None,
        };
        assert_eq!(none.next(1000), 1000);
    }
}
