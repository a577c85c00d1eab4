//! What follows the rows, and what a service says of them.

use super::broken::broken;
use super::xml::{Element, Node, Xml};
use crate::FormatError;

/// Reads to the end of the document. Fails when it is cut short, or when more rows follow.
pub fn check_rest(xml: &mut Xml) -> Result<(), FormatError> {
    let mut ended = false;
    loop {
        match xml.next()? {
            Node::Start(element) | Node::Empty(element) if element.name == "INFO" => {
                check_status(&element)?;
            }
            Node::Start(element) if element.name == "DATA" => {
                return Err(FormatError::Refused(
                    "has a second table with rows; write each table to a file of its own".into(),
                ));
            }
            Node::End(name) if name == "VOTABLE" => ended = true,
            Node::Eof if ended => return Ok(()),
            Node::Eof => return Err(broken("ends before </VOTABLE>")),
            _ => {}
        }
    }
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
