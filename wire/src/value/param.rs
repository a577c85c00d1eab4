//! Parameters: values that travel with their own type, in COM_STMT_EXECUTE and as query attributes.

use bytes::{BufMut, BytesMut};
use mysql_common::Value;
use mysql_common::constants::ColumnType;
use mysql_common::io::ParseBuf;

use super::binary::{put_binary_value, take_binary_value};
use super::error::ValueError;
use crate::codec::Fields;
use crate::error::WireError;

/// Set in the second byte of a parameter's type when it is unsigned.
const UNSIGNED: u8 = 0x80;

/// A value with the type its sender gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Protocol type.
    pub column_type: ColumnType,
    /// Whether an integer is unsigned.
    pub unsigned: bool,
    /// The value; NULL whatever the type.
    pub value: Value,
}

impl From<Value> for Param {
    fn from(value: Value) -> Self {
        let column_type = match &value {
            Value::NULL => ColumnType::MYSQL_TYPE_NULL,
            Value::Bytes(_) => ColumnType::MYSQL_TYPE_VAR_STRING,
            Value::Int(_) | Value::UInt(_) => ColumnType::MYSQL_TYPE_LONGLONG,
            Value::Float(_) => ColumnType::MYSQL_TYPE_FLOAT,
            Value::Double(_) => ColumnType::MYSQL_TYPE_DOUBLE,
            Value::Date(..) => ColumnType::MYSQL_TYPE_DATETIME,
            Value::Time(..) => ColumnType::MYSQL_TYPE_TIME,
        };
        Self {
            column_type,
            unsigned: matches!(value, Value::UInt(_)),
            value,
        }
    }
}

impl Param {
    /// Appends the two bytes that name the type.
    pub(crate) fn put_type(&self, out: &mut BytesMut) {
        out.put_u8(self.column_type as u8);
        out.put_u8(if self.unsigned { UNSIGNED } else { 0 });
    }

    /// Appends the value; nothing for NULL.
    pub(crate) fn put_value(&self, out: &mut BytesMut) -> Result<(), ValueError> {
        put_binary_value(out, &self.value, self.column_type)
    }

    /// Takes the two bytes that name a type: (type, unsigned).
    pub(crate) fn take_type(buf: &mut ParseBuf<'_>) -> Result<(ColumnType, bool), WireError> {
        let column_type = ColumnType::try_from(buf.u8_field("parameter type")?)
            .map_err(|_| WireError::Malformed("parameter type not known to the protocol"))?;
        Ok((column_type, buf.u8_field("parameter type")? & UNSIGNED != 0))
    }

    /// Takes a value of the given type.
    pub(crate) fn take_value(
        buf: &mut ParseBuf<'_>,
        (column_type, unsigned): (ColumnType, bool),
    ) -> Result<Self, WireError> {
        let value = take_binary_value(buf, column_type, unsigned)?;
        Ok(Self {
            column_type,
            unsigned,
            value,
        })
    }
}
