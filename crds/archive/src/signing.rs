//! Keys of what the operator signs, Ed25519. The operator alone holds the private key; whoever checks
//! holds public keys, with which nothing can be signed.

use std::fmt;
use std::str::FromStr;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// Bytes of a public key.
const PUBLIC_KEY_BYTES: usize = 32;

/// Why a key is not used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The system gave no random bytes.
    #[error("no key was made: the system has no random bytes")]
    NotMade,
    /// Not a private key.
    #[error("not an Ed25519 private key in PKCS #8")]
    Private,
    /// A line that is no public key; lines count from 1.
    #[error("line {0} is not a public key: 64 hexadecimal digits are expected")]
    Public(usize),
    /// No key at all.
    #[error("no public key is listed")]
    None,
}

/// What a signature is for; one made for another purpose is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A copy of the catalog.
    CatalogCopy,
    /// An order to hand out a table.
    Export,
}

impl Purpose {
    /// What is signed.
    fn with(self, text: &[u8]) -> Vec<u8> {
        let purpose: &[u8] = match self {
            Self::CatalogCopy => b"orrery catalog copy\0",
            Self::Export => b"orrery export\0",
        };
        [purpose, text].concat()
    }
}

/// What signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

impl SigningKey {
    /// Makes a key.
    pub fn generate() -> Result<Self, KeyError> {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        Self::from_pkcs8(made.map_err(|_| KeyError::NotMade)?.as_ref())
    }

    /// The key of these bytes (PKCS #8, DER).
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            pair: Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Private)?,
            pkcs8: pkcs8.to_owned(),
        })
    }

    /// The key's bytes, for its Secret.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_KEY_BYTES];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The signature of `text` for this purpose, in hexadecimal digits.
    pub fn sign(&self, purpose: Purpose, text: &[u8]) -> String {
        hex::encode(self.pair.sign(&purpose.with(text)))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public())
    }
}

/// What checks signatures; shown as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; PUBLIC_KEY_BYTES]);

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The public keys that count, one or more; as text one a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// These keys; `None` when there is none.
    pub fn new(keys: Vec<PublicKey>) -> Option<Self> {
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Whether one of these keys signed `text` for this purpose; `signature` as
    /// [`SigningKey::sign`] gives it.
    pub fn verify(&self, purpose: Purpose, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        let text = purpose.with(text);
        let signed = |key: &PublicKey| {
            let key = UnparsedPublicKey::new(&ED25519, key.0);
            key.verify(&text, &signature).is_ok()
        };
        self.0.iter().any(signed)
    }
}

impl fmt::Display for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|key| writeln!(f, "{key}"))
    }
}

impl FromStr for TrustedKeys {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lines = text.lines().enumerate();
        let keys = lines.map(|(index, line)| {
            let mut bytes = [0; PUBLIC_KEY_BYTES];
            hex::decode_to_slice(line, &mut bytes).map_err(|_| KeyError::Public(index + 1))?;
            Ok(PublicKey(bytes))
        });
        Self::new(keys.collect::<Result<_, KeyError>>()?).ok_or(KeyError::None)
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyError, Purpose, SigningKey, TrustedKeys};

    #[test]
    fn keys_read_back_from_their_text_and_bytes() {
        let (one, other) = (
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        assert_ne!(one.public(), other.public());
        let again = SigningKey::from_pkcs8(one.pkcs8()).unwrap();
        assert_eq!(again.public(), one.public());
        let trusted = TrustedKeys::new(vec![one.public(), other.public()]).unwrap();
        assert_eq!(trusted.to_string().parse(), Ok(trusted));
    }

    #[test]
    fn what_is_no_key_is_an_error_and_never_trusted() {
        let key = SigningKey::generate().unwrap().public().to_string();
        let read = |text: &str| text.parse::<TrustedKeys>().unwrap_err();
        assert_eq!(read(""), KeyError::None);
        assert_eq!(read(&format!("{key}\n\n")), KeyError::Public(2));
        assert_eq!(read(&key[2..]), KeyError::Public(1));
        assert_eq!(
            SigningKey::from_pkcs8(key.as_bytes()).unwrap_err(),
            KeyError::Private
        );
    }

    #[test]
    fn a_signature_counts_for_its_purpose_and_text_alone() {
        let key = SigningKey::generate().unwrap();
        let trusted = TrustedKeys::new(vec![key.public()]).unwrap();
        let signature = key.sign(Purpose::Export, b"text");
        assert!(trusted.verify(Purpose::Export, b"text", &signature));
        assert!(!trusted.verify(Purpose::CatalogCopy, b"text", &signature));
        assert!(!trusted.verify(Purpose::Export, b"texts", &signature));
        assert!(!trusted.verify(Purpose::Export, b"text", "no digits"));
    }

    #[test]
    fn a_private_key_is_not_shown() {
        let key = SigningKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey({})", key.public()));
    }
}
