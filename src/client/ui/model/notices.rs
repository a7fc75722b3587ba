//! What the program has to say in its status line: the newest is shown, for a while. Time is given.

use std::collections::VecDeque;

use crate::domain::clock::TimeMs;

/// Notices that wait; past it the oldest is forgotten.
const NOTICES_MAX: usize = 20;

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something was done.
    Info,
    /// Something was not done, or may go wrong.
    Warning,
    /// Something has gone wrong.
    Error,
}

impl Level {
    /// How long one is shown, in milliseconds: the worse, the longer.
    const fn shown_ms(self) -> i64 {
        match self {
            Self::Info => 4_000,
            Self::Warning => 8_000,
            Self::Error => 15_000,
        }
    }
}

/// One notice. Its text is safe: whoever makes it renders what is foreign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How serious it is.
    pub level: Level,
    /// What is said.
    pub text: String,
    /// Until when.
    pub until: TimeMs,
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices(VecDeque<Notice>);

impl Notices {
    /// Says something. What is said again is not said twice.
    pub fn push(&mut self, level: Level, text: impl Into<String>, now: TimeMs) {
        let text = text.into();
        self.0.retain(|notice| notice.text != text);
        if self.0.len() >= NOTICES_MAX {
            self.0.pop_front();
        }
        let until = TimeMs::new(now.milliseconds().saturating_add(level.shown_ms()));
        self.0.push_back(Notice { level, text, until });
    }

    /// What is shown: the worst, and of those the newest.
    pub fn shown(&self, now: TimeMs) -> Option<&Notice> {
        let live = self.0.iter().filter(|notice| notice.until > now);
        live.max_by_key(|notice| notice.level)
    }

    /// Forgets those whose time is over; returns whether there was any.
    pub fn expire(&mut self, now: TimeMs) -> bool {
        let before = self.0.len();
        self.0.retain(|notice| notice.until > now);
        self.0.len() != before
    }

    /// Takes away what is shown.
    pub fn dismiss(&mut self, now: TimeMs) -> bool {
        let Some(text) = self.shown(now).map(|notice| notice.text.clone()) else {
            return false;
        };
        self.0.retain(|notice| notice.text != text);
        true
    }

    /// When the next one ends.
    pub fn next_end(&self) -> Option<TimeMs> {
        self.0.iter().map(|notice| notice.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_and_newest_is_shown_for_its_time() {
        let at = TimeMs::new;
        let mut notices = Notices::default();
        notices.push(Level::Error, "lost", at(0));
        notices.push(Level::Info, "a", at(0));
        notices.push(Level::Error, "full", at(1));
        let shown = |notices: &Notices, now| notices.shown(at(now)).map(|it| it.text.clone());
        assert_eq!(shown(&notices, 2).as_deref(), Some("full"));
        assert!(notices.dismiss(at(2)));
        assert_eq!(shown(&notices, 2).as_deref(), Some("lost"));
        assert_eq!(notices.next_end(), Some(at(4_000)));
        assert!(notices.expire(at(4_000)) && !notices.expire(at(4_000)));
        assert_eq!(shown(&notices, 15_000), None);
        for number in 0..100 {
            notices.push(Level::Info, number.to_string(), at(0));
            notices.push(Level::Info, "again", at(i64::MAX));
        }
        assert_eq!(notices.0.len(), NOTICES_MAX);
    }
}
