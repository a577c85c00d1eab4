//! Events of the XML that matter to a table.

use std::io::{BufRead, BufReader, Read};

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::broken::broken;
use crate::FormatError;

/// The elements of a document, one after the other.
pub struct Xml {
    reader: Reader<BufReader<Box<dyn Read + Send>>>,
    buffer: Vec<u8>,
}

/// What comes next.
#[derive(Debug)]
pub enum Node {
    /// An element begins.
    Start(Element),
    /// An element without content.
    Empty(Element),
    /// An element ends.
    End(String),
    /// Text within an element.
    Text(String),
    /// The document ends.
    Eof,
}

/// An element.
#[derive(Debug)]
pub struct Element {
    /// Its name, without the prefix of a namespace.
    pub name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        Some(value)
    }
}

impl Xml {
    /// At the beginning of a document.
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        Self {
            reader: Reader::from_reader(BufReader::with_capacity(256 << 10, source)),
            buffer: Vec::new(),
        }
    }

    /// The next node.
    pub fn next(&mut self) -> Result<Node, FormatError> {
        loop {
            self.buffer.clear();
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(quick_xml::Error::Io(error)) => {
                    return Err(FormatError::Read(std::io::Error::new(error.kind(), error)));
                }
                Err(error) => return Err(broken(&error.to_string())),
            };
            return Ok(match event {
                Event::Start(start) => Node::Start(element(&start)?),
                Event::Empty(start) => Node::Empty(element(&start)?),
                Event::End(end) => Node::End(end.local_name().as_ref().to_owned()),
                Event::Text(text) => Node::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Node::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref();
                    let character = character.map_err(|error| broken(&error.to_string()))?;
                    let name = reference.into_inner();
                    match character {
                        Some(character) => Node::Text(character.to_string()),
                        None => Node::Text(
                            quick_xml::escape::resolve_predefined_entity(&name)
                                .ok_or_else(|| broken(&format!("the entity `{name}` is unknown")))?
                                .to_owned(),
                        ),
                    }
                }
                Event::Eof => Node::Eof,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            });
        }
    }

    /// Reads over the text up to the next tag, which may be as long as a file.
    pub fn skip_text(&mut self) -> Result<(), FormatError> {
        let mut stream = self.reader.stream();
        loop {
            let buffer = stream.fill_buf()?;
            let length = buffer.len();
            let tag = buffer.iter().position(|byte| *byte == b'<');
            stream.consume(tag.unwrap_or(length));
            if tag.is_some() || length == 0 {
                return Ok(());
            }
        }
    }

    /// Appends the bytes that the base64 text up to the next tag stands for, at most about `most`;
    /// false when there are no more.
    pub fn base64(&mut self, most: usize, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        use base64::Engine;
        let mut stream = self.reader.stream();
        let mut digits = Vec::with_capacity(most / 3 * 4 + 4);
        let mut more = true;
        while more && (digits.len() < most / 3 * 4 || !digits.len().is_multiple_of(4)) {
            let buffer = stream.fill_buf()?;
            let mut used = 0;
            more = !buffer.is_empty();
            for byte in buffer {
                if *byte == b'<' {
                    more = false;
                    break;
                }
                used += 1;
                if !byte.is_ascii_whitespace() {
                    digits.push(*byte);
                }
                if digits.len() >= most / 3 * 4 && digits.len().is_multiple_of(4) {
                    break;
                }
            }
            stream.consume(used);
        }
        let bytes = base64::engine::general_purpose::STANDARD.decode(&digits);
        out.extend_from_slice(&bytes.map_err(|error| broken(&format!("its base64: {error}")))?);
        Ok(more)
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, FormatError> {
    let attributes = start
        .attributes()
        .map(|attribute| {
            let attribute = attribute.map_err(|error| broken(&error.to_string()))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| broken(&error.to_string()))?;
            Ok((attribute.key.as_ref().to_owned(), value.into_owned()))
        })
        .collect::<Result<_, FormatError>>()?;
    Ok(Element {
        name: start.local_name().as_ref().to_owned(),
        attributes,
    })
}
