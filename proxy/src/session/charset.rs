//! Character sets and collations a session may ask for: those of MariaDB 10.11 in which ASCII means
//! ASCII, because statements are read as tokens here and at the czar.

use std::ops::RangeInclusive;

/// A collation with its id in the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collation {
    /// Id in the protocol.
    pub id: u16,
    /// MariaDB's current name.
    pub name: String,
}

/// Character sets taken, with their default collations.
const CHARSETS: [(&str, &str); 5] = [
    ("utf8mb4", "utf8mb4_general_ci"),
    ("utf8mb3", "utf8mb3_general_ci"),
    ("latin1", "latin1_swedish_ci"),
    ("ascii", "ascii_general_ci"),
    ("binary", "binary"),
];

/// Collations that follow no rule.
const SINGLE: [(u16, &str); 26] = [
    (5, "latin1_german1_ci"),
    (8, "latin1_swedish_ci"),
    (11, "ascii_general_ci"),
    (15, "latin1_danish_ci"),
    (31, "latin1_german2_ci"),
    (33, "utf8mb3_general_ci"),
    (45, "utf8mb4_general_ci"),
    (46, "utf8mb4_bin"),
    (47, "latin1_bin"),
    (48, "latin1_general_ci"),
    (49, "latin1_general_cs"),
    (63, "binary"),
    (65, "ascii_bin"),
    (83, "utf8mb3_bin"),
    (94, "latin1_spanish_ci"),
    (1057, "utf8mb3_general_nopad_ci"),
    (1069, "utf8mb4_general_nopad_ci"),
    (1070, "utf8mb4_nopad_bin"),
    (1107, "utf8mb3_nopad_bin"),
    (1216, "utf8mb3_unicode_nopad_ci"),
    (1238, "utf8mb3_unicode_520_nopad_ci"),
    (1248, "utf8mb4_unicode_nopad_ci"),
    (1270, "utf8mb4_unicode_520_nopad_ci"),
    (2304, "utf8mb4_uca1400_ai_ci"),
    (2305, "utf8mb4_uca1400_ai_cs"),
    (2307, "utf8mb4_uca1400_as_cs"),
];

/// Languages of the `unicode` family, in the order of their ids: 192… for utf8mb3, 224… for
/// utf8mb4.
const FAMILY: [&str; 24] = [
    "unicode",
    "icelandic",
    "latvian",
    "romanian",
    "slovenian",
    "polish",
    "estonian",
    "spanish",
    "swedish",
    "turkish",
    "czech",
    "danish",
    "lithuanian",
    "slovak",
    "spanish2",
    "roman",
    "persian",
    "esperanto",
    "hungarian",
    "sinhala",
    "german2",
    "croatian_mysql561",
    "unicode_520",
    "vietnamese",
];

/// Ids that MySQL 8 has for utf8mb4, `utf8mb4_0900_ai_ci` first, and MariaDB for nothing.
const OF_MYSQL_8: RangeInclusive<u16> = 255..=323;

fn all() -> impl Iterator<Item = Collation> {
    let single = SINGLE.into_iter().map(|(id, name)| Collation {
        id,
        name: name.to_owned(),
    });
    let family = [(192, "utf8mb3"), (224, "utf8mb4")]
        .into_iter()
        .flat_map(|(first, charset)| {
            (first..).zip(FAMILY).map(move |(id, language)| Collation {
                id,
                name: format!("{charset}_{language}_ci"),
            })
        });
    single.chain(family)
}

impl Default for Collation {
    fn default() -> Self {
        Self {
            id: 45,
            name: "utf8mb4_general_ci".to_owned(),
        }
    }
}

impl Collation {
    /// The collation a client names in its handshake. 0 names none, and ids that only MySQL 8 has
    /// are all of utf8mb4: both give the default, as in MariaDB. Every other id that is not taken
    /// here is of a character set that cannot be spoken.
    pub fn of_id(id: u16) -> Option<Self> {
        if id == 0 || OF_MYSQL_8.contains(&id) {
            return Some(Self::default());
        }
        all().find(|collation| collation.id == id)
    }

    /// By name, older names included.
    pub fn by_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let current = match name.strip_prefix("utf8_") {
            Some(rest) => format!("utf8mb3_{rest}"),
            None => name,
        };
        all().find(|collation| collation.name == current)
    }

    /// A character set's default.
    pub fn of_charset(charset: &str) -> Option<Self> {
        let charset = current_name(charset);
        let found = CHARSETS.iter().find(|(name, _)| *name == charset);
        found.and_then(|(_, collation)| Self::by_name(collation))
    }

    /// The character set.
    pub fn charset(&self) -> &str {
        self.name
            .split_once('_')
            .map_or(self.name.as_str(), |(charset, _)| charset)
    }

    /// Whether a statement in this character set that is valid UTF-8 means what it means as UTF-8.
    pub fn reads_utf8(&self) -> bool {
        self.charset() != "latin1"
    }
}

/// A character set's current name.
pub fn current_name(charset: &str) -> String {
    match charset.to_ascii_lowercase().as_str() {
        "utf8" => "utf8mb3".to_owned(),
        other => other.to_owned(),
    }
}
