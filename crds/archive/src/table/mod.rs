//! A table: its columns and keys as declared, what it declares of them, and the DDL of its physical
//! tables ([`ddl`]), and what a refusal of it means ([`refusals`]).

pub mod ddl;
pub mod refusals;
mod rules;

pub use rules::{DeletionPolicy, OnDeletion, PositionColumns, UniqueKey, default_deletion_grace};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A column as users declare it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Column {
    /// Name, as MariaDB takes it.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// MySQL type, for example `BIGINT UNSIGNED`, `DECIMAL(10,3)`, `VARCHAR(32)`, `ENUM('a','b')`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 1024))]
    pub sql_type: String,
    /// Whether NULL is allowed.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub nullable: bool,
    /// Constant default, as text; `NULL` when absent and the column is nullable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub default: Option<String>,
    /// Character set; the table's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub charset: Option<String>,
    /// Collation; the table's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub collation: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub description: String,
    /// Unit, for example `deg`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub unit: String,
    /// Unified content descriptor.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub ucd: String,
}

impl Column {
    /// A column of this type that takes NULL, and of which nothing else is said.
    pub fn new(name: impl Into<String>, sql_type: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sql_type: sql_type.into(),
            nullable: true,
            default: None,
            charset: None,
            collation: None,
            description: String::new(),
            unit: String::new(),
            ucd: String::new(),
        }
    }
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
fn is_yes(value: &bool) -> bool {
    *value
}

/// A secondary key.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct SecondaryKey {
    /// Name of the key.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Its columns in order.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 64)))]
    pub columns: Vec<String>,
}
