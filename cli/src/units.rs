//! Numbers for people.

use std::time::Duration;

/// `1234567` → `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in binary units with three digits: `1.21 GiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 999.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    let decimals = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    format!("{value:.decimals$} {unit}")
}

/// `75.3 s` → `1m15s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, count, duration};

    #[test]
    fn thousands_are_separated() {
        let texts = [0, 7, 999, 1000, 12_345, 1_234_567].map(count);
        assert_eq!(texts, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn bytes_have_three_digits_and_a_binary_unit() {
        let texts = [0, 1023, 1024, 10 << 20, 1_300_000_000, u64::MAX].map(bytes);
        assert_eq!(
            texts,
            [
                "0 B", "1023 B", "1.00 KiB", "10.0 MiB", "1.21 GiB", "16.0 EiB"
            ]
        );
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        let texts = [0, 59, 61, 3_725].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "59s", "1m01s", "1h02m"]);
    }
}
