//! Which functions may appear where.
//!
//! Keeps true: a function runs on workers only when it is known to depend on its arguments alone (or to be random by contract);
//! what reads the session, sleeps, locks or reads files is refused.

/// What the value of a construct is, as far as its way through a text result matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    /// Never a FLOAT nor a TIMESTAMP column's value: text carries it exactly.
    Exact,
    /// One of its operands, with their common type.
    Choice,
}

/// Functions that compute a value from their arguments; their result is never FLOAT.
const PURE: &[&str] = &[
    "ABS",
    "ACOS",
    "ADDDATE",
    "ADDTIME",
    "ASCII",
    "ASIN",
    "ATAN",
    "ATAN2",
    "BIN",
    "BIT_COUNT",
    "BIT_LENGTH",
    "CEIL",
    "CEILING",
    "CHAR",
    "CHARACTER_LENGTH",
    "CHAR_LENGTH",
    "CHR",
    "CONCAT",
    "CONCAT_WS",
    "CONV",
    "COS",
    "COT",
    "CRC32",
    "DATE",
    "DATEDIFF",
    "DATE_ADD",
    "DATE_FORMAT",
    "DATE_SUB",
    "DAY",
    "DAYOFMONTH",
    "DAYOFWEEK",
    "DAYOFYEAR",
    "DEGREES",
    "ELT",
    "EXP",
    "EXPORT_SET",
    "FIELD",
    "FIND_IN_SET",
    "FLOOR",
    "FORMAT",
    "FROM_BASE64",
    "FROM_DAYS",
    "FROM_UNIXTIME",
    "HEX",
    "HOUR",
    "INET_ATON",
    "INET_NTOA",
    "INSERT",
    "INSTR",
    "INTERVAL",
    "ISNULL",
    "JSON_EXTRACT",
    "JSON_LENGTH",
    "JSON_UNQUOTE",
    "JSON_VALID",
    "JSON_VALUE",
    "LAST_DAY",
    "LCASE",
    "LEFT",
    "LENGTH",
    "LN",
    "LOCATE",
    "LOG",
    "LOG10",
    "LOG2",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MAKEDATE",
    "MAKETIME",
    "MAKE_SET",
    "MD5",
    "MICROSECOND",
    "MID",
    "MINUTE",
    "MOD",
    "MONTH",
    "OCT",
    "OCTET_LENGTH",
    "ORD",
    "PERIOD_ADD",
    "PERIOD_DIFF",
    "PI",
    "POW",
    "POWER",
    "QUARTER",
    "QUOTE",
    "RADIANS",
    "REGEXP_INSTR",
    "REGEXP_REPLACE",
    "REGEXP_SUBSTR",
    "REPEAT",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "ROUND",
    "ROW",
    "RPAD",
    "RTRIM",
    "SECOND",
    "SEC_TO_TIME",
    "SHA",
    "SHA1",
    "SHA2",
    "SIGN",
    "SIN",
    "SOUNDEX",
    "SPACE",
    "SQRT",
    "STRCMP",
    "STR_TO_DATE",
    "SUBDATE",
    "SUBSTR",
    "SUBSTRING",
    "SUBSTRING_INDEX",
    "SUBTIME",
    "TAN",
    "TIME",
    "TIMEDIFF",
    "TIMESTAMP",
    "TIME_FORMAT",
    "TIME_TO_SEC",
    "TO_BASE64",
    "TO_DAYS",
    "TO_SECONDS",
    "TRIM",
    "TRUNCATE",
    "UCASE",
    "UNHEX",
    "UNIX_TIMESTAMP",
    "UPPER",
    "WEEK",
    "WEEKDAY",
    "WEEKOFYEAR",
    "YEAR",
    "YEARWEEK",
];

/// Functions whose value is one of their arguments, converted to a common type.
const CHOICE: &[&str] = &[
    "COALESCE", "GREATEST", "IF", "IFNULL", "LEAST", "NULLIF", "NVL", "NVL2",
];

/// Functions that read the clock; all statements of a query must see the same time. With arguments some compute from them alone.
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

/// Functions that one server may run over whole tables, beyond those that chunks may: aggregates, windows, and what computes from its
/// arguments by rules that the planner does not know. JSON_… and ST_… belong here too.
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
    Pure(Yields),
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
    } else if CHOICE.contains(&name) {
        Some(Scalar::Pure(Yields::Choice))
    } else if PURE.contains(&name) || is_sky_function(name) {
        Some(Scalar::Pure(Yields::Exact))
    } else {
        None
    }
}

/// Whether this word (in capitals) reads the clock without parentheses.
pub(crate) fn is_clock_word(name: &str) -> bool {
    CLOCK.contains(&name) && !matches!(name, "CURDATE" | "CURTIME" | "NOW")
}

/// Whether the function differs from call to call.
pub(crate) fn is_random(name: &str) -> bool {
    RANDOM.contains(&name)
}

/// Functions of the worker plugin, aggregates left out, and spatial restrictions, which the planner replaces.
fn is_sky_function(name: &str) -> bool {
    let plugin = name.starts_with("SCISQL_") && !is_sky_aggregate(name) && name != "SCISQL_RAISEERROR";
    plugin || is_area_name(name)
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
    const OTHER_AGGREGATES: &[&str] = &[
        "GROUP_CONCAT",
        "JSON_ARRAYAGG",
        "JSON_OBJECTAGG",
        "STD",
        "STDDEV",
        "STDDEV_POP",
        "STDDEV_SAMP",
        "VARIANCE",
        "VAR_POP",
        "VAR_SAMP",
        "MEDIAN",
        "PERCENTILE_CONT",
    ];
    if OTHER_AGGREGATES.contains(&name) || is_sky_aggregate(name) {
        "aggregates over chunked tables are COUNT, SUM, AVG, MIN, MAX and BIT_AND/OR/XOR so far: select the rows, or build it from SUM(x), SUM(x*x) and COUNT(x)"
    } else if name == "RAND" {
        "RAND with a seed would give each chunk the same numbers; write RAND() without one"
    } else if SESSION.contains(&name) {
        "workers do not know your session: select it in a statement without tables and write its value here"
    } else {
        "over chunked tables only functions that compute from their arguments are taken"
    }
}
