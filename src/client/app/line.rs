//! The lines of the plain mode: `<sender, time> text` for messages, `<> text` for the system.
//!
//! Takes times in UTC and shows them in the reader's zone. Knows nothing of where lines go.

use chrono::{DateTime, FixedOffset, Local};

use crate::domain::clock::TimeMs;

use super::untrusted::Untrusted;

/// How a moment is written.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";
/// What stands for a moment that no calendar has.
const NO_TIME: &str = "????-??-?? ??:??:??";

/// The zone in which the reader wants to see times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// That of this machine, with its summer times.
    Local,
    /// A fixed distance from UTC.
    Fixed(FixedOffset),
}

impl Zone {
    /// Writes a moment as `YYYY-MM-DD HH:MM:SS`.
    pub fn stamp(self, time: TimeMs) -> String {
        let Some(time) = DateTime::from_timestamp_millis(time.milliseconds()) else {
            return NO_TIME.to_owned();
        };
        match self {
            Self::Local => time.with_timezone(&Local).format(FORMAT).to_string(),
            Self::Fixed(offset) => time.with_timezone(&offset).format(FORMAT).to_string(),
        }
    }
}

/// Writes a message.
pub fn message(sender: &Untrusted, time: TimeMs, text: &Untrusted, zone: Zone) -> String {
    let sender = sender.render_line();
    format!("<{sender}, {}> {}", zone.stamp(time), text.render_block())
}

/// Writes one line of the list of users.
pub fn user(name: &Untrusted, online: bool) -> String {
    let presence = if online { "ONLINE" } else { "OFFLINE" };
    format!("{} <{presence}>", name.render_line())
}

/// Writes a number of things: `1 message`, `2 messages`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Writes what the system has to say.
pub fn system(text: impl AsRef<str>) -> String {
    format!("<> {}", text.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_sender_and_time_in_the_zone_of_the_reader() {
        let sent = TimeMs::new(1_767_225_599_999);
        let show = |hours: i32| {
            let zone = Zone::Fixed(FixedOffset::east_opt(hours * 3600).unwrap());
            message(&"ann".into(), sent, &" two\nlines".into(), zone)
        };
        assert_eq!(show(0), "<ann, 2025-12-31 23:59:59>  two\n  lines");
        assert_eq!(show(2), "<ann, 2026-01-01 01:59:59>  two\n  lines");
    }

    #[test]
    fn a_hostile_sender_and_an_impossible_time_do_no_harm() {
        let line = message(
            &"a\u{1b}]0;x\u{7}\n".into(),
            TimeMs::new(i64::MAX),
            &"hi".into(),
            Zone::Local,
        );
        assert_eq!(line, "<a␛]0;x␇⏎, ????-??-?? ??:??:??> hi");
    }
}
