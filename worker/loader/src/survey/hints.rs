//! What a file of the wrong shape most likely has, in few words. Pure.

use crate::values::shown;

/// That the table has no columns for the fields `unknown`, of a file with so many fields.
pub fn unknown_fields(unknown: &[&str], fields: usize) -> String {
    const MOST: usize = 5;
    let names = unknown.iter().take(MOST);
    let names: Vec<String> = names.map(|name| shown(name.as_bytes())).collect();
    let more = match unknown.len().saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "the table has no column {}{more}; a field to be skipped has a name that starts with `-`{}",
        names.join(", "),
        header_hint(unknown, fields)
    )
}

/// What the names of a header that is none look like.
fn header_hint(unknown: &[&str], fields: usize) -> String {
    let first = unknown.first().copied().unwrap_or_default();
    let ends = unknown
        .iter()
        .map(|name| lines_within(name.as_bytes()))
        .find(|hint| !hint.is_empty());
    if first.starts_with('#') {
        "; lines of comments are left out with dialect.comment: \"#\"".into()
    } else if let Some(ends) = ends {
        ends
    } else if fields == 1 && first.contains([',', '\t', ';', '|', ' ']) {
        "; the header is one field: look at dialect.delimiter".into()
    } else {
        String::new()
    }
}

/// What line ends inside a record of the wrong shape hint at: rows that were swallowed.
pub fn lines_within(record: &[u8]) -> String {
    let lines = memchr::memchr_iter(b'\n', record).count();
    if lines > 0 {
        return format!(
            "; the record spans {} lines of the file: look at dialect.quote and dialect.escape",
            lines + 1
        );
    }
    match memchr::memchr_iter(b'\r', record).count() {
        0 => String::new(),
        returns => format!(
            "; the record holds {returns} carriage returns: lines must end with a line feed, alone or after one carriage return"
        ),
    }
}
