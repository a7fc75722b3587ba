//! Checks what comes: each message of a sender once, and in order. Knows nothing of how it comes.

use std::collections::BTreeSet;

/// A hole that is larger is counted as lost at once, and not remembered.
const HOLE_MAX: u64 = 1 << 20;

/// What was wrong with deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Deliveries that were checked.
    pub deliveries: u64,
    /// Messages that were acknowledged and never came.
    pub lost: u64,
    /// Messages that came again.
    pub duplicate: u64,
    /// Messages that came after one that was sent later.
    pub reordered: u64,
}

impl Checks {
    /// Adds what others saw.
    pub const fn add(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.lost = self.lost.saturating_add(other.lost);
        self.duplicate += other.duplicate;
        self.reordered += other.reordered;
    }

    /// Whether all was well.
    pub const fn are_clean(&self) -> bool {
        self.lost == 0 && self.duplicate == 0 && self.reordered == 0
    }
}

/// Follows the messages of one sender on one stream.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    next: u64,
    missing: BTreeSet<u64>,
    checks: Checks,
}

impl Tracker {
    /// Takes a message.
    pub fn see(&mut self, number: u64) {
        self.checks.deliveries += 1;
        if number == self.next {
            self.next += 1;
        } else if number > self.next {
            match number - self.next {
                hole if hole > HOLE_MAX => self.checks.lost = self.checks.lost.saturating_add(hole),
                _ => self.missing.extend(self.next..number),
            }
            self.next = number.saturating_add(1);
        } else if self.missing.remove(&number) {
            self.checks.reordered += 1;
        } else {
            self.checks.duplicate += 1;
        }
    }

    /// Takes something that nobody sent here: as wrong as a message that comes again.
    pub const fn see_strange(&mut self) {
        self.checks.deliveries += 1;
        self.checks.duplicate += 1;
    }

    /// How many came, whatever is wrong with them.
    pub const fn deliveries(&self) -> u64 {
        self.checks.deliveries
    }

    /// Whether all of so many came.
    pub fn is_complete(&self, sent: u64) -> bool {
        self.next >= sent && self.missing.is_empty() && self.checks.lost == 0
    }

    /// What came of so many that were acknowledged.
    pub fn checks(&self, sent: u64) -> Checks {
        let missing = self.missing.len() as u64 + sent.saturating_sub(self.next);
        Checks {
            lost: self.checks.lost.saturating_add(missing),
            ..self.checks
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(numbers: &[u64], sent: u64) -> [u64; 4] {
        let mut tracker = Tracker::default();
        numbers.iter().for_each(|number| tracker.see(*number));
        let checks = tracker.checks(sent);
        assert_eq!(tracker.is_complete(sent), checks.lost == 0);
        [
            checks.deliveries,
            checks.lost,
            checks.duplicate,
            checks.reordered,
        ]
    }

    #[test]
    fn all_in_order_is_clean() {
        assert_eq!(seen(&[0, 1, 2], 3), [3, 0, 0, 0]);
        assert_eq!(seen(&[], 0), [0, 0, 0, 0]);
    }

    #[test]
    fn what_is_lost_doubled_or_swapped_is_told_apart() {
        assert_eq!(seen(&[0, 2], 3), [2, 1, 0, 0]);
        assert_eq!(seen(&[0, 1], 3), [2, 1, 0, 0]);
        assert_eq!(seen(&[0, 1, 1, 2], 3), [4, 0, 1, 0]);
        assert_eq!(seen(&[0, 2, 1], 3), [3, 0, 0, 1]);
        assert_eq!(seen(&[2, 1, 1], 3), [3, 1, 1, 1]);
        assert_eq!(seen(&[u64::MAX], 0)[1], u64::MAX);
    }
}
