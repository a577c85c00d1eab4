//! Packets that are as they should be.

use bytes::{BufMut, Bytes, BytesMut};
use orrery_czar_protocol::answer::data_epoch_state;
use orrery_czar_protocol::{Killer, Question};
use orrery_wire::command::QueryAttribute;
use orrery_wire::reply::{EOF_MARK, OK_MARK};
use orrery_wire::value::{encode_binary_row, encode_text_row, put_binary_value};
use orrery_wire::{CapabilityFlags, ColumnDef, ColumnType, OkPacket, ServerError, Value};

/// Capabilities of clients that know everything.
const ALL: [u8; 4] = [0xFF; 4];
/// Of those that know nothing but protocol 4.1.
const FEW: [u8; 4] = [0, 2, 0, 0];

/// Samples of everything that [`super::feed`] tells apart, its first five bytes included.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    let mut add = |what: u8, head: [u8; 4], body: &[u8]| {
        samples.push([&[what], &head[..], body].concat());
    };
    for command in commands() {
        add(0, ALL, &command);
        add(0, FEW, &command);
    }
    add(1, ALL, &executions(true));
    add(1, FEW, &executions(false));
    for reply in replies() {
        add(2, ALL, &reply);
        add(2, FEW, &reply);
    }
    add(3, ALL, &column("ra"));
    let (text, binary) = rows();
    add(4, [0, 0, 0, 0], &text);
    add(4, [2, 0, 0, 0], &binary);
    let frames: Vec<u8> = stream(&[b"\x03SELECT 1", b"", b"\x01"], 0);
    add(5, [0, 0, 0, 0], &frames);
    add(5, [200, 0, 0, 0], &[&frames[..], &[0xFF; 3], &[3]].concat());
    add(6, [0, 0, 0, 0], &stream(&[b"no handshake"], 1));
    add(6, [1, 0, 0, 0], &session());
    for binary in [0, 1] {
        add(7, [binary, 0, 0, 0], &server(binary == 1));
    }
    samples
}

/// Payloads as frames, the first with this number.
fn stream(payloads: &[&[u8]], first: u8) -> Vec<u8> {
    let mut out = BytesMut::new();
    for (number, payload) in (first..).zip(payloads) {
        out.put_uint_le(payload.len() as u64, 3);
        out.put_u8(number);
        out.put_slice(payload);
    }
    out.to_vec()
}

fn attributes(list: &[QueryAttribute]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u8(list.len() as u8);
    out.put_u8(1);
    out.put_bytes(0, list.len().div_ceil(8));
    out.put_u8(1);
    for attribute in list {
        out.put_u8(attribute.param.column_type as u8);
        out.put_u8(if attribute.param.unsigned { 0x80 } else { 0 });
        out.put_u8(attribute.name.len() as u8);
        out.put_slice(attribute.name.as_bytes());
    }
    for attribute in list {
        // A sample that cannot be written is a shorter one.
        let _ = put_binary_value(
            &mut out,
            &attribute.param.value,
            attribute.param.column_type,
        );
    }
    out.to_vec()
}

fn commands() -> Vec<Vec<u8>> {
    let question = Question {
        user: "ann",
        database: Some("sky"),
        time_zone: Some("SYSTEM"),
        max_rows: Some(5),
        min_data_epoch: 7,
        connection: "p-1:5",
        gather: true,
        ..Question::default()
    };
    let killer = Killer {
        user: "ann",
        anybodys: true,
    };
    let query = |list: &[QueryAttribute]| [b"\x03", &attributes(list)[..], b"SELECT 1"].concat();
    vec![
        b"\x03\0\x01SELECT 1".to_vec(),
        query(&question.attributes()),
        query(&killer.attributes()),
        b"\x01".to_vec(),
        b"\x02sky".to_vec(),
        b"\x16SELECT ?".to_vec(),
        b"\x0c\x05\0\0\0".to_vec(),
        b"\x1b\x01\0".to_vec(),
        b"\x04Object\0ra%".to_vec(),
        b"\x18\x01\0\0\0\0\0long data".to_vec(),
        [
            &b"\x11ann\0\x14"[..],
            &[7; 20],
            b"sky\0\x2d\0mysql_native_password\0\x04\x01a\x01b",
        ]
        .concat(),
    ]
}

/// An execution with types and one without, and long data before another.
fn executions(named: bool) -> Vec<u8> {
    let head = [0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0];
    let count: &[u8] = if named { &[3] } else { &[] };
    let name: &[u8] = if named { &[1, b'x'] } else { &[] };
    let kinds = [[8, 0], [253, 0], [12, 0]].map(|kind| [&kind, name].concat());
    let values = [
        &5_i64.to_le_bytes()[..],
        b"\x03abc",
        b"\x04\xea\x07\x01\x1f",
    ]
    .concat();
    let typed = [&head[..], count, &[0, 1], &kinds.concat(), &values].concat();
    let again = [&head[..], count, &[0b101, 0], b"\x01y"].concat();
    let long = b"\x18\x01\0\0\0\x01\0more".to_vec();
    let bodies = [typed, again.clone(), long, again];
    let with_length = |body: &Vec<u8>| [&[body.len() as u8], &body[..]].concat();
    [
        &[3][..],
        &bodies.iter().flat_map(with_length).collect::<Vec<u8>>(),
    ]
    .concat()
}

fn replies() -> Vec<Vec<u8>> {
    let ok = OkPacket {
        affected_rows: 70_000,
        info: "Rows matched: 1".into(),
        session_state: data_epoch_state(5),
        ..OkPacket::success()
    };
    let error = ServerError {
        code: 1064,
        sqlstate: *b"42000",
        message: "no".to_owned(),
    };
    let packet = |write: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        write(&mut out);
        out.to_vec()
    };
    vec![
        packet(&|out| ok.encode(OK_MARK, CapabilityFlags::all(), out)),
        packet(&|out| ok.encode(EOF_MARK, CapabilityFlags::empty(), out)),
        packet(&|out| ok.encode_eof(out)),
        packet(&|out| error.encode(CapabilityFlags::CLIENT_PROTOCOL_41, out)),
    ]
}

fn column(name: &'static str) -> Vec<u8> {
    let mut out = BytesMut::new();
    ColumnDef::expression(name, ColumnType::MYSQL_TYPE_VAR_STRING, 20).encode(&mut out);
    out.to_vec()
}

/// A row of text, and a binary one of a FLOAT and a DOUBLE.
fn rows() -> (Bytes, Bytes) {
    let cells: [&[u8]; 10] = [
        b"-7",
        b"18446744073709551615",
        b"1.5",
        b"1e300",
        b"0.10",
        b"2024-02-29",
        b"2024-02-29 01:02:03.5",
        b"-838:59:59.000",
        b"1999",
        b"\x01",
    ];
    let mut text = BytesMut::new();
    encode_text_row(&mut text, cells.iter().copied().map(Some).chain([None]));
    let columns = [ColumnType::MYSQL_TYPE_FLOAT, ColumnType::MYSQL_TYPE_DOUBLE]
        .map(|kind| ColumnDef::expression("c", kind, 20));
    let mut binary = BytesMut::new();
    let _ = encode_binary_row(&mut binary, &[Value::Float(1.5), Value::NULL], &columns);
    (text.freeze(), binary.freeze())
}

/// Capabilities, and what a client says once it is in: each command with the number 0.
fn session() -> Vec<u8> {
    let frames = commands().into_iter().map(|command| stream(&[&command], 0));
    [&ALL[..], &frames.collect::<Vec<_>>().concat()].concat()
}

/// What a server says to a client that logs in, and asks.
fn server(binary: bool) -> Vec<u8> {
    let mut greeting = BytesMut::from(&b"\x0a5.5.5-10.11.19-MariaDB\0\x01\0\0\0aaaaaaaa\0"[..]);
    let capabilities = CapabilityFlags::all().bits();
    greeting.put_u16_le(capabilities as u16);
    greeting.put_slice(&[45, 2, 0]);
    greeting.put_u16_le((capabilities >> 16) as u16);
    greeting.put_u8(21);
    greeting.put_bytes(0, 10);
    greeting.put_slice(b"bbbbbbbbbbbb\0mysql_native_password\0");
    let mut ok = BytesMut::new();
    OkPacket::success().encode(OK_MARK, CapabilityFlags::all(), &mut ok);
    let mut end = BytesMut::new();
    OkPacket::success().encode(EOF_MARK, CapabilityFlags::all(), &mut end);
    let column = column("c");
    let row: &[u8] = if binary { &[0, 0, 1, b'x'] } else { b"\x01x" };
    let prepared: &[u8] = &[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut words = stream(&[&greeting], 0);
    words.extend(stream(&[&ok], 2));
    if binary {
        words.extend(stream(&[prepared, &column], 1));
    }
    words.extend(stream(&[&[1], &column, row, &end], 1));
    words.extend(stream(&[&ok], 1));
    words
}
