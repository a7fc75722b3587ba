//! What calls for a person who looks elsewhere: the bell, a notification of the terminal, its title.
//!
//! Promises that no text gets a code of its own in here, that the bell rings at most once a second, that there is a
//! notification at most once a second, and that it comes once: of the ways that terminals have for it, the one that this
//! terminal knows. Makes text; writes nothing.

use std::time::Duration;

use tokio::time::Instant;

/// The bell is quiet for so long after it rang, and so are notifications.
const QUIET: Duration = Duration::from_secs(1);
/// Characters of a title or a text that are handed over.
const CHARS_MAX: usize = 200;

/// What rings.
const BELL: &str = "\x07";

/// How the terminal shows notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Not at all, or nobody wants them.
    None,
    /// By OSC 9, as iTerm2 has it.
    Osc9,
    /// By OSC 777, as rxvt has it.
    Osc777,
    /// By one of the two: which, is not known. A terminal passes over the one that it does not know.
    Either,
}

impl Way {
    /// Returns the way of a terminal, by what the environment says: `TERM`, `TERM_PROGRAM`, and whether `VTE_VERSION` is set.
    pub fn of(term: &str, program: &str, is_vte: bool) -> Self {
        let begins = |names: &[&str]| names.iter().any(|name| term.starts_with(name));
        match program {
            _ if term.is_empty() || begins(&["dumb", "linux", "vt"]) => Self::None,
            "iTerm.app" => Self::Osc9,
            "ghostty" | "WezTerm" => Self::Osc777,
            _ if is_vte || begins(&["foot", "rxvt", "xterm-kitty", "xterm-ghostty"]) => {
                Self::Osc777
            }
            _ => Self::Either,
        }
    }

    /// Returns the codes of a notification.
    pub fn codes(self, title: &str, body: &str) -> String {
        let (title, body) = (plain(title), plain(body));
        // A text that began with a number would be a command to some.
        let nine = format!("\x1b]9;tinychat: {title}: {body}\x07");
        let many = format!("\x1b]777;notify;{title};{body}\x07");
        match self {
            Self::None => String::new(),
            Self::Osc9 => nine,
            Self::Osc777 => many,
            Self::Either => nine + &many,
        }
    }
}

/// Calls, but not without end.
#[derive(Debug, Default)]
pub struct Bell {
    rang: Option<Instant>,
    notified: Option<Instant>,
}

impl Bell {
    /// Returns what rings, unless it rang just now.
    pub fn ring(&mut self, now: Instant) -> &'static str {
        match passes(&mut self.rang, now) {
            true => BELL,
            false => "",
        }
    }

    /// Whether there may be a notification, unless there was one just now. Of those that come together the first is shown.
    pub fn may_notify(&mut self, now: Instant) -> bool {
        passes(&mut self.notified, now)
    }
}

fn passes(last: &mut Option<Instant>, now: Instant) -> bool {
    let is_quiet = last.is_some_and(|last| now < last + QUIET);
    if !is_quiet {
        *last = Some(now);
    }
    !is_quiet
}

/// Returns the codes of a title.
pub fn title(text: &str) -> String {
    format!("\x1b]2;{}\x07", plain(text))
}

/// A text in which nothing ends or parts a command: no controls of either set, no semicolons.
fn plain(text: &str) -> String {
    let harmless = text.chars().filter(|c| !c.is_control());
    let harmless = harmless.map(|c| if c == ';' { ',' } else { c });
    harmless.take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x07b\x1b]0;x\x1b\\c\u{9c}d\u{9b}2Je;f\r\n";

    #[test]
    fn no_text_ends_the_command_that_it_stands_in() {
        for way in [Way::Osc9, Way::Osc777, Way::Either] {
            let codes = way.codes(HOSTILE, HOSTILE);
            for command in codes.split_inclusive('\x07') {
                let inside = command.strip_prefix("\x1b]").unwrap();
                let inside = inside.strip_suffix('\x07').unwrap();
                assert!(!inside.contains(char::is_control), "{codes:?}");
                let parts = if inside.starts_with("9;") { 1 } else { 3 };
                assert_eq!(inside.matches(';').count(), parts, "{codes:?}");
            }
        }
        assert_eq!(title(HOSTILE), "\x1b]2;ab]0,x\\cd2Je,f\x07");
        assert!(title(&"x".repeat(9_999)).len() < 300);
        assert_eq!(Way::None.codes("a", "b"), "");
    }

    #[test]
    fn a_terminal_is_called_in_its_own_way_and_a_console_not_at_all() {
        assert_eq!(Way::of("linux", "", false), Way::None);
        assert_eq!(Way::of("", "", true), Way::None);
        assert_eq!(Way::of("xterm-256color", "iTerm.app", false), Way::Osc9);
        assert_eq!(Way::of("foot-extra", "", false), Way::Osc777);
        assert_eq!(Way::of("xterm-256color", "", true), Way::Osc777);
        assert_eq!(Way::of("xterm-256color", "", false), Way::Either);
    }

    #[test]
    fn the_bell_rings_once_a_second() {
        let mut bell = Bell::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let rung: Vec<u64> = (0..30)
            .map(|count| count * 100)
            .filter(|time| !bell.ring(at(*time)).is_empty())
            .collect();
        assert_eq!(rung, [0, 1_000, 2_000]);
        // Notifications count for themselves.
        let notified: Vec<u64> = (0..30)
            .map(|count| count * 100)
            .filter(|time| bell.may_notify(at(*time)))
            .collect();
        assert_eq!(notified, rung);
    }
}
