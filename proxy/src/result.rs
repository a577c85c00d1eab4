//! Results made here, in either protocol.

use std::collections::BTreeSet;

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

    async fn write_text(
        &self,
        row: &[Value],
        writer: &mut ResponseWriter,
    ) -> Result<(), WireError> {
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

/// Whether a name matches a pattern as after LIKE, whatever the case.
pub fn is_like(name: &str, pattern: &str) -> bool {
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (name, pattern) = (lower(name), lower(pattern));
    // Places in the pattern that what has been read of the name can have led to.
    let mut places = BTreeSet::from([0]);
    pass_percents(&pattern, &mut places);
    for letter in name {
        let mut next = BTreeSet::new();
        for place in places {
            match pattern.get(place..).unwrap_or(&[]) {
                ['%', ..] => drop(next.insert(place)),
                ['\\', escaped, ..] if *escaped == letter => drop(next.insert(place + 2)),
                ['\\', _, ..] => {}
                [one, ..] if *one == '_' || *one == letter => drop(next.insert(place + 1)),
                _ => {}
            }
        }
        places = next;
        pass_percents(&pattern, &mut places);
    }
    places.contains(&pattern.len())
}

/// Adds the places behind a `%`, which may stand for nothing.
fn pass_percents(pattern: &[char], places: &mut BTreeSet<usize>) {
    for place in 0..pattern.len() {
        if places.contains(&place) && pattern.get(place) == Some(&'%') {
            places.insert(place + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn names_match_patterns_as_after_like() {
        for (name, pattern) in [
            ("objectId", "object%"),
            ("objectId", "OBJECTID"),
            ("a_b", "a\\_b"),
            ("ra", "r_"),
            ("ra", "%"),
        ] {
            assert!(is_like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [
            ("objectId", "object"),
            ("axb", "a\\_b"),
            ("ra", "r__"),
            ("", "_"),
        ] {
            assert!(!is_like(name, pattern), "{name} {pattern}");
        }
    }
}
