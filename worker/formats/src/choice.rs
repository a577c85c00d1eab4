//! Which table of a file is read.

use crate::FormatError;

/// Most names of tables in a message.
const SHOWN: usize = 10;

/// A choice among the tables of a file, and what was seen of them.
#[derive(Clone, Debug)]
pub struct Choice {
    wanted: Wanted,
    /// Names of the tables so far.
    seen: Vec<String>,
    taken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// A file must have no other.
    Only,
    /// From 1.
    Number(usize),
    Name(String),
}

impl Choice {
    /// The table `table` says: digits are its number from 1, anything else is its name. Without it
    /// a file must have one table.
    pub fn new(table: Option<&str>) -> Self {
        let wanted = match table {
            None => Wanted::Only,
            Some(text) => match text.parse() {
                Ok(number) => Wanted::Number(number),
                Err(_) => Wanted::Name(text.to_owned()),
            },
        };
        Self {
            wanted,
            seen: Vec::new(),
            taken: false,
        }
    }

    /// Whether the next table of the file, which has these names, is the one. Fails when another
    /// was already.
    pub fn takes(&mut self, names: &[Option<&str>]) -> Result<bool, FormatError> {
        let mut names = names.iter().flatten();
        let fits = match &self.wanted {
            Wanted::Only => true,
            Wanted::Number(number) => *number == self.seen.len() + 1,
            Wanted::Name(wanted) => names.clone().any(|name| name.eq_ignore_ascii_case(wanted)),
        };
        let shown = names.next().copied().unwrap_or_default();
        if fits && self.taken {
            let why = match self.wanted {
                Wanted::Only => "choose one with dialect.table, by its name or its number from 1",
                Wanted::Number(_) | Wanted::Name(_) => "choose it by its number, from 1",
            };
            let like = if self.wanted == Wanted::Only {
                "a second table"
            } else {
                "a second table of the name"
            };
            return Err(FormatError::Refused(format!(
                "has {like}, `{shown}`; {why}"
            )));
        }
        self.seen.push(shown.to_owned());
        self.taken |= fits;
        Ok(fits)
    }

    /// Why no table was taken.
    pub fn missing(&self) -> FormatError {
        if self.seen.is_empty() {
            return FormatError::Refused("has no table".into());
        }
        let wanted = match &self.wanted {
            Wanted::Only => String::new(),
            Wanted::Number(number) => number.to_string(),
            Wanted::Name(name) => format!("`{name}`"),
        };
        let shown = self.seen.iter().take(SHOWN);
        let shown: Vec<String> = shown.map(|name| format!("`{name}`")).collect();
        FormatError::Refused(format!(
            "has no table {wanted} among its {}: {}",
            self.seen.len(),
            shown.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(table: Option<&str>, names: &[&str]) -> Result<usize, String> {
        let mut choice = Choice::new(table);
        let mut found = None;
        for (index, name) in names.iter().enumerate() {
            if choice
                .takes(&[Some(name)])
                .map_err(|error| error.to_string())?
            {
                found = Some(index);
            }
        }
        found.ok_or_else(|| choice.missing().to_string())
    }

    #[test]
    fn one_table_is_taken_by_name_or_number() {
        assert_eq!(taken(None, &["a"]), Ok(0));
        assert_eq!(taken(Some("B"), &["a", "b"]), Ok(1));
        assert_eq!(taken(Some("2"), &["a", "b", "c"]), Ok(1));
    }

    #[test]
    fn what_is_not_one_table_is_an_error_that_names_them() {
        for (table, names, error) in [
            (
                None,
                &["a", "b"][..],
                "a second table, `b`; choose one with dialect.table",
            ),
            (
                Some("a"),
                &["a", "b", "A"],
                "a second table of the name, `A`",
            ),
            (Some("c"), &["a", "b"], "no table `c` among its 2: `a`, `b`"),
            (Some("3"), &["a", "b"], "no table 3 among its 2"),
            (Some("0"), &["a"], "no table 0"),
            (Some("a"), &[], "has no table"),
        ] {
            let found = taken(table, names).unwrap_err();
            assert!(found.contains(error), "{found}");
        }
    }
}
