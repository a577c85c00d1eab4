//! Everything that is read from a peer. The first byte says what the others are, the next four which
//! capabilities were negotiated.

mod conversation;
mod peer;
pub(crate) mod samples;

use bytes::{Bytes, BytesMut};
use orrery_czar_protocol::answer::data_epoch;
use orrery_czar_protocol::{Killer, Question};
use orrery_wire::command::{Command, QueryAttribute};
use orrery_wire::reply::{EOF_MARK, OK_MARK, decode_tracked_variables};
use orrery_wire::statement::StatementParams;
use orrery_wire::value::{
    BinaryCells, TextCells, TextToBinary, encode_binary_row, encode_text_row, put_text_value,
};
use orrery_wire::{CapabilityFlags, ColumnDef, ColumnType, OkPacket, ServerError, Value};

/// Bytes of long data that a statement may have here.
const LONG_DATA: usize = 1 << 10;

/// Reads bytes as what their first byte says.
pub(crate) fn feed(bytes: &[u8]) {
    let Some((&[what, a, b, c, d], body)) = bytes.split_first_chunk::<5>() else {
        return;
    };
    let capabilities = CapabilityFlags::from_bits_truncate(u32::from_le_bytes([a, b, c, d]));
    let payload = Bytes::copy_from_slice(body);
    match what % 8 {
        0 => command(&payload, capabilities),
        1 => executions(body, capabilities),
        2 => replies(&payload, capabilities),
        3 => column(&payload),
        4 => text_row(body, a),
        5 => conversation::frames(body, a),
        6 => conversation::server(body, a & 1 == 1),
        _ => conversation::client(body, a & 1 == 1),
    }
}

fn command(payload: &Bytes, capabilities: CapabilityFlags) {
    let Ok(command) = Command::decode(payload, capabilities) else {
        return;
    };
    let _ = command.refusal();
    if let Command::Query { attributes, .. } = &command {
        check_attributes(attributes);
    }
}

/// What proxies say to czars and to each other.
fn check_attributes(attributes: &[QueryAttribute]) {
    if let Ok(question) = Question::from_attributes(attributes) {
        let again = question.attributes();
        assert_eq!(Question::from_attributes(&again), Ok(question));
    }
    if let Ok(killer) = Killer::from_attributes(attributes) {
        let again = killer.attributes();
        assert_eq!(Killer::from_attributes(&again), Ok(killer));
    }
}

/// Executions of one statement, each with its length before it: later ones use the types of the
/// first.
fn executions(bytes: &[u8], capabilities: CapabilityFlags) {
    let Some((&count, mut rest)) = bytes.split_first() else {
        return;
    };
    let mut params = StatementParams::new(usize::from(count));
    while let Some((&length, tail)) = rest.split_first() {
        let (body, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        match Command::decode(&Bytes::copy_from_slice(body), capabilities) {
            Ok(Command::Execute(request)) => {
                let _ = request.wants_cursor();
                if let Ok(values) = params.take(&request) {
                    assert_eq!(values.len(), usize::from(count));
                }
            }
            Ok(Command::SendLongData { param, data, .. }) => {
                let _ = params.append_long_data(param, &data, LONG_DATA);
            }
            Ok(Command::ResetStatement(_)) => params.reset(),
            _ => {}
        }
    }
}

fn replies(payload: &Bytes, capabilities: CapabilityFlags) {
    if let Ok(error) = ServerError::decode(payload) {
        let mut out = BytesMut::new();
        error.encode(CapabilityFlags::CLIENT_PROTOCOL_41, &mut out);
        assert_eq!(ServerError::decode(&out).ok(), Some(error));
    }
    let _ = OkPacket::decode_eof(payload);
    let _ = OkPacket::decode_end(payload, capabilities);
    let _ = decode_tracked_variables(payload);
    let Ok(ok) = OkPacket::decode(payload, capabilities) else {
        return;
    };
    let _ = data_epoch(&ok);
    for mark in [OK_MARK, EOF_MARK] {
        let mut out = BytesMut::new();
        ok.encode(mark, capabilities, &mut out);
        let again = OkPacket::decode(&out.freeze(), capabilities);
        let same = again.is_ok_and(|again| {
            (again.affected_rows, again.last_insert_id, again.warnings)
                == (ok.affected_rows, ok.last_insert_id, ok.warnings)
                && again.session_state == ok.session_state
        });
        assert!(same, "{ok:?}");
    }
}

fn column(payload: &Bytes) {
    let Ok(column) = ColumnDef::decode(payload) else {
        return;
    };
    let mut out = BytesMut::new();
    column.encode(&mut out);
    assert_eq!(ColumnDef::decode(&out.freeze()).ok(), Some(column));
}

/// A row of text, and as the binary protocol has it: of every type in turn, from the one that
/// `first` says.
fn text_row(row: &[u8], first: u8) {
    const TYPES: [ColumnType; 12] = [
        ColumnType::MYSQL_TYPE_TINY,
        ColumnType::MYSQL_TYPE_LONGLONG,
        ColumnType::MYSQL_TYPE_FLOAT,
        ColumnType::MYSQL_TYPE_DOUBLE,
        ColumnType::MYSQL_TYPE_NEWDECIMAL,
        ColumnType::MYSQL_TYPE_DATE,
        ColumnType::MYSQL_TYPE_DATETIME,
        ColumnType::MYSQL_TYPE_TIME,
        ColumnType::MYSQL_TYPE_YEAR,
        ColumnType::MYSQL_TYPE_BIT,
        ColumnType::MYSQL_TYPE_VAR_STRING,
        ColumnType::MYSQL_TYPE_NULL,
    ];
    let types = TYPES.iter().cycle().skip(usize::from(first) % TYPES.len());
    let columns = |count| -> Vec<ColumnDef> {
        let list = types.clone().take(count);
        list.map(|kind| ColumnDef::expression("c", *kind, 20))
            .collect()
    };
    if let Ok(cells) = TextCells::new(row).collect::<Result<Vec<_>, _>>() {
        let mut same = BytesMut::new();
        encode_text_row(&mut same, cells.iter().copied());
        assert!(TextCells::new(&same).eq(cells.iter().map(|cell| Ok(*cell))));
        let columns = columns(cells.len());
        let mut binary = BytesMut::new();
        if TextToBinary::new(&columns)
            .convert(row, &mut binary)
            .is_ok()
        {
            assert!(binary_row(&binary, &columns), "{row:?} as {columns:?}");
        }
    }
    binary_row(row, &columns(usize::from(first)));
}

/// Reads a binary row and writes it again; says whether it can be read.
fn binary_row(row: &[u8], columns: &[ColumnDef]) -> bool {
    let cells = BinaryCells::new(row, columns).and_then(Iterator::collect);
    let cells: Vec<Value> = match cells {
        Ok(cells) => cells,
        Err(_) => return false,
    };
    let mut text = BytesMut::new();
    for (cell, column) in cells.iter().zip(columns) {
        put_text_value(&mut text, cell, column);
    }
    let mut again = BytesMut::new();
    let written = encode_binary_row(&mut again, &cells, columns);
    assert!(written.is_ok(), "{written:?} of {cells:?}");
    let same = BinaryCells::new(&again, columns).and_then(Iterator::collect);
    let same: Vec<Value> = same.unwrap_or_default();
    // NaN is no number, and not the same as itself.
    assert_eq!(format!("{same:?}"), format!("{cells:?}"));
    true
}
