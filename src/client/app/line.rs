//! The lines of the plain mode: `<sender, time> text` for messages, `<> text` for the system.
//!
//! Takes times in UTC and shows them in the reader's zone. Knows nothing of where lines go.

use chrono::{DateTime, FixedOffset, Local, NaiveDateTime, TimeDelta};

use crate::domain::{clock::TimeMs, user::Presence};

use super::{look::Found, model::MessageLine, untrusted::Untrusted};

/// How a moment is written.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";
/// What stands for a moment that no calendar has.
const NO_TIME: &str = "????-??-?? ??:??:??";

/// Characters of an emoji that are shown, and of a text that is quoted.
const EMOJI_CHARS: usize = 16;
const QUOTE_CHARS: usize = 40;
/// What stands for a text that was deleted.
const DELETED: &str = "(deleted)";

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

    /// The moment at which a clock here shows this: of an hour that comes twice the first, and for one that is left out
    /// in spring the one after it.
    pub fn moment(self, wall: NaiveDateTime) -> TimeMs {
        let at = |wall: NaiveDateTime| match self {
            Self::Local => {
                let time = wall.and_local_timezone(Local).earliest()?;
                Some(time.timestamp_millis())
            }
            Self::Fixed(offset) => {
                let time = wall.and_local_timezone(offset).earliest()?;
                Some(time.timestamp_millis())
            }
        };
        let later = || at(wall.checked_add_signed(TimeDelta::hours(1))?);
        let never = || wall.and_utc().timestamp_millis();
        TimeMs::new(at(wall).or_else(later).unwrap_or_else(never))
    }
}

/// Writes a message, with the name of its group or channel if it stands in one.
pub fn message(message: &MessageLine, room: Option<&str>, zone: Zone) -> String {
    let sender = message.sender.render_line();
    let place = room.map_or_else(String::new, |room| format!(" in {room}"));
    let time = zone.stamp(message.time);
    format!(
        "<{sender}{place}, {time}> {}{}",
        text(message),
        files(message)
    )
}

/// Writes a message on one line, with no more of its files than stands for them where it has no text.
pub fn short(message: &MessageLine, zone: Zone) -> String {
    let sender = message.sender.render_line();
    let time = zone.stamp(message.time);
    let said = message.said();
    let said = said.map_or_else(|| DELETED.to_owned(), |said| said.render_line());
    format!("<{sender}, {time}> {said}")
}

/// Writes a message with its number and all that was done to it since.
pub fn numbered(message: &MessageLine, zone: Zone) -> String {
    let sender = message.sender.render_line();
    let time = zone.stamp(message.time);
    let mut line = format!("<{sender}, {time}> [{}] {}", message.seq, text(message));
    if message.is_edited && message.text.is_some() {
        line += " (edited)";
    }
    if !message.reactions.is_empty() {
        line += " ";
        line += &reactions(&message.reactions);
    }
    line + &files(message)
}

/// Writes a message that was found, with its number, below which it can be answered where it stands.
pub fn found(found: &Found, place: &str, zone: Zone) -> String {
    let message = &found.message;
    let sender = message.sender.render_line();
    let time = zone.stamp(message.time);
    let text = match &found.snippet {
        Some(snippet) if !snippet.is_empty() => snippet.starred(),
        _ => text(message),
    };
    let files = files(message);
    format!("<{sender}{place}, {time}> [{}] {text}{files}", message.seq)
}

fn text(message: &MessageLine) -> String {
    let count = message.files.len();
    match &message.text {
        Some(text) if text.is_empty() && count > 0 => {
            format!("({})", counted(count, "file", "files"))
        }
        Some(text) => text.render_block(),
        None => DELETED.to_owned(),
    }
}

/// The lines of its files. Those of a text are indented or stand behind a sender, so that none of them can pass for one.
fn files(message: &MessageLine) -> String {
    let lines = message.files.iter().zip(1..);
    let lines = lines.map(|(file, number)| format!("\n{}", file.line(number)));
    lines.collect()
}

/// Writes reactions: `{👍 2, 🎉 1}`.
pub fn reactions(reactions: &[(Untrusted, u32)]) -> String {
    let one = |(emoji, count): &(Untrusted, u32)| format!("{} {count}", self::emoji(emoji));
    let all: Vec<String> = reactions.iter().map(one).collect();
    format!("{{{}}}", all.join(", "))
}

/// Writes an emoji.
pub fn emoji(emoji: &Untrusted) -> String {
    emoji.render_start(EMOJI_CHARS)
}

/// Writes the line above an answer: whose message it answers, and how that begins.
pub fn quotation(sender: &Untrusted, text: Option<&Untrusted>) -> String {
    let begins = text.map_or_else(|| DELETED.to_owned(), |text| text.render_start(QUOTE_CHARS));
    format!("> {}: {begins}", sender.render_line())
}

/// Writes the line above an answer to a message of which only the number is known.
pub fn quotation_of_number(seq: u64) -> String {
    format!("> message [{seq}]")
}

/// Writes the beginning of a text in quotes.
pub fn start(text: &Untrusted) -> String {
    format!("\"{}\"", text.render_start(QUOTE_CHARS))
}

/// Writes one line of the list of users.
pub fn user(name: &Untrusted, presence: Presence) -> String {
    let presence = match presence {
        Presence::Online => "ONLINE",
        Presence::Away => "AWAY",
        Presence::DoNotDisturb => "DND",
        Presence::Offline => "OFFLINE",
    };
    format!("{} <{presence}>", name.render_line())
}

/// Writes a number of things: `1 message`, `2 messages`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Ends a sentence, unless it has an end.
pub fn ended(sentence: &str) -> String {
    match sentence.ends_with(['.', '?', '!']) {
        true => sentence.to_owned(),
        false => format!("{sentence}."),
    }
}

/// Goes on with a sentence, or with the next if that one has an end.
pub fn further(sentence: &str, more: &str) -> String {
    if !sentence.ends_with(['.', '?', '!']) {
        return format!("{sentence}; {more}");
    }
    let mut more = more.chars();
    let first = more.next().map(|c| c.to_uppercase().to_string());
    format!("{sentence} {}{}", first.unwrap_or_default(), more.as_str())
}

/// Writes what the system has to say.
pub fn system(text: impl AsRef<str>) -> String {
    format!("<> {}", text.as_ref())
}

#[cfg(test)]
mod tests {
    use super::{
        super::file::tests::{file, picture},
        *,
    };

    fn said(sender: &str, time: TimeMs, text: &str) -> MessageLine {
        MessageLine {
            conversation: "c1".to_owned(),
            seq: 7,
            sender: sender.into(),
            time,
            text: Some(text.into()),
            files: Vec::new(),
            reply_to: 0,
            is_edited: false,
            reactions: Vec::new(),
            mentions: Vec::new(),
            mentions_all: false,
        }
    }

    #[test]
    fn a_sentence_ends_once() {
        for (text, whole, longer) in [
            ("no room", "no room.", "no room; try again"),
            ("is it right?", "is it right?", "is it right? Try again"),
            ("", ".", "; try again"),
        ] {
            assert_eq!(
                (ended(text), further(text, "try again")),
                (whole.to_owned(), longer.to_owned())
            );
        }
        assert_eq!(further("so?", ""), "so? ");
    }

    #[test]
    fn a_message_shows_sender_and_time_in_the_zone_of_the_reader() {
        let sent = TimeMs::new(1_767_225_599_999);
        let show = |hours: i32| {
            let zone = Zone::Fixed(FixedOffset::east_opt(hours * 3600).unwrap());
            message(&said("ann", sent, " two\nlines"), None, zone)
        };
        assert_eq!(show(0), "<ann, 2025-12-31 23:59:59>  two\n  lines");
        assert_eq!(show(2), "<ann, 2026-01-01 01:59:59>  two\n  lines");
    }

    #[test]
    fn a_hostile_sender_and_an_impossible_time_do_no_harm() {
        let hostile = said("a\u{1b}]0;x\u{7}\n", TimeMs::new(i64::MAX), "hi");
        let line = message(&hostile, None, Zone::Local);
        assert_eq!(line, "<a␛]0;x␇⏎, ????-??-?? ??:??:??> hi");
    }

    #[test]
    fn a_message_of_a_room_says_where_and_a_numbered_one_what_became_of_it() {
        let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
        let mut it = said("ann", TimeMs::new(0), "two\nlines");
        assert_eq!(
            message(&it, Some("#ops"), zone),
            "<ann in #ops, 1970-01-01 00:00:00> two\n  lines"
        );
        it.is_edited = true;
        it.reactions = vec![("👍".into(), 2), ("\u{1b}[2J".into(), 1)];
        assert_eq!(
            numbered(&it, zone),
            "<ann, 1970-01-01 00:00:00> [7] two\n  lines (edited) {👍 2, ␛[2J 1}"
        );
        it.text = None;
        it.reactions.clear();
        assert_eq!(
            numbered(&it, zone),
            "<ann, 1970-01-01 00:00:00> [7] (deleted)"
        );
        assert_eq!(quotation(&it.sender, None), "> ann: (deleted)");
        let long = "a\n".repeat(50).into();
        assert_eq!(
            quotation(&it.sender, Some(&long)),
            format!("> ann: {}…", "a⏎".repeat(20))
        );
        assert_eq!(quotation_of_number(7), "> message [7]");
    }
    #[test]
    fn files_have_lines_of_their_own_that_no_text_can_pass_for() {
        let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
        let notes = "[file 1: notes.txt, text/plain, 1.2 KiB; tinychat-client download f12]";
        let mut it = said("ann", TimeMs::new(0), &format!("see\n{notes}"));
        it.files = vec![
            file("f12", "notes.txt", "text/plain"),
            picture("f13", "a\n<bob> b\u{1b}[2J\u{202e}.png"),
        ];
        let picture = "[file 2: a⏎<bob> b␛[2J\u{fffd}.png, image/png, 1920x1080, 2 MiB; \
                       tinychat-client download f13]";
        assert_eq!(
            message(&it, None, zone),
            format!("<ann, 1970-01-01 00:00:00> see\n  {notes}\n{notes}\n{picture}")
        );
        it.text = Some("".into());
        it.reactions = vec![("👍".into(), 2)];
        assert_eq!(
            numbered(&it, zone),
            format!("<ann, 1970-01-01 00:00:00> [7] (2 files) {{👍 2}}\n{notes}\n{picture}")
        );
        it.files.truncate(1);
        assert_eq!(
            message(&it, Some("#ops"), zone),
            format!("<ann in #ops, 1970-01-01 00:00:00> (1 file)\n{notes}")
        );
        assert_eq!(
            short(&it, zone),
            "<ann, 1970-01-01 00:00:00> [file notes.txt]"
        );
        let hit = Found {
            message: it,
            snippet: Some("".into()),
        };
        assert_eq!(
            found(&hit, "", zone),
            format!("<ann, 1970-01-01 00:00:00> [7] (1 file)\n{notes}")
        );
    }

    #[test]
    fn what_was_found_shows_where_it_stands_and_the_hits() {
        let zone = Zone::Fixed(FixedOffset::east_opt(0).unwrap());
        let mut hit = Found {
            message: said("ann", TimeMs::new(0), "the build\nis green"),
            snippet: Some("the *build*\u{1b}\nis".into()),
        };
        assert_eq!(
            found(&hit, " in #ops", zone),
            "<ann in #ops, 1970-01-01 00:00:00> [7] the *build*␛⏎is"
        );
        hit.snippet = None;
        assert_eq!(
            found(&hit, "", zone),
            "<ann, 1970-01-01 00:00:00> [7] the build\n  is green"
        );
        hit.snippet = Some("x".repeat(9999).as_str().into());
        assert!(found(&hit, "", zone).chars().count() < 450);
    }

    #[test]
    fn what_a_clock_shows_is_a_moment_and_no_clock_does_harm() {
        let zone = Zone::Fixed(FixedOffset::east_opt(3600).unwrap());
        let wall = |time: i64| DateTime::from_timestamp(time, 0).unwrap().naive_utc();
        assert_eq!(zone.moment(wall(3600)), TimeMs::new(0));
        for wall in [NaiveDateTime::MIN, NaiveDateTime::MAX] {
            for zone in [zone, Zone::Local] {
                zone.moment(wall);
            }
        }
    }
}
