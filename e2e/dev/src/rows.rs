//! Rows as values and as text.

use anyhow::Context;
use orrery_archive::catalog::AcceptedTable;
use orrery_archive::names::ChunkId;

/// Chunk and sub-chunk of a row.
pub(crate) type Home = (ChunkId, u32);

/// Values of a row in the order of the table's columns; `None` is NULL.
pub type Row = Vec<Option<Vec<u8>>>;

/// A coordinate of a row's position.
pub(crate) fn number(cell: Option<&[u8]>) -> anyhow::Result<f64> {
    let cell = cell.context("a position is NULL")?;
    Ok(std::str::from_utf8(cell)?.parse()?)
}

/// A row's value of a column.
pub(crate) fn cell<'r>(
    row: &'r Row,
    table: &AcceptedTable,
    column: &str,
) -> anyhow::Result<Option<&'r [u8]>> {
    let place = table
        .columns
        .iter()
        .position(|candidate| candidate.name.eq_ignore_ascii_case(column));
    let place = place.with_context(|| format!("no column {column}"))?;
    let cell = row
        .get(place)
        .with_context(|| format!("a row has no field for {column}"))?;
    Ok(cell.as_deref())
}

/// Writes a row as LOAD DATA reads it.
pub(crate) fn write_row(row: &Row, home: Option<Home>, out: &mut Vec<u8>) {
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            out.push(b'\t');
        }
        let Some(cell) = cell else {
            out.extend_from_slice(b"\\N");
            continue;
        };
        for byte in cell {
            match byte {
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\\' => out.extend_from_slice(b"\\\\"),
                0 => out.extend_from_slice(b"\\0"),
                byte => out.push(*byte),
            }
        }
    }
    if let Some((chunk, sub_chunk)) = home {
        out.extend_from_slice(format!("\t{chunk}\t{sub_chunk}").as_bytes());
    }
    out.push(b'\n');
}
