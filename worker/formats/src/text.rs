//! The text form of rows: fields with tabs between, lines with a line feed at the end, `\N` for
//! NULL, and a backslash before what would else mean something.

/// Between fields.
pub const DELIMITER: u8 = b'\t';
/// Before a character with a meaning.
pub const ESCAPE: u8 = b'\\';
/// NULL.
pub const NULL: &[u8] = b"\\N";

/// Appends a text or bytes.
pub fn bytes(value: &[u8], out: &mut Vec<u8>) {
    out.reserve(value.len());
    for byte in value {
        match byte {
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            other => out.push(*other),
        }
    }
}

/// Appends 1 or 0.
pub fn boolean(value: bool, out: &mut Vec<u8>) {
    out.push(if value { b'1' } else { b'0' });
}

/// Appends an integer.
pub fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the shortest text that reads back to the same number, or `NaN`, `inf`, `-inf`. A
/// number of 32 bits is given as the one of 64 bits that equals it: its text then reads back to
/// the same number in columns of either width.
pub fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        finite(value, out);
    } else {
        out.extend_from_slice(not_finite(value).as_bytes());
    }
}

/// As [`double`], in the fewest digits that read back to the same number in a column of 32 bits.
pub fn single(value: f32, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return double(f64::from(value), out);
    }
    let start = out.len();
    finite(value, out);
    // Servers read 64 bits, refuse what is above the largest number, and round the rest to 32 bits.
    // Where that does not end at the number itself, more digits are needed.
    let text = out.get(start..).unwrap_or_default();
    let stored =
        |read: f64| read.abs() <= f64::from(f32::MAX) && (read as f32).to_bits() == value.to_bits();
    let read = std::str::from_utf8(text).map(str::parse);
    if !matches!(read, Ok(Ok(read)) if stored(read)) {
        out.truncate(start);
        finite(f64::from(value), out);
    }
}

/// Appends the shortest text that reads back to the same number of as many bits; whole numbers
/// have no point, exponents no plus.
fn finite(value: impl zmij::Float, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let bare = text.strip_suffix(".0").unwrap_or(text).as_bytes();
    // An exponent has three digits at most.
    let exponent = bare.len().saturating_sub(4);
    let (most, last) = bare.split_at(exponent);
    out.extend_from_slice(most);
    out.extend(last.iter().filter(|byte| **byte != b'+'));
}

fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

/// Appends `unscaled` × 10^-`scale`.
pub fn decimal(unscaled: i128, scale: u32, out: &mut Vec<u8>) {
    digits(
        unscaled < 0,
        unscaled.unsigned_abs().to_string().as_bytes(),
        scale,
        out,
    );
}

/// Appends a decimal number whose digits without the point are a big-endian integer in two's
/// complement, of any length.
pub fn big_decimal(unscaled: &[u8], scale: u32, out: &mut Vec<u8>) {
    let negative = unscaled.first().is_some_and(|byte| byte & 0x80 != 0);
    if unscaled.len() <= 16 {
        let fill = if negative { 0xff } else { 0 };
        let mut wide = [fill; 16];
        if let Some(tail) = wide.get_mut(16 - unscaled.len()..) {
            tail.copy_from_slice(unscaled);
        }
        return decimal(i128::from_be_bytes(wide), scale, out);
    }
    digits(negative, &decimal_digits(unscaled, negative), scale, out);
}

/// The magnitude of a big-endian integer in two's complement, in decimal digits.
fn decimal_digits(unscaled: &[u8], negative: bool) -> Vec<u8> {
    // Little-endian groups of nine digits; -x is !x + 1.
    let mut groups: Vec<u64> = vec![u64::from(negative)];
    let mut scale: Vec<u64> = vec![1];
    for byte in unscaled.iter().rev() {
        let byte = u64::from(if negative { !byte } else { *byte });
        add(&mut groups, &scale, byte);
        let shifted = std::mem::take(&mut scale);
        add(&mut scale, &shifted, 256);
    }
    let mut text = String::new();
    for group in groups.iter().rev() {
        text.push_str(&format!("{group:09}"));
    }
    let bare = text.trim_start_matches('0');
    if bare.is_empty() { "0" } else { bare }.as_bytes().to_vec()
}

/// `total` += `number` × `factor`, in groups of nine digits.
fn add(total: &mut Vec<u64>, number: &[u64], factor: u64) {
    const GROUP: u64 = 1_000_000_000;
    let mut carry = 0;
    let mut at = 0;
    while at < number.len() || carry > 0 {
        if at == total.len() {
            total.push(0);
        }
        let product = number.get(at).copied().unwrap_or(0) * factor;
        if let Some(group) = total.get_mut(at) {
            let sum = *group + product + carry;
            *group = sum % GROUP;
            carry = sum / GROUP;
        }
        at += 1;
    }
}

fn digits(negative: bool, digits: &[u8], scale: u32, out: &mut Vec<u8>) {
    let scale = scale as usize;
    if negative && digits != b"0" {
        out.push(b'-');
    }
    let whole = digits.len().saturating_sub(scale);
    let (before, after) = digits.split_at(whole);
    out.extend_from_slice(if before.is_empty() { b"0" } else { before });
    if scale > 0 {
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', scale - after.len()));
        out.extend_from_slice(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_number_reads_back_to_the_same_bits() {
        let mut value = 1_u64;
        for _ in 0..20_000 {
            value = value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let double_value = f64::from_bits(value);
            if double_value.is_finite() {
                let text = written(|out| double(double_value, out));
                let read: f64 = text.parse().unwrap();
                assert_eq!(read.to_bits(), double_value.to_bits(), "{text}");
            }
            let float = f32::from_bits((value >> 32) as u32);
            if float.is_finite() {
                let text = written(|out| double(f64::from(float), out));
                let read = text.parse::<f64>().unwrap() as f32;
                assert_eq!(read.to_bits(), float.to_bits(), "{text}");
            }
        }
    }

    #[test]
    fn numbers_of_usual_size_have_no_exponent() {
        assert_eq!(written(|out| double(-0.0, out)), "-0");
        assert_eq!(written(|out| double(1_234_567.25, out)), "1234567.25");
        assert_eq!(written(|out| double(1e300, out)), "1e300");
        assert_eq!(written(|out| double(1e16, out)), "1e16");
        assert_eq!(written(|out| double(1e-7, out)), "1e-7");
        assert_eq!(written(|out| double(0.00001, out)), "0.00001");
        assert_eq!(written(|out| double(f64::NAN, out)), "NaN");
        assert_eq!(written(|out| double(f64::NEG_INFINITY, out)), "-inf");
        assert_eq!(written(|out| double(-f64::NAN, out)), "NaN");
        assert_eq!(written(|out| single(f32::INFINITY, out)), "inf");
        assert_eq!(written(|out| single(3.0, out)), "3");
    }

    #[test]
    fn a_number_for_a_column_of_32_bits_has_no_more_digits_than_it_needs() {
        let stored = |value| {
            let text = written(|out| single(value, out));
            let read = text.parse::<f64>().unwrap() as f32;
            assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            assert!(
                text.parse::<f64>().unwrap().abs() <= f64::from(f32::MAX),
                "{text}"
            );
            text
        };
        stored(f32::MAX);
        stored(f32::MIN);
        assert_eq!(stored(0.1), "0.1");
        assert_eq!(stored(-0.0), "-0");
        assert_eq!(stored(16_777_216.0), "16777216");
        let mut bits = 1_u32;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            if value.is_finite() {
                stored(value);
            }
        }
        // Its shortest text, 7.038531e-26, is rounded to a neighbour by way of 64 bits.
        let between = f32::from_bits(0x15ae_43fd);
        assert_eq!(stored(between), written(|out| double(between.into(), out)));
    }

    #[test]
    fn decimals_of_any_length_are_exact() {
        assert_eq!(written(|out| decimal(-5, 3, out)), "-0.005");
        assert_eq!(written(|out| decimal(0, 2, out)), "0.00");
        assert_eq!(
            written(|out| decimal(i128::MIN, 0, out)),
            i128::MIN.to_string()
        );
        for value in [
            0_i128,
            1,
            -1,
            255,
            -256,
            i128::MAX,
            i128::MIN,
            10_i128.pow(30),
        ] {
            let fill = if value < 0 { 0xff } else { 0 };
            let mut long = vec![fill; 9];
            long.extend_from_slice(&value.to_be_bytes());
            assert_eq!(
                written(|out| big_decimal(&long, 7, out)),
                written(|out| decimal(value, 7, out))
            );
            assert_eq!(
                written(|out| big_decimal(&value.to_be_bytes(), 7, out)),
                written(|out| decimal(value, 7, out))
            );
        }
        let mut large = vec![0x40];
        large.extend([0; 24]);
        assert_eq!(
            written(|out| big_decimal(&large, 0, out)),
            "401734511064747568885490523085290650630550748445698208825344"
        );
    }

    #[test]
    fn what_means_something_is_escaped() {
        assert_eq!(
            written(|out| bytes(b"a\tb\nc\rd\\e", out)),
            "a\\tb\\nc\\rd\\\\e"
        );
    }
}
