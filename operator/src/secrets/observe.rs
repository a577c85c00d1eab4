//! The archive's own Secrets as they are.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;

use super::error::SecretsError;
use super::plan::own_names;
use crate::controller::context::Context;

/// The archive's own Secrets by name; those that are missing are not in it.
pub async fn observe(
    context: &Context,
    namespace: &str,
) -> Result<BTreeMap<String, Secret>, SecretsError> {
    let api = context.api::<Secret>(namespace);
    let mut found = BTreeMap::new();
    for name in own_names() {
        let secret = api
            .get_opt(name)
            .await
            .map_err(|source| SecretsError::Api {
                name: name.into(),
                source,
            })?;
        found.extend(secret.map(|secret| (name.to_owned(), secret)));
    }
    Ok(found)
}
