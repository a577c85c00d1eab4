//! Patterns of keys and paths: `*` and `?` stand for characters but `/`, `**` for any.

/// Files or objects that one pattern may name.
pub const MOST: usize = 10_000;

/// Whether a key has characters with a meaning.
pub fn is_pattern(key: &str) -> bool {
    key.contains(['*', '?'])
}

/// What every key that fits begins with.
pub fn fixed_part(pattern: &str) -> &str {
    pattern.split(['*', '?']).next().unwrap_or_default()
}

/// Whether `key` fits `pattern`.
pub fn fits(pattern: &str, key: &str) -> bool {
    let (pattern, key) = (pattern.as_bytes(), key.as_bytes());
    let mut reached = vec![false; key.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut at = 0;
    while let Some(byte) = pattern.get(at) {
        let any = pattern
            .get(at..)
            .is_some_and(|rest| rest.starts_with(b"**"));
        let mut next = vec![false; key.len() + 1];
        let mut open = false;
        for place in 0..=key.len() {
            let here = reached.get(place) == Some(&true);
            let before = place.checked_sub(1).and_then(|before| key.get(before));
            let slot = match byte {
                b'*' => {
                    open = here || (open && (any || before != Some(&b'/')));
                    open
                }
                b'?' => place > 0 && reached.get(place - 1) == Some(&true) && before != Some(&b'/'),
                byte => place > 0 && reached.get(place - 1) == Some(&true) && before == Some(byte),
            };
            if let Some(target) = next.get_mut(place) {
                *target = slot;
            }
        }
        reached = next;
        at += if any { 2 } else { 1 };
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_a_folder_and_two_do_not() {
        for (pattern, key, expected) in [
            ("a/*.parquet", "a/b.parquet", true),
            ("a/*.parquet", "a/.parquet", true),
            ("a/*.parquet", "a/b/c.parquet", false),
            ("a/**.parquet", "a/b/c.parquet", true),
            ("a/**/c.parquet", "a/b/x/c.parquet", true),
            ("a/?.csv", "a/b.csv", true),
            ("a/?.csv", "a//.csv", false),
            ("a/?.csv", "a/bb.csv", false),
            ("*", "", true),
            ("a*b*c", "aXXbYYbZc", true),
            ("a*b*c", "aXXbYYbZ", false),
            ("a.csv", "a.csv", true),
            ("a.csv", "abcsv", false),
            ("ü*", "ünder", true),
        ] {
            assert_eq!(fits(pattern, key), expected, "{pattern} {key}");
        }
        assert_eq!(fixed_part("a/b*c?d"), "a/b");
        assert!(is_pattern("a?") && !is_pattern("a/b.csv"));
    }
}
