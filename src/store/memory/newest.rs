//! Messages of many conversations in memory as one line, the newest first.

use std::collections::BinaryHeap;

use crate::domain::ids::Offset;

/// At so many messages that were looked at a page ends, whatever it holds.
pub(super) const LOOKED_AT_MAX: usize = 10_000;

/// Merges sources, each of which rises by its offsets, from their ends.
pub(super) fn newest_first<T, S>(
    sources: impl Iterator<Item = S>,
    offset_of: impl Fn(&T) -> Offset,
) -> impl Iterator<Item = T>
where
    S: DoubleEndedIterator<Item = T>,
{
    let mut sources: Vec<S> = sources.collect();
    let mut heads: Vec<Option<T>> = sources.iter_mut().map(S::next_back).collect();
    let placed = |(index, head): (usize, &Option<T>)| Some((offset_of(head.as_ref()?), index));
    let mut order: BinaryHeap<(Offset, usize)> =
        heads.iter().enumerate().filter_map(placed).collect();
    std::iter::from_fn(move || {
        let (_, index) = order.pop()?;
        let next = sources.get_mut(index)?.next_back();
        order.extend(next.as_ref().map(|next| (offset_of(next), index)));
        std::mem::replace(heads.get_mut(index)?, next)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_merged_from_their_ends() {
        let merged = |sources: &[&[u64]]| {
            let sources = sources.iter().map(|source| source.iter().copied());
            newest_first(sources, |number| Offset::new(*number)).collect::<Vec<_>>()
        };
        assert_eq!(merged(&[&[1, 4, 9], &[], &[2, 3, 10]]), [10, 9, 4, 3, 2, 1]);
        assert!(merged(&[]).is_empty() && merged(&[&[]]).is_empty());
    }
}
