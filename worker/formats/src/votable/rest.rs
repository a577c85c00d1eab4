//! What follows the rows, and what a service says of them.

use super::broken::broken;
use super::xml::{Element, Node, Xml};
use crate::FormatError;
use crate::choice::Choice;

/// A document from the rows of its table on.
pub struct Rest {
    /// What is still to be read.
    pub xml: Xml,
    choice: Choice,
}

impl Rest {
    /// After what `choice` took.
    pub fn new(xml: Xml, choice: Choice) -> Self {
        Self { xml, choice }
    }

    /// Reads to the end of the document. Fails when it is cut short, or when the table that was
    /// read is not the only one that was meant.
    pub fn check(&mut self) -> Result<(), FormatError> {
        let mut ended = false;
        let mut table = Vec::new();
        loop {
            match self.xml.next()? {
                Node::Start(element) | Node::Empty(element) if element.name == "INFO" => {
                    check_status(&element)?;
                }
                Node::Start(element) if element.name == "TABLE" => {
                    table = names(&element).map(|name| name.map(str::to_owned)).to_vec();
                }
                // A table without rows is no second one.
                Node::Start(element) if element.name == "DATA" => {
                    let names: Vec<Option<&str>> = table.iter().map(Option::as_deref).collect();
                    self.choice.takes(&names)?;
                }
                Node::Start(element) if element.name == "STREAM" => self.xml.skip_text()?,
                Node::End(name) if name == "VOTABLE" => ended = true,
                Node::Eof if ended => return Ok(()),
                Node::Eof => return Err(broken("ends before </VOTABLE>")),
                _ => {}
            }
        }
    }
}

/// What a TABLE may be called.
pub fn names(table: &Element) -> [Option<&str>; 2] {
    ["name", "ID"].map(|attribute| table.get(attribute))
}

/// A service says in an INFO that a query failed, or gave only some of its rows.
pub fn check_status(info: &Element) -> Result<(), FormatError> {
    let status = info
        .get("value")
        .filter(|_| info.get("name") == Some("QUERY_STATUS"));
    match status {
        Some("OVERFLOW") => Err(FormatError::Refused(
            "its service gave only some of the rows (QUERY_STATUS OVERFLOW)".into(),
        )),
        Some("ERROR") => Err(FormatError::Refused(
            "its service failed (QUERY_STATUS ERROR)".into(),
        )),
        _ => Ok(()),
    }
}
