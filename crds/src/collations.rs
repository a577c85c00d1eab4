//! The collations that MariaDB 10.11 has, of the character sets that Orrery loads.
//!
//! Names get into statements as they are, so none is taken for its form: one that no server has, such
//! as MySQL's `utf8mb4_0900_ai_ci`, would make a table that no worker and no czar can make.

/// Endings of names of both character sets of Unicode.
const UNICODE: &[&str] = &[
    "bin",
    "croatian_ci",
    "croatian_mysql561_ci",
    "czech_ci",
    "danish_ci",
    "esperanto_ci",
    "estonian_ci",
    "general_ci",
    "general_nopad_ci",
    "german2_ci",
    "hungarian_ci",
    "icelandic_ci",
    "latvian_ci",
    "lithuanian_ci",
    "myanmar_ci",
    "nopad_bin",
    "persian_ci",
    "polish_ci",
    "roman_ci",
    "romanian_ci",
    "sinhala_ci",
    "slovak_ci",
    "slovenian_ci",
    "spanish2_ci",
    "spanish_ci",
    "swedish_ci",
    "thai_520_w2",
    "turkish_ci",
    "unicode_520_ci",
    "unicode_520_nopad_ci",
    "unicode_ci",
    "unicode_nopad_ci",
    "vietnamese_ci",
];

/// Languages of the collations by Unicode 14, such as `utf8mb4_uca1400_czech_nopad_ai_ci`; each may
/// be without a language too.
const LANGUAGES: &[&str] = &[
    "croatian",
    "czech",
    "danish",
    "esperanto",
    "estonian",
    "german2",
    "hungarian",
    "icelandic",
    "latvian",
    "lithuanian",
    "persian",
    "polish",
    "roman",
    "romanian",
    "sinhala",
    "slovak",
    "slovenian",
    "spanish",
    "spanish2",
    "swedish",
    "turkish",
    "vietnamese",
];

const LATIN1: &[&str] = &[
    "bin",
    "danish_ci",
    "general_ci",
    "general_cs",
    "german1_ci",
    "german2_ci",
    "nopad_bin",
    "spanish_ci",
    "swedish_ci",
    "swedish_nopad_ci",
];

const ASCII: &[&str] = &["bin", "general_ci", "general_nopad_ci", "nopad_bin"];

/// Whether this is the name of a collation of the character set. `utf8` is MariaDB's other name of
/// `utf8mb3`, in both.
pub fn is_of(collation: &str, charset: &str) -> bool {
    if charset == "binary" {
        return collation == "binary";
    }
    let same = |name| if name == "utf8" { "utf8mb3" } else { name };
    let Some((prefix, ending)) = collation.split_once('_') else {
        return false;
    };
    same(prefix) == same(charset)
        && match same(charset) {
            "utf8mb4" => UNICODE.contains(&ending) || is_uca1400(ending),
            "utf8mb3" => {
                UNICODE.contains(&ending) || ending == "general_mysql500_ci" || is_uca1400(ending)
            }
            "latin1" => LATIN1.contains(&ending),
            "ascii" => ASCII.contains(&ending),
            _ => false,
        }
}

fn is_uca1400(ending: &str) -> bool {
    let Some(rest) = ending.strip_prefix("uca1400_") else {
        return false;
    };
    let of_language = LANGUAGES
        .iter()
        .filter_map(|language| rest.strip_prefix(language)?.strip_prefix('_'));
    let mut all = of_language.chain([rest]);
    all.any(|rest| {
        let sensitivity = rest.strip_prefix("nopad_").unwrap_or(rest);
        matches!(sensitivity, "ai_ci" | "ai_cs" | "as_ci" | "as_cs")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_server_are_taken_under_their_own_character_set() {
        for (charset, collation) in [
            ("utf8mb4", "utf8mb4_general_ci"),
            ("utf8mb4", "utf8mb4_nopad_bin"),
            ("utf8mb4", "utf8mb4_uca1400_ai_ci"),
            ("utf8mb4", "utf8mb4_uca1400_spanish2_nopad_as_cs"),
            ("utf8mb3", "utf8mb3_general_mysql500_ci"),
            ("utf8mb3", "utf8_bin"),
            ("utf8", "utf8mb3_bin"),
            ("latin1", "latin1_general_cs"),
            ("ascii", "ascii_general_nopad_ci"),
            ("binary", "binary"),
        ] {
            assert!(is_of(collation, charset), "{collation} of {charset}");
        }
    }

    /// What stood behind a known beginning went into the statement that makes the table.
    #[test]
    fn nothing_else_is_taken_whatever_it_begins_with() {
        for (charset, collation) in [
            ("utf8mb4", "utf8mb4_bin);CREATE USER x;-- "),
            ("utf8mb4", "utf8mb4_0900_ai_ci"),
            ("utf8mb4", "utf8mb4_general_mysql500_ci"),
            ("utf8mb4", "utf8mb4_uca1400_klingon_ai_ci"),
            ("utf8mb4", "utf8mb4_uca1400_czech_ai_ci_x"),
            ("utf8mb4", "latin1_bin"),
            ("utf8mb4", "utf8mb4_"),
            ("utf8mb4", "utf8mb4"),
            ("utf8mb4", ""),
            ("latin1", "latin1_danish_ci COMMENT 'x'"),
            ("ascii", "ascii_swedish_ci"),
            ("binary", "binary_bin"),
            ("koi8r", "koi8r_bin"),
        ] {
            assert!(!is_of(collation, charset), "{collation} of {charset}");
        }
    }
}
