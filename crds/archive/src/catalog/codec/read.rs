//! Entries of index pages into the catalog. What this version cannot read was written by a newer one:
//! every object is what its hash says. It is left out with all that hangs on it, and named.

use std::collections::BTreeSet;

use serde_json::Value;

use super::entry::IndexEntry;
use crate::catalog::model::{Catalog, TableKey};
use crate::catalog::objects::{ObjectError, ObjectSource};

/// Reads entry after entry.
pub(super) struct Reader<'a, S> {
    source: &'a S,
    catalog: Catalog,
    families: BTreeSet<String>,
}

impl<'a, S: ObjectSource> Reader<'a, S> {
    /// Adds to a catalog without entries.
    pub(super) fn new(source: &'a S, catalog: Catalog) -> Self {
        Self {
            source,
            catalog,
            families: BTreeSet::new(),
        }
    }

    /// Takes an entry, or leaves it out.
    pub(super) fn take(&mut self, entry: Value) -> Result<(), ObjectError> {
        let named = Named::of(&entry);
        let what = match serde_json::from_value(entry).map(|entry| self.add(entry)) {
            Ok(Err(ObjectError::Malformed { what, .. })) => what,
            Ok(outcome) => return outcome,
            Err(error) => error.to_string(),
        };
        self.leave_out(named, what);
        Ok(())
    }

    fn add(&mut self, entry: IndexEntry) -> Result<(), ObjectError> {
        let (source, catalog) = (self.source, &mut self.catalog);
        match entry {
            IndexEntry::Family(entry) => catalog.families.extend([entry.decode(source)?]),
            IndexEntry::Table(entry) => catalog.tables.extend([entry.decode(source)?]),
            IndexEntry::Retired(entry) => catalog.retired.extend([entry.decode(source)?]),
            IndexEntry::Dropping { database, since } => {
                catalog.dropping.extend([(database, since)]);
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, named: Named, why: String) {
        let unread = &mut self.catalog.unread;
        match named {
            Named::Table(key) => drop(unread.tables.insert(key, why)),
            Named::Family(name) => {
                unread.others.push(format!("family {name}: {why}"));
                self.families.insert(name);
            }
            Named::Other(kind) => unread.others.push(format!("{kind}: {why}")),
        }
    }

    /// The catalog, without tables of families and children of directors that were left out.
    pub(super) fn finish(self) -> Catalog {
        let (mut catalog, families) = (self.catalog, self.families);
        let of_family = catalog.tables.extract_if(.., |_, table| {
            families.iter().any(|family| table.kind.uses_family(family))
        });
        let of_family: Vec<TableKey> = of_family.map(|(key, _)| key).collect();
        for key in of_family {
            let why = "its family, or that of its index, was not read";
            catalog.unread.tables.insert(key, why.into());
        }
        let unread = &mut catalog.unread.tables;
        let children = catalog.tables.extract_if(.., |key, table| {
            let director = table.kind.director_key(key);
            director.is_some_and(|director| unread.contains_key(&director))
        });
        let children: Vec<TableKey> = children.map(|(key, _)| key).collect();
        for key in children {
            unread.insert(key, "its director was not read".into());
        }
        catalog
    }
}

/// What an entry is of, as far as it can be known without reading it.
enum Named {
    Table(TableKey),
    Family(String),
    Other(String),
}

impl Named {
    fn of(entry: &Value) -> Self {
        let fields = entry.as_object().and_then(|entry| entry.iter().next());
        let Some((kind, fields)) = fields else {
            return Self::Other("an entry".into());
        };
        let text = |field: &str| fields.get(field).and_then(Value::as_str);
        match (kind.as_str(), text("database"), text("name")) {
            ("table", Some(database), Some(name)) => Self::Table(TableKey::new(database, name)),
            ("family", _, Some(name)) => Self::Family(name.to_owned()),
            (other, ..) => Self::Other(format!("an entry of kind {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::claims::{Claim, Claims, HeldTable};
    use crate::catalog::codec::{Encoded, decode, encode};
    use crate::catalog::objects::{self, ObjectKind, ObjectName};
    use crate::testing::{self, child, director, reference, segment};

    /// A director with a child, and a reference table.
    fn catalog() -> Catalog {
        let family = testing::family(1, [(1, vec![1]), (2, vec![2])]);
        testing::catalog(
            family,
            [
                ("Object", director(1, [segment(1, [1, 2])])),
                ("Source", child(2, [segment(2, [1])])),
                ("Filter", reference(3, [segment(3, [])])),
            ],
        )
    }

    /// What `catalog` is with its entries changed, as a newer version would write them.
    fn newer(catalog: &Catalog, change: impl Fn(&mut Vec<Value>, &mut Encoded)) -> Encoded {
        let mut encoded = encode(catalog);
        for page in 0..encoded.root.pages.len() {
            let name = ObjectName::new(encoded.root.pages[page].as_str());
            let text = objects::get(&encoded.objects, &name).unwrap();
            let mut entries = serde_json::from_str(&text).unwrap();
            change(&mut entries, &mut encoded);
            let text = Value::from(entries).to_string();
            let name = objects::put(&mut encoded.objects, ObjectKind::Map, text);
            encoded.root.pages[page] = name.as_str().to_owned();
        }
        encoded
    }

    fn read(encoded: &Encoded) -> Catalog {
        decode(&encoded.root, &encoded.objects).unwrap()
    }

    fn names(catalog: &Catalog) -> Vec<&str> {
        let tables = catalog.tables.keys();
        tables.map(|key| key.table.as_str()).collect()
    }

    fn entry<'a>(entries: &'a mut [Value], kind: &str, name: &str) -> Option<&'a mut Value> {
        let mut entries = entries.iter_mut().filter_map(|entry| entry.get_mut(kind));
        entries.find(|entry| entry["name"].as_str() == Some(name))
    }

    #[test]
    fn entries_of_unknown_kinds_are_left_out_and_unknown_fields_ignored() {
        let catalog = catalog();
        let fields = newer(&catalog, |entries, _| {
            if let Some(table) = entry(entries, "table", "Source") {
                table["compacted"] = json!({"since": 5});
            }
        });
        assert_eq!(read(&fields), catalog);
        let view = newer(&catalog, |entries, _| {
            entries.push(json!({"view": {"name": "v", "sql": "SELECT 1"}}));
        });
        let read = read(&view);
        assert_eq!(read.tables, catalog.tables);
        assert!(read.unread.others[0].starts_with("an entry of kind view"));
    }

    #[test]
    fn a_table_in_a_new_form_is_left_out_with_its_children_alone() {
        let catalog = catalog();
        for (name, left) in [
            ("Object", vec!["Filter"]),
            ("Source", vec!["Filter", "Object"]),
            ("Filter", vec!["Object", "Source"]),
        ] {
            let changed = newer(&catalog, |entries, _| {
                if let Some(table) = entry(entries, "table", name) {
                    let spec = table["spec"].take();
                    table["spec"] = json!([[1, spec]]);
                }
            });
            let read = read(&changed);
            assert_eq!(names(&read), left, "without {name}");
            let all = read.tables.keys().chain(read.unread.tables.keys());
            assert_eq!(all.count(), 3);
            assert!(read.unread.to_string().contains(name), "{}", read.unread);
        }
    }

    #[test]
    fn a_family_with_a_new_scheme_is_left_out_with_its_tables() {
        let changed = newer(&catalog(), |entries, encoded| {
            let Some(family) = entry(entries, "family", "f") else {
                return;
            };
            let name = ObjectName::new(family["spec"].as_str().unwrap());
            let text = objects::get(&encoded.objects, &name).unwrap();
            let mut spec: Value = serde_json::from_str(&text).unwrap();
            spec["grid"] = json!({"scheme": "range", "column": "night"});
            let text = spec.to_string();
            let name = objects::put(&mut encoded.objects, ObjectKind::Map, text);
            family["spec"] = name.as_str().into();
        });
        let read = read(&changed);
        assert_eq!(names(&read), ["Filter"]);
        assert!(!read.families.contains_key("f"));
        assert_eq!(read.unread.tables.len(), 2);
    }

    #[test]
    fn nothing_is_read_for_later_readers_and_a_later_format_is_known_as_such() {
        let mut encoded = encode(&catalog());
        encoded.root.format = 7;
        let read = read(&encoded);
        assert_eq!(read.tables, catalog().tables);
        assert!(!read.unread.is_empty());
        encoded.root.min_reader = 7;
        let refused = decode(&encoded.root, &encoded.objects);
        assert_eq!(refused, Err(ObjectError::Newer { needed: 7 }));
    }

    #[test]
    fn of_a_catalog_that_was_not_read_whole_no_table_is_unknown() {
        let held = HeldTable {
            database: "sky__99",
            attempt: 99,
            chunk: 1,
        };
        let mut catalog = catalog();
        assert_eq!(Claims::of(&catalog).judge(1, held), Claim::Unknown);
        catalog.unread.others.push("an entry of kind view".into());
        assert_eq!(Claims::of(&catalog).judge(1, held), Claim::Given);
    }
}
