//! Packets in a stream, and whole conversations with a peer that says what it likes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use orrery_wire::auth::Verifier;
use orrery_wire::client::{ClientConnection, ClientError, ClientOptions, Next, Response};
use orrery_wire::command::Command;
use orrery_wire::packet::{HEADER_LEN, PacketReader, Visit};
use orrery_wire::server::{ServerConfig, ServerConnection};
use orrery_wire::statement::StatementParams;
use orrery_wire::{OkPacket, WireError};

use super::peer::{Peer, introduction};

/// Largest payload that is taken here.
const LIMIT: usize = 4 << 10;
/// Name and password of the one who logs in.
const ANN: &str = "ann";

/// What a future gives that waits for nothing but its peer, which always has an answer.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Payloads, however the stream is cut, are those that its frames say.
pub(super) fn frames(bytes: &[u8], piece: u8) {
    let expected = plainly(bytes);
    let peer = Peer::saying(bytes, piece);
    let mut reader = PacketReader::new(peer, LIMIT);
    let mut payloads = Vec::new();
    let ended = now(async {
        loop {
            let mut seen = None;
            match reader.visit(|payload| {
                seen = Some(Bytes::copy_from_slice(payload));
                payload.len() % 2 == 0
            }) {
                Ok(Visit::Taken) => payloads.extend(seen),
                Ok(Visit::Left) => match reader.read().await {
                    Ok(payload) => payloads.push(payload),
                    Err(error) => return error,
                },
                Ok(Visit::NeedBytes) => {
                    if let Err(error) = reader.more().await {
                        return error;
                    }
                }
                Err(error) => return error,
            }
        }
    });
    assert_eq!(payloads, expected, "{ended:?}");
    if matches!(ended, Some(WireError::PacketTooLarge { .. })) {
        let _ = now(reader.skip_oversized());
    }
}

/// The payloads before the first that is too large, out of order or cut off.
fn plainly(mut bytes: &[u8]) -> Vec<Bytes> {
    let mut payloads = Vec::new();
    let mut expected = 0_u8;
    while let Some((&[a, b, c, seq], rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        let Some(payload) = rest.get(..length).filter(|_| length <= LIMIT) else {
            break;
        };
        if seq != expected {
            break;
        }
        expected = expected.wrapping_add(1);
        payloads.push(Bytes::copy_from_slice(payload));
        bytes = rest.get(length..).unwrap_or_default();
    }
    payloads
}

/// A client that proves who it is when `knows`, and then says what it likes.
pub(super) fn server(bytes: &[u8], knows: bool) {
    let config = ServerConfig {
        max_allowed_packet: LIMIT,
        ..ServerConfig::default()
    };
    let accounts = |user: &str| (user == ANN).then(|| Verifier::from_password(ANN.as_bytes()));
    let peer = match bytes.split_first_chunk::<4>() {
        Some((capabilities, words)) if knows => {
            let capabilities = u32::from_le_bytes(*capabilities);
            let answer = move |heard: &[u8]| introduction(heard, capabilities, ANN);
            Peer::answering(Box::new(answer), words)
        }
        _ => Peer::saying(bytes, 7),
    };
    let talk = async {
        let handshake = ServerConnection::handshake(peer, &config, 1, "10.0.0.1", &accounts);
        let Ok((mut connection, _)) = handshake.await else {
            return;
        };
        let mut params = StatementParams::new(3);
        while let Ok(command) = connection.read_command().await {
            let ok = match command {
                Command::Execute(request) => params.take(&request).is_ok(),
                Command::SendLongData { param, data, .. } => {
                    params.append_long_data(param, &data, LIMIT).is_ok()
                }
                Command::ChangeUser(request) => {
                    let changed = connection.change_user(request, "10.0.0.1", &accounts);
                    changed.await.is_ok()
                }
                Command::Quit => false,
                _ => true,
            };
            if !ok
                || connection
                    .writer()
                    .write_ok(&OkPacket::success())
                    .await
                    .is_err()
            {
                return;
            }
        }
    };
    assert!(now(talk).is_some(), "a server waits for nothing");
}

/// A server that says what it likes, to one who asks for rows, as text or `binary`.
pub(super) fn client(bytes: &[u8], binary: bool) {
    let options = ClientOptions {
        user: ANN.to_owned(),
        password: ANN.to_owned(),
        max_allowed_packet: LIMIT,
        session_track: true,
        ..ClientOptions::default()
    };
    let talk = async {
        let peer = Peer::saying(bytes, 11);
        let mut connection = ClientConnection::over(Box::new(peer), true, &options).await?;
        let response = if binary {
            let prepared = connection.prepare(b"SELECT ?").await?;
            connection.execute(&prepared, &[]).await
        } else {
            connection.query(b"SELECT 1").await
        };
        if let Response::Rows(_) = response? {
            while let Next::Row(_) = connection.next_row().await? {}
        }
        connection.drain().await?;
        connection.reset().await?;
        connection.change_user(ANN, ANN, None).await?;
        connection.quit().await
    };
    let talked: Option<Result<(), ClientError>> = now(talk);
    assert!(talked.is_some(), "a client waits for nothing");
}
