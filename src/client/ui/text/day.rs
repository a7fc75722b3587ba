//! Days and times of day as a chat shows them.
//!
//! `Today`, `Yesterday`, else the day by its name, with the year where it is another one. What today is and where the
//! reader is are handed in; a moment that no calendar holds is shown as dashes. Knows no clock.

use chrono::{DateTime, Datelike, Local, NaiveDateTime, TimeZone};

use crate::{client::app::line::Zone, domain::clock::TimeMs};

const NO_DAY: &str = "----------";
const NO_TIME: &str = "--:--";

/// Returns the line above the messages of a day.
pub fn day(time: TimeMs, now: TimeMs, zone: Zone) -> String {
    let Some(day) = wall(time, zone).map(|wall| wall.date()) else {
        return NO_DAY.to_owned();
    };
    let today = wall(now, zone).map(|wall| wall.date());
    let age = today.map(|today| today.signed_duration_since(day).num_days());
    match age {
        Some(0) => "Today".to_owned(),
        Some(1) => "Yesterday".to_owned(),
        _ if today.is_some_and(|today| today.year() == day.year()) => {
            day.format("%A %-d %B").to_string()
        }
        _ => day.format("%A %-d %B %Y").to_string(),
    }
}

/// Returns the time of day: `HH:MM`.
pub fn time_of_day(time: TimeMs, zone: Zone) -> String {
    match wall(time, zone) {
        Some(wall) => wall.format("%H:%M").to_string(),
        None => NO_TIME.to_owned(),
    }
}

/// Returns whether two moments are of one day.
pub fn is_same_day(one: TimeMs, other: TimeMs, zone: Zone) -> bool {
    let day = |time| wall(time, zone).map(|wall| wall.date());
    day(one) == day(other)
}

/// Returns when the day after a moment begins, or just behind that where a clock is put forward over midnight.
pub fn next(time: TimeMs, zone: Zone) -> Option<TimeMs> {
    let tomorrow = wall(time, zone)?.date().succ_opt()?;
    let hours = (0..4).filter_map(|hour| tomorrow.and_hms_opt(hour, 0, 0));
    let mut begins = hours.filter_map(|wall| match zone {
        Zone::Local => {
            let time = Local.from_local_datetime(&wall).earliest()?;
            Some(time.timestamp_millis())
        }
        Zone::Fixed(offset) => {
            let time = wall.checked_sub_offset(offset)?;
            Some(time.and_utc().timestamp_millis())
        }
    });
    begins.next().map(TimeMs::new)
}

/// What a clock on the wall of the reader shows.
fn wall(time: TimeMs, zone: Zone) -> Option<NaiveDateTime> {
    let time = DateTime::from_timestamp_millis(time.milliseconds())?;
    // The very first and last hours of the calendar have no local time in each zone.
    match zone {
        Zone::Local => {
            let offset = chrono::Offset::fix(time.with_timezone(&Local).offset());
            time.naive_utc().checked_add_offset(offset)
        }
        Zone::Fixed(offset) => time.naive_utc().checked_add_offset(offset),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    const UTC: i32 = 0;

    fn zone(hours: i32) -> Zone {
        Zone::Fixed(FixedOffset::east_opt(hours * 3600).unwrap())
    }

    fn at(year: i32, month: u32, day: u32, hour: u32) -> TimeMs {
        let day = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let time = day.and_hms_opt(hour, 5, 59).unwrap();
        TimeMs::new(time.and_utc().timestamp_millis())
    }

    #[test]
    fn days_are_named_as_seen_from_today() {
        let now = at(2026, 11, 28, 12);
        for (time, shown) in [
            (at(2026, 11, 28, 0), "Today"),
            (at(2026, 11, 27, 23), "Yesterday"),
            (at(2026, 11, 24, 1), "Tuesday 24 November"),
            (at(2026, 11, 29, 1), "Sunday 29 November"),
            (at(2026, 1, 1, 1), "Thursday 1 January"),
            (at(2025, 12, 31, 1), "Wednesday 31 December 2025"),
            (TimeMs::new(i64::MAX), NO_DAY),
        ] {
            assert_eq!(day(time, now, zone(UTC)), shown);
        }
        assert_eq!(
            day(at(2026, 11, 24, 1), TimeMs::new(i64::MIN), zone(UTC)),
            "Tuesday 24 November 2026"
        );
    }

    #[test]
    fn the_zone_decides_the_day() {
        let now = at(2026, 11, 28, 12);
        assert_eq!(day(at(2026, 11, 27, 23), now, zone(2)), "Today");
        assert_eq!(day(at(2026, 11, 28, 1), now, zone(-2)), "Yesterday");
        let (late, early) = (at(2026, 11, 27, 23), at(2026, 11, 28, 0));
        assert!(!is_same_day(late, early, zone(UTC)) && is_same_day(late, early, zone(1)));
        assert_eq!(time_of_day(late, zone(UTC)), "23:05");
        assert_eq!(time_of_day(late, zone(2)), "01:05");
        assert_eq!(time_of_day(TimeMs::new(i64::MIN), zone(UTC)), NO_TIME);
    }

    #[test]
    fn the_next_day_begins_at_midnight_of_the_reader() {
        let midnight = |hours| {
            let next = next(at(2026, 11, 28, 12), zone(hours)).unwrap();
            next.milliseconds()
        };
        let hour = 3_600_000;
        let of_utc = 1_795_910_400_000;
        assert_eq!((midnight(0), midnight(2)), (of_utc, of_utc - 2 * hour));
        assert_eq!(midnight(-2), of_utc + 2 * hour);
        assert_eq!(next(TimeMs::new(i64::MAX), zone(UTC)), None);
    }

    proptest! {
        #[test]
        fn the_next_day_is_another_and_near(time in 0_i64..4_000_000_000_000, hours in -23..=23) {
            for zone in [zone(hours), Zone::Local] {
                let time = TimeMs::new(time);
                let next = next(time, zone).unwrap();
                let wait = next.milliseconds() - time.milliseconds();
                prop_assert!((1..=28 * 3_600_000).contains(&wait));
                prop_assert!(!is_same_day(time, next, zone));
                let before = TimeMs::new(next.milliseconds() - 1);
                prop_assert!(is_same_day(time, before, zone));
            }
        }

        #[test]
        fn any_moment_is_shown(time in any::<i64>(), now in any::<i64>(), hours in -23..=23) {
            for zone in [zone(hours), Zone::Local] {
                let (time, now) = (TimeMs::new(time), TimeMs::new(now));
                prop_assert!(!day(time, now, zone).is_empty());
                let _ = next(time, zone);
                prop_assert!(time_of_day(time, zone).len() == 5);
            }
        }

        #[test]
        fn the_ends_of_the_calendar_are_shown(past in 0_i64..200_000_000, hours in -23..=23) {
            let first = DateTime::<chrono::Utc>::MIN_UTC.timestamp_millis();
            let last = DateTime::<chrono::Utc>::MAX_UTC.timestamp_millis();
            for time in [first + past, last - past] {
                let time = TimeMs::new(time);
                for zone in [zone(hours), Zone::Local] {
                    prop_assert!(!day(time, time, zone).is_empty());
                    prop_assert!(time_of_day(time, zone).len() == 5);
                }
            }
        }
    }
}
