//! The copy of the catalog that the operator leaves at every agent, signed, for czars that cannot
//! reach the cluster API.

use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::codec::{self, Encoded};
use super::model::{Catalog, Epochs, RootPayload};
use super::objects::{ObjectError, Objects};

/// A catalog with the operator's signature (HMAC-SHA256 with the key of Secret
/// `orrery-catalog-key`).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SignedCatalog {
    /// Root; agents compare lineage and epochs without the key.
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
    pub fn sign(catalog: &Catalog, key: &[u8]) -> Self {
        let Encoded { root, objects } = codec::encode(catalog);
        let signature = hex::encode(mac(&root, key).finalize().into_bytes());
        Self {
            root,
            objects,
            signature,
        }
    }

    /// The catalog, if the signature verifies. Objects need no signature of their own: the root
    /// holds their hashes.
    pub fn verify(&self, key: &[u8]) -> Result<Catalog, SignatureError> {
        let signature = hex::decode(&self.signature).map_err(|_| SignatureError::Signature)?;
        mac(&self.root, key)
            .verify_slice(&signature)
            .map_err(|_| SignatureError::Signature)?;
        Ok(self.decode()?)
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
    reason = "HMAC takes keys of any length, and a root of numbers and texts is always JSON; a default would be signed as if it were the root"
)]
fn mac(root: &RootPayload, key: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key length");
    let text = serde_json::to_string(root).expect("a root is JSON");
    mac.update(text.as_bytes());
    mac
}
