//! Proving who the client is: one exchange, used by the handshake and by COM_CHANGE_USER.
//!
//! Rules:
//! * the client's own plugin is used when it is one of ours and a digest for it is stored. A client
//!   whose plugin is not the one the greeting named has not been challenged by it yet: its empty
//!   answer asks for a switch;
//! * otherwise, and when a SHA-2 scramble is wrong, caching_sha2_password's full path asks for the
//!   password itself (under TLS only), which is checked against whatever digest is stored;
//! * otherwise the client is asked to switch to a plugin a digest is stored for. There is no RSA
//!   exchange: without TLS a password never travels;
//! * an unknown user is treated exactly like a wrong password.

use tokio::io::{ReadHalf, WriteHalf};

use super::session::HandshakeError;
use crate::auth::{AuthMethod, SCRAMBLE_LEN, Verifier, new_challenge};
use crate::error::WireError;
use crate::errors;
use crate::packet::{PacketReader, PacketWriter};
use crate::transport::BoxedTransport;
use mysql_common::constants::CapabilityFlags;

use bytes::BufMut;

/// Where the accounts are.
pub trait Authenticator: Send + Sync {
    /// What is stored about the user's password; `None` when there is no such user (or it may not
    /// log in).
    fn verifier(&self, user: &str) -> Option<Verifier>;
}

impl<F: Fn(&str) -> Option<Verifier> + Send + Sync> Authenticator for F {
    fn verifier(&self, user: &str) -> Option<Verifier> {
        self(user)
    }
}

/// The method whose plugin the greeting names.
pub(super) const GREETED: AuthMethod = AuthMethod::Native;

/// First byte of an auth-switch request.
const AUTH_SWITCH: u8 = 0xFE;
/// First byte of additional authentication data.
const AUTH_MORE: u8 = 0x01;
/// caching_sha2_password: the scramble was right.
const FAST_OK: u8 = 0x03;
/// caching_sha2_password: send the password.
const FULL_NEEDED: u8 = 0x04;

/// How the client introduced itself.
pub(super) struct Offer<'a> {
    pub(super) user: String,
    /// Plugin the client used; `None` means native.
    pub(super) plugin: Option<Vec<u8>>,
    /// Its answer to the challenge.
    pub(super) data: Vec<u8>,
    pub(super) challenge: [u8; SCRAMBLE_LEN],
    /// The client's address, for messages.
    pub(super) peer: &'a str,
    pub(super) tls: bool,
    pub(super) capabilities: CapabilityFlags,
}

/// The packets of one authentication.
pub(super) struct Exchange<'c> {
    pub(super) reader: &'c mut PacketReader<ReadHalf<BoxedTransport>>,
    pub(super) writer: &'c mut PacketWriter<WriteHalf<BoxedTransport>>,
}

impl Exchange<'_> {
    /// Lets the client prove its password. Returns the user's name; success is answered by the
    /// caller. On a wrong password the client has the error already.
    pub(super) async fn authenticate(
        &mut self,
        offer: Offer<'_>,
        accounts: &impl Authenticator,
    ) -> Result<String, HandshakeError> {
        let stored = accounts.verifier(&offer.user);
        // An unknown user goes through the same steps with digests no password has.
        let verifier = stored.unwrap_or(Verifier {
            native: Some([0; 20]),
            sha2: Some([0; 32]),
        });
        let proof = self.prove(&offer, &verifier).await?;
        if proof.is_right {
            return Ok(offer.user);
        }
        let error = errors::access_denied(&offer.user, offer.peer, proof.gave_password);
        self.writer.set_next_seq(self.reader.next_seq());
        self.writer
            .write_with(|out| error.encode(offer.capabilities, out))
            .await?;
        self.writer.flush().await?;
        Err(HandshakeError::AccessDenied { user: offer.user })
    }

    async fn prove(&mut self, offer: &Offer<'_>, verifier: &Verifier) -> Result<Proof, WireError> {
        let plugin = offer
            .plugin
            .as_deref()
            .unwrap_or(GREETED.plugin().as_bytes());
        let method = AuthMethod::from_plugin(plugin);
        if offer.data.is_empty() && method == Some(GREETED) {
            // No password given: no account here goes without.
            return Ok(Proof {
                is_right: false,
                gave_password: false,
            });
        }
        match method {
            // MySQL 8 and 9: their plugin has not seen the challenge, which was made for another.
            Some(_) if offer.data.is_empty() => self.switch(offer, verifier).await,
            Some(method) => match verifier.check(method, &offer.challenge, &offer.data) {
                Some(is_right) => {
                    self.scramble_checked(method, is_right, offer.tls, verifier)
                        .await
                }
                None if method == AuthMethod::CachingSha2 && offer.tls => {
                    self.full_path(verifier).await
                }
                None => self.switch(offer, verifier).await,
            },
            None => self.switch(offer, verifier).await,
        }
    }

    /// Asks the client to start again with a plugin a digest is stored for, and a fresh challenge.
    async fn switch(&mut self, offer: &Offer<'_>, verifier: &Verifier) -> Result<Proof, WireError> {
        if !offer
            .capabilities
            .contains(CapabilityFlags::CLIENT_PLUGIN_AUTH)
        {
            return Ok(Proof {
                is_right: false,
                gave_password: !offer.data.is_empty(),
            });
        }
        let asked = offer.plugin.as_deref().and_then(AuthMethod::from_plugin);
        // MySQL 9 has no native plugin any more, so the client's own comes first.
        let method = match asked {
            Some(AuthMethod::CachingSha2) if verifier.sha2.is_some() => AuthMethod::CachingSha2,
            _ if verifier.native.is_some() => AuthMethod::Native,
            _ => AuthMethod::CachingSha2,
        };
        let challenge = new_challenge()?;
        let answer = self
            .ask(|out| {
                out.put_u8(AUTH_SWITCH);
                out.put_slice(method.plugin().as_bytes());
                out.put_u8(0);
                out.put_slice(&challenge);
                out.put_u8(0);
            })
            .await?;
        if answer.is_empty() {
            return Ok(Proof {
                is_right: false,
                gave_password: false,
            });
        }
        let is_right = verifier.check(method, &challenge, &answer).unwrap_or(false);
        self.scramble_checked(method, is_right, offer.tls, verifier)
            .await
    }

    /// caching_sha2_password announces a right scramble with a packet of its own, before OK. A
    /// wrong one leads to the full path under TLS, as in MySQL: some clients (PyMySQL before 1.1)
    /// get the scramble of a switch wrong.
    async fn scramble_checked(
        &mut self,
        method: AuthMethod,
        is_right: bool,
        tls: bool,
        verifier: &Verifier,
    ) -> Result<Proof, WireError> {
        if method == AuthMethod::CachingSha2 && is_right {
            self.writer.set_next_seq(self.reader.next_seq());
            self.writer.write(&[AUTH_MORE, FAST_OK]).await?;
            self.reader.set_next_seq(self.writer.next_seq());
        } else if method == AuthMethod::CachingSha2 && tls {
            return self.full_path(verifier).await;
        }
        Ok(Proof {
            is_right,
            gave_password: true,
        })
    }

    /// Asks for the password itself; the caller has made sure of TLS.
    async fn full_path(&mut self, verifier: &Verifier) -> Result<Proof, WireError> {
        let answer = self
            .ask(|out| out.put_slice(&[AUTH_MORE, FULL_NEEDED]))
            .await?;
        let password = answer.strip_suffix(&[0]).unwrap_or(&answer);
        Ok(Proof {
            is_right: verifier.check_password(password),
            gave_password: !password.is_empty(),
        })
    }

    async fn ask(
        &mut self,
        question: impl FnOnce(&mut bytes::BytesMut),
    ) -> Result<bytes::Bytes, WireError> {
        self.writer.set_next_seq(self.reader.next_seq());
        self.writer.write_with(question).await?;
        self.writer.flush().await?;
        self.reader.set_next_seq(self.writer.next_seq());
        self.reader.read().await
    }
}

/// The outcome of an exchange.
struct Proof {
    is_right: bool,
    gave_password: bool,
}
