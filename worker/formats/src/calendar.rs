//! Days and seconds since 1970 as dates and times, in the proleptic Gregorian calendar.

use std::io::Write as _;

const SECONDS_OF_DAY: i64 = 86_400;

/// Appends the day that is `days` after 1970-01-01.
pub fn date(days: i64, out: &mut Vec<u8>) {
    // Years that begin in March end with the leap day; 400 of them have 146097 days.
    let days = i128::from(days) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    // Writing to a vector does not fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
}

/// Appends the time of the day that is `ticks` after midnight; a second has 10^`digits` ticks.
pub fn time(ticks: i64, digits: u32, out: &mut Vec<u8>) {
    let second = 10_i64.pow(digits);
    if ticks < 0 {
        out.push(b'-');
    }
    let seconds = (ticks / second).unsigned_abs();
    let fraction = (ticks % second).unsigned_abs();
    // Writing to a vector does not fail.
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if digits > 0 {
        let _ = write!(out, ".{fraction:0width$}", width = digits as usize);
    }
}

/// Appends day and time that are `ticks` after 1970-01-01 00:00:00; a second has 10^`digits`
/// ticks.
pub fn timestamp(ticks: i64, digits: u32, out: &mut Vec<u8>) {
    let day = SECONDS_OF_DAY * 10_i64.pow(digits);
    date(ticks.div_euclid(day), out);
    out.push(b' ');
    time(ticks.rem_euclid(day), digits, out);
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
    fn days_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (-25_567, "1900-01-01"),
            (-25_509, "1900-02-28"),
            (-25_508, "1900-03-01"),
            (2_932_896, "9999-12-31"),
            (-719_162, "0001-01-01"),
        ] {
            assert_eq!(written(|out| date(days, out)), expected);
        }
        // Whatever stands in a file has a text.
        assert!(written(|out| date(i64::MIN, out)).starts_with('-'));
    }

    #[test]
    fn times_before_the_epoch_keep_their_fraction() {
        assert_eq!(
            written(|out| timestamp(-1, 3, out)),
            "1969-12-31 23:59:59.999"
        );
        assert_eq!(
            written(|out| timestamp(1_600_000_000_123_456_789, 9, out)),
            "2020-09-13 12:26:40.123456789"
        );
        assert_eq!(written(|out| timestamp(0, 0, out)), "1970-01-01 00:00:00");
        assert_eq!(written(|out| time(-1, 6, out)), "-00:00:00.000001");
    }
}
