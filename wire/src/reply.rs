//! OK, EOF and ERR packets, both directions.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::io::{BufMutExt, ParseBuf};

use crate::codec::Fields;
use crate::error::WireError;

/// First byte of an OK packet.
pub const OK_MARK: u8 = 0x00;
/// First byte of an EOF packet, and of the OK packet that ends rows when EOF is deprecated.
pub const EOF_MARK: u8 = 0xFE;
/// First byte of an ERR packet.
pub const ERR_MARK: u8 = 0xFF;
/// A row may start with [`EOF_MARK`] (a cell of 16 MiB or more); shorter payloads with it are end
/// marks.
const EOF_MAX_LEN: usize = 0xFF_FFFF;

/// Success of a statement, or the end of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OkPacket {
    /// Rows changed.
    pub affected_rows: u64,
    /// AUTO_INCREMENT value made.
    pub last_insert_id: u64,
    /// Server status: autocommit, more results, ...
    pub status: StatusFlags,
    /// Number of warnings to be had from SHOW WARNINGS.
    pub warnings: u16,
    /// Human-readable remark.
    pub info: Bytes,
    /// Session state changes, still encoded; sent only to clients that asked for session tracking.
    pub session_state: Bytes,
}

impl OkPacket {
    /// Plain success with the autocommit bit.
    pub fn success() -> Self {
        Self::with_status(StatusFlags::SERVER_STATUS_AUTOCOMMIT, 0)
    }

    /// End of rows, or success, with the given status and warnings.
    pub fn with_status(status: StatusFlags, warnings: u16) -> Self {
        Self {
            status,
            warnings,
            ..Self::default()
        }
    }

    /// Whether another result follows this one.
    pub fn more_results(&self) -> bool {
        self.status
            .contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS)
    }

    /// Appends an OK packet that starts with `mark` ([`OK_MARK`] or [`EOF_MARK`]).
    pub fn encode(&self, mark: u8, capabilities: CapabilityFlags, out: &mut BytesMut) {
        out.put_u8(mark);
        out.put_lenenc_int(self.affected_rows);
        out.put_lenenc_int(self.last_insert_id);
        let tracks = capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK);
        let mut status = self.status;
        status.set(
            StatusFlags::SERVER_SESSION_STATE_CHANGED,
            tracks && !self.session_state.is_empty(),
        );
        out.put_u16_le(status.bits());
        out.put_u16_le(self.warnings);
        if !tracks {
            out.put_slice(&self.info);
        } else if !self.info.is_empty() || !self.session_state.is_empty() {
            out.put_lenenc_str(&self.info);
            if !self.session_state.is_empty() {
                out.put_lenenc_str(&self.session_state);
            }
        }
    }

    /// Appends a classic EOF packet.
    pub fn encode_eof(&self, out: &mut BytesMut) {
        out.put_u8(EOF_MARK);
        out.put_u16_le(self.warnings);
        out.put_u16_le(self.status.bits());
    }

    /// Reads an OK packet, whichever mark it starts with.
    pub fn decode(payload: &Bytes, capabilities: CapabilityFlags) -> Result<Self, WireError> {
        const WHAT: &str = "OK packet";
        let mut buf = ParseBuf(payload);
        buf.u8_field(WHAT)?;
        let affected_rows = buf.lenenc_int(WHAT)?;
        let last_insert_id = buf.lenenc_int(WHAT)?;
        let status = StatusFlags::from_bits_retain(buf.u16_field(WHAT)?);
        let warnings = buf.u16_field(WHAT)?;
        let (mut info, mut session_state) = (Bytes::new(), Bytes::new());
        if !capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK) {
            info = payload.slice_ref(buf.0);
        } else if !buf.is_empty() {
            info = payload.slice_ref(buf.lenenc_str(WHAT)?);
            if status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED) {
                session_state = payload.slice_ref(buf.lenenc_str(WHAT)?);
            }
        }
        Ok(Self {
            affected_rows,
            last_insert_id,
            status,
            warnings,
            info,
            session_state,
        })
    }

    /// Reads a classic EOF packet.
    pub fn decode_eof(payload: &[u8]) -> Result<Self, WireError> {
        const WHAT: &str = "EOF packet";
        let mut buf = ParseBuf(payload);
        buf.u8_field(WHAT)?;
        let warnings = buf.u16_field(WHAT)?;
        let status = StatusFlags::from_bits_retain(buf.u16_field(WHAT)?);
        Ok(Self::with_status(status, warnings))
    }

    /// Reads the packet that ends rows or definitions: EOF or OK, as negotiated.
    pub fn decode_end(payload: &Bytes, capabilities: CapabilityFlags) -> Result<Self, WireError> {
        if capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            Self::decode(payload, capabilities)
        } else {
            Self::decode_eof(payload)
        }
    }
}

/// Kind of session state change: a system variable has a new value.
const TRACK_SYSTEM_VARIABLES: u8 = 0;

/// Encodes one system variable's new value for [`OkPacket::session_state`].
pub fn encode_tracked_variable(name: &str, value: &str) -> Bytes {
    let mut change = BytesMut::new();
    change.put_lenenc_str(name.as_bytes());
    change.put_lenenc_str(value.as_bytes());
    let mut state = BytesMut::new();
    state.put_u8(TRACK_SYSTEM_VARIABLES);
    state.put_lenenc_str(&change);
    state.freeze()
}

/// Kind of session state change: another default database.
const TRACK_SCHEMA: u8 = 1;

/// Encodes a new default database for [`OkPacket::session_state`].
pub fn encode_tracked_schema(database: &str) -> Bytes {
    let mut change = BytesMut::new();
    change.put_lenenc_str(database.as_bytes());
    let mut state = BytesMut::new();
    state.put_u8(TRACK_SCHEMA);
    state.put_lenenc_str(&change);
    state.freeze()
}

/// The system variables that changed, as (name, value), among session state changes of any kind.
pub fn decode_tracked_variables(session_state: &[u8]) -> Result<Vec<(String, String)>, WireError> {
    const WHAT: &str = "session state change";
    let mut buf = ParseBuf(session_state);
    let mut variables = Vec::new();
    while !buf.is_empty() {
        let kind = buf.u8_field(WHAT)?;
        let mut change = ParseBuf(buf.lenenc_str(WHAT)?);
        while kind == TRACK_SYSTEM_VARIABLES && !change.is_empty() {
            let name = String::from_utf8_lossy(change.lenenc_str(WHAT)?).into_owned();
            let value = String::from_utf8_lossy(change.lenenc_str(WHAT)?).into_owned();
            variables.push((name, value));
        }
    }
    Ok(variables)
}

/// Whether a payload among rows is the end mark rather than a row.
pub fn is_end_of_rows(payload: &[u8]) -> bool {
    payload.first() == Some(&EOF_MARK) && payload.len() < EOF_MAX_LEN
}

/// An error a server reports: the number, the five-character state and the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// MySQL or MariaDB error number.
    pub code: u16,
    /// SQLSTATE.
    pub sqlstate: [u8; 5],
    /// Message for the user.
    pub message: String,
}

impl ServerError {
    /// Appends the ERR packet. The protocol sends no state before the handshake is answered.
    pub fn encode(&self, capabilities: CapabilityFlags, out: &mut BytesMut) {
        out.put_u8(ERR_MARK);
        out.put_u16_le(self.code);
        if capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
            out.put_u8(b'#');
            out.put_slice(&self.sqlstate);
        }
        out.put_slice(self.message.as_bytes());
    }

    /// Reads an ERR packet; the state is `HY000` when the server sent none.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        const WHAT: &str = "ERR packet";
        let mut buf = ParseBuf(payload);
        buf.u8_field(WHAT)?;
        let code = buf.u16_field(WHAT)?;
        let mut sqlstate = *b"HY000";
        if buf.0.first() == Some(&b'#') {
            sqlstate.copy_from_slice(
                buf.bytes_field(6, WHAT)?
                    .get(1..)
                    .ok_or(WireError::Malformed(WHAT))?,
            );
        }
        Ok(Self {
            code,
            sqlstate,
            message: String::from_utf8_lossy(buf.0).into_owned(),
        })
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}): {}",
            self.code,
            String::from_utf8_lossy(&self.sqlstate),
            self.message
        )
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(ok: &OkPacket, capabilities: CapabilityFlags) -> OkPacket {
        let mut out = BytesMut::new();
        ok.encode(OK_MARK, capabilities, &mut out);
        OkPacket::decode(&out.freeze(), capabilities).unwrap()
    }

    #[test]
    fn ok_packets_survive_with_and_without_session_tracking() {
        let ok = OkPacket {
            affected_rows: 70_000,
            last_insert_id: 3,
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            warnings: 7,
            info: "Rows matched: 1".into(),
            session_state: Bytes::new(),
        };
        assert_eq!(round_trip(&ok, CapabilityFlags::empty()), ok);
        assert_eq!(round_trip(&ok, CapabilityFlags::CLIENT_SESSION_TRACK), ok);
        let tracked = OkPacket {
            session_state: Bytes::from_static(b"\x01\x04\x03sky"),
            ..ok
        };
        let got = round_trip(&tracked, CapabilityFlags::CLIENT_SESSION_TRACK);
        assert_eq!(got.session_state, tracked.session_state);
        assert_eq!(
            round_trip(&tracked, CapabilityFlags::empty()).session_state,
            Bytes::new()
        );
    }

    #[test]
    fn tracked_variables_are_found_among_other_changes() {
        let mut state = BytesMut::from(&encode_tracked_schema("sky")[..]);
        state.extend_from_slice(&encode_tracked_variable("max_statement_time", "42"));
        let found = decode_tracked_variables(&state).unwrap();
        assert_eq!(found, [("max_statement_time".to_owned(), "42".to_owned())]);
        assert!(decode_tracked_variables(&state[..state.len() - 1]).is_err());
    }

    #[test]
    fn any_error_number_and_state_survive() {
        let error = ServerError {
            code: 4161,
            sqlstate: *b"HY000",
            message: "Unknown data type".to_owned(),
        };
        let mut out = BytesMut::new();
        error.encode(CapabilityFlags::CLIENT_PROTOCOL_41, &mut out);
        assert_eq!(ServerError::decode(&out).unwrap(), error);
    }

    #[test]
    fn a_row_that_starts_like_eof_but_is_16_mib_is_a_row() {
        let mut row = vec![0_u8; EOF_MAX_LEN];
        row[0] = EOF_MARK;
        assert!(!is_end_of_rows(&row));
        assert!(is_end_of_rows(&[EOF_MARK, 0, 0, 2, 0]));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_reply_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200), flags in proptest::num::u32::ANY) {
            let capabilities = CapabilityFlags::from_bits_truncate(flags);
            let payload = Bytes::from(bytes);
            let _ = OkPacket::decode(&payload, capabilities);
            let _ = OkPacket::decode_end(&payload, capabilities);
            let _ = OkPacket::decode_eof(&payload);
            let _ = decode_tracked_variables(&payload);
            let _ = ServerError::decode(&payload);
            let _ = crate::statement::PrepareOk::decode(&payload);
        }
    }
}
