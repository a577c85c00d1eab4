//! VOTable: one table of a document, as TABLEDATA, BINARY2 or BINARY.
//!
//! Read from beginning to end. A document with more than one table that has rows is refused when
//! none is chosen, and so is one that says that its service cut it short: rows would be missing
//! without a word.

mod broken;
mod cell;
mod rest;
mod rows;
mod xml;

use std::io::Read;

use crate::choice::Choice;
use crate::{Field, FormatError, Rows, Wanted, check_wanted};
use broken::broken;
use cell::Cell;
use rest::{Rest, check_status, names};
use rows::{BinaryRows, TableData};
use xml::{Element, Node, Xml};

/// What stands near the beginning of a document.
pub const MAGIC: &[u8] = b"<VOTABLE";

/// A document at the rows of its table.
pub struct Table {
    xml: Xml,
    fields: Vec<Field>,
    cells: Vec<Cell>,
    body: Body,
    choice: Choice,
}

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    TableData,
    Binary { flags: bool },
}

impl Table {
    /// Reads up to the rows of the table that `table` names, by `name`, `ID` or its number among
    /// the tables; without it one table alone may have rows.
    pub fn open(source: Box<dyn Read + Send>, table: Option<&str>) -> Result<Self, FormatError> {
        let mut table = Self {
            xml: Xml::new(source),
            fields: Vec::new(),
            cells: Vec::new(),
            body: Body::None,
            choice: Choice::new(table),
        };
        let mut in_table = false;
        loop {
            match table.xml.next()? {
                Node::Start(element) | Node::Empty(element) if element.name == "INFO" => {
                    check_status(&element)?;
                }
                Node::Start(element) if element.name == "TABLE" => {
                    in_table = table.choice.takes(&names(&element))?;
                }
                Node::Start(element) if element.name == "STREAM" => table.xml.skip_text()?,
                Node::Empty(element) if element.name == "FIELD" && in_table => {
                    table.field(&element)?;
                }
                Node::Start(element) if element.name == "FIELD" && in_table => {
                    table.field(&element)?;
                    table.within_field()?;
                }
                Node::Start(element) if in_table => {
                    if let Some(body) = table.body(&element)? {
                        table.body = body;
                        return Ok(table);
                    }
                }
                Node::End(name) if name == "TABLE" && in_table => return Ok(table),
                Node::Eof => return Err(table.choice.missing()),
                _ => {}
            }
        }
    }

    /// Its columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Its rows, with the fields that `wanted` says.
    pub fn rows(mut self, wanted: &[Wanted]) -> Result<Box<dyn Rows>, FormatError> {
        check_wanted(&self.fields, wanted)?;
        for (cell, wanted) in self.cells.iter_mut().zip(wanted) {
            cell.wanted = *wanted;
        }
        let rest = Rest::new(self.xml, self.choice);
        Ok(match self.body {
            Body::None => Box::new(NoRows(rest)),
            Body::TableData => Box::new(TableData::new(rest, self.cells)),
            Body::Binary { flags } => Box::new(BinaryRows::new(rest, self.cells, flags)),
        })
    }

    fn field(&mut self, element: &Element) -> Result<(), FormatError> {
        let name = element.get("name").or_else(|| element.get("ID"));
        let name = name.ok_or_else(|| broken("a FIELD has no name"))?;
        let datatype = element.get("datatype");
        let datatype =
            datatype.ok_or_else(|| broken(&format!("FIELD `{name}` has no datatype")))?;
        let (cell, kind) = Cell::new(
            name,
            datatype,
            element.get("arraysize"),
            element.get("xtype"),
        )?;
        let owned = |attribute: &str| {
            element
                .get(attribute)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        self.cells.push(cell);
        self.fields.push(Field {
            unit: owned("unit"),
            ucd: owned("ucd"),
            ..Field::new(name, kind, true)
        });
        Ok(())
    }

    /// What stands in a FIELD: its description, and the number that stands for NULL.
    fn within_field(&mut self) -> Result<(), FormatError> {
        let mut description: Option<String> = None;
        let mut open = false;
        loop {
            match self.xml.next()? {
                Node::Start(element) | Node::Empty(element) if element.name == "VALUES" => {
                    if let Some(cell) = self.cells.last_mut() {
                        cell.null = element.get("null").map(str::to_owned);
                    }
                }
                Node::Start(element) if element.name == "DESCRIPTION" => open = true,
                Node::Text(text) if open => description.get_or_insert_default().push_str(&text),
                Node::End(name) if name == "DESCRIPTION" => open = false,
                Node::End(name) if name == "FIELD" => break,
                Node::Eof => return Err(broken("ends within a FIELD")),
                _ => {}
            }
        }
        let words = description.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        if let Some(field) = self.fields.last_mut() {
            field.description = words.filter(|text| !text.is_empty());
        }
        Ok(())
    }

    /// The form of the rows that begin with `element`; `None` when none do.
    fn body(&mut self, element: &Element) -> Result<Option<Body>, FormatError> {
        match element.name.as_str() {
            "TABLEDATA" => Ok(Some(Body::TableData)),
            "BINARY" | "BINARY2" => {
                self.stream()?;
                let flags = element.name == "BINARY2";
                Ok(Some(Body::Binary { flags }))
            }
            "FITS" | "PARQUET" => Err(FormatError::Refused(format!(
                "its rows are in {} within it; ingest that file",
                element.name
            ))),
            _ => Ok(None),
        }
    }

    /// Reads up to the first byte of a STREAM.
    fn stream(&mut self) -> Result<(), FormatError> {
        loop {
            match self.xml.next()? {
                Node::Start(element) if element.name == "STREAM" => {
                    if element.get("href").is_some() || element.get("encoding") != Some("base64") {
                        return Err(FormatError::Refused(
                            "its rows are not in it as base64".into(),
                        ));
                    }
                    return Ok(());
                }
                Node::Text(_) => {}
                _ => return Err(broken("its binary rows have no STREAM")),
            }
        }
    }
}

/// The rest of a document without rows.
struct NoRows(Rest);

impl Rows for NoRows {
    fn next(&mut self, _: &mut Vec<u8>) -> Result<bool, FormatError> {
        self.0.check()?;
        Ok(false)
    }
}
