//! Prepared statements: the parts of COM_STMT_PREPARE and COM_STMT_EXECUTE that both sides share.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use mysql_common::Value;
use mysql_common::constants::{CapabilityFlags, ColumnType, Command as Code};
use mysql_common::io::{BufMutExt, ParseBuf};

use crate::codec::Fields;
use crate::error::WireError;
use crate::value::{Param, ValueError, bit, put_bitmap};

/// Flag bits of COM_STMT_EXECUTE that ask for a cursor.
const CURSOR_MASK: u8 = 0x07;
/// Flag bit: a parameter count is sent although the statement may have no parameters (query
/// attributes negotiated).
const COUNT_AVAILABLE: u8 = 0x08;

/// What COM_STMT_EXECUTE says before its parameters, which only [`StatementParams`] can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecuteRequest {
    /// Statement id.
    pub statement: u32,
    /// Cursor and parameter flags.
    flags: u8,
    /// Whether parameters carry names, as they do once query attributes are negotiated.
    named: bool,
    params: Bytes,
}

impl ExecuteRequest {
    /// Reads the fixed part.
    pub(crate) fn decode(body: &Bytes, capabilities: CapabilityFlags) -> Result<Self, WireError> {
        const WHAT: &str = "COM_STMT_EXECUTE";
        let mut buf = ParseBuf(body);
        let statement = buf.u32_field(WHAT)?;
        let flags = buf.u8_field(WHAT)?;
        // The iteration count has been 1 in every server and client there ever was.
        buf.u32_field(WHAT)?;
        let named = capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
        Ok(Self {
            statement,
            flags,
            named,
            params: body.slice_ref(buf.0),
        })
    }

    /// Whether the client wants to fetch rows through a cursor. Servers may ignore the wish and
    /// send all rows.
    pub fn wants_cursor(&self) -> bool {
        self.flags & CURSOR_MASK != 0
    }
}

/// What the server keeps between executions of one statement: its parameter types and long data.
#[derive(Debug, Default)]
pub struct StatementParams {
    count: usize,
    types: Vec<(ColumnType, bool)>,
    long_data: BTreeMap<u16, BytesMut>,
}

impl StatementParams {
    /// State of a statement with `count` parameters.
    pub fn new(count: usize) -> Self {
        Self {
            count,
            ..Self::default()
        }
    }

    /// Number of parameters.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Appends to a long parameter; refuses more than `limit` bytes over all parameters.
    pub fn append_long_data(
        &mut self,
        param: u16,
        data: &[u8],
        limit: usize,
    ) -> Result<(), WireError> {
        if usize::from(param) >= self.count {
            return Err(WireError::Malformed(
                "long data for a parameter the statement does not have",
            ));
        }
        let held: usize = self.long_data.values().map(BytesMut::len).sum();
        if held + data.len() > limit {
            return Err(WireError::PacketTooLarge { limit });
        }
        self.long_data.entry(param).or_default().put_slice(data);
        Ok(())
    }

    /// Forgets long data (COM_STMT_RESET, and after each execution).
    pub fn reset(&mut self) {
        self.long_data.clear();
    }

    /// The parameters of an execution, in order. Long data is used up.
    pub fn take(&mut self, request: &ExecuteRequest) -> Result<Vec<Param>, WireError> {
        const WHAT: &str = "statement parameters";
        let long_data = std::mem::take(&mut self.long_data);
        let mut buf = ParseBuf(&request.params);
        // Once query attributes are negotiated, their values follow the parameters and are counted
        // with them. The flag says that a count is there although the statement has no parameters;
        // with parameters it is there whatever the flag says.
        let mut sent = self.count;
        if request.named && (self.count > 0 || request.flags & COUNT_AVAILABLE != 0) {
            sent =
                usize::try_from(buf.lenenc_int(WHAT)?).map_err(|_| WireError::Malformed(WHAT))?;
        }
        if sent < self.count {
            return Err(WireError::Malformed(
                "fewer parameters than the statement has",
            ));
        }
        if sent == 0 {
            return Ok(Vec::new());
        }
        let bitmap = buf.bytes_field(sent.div_ceil(8), WHAT)?;
        if buf.u8_field(WHAT)? == 1 {
            self.types = take_types(&mut buf, sent, request.named)?;
        }
        if self.types.len() < self.count {
            return Err(WireError::Malformed(
                "statement executed before its parameters were given types",
            ));
        }
        let mut params = Vec::with_capacity(self.count);
        for (index, &kind) in self.types.iter().take(self.count).enumerate() {
            let long = u16::try_from(index)
                .ok()
                .and_then(|index| long_data.get(&index));
            params.push(match long {
                Some(data) => long_param(kind, data),
                None if bit(bitmap, index) => Param {
                    column_type: kind.0,
                    unsigned: kind.1,
                    value: Value::NULL,
                },
                None => Param::take_value(&mut buf, kind)?,
            });
        }
        Ok(params)
    }
}

fn take_types(
    buf: &mut ParseBuf<'_>,
    count: usize,
    named: bool,
) -> Result<Vec<(ColumnType, bool)>, WireError> {
    let mut types = Vec::new();
    for _ in 0..count {
        types.push(Param::take_type(buf)?);
        if named {
            buf.lenenc_str("parameter name")?;
        }
    }
    Ok(types)
}

/// Long data is bytes whatever type was bound, unless that type is a string or blob of its own.
fn long_param(kind: (ColumnType, bool), data: &BytesMut) -> Param {
    use ColumnType as T;
    let column_type = match kind.0 {
        T::MYSQL_TYPE_TINY_BLOB
        | T::MYSQL_TYPE_MEDIUM_BLOB
        | T::MYSQL_TYPE_LONG_BLOB
        | T::MYSQL_TYPE_BLOB
        | T::MYSQL_TYPE_STRING
        | T::MYSQL_TYPE_VAR_STRING
        | T::MYSQL_TYPE_VARCHAR => kind.0,
        _ => T::MYSQL_TYPE_BLOB,
    };
    Param {
        column_type,
        unsigned: false,
        value: Value::Bytes(data.chunk().to_vec()),
    }
}

/// Appends the payload of COM_STMT_EXECUTE without a cursor. `named` says that query attributes are
/// negotiated.
pub(crate) fn encode_execute(
    out: &mut BytesMut,
    statement: u32,
    params: &[Param],
    named: bool,
) -> Result<(), ValueError> {
    out.put_u8(Code::COM_STMT_EXECUTE as u8);
    out.put_u32_le(statement);
    out.put_u8(if named { COUNT_AVAILABLE } else { 0 });
    out.put_u32_le(1);
    if named {
        out.put_lenenc_int(params.len() as u64);
    }
    if params.is_empty() {
        return Ok(());
    }
    put_bitmap(
        out,
        params.iter().map(|param| param.value == Value::NULL),
        0,
    );
    out.put_u8(1);
    for param in params {
        param.put_type(out);
        if named {
            out.put_lenenc_str(b"");
        }
    }
    params.iter().try_for_each(|param| param.put_value(out))
}

/// The first packet of the answer to COM_STMT_PREPARE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOk {
    /// Id for later commands.
    pub statement: u32,
    /// Columns of the result, 0 if there is none.
    pub columns: u16,
    /// Parameters to be given.
    pub params: u16,
    /// Warnings of the preparation.
    pub warnings: u16,
}

impl PrepareOk {
    /// Reads the packet.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, WireError> {
        const WHAT: &str = "COM_STMT_PREPARE response";
        let mut buf = ParseBuf(payload);
        buf.u8_field(WHAT)?;
        let statement = buf.u32_field(WHAT)?;
        let (columns, params) = (buf.u16_field(WHAT)?, buf.u16_field(WHAT)?);
        buf.u8_field(WHAT)?;
        let warnings = if buf.len() >= 2 {
            buf.u16_field(WHAT)?
        } else {
            0
        };
        Ok(Self {
            statement,
            columns,
            params,
            warnings,
        })
    }

    /// Appends the packet.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.put_u8(0);
        out.put_u32_le(self.statement);
        out.put_u16_le(self.columns);
        out.put_u16_le(self.params);
        out.put_u8(0);
        out.put_u16_le(self.warnings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(
        params: &mut StatementParams,
        body: &[u8],
        capabilities: CapabilityFlags,
    ) -> Vec<Param> {
        let request = ExecuteRequest::decode(&Bytes::copy_from_slice(body), capabilities).unwrap();
        params.take(&request).unwrap()
    }

    /// As Connector/J and mysql-connector-python send it: query attributes negotiated, no flag, the
    /// count all the same.
    #[test]
    fn the_count_is_read_whenever_query_attributes_are_negotiated_and_there_are_parameters() {
        let head = [7, 0, 0, 0, 0, 1, 0, 0, 0];
        let body = [
            &head[..],
            &[2, 0b01, 1],
            &[0x06, 0, 0, 0x08, 0, 0],
            &5_i64.to_le_bytes(),
        ]
        .concat();
        let capabilities = CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
        let mut params = StatementParams::new(2);
        let values: Vec<_> = take(&mut params, &body, capabilities)
            .into_iter()
            .map(|param| param.value)
            .collect();
        assert_eq!(values, [Value::NULL, Value::Int(5)]);

        // Again, with the types of the first time.
        let again = [&head[..], &[2, 0b01, 0], &6_i64.to_le_bytes()].concat();
        let values = take(&mut params, &again, capabilities);
        assert_eq!(values[1].value, Value::Int(6));
    }

    #[test]
    fn without_query_attributes_the_bitmap_comes_first_whatever_the_flags_say() {
        for flags in [0, COUNT_AVAILABLE] {
            let body = [
                &[7, 0, 0, 0, flags, 1, 0, 0, 0][..],
                &[0b01, 1],
                &[0x06, 0, 0x08, 0],
                &5_i64.to_le_bytes(),
            ]
            .concat();
            let params = take(
                &mut StatementParams::new(2),
                &body,
                CapabilityFlags::empty(),
            );
            assert_eq!(params[0].value, Value::NULL);
            assert_eq!(params[1].value, Value::Int(5));
        }
    }

    #[test]
    fn attributes_of_an_execution_are_counted_with_its_parameters_and_passed_over() {
        let body = [
            &[7, 0, 0, 0, COUNT_AVAILABLE, 1, 0, 0, 0][..],
            &[2, 0, 1],
            &[0x08, 0, 0],
            &[0xFE, 0, 1, b'a'],
            &5_i64.to_le_bytes(),
            &[1, b'x'],
        ]
        .concat();
        let capabilities = CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
        let params = take(&mut StatementParams::new(1), &body, capabilities);
        assert_eq!(params.len(), 1);
        assert_eq!(params[0].value, Value::Int(5));
        let none = [&[7, 0, 0, 0, 0, 1, 0, 0, 0][..]].concat();
        assert!(take(&mut StatementParams::new(0), &none, capabilities).is_empty());
    }
}
