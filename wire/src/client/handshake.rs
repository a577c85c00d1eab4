//! From an endpoint to a logged-in connection, and COM_CHANGE_USER.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use mysql_common::constants::{CapabilityFlags, Command as Code};
use mysql_common::io::{BufMutExt, ParseBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::connection::{ClientConnection, State};
use super::error::ClientError;
use super::options::{ClientOptions, ClientTls, Endpoint};
use crate::auth::{AuthMethod, scramble};
use crate::codec::Fields;
use crate::command::encode_connect_attributes;
use crate::error::WireError;
use crate::packet::{PacketReader, PacketWriter};
use crate::reply::{EOF_MARK, ERR_MARK, OK_MARK, ServerError};
use crate::transport::{BoxedTransport, Prefixed};

/// First byte of additional authentication data.
const AUTH_MORE: u8 = 0x01;
/// caching_sha2_password: the scramble was right, OK follows.
const FAST_OK: u8 = 0x03;
/// caching_sha2_password: the server wants the password itself.
const FULL_NEEDED: u8 = 0x04;

/// The server's first packet.
struct Greeting {
    version: String,
    connection_id: u32,
    capabilities: CapabilityFlags,
    challenge: Vec<u8>,
    plugin: Vec<u8>,
}

impl ClientConnection {
    /// Connects and logs in, within `options.connect_timeout`.
    pub async fn connect(
        endpoint: &Endpoint,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let attempt = Self::connect_unbounded(endpoint, options);
        match tokio::time::timeout(options.connect_timeout, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ClientError::Timeout {
                endpoint: endpoint.clone(),
                seconds: options.connect_timeout.as_secs(),
            }),
        }
    }

    async fn connect_unbounded(
        endpoint: &Endpoint,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let (stream, local): (BoxedTransport, bool) = match endpoint {
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(WireError::from)?;
                stream.set_nodelay(true).map_err(WireError::from)?;
                (Box::new(stream), false)
            }
            Endpoint::Unix(path) => (
                Box::new(UnixStream::connect(path).await.map_err(WireError::from)?),
                true,
            ),
        };
        Self::over(stream, local, options).await
    }

    /// Logs in over a stream, for as long as that takes. `local`: nobody listens to it, so that the
    /// password itself may travel.
    pub async fn over(
        stream: BoxedTransport,
        local: bool,
        options: &ClientOptions,
    ) -> Result<Self, ClientError> {
        let (read, write) = tokio::io::split(stream);
        let mut reader = PacketReader::new(read, options.max_allowed_packet);
        let mut writer = PacketWriter::new(write);
        let first = reader.read().await?;
        if first.first() == Some(&ERR_MARK) {
            return Err(ClientError::Server(ServerError::decode(&first)?));
        }
        let greeting = parse_greeting(&first)?;
        let capabilities =
            wanted(options) & (greeting.capabilities | CapabilityFlags::CLIENT_CONNECT_ATTRS);
        writer.set_next_seq(reader.next_seq());
        if let Some(tls) = &options.tls {
            if !greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL) {
                return Err(ClientError::NoTls);
            }
            (reader, writer) = upgrade(reader, writer, tls, capabilities, options).await?;
        }
        let mut connection = Self {
            reader,
            writer,
            capabilities,
            options: Arc::new(options.clone()),
            connection_id: greeting.connection_id,
            server_version: greeting.version.clone(),
            state: State::Sent,
        };
        connection.respond(&greeting, options).await?;
        let private = local || options.tls.is_some();
        connection.finish_login(&options.password, private).await?;
        Ok(connection)
    }

    /// Becomes another user on the same connection; session state is gone whatever the outcome.
    pub async fn change_user(
        &mut self,
        user: &str,
        password: &str,
        database: Option<&str>,
    ) -> Result<(), ClientError> {
        let options = self.options.clone();
        let capabilities = self.capabilities;
        self.send(|out| {
            out.put_u8(Code::COM_CHANGE_USER as u8);
            out.put_slice(user.as_bytes());
            out.put_u8(0);
            // An answer to a challenge long used would be refused or, worse, replayed: the switch
            // request that follows brings a fresh challenge.
            out.put_u8(0);
            out.put_slice(database.unwrap_or("").as_bytes());
            out.put_u8(0);
            out.put_u16_le(u16::from(options.collation));
            out.put_slice(SWITCH_ME.as_bytes());
            out.put_u8(0);
            if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) {
                encode_connect_attributes(out, &options.attributes);
            }
        })
        .await?;
        let private = options.tls.is_some();
        self.finish_login(password, private).await
    }

    async fn respond(
        &mut self,
        greeting: &Greeting,
        options: &ClientOptions,
    ) -> Result<(), ClientError> {
        let capabilities = self.capabilities;
        let method = AuthMethod::from_plugin(&greeting.plugin).unwrap_or(AuthMethod::Native);
        let data = scramble(method, &greeting.challenge, options.password.as_bytes());
        self.writer
            .write_with(|out| {
                put_response_head(out, capabilities, options);
                out.put_slice(options.user.as_bytes());
                out.put_u8(0);
                out.put_u8_str(&data);
                if let Some(database) = &options.database {
                    out.put_slice(database.as_bytes());
                    out.put_u8(0);
                }
                out.put_slice(method.plugin().as_bytes());
                out.put_u8(0);
                if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) {
                    encode_connect_attributes(out, &options.attributes);
                }
            })
            .await?;
        self.writer.flush().await?;
        self.reader.set_next_seq(self.writer.next_seq());
        Ok(())
    }

    /// Answers the server's questions until it says OK or no. `private`: the password itself may
    /// travel.
    async fn finish_login(&mut self, password: &str, private: bool) -> Result<(), ClientError> {
        loop {
            let packet = self.reader.read().await?;
            match packet.first() {
                Some(&OK_MARK) => {
                    self.state = State::Idle;
                    return Ok(());
                }
                Some(&ERR_MARK) => return Err(ClientError::Server(ServerError::decode(&packet)?)),
                Some(&EOF_MARK) => {
                    let (method, fresh) = parse_switch(&packet)?;
                    self.answer(&scramble(method, &fresh, password.as_bytes()))
                        .await?;
                }
                Some(&AUTH_MORE) => match packet.get(1) {
                    Some(&FAST_OK) => {}
                    Some(&FULL_NEEDED) if private => {
                        let mut clear = password.as_bytes().to_vec();
                        clear.push(0);
                        self.answer(&clear).await?;
                    }
                    Some(&FULL_NEEDED) => {
                        return Err(ClientError::Auth(
                            "the server wants the password itself (caching_sha2_password) and the connection is \
                             not encrypted"
                                .to_owned(),
                        ));
                    }
                    _ => return Err(WireError::Malformed("authentication data").into()),
                },
                _ => return Err(WireError::Malformed("authentication packet").into()),
            }
        }
    }

    async fn answer(&mut self, data: &[u8]) -> Result<(), ClientError> {
        self.writer.set_next_seq(self.reader.next_seq());
        self.writer.write(data).await?;
        self.writer.flush().await?;
        self.reader.set_next_seq(self.writer.next_seq());
        Ok(())
    }
}

/// A plugin name no server has, so that it asks for a switch to the one it wants.
const SWITCH_ME: &str = "orrery_switch_request";

/// Capabilities asked for, before the server's are considered.
fn wanted(options: &ClientOptions) -> CapabilityFlags {
    use CapabilityFlags as C;
    let mut wanted = C::CLIENT_LONG_PASSWORD
        | C::CLIENT_LONG_FLAG
        | C::CLIENT_PROTOCOL_41
        | C::CLIENT_TRANSACTIONS
        | C::CLIENT_SECURE_CONNECTION
        | C::CLIENT_MULTI_RESULTS
        | C::CLIENT_PS_MULTI_RESULTS
        | C::CLIENT_PLUGIN_AUTH
        | C::CLIENT_QUERY_ATTRIBUTES;
    wanted.set(C::CLIENT_CONNECT_ATTRS, !options.attributes.is_empty());
    wanted.set(C::CLIENT_CONNECT_WITH_DB, options.database.is_some());
    wanted.set(C::CLIENT_SESSION_TRACK, options.session_track);
    wanted.set(C::CLIENT_DEPRECATE_EOF, options.deprecate_eof);
    wanted.set(C::CLIENT_LOCAL_FILES, options.load_local);
    wanted.set(C::CLIENT_SSL, options.tls.is_some());
    wanted
}

fn put_response_head(out: &mut BytesMut, capabilities: CapabilityFlags, options: &ClientOptions) {
    out.put_u32_le(capabilities.bits());
    out.put_u32_le(u32::try_from(options.max_allowed_packet).unwrap_or(u32::MAX));
    out.put_u8(options.collation);
    out.put_bytes(0, 23);
}

type Halves = (
    PacketReader<tokio::io::ReadHalf<BoxedTransport>>,
    PacketWriter<tokio::io::WriteHalf<BoxedTransport>>,
);

async fn upgrade(
    reader: PacketReader<tokio::io::ReadHalf<BoxedTransport>>,
    mut writer: PacketWriter<tokio::io::WriteHalf<BoxedTransport>>,
    tls: &ClientTls,
    capabilities: CapabilityFlags,
    options: &ClientOptions,
) -> Result<Halves, ClientError> {
    writer
        .write_with(|out| put_response_head(out, capabilities, options))
        .await?;
    writer.flush().await?;
    let next_seq = writer.next_seq();
    let (read, ahead) = reader.into_parts();
    let plain = Prefixed::new(ahead, read.unsplit(writer.into_inner()));
    let connector = TlsConnector::from(tls.config.clone());
    let encrypted = connector
        .connect(tls.server_name.clone(), plain)
        .await
        .map_err(ClientError::Tls)?;
    let boxed: BoxedTransport = Box::new(encrypted);
    let (read, write) = tokio::io::split(boxed);
    let mut writer = PacketWriter::new(write);
    writer.set_next_seq(next_seq);
    Ok((PacketReader::new(read, options.max_allowed_packet), writer))
}

fn parse_greeting(packet: &Bytes) -> Result<Greeting, WireError> {
    const WHAT: &str = "server greeting";
    let mut buf = ParseBuf(packet);
    if buf.u8_field(WHAT)? != 10 {
        return Err(WireError::Malformed(
            "server does not speak protocol version 10",
        ));
    }
    let version = String::from_utf8_lossy(buf.null_str(WHAT)?).into_owned();
    let connection_id = buf.u32_field(WHAT)?;
    let mut challenge = buf.bytes_field(8, WHAT)?.to_vec();
    buf.u8_field(WHAT)?;
    let low = buf.u16_field(WHAT)?;
    // Collation, status.
    buf.bytes_field(3, WHAT)?;
    let high = buf.u16_field(WHAT)?;
    let capabilities = CapabilityFlags::from_bits_truncate(u32::from(low) | u32::from(high) << 16);
    let challenge_len = usize::from(buf.u8_field(WHAT)?);
    buf.bytes_field(10, WHAT)?;
    if !capabilities
        .contains(CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_SECURE_CONNECTION)
    {
        return Err(WireError::Malformed("server does not speak protocol 4.1"));
    }
    let rest = buf.bytes_field(challenge_len.saturating_sub(8).max(13), WHAT)?;
    challenge.extend_from_slice(rest.strip_suffix(&[0]).unwrap_or(rest));
    let plugin = buf.eat_null_str().to_vec();
    let version = version
        .strip_prefix("5.5.5-")
        .unwrap_or(&version)
        .to_owned();
    Ok(Greeting {
        version,
        connection_id,
        capabilities,
        challenge,
        plugin,
    })
}

/// Which plugin the server wants instead, and its challenge.
fn parse_switch(packet: &[u8]) -> Result<(AuthMethod, Vec<u8>), ClientError> {
    let mut buf = ParseBuf(packet);
    buf.u8_field("auth switch request")?;
    let plugin = buf.null_str("auth switch request")?;
    let method = AuthMethod::from_plugin(plugin).ok_or_else(|| {
        ClientError::Auth(format!(
            "the server wants the plugin '{}'",
            String::from_utf8_lossy(plugin)
        ))
    })?;
    let challenge = buf.0.strip_suffix(&[0]).unwrap_or(buf.0);
    Ok((method, challenge.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_servers_handshake_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let _ = parse_greeting(&Bytes::from(bytes.clone()));
            let _ = parse_switch(&bytes);
        }
    }
}
