//! Paging: how many, and where from. Tokens are the key of the last item, made opaque.

use data_encoding::BASE64URL_NOPAD;

use super::{
    clock::TimeMs,
    ids::Seq,
    limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX},
};

/// How many items a page may have: 1 to the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(usize);

impl PageSize {
    /// Takes what the caller asked for: 0 is the default, too much is cut.
    pub fn asked(items: u32) -> Self {
        match usize::try_from(items).unwrap_or(PAGE_SIZE_MAX) {
            0 => Self(PAGE_SIZE_DEFAULT),
            items => Self(items.min(PAGE_SIZE_MAX)),
        }
    }

    /// The number of items.
    pub const fn items(self) -> usize {
        self.0
    }
}

/// The text is no page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a page token: give back next_page_token as it came, or nothing for the first page")]
pub struct PageTokenError;

/// Makes the token of the page after the item with this key.
pub fn page_token(key: &str) -> String {
    BASE64URL_NOPAD.encode(key.as_bytes())
}

/// Reads a token back to the key; `None` for the first page.
pub fn page_key<K: std::str::FromStr>(token: &str) -> Result<Option<K>, PageTokenError> {
    if token.is_empty() {
        return Ok(None);
    }
    let key = BASE64URL_NOPAD
        .decode(token.as_bytes())
        .map_err(|_| PageTokenError)?;
    let key = String::from_utf8(key).map_err(|_| PageTokenError)?;
    key.parse().map(Some).map_err(|_| PageTokenError)
}

/// Where a page of messages lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The newest messages.
    Newest,
    /// The messages just before this one.
    Before(Seq),
    /// The messages just after this one.
    After(Seq),
    /// The messages around this one, itself included.
    Around(Seq),
}

impl Position {
    /// The range of `seq` that the page covers, both ends included, in a conversation of `last` messages of which those
    /// after `floor` can be read; `None` if it is empty.
    pub fn range(self, floor: Seq, last: Seq, size: PageSize) -> Option<(Seq, Seq)> {
        let above = |seq: Seq| Seq::new(seq.since(floor));
        let moved = match self {
            Self::Newest => self,
            Self::Before(seq) => Self::Before(above(seq)),
            // From below the floor on is from the floor on.
            Self::After(seq) => Self::After(above(seq)),
            Self::Around(seq) => Self::Around(above(seq)),
        };
        let (from, to) = moved.range_of_all(above(last), size)?;
        let below = |seq: Seq| Seq::new(seq.number().saturating_add(floor.number()));
        Some((below(from), below(to)))
    }

    fn range_of_all(self, last: Seq, size: PageSize) -> Option<(Seq, Seq)> {
        let (last, items) = (last.number(), size.items() as u64);
        let (from, to) = match self {
            Self::Newest => (last.saturating_sub(items) + 1, last),
            Self::Before(seq) => {
                let to = seq.number().saturating_sub(1).min(last);
                (to.saturating_sub(items) + 1, to)
            }
            Self::After(seq) => (
                seq.number().checked_add(1)?,
                seq.number().saturating_add(items).min(last),
            ),
            Self::Around(seq) => {
                // Half before it, the rest from it on; at either end of the history the page slides, not shrinks.
                let from = seq.number().saturating_sub(items / 2).max(1);
                let to = from.saturating_add(items - 1).min(last);
                (to.saturating_sub(items - 1).max(1).min(from), to)
            }
        };
        (from <= to).then_some((Seq::new(from), Seq::new(to)))
    }
}

/// Where a page of messages is asked to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PositionAsked {
    /// By `seq`.
    At(Position),
    /// The messages just before the first one that was sent at this time or later.
    BeforeTime(TimeMs),
    /// The messages from the first one on that was sent at this time or later.
    AfterTime(TimeMs),
    /// The messages around the first one that was sent at this time or later; the newest if there is none.
    AroundTime(TimeMs),
}

impl PositionAsked {
    /// Finds the place, given a way to find the first message that was sent at a time or later; if there is none: the
    /// `seq` after the last.
    pub fn resolve<E>(
        self,
        first_at: impl FnOnce(TimeMs) -> Result<Seq, E>,
    ) -> Result<Position, E> {
        Ok(match self {
            Self::At(position) => position,
            Self::BeforeTime(time) => Position::Before(first_at(time)?),
            Self::AfterTime(time) => {
                Position::After(Seq::new(first_at(time)?.number().saturating_sub(1)))
            }
            Self::AroundTime(time) => Position::Around(first_at(time)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(position: Position, last: u64, items: u32) -> Option<(u64, u64)> {
        above(0, position, last, items)
    }

    fn above(floor: u64, position: Position, last: u64, items: u32) -> Option<(u64, u64)> {
        let range = position.range(Seq::new(floor), Seq::new(last), PageSize::asked(items));
        range.map(|(from, to)| (from.number(), to.number()))
    }

    #[test]
    fn nothing_below_the_floor_is_in_a_page() {
        let seq = Seq::new;
        assert_eq!(above(8, Position::Newest, 10, 3), Some((9, 10)));
        assert_eq!(above(8, Position::Before(seq(10)), 10, 3), Some((9, 9)));
        assert_eq!(above(8, Position::Before(seq(9)), 10, 3), None);
        assert_eq!(above(8, Position::After(seq(0)), 10, 3), Some((9, 10)));
        assert_eq!(above(8, Position::Around(seq(2)), 20, 3), Some((9, 11)));
        assert_eq!(above(10, Position::Newest, 10, 3), None);
        assert_eq!(above(10, Position::Around(seq(10)), 10, 3), None);
        assert_eq!(above(8, Position::After(seq(u64::MAX)), 10, 3), None);
    }

    #[test]
    fn pages_lie_where_they_should() {
        assert_eq!(range(Position::Newest, 10, 3), Some((8, 10)));
        assert_eq!(range(Position::Newest, 2, 3), Some((1, 2)));
        assert_eq!(range(Position::Newest, 0, 3), None);
        assert_eq!(range(Position::Before(Seq::new(5)), 10, 3), Some((2, 4)));
        assert_eq!(range(Position::Before(Seq::new(1)), 10, 3), None);
        assert_eq!(
            range(Position::Before(Seq::new(u64::MAX)), 10, 3),
            Some((8, 10))
        );
        assert_eq!(range(Position::After(Seq::new(8)), 10, 3), Some((9, 10)));
        assert_eq!(range(Position::After(Seq::new(10)), 10, 3), None);
        assert_eq!(range(Position::After(Seq::new(u64::MAX)), 10, 3), None);
        let end = u64::MAX;
        assert_eq!(range(Position::After(Seq::new(end)), end, 3), None);
        assert_eq!(range(Position::Around(Seq::new(5)), 10, 3), Some((4, 6)));
        assert_eq!(range(Position::Around(Seq::new(1)), 10, 3), Some((1, 3)));
        assert_eq!(range(Position::Around(Seq::new(10)), 10, 3), Some((8, 10)));
        assert_eq!(range(Position::Around(Seq::new(99)), 10, 3), Some((8, 10)));
    }

    #[test]
    fn page_sizes_are_cut_and_tokens_read_back() {
        assert_eq!(PageSize::asked(0).items(), 50);
        assert_eq!(PageSize::asked(500).items(), 500);
        assert_eq!(PageSize::asked(501).items(), 500);
        assert_eq!(page_key::<u64>(""), Ok(None));
        assert_eq!(page_key::<u64>(&page_token("17")), Ok(Some(17)));
        assert_eq!(page_key::<u64>("garbage!"), Err(PageTokenError));
    }
}
