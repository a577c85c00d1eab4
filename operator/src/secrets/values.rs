//! The texts in a Secret and their keys.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;

/// Key of the certificate in a Secret.
pub const CERTIFICATE: &str = "tls.crt";
/// Key of the private key.
pub const PRIVATE_KEY: &str = "tls.key";
/// Key of the certificates of who is trusted.
pub const AUTHORITY: &str = "ca.crt";

/// The text under `key` of the Secret `name`.
pub fn text<'a>(secrets: &'a BTreeMap<String, Secret>, name: &str, key: &str) -> Option<&'a str> {
    value(secrets.get(name)?, key)
}

/// The text under `key` of a Secret.
pub fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok()
}
