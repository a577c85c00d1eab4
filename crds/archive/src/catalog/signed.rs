//! The copy of the catalog that the operator leaves at every agent, signed, for czars that cannot
//! reach the cluster API.

use serde::{Deserialize, Serialize};

use super::codec::{self, Encoded};
use super::model::{Catalog, Epochs, RootPayload};
use super::objects::{ObjectError, Objects};
use crate::signing::{Purpose, SigningKey, TrustedKeys};

/// A catalog with the operator's signature (Ed25519).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SignedCatalog {
    root: SignedRoot,
    /// Objects it refers to.
    pub objects: Objects,
    /// Hex.
    pub signature: String,
}

/// The root and the text that was signed, in which a newer version may say more than this one reads.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(try_from = "String", into = "String")]
struct SignedRoot {
    text: String,
    read: RootPayload,
}

impl TryFrom<String> for SignedRoot {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read = serde_json::from_str(&text)?;
        Ok(Self { text, read })
    }
}

impl From<SignedRoot> for String {
    fn from(root: SignedRoot) -> Self {
        root.text
    }
}

/// Why a copy is not used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureError {
    /// Not ours, or changed.
    #[error("the catalog copy's signature does not verify")]
    Signature,
    /// Signed, but incomplete.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl SignedCatalog {
    /// Signs `catalog`.
    pub fn sign(catalog: &Catalog, key: &SigningKey) -> Self {
        let Encoded { root, objects } = codec::encode(catalog);
        let text = text_of(&root);
        let signature = key.sign(Purpose::CatalogCopy, text.as_bytes());
        Self {
            root: SignedRoot { text, read: root },
            objects,
            signature,
        }
    }

    /// Root; agents compare lineage and epochs.
    pub fn root(&self) -> &RootPayload {
        &self.root.read
    }

    /// The catalog, if one of `keys` signed it. Objects need no signature of their own: the root
    /// holds their hashes.
    pub fn verify(&self, keys: &TrustedKeys) -> Result<Catalog, SignatureError> {
        if !self.is_signed_by(keys) {
            return Err(SignatureError::Signature);
        }
        Ok(self.decode()?)
    }

    /// Whether one of `keys` signed it; it may be incomplete all the same.
    pub fn is_signed_by(&self, keys: &TrustedKeys) -> bool {
        let text = self.root.text.as_bytes();
        keys.verify(Purpose::CatalogCopy, text, &self.signature)
    }

    /// The catalog of a copy whose signature was verified before.
    pub fn decode(&self) -> Result<Catalog, ObjectError> {
        codec::decode(self.root(), &self.objects)
    }

    /// What orders copies of one archive: lineage, then epochs.
    pub fn version(&self) -> (u32, Epochs) {
        let root = self.root();
        (
            root.lineage,
            Epochs {
                data: root.data_epoch,
                placement: root.placement_epoch,
            },
        )
    }
}

#[expect(
    clippy::expect_used,
    reason = "a root of numbers and texts is always JSON; a default would be signed as if it were the root"
)]
fn text_of(root: &RootPayload) -> String {
    serde_json::to_string(root).expect("a root is JSON")
}
