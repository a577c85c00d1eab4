//! CSV fields: comma, no quotes, `\N` for NULL, backslash escapes, no header.

/// Appends one row to a buffer, field by field.
pub(crate) struct Row<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Row<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }

    pub(crate) fn null(&mut self) {
        self.separate();
        self.out.extend_from_slice(b"\\N");
    }

    pub(crate) fn integer(&mut self, value: i64) {
        self.separate();
        if value < 0 {
            self.out.push(b'-');
        }
        push_digits(self.out, value.unsigned_abs(), 1);
    }

    /// A number with this many decimals, at most 9 and below 9e9 in size.
    pub(crate) fn fixed(&mut self, value: f64, decimals: u32) {
        self.separate();
        let scale = 10_u64.pow(decimals);
        let scaled = (value * scale as f64).round() as i64;
        if scaled < 0 {
            self.out.push(b'-');
        }
        let scaled = scaled.unsigned_abs();
        push_digits(self.out, scaled / scale, 1);
        if decimals > 0 {
            self.out.push(b'.');
            push_digits(self.out, scaled % scale, decimals as usize);
        }
    }

    pub(crate) fn fixed_or_null(&mut self, value: Option<f64>, decimals: u32) {
        match value {
            Some(value) => self.fixed(value, decimals),
            None => self.null(),
        }
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.separate();
        for &byte in value.as_bytes() {
            match byte {
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b',' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                _ => self.out.push(byte),
            }
        }
    }

    /// A DATETIME, given as seconds since [`EPOCH_DAY`].
    pub(crate) fn datetime(&mut self, seconds: u32) {
        self.separate();
        let (year, month, day) = date(EPOCH_DAY + seconds / 86_400);
        let time = seconds % 86_400;
        let parts = [(year, 4, b'-'), (month, 2, b'-'), (day, 2, b' ')];
        for (value, width, after) in parts {
            push_digits(self.out, u64::from(value), width);
            self.out.push(after);
        }
        push_digits(self.out, u64::from(time / 3600), 2);
        self.out.push(b':');
        push_digits(self.out, u64::from(time / 60 % 60), 2);
        self.out.push(b':');
        push_digits(self.out, u64::from(time % 60), 2);
    }

    pub(crate) fn end(self) {
        self.out.push(b'\n');
    }
}

/// Days from 1970-01-01 to the first night of the survey, 2026-01-01.
const EPOCH_DAY: u32 = 20_454;
/// The same as a modified Julian date.
pub(crate) const EPOCH_MJD: f64 = 61_041.0;

/// Appends decimal digits, with leading zeros up to a width.
fn push_digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        start = place;
        if value == 0 {
            break;
        }
    }
    let start = start.min(digits.len().saturating_sub(width));
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01.
fn date(days: u32) -> (u32, u32, u32) {
    // Count from 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + u32::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fill: impl FnOnce(&mut Row<'_>)) -> String {
        let mut out = Vec::new();
        let mut row = Row::new(&mut out);
        fill(&mut row);
        row.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_have_sign_and_decimals() {
        let text = row(|row| {
            row.integer(0);
            row.integer(-12_345_678_901);
            row.fixed(1.5, 3);
            row.fixed(-0.000_000_1, 6);
            row.fixed(-12.0345, 4);
            row.fixed(359.999_999_999_9, 9);
            row.fixed_or_null(None, 3);
        });
        assert_eq!(
            text,
            "0,-12345678901,1.500,0.000000,-12.0345,360.000000000,\\N\n"
        );
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            row(|row| row.text("a,b\\c\nd\te'f\"")),
            "a\\,b\\\\c\\nd\\te'f\"\n"
        );
    }

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(row(|row| row.datetime(0)), "2026-01-01 00:00:00\n");
        let leap_day = (365 + 365 + 31 + 28) * 86_400 + 86_399;
        assert_eq!(row(|row| row.datetime(leap_day)), "2028-02-29 23:59:59\n");
        assert_eq!(
            row(|row| row.datetime(leap_day + 1)),
            "2028-03-01 00:00:00\n"
        );
    }
}
