//! The catalog's objects: payloads under names that are hashes of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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

/// Marks a payload that lists the parts of a longer one.
const PARTS: &str = "parts\n";

/// Puts `content` into `objects`, cut into parts when it is long, and returns the name to refer to
/// it by. Content stays below 1.7 MB (a list of 216 parts): the longest is a segment's chunk sets
/// at 650,000 chunks, 110 KB each as bitmaps.
pub(super) fn put(objects: &mut Objects, kind: ObjectKind, content: String) -> ObjectName {
    if content.len() <= MAX_PAYLOAD && !content.starts_with(PARTS) {
        return put_one(objects, kind, content);
    }
    let mut list = PARTS.to_owned();
    let mut rest = content.as_str();
    while !rest.is_empty() {
        let (part, tail) = rest.split_at(rest.floor_char_boundary(MAX_PAYLOAD));
        // The first byte keeps a part from being read as a list of parts.
        list.push_str(put_one(objects, kind, format!("+{part}")).as_str());
        list.push('\n');
        rest = tail;
    }
    put_one(objects, kind, list)
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
}

/// The content under `name`, put together from its parts.
pub(super) fn get(objects: &impl ObjectSource, name: &ObjectName) -> Result<String, ObjectError> {
    let payload = get_one(objects, name)?;
    let Some(list) = payload.strip_prefix(PARTS) else {
        return Ok(payload.to_owned());
    };
    let mut content = String::new();
    for part in list.lines() {
        let part = ObjectName::new(part);
        let payload = get_one(objects, &part)?;
        let piece = payload
            .strip_prefix('+')
            .ok_or_else(|| ObjectError::Malformed {
                name: part,
                what: "no part".into(),
            })?;
        content.push_str(piece);
    }
    Ok(content)
}

/// Names of `name` and of its parts.
pub(super) fn reachable(
    objects: &impl ObjectSource,
    name: &ObjectName,
) -> Result<Vec<ObjectName>, ObjectError> {
    let payload = get_one(objects, name)?;
    let parts = payload
        .strip_prefix(PARTS)
        .unwrap_or_default()
        .lines()
        .map(ObjectName::new);
    Ok(std::iter::once(name.clone()).chain(parts).collect())
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
