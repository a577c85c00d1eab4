//! What a czar says of its answer: the dataEpoch it was made from, as a tracked session variable in
//! the answer's last packet; or that its shadow server was lost meanwhile, by an error's number.

use bytes::Bytes;
use orrery_wire::errors::{self, ErrorKind};
use orrery_wire::reply::{decode_tracked_variables, encode_tracked_variable};
use orrery_wire::{OkPacket, WireError};

/// The czar's shadow server was lost while it ran the statement, which may be what it died of.
pub const SHADOW_LOST: ErrorKind = errors::NET_READ_ERROR;

/// Asks, after an answer on the same connection, for its warnings: level, number and text of each
/// that is listed. The answer's last packet says how many there are.
pub const WARNINGS: &[u8] = b"SHOW WARNINGS";

/// The session variable.
const DATA_EPOCH: &str = "orrery_data_epoch";

/// Session state for the packet that ends an answer made from this dataEpoch. It is sent to clients
/// that track session state.
pub fn data_epoch_state(data_epoch: u64) -> Bytes {
    encode_tracked_variable(DATA_EPOCH, &data_epoch.to_string())
}

/// The dataEpoch that an answer was made from, by its last packet.
pub fn data_epoch(end: &OkPacket) -> Result<u64, WireError> {
    let variables = decode_tracked_variables(&end.session_state)?;
    let found = variables.into_iter().find(|(name, _)| name == DATA_EPOCH);
    let value = found.and_then(|(_, value)| value.parse().ok());
    value.ok_or(WireError::Malformed(
        "a czar's answer without its dataEpoch",
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(session_state: Bytes) -> OkPacket {
        OkPacket {
            session_state,
            ..OkPacket::success()
        }
    }

    proptest! {
        #[test]
        fn every_data_epoch_is_read_as_it_was_written(epoch in any::<u64>()) {
            prop_assert_eq!(data_epoch(&end(data_epoch_state(epoch))).unwrap(), epoch);
        }
    }

    #[test]
    fn an_answer_without_its_data_epoch_is_an_error() {
        assert!(data_epoch(&OkPacket::success()).is_err());
        assert!(data_epoch(&end(encode_tracked_variable(DATA_EPOCH, "soon"))).is_err());
        assert!(data_epoch(&end(encode_tracked_variable("autocommit", "1"))).is_err());
    }

    #[test]
    fn the_data_epoch_travels_as_a_session_variable() {
        assert_eq!(
            &data_epoch_state(42)[..],
            b"\x00\x15\x11orrery_data_epoch\x0242"
        );
    }
}
