//! Floating point numbers as MariaDB prints them.
//!
//! MariaDB prints a DOUBLE with the shortest digits that read back to the same value and a FLOAT
//! with at most six digits, plain between 1e-15 and 1e15 and with an exponent (`1e16`, `1.5e-20`)
//! outside.

/// Digits before or after the point up to which the plain form is used.
const PLAIN_DIGITS: i32 = 15;
/// Digits a FLOAT is printed with.
const FLOAT_DIGITS: usize = 6;

/// A DOUBLE without a fixed number of decimals.
pub fn format_double(number: f64) -> String {
    layout(number, &format!("{number:e}"))
}

/// A FLOAT without a fixed number of decimals: rounded to six digits, as the text protocol does.
pub fn format_float(number: f32) -> String {
    let rounded = format!("{:.*e}", FLOAT_DIGITS - 1, f64::from(number));
    layout(f64::from(number), &rounded)
}

/// Lays out `scientific` (`-d.ddde±n`) the way MariaDB does.
fn layout(number: f64, scientific: &str) -> String {
    let parts = scientific.split_once('e');
    // Only NaN and infinities have no exponent.
    let Some((mantissa, Ok(exponent))) = parts.map(|(head, tail)| (head, tail.parse::<i32>()))
    else {
        return number.to_string();
    };
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0");
    }
    // Position of the decimal point relative to the first digit.
    let point = exponent + 1;
    if !(-PLAIN_DIGITS < point && point <= PLAIN_DIGITS) {
        let (head, tail) = digits.split_at(1);
        let dot = if tail.is_empty() { "" } else { "." };
        return format!("{sign}{head}{dot}{tail}e{exponent}");
    }
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => {
            format!("{sign}{digits}{}", "0".repeat(point - digits.len()))
        }
        Ok(point) if point > 0 => {
            let (whole, fraction) = digits.split_at(point);
            format!("{sign}{whole}.{fraction}")
        }
        _ => format!(
            "{sign}0.{}{digits}",
            "0".repeat(point.unsigned_abs() as usize)
        ),
    }
}
