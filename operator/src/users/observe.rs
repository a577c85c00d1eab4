//! The users that are declared, and the Secrets with their passwords.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use orrery_crds::kinds::QueryUser;

use crate::controller::context::Context;

/// What is known of an archive's users.
pub struct Observed {
    /// Users.
    pub users: Vec<QueryUser>,
    /// The Secrets that users name, by name; no others are read.
    pub secrets: BTreeMap<String, Secret>,
}

/// Observes the users.
pub async fn observe(context: &Context, namespace: &str) -> Result<Observed, kube::Error> {
    let users = context.list::<QueryUser>(namespace, None).await?.valid;
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
    Ok(Observed { users, secrets })
}
