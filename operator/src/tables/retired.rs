//! What users are told of deleted tables.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use orrery_archive::catalog::Retired;
use orrery_crds::kinds::{ChunkedTable, ReferenceTable};

use crate::controller::events::Event;

/// Seconds since 1970 (UTC), as the catalog counts them.
pub fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or(0)
}

/// The object that declared a deleted table.
pub fn reference(namespace: &str, retired: &Retired) -> ObjectReference {
    let (version, kind) = if retired.table.kind.is_chunked() {
        (ChunkedTable::api_version(&()), ChunkedTable::kind(&()))
    } else {
        (ReferenceTable::api_version(&()), ReferenceTable::kind(&()))
    };
    ObjectReference {
        api_version: Some(version.into()),
        kind: Some(kind.into()),
        name: Some(retired.table.object.clone()),
        namespace: Some(namespace.to_owned()),
        ..ObjectReference::default()
    }
}

/// That the rows are kept, and until when.
pub fn kept(retired: &Retired) -> Event {
    let key = &retired.key;
    let rows: u64 = retired
        .table
        .segments
        .iter()
        .map(|segment| segment.rows)
        .sum();
    let until = match retired.until {
        Some(until) => format!("until {}", time(until)),
        None => "with no end".to_owned(),
    };
    Event::normal(
        "RowsKept",
        format!(
            "{rows} rows of {key} are kept {until}: make the same object again, or `kubectl orrery table restore {key}`, to have them back"
        ),
    )
}

/// That the grace period is over.
pub fn dropped(retired: &Retired) -> Event {
    let key = &retired.key;
    Event::normal(
        "RowsDropped",
        format!("the grace period of {key} is over: workers drop its rows"),
    )
}

/// A time of the catalog in words; one beyond the calendar as its number.
fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use orrery_archive::catalog::TableKey;
    use orrery_archive::testing::{child, reference as table, segment};

    use super::*;

    fn retired(until: Option<u64>) -> Retired {
        Retired {
            key: TableKey::new("sky", "Source"),
            table: child(7, [segment(1, [1]), segment(2, [1])]),
            since: 3,
            until,
            director: Some(5),
        }
    }

    #[test]
    fn an_event_says_how_many_rows_are_kept_and_until_when() {
        let note = kept(&retired(Some(1_800_000_000))).note;
        assert!(
            note.starts_with("2 rows of sky.Source are kept until 2027-01-15T08:00:00Z: "),
            "{note}"
        );
        let note = kept(&retired(None)).note;
        assert!(note.contains("are kept with no end: "), "{note}");
        let note = kept(&retired(Some(u64::MAX))).note;
        assert!(note.contains("until second 18446744073709551615"), "{note}");
    }

    #[test]
    fn an_event_is_about_the_object_that_was_deleted() {
        let about = reference("sky", &retired(None));
        assert_eq!(about.kind.as_deref(), Some("ChunkedTable"));
        assert_eq!(about.name.as_deref(), Some("table"));
        let of_reference = Retired {
            table: table(7, []),
            ..retired(None)
        };
        let about = reference("sky", &of_reference);
        assert_eq!(about.kind.as_deref(), Some("ReferenceTable"));
    }
}
