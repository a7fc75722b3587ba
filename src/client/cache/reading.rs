//! What is read: the first paint, pages of messages, and the small things of one conversation.
//!
//! Promises that a page is one piece: its messages follow each other without one missing, and both its ends say what lies
//! beyond. A hole is what is not in the file below the highest place that is known: there is no second book of holes
//! that could say something else. Knows nothing of the server.

use prost::Message as _;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    batch::message_of,
    schema::{Fault, meta, meta_text, sql, unsealed},
};
use crate::pb;

/// Conversations of the first paint: more than a list is scrolled through.
const CHATS_MAX: i64 = 1_000;
/// Messages of the first paint: more than a high screen shows.
const FRONT_MESSAGES: usize = 100;
/// Messages of one page: more than a window of the program takes at once.
const PAGE_MAX: usize = 1_000;

/// A conversation as the list needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedChat {
    /// Its state, without the newest message.
    pub state: pb::Conversation,
    /// Its place in the order of the list.
    pub last_activity: u64,
}

/// What can be shown before there is a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstPaint {
    /// The newest conversations, the newest first.
    pub chats: Vec<CachedChat>,
    /// The conversation that was in front, with its newest messages.
    pub front: Option<(String, Page)>,
    /// Where the next connection resumes.
    pub cursor: Option<String>,
    /// The epoch of the store that all of this is of, as the server said it last.
    pub epoch: Option<String>,
    /// Texts that are not sent, by conversation.
    pub drafts: Vec<(String, String)>,
    /// What else was begun, as it was told.
    pub written: String,
    /// Whom the user blocks.
    pub blocked: Vec<pb::UserRef>,
    /// Why a cache that was there had to be dropped, to be shown.
    pub notice: Option<String>,
}

/// Which messages are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The newest.
    Newest,
    /// Those just before a place.
    Before(u64),
    /// Those just after a place.
    After(u64),
    /// This one in the middle.
    Around(u64),
}

/// What lies beyond the end of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// Nothing that is known of.
    #[default]
    Over,
    /// More that is in the cache.
    More,
    /// Messages that only the server has, or that nobody has: the first and the last of them.
    Hole(u64, u64),
}

/// Messages that follow each other, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The messages; empty if none is there at the place that was asked for.
    pub messages: Vec<pb::Message>,
    /// What lies before them.
    pub below: Edge,
    /// What lies after them.
    pub above: Edge,
}

/// How far a member of a conversation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The member.
    pub user_id: String,
    /// Read up to here.
    pub read_seq: u64,
    /// Arrived up to here.
    pub delivered_seq: u64,
}

/// Reads what is shown first.
pub(super) fn first_paint(from: &Connection) -> Result<FirstPaint, Fault> {
    let transaction = from.unchecked_transaction()?;
    let mut paint = FirstPaint {
        cursor: meta_text(&transaction, "cursor")?,
        epoch: meta_text(&transaction, "epoch")?,
        ..FirstPaint::default()
    };
    if let Some(bytes) = meta(&transaction, "blocked")? {
        let blocked = pb::BlocksChanged::decode(&*bytes).map_err(|_| Fault::Damaged)?;
        paint.blocked = blocked.users;
    }
    let mut chats = transaction.prepare_cached(
        "SELECT conversation, kind, last_activity, last_seq, read_seq, unread, mentions, bytes FROM chats
         WHERE bytes IS NOT NULL ORDER BY last_activity DESC, chat DESC LIMIT ?1",
    )?;
    let mut rows = chats.query([CHATS_MAX])?;
    while let Some(row) = rows.next()? {
        paint.chats.push(chat_of(row)?);
    }
    let mut drafts = transaction.prepare_cached(
        "SELECT conversation, text FROM drafts JOIN chats USING (chat) ORDER BY last_activity DESC LIMIT ?1",
    )?;
    let drafts = drafts.query_map([CHATS_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?;
    paint.drafts = drafts.collect::<rusqlite::Result<_>>()?;
    paint.written = meta_text(&transaction, "written")?.unwrap_or_default();
    if let Some(conversation) = meta_text(&transaction, "front")? {
        let page = page_in(&transaction, &conversation, Place::Newest, FRONT_MESSAGES)?;
        paint.front = Some((conversation, page));
    }
    Ok(paint)
}

fn chat_of(row: &Row<'_>) -> Result<CachedChat, Fault> {
    let number = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let id: String = row.get(0)?;
    let bytes: Vec<u8> = row.get(7)?;
    let state = pb::Conversation::decode(unsealed(&id, 0, &bytes)?).map_err(|_| Fault::Damaged)?;
    let state = pb::Conversation {
        last_seq: number(3)?,
        read_seq: number(4)?,
        unread: number(5)?,
        mentions: number(6)?,
        ..state
    };
    Ok(CachedChat {
        state,
        last_activity: number(2)?,
    })
}

/// Reads a page.
pub(super) fn page(
    from: &Connection,
    conversation: &str,
    place: Place,
    count: usize,
) -> Result<Page, Fault> {
    // One state of the file for all that is read.
    let transaction = from.unchecked_transaction()?;
    page_in(&transaction, conversation, place, count)
}

fn page_in(
    from: &Connection,
    conversation: &str,
    place: Place,
    count: usize,
) -> Result<Page, Fault> {
    let Some((chat, last_seq)) = chat_named(from, conversation)? else {
        return Ok(Page::default());
    };
    let shelf = Shelf {
        from,
        chat,
        conversation,
        last_seq,
    };
    let count = count.clamp(1, PAGE_MAX);
    // The messages, and for an empty page the places whose lower and upper neighbours are asked for.
    let (messages, ends) = match place {
        Place::Newest => {
            let top = shelf.nearest_below(u64::MAX)?.unwrap_or(last_seq);
            (shelf.down_from(top, count)?, (top.saturating_add(1), top))
        }
        Place::Before(seq) => {
            let last = seq.saturating_sub(1);
            (shelf.down_from(last, count)?, (seq, last))
        }
        Place::After(seq) => {
            let first = seq.saturating_add(1);
            (shelf.up_from(first, count)?, (first, seq))
        }
        Place::Around(seq) => {
            let mut messages = shelf.down_from(seq, count / 2 + 1)?;
            if !messages.is_empty() {
                let rest = count.saturating_sub(messages.len());
                messages.extend(shelf.up_from(seq.saturating_add(1), rest)?);
            }
            (messages, (seq.saturating_add(1), seq.saturating_sub(1)))
        }
    };
    let below = shelf.below(messages.first().map_or(ends.0, |it| it.seq))?;
    let above = shelf.above(messages.last().map_or(ends.1, |it| it.seq))?;
    let page = |below, above| Page {
        messages,
        below,
        above,
    };
    Ok(match (place, below, above) {
        // A place in the middle of a hole: all of it.
        (Place::Around(seq), Edge::Hole(from, here), Edge::Hole(there, to))
            if here == seq && there == seq =>
        {
            page(Edge::Hole(from, to), Edge::Hole(from, to))
        }
        _ => page(below, above),
    })
}

fn chat_named(from: &Connection, conversation: &str) -> Result<Option<(i64, u64)>, Fault> {
    let found = from
        .prepare_cached("SELECT chat, last_seq FROM chats WHERE conversation = ?1")?
        .query_row([conversation], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .optional()?;
    Ok(found)
}

/// The messages of one conversation.
struct Shelf<'a> {
    from: &'a Connection,
    chat: i64,
    conversation: &'a str,
    last_seq: u64,
}

impl Shelf<'_> {
    /// The piece that ends with a place, the oldest first.
    fn down_from(&self, seq: u64, count: usize) -> Result<Vec<pb::Message>, Fault> {
        let mut found = self.piece(
            "SELECT seq, bytes FROM messages WHERE chat = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3",
            seq,
            count,
            |seq| seq.checked_sub(1),
        )?;
        found.reverse();
        Ok(found)
    }

    /// The piece that begins with a place.
    fn up_from(&self, seq: u64, count: usize) -> Result<Vec<pb::Message>, Fault> {
        self.piece(
            "SELECT seq, bytes FROM messages WHERE chat = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
            seq,
            count,
            |seq| seq.checked_add(1),
        )
    }

    fn piece(
        &self,
        query: &str,
        start: u64,
        count: usize,
        next: fn(u64) -> Option<u64>,
    ) -> Result<Vec<pb::Message>, Fault> {
        let mut statement = self.from.prepare_cached(query)?;
        let limit = sql(u64::try_from(count).unwrap_or(u64::MAX));
        let mut rows = statement.query((self.chat, sql(start), limit))?;
        let mut expected = Some(start);
        let mut found = Vec::with_capacity(count);
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)?.cast_unsigned();
            if expected != Some(seq) {
                break;
            }
            let bytes = row.get_ref(1)?.as_blob().map_err(|_| Fault::Damaged)?;
            found.push(message_of(self.conversation, seq, bytes)?);
            expected = next(seq);
        }
        Ok(found)
    }

    fn nearest_below(&self, seq: u64) -> Result<Option<u64>, Fault> {
        self.nearest(
            "SELECT max(seq) FROM messages WHERE chat = ?1 AND seq < ?2",
            seq,
        )
    }

    fn nearest_above(&self, seq: u64) -> Result<Option<u64>, Fault> {
        self.nearest(
            "SELECT min(seq) FROM messages WHERE chat = ?1 AND seq > ?2",
            seq,
        )
    }

    fn nearest(&self, query: &str, seq: u64) -> Result<Option<u64>, Fault> {
        let mut statement = self.from.prepare_cached(query)?;
        let found: Option<i64> = statement.query_row((self.chat, sql(seq)), |row| row.get(0))?;
        Ok(found.map(i64::cast_unsigned))
    }

    /// What lies below a place.
    fn below(&self, seq: u64) -> Result<Edge, Fault> {
        if seq <= 1 {
            return Ok(Edge::Over);
        }
        Ok(match self.nearest_below(seq)? {
            Some(found) if found + 1 == seq => Edge::More,
            found => Edge::Hole(found.unwrap_or(0) + 1, seq - 1),
        })
    }

    /// What lies above a place.
    fn above(&self, seq: u64) -> Result<Edge, Fault> {
        Ok(match self.nearest_above(seq)? {
            Some(found) if found == seq + 1 => Edge::More,
            Some(found) => Edge::Hole(seq + 1, found - 1),
            None if seq < self.last_seq => Edge::Hole(seq + 1, self.last_seq),
            None => Edge::Over,
        })
    }
}

/// Reads the lines that were sent in a conversation, the oldest first.
pub(super) fn sent_lines(from: &Connection, conversation: &str) -> Result<Vec<String>, Fault> {
    let mut statement = from.prepare_cached(
        "SELECT text FROM sent_lines JOIN chats USING (chat) WHERE conversation = ?1 ORDER BY line",
    )?;
    let lines = statement.query_map([conversation], |row| row.get(0))?;
    Ok(lines.collect::<rusqlite::Result<_>>()?)
}

/// Reads how far the members of a conversation are.
pub(super) fn markers(from: &Connection, conversation: &str) -> Result<Vec<Marker>, Fault> {
    let mut statement = from.prepare_cached(
        "SELECT user, markers.read_seq, delivered_seq FROM markers JOIN chats USING (chat) WHERE conversation = ?1
         ORDER BY user",
    )?;
    let markers = statement.query_map([conversation], |row| {
        Ok(Marker {
            user_id: row.get(0)?,
            read_seq: row.get::<_, i64>(1)?.cast_unsigned(),
            delivered_seq: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    })?;
    Ok(markers.collect::<rusqlite::Result<_>>()?)
}
