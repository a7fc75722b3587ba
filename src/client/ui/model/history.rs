//! The lines that were sent from here in one conversation, to be had again. Bounded; a line twice in a row stands once.

use std::collections::VecDeque;

/// Lines that are remembered.
const LINES_MAX: usize = 100;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    lines: VecDeque<String>,
    /// Whether what was kept of earlier programs is part of it.
    is_loaded: bool,
}

impl History {
    /// Remembers a line.
    pub fn push(&mut self, line: &str) {
        if line.is_empty() || self.newest(0) == Some(line) {
            return;
        }
        if self.lines.len() >= LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// Takes in what was kept, the oldest first: it stands before what was sent since, which may be part of it already. Once.
    pub fn load(&mut self, kept: &[String]) {
        if std::mem::replace(&mut self.is_loaded, true) {
            return;
        }
        let newer = Vec::from(std::mem::take(&mut self.lines));
        let starts = (0..=newer.len()).rev().map(|count| newer.split_at(count));
        let behind = starts.filter(|(start, _)| kept.ends_with(start));
        let behind = behind.map(|(_, behind)| behind).next().unwrap_or_default();
        kept.iter().chain(behind).for_each(|line| self.push(line));
    }

    /// A line, counted from the newest, which is 0.
    pub fn newest(&self, at: usize) -> Option<&str> {
        self.lines.iter().rev().nth(at).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_knows_no_line_twice_in_a_row() {
        let mut history = History::default();
        for line in ["a", "a", "", "b", "a"] {
            history.push(line);
        }
        let all: Vec<&str> = (0..9).filter_map(|at| history.newest(at)).collect();
        assert_eq!(all, ["a", "b", "a"]);
        for number in 0..500 {
            history.push(&number.to_string());
        }
        assert_eq!(
            (history.newest(99), history.newest(100)),
            (Some("400"), None)
        );
    }

    #[test]
    fn what_was_kept_stands_before_what_is_new_and_comes_once() {
        let kept = ["a", "b", "c"].map(str::to_owned);
        let all = |history: &History| -> Vec<String> {
            let newest = (0..9).map_while(|at| history.newest(at));
            newest.map(str::to_owned).collect()
        };
        let mut history = History::default();
        history.load(&kept);
        history.load(&kept);
        assert_eq!(all(&history), ["c", "b", "a"]);
        let mut history = History::default();
        history.push("c");
        history.push("d");
        history.load(&kept);
        assert_eq!(all(&history), ["d", "c", "b", "a"]);
    }
}
