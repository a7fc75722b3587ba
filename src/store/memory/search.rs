//! Searching in memory: there is no index, so the messages that the user may read are looked at, the newest first.
//!
//! They are taken from the state in chunks, and matched without holding it: nobody waits while texts are compared. A
//! chunk shows its messages as they are when it is taken.

use super::{
    MemoryStore, State,
    conversations::{ConversationRow, MemberRow},
    newest::{LOOKED_AT_MAX, newest_first},
};
use crate::{
    domain::{
        ids::{ConversationId, Offset, UserId},
        limits::PAGE_BYTES_MAX,
        message::Message,
        page::PageSize,
        search::{Found, Hit, Search},
    },
    store::{SearchError, StoreError, matcher::Matcher},
};

/// So many messages are looked at in one go.
const CHUNK: usize = 500;

/// Messages that were looked at together.
struct Chunk {
    /// Those of them with a text that fit the filters, each with its offset.
    messages: Vec<(Offset, Message)>,
    /// How many there were in all.
    looked_at: usize,
    /// Where the last of them stands, if there are more before it.
    next: Option<Offset>,
}

/// A text that cannot be matched is a defect of ours.
fn broken(cause: impl ToString) -> StoreError {
    StoreError::Broken(cause.to_string())
}

impl MemoryStore {
    /// Finds one page of messages.
    pub(super) fn find(
        &self,
        user: UserId,
        search: &Search,
        before: Option<Offset>,
        size: PageSize,
    ) -> Result<Found<Hit>, SearchError> {
        let mut matcher = Matcher::new(&search.query).map_err(broken)?;
        let mut before = before;
        let mut items: Vec<Hit> = Vec::new();
        let (mut room, mut looked_at) = (PAGE_BYTES_MAX, 0);
        loop {
            let chunk = self.chunk(user, search, before)?;
            let texts = chunk.messages.iter().zip(0..);
            let texts: Vec<(u64, &str)> = texts
                .filter_map(|((_, message), number)| {
                    Some((number, message.text.as_ref()?.as_str()))
                })
                .collect();
            let matched = matcher.matches(&texts).map_err(broken)?;
            for (number, snippet) in matched {
                let index = usize::try_from(number).unwrap_or(usize::MAX);
                let Some((offset, message)) = chunk.messages.get(index) else {
                    continue;
                };
                let left = room.checked_sub(message.weight());
                let is_full = items.len() == size.items() || left.is_none();
                if is_full && !items.is_empty() {
                    return Ok(Found {
                        items,
                        next: before,
                    });
                }
                room = left.unwrap_or_default();
                before = Some(*offset);
                let message = message.clone();
                items.push(Hit { message, snippet });
            }
            looked_at += chunk.looked_at;
            before = chunk.next;
            if looked_at >= LOOKED_AT_MAX || before.is_none() {
                return Ok(Found {
                    items,
                    next: before,
                });
            }
        }
    }

    fn chunk(
        &self,
        user: UserId,
        search: &Search,
        before: Option<Offset>,
    ) -> Result<Chunk, SearchError> {
        let state = self.shared.lock();
        if state.closed {
            return Err(StoreError::Closed.into());
        }
        state.chunk(user, search, before)
    }
}

impl State {
    /// Takes the next messages to be looked at, the newest first.
    fn chunk(
        &self,
        user: UserId,
        search: &Search,
        before: Option<Offset>,
    ) -> Result<Chunk, SearchError> {
        let found = |id: ConversationId| self.membership(user, id).ok();
        let rows: Vec<(&ConversationRow, &MemberRow)> = match search.conversation {
            Some(id) => vec![found(id).ok_or(SearchError::NotMember(id))?],
            None => {
                let own = self.users.row(user).map(|row| &row.conversations);
                let own = own.into_iter().flatten();
                own.filter_map(|id| found(*id)).collect()
            }
        };
        let sender = match &search.sender {
            Some(name) => match self.users.named(name) {
                Some(sender) => Some(sender.id),
                None => return Err(SearchError::UserNotFound(name.clone())),
            },
            None => None,
        };
        let fits = |message: &Message| {
            message.text.is_some()
                && sender.is_none_or(|sender| message.sender.id == sender)
                && search.after.is_none_or(|after| message.sent >= after)
                && search.before.is_none_or(|before| message.sent < before)
        };
        let sources = rows.into_iter().map(|(row, member)| {
            let readable = row.messages(member.floor.next(), row.last_before(before));
            readable.iter()
        });
        let mut newest = newest_first(sources, |logged| logged.offset).peekable();
        let mut chunk = Chunk {
            messages: Vec::new(),
            looked_at: 0,
            next: None,
        };
        for logged in newest.by_ref().take(CHUNK) {
            chunk.looked_at += 1;
            chunk.next = Some(logged.offset);
            let taken = fits(&logged.message).then(|| (logged.offset, logged.shown_to(user)));
            chunk.messages.extend(taken);
        }
        if newest.peek().is_none() {
            chunk.next = None;
        }
        Ok(chunk)
    }
}
