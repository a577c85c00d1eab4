//! The sample sky as tables.

use anyhow::Context;
use orrery_crds::kinds::{ChunkedTableSpec, ReferenceTableSpec};
use orrery_sample_sky::manifests::Manifests;
use orrery_sample_sky::{OVERLAP, STRIPES, SUB_STRIPES, Sky, Table};
use serde_json::Value;

use crate::archive::{Declaration, Shape, TableData};
use crate::rows::Row;

/// The sample sky's grid over some workers.
pub fn shape(workers: u32, replicas: u32) -> Shape {
    Shape {
        workers,
        replicas,
        stripes: STRIPES,
        sub_stripes: SUB_STRIPES,
        overlap: OVERLAP,
        index_chunks: 4,
    }
}

/// Tables of database `sky`: declarations as users write them, rows cut into `segments` ingests.
pub fn tables(objects: u64, seed: u64, segments: u32) -> anyhow::Result<Vec<TableData>> {
    some_tables(&Table::ALL, objects, seed, segments)
}

/// Some of the tables of database `sky`.
pub fn some_tables(
    wanted: &[Table],
    objects: u64,
    seed: u64,
    segments: u32,
) -> anyhow::Result<Vec<TableData>> {
    let manifests = Manifests {
        objects,
        seed,
        files: 1,
        base_url: "http://localhost".to_owned(),
        namespace: "dev".to_owned(),
        pool: "dev".to_owned(),
        replicas: 2,
    };
    let documents = manifests.documents()?;
    let sky = Sky::new(objects, seed)?;
    let mut tables = Vec::new();
    for &table in wanted {
        let parts = if table == Table::Filter { 1 } else { segments };
        let rows = (0..parts)
            .map(|part| Ok(rows(sky.part(table, part, parts)?.blocks())))
            .collect::<anyhow::Result<_>>()?;
        tables.push(TableData {
            declaration: declaration(&documents, table)?,
            segments: rows,
        });
    }
    Ok(tables)
}

fn declaration(documents: &[Value], table: Table) -> anyhow::Result<Declaration> {
    let is_it = |document: &&Value| {
        document.pointer("/spec/table").and_then(Value::as_str) == Some(table.name())
    };
    let document = documents
        .iter()
        .find(is_it)
        .with_context(|| format!("no manifest of {table}"))?;
    let spec = document.get("spec").cloned().unwrap_or_default();
    Ok(match table {
        Table::Filter => {
            Declaration::Reference(serde_json::from_value::<ReferenceTableSpec>(spec)?)
        }
        Table::Object | Table::Source => {
            Declaration::Chunked(serde_json::from_value::<ChunkedTableSpec>(spec)?)
        }
    })
}

/// Rows of a file: fields separated by commas, backslash escapes, `\N` for NULL.
fn rows(blocks: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Row> {
    let mut rows = Vec::new();
    for block in blocks {
        let lines = block.as_ref().split(|byte| *byte == b'\n');
        rows.extend(lines.filter(|line| !line.is_empty()).map(fields));
    }
    rows
}

fn fields(line: &[u8]) -> Row {
    let mut row = Vec::new();
    let mut field = Some(Vec::new());
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' => row.push(field.replace(Vec::new())),
            b'\\' => match bytes.next() {
                Some(b'N') => field = None,
                Some(b'n') => push(&mut field, b'\n'),
                Some(b't') => push(&mut field, b'\t'),
                Some(byte) => push(&mut field, *byte),
                None => {}
            },
            byte => push(&mut field, *byte),
        }
    }
    row.push(field);
    row
}

fn push(field: &mut Option<Vec<u8>>, byte: u8) {
    if let Some(field) = field {
        field.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were_written() {
        let row = fields(b"1,\\N,a\\,b\\\\c,");
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(row, [text("1"), None, text("a,b\\c"), text("")]);
    }
}
