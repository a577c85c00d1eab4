//! Passwords on the wire: scrambles, and checking them against what is stored.
//!
//! Only digests are stored. A digest of a digest lets the server check a scramble without being
//! able to make one: `SHA1(SHA1(password))` for mysql_native_password and
//! `SHA256(SHA256(password))` for caching_sha2_password.

use rand::TryRngCore;
use rand::rngs::OsRng;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::error::WireError;

/// Length of the random challenge, bytes.
pub const SCRAMBLE_LEN: usize = 20;

/// Ways to prove a password that this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// `mysql_native_password`: SHA-1, understood by every client but MySQL 9's.
    Native,
    /// `caching_sha2_password`: SHA-256, MySQL 8's default.
    CachingSha2,
}

impl AuthMethod {
    /// Name of the plugin in the protocol.
    pub fn plugin(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
        }
    }

    /// The method a plugin name stands for.
    pub fn from_plugin(name: &[u8]) -> Option<Self> {
        [Self::Native, Self::CachingSha2]
            .into_iter()
            .find(|method| method.plugin().as_bytes() == name)
    }
}

/// What is stored about a password. With both digests every client logs in without sending the
/// password itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Verifier {
    /// `SHA1(SHA1(password))`.
    pub native: Option<[u8; 20]>,
    /// `SHA256(SHA256(password))`.
    pub sha2: Option<[u8; 32]>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("native", &self.native.is_some())
            .field("sha2", &self.sha2.is_some())
            .finish()
    }
}

impl Verifier {
    /// The verifier of a password, for both methods.
    pub fn from_password(password: &[u8]) -> Self {
        Self {
            native: Some(Sha1::digest(Sha1::digest(password)).into()),
            sha2: Some(Sha256::digest(Sha256::digest(password)).into()),
        }
    }

    /// Whether `scramble` proves the password for this challenge by the given method.
    /// `None` when nothing is stored for the method.
    pub fn check(&self, method: AuthMethod, challenge: &[u8], scramble: &[u8]) -> Option<bool> {
        match method {
            AuthMethod::Native => self
                .native
                .map(|stored| check_native(&stored, challenge, scramble)),
            AuthMethod::CachingSha2 => self
                .sha2
                .map(|stored| check_sha2(&stored, challenge, scramble)),
        }
    }

    /// Whether `password`, received in clear over TLS, is the stored one.
    pub fn check_password(&self, password: &[u8]) -> bool {
        let given = Self::from_password(password);
        match (self.sha2, self.native) {
            (Some(stored), _) => given.sha2.is_some_and(|digest| same(&stored, &digest)),
            (None, Some(stored)) => given.native.is_some_and(|digest| same(&stored, &digest)),
            (None, None) => false,
        }
    }
}

/// The scramble a client answers a challenge with; empty for an empty password.
pub fn scramble(method: AuthMethod, challenge: &[u8], password: &[u8]) -> Vec<u8> {
    let answer = match method {
        AuthMethod::Native => {
            mysql_common::scramble::scramble_native(challenge, password).map(Vec::from)
        }
        AuthMethod::CachingSha2 => {
            mysql_common::scramble::scramble_sha256(challenge, password).map(Vec::from)
        }
    };
    // There is none for an empty password.
    answer.unwrap_or(Vec::new())
}

/// A fresh challenge from the operating system, without zero bytes (they end it in the protocol)
/// and within ASCII (some clients treat it as text).
pub fn new_challenge() -> Result<[u8; SCRAMBLE_LEN], WireError> {
    let mut challenge = [0_u8; SCRAMBLE_LEN];
    OsRng
        .try_fill_bytes(&mut challenge)
        .map_err(|error| WireError::Io(std::io::Error::other(error)))?;
    for byte in &mut challenge {
        // 94 printable characters from '!' on: '$' and 0 must not occur.
        *byte = b'!' + *byte % 94;
        if *byte == b'$' {
            *byte = b'~';
        }
    }
    Ok(challenge)
}

/// `scramble = SHA1(p) XOR SHA1(challenge ‖ SHA1(SHA1(p)))`.
fn check_native(stored: &[u8; 20], challenge: &[u8], scramble: &[u8]) -> bool {
    let mask = Sha1::new()
        .chain_update(challenge)
        .chain_update(stored)
        .finalize();
    scramble.len() == mask.len() && same(&Sha1::digest(xor(scramble, &mask)), stored)
}

/// `scramble = SHA256(p) XOR SHA256(SHA256(SHA256(p)) ‖ challenge)`.
fn check_sha2(stored: &[u8; 32], challenge: &[u8], scramble: &[u8]) -> bool {
    let mask = Sha256::new()
        .chain_update(stored)
        .chain_update(challenge)
        .finalize();
    scramble.len() == mask.len() && same(&Sha256::digest(xor(scramble, &mask)), stored)
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(a, b)| a ^ b).collect()
}

/// Comparison whose time does not depend on where the difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |diff, (a, b)| diff | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_passes_by_either_method() {
        let verifier = Verifier::from_password(b"open sesame");
        let challenge = new_challenge().unwrap();
        for method in [AuthMethod::Native, AuthMethod::CachingSha2] {
            let right = scramble(method, &challenge, b"open sesame");
            assert_eq!(verifier.check(method, &challenge, &right), Some(true));
            let wrong = scramble(method, &challenge, b"open sesame!");
            assert_eq!(verifier.check(method, &challenge, &wrong), Some(false));
            assert_eq!(
                verifier.check(method, &new_challenge().unwrap(), &right),
                Some(false)
            );
            assert_eq!(verifier.check(method, &challenge, b""), Some(false));
            assert_eq!(Verifier::default().check(method, &challenge, &right), None);
        }
        assert!(verifier.check_password(b"open sesame"));
        assert!(!verifier.check_password(b""));
        assert!(!Verifier::default().check_password(b""));
    }

    #[test]
    fn the_native_digest_is_what_mariadb_stores() {
        // SELECT PASSWORD('secret') on MariaDB: *14E65567ABDB5135D0CFD9A70B3032C179A49EE7
        let expected = 0x14e6_5567_abdb_5135_u64.to_be_bytes();
        let native = Verifier::from_password(b"secret").native.unwrap();
        assert_eq!(native[..8], expected);
    }

    #[test]
    fn challenges_are_printable_and_differ() {
        let (one, two) = (new_challenge().unwrap(), new_challenge().unwrap());
        assert_ne!(one, two);
        assert!(one.iter().all(u8::is_ascii_graphic));
    }
}
