//! ENUM and SET: a member, or members with commas between, exactly as declared.

use std::collections::HashMap;

use orrery_wire::load_data::escape;

use super::field::{BadValue, shown};
use super::text::{Target, convert};
use crate::dialect::Charset;

/// An ENUM or SET column.
#[derive(Debug)]
pub struct Members {
    /// Members as files write them → as they are loaded.
    members: HashMap<Vec<u8>, Vec<u8>>,
    many: bool,
}

impl Members {
    /// An ENUM.
    pub fn one(members: &[String], target: Target, source: Charset) -> Self {
        Self::new(members, target, source, false)
    }

    /// A SET.
    pub fn set(members: &[String], target: Target, source: Charset) -> Self {
        Self::new(members, target, source, true)
    }

    fn new(members: &[String], target: Target, source: Charset, many: bool) -> Self {
        let members = members
            .iter()
            .filter_map(|member| {
                // A member that does not exist in a character set cannot stand in a file of it
                // either.
                let loaded = convert(member.as_bytes(), Charset::Utf8, target).ok()?;
                let written = match source {
                    Charset::Utf8 => member.as_bytes().to_vec(),
                    Charset::Latin1 => convert(member.as_bytes(), Charset::Utf8, Target::Latin1)
                        .ok()?
                        .into_owned(),
                    Charset::Binary => loaded.to_vec(),
                };
                Some((written, loaded.into_owned()))
            })
            .collect();
        Self { members, many }
    }

    /// Checks `field` and writes it escaped, in the column's character set.
    pub fn check(&self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        if !self.many {
            escape(self.find(field)?, row);
            return Ok(());
        }
        if field.is_empty() {
            return Ok(());
        }
        for (index, member) in field.split(|byte| *byte == b',').enumerate() {
            if index > 0 {
                row.push(b',');
            }
            escape(self.find(member)?, row);
        }
        Ok(())
    }

    fn find(&self, member: &[u8]) -> Result<&[u8], BadValue> {
        self.members.get(member).map(Vec::as_slice).ok_or_else(|| {
            BadValue(format!(
                "{} is not one of the column's members",
                shown(member)
            ))
        })
    }
}
