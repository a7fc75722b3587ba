//! What each change does to the tables, inside one transaction.
//!
//! Promises that a text that is gone leaves no copy in a row, and that of two states of a message the newer stays, in
//! whatever order they come. Knows nothing of threads and commits.

use std::collections::{HashMap, HashSet};

use prost::Message as _;
use rusqlite::{Connection, OptionalExtension};

use super::{
    change::Change,
    schema::{self, DROP_ALL, Fault, OF_A_CHAT, meta_text, put_meta, sealed, sql, unsealed},
};
use crate::{
    domain::limits::{ATTACHMENTS_PER_MESSAGE_MAX, FILE_NAME_BYTES_MAX},
    pb,
};

/// Bytes that are kept of a text of a file, of which names are the longest, and of its hash.
const FILE_TEXT_BYTES_MAX: usize = FILE_NAME_BYTES_MAX;
const HASH_BYTES: usize = 32;
/// Longest draft that is kept. A message has 16 KiB at the most; a longer one is still being shortened.
const DRAFT_BYTES_MAX: usize = 256 * 1024;
/// Sent lines of a conversation that are kept: what Up can reach.
const SENT_LINES_MAX: i64 = 100;
/// Markers of a conversation that are kept. The server sends them where there are 50 members at the most.
const MARKERS_MAX: i64 = 64;

/// Stands in the file from a deletion until the file is written anew.
pub(super) const COPIES: &str = "copies";

/// What the writer remembers between batches.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The row of each conversation that was named.
    pub chats: HashMap<String, i64>,
    /// Chats with new messages since they were trimmed.
    pub grown: HashSet<i64>,
    /// Messages over all, about: what a hole or the end of a conversation takes away shows at the next count.
    pub messages: u64,
    /// Conversations, those included of which nothing but the name is known.
    pub rows: u64,
    /// The last cursor that was told.
    pub cursor: Option<String>,
    /// A text was replaced or dropped since the WAL was emptied: there it can still be read.
    pub has_residue: bool,
    /// A message was deleted: SQLite wipes its row, not the copies that were left when rows moved between pages.
    pub has_copies: bool,
}

/// Does one change.
pub(super) fn change(to: &Connection, known: &mut Known, change: Change) -> Result<(), Fault> {
    match change {
        Change::Epoch(epoch) => {
            let kept = meta_text(to, "epoch")?;
            if kept.as_ref() != Some(&epoch) {
                // Without an epoch nothing can have come, but for what was typed before the first connection.
                if kept.is_some() {
                    reset(to, known)?;
                }
                put_meta(to, "epoch", epoch.as_bytes())?;
            }
        }
        Change::Reset => reset(to, known)?,
        Change::Conversation {
            state,
            last_activity,
        } => conversation(to, known, *state, last_activity)?,
        Change::Counts {
            conversation,
            last_activity,
            last_seq,
            read_seq,
            unread,
            mentions,
        } => {
            let chat = chat(to, known, &conversation)?;
            to.prepare_cached(
                "UPDATE chats SET last_activity = ?2, last_seq = max(last_seq, ?3), read_seq = ?4, unread = ?5,
                     mentions = ?6 WHERE chat = ?1",
            )?
            .execute((
                chat,
                sql(last_activity),
                sql(last_seq),
                sql(read_seq),
                sql(unread),
                sql(mentions),
            ))?;
        }
        Change::Gone { conversation } => {
            let chat = chat(to, known, &conversation)?;
            for table in OF_A_CHAT {
                to.prepare_cached(&format!("DELETE FROM {table} WHERE chat = ?1"))?
                    .execute([chat])?;
            }
            known.chats.remove(&conversation);
            known.rows = known.rows.saturating_sub(1);
            known.has_residue = true;
            note_copies(to, known)?;
        }
        Change::Message(message) => store(to, known, *message, false)?,
        Change::Edited(message) => store(to, known, *message, true)?,
        Change::Deleted(deleted) => {
            let chat = chat(to, known, &deleted.conversation_id)?;
            let kept = find(to, chat, &deleted.conversation_id, deleted.seq)?;
            // A page that was asked for before the deletion may still bring the text: a place that is not known yet
            // must be known as deleted.
            let message = pb::Message {
                conversation_id: deleted.conversation_id,
                seq: deleted.seq,
                revision: deleted.revision,
                deleted: true,
                ..kept.unwrap_or_default()
            };
            store(to, known, message, false)?;
            note_copies(to, known)?;
        }
        Change::Reactions { event, is_mine } => reactions(to, known, event, is_mine)?,
        Change::Hole(gap) => {
            let chat = chat(to, known, &gap.conversation_id)?;
            to.prepare_cached("DELETE FROM messages WHERE chat = ?1 AND seq BETWEEN ?2 AND ?3")?
                .execute((chat, sql(gap.from_seq), sql(gap.to_seq)))?;
            reaches(to, chat, gap.to_seq)?;
            known.has_residue = true;
        }
        Change::Marker {
            conversation,
            user_id,
            read_seq,
            delivered_seq,
        } => {
            let chat = chat(to, known, &conversation)?;
            to.prepare_cached(
                "INSERT INTO markers (chat, user, read_seq, delivered_seq) SELECT ?1, ?2, ?3, ?4
                 WHERE (SELECT count(*) FROM markers WHERE chat = ?1 AND user != ?2) < ?5
                 ON CONFLICT (chat, user) DO UPDATE SET read_seq = max(read_seq, excluded.read_seq),
                     delivered_seq = max(delivered_seq, excluded.delivered_seq)",
            )?
            .execute((
                chat,
                user_id,
                sql(read_seq),
                sql(delivered_seq),
                MARKERS_MAX,
            ))?;
        }
        Change::Blocked(users) => {
            let users = pb::BlocksChanged { users };
            put_meta(to, "blocked", &users.encode_to_vec())?;
        }
        Change::Draft { conversation, text } => {
            let chat = chat(to, known, &conversation)?;
            if text.is_empty() || text.len() > DRAFT_BYTES_MAX {
                let dropped = to
                    .prepare_cached("DELETE FROM drafts WHERE chat = ?1")?
                    .execute([chat])?;
                known.has_residue |= dropped > 0;
            } else {
                to.prepare_cached("INSERT OR REPLACE INTO drafts (chat, text) VALUES (?1, ?2)")?
                    .execute((chat, text))?;
            }
        }
        Change::Written(text) if text.is_empty() => {
            let dropped = to.execute("DELETE FROM meta WHERE name = 'written'", [])?;
            known.has_residue |= dropped > 0;
        }
        Change::Written(text) => put_meta(to, "written", text.as_bytes())?,
        Change::SentLine { conversation, text } => {
            let chat = chat(to, known, &conversation)?;
            to.prepare_cached("INSERT INTO sent_lines (chat, text) VALUES (?1, ?2)")?
                .execute((chat, text))?;
            to.prepare_cached(
                "DELETE FROM sent_lines WHERE chat = ?1 AND line <=
                     (SELECT line FROM sent_lines WHERE chat = ?1 ORDER BY line DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute((chat, SENT_LINES_MAX))?;
        }
        Change::Front(Some(conversation)) => put_meta(to, "front", conversation.as_bytes())?,
        Change::Front(None) => {
            to.execute("DELETE FROM meta WHERE name = 'front'", [])?;
        }
        Change::Cursor(cursor) => {
            // Some events have none: nobody can resume from inside them.
            if !cursor.is_empty() {
                put_meta(to, "cursor", cursor.as_bytes())?;
                known.cursor = Some(cursor);
            }
        }
    }
    Ok(())
}

fn reset(to: &Connection, known: &mut Known) -> Result<(), Fault> {
    to.execute_batch(DROP_ALL)?;
    *known = Known {
        has_residue: true,
        ..Known::default()
    };
    note_copies(to, known)
}

/// Notes that the file is to be written anew, also if this program is killed before.
fn note_copies(to: &Connection, known: &mut Known) -> Result<(), Fault> {
    if !known.has_copies {
        put_meta(to, COPIES, b"")?;
        known.has_copies = true;
    }
    Ok(())
}

/// The row of a conversation; an empty one is made where there is none.
fn chat(to: &Connection, known: &mut Known, conversation: &str) -> Result<i64, Fault> {
    // Forgotten all at once now and then: 100,000 ids take some 8 MiB.
    const CHATS_MAX: usize = 100_000;
    if let Some(chat) = known.chats.get(conversation) {
        return Ok(*chat);
    }
    let found = to
        .prepare_cached("SELECT chat FROM chats WHERE conversation = ?1")?
        .query_row([conversation], |row| row.get(0))
        .optional()?;
    let chat = match found {
        Some(chat) => chat,
        None => {
            to.prepare_cached("INSERT INTO chats (conversation) VALUES (?1)")?
                .execute([conversation])?;
            known.rows += 1;
            to.last_insert_rowid()
        }
    };
    if known.chats.len() >= CHATS_MAX {
        known.chats.clear();
    }
    known.chats.insert(conversation.to_owned(), chat);
    Ok(chat)
}

fn conversation(
    to: &Connection,
    known: &mut Known,
    mut state: pb::Conversation,
    last_activity: u64,
) -> Result<(), Fault> {
    let chat = chat(to, known, &state.id)?;
    // The newest message has a row of its own, which a deletion reaches.
    if let Some(message) = state.last_message.take() {
        store(to, known, message, false)?;
    }
    let bytes = sealed(&state.id, 0, state.encode_to_vec());
    to.prepare_cached(
        "UPDATE chats SET kind = ?2, last_activity = ?3, last_seq = max(last_seq, ?4), read_seq = ?5, unread = ?6,
             mentions = ?7, bytes = ?8 WHERE chat = ?1",
    )?
    .execute((
        chat,
        state.kind,
        sql(last_activity),
        sql(state.last_seq),
        sql(state.read_seq),
        sql(state.unread),
        sql(state.mentions),
        bytes,
    ))?;
    Ok(())
}

/// Notes that a conversation has messages up to here.
fn reaches(to: &Connection, chat: i64, seq: u64) -> Result<(), Fault> {
    to.prepare_cached("UPDATE chats SET last_seq = ?2 WHERE chat = ?1 AND last_seq < ?2")?
        .execute((chat, sql(seq)))?;
    Ok(())
}

fn find(
    to: &Connection,
    chat: i64,
    conversation: &str,
    seq: u64,
) -> Result<Option<pb::Message>, Fault> {
    let found = to
        .prepare_cached("SELECT bytes FROM messages WHERE chat = ?1 AND seq = ?2")?
        .query_row((chat, sql(seq)), |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    found
        .map(|bytes| message_of(conversation, seq, &bytes))
        .transpose()
}

/// Reads the bytes of a message that stands at a place.
pub(super) fn message_of(conversation: &str, seq: u64, bytes: &[u8]) -> Result<pb::Message, Fault> {
    let bytes = unsealed(conversation, seq, bytes)?;
    let message = pb::Message::decode(bytes).map_err(|_| Fault::Damaged)?;
    Ok(message)
}

/// Leaves of the files of a message what an honest server sends: as many as one can have, with texts as long as they can be.
fn bound_files(files: &mut Vec<pb::File>) {
    files.truncate(ATTACHMENTS_PER_MESSAGE_MAX);
    for file in files {
        for text in [
            &mut file.id,
            &mut file.name,
            &mut file.media_type,
            &mut file.thumbnail_file_id,
        ] {
            let mut ends = (0..=FILE_TEXT_BYTES_MAX).rev();
            let end = ends.find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
        file.blake3.truncate(HASH_BYTES);
    }
}

/// Keeps a message unless a newer state of it is there.
fn store(
    to: &Connection,
    known: &mut Known,
    mut message: pb::Message,
    keeps_reactions: bool,
) -> Result<(), Fault> {
    // A place from 1 on that SQL can hold: nothing else is a message.
    if message.seq == 0 || i64::try_from(message.seq).is_err() {
        return Ok(());
    }
    let chat = chat(to, known, &message.conversation_id)?;
    bound_files(&mut message.attachments);
    if message.deleted {
        message.content = None;
        message.attachments.clear();
        message.mentions.clear();
        message.reactions.clear();
    }
    if keeps_reactions && let Some(kept) = find(to, chat, &message.conversation_id, message.seq)? {
        if kept.revision >= message.revision {
            return Ok(());
        }
        message.reactions = kept.reactions;
    }
    let (seq, revision) = (message.seq, message.revision);
    let bytes = sealed(&message.conversation_id, seq, message.encode_to_vec());
    let is_new = to
        .prepare_cached(
            "INSERT OR IGNORE INTO messages (chat, seq, revision, bytes) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((chat, sql(seq), sql(revision), &bytes))?
        == 1;
    if is_new {
        known.messages += 1;
        known.grown.insert(chat);
        return reaches(to, chat, seq);
    }
    let replaced = to
        .prepare_cached(
            "UPDATE messages SET revision = ?3, bytes = ?4 WHERE chat = ?1 AND seq = ?2 AND revision <= ?3 AND bytes != ?4",
        )?
        .execute((chat, sql(seq), sql(revision), bytes))?;
    known.has_residue |= replaced > 0;
    Ok(())
}

fn reactions(
    to: &Connection,
    known: &mut Known,
    event: pb::ReactionChanged,
    is_mine: bool,
) -> Result<(), Fault> {
    let chat = chat(to, known, &event.conversation_id)?;
    let Some(mut kept) = find(to, chat, &event.conversation_id, event.seq)? else {
        return Ok(());
    };
    let mut reactions = event.reactions;
    // A replayed event says whose they are; a live one only who changed what.
    if event.user.is_some() {
        let was_mine = |emoji: &str| kept.reactions.iter().any(|it| it.mine && it.emoji == emoji);
        for reaction in &mut reactions {
            reaction.mine = if is_mine && reaction.emoji == event.emoji {
                event.added
            } else {
                was_mine(&reaction.emoji)
            };
        }
    }
    if kept.deleted || kept.reactions == reactions {
        return Ok(());
    }
    kept.reactions = reactions;
    store(to, known, kept, false)
}

/// Counts the messages.
pub(super) fn count(of: &Connection) -> Result<u64, Fault> {
    let count: i64 = of.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?;
    Ok(count.try_into().unwrap_or(0))
}

/// Drops what is past the newest `kept` messages of a chat, `rows_max` at the most. Returns how many that were.
pub(super) fn trim_chat(
    to: &Connection,
    chat: i64,
    kept: u64,
    rows_max: u64,
) -> Result<u64, Fault> {
    let dropped = to
        .prepare_cached(
            "DELETE FROM messages WHERE chat = ?1 AND seq IN (SELECT seq FROM messages WHERE chat = ?1 AND seq <=
                 (SELECT seq FROM messages WHERE chat = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2) ORDER BY seq LIMIT ?3)",
        )?
        .execute((chat, sql(kept), sql(rows_max)))?;
    Ok(dropped as u64)
}

/// Counts the conversations.
pub(super) fn count_chats(of: &Connection) -> Result<u64, Fault> {
    let count: i64 = of.query_row("SELECT count(*) FROM chats", [], |row| row.get(0))?;
    Ok(count.try_into().unwrap_or(0))
}

/// Drops conversations past a number, with all that belongs to them: first those of which nothing but the name is known,
/// then the quietest; last of all those to which something is being written. Stops after about so many messages. Returns
/// whether there is more to do.
pub(super) fn trim_chats(
    to: &Connection,
    known: &mut Known,
    kept: u64,
    messages_max: u64,
) -> Result<bool, Fault> {
    known.rows = count_chats(to)?;
    let too_many = known.rows.saturating_sub(kept).min(messages_max);
    let transaction = to.unchecked_transaction()?;
    let victims: Vec<(i64, String)> = transaction
        .prepare_cached(
            "SELECT chat, conversation FROM chats
             ORDER BY EXISTS (SELECT 1 FROM drafts WHERE drafts.chat = chats.chat), bytes IS NOT NULL, last_activity, chat
             LIMIT ?1",
        )?
        .query_map([sql(too_many)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut messages = 0;
    for (chat, conversation) in victims {
        if messages >= messages_max {
            break;
        }
        for table in OF_A_CHAT {
            let dropped = transaction
                .prepare_cached(&format!("DELETE FROM {table} WHERE chat = ?1"))?
                .execute([chat])?;
            messages += if table == "messages" {
                dropped as u64
            } else {
                0
            };
        }
        known.chats.remove(&conversation);
        known.grown.remove(&chat);
        known.rows = known.rows.saturating_sub(1);
    }
    transaction.commit()?;
    known.messages = known.messages.saturating_sub(messages);
    known.has_residue |= too_many > 0;
    Ok(known.rows > kept || known.has_residue)
}

/// The chat that has been quiet for longest, of those with messages.
pub(super) fn quietest(of: &Connection) -> Result<Option<i64>, Fault> {
    let found = of
        .prepare_cached(
            "SELECT chat FROM chats WHERE EXISTS (SELECT 1 FROM messages WHERE messages.chat = chats.chat)
             ORDER BY last_activity, chat LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// The cursor that is kept.
pub(super) fn cursor(of: &Connection) -> Result<Option<String>, Fault> {
    schema::meta_text(of, "cursor")
}

/// Whether a chat has more messages than this.
pub(super) fn has_more_than(of: &Connection, chat: i64, count: u64) -> Result<bool, Fault> {
    let found = of
        .prepare_cached("SELECT 1 FROM messages WHERE chat = ?1 ORDER BY seq LIMIT 1 OFFSET ?2")?
        .query_row((chat, sql(count)), |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
