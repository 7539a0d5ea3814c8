//! Points in time: milliseconds since the Unix epoch in the store, RFC 3339 in text.
//!
//! A library that knows calendars and time zones is a tenth of a component; what the APIs need is the Gregorian calendar
//! in UTC, which the tests compare with such a library.

use std::fmt::Write as _;
use std::ops::{Add, Sub};
#[cfg(not(test))]
use std::time::SystemTime;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

#[cfg(test)]
use self::clock::SystemTime;

const SECOND: i64 = 1000;
const DAY: i64 = 24 * 60 * 60 * SECOND;

/// The last millisecond that has four digits for its year.
const LAST: i64 = 253_402_300_799_999;

/// The first one.
const FIRST: i64 = -62_167_219_200_000;

/// A point in time: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// Now.
    pub fn now() -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(elapsed.map_or(0, |elapsed| elapsed.as_millis().try_into().unwrap_or(i64::MAX)))
    }

    /// So many milliseconds after the epoch.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the epoch.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// The whole second that it is now. What APIs show to the second is kept so, for it is compared as it is shown.
    pub fn this_second() -> Self {
        Self::now().to_the_second()
    }

    /// The whole second that the time is in.
    #[must_use]
    pub const fn to_the_second(self) -> Self {
        Self(self.seconds() * SECOND)
    }

    /// Whole seconds from `earlier` until this time, rounded up and at least one: what `Retry-After` tells.
    pub fn seconds_after(self, earlier: Self) -> u32 {
        u32::try_from((self.0 - earlier.0) / SECOND + 1).unwrap_or(1)
    }

    /// The time in RFC 3339's form, in UTC, see [`rfc3339`].
    pub fn rfc3339(self) -> String {
        rfc3339(self.0)
    }

    /// Reads a date or a time, see [`parse`].
    pub fn parse(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl From<Time> for spin_sdk::sqlite::Value {
    fn from(time: Time) -> Self {
        Self::Integer(time.0)
    }
}

/// `2026-06-02T12:00:00.5Z`: in UTC, with as many digits after the second as it takes. What has no year of four digits is
/// told as the first or the last that has.
fn rfc3339(milliseconds: i64) -> String {
    let milliseconds = milliseconds.clamp(FIRST, LAST);
    let (year, month, day) = date_of(milliseconds.div_euclid(DAY));
    let (seconds, fraction) = (milliseconds.rem_euclid(DAY) / SECOND, milliseconds.rem_euclid(SECOND));
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction > 0 {
        // Writing to a string never fails.
        let _ = write!(text, ".{fraction:03}");
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

/// Reads a date, which stands for its midnight in UTC, or a point in time with its offset from UTC. Seconds may be left
/// out (OData 4.01 ABNF, `dateTimeOffsetValue`); a leap second is the second before it; what is shorter than a millisecond
/// does not count.
fn parse(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let (year, month, day) = (number(&mut rest, 4)?, after(b'-', &mut rest)?, after(b'-', &mut rest)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let midnight = days_until(year, month, day) * DAY;
    if rest.is_empty() {
        return Some(midnight);
    }
    let (hour, minute) = (either(b"Tt", &mut rest).and_then(|_| number(&mut rest, 2))?, after(b':', &mut rest)?);
    let (mut second, mut fraction) = (0, 0);
    if rest.first() == Some(&b':') {
        second = after(b':', &mut rest)?;
        if either(b".", &mut rest).is_some() {
            let digits = rest.iter().take_while(|digit| digit.is_ascii_digit()).count();
            if !(1..=12).contains(&digits) {
                return None;
            }
            fraction = (0..3)
                .fold(0, |sum, index| sum * 10 + rest[..digits].get(index).map_or(0, |digit| i64::from(digit - b'0')));
            rest = &rest[digits..];
        }
    }
    let offset = match either(b"Zz+-", &mut rest)? {
        b'Z' | b'z' => 0,
        sign => {
            let (hours, minutes) = (number(&mut rest, 2)?, after(b':', &mut rest)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if sign == b'-' { -1 } else { 1 }
        }
    };
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(midnight + ((hour * 60 + minute - offset) * 60 + second.min(59)) * SECOND + fraction)
}

/// Takes this many digits.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (taken, left) = rest.split_at_checked(digits)?;
    *rest = left;
    taken.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Takes one of these characters.
fn either(characters: &[u8], rest: &mut &[u8]) -> Option<u8> {
    let (first, left) = rest.split_first().filter(|(first, _)| characters.contains(first))?;
    *rest = left;
    Some(*first)
}

/// Takes the two digits after a character.
fn after(character: u8, rest: &mut &[u8]) -> Option<i64> {
    either(&[character], rest)?;
    number(rest, 2)
}

/// Days from 1 January 1970 to a date: years begin in March, so that the leap day is their last, and 400 of them have
/// 146,097 days.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// The inverse: year, month and day.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

/// A clock for each test: it stands still until the test puts it forward.
#[cfg(test)]
pub(crate) mod clock {
    use std::cell::Cell;
    use std::time::{self, Duration};

    thread_local! {
        static NOW: Cell<time::SystemTime> = Cell::new(time::SystemTime::now());
    }

    /// In place of the system's clock.
    pub(super) struct SystemTime;

    impl SystemTime {
        pub(super) fn now() -> time::SystemTime {
            NOW.get()
        }
    }

    /// Puts the clock forward.
    pub(crate) fn advance(by: Duration) {
        NOW.set(NOW.get() + by);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_written_and_read_as_a_calendar_library_does(milliseconds in FIRST..=Timestamp::MAX.as_millisecond()) {
            let time = Timestamp::from_millisecond(milliseconds).expect("a timestamp can be this");
            prop_assert_eq!(rfc3339(milliseconds), time.to_string());
            prop_assert_eq!(parse(&time.to_string()), Some(milliseconds));
        }

        #[test]
        fn what_has_the_form_of_a_time_is_one_if_a_calendar_library_takes_it(
            text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,9})?)?(Z|[+-][01][0-9]:[0-6][0-9])"
        ) {
            let expected = text.parse::<Timestamp>().ok().map(|time| time.as_nanosecond().div_euclid(1_000_000));
            prop_assert_eq!(parse(&text).map(i128::from), expected);
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026",
            "2026-06",
            "2026-06-2",
            "2026-02-29",
            "2026-06-31",
            "2026-06-02T",
            "2026-06-02T10",
            "2026-06-02T10:00",
            "2026-06-02T10:00:00.Z",
            "2026-06-02T10:00:00+02",
            "2026-06-02T10:00:00Zx",
            "+026-06-02",
            "2026-06-02 10:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("2024-02-29"), Some(1_709_164_800_000));
        assert_eq!(parse("1970-01-01t00:00:60.123456789012z"), Some(59_123));
        assert_eq!(
            (rfc3339(i64::MIN), rfc3339(i64::MAX)),
            ("0000-01-01T00:00:00Z".into(), "9999-12-31T23:59:59.999Z".into())
        );
    }
}
