//! The rows of a VOTable.

use std::sync::Arc;

use super::broken::broken;
use super::cell::{Cell, Count};
use super::rest::Rest;
use super::xml::Node;

use crate::{FormatError, Rows, Wanted, text};

/// Rows given at once.
const AT_ONCE: usize = 512;
/// Bytes decoded at once.
const BYTES: usize = 192 << 10;

/// Rows as elements.
pub struct TableData {
    rest: Rest,
    cells: Vec<Cell>,
    rows: u64,
    ended: bool,
    /// The text of the present TD.
    cell: String,
}

impl TableData {
    /// After the start of a TABLEDATA.
    pub fn new(rest: Rest, cells: Vec<Cell>) -> Self {
        Self {
            rest,
            cells,
            rows: 0,
            ended: false,
            cell: String::new(),
        }
    }

    /// Reads a row after its TR.
    fn row(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.rows += 1;
        let mut index = 0;
        loop {
            match self.rest.xml.next()? {
                Node::Start(element) if element.name == "TD" => {
                    if element.get("encoding").is_some() {
                        return Err(FormatError::Refused("has an encoded TD".into()));
                    }
                    self.text()?;
                    self.write(index, out)?;
                    index += 1;
                }
                Node::Empty(element) if element.name == "TD" => {
                    self.cell.clear();
                    self.write(index, out)?;
                    index += 1;
                }
                Node::Text(text) if text.trim().is_empty() => {}
                Node::End(_) => break,
                Node::Eof => return Err(broken("ends within a row")),
                _ => return Err(broken(&format!("row {} has more than TDs", self.rows))),
            }
        }
        if index != self.cells.len() {
            return Err(broken(&format!(
                "row {} has {index} TDs, its table {} FIELDs",
                self.rows,
                self.cells.len()
            )));
        }
        out.push(b'\n');
        Ok(())
    }

    fn text(&mut self) -> Result<(), FormatError> {
        self.cell.clear();
        loop {
            match self.rest.xml.next()? {
                Node::Text(text) => self.cell.push_str(&text),
                Node::End(_) => return Ok(()),
                Node::Eof => return Err(broken("ends within a row")),
                _ => return Err(broken(&format!("row {} has elements in a TD", self.rows))),
            }
        }
    }

    fn write(&self, index: usize, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if index > 0 {
            out.push(text::DELIMITER);
        }
        match self.cells.get(index) {
            Some(cell) if cell.wanted == Wanted::Nothing => {}
            Some(cell) => cell.write_text(&self.cell, out),
            None => {
                return Err(broken(&format!(
                    "row {} has more TDs than FIELDs",
                    self.rows
                )));
            }
        }
        Ok(())
    }
}

impl Rows for TableData {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        if self.ended {
            return Ok(false);
        }
        let until = self.rows + AT_ONCE as u64;
        while self.rows < until {
            match self.rest.xml.next()? {
                Node::Start(element) if element.name == "TR" => self.row(out)?,
                Node::Text(text) if text.trim().is_empty() => {}
                Node::End(name) if name == "TABLEDATA" => {
                    self.rest.check()?;
                    self.ended = true;
                    break;
                }
                Node::Eof => return Err(broken("ends within its rows")),
                _ => return Err(broken("has more than TRs in TABLEDATA")),
            }
        }
        Ok(true)
    }
}

/// Rows as bytes.
pub struct BinaryRows {
    rest: Rest,
    cells: Arc<[Cell]>,
    /// Whether each row begins with a bit per field that says which are NULL.
    flags: bool,
    bytes: Vec<u8>,
    at: usize,
    more: bool,
    ended: bool,
}

impl BinaryRows {
    /// After the start of a STREAM.
    pub fn new(rest: Rest, cells: Vec<Cell>, flags: bool) -> Self {
        Self {
            rest,
            cells: cells.into(),
            flags,
            bytes: Vec::new(),
            at: 0,
            more: true,
            ended: false,
        }
    }

    /// Has `length` bytes at hand, unless the stream ends before.
    fn ensure(&mut self, length: usize) -> Result<bool, FormatError> {
        while self.more && self.bytes.len() - self.at < length {
            self.bytes.drain(..self.at);
            self.at = 0;
            self.more = self.rest.xml.base64(BYTES, &mut self.bytes)?;
        }
        Ok(self.bytes.len() - self.at >= length)
    }

    /// The place of the next `length` bytes.
    fn take(&mut self, length: usize) -> Result<std::ops::Range<usize>, FormatError> {
        if !self.ensure(length)? {
            return Err(broken("ends within a row"));
        }
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    fn row(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let flags = if self.flags {
            let place = self.take(self.cells.len().div_ceil(8))?;
            self.bytes.get(place).unwrap_or_default().to_vec()
        } else {
            Vec::new()
        };
        let cells = Arc::clone(&self.cells);
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                out.push(text::DELIMITER);
            }
            let elements = match cell.count {
                Count::Fixed(elements) => elements,
                Count::Variable => {
                    let place = self.take(4)?;
                    let length = self.bytes.get(place).unwrap_or_default();
                    length
                        .iter()
                        .fold(0, |length, byte| (length << 8) | usize::from(*byte))
                }
            };
            let place = self.take(cell.bytes(elements)?)?;
            if cell.wanted == Wanted::Nothing {
                continue;
            }
            let null = flags
                .get(index / 8)
                .is_some_and(|flags| flags & (0x80 >> (index % 8)) != 0);
            if null {
                out.extend_from_slice(text::NULL);
            } else {
                cell.write_binary(self.bytes.get(place).unwrap_or_default(), out)?;
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

impl Rows for BinaryRows {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        if self.ended {
            return Ok(false);
        }
        for _ in 0..AT_ONCE {
            if !self.ensure(1)? {
                self.rest.check()?;
                self.ended = true;
                break;
            }
            self.row(out)?;
        }
        Ok(true)
    }
}
