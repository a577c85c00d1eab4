//! Results made here, in either protocol.

use orrery_wire::server::{ResponseWriter, WriteRowError};
use orrery_wire::value::put_text_value;
use orrery_wire::{ColumnDef, Format, OkPacket, Value, WireError};

/// A small result set.
#[derive(Clone, Debug, Default)]
pub struct LocalResult {
    /// Columns.
    pub columns: Vec<ColumnDef>,
    /// One value per column and row.
    pub rows: Vec<Vec<Value>>,
}

impl LocalResult {
    /// Writes the result set.
    pub async fn write(
        &self,
        format: Format,
        end: &OkPacket,
        writer: &mut ResponseWriter,
    ) -> Result<(), WireError> {
        writer.start_result(&self.columns).await?;
        for row in &self.rows {
            match format {
                Format::Text => self.write_text(row, writer).await?,
                Format::Binary => match writer.write_binary_row(row, &self.columns).await {
                    Ok(()) => {}
                    Err(WriteRowError::Wire(error)) => return Err(error),
                    Err(WriteRowError::Value(_)) => {
                        return Err(WireError::Malformed("value of a local result"));
                    }
                },
            }
        }
        writer.finish_result(end).await
    }

    async fn write_text(&self, row: &[Value], writer: &mut ResponseWriter) -> Result<(), WireError> {
        let mut encoded = bytes::BytesMut::new();
        for (value, column) in row.iter().zip(&self.columns) {
            put_text_value(&mut encoded, value, column);
        }
        writer.write_row_raw(&encoded).await
    }
}

/// Text, or NULL.
pub fn text(value: Option<impl Into<String>>) -> Value {
    value.map_or(Value::NULL, |text| Value::Bytes(text.into().into_bytes()))
}
