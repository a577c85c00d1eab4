//! Time zones: SYSTEM and offsets, which every server knows without tables, and the names that
//! their images know (`images/time-zones`).

/// Names that every server knows, one a line; without those that are sent as offsets.
const NAMES: &str = include_str!("time_zones.txt");

/// The zone as it is sent to servers; `None` for one that cannot be relied on to exist everywhere.
pub fn time_zone(value: &str) -> Option<String> {
    match value.to_ascii_uppercase().as_str() {
        "SYSTEM" => Some("SYSTEM".to_owned()),
        "UTC" | "GMT" => Some("+00:00".to_owned()),
        _ => offset(value).or_else(|| named(value)),
    }
}

/// The zone of this name, in the letters that its name has.
fn named(value: &str) -> Option<String> {
    let mut names = NAMES.lines();
    let found = names.find(|name| name.eq_ignore_ascii_case(value));
    found.map(str::to_owned)
}

/// `+h:mm` to `+hh:mm`, between -12:59 and +14:00.
fn offset(value: &str) -> Option<String> {
    let sign = value
        .chars()
        .next()
        .filter(|sign| matches!(sign, '+' | '-'))?;
    let (hours, minutes) = value.get(1..)?.split_once(':')?;
    let plain = |part: &str| part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(hours) || !plain(minutes) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let limit = if sign == '+' { 14 * 60 } else { 12 * 60 + 59 };
    (minutes < 60 && hours * 60 + minutes <= limit)
        .then(|| format!("{sign}{hours:02}:{minutes:02}"))
}
