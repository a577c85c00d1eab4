//! DATE, DATETIME, TIMESTAMP, TIME and YEAR.
//!
//! Years have four digits; date and time are separated by one blank or `T`. Fraction digits beyond
//! the column's are cut, as MariaDB does. Zero dates and zero months or days are values of DATE and
//! DATETIME here, because the workers' sql_mode allows them. A TIMESTAMP is read in UTC, the time
//! zone every worker session has.

use std::io::Write;

use super::field::{BadValue, shown, trimmed};

/// A column of dates or times; the number is that of fraction digits.
#[derive(Debug, Clone, Copy)]
pub enum Temporal {
    /// DATE.
    Date,
    /// DATETIME.
    DateTime(u32),
    /// TIMESTAMP.
    Timestamp(u32),
    /// TIME.
    Time(u32),
    /// YEAR.
    Year,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Date {
    year: u32,
    month: u32,
    day: u32,
}

struct Clock<'a> {
    hours: u32,
    minutes: u32,
    seconds: u32,
    fraction: &'a [u8],
}

const ZERO: Date = Date {
    year: 0,
    month: 0,
    day: 0,
};

impl Temporal {
    /// Checks `field` and writes it in MariaDB's own form.
    pub fn check(self, field: &[u8], row: &mut Vec<u8>) -> Result<(), BadValue> {
        let text = trimmed(field);
        if text.is_empty() {
            return Err(BadValue(format!("an empty field is not a {}", self.name())));
        }
        let written = match self {
            Self::Date => date(text).map(|date| write_date(date, row)),
            Self::DateTime(digits) => date_time(text).map(|(date, clock)| {
                write_date(date, row);
                row.push(b' ');
                write_clock(&clock, digits, row);
            }),
            Self::Timestamp(digits) => date_time(text).filter(in_timestamp).map(|(date, clock)| {
                write_date(date, row);
                row.push(b' ');
                write_clock(&clock, digits, row);
            }),
            Self::Time(digits) => time(text).map(|(negative, clock)| {
                if negative {
                    row.push(b'-');
                }
                write_clock(&clock, digits, row);
            }),
            Self::Year => year(text).map(|()| row.extend_from_slice(text)),
        };
        written.ok_or_else(|| BadValue(format!("{} is not {}", shown(field), self.expected())))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Date => "DATE",
            Self::DateTime(_) => "DATETIME",
            Self::Timestamp(_) => "TIMESTAMP",
            Self::Time(_) => "TIME",
            Self::Year => "YEAR",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Date => "a date (YYYY-MM-DD)",
            Self::DateTime(_) => "a date and time (YYYY-MM-DD HH:MM:SS)",
            Self::Timestamp(_) => {
                "a time stamp (YYYY-MM-DD HH:MM:SS, 1970-01-01 00:00:01 to 2038-01-19 03:14:07 UTC)"
            }
            Self::Time(_) => "a time (HH:MM:SS, at most 838:59:59)",
            Self::Year => "a year (1901 to 2155, or 0000)",
        }
    }
}

fn date_time(text: &[u8]) -> Option<(Date, Clock<'_>)> {
    let at = text.iter().position(|byte| matches!(byte, b' ' | b'T'));
    let Some(at) = at else {
        return Some((date(text)?, MIDNIGHT));
    };
    let date = date(text.get(..at)?)?;
    let clock = clock(text.get(at + 1..)?, 2)?;
    (clock.hours < 24).then_some((date, clock))
}

const MIDNIGHT: Clock<'static> = Clock {
    hours: 0,
    minutes: 0,
    seconds: 0,
    fraction: &[],
};

fn date(text: &[u8]) -> Option<Date> {
    let mut parts = text.split(|byte| *byte == b'-');
    let date = Date {
        year: number(parts.next()?, 4, 4)?,
        month: number(parts.next()?, 1, 2)?,
        day: number(parts.next()?, 1, 2)?,
    };
    (parts.next().is_none() && date.month <= 12 && date.day <= days(date)).then_some(date)
}

/// Days of the month; a month of zero has as many as any.
fn days(date: Date) -> u32 {
    match date.month {
        4 | 6 | 9 | 11 => 30,
        2 if leap(date.year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || (year.is_multiple_of(400) && year != 0))
}

fn time(text: &[u8]) -> Option<(bool, Clock<'_>)> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let clock = clock(text, 3)?;
    let seconds = (clock.hours * 60 + clock.minutes) * 60 + clock.seconds;
    (seconds <= (838 * 60 + 59) * 60 + 59).then_some((negative, clock))
}

fn clock(text: &[u8], most_hour_digits: usize) -> Option<Clock<'_>> {
    let mut parts = text.splitn(3, |byte| *byte == b':');
    let hours = number(parts.next()?, 1, most_hour_digits)?;
    let minutes = number(parts.next()?, 1, 2)?;
    let (seconds, fraction) = match parts.next() {
        None => (0, &[][..]),
        Some(rest) => match rest.iter().position(|byte| *byte == b'.') {
            None => (number(rest, 1, 2)?, &[][..]),
            Some(at) => (number(rest.get(..at)?, 1, 2)?, rest.get(at + 1..)?),
        },
    };
    let fits = minutes < 60 && seconds < 60 && fraction.iter().all(u8::is_ascii_digit);
    fits.then_some(Clock {
        hours,
        minutes,
        seconds,
        fraction,
    })
}

fn in_timestamp((date, clock): &(Date, Clock<'_>)) -> bool {
    let midnight = clock.hours == 0 && clock.minutes == 0 && clock.seconds == 0;
    if *date == ZERO {
        return midnight && clock.fraction.iter().all(|digit| *digit == b'0');
    }
    if date.month == 0 || date.day == 0 {
        return false;
    }
    let first = Date {
        year: 1970,
        month: 1,
        day: 1,
    };
    let last = Date {
        year: 2038,
        month: 1,
        day: 19,
    };
    let seconds = (clock.hours * 60 + clock.minutes) * 60 + clock.seconds;
    (first..=last).contains(date)
        && (*date != first || !midnight)
        && (*date != last || seconds <= (3 * 60 + 14) * 60 + 7)
}

fn year(text: &[u8]) -> Option<()> {
    let year = number(text, 4, 4)?;
    (year == 0 || (1901..=2155).contains(&year)).then_some(())
}

fn number(text: &[u8], least_digits: usize, most_digits: usize) -> Option<u32> {
    let fits =
        (least_digits..=most_digits).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    fits.then(|| {
        text.iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    })
}

fn write_date(date: Date, row: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = write!(row, "{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

fn write_clock(clock: &Clock<'_>, digits: u32, row: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = write!(
        row,
        "{:02}:{:02}:{:02}",
        clock.hours, clock.minutes, clock.seconds
    );
    let kept = clock
        .fraction
        .get(..digits as usize)
        .unwrap_or(clock.fraction);
    if !kept.is_empty() {
        row.push(b'.');
        row.extend_from_slice(kept);
    }
}
