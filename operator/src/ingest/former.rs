//! An Ingest whose object was made again: its rows may be in the catalog already, and are never
//! loaded a second time. Pure.
//!
//! An object is deleted and applied again, or restored without its status. The catalog knows which
//! Ingest loaded a segment: by name in its table, with the UID that the object had and what its spec
//! said of rows.

use orrery_archive::catalog::{Origin, Segment, Table, TableKey};
use orrery_archive::ingest::IngestSource;
use orrery_crds::kinds::IngestSpec;
use sha2::{Digest as _, Sha256};

/// What a table has of an earlier Ingest of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former<'a> {
    /// Its rows, from the same spec.
    Same(&'a Segment),
    /// Rows from another spec, or from one that is not known.
    Other(&'a Segment),
}

/// What is visible of an Ingest of this name: the newest segment of the same spec, else the newest.
pub fn visible<'a>(table: &'a Table, name: &str, spec: &str) -> Option<Former<'a>> {
    let own = || {
        table
            .segments
            .iter()
            .rev()
            .filter(|held| held.ingest == name)
    };
    let same = own().find(|held| is_of(held, spec));
    same.map(Former::Same)
        .or_else(|| own().next().map(Former::Other))
}

/// The newest segment of an Ingest of this name and spec that was taken back.
pub fn revoked<'a>(table: &'a Table, name: &str, spec: &str) -> Option<&'a Segment> {
    let mut own = table
        .revoked
        .iter()
        .rev()
        .filter(|held| held.ingest == name);
    own.find(|held| is_of(held, spec))
}

fn is_of(segment: &Segment, spec: &str) -> bool {
    let origin = segment.origin.as_ref();
    origin.is_some_and(|origin| origin.spec == spec)
}

/// Short hash of everything in a spec that says which rows it loads. How the loader runs, which
/// Secret opens a bucket and how many rejects are taken say nothing of them.
pub fn spec_hash(spec: &IngestSpec) -> Result<String, serde_json::Error> {
    let sources: Vec<IngestSource> = spec.sources.iter().map(without_secret).collect();
    let rows = (
        (&spec.target, &sources, &spec.dialect, &spec.fields),
        (spec.positions, spec.orphans, spec.misplaced_children),
    );
    let written = serde_json::to_vec(&rows)?;
    Ok(hex::encode(&Sha256::digest(written)[..8]))
}

fn without_secret(source: &IngestSource) -> IngestSource {
    let mut source = source.clone();
    if let Some(s3) = &mut source.s3 {
        s3.secret_ref = None;
    }
    source
}

/// Why an Ingest of this spec is not loaded again.
pub fn already_loaded(segment: &Segment, uid: &str) -> String {
    let by = match &segment.origin {
        Some(origin) if origin.uid != uid => {
            format!(
                "an earlier Ingest of this name and spec (UID {})",
                origin.uid
            )
        }
        Some(_) | None => "this Ingest, whose status was lost,".to_owned(),
    };
    format!(
        "{by} loaded these rows as segment {}, and they are not loaded a second time. To load them again give the Ingest another name; or set revoked: true, and when it is Revoked delete it and apply it without",
        segment.id
    )
}

/// Why an Ingest of another spec is refused.
pub fn name_taken(key: &TableKey, segment: &Segment) -> String {
    let by = match &segment.origin {
        Some(Origin { uid, .. }) => format!("of other files or rules (UID {uid})"),
        None => "of which an earlier version of Orrery did not keep the files".to_owned(),
    };
    format!(
        "an Ingest of this name {by} loaded segment {} of {key}, which is visible: nothing was loaded. Give this Ingest another name; to take those rows back first, apply the former spec with revoked: true",
        segment.id
    )
}

#[cfg(test)]
mod tests {
    use orrery_archive::testing::{child, segment};
    use serde_json::{Value, json};

    use super::*;

    fn spec(change: impl Fn(&mut Value)) -> IngestSpec {
        let mut spec = json!({
            "target": {"database": "sky", "table": "Object"},
            "sources": [{"s3": {"bucket": "b", "key": "k", "secretRef": {"name": "s"}}}],
        });
        change(&mut spec);
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn whatever_says_which_rows_are_loaded_changes_the_hash_and_nothing_else_does() {
        let hash = |change: &dyn Fn(&mut Value)| spec_hash(&spec(change)).unwrap();
        let same = hash(&|_| {});
        type Change = fn(&mut Value);
        let other: [Change; 8] = [
            |spec| spec["target"]["table"] = json!("Source"),
            |spec| spec["sources"][0]["s3"]["key"] = json!("l"),
            |spec| spec["sources"] = json!([{"url": "http://a/b"}]),
            |spec| spec["dialect"] = json!({"header": true}),
            |spec| spec["fields"] = json!(["id"]),
            |spec| spec["positions"] = json!("normalizeLongitude"),
            |spec| spec["orphans"] = json!("reject"),
            |spec| spec["misplacedChildren"] = json!("move"),
        ];
        for (number, change) in other.into_iter().enumerate() {
            assert_ne!(hash(&change), same, "change {number}");
        }
        let alike: [Change; 4] = [
            |spec| spec["revoked"] = json!(true),
            |spec| spec["maxRejects"] = json!(9),
            |spec| spec["loader"] = json!({"nodeSelector": {"a": "b"}}),
            |spec| spec["sources"][0]["s3"]["secretRef"]["name"] = json!("t"),
        ];
        for (number, change) in alike.into_iter().enumerate() {
            assert_eq!(hash(&change), same, "change {number}");
        }
    }

    fn by(id: u64, ingest: &str, spec: Option<&str>) -> Segment {
        let origin = spec.map(|spec| Origin {
            uid: format!("u{id}"),
            spec: spec.into(),
        });
        Segment {
            ingest: ingest.into(),
            origin,
            ..segment(id, [1])
        }
    }

    #[test]
    fn rows_are_found_by_name_and_told_from_those_of_another_spec() {
        let found = |segments: &[Segment]| {
            let table = child(7, segments.to_vec());
            visible(&table, "i", "s").map(|former| match former {
                Former::Same(held) => ("same", held.id),
                Former::Other(held) => ("other", held.id),
            })
        };
        let (same, other) = (by(1, "i", Some("s")), by(2, "i", Some("t")));
        let unknown = by(3, "i", None);
        for (segments, expected) in [
            (vec![], None),
            (vec![by(4, "j", Some("s"))], None),
            (vec![same.clone()], Some(("same", 1))),
            (vec![same.clone(), other.clone()], Some(("same", 1))),
            (vec![other.clone()], Some(("other", 2))),
            (vec![unknown.clone()], Some(("other", 3))),
            (vec![other, unknown], Some(("other", 3))),
            (vec![same.clone(), by(9, "i", Some("s"))], Some(("same", 9))),
        ] {
            assert_eq!(found(&segments), expected, "{segments:?}");
        }
        let mut table = child(7, []);
        table.revoked = vec![same];
        assert_eq!(visible(&table, "i", "s"), None, "it was taken back");
        assert_eq!(revoked(&table, "i", "s").map(|held| held.id), Some(1));
        assert_eq!(revoked(&table, "i", "t"), None);
    }
}
