//! Kubernetes quantities: which are equal (the API server rewrites `1024Mi` to `1Gi`, which is no
//! hand edit), and how many bytes they are.

/// Whether two texts name the same quantity. Texts that are no quantities are equal only when they
/// are the same text.
pub fn same(left: &str, right: &str) -> bool {
    left == right
        || matches!((nanos(left), nanos(right)), (Some(left), Some(right)) if left == right)
}

/// The quantity in billionths; `None` when the text is none or is too large or too fine to compare.
fn nanos(text: &str) -> Option<i128> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (numerator, exponent) = scale(suffix)?;
    let (mantissa, decimals) = mantissa(number)?;
    let power = exponent.checked_add(9)?.checked_sub(decimals)?;
    let value = mantissa.checked_mul(numerator)?;
    let ten = 10_i128.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        value.checked_mul(ten)
    } else {
        (value % ten == 0).then(|| value / ten)
    }
}

/// Digits without their point, and how many stood after it.
fn mantissa(number: &str) -> Option<(i128, i32)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let value = format!("{whole}{fraction}").parse().ok()?;
    Some((value, i32::try_from(fraction.len()).ok()?))
}

/// A suffix as a factor and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 0));
    match suffix {
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "" => Some((1, 0)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        exponent => {
            let power = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            Some((1, power))
        }
    }
}

/// Whole bytes of a quantity, when it is one.
pub fn bytes(text: &str) -> Option<u64> {
    u64::try_from(nanos(text)? / 1_000_000_000).ok()
}

/// Bytes for people, for example `1.2 GiB`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, human, same};

    #[test]
    fn canonical_forms_of_one_quantity_are_the_same() {
        for (left, right) in [
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("128974848", "123Mi"),
        ] {
            assert!(same(left, right), "{left} {right}");
        }
    }

    #[test]
    fn different_quantities_and_texts_differ() {
        for (left, right) in [
            ("1Gi", "1G"),
            ("1", "1m"),
            ("abc", "abd"),
            ("", "0"),
            ("1Zi", "2Zi"),
        ] {
            assert!(!same(left, right), "{left} {right}");
        }
    }

    #[test]
    fn bytes_are_whole() {
        assert_eq!(bytes("1Ki"), Some(1024));
        assert_eq!(bytes("1500m"), Some(1));
        assert_eq!(bytes("-1"), None);
        assert_eq!(bytes("lots"), None);
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(human(0), "0 B");
        assert_eq!(human(1023), "1023 B");
        assert_eq!(human(1536), "1.5 KiB");
        assert_eq!(human(u64::MAX), "16.0 EiB");
    }
}
