//! `kubectl orrery user create` and `passwd`: users and their passwords.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Resource as _};
use orrery_archive::catalog::users::{ServiceClass, UserLimits};
use orrery_crds::kinds::{DatabaseGrant, QueryUser, QueryUserSpec};
use rand::Rng as _;
use rand::distr::Alphanumeric;

use crate::archive::Archive;
use crate::output::outln;

/// Key of a user's Secret.
const PASSWORD_KEY: &str = "password";
/// Characters of a password that is made here, of 62 kinds each.
const PASSWORD_LENGTH: usize = 24;
/// Field manager of what is written here.
const MANAGER: &str = "kubectl-orrery";

/// Where a password comes from.
#[derive(clap::Args)]
pub struct PasswordSource {
    /// Read the password from standard input instead of making one; a line break at its end does
    /// not count.
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    /// The password, and whether the user of this command has not seen it yet.
    fn take(&self) -> Result<(String, bool)> {
        if !self.password_stdin {
            let made = rand::rng().sample_iter(Alphanumeric);
            return Ok((made.take(PASSWORD_LENGTH).map(char::from).collect(), true));
        }
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("reading the password from standard input")?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        ensure!(!password.is_empty(), "standard input has no password");
        Ok((password.to_owned(), false))
    }
}

/// What a user may read, as options of the command line.
#[derive(clap::Args)]
pub struct Rights {
    /// A database the user may read, `*` for all; may be repeated.
    #[arg(long = "database", required_unless_present_any = ["tables", "roles"])]
    databases: Vec<String>,
    /// A table the user may read, as `database.table`, or tables as `database.Beginning*`; may be
    /// repeated.
    #[arg(long = "table", value_parser = database_and_table)]
    tables: Vec<(String, String)>,
    /// A QueryRole whose grants the user has as well; may be repeated.
    #[arg(long = "role")]
    roles: Vec<String>,
}

impl Rights {
    /// As a QueryUser has them: its own grants and its roles.
    fn declared(self) -> (Vec<DatabaseGrant>, Vec<String>) {
        let whole = self.databases.into_iter().map(|database| DatabaseGrant {
            database,
            tables: None,
        });
        let mut single: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (database, table) in self.tables {
            single.entry(database).or_default().push(table);
        }
        let single = single.into_iter().map(|(database, tables)| DatabaseGrant {
            database,
            tables: Some(tables),
        });
        (whole.chain(single).collect(), self.roles)
    }
}

fn database_and_table(text: &str) -> Result<(String, String), String> {
    let (database, table) = text
        .split_once('.')
        .ok_or("write database.table".to_owned())?;
    Ok((database.to_owned(), table.to_owned()))
}

/// Makes a QueryUser and its Secret. The Secret is the user's: it is deleted together with it.
pub async fn create(
    archive: &Archive,
    user: &str,
    rights: Rights,
    class: ServiceClass,
    password: &PasswordSource,
) -> Result<()> {
    let (password, is_new) = password.take()?;
    let name = object_name(user);
    let secret_name = format!("{name}-password");
    let (grants, roles) = rights.declared();
    let spec = QueryUserSpec {
        user: user.to_owned(),
        password_secret: secret_name.clone(),
        valid_until: None,
        grants,
        roles,
        class,
        limits: UserLimits::default(),
    };
    let made = users(archive)
        .create(&parameters(), &QueryUser::new(&name, spec))
        .await
        .with_context(|| format!("making QueryUser {name}"))?;
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(secret_name.clone()),
            owner_references: Some(made.owner_ref(&()).into_iter().collect()),
            ..ObjectMeta::default()
        },
        string_data: Some(BTreeMap::from([(
            PASSWORD_KEY.to_owned(),
            password.clone(),
        )])),
        ..Secret::default()
    };
    secrets(archive)
        .create(&parameters(), &secret)
        .await
        .with_context(|| {
            format!("making Secret {secret_name}; QueryUser {name} is there and waits for it")
        })?;
    report(user, &password, is_new)
}

/// Gives a user another password.
pub async fn passwd(archive: &Archive, user: &str, password: &PasswordSource) -> Result<()> {
    let name = find(archive, user).await?.spec.password_secret;
    let (password, is_new) = password.take()?;
    // A hash that stood there in place of a password would contradict it.
    let change = serde_json::json!({
        "stringData": {PASSWORD_KEY: password}, "data": {"hash": null},
    });
    secrets(archive)
        .patch(&name, &PatchParams::default(), &Patch::Merge(change))
        .await
        .with_context(|| format!("writing Secret {name}"))?;
    report(user, &password, is_new)
}

/// A user's password, for those who may read its Secret.
pub async fn password(archive: &Archive, user: &str) -> Result<String> {
    let name = find(archive, user).await?.spec.password_secret;
    let secret = secrets(archive)
        .get(&name)
        .await
        .with_context(|| format!("reading Secret {name}"))?;
    let value = secret
        .data
        .and_then(|mut data| data.remove(PASSWORD_KEY))
        .with_context(|| format!("Secret {name} has no key {PASSWORD_KEY}"))?;
    let text = String::from_utf8(value.0).with_context(|| format!("Secret {name} is no text"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn find(archive: &Archive, user: &str) -> Result<QueryUser> {
    let all = users(archive)
        .list(&ListParams::default())
        .await
        .context("listing QueryUsers")?;
    let Some(found) = all.into_iter().find(|one| one.spec.user == user) else {
        bail!(
            "there is no QueryUser whose user is {user} in namespace {}",
            archive.namespace
        );
    };
    Ok(found)
}

/// What a user's object is called: the name in lower case, with `-` for what Kubernetes does not
/// take.
fn object_name(user: &str) -> String {
    let name: String = user
        .to_lowercase()
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() {
                char
            } else {
                '-'
            }
        })
        .collect();
    name.trim_matches('-').to_owned()
}

fn report(user: &str, password: &str, is_new: bool) -> Result<()> {
    if is_new {
        outln!("password of {user}: {password}")?;
    } else {
        outln!("the password of {user} is set")?;
    }
    Ok(())
}

fn parameters() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

fn users(archive: &Archive) -> Api<QueryUser> {
    Api::namespaced(archive.client.clone(), &archive.namespace)
}

fn secrets(archive: &Archive) -> Api<Secret> {
    Api::namespaced(archive.client.clone(), &archive.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_one_database_are_one_grant() {
        let rights = Rights {
            databases: vec!["lab".to_owned()],
            tables: ["sky.Object", "sky.Forced*"]
                .map(|text| database_and_table(text).unwrap())
                .into(),
            roles: vec!["staff".to_owned()],
        };
        let (grants, roles) = rights.declared();
        assert_eq!(roles, ["staff"]);
        assert_eq!(
            serde_json::to_value(grants).unwrap(),
            serde_json::json!([
                {"database": "lab"},
                {"database": "sky", "tables": ["Object", "Forced*"]},
            ])
        );
        database_and_table("sky").unwrap_err();
    }

    #[test]
    fn an_object_is_called_by_its_user_in_kubernetes_letters() {
        assert_eq!(
            object_name("Maria.Mitchell@vassar"),
            "maria-mitchell-vassar"
        );
        assert_eq!(object_name("_etl_"), "etl");
    }
}
