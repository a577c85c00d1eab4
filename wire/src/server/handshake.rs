//! From an accepted stream to a session: greeting, optional TLS, response, authentication.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use mysql_common::io::ParseBuf;
use tokio_rustls::TlsAcceptor;

use super::auth::{Authenticator, Exchange, GREETED, Offer};
use super::config::ServerConfig;
use super::connection::ServerConnection;
use super::halves::{Halves, frame};
use super::session::{HandshakeError, Session};
use super::writer::ResponseWriter;
use crate::auth::{SCRAMBLE_LEN, new_challenge};
use crate::codec::Fields;
use crate::command::decode_connect_attributes;
use crate::error::WireError;
use crate::errors;
use crate::packet::PacketWriter;
use crate::reply::ServerError;
use crate::transport::{BoxedTransport, Transport};
use mysql_common::constants::{CapabilityFlags, StatusFlags};

/// Payload limit before a client has proved who it is, bytes.
const HANDSHAKE_LIMIT: usize = 64 * 1024;
/// `utf8mb4_general_ci`, the collation announced in the greeting.
const DEFAULT_COLLATION: u8 = 45;

/// Clients older than 11.0 read a version that starts like this as "what follows is the real
/// version".
const MARIADB_PREFIX: &str = "5.5.5-";

/// What the server can do, TLS and query attributes aside. Nothing is offered that is then refused:
/// no several statements in one text, no sql_mode IGNORE_SPACE.
fn offered(config: &ServerConfig) -> CapabilityFlags {
    use CapabilityFlags as C;
    let mut offered = C::CLIENT_LONG_PASSWORD
        | C::CLIENT_FOUND_ROWS
        | C::CLIENT_LONG_FLAG
        | C::CLIENT_CONNECT_WITH_DB
        | C::CLIENT_ODBC
        | C::CLIENT_PROTOCOL_41
        | C::CLIENT_INTERACTIVE
        | C::CLIENT_TRANSACTIONS
        | C::CLIENT_SECURE_CONNECTION
        | C::CLIENT_MULTI_RESULTS
        | C::CLIENT_PS_MULTI_RESULTS
        | C::CLIENT_PLUGIN_AUTH
        | C::CLIENT_CONNECT_ATTRS
        | C::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | C::CLIENT_SESSION_TRACK
        | C::CLIENT_DEPRECATE_EOF;
    offered.set(C::CLIENT_SSL, config.tls.is_some());
    offered.set(C::CLIENT_QUERY_ATTRIBUTES, config.query_attributes);
    offered
}

/// The client's answer to the greeting.
struct Response {
    capabilities: CapabilityFlags,
    collation: u16,
    user: String,
    data: Vec<u8>,
    database: Option<String>,
    plugin: Option<Vec<u8>>,
    attributes: Vec<(String, String)>,
}

/// A client that has said who it is and has not proved it yet.
pub struct Introduced {
    halves: Halves,
    response: Response,
    capabilities: CapabilityFlags,
    challenge: [u8; SCRAMBLE_LEN],
    tls: bool,
    limits: Limits,
}

/// What of the configuration holds after log-in.
struct Limits {
    max_allowed_packet: usize,
    write_timeout: Option<std::time::Duration>,
}

impl Introduced {
    /// Greets a client and reads who it says it is. `connection_id` is what clients will quote in
    /// KILL. On failure the client has the error already. The caller bounds the time this may take.
    pub async fn greet(
        stream: impl Transport,
        config: &ServerConfig,
        connection_id: u32,
    ) -> Result<Self, HandshakeError> {
        let challenge = new_challenge()?;
        let offered = offered(config);
        let mut halves = frame(Box::new(stream), BytesMut::new(), HANDSHAKE_LIMIT);
        halves
            .1
            .write_with(|out| put_greeting(out, config, offered, connection_id, &challenge))
            .await?;
        halves.1.flush().await?;
        halves.0.set_next_seq(halves.1.next_seq());
        let first = halves.0.read().await?;
        let (halves, response, tls) = match receive_response(halves, first, config, offered).await?
        {
            Received::Response(halves, response, tls) => (halves, response, tls),
            Received::Refused(mut halves, error) => {
                refuse(&mut halves, &error).await?;
                return Err(error);
            }
        };
        Ok(Self {
            halves,
            capabilities: response.capabilities & offered,
            response,
            challenge,
            tls,
            limits: Limits {
                max_allowed_packet: config.max_allowed_packet,
                write_timeout: config.write_timeout,
            },
        })
    }

    /// Who it says it is; nothing of it is proved.
    pub fn claim(&self) -> Session {
        Session {
            user: self.response.user.clone(),
            database: self.response.database.clone(),
            collation: self.response.collation,
            attributes: self.response.attributes.clone(),
            tls: self.tls,
        }
    }

    /// Turns the client away before it has proved anything, and closes.
    pub async fn refuse(self, error: &ServerError) -> Result<(), WireError> {
        let (reader, mut writer) = self.halves;
        writer.set_next_seq(reader.next_seq());
        writer
            .write_with(|out| error.encode(self.capabilities, out))
            .await?;
        writer.shutdown().await
    }

    /// Has the client prove its password. `peer` is the client's address as it appears in messages.
    ///
    /// Success is not yet answered: the caller checks the database and its own limits, then writes
    /// OK or an error. On failure the client has the error already.
    pub async fn authenticate(
        self,
        peer: &str,
        accounts: &impl Authenticator,
    ) -> Result<(ServerConnection, Session), HandshakeError> {
        let session = self.claim();
        let offer = Offer {
            user: self.response.user,
            plugin: self.response.plugin,
            data: self.response.data,
            challenge: self.challenge,
            peer,
            tls: self.tls,
            capabilities: self.capabilities,
        };
        let (mut reader, mut writer) = self.halves;
        let user = Exchange {
            reader: &mut reader,
            writer: &mut writer,
        }
        .authenticate(offer, accounts)
        .await?;
        reader.set_limit(self.limits.max_allowed_packet);
        writer.set_timeout(self.limits.write_timeout);
        let mut writer = ResponseWriter::new(writer, self.capabilities);
        writer.begin_response(reader.next_seq());
        let connection = ServerConnection {
            reader,
            writer,
            challenge: self.challenge,
            tls: self.tls,
        };
        Ok((connection, Session { user, ..session }))
    }
}

impl ServerConnection {
    /// Greets a client and finds out who it is: [`Introduced::greet`], then
    /// [`Introduced::authenticate`].
    pub async fn handshake(
        stream: impl Transport,
        config: &ServerConfig,
        connection_id: u32,
        peer: &str,
        accounts: &impl Authenticator,
    ) -> Result<(Self, Session), HandshakeError> {
        Introduced::greet(stream, config, connection_id)
            .await?
            .authenticate(peer, accounts)
            .await
    }
}

enum Received {
    Response(Halves, Response, bool),
    Refused(Halves, HandshakeError),
}

/// Reads the response, after the switch to TLS when the client asks for it.
async fn receive_response(
    halves: Halves,
    first: Bytes,
    config: &ServerConfig,
    offered: CapabilityFlags,
) -> Result<Received, HandshakeError> {
    let Some(asked) = ParseBuf(&first).checked_eat_u32_le() else {
        return Ok(Received::Refused(halves, HandshakeError::BadHandshake));
    };
    let asked = CapabilityFlags::from_bits_truncate(asked);
    let (halves, packet, tls) = match (&config.tls, asked.contains(CapabilityFlags::CLIENT_SSL)) {
        (Some(tls), true) => {
            let mut halves = upgrade(halves, tls).await?;
            let packet = halves.0.read().await?;
            (halves, packet, true)
        }
        _ => (halves, first, false),
    };
    if config.require_tls && !tls {
        return Ok(Received::Refused(halves, HandshakeError::TlsRequired));
    }
    match parse_response(&packet, offered) {
        Ok(response) => Ok(Received::Response(halves, response, tls)),
        Err(_) => Ok(Received::Refused(halves, HandshakeError::BadHandshake)),
    }
}

/// Switches a framed stream to TLS; bytes read ahead belong to the TLS handshake.
async fn upgrade(
    halves: Halves,
    tls: &std::sync::Arc<rustls::ServerConfig>,
) -> Result<Halves, HandshakeError> {
    let next_seq = halves.0.next_seq();
    let (read, ahead) = halves.0.into_parts();
    let plain: BoxedTransport = read.unsplit(halves.1.into_inner());
    let stream = crate::transport::Prefixed::new(ahead, plain);
    let encrypted = TlsAcceptor::from(tls.clone())
        .accept(stream)
        .await
        .map_err(HandshakeError::Tls)?;
    let mut halves = frame(Box::new(encrypted), BytesMut::new(), HANDSHAKE_LIMIT);
    halves.0.set_next_seq(next_seq);
    Ok(halves)
}

async fn refuse(halves: &mut Halves, error: &HandshakeError) -> Result<(), WireError> {
    let answer = match error {
        HandshakeError::TlsRequired => errors::TLS_REQUIRED.error(
            "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        ),
        _ => errors::BAD_HANDSHAKE.error("Bad handshake"),
    };
    halves.1.set_next_seq(halves.0.next_seq());
    halves
        .1
        .write_with(|out| answer.encode(CapabilityFlags::CLIENT_PROTOCOL_41, out))
        .await?;
    halves.1.flush().await
}

fn put_greeting(
    out: &mut BytesMut,
    config: &ServerConfig,
    offered: CapabilityFlags,
    connection_id: u32,
    challenge: &[u8; SCRAMBLE_LEN],
) {
    let (first, second) = challenge.split_at(8);
    out.put_u8(10);
    if config.version.contains("MariaDB") {
        out.put_slice(MARIADB_PREFIX.as_bytes());
    }
    out.put_slice(config.version.as_bytes());
    out.put_u8(0);
    out.put_u32_le(connection_id);
    out.put_slice(first);
    out.put_u8(0);
    out.put_u16_le(offered.bits() as u16);
    out.put_u8(DEFAULT_COLLATION);
    out.put_u16_le(StatusFlags::SERVER_STATUS_AUTOCOMMIT.bits());
    out.put_u16_le((offered.bits() >> 16) as u16);
    out.put_u8(SCRAMBLE_LEN as u8 + 1);
    // Six reserved bytes and MariaDB's own capabilities, of which none is offered: with
    // CLIENT_LONG_PASSWORD set ("not MariaDB's extended protocol") clients do not look at them.
    out.put_bytes(0, 10);
    out.put_slice(second);
    out.put_u8(0);
    out.put_slice(GREETED.plugin().as_bytes());
    out.put_u8(0);
}

fn parse_response(packet: &Bytes, offered: CapabilityFlags) -> Result<Response, WireError> {
    const WHAT: &str = "handshake response";
    let mut buf = ParseBuf(packet);
    let asked = CapabilityFlags::from_bits_truncate(buf.u32_field(WHAT)?);
    if !asked.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
        return Err(WireError::Malformed("protocol older than 4.1"));
    }
    let capabilities = asked & offered;
    // The packet size a client announces limits what it sends, which the server limits anyway.
    buf.u32_field(WHAT)?;
    let collation = u16::from(buf.u8_field(WHAT)?);
    buf.bytes_field(23, WHAT)?;
    let user = String::from_utf8_lossy(buf.null_str(WHAT)?).into_owned();
    let data = if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
        buf.lenenc_str(WHAT)?.to_vec()
    } else if capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) {
        let length = usize::from(buf.u8_field(WHAT)?);
        buf.bytes_field(length, WHAT)?.to_vec()
    } else {
        buf.null_str(WHAT)?.to_vec()
    };
    let mut database = None;
    if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_WITH_DB) && !buf.is_empty() {
        let name = String::from_utf8_lossy(buf.eat_null_str()).into_owned();
        database = (!name.is_empty()).then_some(name);
    }
    let mut plugin = None;
    if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) && !buf.is_empty() {
        plugin = Some(buf.eat_null_str().to_vec()).filter(|name| !name.is_empty());
    }
    let mut attributes = Vec::new();
    if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) && !buf.is_empty() {
        attributes = decode_connect_attributes(&mut buf)?;
    }
    Ok(Response {
        capabilities,
        collation,
        user,
        data,
        database,
        plugin,
        attributes,
    })
}

/// Answers a client, instead of greeting it, why it cannot connect now (too many connections,
/// shutdown), and closes.
pub async fn refuse_connection(
    stream: impl Transport,
    error: &ServerError,
) -> Result<(), WireError> {
    let mut writer = PacketWriter::new(stream);
    // Before the greeting nothing is negotiated, so the error has the old form without a state.
    writer
        .write_with(|out| error.encode(CapabilityFlags::empty(), out))
        .await?;
    writer.shutdown().await
}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        io::Error::other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_clients_handshake_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120), flags in proptest::num::u32::ANY) {
            let _ = parse_response(&Bytes::from(bytes), CapabilityFlags::from_bits_truncate(flags));
        }
    }
}
