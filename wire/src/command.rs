//! Commands: the first packet of every exchange after the handshake.

use bytes::BufMut;
use bytes::{Bytes, BytesMut};
use mysql_common::Value;
use mysql_common::constants::{CapabilityFlags, Command as Code};
use mysql_common::io::{BufMutExt, ParseBuf};

use crate::codec::Fields;
use crate::error::WireError;
use crate::errors;
use crate::reply::ServerError;
use crate::statement::ExecuteRequest;
use crate::value::{Param, ValueError, bit, put_bitmap};

/// A named value that travels with a statement (query attributes of protocol 8.0.23).
#[derive(Debug, Clone, PartialEq)]
pub struct QueryAttribute {
    /// Name, as sent.
    pub name: String,
    /// Value with its type.
    pub param: Param,
}

impl QueryAttribute {
    /// An attribute with a string value.
    pub fn text(name: &str, value: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            param: Value::Bytes(value.into()).into(),
        }
    }

    /// An attribute with an unsigned value.
    pub fn number(name: &str, value: u64) -> Self {
        Self {
            name: name.to_owned(),
            param: Value::UInt(value).into(),
        }
    }
}

/// What COM_CHANGE_USER asks for. Nothing in it has been checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeUserRequest {
    /// Account name.
    pub user: String,
    /// Answer to the challenge of the handshake.
    pub scramble: Vec<u8>,
    /// New default database.
    pub database: Option<String>,
    /// Collation id asked for; 0 when not sent.
    pub collation: u16,
    /// Plugin the scramble was made with.
    pub plugin: Option<Vec<u8>>,
    /// Connection attributes.
    pub attributes: Vec<(String, String)>,
}

/// One command of a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// The client says good-bye; no answer is expected.
    Quit,
    /// Change the default database.
    InitDb(Bytes),
    /// Run a statement given as text, in the session's character set.
    Query {
        /// The statement.
        sql: Bytes,
        /// Attributes sent with it.
        attributes: Vec<QueryAttribute>,
    },
    /// Are you there?
    Ping,
    /// Forget the session's state, keep its user.
    ResetConnection,
    /// Become another user.
    ChangeUser(ChangeUserRequest),
    /// Switch multi-statements on or off.
    SetOption {
        /// Whether to switch them on.
        multi_statements: bool,
    },
    /// Stop what another connection runs, and that connection.
    ProcessKill {
        /// Connection id.
        connection: u32,
    },
    /// Prepare a statement.
    Prepare(Bytes),
    /// Run a prepared statement.
    Execute(ExecuteRequest),
    /// Part of a long parameter; no answer is expected.
    SendLongData {
        /// Statement id.
        statement: u32,
        /// Parameter index.
        param: u16,
        /// Bytes to append.
        data: Bytes,
    },
    /// Forget a prepared statement; no answer is expected.
    CloseStatement(u32),
    /// Forget long parameters and cursor of a statement.
    ResetStatement(u32),
    /// Fetch from a cursor.
    FetchStatement(u32),
    /// A line of text about the server.
    Statistics,
    /// The columns of a table.
    FieldList {
        /// The table.
        table: Bytes,
        /// Pattern of column names, as after LIKE; empty for all.
        wildcard: Bytes,
    },
    /// A command this protocol layer does not serve, by its number.
    Unsupported(u8),
}

impl Command {
    /// Reads a command packet of a session with the given capabilities.
    pub fn decode(payload: &Bytes, capabilities: CapabilityFlags) -> Result<Self, WireError> {
        const WHAT: &str = "command";
        let code = *payload
            .first()
            .ok_or(WireError::Malformed("empty command"))?;
        let body = payload.slice(1..);
        let mut buf = ParseBuf(&body);
        Ok(match code {
            code if code == Code::COM_QUIT as u8 => Self::Quit,
            code if code == Code::COM_INIT_DB as u8 => Self::InitDb(body),
            code if code == Code::COM_QUERY as u8 => decode_query(&body, capabilities)?,
            code if code == Code::COM_PING as u8 => Self::Ping,
            code if code == Code::COM_RESET_CONNECTION as u8 => Self::ResetConnection,
            code if code == Code::COM_CHANGE_USER as u8 => {
                Self::ChangeUser(decode_change_user(&body, capabilities)?)
            }
            code if code == Code::COM_SET_OPTION as u8 => Self::SetOption {
                multi_statements: decode_set_option(&mut buf)?,
            },
            code if code == Code::COM_PROCESS_KILL as u8 => Self::ProcessKill {
                connection: buf.u32_field(WHAT)?,
            },
            code if code == Code::COM_STMT_PREPARE as u8 => Self::Prepare(body),
            code if code == Code::COM_STMT_EXECUTE as u8 => {
                Self::Execute(ExecuteRequest::decode(&body, capabilities)?)
            }
            code if code == Code::COM_STMT_SEND_LONG_DATA as u8 => {
                let (statement, param) = (buf.u32_field(WHAT)?, buf.u16_field(WHAT)?);
                Self::SendLongData {
                    statement,
                    param,
                    data: body.slice_ref(buf.0),
                }
            }
            code if code == Code::COM_STMT_CLOSE as u8 => {
                Self::CloseStatement(buf.u32_field(WHAT)?)
            }
            code if code == Code::COM_STMT_RESET as u8 => {
                Self::ResetStatement(buf.u32_field(WHAT)?)
            }
            code if code == Code::COM_STMT_FETCH as u8 => {
                Self::FetchStatement(buf.u32_field(WHAT)?)
            }
            code if code == Code::COM_STATISTICS as u8 => Self::Statistics,
            code if code == Code::COM_FIELD_LIST as u8 => {
                let table = buf.null_str(WHAT)?;
                Self::FieldList {
                    table: body.slice_ref(table),
                    wildcard: body.slice_ref(buf.0),
                }
            }
            other => Self::Unsupported(other),
        })
    }

    /// The error that answers a command no part of the product serves: cursors, several statements
    /// in one text, unknown commands.
    pub fn refusal(&self) -> Option<ServerError> {
        match self {
            Self::FetchStatement(_) => Some(
                errors::NOT_SUPPORTED_PREPARED
                    .error("This command is not supported: cursors; fetch the whole result instead"),
            ),
            Self::SetOption {
                multi_statements: true,
            } => Some(errors::NOT_SUPPORTED.error(
                "This version of Orrery doesn't yet support 'several statements in one text'; send them one by one",
            )),
            Self::Unsupported(_) => Some(errors::unknown_command()),
            _ => None,
        }
    }
}

fn decode_set_option(buf: &mut ParseBuf<'_>) -> Result<bool, WireError> {
    match buf.u16_field("COM_SET_OPTION")? {
        0 => Ok(true),
        1 => Ok(false),
        _ => Err(WireError::Malformed("COM_SET_OPTION knows options 0 and 1")),
    }
}

fn decode_query(body: &Bytes, capabilities: CapabilityFlags) -> Result<Command, WireError> {
    const WHAT: &str = "query attributes";
    if !capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES) {
        return Ok(Command::Query {
            sql: body.clone(),
            attributes: Vec::new(),
        });
    }
    let mut buf = ParseBuf(body);
    let count = usize::try_from(buf.lenenc_int(WHAT)?).map_err(|_| WireError::Malformed(WHAT))?;
    if buf.lenenc_int(WHAT)? != 1 {
        return Err(WireError::Malformed(
            "query attributes: one set is expected",
        ));
    }
    let attributes = if count == 0 {
        Vec::new()
    } else {
        decode_attributes(&mut buf, count)?
    };
    Ok(Command::Query {
        sql: body.slice_ref(buf.0),
        attributes,
    })
}

fn decode_attributes(
    buf: &mut ParseBuf<'_>,
    count: usize,
) -> Result<Vec<QueryAttribute>, WireError> {
    const WHAT: &str = "query attributes";
    let bitmap = buf.bytes_field(count.div_ceil(8), WHAT)?;
    if buf.u8_field(WHAT)? != 1 {
        return Err(WireError::Malformed("query attributes without types"));
    }
    let mut heads = Vec::new();
    for _ in 0..count {
        let kind = Param::take_type(buf)?;
        heads.push((
            kind,
            String::from_utf8_lossy(buf.lenenc_str(WHAT)?).into_owned(),
        ));
    }
    let mut attributes = Vec::with_capacity(heads.len());
    for (index, (kind, name)) in heads.into_iter().enumerate() {
        let param = if bit(bitmap, index) {
            Param {
                column_type: kind.0,
                unsigned: kind.1,
                value: Value::NULL,
            }
        } else {
            Param::take_value(buf, kind)?
        };
        attributes.push(QueryAttribute { name, param });
    }
    Ok(attributes)
}

/// Appends the payload of COM_QUERY. Attributes are an error on a connection that has not
/// negotiated them.
pub(crate) fn encode_query(
    out: &mut BytesMut,
    sql: &[u8],
    attributes: &[QueryAttribute],
    capabilities: CapabilityFlags,
) -> Result<(), EncodeQueryError> {
    out.put_u8(Code::COM_QUERY as u8);
    if capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES) {
        out.put_lenenc_int(attributes.len() as u64);
        out.put_lenenc_int(1);
        if !attributes.is_empty() {
            put_attributes(out, attributes)?;
        }
    } else if !attributes.is_empty() {
        return Err(EncodeQueryError::AttributesNotNegotiated);
    }
    out.put_slice(sql);
    Ok(())
}

fn put_attributes(out: &mut BytesMut, attributes: &[QueryAttribute]) -> Result<(), ValueError> {
    put_bitmap(
        out,
        attributes
            .iter()
            .map(|attribute| attribute.param.value == Value::NULL),
        0,
    );
    out.put_u8(1);
    for attribute in attributes {
        attribute.param.put_type(out);
        out.put_lenenc_str(attribute.name.as_bytes());
    }
    attributes
        .iter()
        .try_for_each(|attribute| attribute.param.put_value(out))
}

/// Why a statement could not be put into a packet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeQueryError {
    #[error("the server does not take query attributes")]
    AttributesNotNegotiated,
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Wire(#[from] WireError),
}

fn decode_change_user(
    body: &Bytes,
    capabilities: CapabilityFlags,
) -> Result<ChangeUserRequest, WireError> {
    const WHAT: &str = "COM_CHANGE_USER";
    let mut buf = ParseBuf(body);
    let user = String::from_utf8_lossy(buf.null_str(WHAT)?).into_owned();
    let scramble_len = usize::from(buf.u8_field(WHAT)?);
    let scramble = buf.bytes_field(scramble_len, WHAT)?.to_vec();
    let database = String::from_utf8_lossy(buf.null_str(WHAT)?).into_owned();
    let mut request = ChangeUserRequest {
        user,
        scramble,
        database: (!database.is_empty()).then_some(database),
        ..ChangeUserRequest::default()
    };
    if buf.is_empty() {
        return Ok(request);
    }
    request.collation = buf.u16_field(WHAT)?;
    if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) && !buf.is_empty() {
        request.plugin = Some(buf.eat_null_str().to_vec());
    }
    if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) && !buf.is_empty() {
        request.attributes = decode_connect_attributes(&mut buf)?;
    }
    Ok(request)
}

/// Takes connection attributes: a total length, then names and values.
pub(crate) fn decode_connect_attributes(
    buf: &mut ParseBuf<'_>,
) -> Result<Vec<(String, String)>, WireError> {
    const WHAT: &str = "connection attributes";
    let mut buf = ParseBuf(buf.lenenc_str(WHAT)?);
    let mut attributes = Vec::new();
    while !buf.is_empty() {
        let name = String::from_utf8_lossy(buf.lenenc_str(WHAT)?).into_owned();
        let value = String::from_utf8_lossy(buf.lenenc_str(WHAT)?).into_owned();
        attributes.push((name, value));
    }
    Ok(attributes)
}

/// Appends connection attributes.
pub(crate) fn encode_connect_attributes(out: &mut BytesMut, attributes: &[(String, String)]) {
    let mut encoded = BytesMut::new();
    for (name, value) in attributes {
        encoded.put_lenenc_str(name.as_bytes());
        encoded.put_lenenc_str(value.as_bytes());
    }
    out.put_lenenc_str(&encoded);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::StatementParams;
    use proptest::prelude::*;

    #[test]
    fn a_list_of_fields_names_its_table_and_pattern() {
        let decode = |body: &'static [u8]| {
            Command::decode(&Bytes::from_static(body), CapabilityFlags::empty())
        };
        let asked = decode(b"\x04Object\0ra%").unwrap();
        let list = |table: &'static str, wildcard: &'static str| Command::FieldList {
            table: table.into(),
            wildcard: wildcard.into(),
        };
        assert_eq!(asked, list("Object", "ra%"));
        assert_eq!(decode(b"\x04Object\0").unwrap(), list("Object", ""));
        assert!(decode(b"\x04Object").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_command_panic(code in 0_u8..0x20, body in prop::collection::vec(any::<u8>(), 0..100), flags in any::<u32>()) {
            let payload: Bytes = [vec![code], body].concat().into();
            if let Ok(Command::Execute(request)) = Command::decode(&payload, CapabilityFlags::from_bits_truncate(flags)) {
                let _ = StatementParams::new(3).take(&request);
            }
        }

        #[test]
        fn attributes_and_text_survive(sql in ".{0,50}", names in prop::collection::vec(".{0,10}", 0..12)) {
            let capabilities = CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
            let attributes: Vec<_> = names.iter().enumerate().map(|(index, name)| match index % 3 {
                0 => QueryAttribute::text(name, name.clone()),
                1 => QueryAttribute::number(name, index as u64),
                _ => QueryAttribute { name: name.clone(), param: Value::NULL.into() },
            }).collect();
            let mut out = BytesMut::new();
            encode_query(&mut out, sql.as_bytes(), &attributes, capabilities).unwrap();
            let Command::Query { sql: got, attributes: found } = Command::decode(&out.freeze(), capabilities).unwrap() else {
                return Err(TestCaseError::fail("not a query"));
            };
            prop_assert_eq!(got, sql.as_bytes());
            prop_assert_eq!(found, attributes);
        }
    }
}
