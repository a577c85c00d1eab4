//! The catalog's objects: payloads under names that are hashes of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::model::FORMAT;

/// Largest payload of one object, in bytes; longer content is cut into parts.
pub const MAX_PAYLOAD: usize = 8_000;

/// Which kind carries an object; the first letters of its name say so.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A `ChunkMap` page.
    Map,
    /// A `ChunkPlacement`.
    Placement,
    /// A `ChunkSegment`.
    Segment,
}

impl ObjectKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Map => "map-",
            Self::Placement => "cpl-",
            Self::Segment => "seg-",
        }
    }
}

/// Name of an object: its kind and 32 hex digits of its payload's SHA-256.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(transparent)]
pub struct ObjectName(String);

impl ObjectName {
    /// Name of `payload` as an object of `kind`.
    pub fn of(kind: ObjectKind, payload: &str) -> Self {
        let digest = Sha256::digest(payload.as_bytes());
        Self(format!("{}{}", kind.prefix(), hex::encode(&digest[..16])))
    }

    /// The name as read from the cluster API.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which kind carries it; `None` when the name is not one of Orrery's.
    pub fn kind(&self) -> Option<ObjectKind> {
        [ObjectKind::Map, ObjectKind::Placement, ObjectKind::Segment]
            .into_iter()
            .find(|kind| self.0.starts_with(kind.prefix()))
    }

    /// Whether `payload` is what the name says.
    pub fn matches(&self, payload: &str) -> bool {
        self.kind()
            .is_some_and(|kind| Self::of(kind, payload) == *self)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Objects by name.
pub type Objects = BTreeMap<ObjectName, String>;

/// Something that has objects; a reader's cache, an agent's copy.
pub trait ObjectSource {
    /// Payload of `name`, if it is there.
    fn payload(&self, name: &ObjectName) -> Option<&str>;
}

impl ObjectSource for Objects {
    fn payload(&self, name: &ObjectName) -> Option<&str> {
        self.get(name).map(String::as_str)
    }
}

/// Marks a payload that lists the parts of a longer one; a part may be such a list itself.
const PARTS: &str = "parts\n";
/// First byte of a part that is no list, which keeps it from being read as one.
const PART: char = '+';

/// Puts `content` into `objects`, cut into parts when it is long, and returns the name to refer to
/// it by.
pub(super) fn put(objects: &mut Objects, kind: ObjectKind, content: String) -> ObjectName {
    if content.len() <= MAX_PAYLOAD && !content.starts_with(PARTS) {
        return put_one(objects, kind, content);
    }
    let mut parts = Vec::new();
    let mut rest = content.as_str();
    while !rest.is_empty() {
        let (part, tail) = rest.split_at(rest.floor_char_boundary(MAX_PAYLOAD));
        parts.push(put_one(objects, kind, format!("{PART}{part}")));
        rest = tail;
    }
    loop {
        let mut lists = lists(&parts);
        if lists.len() <= 1 {
            return put_one(objects, kind, lists.pop().unwrap_or_default());
        }
        let lists = lists.into_iter();
        parts = lists.map(|list| put_one(objects, kind, list)).collect();
    }
}

/// Payloads that list these parts in order, as few as hold them.
fn lists(parts: &[ObjectName]) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for part in parts {
        let line = part.as_str().len() + 1;
        match lists.last_mut() {
            Some(list) if list.len() + line <= MAX_PAYLOAD => list.push_str(part.as_str()),
            _ => lists.push(format!("{PARTS}{part}")),
        }
        if let Some(list) = lists.last_mut() {
            list.push('\n');
        }
    }
    lists
}

fn put_one(objects: &mut Objects, kind: ObjectKind, payload: String) -> ObjectName {
    let name = ObjectName::of(kind, &payload);
    objects.insert(name.clone(), payload);
    name
}

/// Why content could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone)]
pub enum ObjectError {
    /// Not there yet.
    #[error("object {0} is missing")]
    Missing(ObjectName),
    /// Something else stands under the name.
    #[error("object {0} does not match its name")]
    Mismatch(ObjectName),
    /// The payload cannot be understood.
    #[error("object {name}: {what}")]
    Malformed {
        /// Object.
        name: ObjectName,
        /// What is wrong.
        what: String,
    },
    /// The root wants readers of a later version.
    #[error(
        "the catalog is for readers of format {needed} and later; this version reads format {FORMAT}"
    )]
    Newer {
        /// The least format.
        needed: u32,
    },
}

/// The content under `name`, put together from its parts.
pub(super) fn get(objects: &impl ObjectSource, name: &ObjectName) -> Result<String, ObjectError> {
    let payload = get_one(objects, name)?;
    let mut content = String::new();
    match payload.strip_prefix(PARTS) {
        Some(list) => append(objects, list, &mut content)?,
        None => content.push_str(payload),
    }
    Ok(content)
}

/// Appends the parts of a list. No list is a part of itself: its name is a hash of its parts.
fn append(
    objects: &impl ObjectSource,
    list: &str,
    content: &mut String,
) -> Result<(), ObjectError> {
    for part in list.lines() {
        let part = ObjectName::new(part);
        let payload = get_one(objects, &part)?;
        if let Some(piece) = payload.strip_prefix(PART) {
            content.push_str(piece);
        } else if let Some(list) = payload.strip_prefix(PARTS) {
            append(objects, list, content)?;
        } else {
            let what = "no part".into();
            return Err(ObjectError::Malformed { name: part, what });
        }
    }
    Ok(())
}

/// Names of `name` and of its parts.
pub(super) fn reachable(
    objects: &impl ObjectSource,
    name: &ObjectName,
) -> Result<Vec<ObjectName>, ObjectError> {
    let mut names = vec![name.clone()];
    if let Some(list) = get_one(objects, name)?.strip_prefix(PARTS) {
        for part in list.lines() {
            names.extend(reachable(objects, &ObjectName::new(part))?);
        }
    }
    Ok(names)
}

fn get_one<'a>(objects: &'a impl ObjectSource, name: &ObjectName) -> Result<&'a str, ObjectError> {
    let payload = objects
        .payload(name)
        .ok_or_else(|| ObjectError::Missing(name.clone()))?;
    if name.matches(payload) {
        Ok(payload)
    } else {
        Err(ObjectError::Mismatch(name.clone()))
    }
}
