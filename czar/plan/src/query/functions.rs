//! Which functions may appear where.
//!
//! Keeps true: a function runs on workers only when it is known to depend on its arguments alone
//! (or to be random by contract); what reads the session, sleeps, locks or reads files is refused.

/// What the value of a construct is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    /// An integer.
    Integer,
    /// A DOUBLE whose text shows it all.
    Double,
    /// A DOUBLE that shows so many digits after the point.
    DoubleOf(u32),
    /// A string.
    Text,
    /// A DATE.
    Date,
    /// A date, a time, or a string with one, as its arguments want.
    Named,
    /// A number like its first argument.
    First,
    /// Its first argument as a whole number.
    Whole,
    /// Its first argument with as many digits after the point as the second says.
    Rounded,
    /// The remainder of its arguments.
    Remainder,
    /// A number with the fraction digits of a time.
    Seconds,
    /// One of its arguments, converted to their common type.
    Choice,
    /// The greatest or the least of its arguments.
    Extreme,
    /// Its first argument or NULL.
    FirstOrNull,
    /// Arguments after the first, converted to their common type.
    ChoiceAfterFirst,
    /// Several values, which can only be compared.
    Row,
    /// `INTERVAL 1 DAY`, which can only be added to a date.
    Interval,
}

const INTEGERS: &[&str] = &[
    "ASCII",
    "BIT_COUNT",
    "BIT_LENGTH",
    "CHARACTER_LENGTH",
    "CHAR_LENGTH",
    "CRC32",
    "DATEDIFF",
    "DAY",
    "DAYOFMONTH",
    "DAYOFWEEK",
    "DAYOFYEAR",
    "FIELD",
    "FIND_IN_SET",
    "HOUR",
    "INET_ATON",
    "INSTR",
    "INTERVAL",
    "ISNULL",
    "JSON_LENGTH",
    "JSON_VALID",
    "LENGTH",
    "LOCATE",
    "MICROSECOND",
    "MINUTE",
    "MONTH",
    "OCTET_LENGTH",
    "ORD",
    "PERIOD_ADD",
    "PERIOD_DIFF",
    "QUARTER",
    "REGEXP_INSTR",
    "SCISQL_EXTRACTINT64",
    "SCISQL_S2HTMID",
    "SCISQL_S2HTMLEVEL",
    "SCISQL_S2PTINBOX",
    "SCISQL_S2PTINCIRCLE",
    "SCISQL_S2PTINCPOLY",
    "SCISQL_S2PTINELLIPSE",
    "SECOND",
    "SIGN",
    "STRCMP",
    "TO_DAYS",
    "TO_SECONDS",
    "WEEK",
    "WEEKDAY",
    "WEEKOFYEAR",
    "YEAR",
    "YEARWEEK",
];

const DOUBLES: &[&str] = &[
    "ACOS",
    "ASIN",
    "ATAN",
    "ATAN2",
    "COS",
    "COT",
    "DEGREES",
    "EXP",
    "LN",
    "LOG",
    "LOG10",
    "LOG2",
    "POW",
    "POWER",
    "RADIANS",
    "SCISQL_ABMAGTODN",
    "SCISQL_ABMAGTODNSIGMA",
    "SCISQL_ABMAGTOFLUX",
    "SCISQL_ABMAGTOFLUXSIGMA",
    "SCISQL_ABMAGTONANOJANSKY",
    "SCISQL_ABMAGTONANOJANSKYSIGMA",
    "SCISQL_ANGSEP",
    "SCISQL_DNTOABMAG",
    "SCISQL_DNTOABMAGSIGMA",
    "SCISQL_DNTOFLUX",
    "SCISQL_DNTOFLUXSIGMA",
    "SCISQL_FLUXTOABMAG",
    "SCISQL_FLUXTOABMAGSIGMA",
    "SCISQL_FLUXTODN",
    "SCISQL_FLUXTODNSIGMA",
    "SCISQL_NANOJANSKYTOABMAG",
    "SCISQL_NANOJANSKYTOABMAGSIGMA",
    "SIN",
    "SQRT",
    "TAN",
];

const TEXTS: &[&str] = &[
    "BIN",
    "CHAR",
    "CHR",
    "CONCAT",
    "CONCAT_WS",
    "CONV",
    "DATE_FORMAT",
    "ELT",
    "EXPORT_SET",
    "FORMAT",
    "FROM_BASE64",
    "HEX",
    "INET_NTOA",
    "INSERT",
    "JSON_EXTRACT",
    "JSON_UNQUOTE",
    "JSON_VALUE",
    "LCASE",
    "LEFT",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MAKE_SET",
    "MD5",
    "MID",
    "OCT",
    "QUOTE",
    "REGEXP_REPLACE",
    "REGEXP_SUBSTR",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "RPAD",
    "RTRIM",
    "SCISQL_GETVERSION",
    "SCISQL_S2CPOLYTOBIN",
    "SHA",
    "SHA1",
    "SHA2",
    "SOUNDEX",
    "SPACE",
    "SUBSTR",
    "SUBSTRING",
    "SUBSTRING_INDEX",
    "TIME_FORMAT",
    "TO_BASE64",
    "TRIM",
    "UCASE",
    "UNHEX",
    "UPPER",
];

const DATES: &[&str] = &["DATE", "FROM_DAYS", "LAST_DAY", "MAKEDATE"];

const NAMED: &[&str] = &[
    "ADDDATE",
    "ADDTIME",
    "DATE_ADD",
    "DATE_SUB",
    "FROM_UNIXTIME",
    "MAKETIME",
    "SEC_TO_TIME",
    "STR_TO_DATE",
    "SUBDATE",
    "SUBTIME",
    "TIME",
    "TIMEDIFF",
    "TIMESTAMP",
];

/// What a function returns that computes from its arguments alone; `None` when there is none of
/// that name.
pub(crate) fn returns(name: &str) -> Option<Returns> {
    let name = name.to_ascii_uppercase();
    let name = name.as_str();
    let lists = [
        (INTEGERS, Returns::Integer),
        (DOUBLES, Returns::Double),
        (TEXTS, Returns::Text),
        (DATES, Returns::Date),
        (NAMED, Returns::Named),
    ];
    if let Some((_, returns)) = lists.iter().find(|(names, _)| names.contains(&name)) {
        return Some(*returns);
    }
    Some(match name {
        "ABS" => Returns::First,
        "CEIL" | "CEILING" | "FLOOR" => Returns::Whole,
        "ROUND" | "TRUNCATE" => Returns::Rounded,
        "MOD" => Returns::Remainder,
        "PI" => Returns::DoubleOf(6),
        "TIME_TO_SEC" | "UNIX_TIMESTAMP" => Returns::Seconds,
        "COALESCE" | "IFNULL" | "NVL" => Returns::Choice,
        "IF" | "NVL2" => Returns::ChoiceAfterFirst,
        "GREATEST" | "LEAST" => Returns::Extreme,
        "NULLIF" => Returns::FirstOrNull,
        "ROW" => Returns::Row,
        name if is_area_name(name) => Returns::Integer,
        _ => return None,
    })
}

/// Functions that read the clock; all statements of a query must see the same time. With arguments
/// some compute from them alone.
const CLOCK: &[&str] = &[
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURTIME",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NOW",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
];

/// Functions whose value differs from call to call, which is what they are for.
const RANDOM: &[&str] = &["RAND", "UUID", "UUID_SHORT", "SYS_GUID"];

/// Functions that are refused in every statement: they wait, lock, or read what is not in a table.
pub(crate) const FORBIDDEN: &[&str] = &[
    "BENCHMARK",
    "GET_LOCK",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "LASTVAL",
    "LOAD_FILE",
    "MASTER_GTID_WAIT",
    "MASTER_POS_WAIT",
    "NEXTVAL",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
    "SETVAL",
    "SLEEP",
    "SYS_EVAL",
    "SYS_EXEC",
];

/// Functions about the session: workers do not know it.
pub(crate) const SESSION: &[&str] = &[
    "CONNECTION_ID",
    "CURRENT_ROLE",
    "CURRENT_USER",
    "DATABASE",
    "FOUND_ROWS",
    "LAST_INSERT_ID",
    "ROW_COUNT",
    "SCHEMA",
    "SESSION_USER",
    "SYSTEM_USER",
    "USER",
    "VERSION",
    "SYSDATE",
];

/// Functions that one server may run over whole tables, beyond those that chunks may: aggregates,
/// windows, and what computes from its arguments by rules that the planner does not know. JSON_…
/// and ST_… belong here too.
const ON_ONE_SERVER: &[&str] = &[
    "ADD_MONTHS",
    "AES_DECRYPT",
    "AES_ENCRYPT",
    "AVG",
    "BIT_AND",
    "BIT_OR",
    "BIT_XOR",
    "CAST",
    "CHARSET",
    "COERCIBILITY",
    "COLLATION",
    "COLUMN_ADD",
    "COLUMN_CHECK",
    "COLUMN_CREATE",
    "COLUMN_DELETE",
    "COLUMN_EXISTS",
    "COLUMN_GET",
    "COLUMN_JSON",
    "COLUMN_LIST",
    "COMPRESS",
    "CONCAT_OPERATOR_ORACLE",
    "CONVERT",
    "CONVERT_TZ",
    "COUNT",
    "CRC32C",
    "CUME_DIST",
    "DAYNAME",
    "DECODE",
    "DECODE_HISTOGRAM",
    "DECODE_ORACLE",
    "DEFAULT",
    "DENSE_RANK",
    "DES_DECRYPT",
    "DES_ENCRYPT",
    "ENCODE",
    "ENCRYPT",
    "EXTRACT",
    "EXTRACTVALUE",
    "FIRST_VALUE",
    "GET_FORMAT",
    "GROUP_CONCAT",
    "INET6_ATON",
    "INET6_NTOA",
    "INTERVAL",
    "IS_IPV4",
    "IS_IPV4_COMPAT",
    "IS_IPV4_MAPPED",
    "IS_IPV6",
    "LAG",
    "LAST_VALUE",
    "LEAD",
    "LENGTHB",
    "LPAD_ORACLE",
    "LTRIM_ORACLE",
    "MAX",
    "MEDIAN",
    "MIN",
    "MONTHNAME",
    "NAME_CONST",
    "NATURAL_SORT_KEY",
    "NTH_VALUE",
    "NTILE",
    "OLD_PASSWORD",
    "PASSWORD",
    "PERCENTILE_CONT",
    "PERCENTILE_DISC",
    "PERCENT_RANK",
    "POSITION",
    "RANDOM_BYTES",
    "RANK",
    "REPLACE_ORACLE",
    "ROWNUM",
    "ROW_NUMBER",
    "RPAD_ORACLE",
    "RTRIM_ORACLE",
    "SFORMAT",
    "STD",
    "STDDEV",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "SUBSTR_ORACLE",
    "SUM",
    "TIMESTAMPADD",
    "TIMESTAMPDIFF",
    "TO_CHAR",
    "TRIM_ORACLE",
    "UNCOMPRESS",
    "UNCOMPRESSED_LENGTH",
    "UPDATEXML",
    "VALUE",
    "VARIANCE",
    "VAR_POP",
    "VAR_SAMP",
    "WEIGHT_STRING",
];

/// Whether a text that one server runs whole may call the function. `name` is in capitals.
pub(crate) fn on_one_server(name: &str) -> bool {
    scalar(name, 1).is_some()
        || ON_ONE_SERVER.contains(&name)
        || is_sky_aggregate(name)
        || name.starts_with("JSON_")
        || name.starts_with("ST_")
}

/// What a scalar function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// Computes from its arguments.
    Pure,
    /// Reads the clock.
    Clock,
    /// Differs from call to call.
    Random,
}

/// What the scalar function of this name is, if it may run on workers. `name` is in capitals.
pub(crate) fn scalar(name: &str, arguments: usize) -> Option<Scalar> {
    if CLOCK.contains(&name) || (name == "UNIX_TIMESTAMP" && arguments == 0) {
        Some(Scalar::Clock)
    } else if RANDOM.contains(&name) {
        Some(Scalar::Random)
    } else {
        returns(name).map(|_| Scalar::Pure)
    }
}

/// What a function returns that is not computed from its arguments alone.
pub(crate) fn returns_by_itself(name: &str) -> Option<Returns> {
    Some(match name {
        "CURDATE" | "CURRENT_DATE" | "UTC_DATE" => Returns::Date,
        "RAND" => Returns::Double,
        "UUID_SHORT" => Returns::Integer,
        name if CLOCK.contains(&name) => Returns::Named,
        name if RANDOM.contains(&name) => Returns::Text,
        _ => return None,
    })
}

/// Whether this word (in capitals) reads the clock without parentheses.
pub(crate) fn is_clock_word(name: &str) -> bool {
    CLOCK.contains(&name) && !matches!(name, "CURDATE" | "CURTIME" | "NOW")
}

/// Whether a function, by its name in capitals, is a spatial restriction.
pub(crate) fn is_area_name(name: &str) -> bool {
    name.len() > 15
        && name
            .get(..15)
            .is_some_and(|head| head.eq_ignore_ascii_case("QSERV_AREASPEC_"))
}

fn is_sky_aggregate(name: &str) -> bool {
    matches!(name, "SCISQL_MEDIAN" | "SCISQL_PERCENTILE")
}

/// What to write instead of a function that has no plan.
pub(crate) fn hint(name: &str) -> &'static str {
    const OTHER_AGGREGATES: &[&str] = &["MEDIAN", "PERCENTILE_CONT"];
    if OTHER_AGGREGATES.contains(&name) || is_sky_aggregate(name) {
        "aggregates over chunked tables are COUNT, SUM, AVG, MIN, MAX, BIT_AND/OR/XOR, STD, VARIANCE and their kin so far: select the rows"
    } else if name == "RAND" {
        "RAND with a seed would give each chunk the same numbers; write RAND() without one"
    } else if SESSION.contains(&name) {
        "workers do not know your session: select it in a statement without tables and write its value here"
    } else {
        "over chunked tables only functions that compute from their arguments are taken"
    }
}
