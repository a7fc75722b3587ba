//! Times and lengths of time as people type them.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::domain::clock::TimeMs;

use super::line::Zone;

/// How a moment may be written, beside a date alone.
const FORMATS: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
];
/// The longest length of time that makes sense here: about a hundred years.
const DAYS_MAX: u64 = 36_500;
const DAY: u64 = 24 * 60 * 60;

/// A moment as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What a clock on the wall of the reader shows.
    Wall(NaiveDateTime),
    /// One with its zone.
    Sure(TimeMs),
}

/// It is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a time is 2026-11-20 (the beginning of that day) or 2026-11-20T14:00 on your clock, or ends in Z for UTC"
)]
pub struct MomentError;

/// It is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is a number with m, h, d or w behind it: 30m, 2h, 1d")]
pub struct SpanError;

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Wall(date.and_time(NaiveTime::MIN)));
        }
        let wall = |text: &str| {
            let read = |format: &&str| NaiveDateTime::parse_from_str(text, format).ok();
            FORMATS.iter().find_map(read)
        };
        if let Some(wall) = wall(text) {
            return Ok(Self::Wall(wall));
        }
        if let Some(wall) = text.strip_suffix(['Z', 'z']).and_then(wall) {
            return Ok(Self::Sure(TimeMs::new(wall.and_utc().timestamp_millis())));
        }
        let sure = DateTime::parse_from_rfc3339(text).map_err(|_| MomentError)?;
        Ok(Self::Sure(TimeMs::new(sure.timestamp_millis())))
    }
}

impl Moment {
    /// The moment that it is where the reader is.
    pub fn in_zone(self, zone: Zone) -> TimeMs {
        match self {
            Self::Sure(time) => time,
            Self::Wall(wall) => zone.moment(wall),
        }
    }
}

/// Reads a length of time: `30m`, `2h`, `1d`.
pub fn span(text: &str) -> Result<Duration, SpanError> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(SpanError)?;
    let (number, unit) = text.split_at(unit_at);
    let unit = match unit {
        "m" | "M" => 60,
        "h" | "H" => 60 * 60,
        "d" | "D" => DAY,
        "w" | "W" => 7 * DAY,
        _ => return Err(SpanError),
    };
    let seconds = number.parse().ok().and_then(|it: u64| it.checked_mul(unit));
    match seconds {
        Some(seconds @ 1..) if seconds <= DAYS_MAX * DAY => Ok(Duration::from_secs(seconds)),
        _ => Err(SpanError),
    }
}

/// The moment that lies so long after another.
pub fn after(time: TimeMs, span: Duration) -> TimeMs {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    TimeMs::new(time.milliseconds().saturating_add(span))
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    fn at(text: &str) -> Option<i64> {
        let zone = Zone::Fixed(FixedOffset::east_opt(3600).unwrap());
        let moment: Moment = text.parse().ok()?;
        Some(moment.in_zone(zone).milliseconds())
    }

    #[test]
    fn moments_are_those_of_the_readers_clock_unless_they_name_their_zone() {
        for text in [
            "1970-01-02",
            "1970-01-02T00:00",
            "1970-01-02 00:00:00",
            "1970-01-01T23:00:00Z",
            "1970-01-01T23:00:00.000Z",
            "1970-01-01T23:00Z",
            "1970-01-02T02:00:00+03:00",
        ] {
            assert_eq!(at(text), Some(23 * 3_600_000), "{text}");
        }
        for text in [
            "",
            "today",
            "1970-13-01",
            "1970-01-01T25:00",
            "1970-01-02 00:00 x",
            "12",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_moment_shows_reads_back() {
        for zone in [
            Zone::Local,
            Zone::Fixed(FixedOffset::east_opt(-7200).unwrap()),
        ] {
            let time = TimeMs::new(1_767_225_599_000);
            let moment: Moment = zone.stamp(time).parse().unwrap();
            assert_eq!(moment.in_zone(zone), time);
        }
    }

    #[test]
    fn lengths_of_time_have_a_unit_and_an_end() {
        for (text, seconds) in [("30m", 1800), ("2H", 7200), ("1d", 86_400), ("1w", 604_800)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "m",
            "0m",
            "1",
            "-1h",
            "1.5h",
            "1y",
            "36501d",
            "99999999999999999999d",
        ] {
            assert_eq!(span(text), Err(SpanError), "{text}");
        }
        let late = after(TimeMs::new(i64::MAX - 1), Duration::from_secs(60));
        assert_eq!(late, TimeMs::new(i64::MAX));
        assert_eq!(
            after(TimeMs::new(5), Duration::from_secs(1)),
            TimeMs::new(1005)
        );
    }
}
