//! In whose name one proxy asks another for a KILL.

use orrery_wire::ServerError;
use orrery_wire::command::QueryAttribute;

use crate::attributes::{ANYBODYS, SET, USER, flag, malformed, ours};

/// Who kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killer<'a> {
    /// The user.
    pub user: &'a str,
    /// Whether the user may kill what belongs to others.
    pub anybodys: bool,
}

impl<'a> Killer<'a> {
    /// As query attributes.
    pub fn attributes(&self) -> Vec<QueryAttribute> {
        let mut attributes = vec![QueryAttribute::text(USER, self.user)];
        if self.anybodys {
            attributes.push(QueryAttribute::text(ANYBODYS, SET));
        }
        attributes
    }

    /// From query attributes. Those of another name are passed over.
    pub fn from_attributes(attributes: &'a [QueryAttribute]) -> Result<Self, ServerError> {
        let mut killer = Self {
            user: "",
            anybodys: false,
        };
        for attribute in ours(attributes) {
            match attribute? {
                (USER, value) => killer.user = value,
                (ANYBODYS, value) => killer.anybodys = flag(ANYBODYS, value)?,
                _ => {}
            }
        }
        if killer.user.is_empty() {
            return Err(malformed(USER, "is missing"));
        }
        Ok(killer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_killer_is_read_as_it_was_written(user in ".+", anybodys in any::<bool>()) {
            let killer = Killer { user: &user, anybodys };
            let attributes = killer.attributes();
            prop_assert_eq!(Killer::from_attributes(&attributes), Ok(killer));
        }
    }

    #[test]
    fn a_kill_in_the_name_of_no_user_is_refused() {
        let error = Killer::from_attributes(&[]).unwrap_err();
        assert!(error.message.contains("orrery.user is missing"), "{error}");
        let attributes = [
            QueryAttribute::text("orrery.user", "ann"),
            QueryAttribute::text("orrery.anybodys", "yes"),
        ];
        let error = Killer::from_attributes(&attributes).unwrap_err();
        assert!(error.message.contains("orrery.anybodys"), "{error}");
    }
}
