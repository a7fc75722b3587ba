//! Sets of numbers that mostly stand in a row: which messages of a conversation are known, or known not to be there.
//!
//! Promises: the ranges are sorted, never touch each other, and are never more than `RANGES_MAX`; past it the lowest is
//! forgotten, which makes a set poorer but never wrong. Knows nothing of what the numbers stand for.

use std::collections::BTreeMap;

/// Ranges that are kept. Messages come in order, so an honest server needs a handful.
const RANGES_MAX: usize = 1_000;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Takes in the numbers `from..=to`.
    pub fn insert(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let (mut from, mut to) = (from, to);
        // All that overlap or touch: from the last that begins no later than just behind the new one, downwards.
        while let Some((&start, &end)) = self.0.range(..=to.saturating_add(1)).next_back() {
            if end.saturating_add(1) < from {
                break;
            }
            self.0.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        self.0.insert(from, to);
        if self.0.len() > RANGES_MAX {
            self.0.pop_first();
        }
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u64) -> bool {
        self.around(number).is_some()
    }

    /// The range that a number stands in.
    pub fn around(&self, number: u64) -> Option<(u64, u64)> {
        let (&from, &to) = self.0.range(..=number).next_back()?;
        (to >= number).then_some((from, to))
    }

    /// Whether all numbers after the first and up to the second are in it.
    pub fn covers_after(&self, after: u64, to: u64) -> bool {
        if after >= to {
            return true;
        }
        self.around(to).is_some_and(|(from, _)| from <= after + 1)
    }

    /// Forgets all numbers after this one.
    pub fn forget_after(&mut self, number: u64) {
        while let Some(mut last) = self.0.last_entry() {
            if *last.key() <= number {
                let to = *last.get();
                last.insert(to.min(number));
                return;
            }
            last.remove();
        }
    }

    /// Forgets all numbers up to this one.
    pub fn forget_to(&mut self, number: u64) {
        while let Some((&from, &to)) = self.0.first_key_value() {
            if from > number {
                return;
            }
            self.0.remove(&from);
            if to > number {
                self.0.insert(number + 1, to);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_numbers_are_no_trap() {
        let mut ranges = Ranges::default();
        ranges.insert(u64::MAX, u64::MAX);
        ranges.insert(0, 0);
        ranges.insert(7, 6);
        assert!(ranges.contains(u64::MAX) && ranges.contains(0) && !ranges.contains(6));
        ranges.forget_to(u64::MAX);
        assert_eq!(ranges, Ranges::default());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut ranges = Ranges::default();
        for number in 0..3_000 {
            ranges.insert(number * 2, number * 2);
        }
        assert_eq!(ranges.0.len(), RANGES_MAX);
        assert!(ranges.contains(5_998) && !ranges.contains(0));
    }

    proptest! {
        #[test]
        fn it_is_the_same_as_a_set(
            ops in prop::collection::vec((0_u64..60, 0_u64..12, 0_u8..16), 0..40)
        ) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (from, length, what) in ops {
                match what {
                    0 => {
                        ranges.forget_to(from);
                        set.retain(|it| *it > from);
                    }
                    1 => {
                        ranges.forget_after(from);
                        set.retain(|it| *it <= from);
                    }
                    _ => {
                        ranges.insert(from, from + length);
                        set.extend(from..=from + length);
                    }
                }
            }
            for number in 0..80 {
                prop_assert_eq!(ranges.contains(number), set.contains(&number));
                let covered = (number + 1..=number + 5).all(|it| set.contains(&it));
                prop_assert_eq!(ranges.covers_after(number, number + 5), covered);
            }
            let apart = ranges.0.iter().zip(ranges.0.iter().skip(1));
            prop_assert!(apart.into_iter().all(|((_, to), (from, _))| to + 1 < *from));
        }
    }
}
