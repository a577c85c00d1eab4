//! One row group, decoded on a thread of its own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use parquet::file::reader::{FileReader, SerializedFileReader};

use super::columns::Column;
use super::file::Shared;
use super::schema::Leaf;
use super::sound::sound;
use crate::{FormatError, text};

/// Rows decoded at once. A value may have megabytes.
const AT_ONCE: usize = 1024;
/// Pieces that wait to be taken.
const AHEAD: usize = 2;

/// What a thread gives; the last is an end or a failure.
pub enum Piece {
    /// Some rows as text.
    Rows(Vec<u8>),
    /// All rows were given.
    End,
    /// No more rows can be given.
    Failed(FormatError),
}

/// Decodes row group `group`: one value of `leaves` per field, empty where it is none.
pub fn decode(
    reader: Arc<SerializedFileReader<Shared>>,
    group: usize,
    leaves: Arc<[Option<Leaf>]>,
) -> Result<Receiver<Piece>, FormatError> {
    let (send, receive) = sync_channel(AHEAD);
    thread::Builder::new()
        .name(format!("parquet-{group}"))
        .spawn(move || {
            let last = match give(&reader, group, &leaves, &send) {
                Ok(()) => Piece::End,
                Err(error) => Piece::Failed(error),
            };
            // Fails when the reader of the file is gone.
            let _ = send.send(last);
        })?;
    Ok(receive)
}

fn give(
    reader: &SerializedFileReader<Shared>,
    group: usize,
    leaves: &[Option<Leaf>],
    send: &SyncSender<Piece>,
) -> Result<(), FormatError> {
    let (rows, mut columns) = sound(|| {
        let group = reader.get_row_group(group)?;
        let open = |leaf: &Option<Leaf>| {
            let leaf = leaf.as_ref();
            leaf.map(|leaf| Column::open(group.as_ref(), leaf))
                .transpose()
        };
        let columns: Vec<Option<Column>> = leaves.iter().map(open).collect::<Result<_, _>>()?;
        Ok((group.metadata().num_rows(), columns))
    })?;
    let mut left = usize::try_from(rows)
        .map_err(|_| FormatError::Broken("a row group has fewer than no rows".into()))?;
    while left > 0 {
        let rows = left.min(AT_ONCE);
        let filled = |column: &mut Option<Column>| match column {
            Some(column) => column.fill(rows),
            None => Ok(()),
        };
        sound(|| columns.iter_mut().try_for_each(filled))?;
        let text = written(&mut columns, rows)?;
        left -= rows;
        if send.send(Piece::Rows(text)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn written(columns: &mut [Option<Column>], rows: usize) -> Result<Vec<u8>, FormatError> {
    let mut out = Vec::new();
    for _ in 0..rows {
        for (index, column) in columns.iter_mut().enumerate() {
            if index > 0 {
                out.push(text::DELIMITER);
            }
            if let Some(column) = column {
                column.write_next(&mut out)?;
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}
