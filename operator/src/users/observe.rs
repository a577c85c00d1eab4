//! The users and roles that are declared, and the Secrets with the users' passwords.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use orrery_crds::kinds::{DatabaseGrant, QueryRole, QueryUser};

use crate::controller::context::Context;

/// Grants by the name of a role.
pub type Roles = BTreeMap<String, Vec<DatabaseGrant>>;

/// What is known of an archive's users.
pub struct Observed {
    /// Users.
    pub users: Vec<QueryUser>,
    /// What roles grant, by the role's name.
    pub roles: Roles,
    /// The Secrets that users name, by name; no others are read.
    pub secrets: BTreeMap<String, Secret>,
}

/// Observes the users.
pub async fn observe(context: &Context, namespace: &str) -> Result<Observed, kube::Error> {
    let users = context.list::<QueryUser>(namespace, None).await?.valid;
    let roles = context.list::<QueryRole>(namespace, None).await?.valid;
    let roles = roles
        .into_iter()
        .map(|role| (role.name_any(), role.spec.grants));
    let names: BTreeSet<&str> = users
        .iter()
        .map(|user| user.spec.password_secret.as_str())
        .collect();
    let api = context.api::<Secret>(namespace);
    let mut secrets = BTreeMap::new();
    for name in names {
        secrets.extend(
            api.get_opt(name)
                .await?
                .map(|secret| (name.to_owned(), secret)),
        );
    }
    Ok(Observed {
        roles: roles.collect(),
        users,
        secrets,
    })
}
