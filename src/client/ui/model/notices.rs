//! What the program has to say in its status line, one after the other. Time is given.
//!
//! Promises: what is new is shown at once unless something worse has just begun; what it took the place of comes back, so
//! that each is shown for `TURN_MS` at the least, errors first, and the rest of its time if nothing else waits. What is
//! said again and again takes the turn of none that waits. What somebody takes away takes those along that had their turn:
//! nothing that was seen comes up behind it. Bounded: of too many the least serious goes, first among those that were shown.

use std::collections::VecDeque;

use crate::domain::clock::TimeMs;

/// Notices that wait; at a turn each, a minute of them.
const NOTICES_MAX: usize = 20;
/// How long each is shown before the next, in milliseconds: as long as it takes to read one.
const TURN_MS: u64 = 3_000;
/// The longest that one of many lines is shown by itself, in milliseconds.
const SHOWN_MS_MAX: u64 = 60_000;

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
    const fn shown_ms(self) -> u64 {
        match self {
            Self::Info => 4_000,
            Self::Warning => 8_000,
            Self::Error => 15_000,
        }
    }
}

/// One notice. Its text is safe: whoever makes it renders what is foreign. It may have several lines, a thing each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How serious it is.
    pub level: Level,
    /// What is said.
    pub text: String,
    /// How long it was shown, in milliseconds, without the turn that it has now.
    shown_ms: u64,
}

impl Notice {
    /// How long it is still to be shown.
    fn left_ms(&self) -> u64 {
        let further = u64::try_from(self.text.matches('\n').count()).unwrap_or(u64::MAX);
        let whole = further
            .saturating_mul(TURN_MS)
            .saturating_add(self.level.shown_ms());
        whole.min(SHOWN_MS_MAX).saturating_sub(self.shown_ms)
    }

    fn had_turn(&self) -> bool {
        self.shown_ms >= TURN_MS
    }
}

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// What is shown, and since when.
    shown: Option<(Notice, TimeMs)>,
    waiting: VecDeque<Notice>,
    /// Texts that had their turn since anything waits.
    had_turns: VecDeque<String>,
}

impl Notices {
    /// Says something. What is said again is not said twice.
    pub fn push(&mut self, level: Level, text: impl Into<String>, now: TimeMs) {
        let text = text.into();
        self.expire(now);
        let mut shown_ms = 0;
        self.waiting.retain(|it| {
            let is_same = it.text == text;
            if is_same {
                shown_ms = it.shown_ms.min(TURN_MS);
            }
            !is_same
        });
        if let Some((shown, since)) = &mut self.shown
            && shown.text == text
        {
            shown.level = level;
            // While others wait its turn ends when it does.
            if self.waiting.is_empty() {
                (shown.shown_ms, *since) = (0, now);
            }
            return;
        }
        let had_turn = self.had_turns.contains(&text);
        if had_turn {
            shown_ms = TURN_MS;
        }
        let notice = Notice {
            level,
            text,
            shown_ms,
        };
        let (is_in_turn, is_worse) = match &self.shown {
            Some((shown, since)) => {
                let shown_ms = shown.shown_ms.saturating_add(now.since_ms(*since));
                (shown_ms < TURN_MS, shown.level > level)
            }
            None => (false, false),
        };
        let others_wait = || self.waiting.iter().any(|it| !it.had_turn());
        if is_in_turn && (is_worse || had_turn) {
            self.waiting.push_back(notice);
        } else if had_turn && others_wait() {
            self.put_aside(now);
            self.waiting.push_back(notice);
            self.show_next(now);
        } else {
            self.put_aside(now);
            self.shown = Some((notice, now));
        }
        self.bound();
    }

    /// What is shown has had its turn, or gives way: it comes back unless it was shown long enough.
    fn put_aside(&mut self, now: TimeMs) {
        let Some((mut notice, since)) = self.shown.take() else {
            return;
        };
        notice.shown_ms = notice.shown_ms.saturating_add(now.since_ms(since));
        if notice.had_turn() && !self.had_turns.contains(&notice.text) {
            self.had_turns.truncate(NOTICES_MAX - 1);
            self.had_turns.push_front(notice.text.clone());
        }
        let is_over = notice.level == Level::Info && notice.had_turn();
        if !is_over && notice.left_ms() > 0 {
            self.waiting.push_back(notice);
        }
    }

    /// Those that had no turn first, then the worst, then the one that waits longest.
    fn show_next(&mut self, now: TimeMs) {
        let place = (0..self.waiting.len()).rev().max_by_key(|place| {
            let notice = self.waiting.get(*place);
            notice.map(|notice| (!notice.had_turn(), notice.level))
        });
        let next = place.and_then(|place| self.waiting.remove(place));
        self.shown = next.map(|notice| (notice, now));
        if self.shown.is_none() {
            self.had_turns.clear();
        }
    }

    fn bound(&mut self) {
        while self.waiting.len() >= NOTICES_MAX {
            let place = (0..self.waiting.len()).min_by_key(|place| {
                let notice = self.waiting.get(*place);
                notice.map(|notice| (!notice.had_turn(), notice.level))
            });
            if place.and_then(|place| self.waiting.remove(place)).is_none() {
                return;
            }
        }
    }

    /// What is shown.
    pub fn shown(&self, now: TimeMs) -> Option<&Notice> {
        let (notice, since) = self.shown.as_ref()?;
        let is_over = self.waiting.is_empty() && now.since_ms(*since) >= notice.left_ms();
        (!is_over).then_some(notice)
    }

    /// How many others wait for their turn; those that had it were seen.
    pub fn waiting_count(&self) -> usize {
        self.waiting.iter().filter(|it| !it.had_turn()).count()
    }

    /// Goes on to the next when a turn is over; returns whether it was.
    pub fn expire(&mut self, now: TimeMs) -> bool {
        let is_over = self.next_end().is_some_and(|end| end <= now);
        if is_over {
            self.put_aside(now);
            self.show_next(now);
        }
        is_over
    }

    /// Takes away what does not hold any more.
    pub fn retract(&mut self, is_it: impl Fn(&str) -> bool, now: TimeMs) {
        self.waiting.retain(|it| !is_it(&it.text));
        if self.shown.as_ref().is_some_and(|(it, _)| is_it(&it.text)) {
            self.show_next(now);
        }
    }

    /// Takes away what is shown, and what was shown before.
    pub fn dismiss(&mut self, now: TimeMs) -> bool {
        let is_shown = self.shown(now).is_some();
        self.waiting.retain(|it| !it.had_turn());
        self.show_next(now);
        is_shown
    }

    /// When the turn ends of what is shown.
    pub fn next_end(&self) -> Option<TimeMs> {
        let (notice, since) = self.shown.as_ref()?;
        let left = notice.left_ms();
        let turn = match self.waiting.is_empty() {
            true => left,
            false => left.min(TURN_MS),
        };
        let turn = i64::try_from(turn).unwrap_or(i64::MAX);
        Some(TimeMs::new(since.milliseconds().saturating_add(turn)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> TimeMs {
        TimeMs::new(ms)
    }

    fn shown(notices: &Notices, now: i64) -> &str {
        notices.shown(at(now)).map_or("", |it| &it.text)
    }

    #[test]
    fn the_worst_and_newest_is_shown_first() {
        let mut notices = Notices::default();
        notices.push(Level::Error, "lost", at(0));
        notices.push(Level::Info, "a", at(0));
        notices.push(Level::Error, "full", at(1));
        assert_eq!((shown(&notices, 2), notices.waiting_count()), ("full", 2));
        assert!(notices.dismiss(at(2)));
        assert_eq!(shown(&notices, 2), "lost");
        assert!(notices.dismiss(at(3)));
        assert_eq!(shown(&notices, 3), "a");
        assert_eq!(notices.next_end(), Some(at(4_003)));
        assert!(notices.expire(at(4_003)) && !notices.expire(at(4_003)));
        assert_eq!((shown(&notices, 4_003), notices.next_end()), ("", None));
    }

    #[test]
    fn each_is_shown_long_enough_to_be_read() {
        let mut notices = Notices::default();
        notices.push(Level::Error, "lost", at(0));
        for text in ["a", "b", "c", "a"] {
            notices.push(Level::Info, text, at(10));
        }
        let mut times = std::collections::BTreeMap::<String, i64>::new();
        let mut order = Vec::new();
        for now in (10..60_000).step_by(10) {
            notices.expire(at(now));
            let text = shown(&notices, now).to_owned();
            if order.last() != Some(&text) {
                order.push(text.clone());
            }
            *times.entry(text).or_default() += 10;
        }
        assert_eq!(order, ["lost", "b", "c", "a", "lost", ""]);
        for (text, time) in [("a", 3_000), ("b", 3_000), ("c", 3_000), ("lost", 14_900)] {
            assert!(times[text] >= time, "{text} {times:?}");
        }
        // Nothing is passed over while the machine sleeps.
        notices.push(Level::Info, "a", at(60_000));
        notices.push(Level::Info, "b", at(60_000));
        notices.expire(at(9_000_000));
        assert_eq!(shown(&notices, 9_000_000), "a");
    }

    /// How long each text is shown within some turns, while some are said again every so often.
    fn shares(again: &[&str], every_ms: usize) -> std::collections::BTreeMap<String, i64> {
        let mut notices = Notices::default();
        let mut shares = std::collections::BTreeMap::<String, i64>::new();
        let turns = i64::try_from(again.len() + 4).unwrap();
        for (turn, now) in (0..turns * 3_000).step_by(every_ms).enumerate() {
            let text = again[turn % again.len()];
            notices.push(Level::Info, text, at(now));
            if turn == 1 {
                notices.push(Level::Info, "other", at(now));
                notices.push(Level::Warning, "worse", at(now));
            }
            for now in (now..now + i64::try_from(every_ms).unwrap()).step_by(100) {
                notices.expire(at(now));
                *shares.entry(shown(&notices, now).to_owned()).or_default() += 100;
            }
        }
        shares
    }

    #[test]
    fn what_is_said_again_and_again_takes_the_turn_of_nobody() {
        for (again, every_ms) in [
            (&["a"][..], 500),
            (&["a"], 1_000),
            (&["a", "b"], 500),
            (&["a", "b", "c"], 700),
        ] {
            let shares = shares(again, every_ms);
            for text in again.iter().chain(&["other", "worse"]) {
                let share = shares.get(*text).copied().unwrap_or(0);
                assert!(share >= 3_000, "{text} of {again:?}: {shares:?}");
            }
        }
    }

    #[test]
    fn what_is_said_again_while_nothing_waits_is_shown_for_longer() {
        let mut notices = Notices::default();
        notices.push(Level::Info, "a", at(0));
        notices.push(Level::Info, "a", at(3_500));
        assert_eq!((shown(&notices, 7_000), shown(&notices, 7_500)), ("a", ""));
        // Nor is it put off later for what it had before.
        notices.push(Level::Info, "b", at(8_000));
        notices.push(Level::Info, "a", at(8_100));
        assert_eq!(shown(&notices, 8_100), "a");
    }

    #[test]
    fn what_was_seen_is_not_counted_and_does_not_come_up_behind_what_is_taken_away() {
        let mut notices = Notices::default();
        notices.push(Level::Warning, "old", at(0));
        notices.push(Level::Info, "new", at(3_000));
        assert_eq!(
            (shown(&notices, 3_000), notices.waiting_count()),
            ("new", 0)
        );
        assert!(notices.dismiss(at(3_500)));
        assert_eq!(shown(&notices, 3_500), "");
        // What nobody has read comes after it, and is gone for good when that is taken away.
        notices.push(Level::Warning, "short", at(10_000));
        notices.push(Level::Warning, "new", at(10_500));
        assert_eq!(notices.waiting_count(), 1);
        assert!(notices.dismiss(at(11_000)));
        assert_eq!(shown(&notices, 11_000), "short");
        assert!(notices.dismiss(at(11_100)));
        notices.push(Level::Info, "done", at(11_200));
        assert_eq!(
            (shown(&notices, 11_200), notices.waiting_count()),
            ("done", 0)
        );
        notices.expire(at(20_000));
        assert_eq!((shown(&notices, 20_000), notices.next_end()), ("", None));
    }

    #[test]
    fn what_does_not_hold_any_more_is_not_said_again() {
        let mut notices = Notices::default();
        notices.push(Level::Info, "[4] Sending", at(0));
        notices.push(Level::Error, "lost", at(100));
        notices.push(Level::Info, "[5] Sending", at(200));
        notices.retract(|text| text.starts_with("[4] "), at(300));
        assert_eq!(shown(&notices, 300), "lost");
        notices.retract(|text| text == "lost", at(400));
        assert_eq!(shown(&notices, 400), "[5] Sending");
        notices.retract(|_| true, at(500));
        assert_eq!((shown(&notices, 500), notices.next_end()), ("", None));
    }

    #[test]
    fn each_line_is_given_the_time_to_read_it() {
        let mut notices = Notices::default();
        notices.push(Level::Warning, "one\ntwo\nthree", at(0));
        assert_eq!(notices.next_end(), Some(at(8_000 + 2 * 3_000)));
        notices.push(Level::Error, "x\n".repeat(1_000), at(0));
        notices.waiting.clear();
        assert_eq!(notices.next_end(), Some(at(60_000)));
    }

    #[test]
    fn there_are_never_too_many_and_errors_go_last() {
        let mut notices = Notices::default();
        notices.push(Level::Error, "lost", at(0));
        for number in 0..100 {
            notices.push(Level::Info, number.to_string(), at(0));
            notices.push(Level::Info, "again", at(0));
        }
        assert!(notices.waiting.len() < NOTICES_MAX);
        assert_eq!(shown(&notices, 0), "lost");
        for number in 0..NOTICES_MAX {
            notices.push(Level::Error, format!("error {number}"), at(0));
        }
        let mut texts = Vec::new();
        while notices.dismiss(at(0)) {
            texts.push(shown(&notices, 0).to_owned());
        }
        let is_error = |text: &&String| text.starts_with("error");
        assert_eq!(texts.iter().filter(is_error).count(), NOTICES_MAX - 1);
    }
}
