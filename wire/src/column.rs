//! Column definitions: what a result says about itself. Decoding and encoding lose nothing, so a
//! definition can be passed on untouched.

use bytes::{BufMut, Bytes, BytesMut};
use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::io::{BufMutExt, ParseBuf};

use crate::codec::Fields;
use crate::error::WireError;

/// Length of the fixed part of a definition: charset 2, length 4, type 1, flags 2, decimals 1,
/// filler 2.
const FIXED_LEN: u64 = 12;

/// One column of a result set, or one parameter of a prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Always `def` in today's servers.
    pub catalog: Bytes,
    /// Database of the table, empty for expressions.
    pub schema: Bytes,
    /// Alias of the table in the statement.
    pub table: Bytes,
    /// Name of the table.
    pub org_table: Bytes,
    /// Label of the column in the result.
    pub name: Bytes,
    /// Name of the column in the table.
    pub org_name: Bytes,
    /// Collation id of the values as sent; 63 is binary.
    pub charset: u16,
    /// Largest display length in bytes.
    pub length: u32,
    /// Type of the values.
    pub column_type: ColumnType,
    /// NOT NULL, UNSIGNED, keys and so on.
    pub flags: ColumnFlags,
    /// Digits after the point; 31 or 39 mean "not fixed".
    pub decimals: u8,
}

impl ColumnDef {
    /// An expression column (no table) with the given label and type; charset binary, no flags.
    pub fn expression(name: impl Into<Bytes>, column_type: ColumnType, length: u32) -> Self {
        Self {
            catalog: Bytes::from_static(b"def"),
            schema: Bytes::new(),
            table: Bytes::new(),
            org_table: Bytes::new(),
            name: name.into(),
            org_name: Bytes::new(),
            charset: 63,
            length,
            column_type,
            flags: ColumnFlags::empty(),
            decimals: 0,
        }
    }

    /// A text column (VARCHAR) in the given collation, no table.
    pub fn text(name: impl Into<Bytes>, collation: u16, length: u32) -> Self {
        Self {
            charset: collation,
            ..Self::expression(name, ColumnType::MYSQL_TYPE_VAR_STRING, length)
        }
    }

    /// Reads a definition (protocol 4.1, without MariaDB's extended metadata, which this crate
    /// never asks for).
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        const WHAT: &str = "column definition";
        let mut buf = ParseBuf(payload);
        let mut text = || buf.lenenc_str(WHAT).map(|part| payload.slice_ref(part));
        let (catalog, schema, table) = (text()?, text()?, text()?);
        let (org_table, name, org_name) = (text()?, text()?, text()?);
        if buf.lenenc_int(WHAT)? < FIXED_LEN {
            return Err(WireError::Malformed(WHAT));
        }
        let charset = buf.u16_field(WHAT)?;
        let length = buf.u32_field(WHAT)?;
        let column_type = ColumnType::try_from(buf.u8_field(WHAT)?)
            .map_err(|_| WireError::Malformed("column type not known to the protocol"))?;
        let flags = ColumnFlags::from_bits_retain(buf.u16_field(WHAT)?);
        let decimals = buf.u8_field(WHAT)?;
        Ok(Self {
            catalog,
            schema,
            table,
            org_table,
            name,
            org_name,
            charset,
            length,
            column_type,
            flags,
            decimals,
        })
    }

    /// Appends the definition as a packet payload.
    pub fn encode(&self, out: &mut BytesMut) {
        for part in [
            &self.catalog,
            &self.schema,
            &self.table,
            &self.org_table,
            &self.name,
            &self.org_name,
        ] {
            out.put_lenenc_str(part);
        }
        out.put_lenenc_int(FIXED_LEN);
        out.put_u16_le(self.charset);
        out.put_u32_le(self.length);
        out.put_u8(self.column_type as u8);
        out.put_u16_le(self.flags.bits());
        out.put_u8(self.decimals);
        out.put_u16_le(0);
    }

    /// Whether integer values are unsigned.
    pub fn is_unsigned(&self) -> bool {
        self.flags.contains(ColumnFlags::UNSIGNED_FLAG)
    }
}

/// The columns of a result as they were received: to be passed on without being read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawColumns(pub(crate) Vec<Bytes>);

impl RawColumns {
    /// Reads them.
    pub fn decode(&self) -> Result<Vec<ColumnDef>, WireError> {
        self.0.iter().map(ColumnDef::decode).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_survives_the_round_trip_untouched() {
        let column = ColumnDef {
            catalog: "def".into(),
            schema: "sky".into(),
            table: "o".into(),
            org_table: "Object".into(),
            name: "ra".into(),
            org_name: "ra_PS".into(),
            charset: 63,
            length: 22,
            column_type: ColumnType::MYSQL_TYPE_DOUBLE,
            flags: ColumnFlags::from_bits_retain(0x9021),
            decimals: 31,
        };
        let mut packet = BytesMut::new();
        column.encode(&mut packet);
        assert_eq!(ColumnDef::decode(&packet.freeze()).unwrap(), column);
    }

    #[test]
    fn a_short_definition_is_refused() {
        let mut packet = BytesMut::new();
        ColumnDef::expression("x", ColumnType::MYSQL_TYPE_LONG, 11).encode(&mut packet);
        let packet = packet.freeze();
        // The two filler bytes at the end carry nothing.
        for cut in 0..packet.len() - 2 {
            assert!(
                ColumnDef::decode(&packet.slice(..cut)).is_err(),
                "cut at {cut}"
            );
        }
    }
}
