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
    /// Root; agents compare lineage and epochs.
    pub root: RootPayload,
    /// Objects it refers to.
    pub objects: Objects,
    /// Hex.
    pub signature: String,
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
        let signature = key.sign(Purpose::CatalogCopy, &signed_text(&root));
        Self {
            root,
            objects,
            signature,
        }
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
        let text = signed_text(&self.root);
        keys.verify(Purpose::CatalogCopy, &text, &self.signature)
    }

    /// The catalog of a copy whose signature was verified before.
    pub fn decode(&self) -> Result<Catalog, ObjectError> {
        codec::decode(&self.root, &self.objects)
    }

    /// What orders copies of one archive: lineage, then epochs.
    pub fn version(&self) -> (u32, Epochs) {
        (
            self.root.lineage,
            Epochs {
                data: self.root.data_epoch,
                placement: self.root.placement_epoch,
            },
        )
    }
}

#[expect(
    clippy::expect_used,
    reason = "a root of numbers and texts is always JSON; a default would be signed as if it were the root"
)]
fn signed_text(root: &RootPayload) -> Vec<u8> {
    serde_json::to_vec(root).expect("a root is JSON")
}
