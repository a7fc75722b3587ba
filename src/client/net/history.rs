//! Conversations and what was said in them, page by page.
//!
//! Reading changes nothing: nothing is acknowledged or marked read by it. Whoever wants to follow what comes takes a
//! [`Link`](super::live::Link) instead.

use prost::Message as _;

use crate::{
    domain::{clock::TimeMs, limits::PAGE_SIZE_MAX, name::UserName},
    pb::{self, list_messages_request::Position as WirePosition},
};

use super::{
    error::ClientError,
    session::{Page, Patience, Session, all_pages, attempts},
};

/// Bytes of conversations after which a server that never ends its list is not believed any more: some million of them.
const CONVERSATIONS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Where in a conversation messages are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Position {
    /// The newest messages.
    #[default]
    Newest,
    /// Those just before this `seq`.
    Before(u64),
    /// Those just after this `seq`. `After(0)` begins at the beginning.
    After(u64),
    /// Those around this `seq`, itself included.
    Around(u64),
    /// Those just before the first one that was sent at this time or later.
    BeforeTime(TimeMs),
    /// Those from the first one on that was sent at this time or later.
    AfterTime(TimeMs),
    /// Those around the first one that was sent at this time or later, or the newest if there is none.
    AroundTime(TimeMs),
}

impl From<Position> for Option<WirePosition> {
    fn from(position: Position) -> Self {
        match position {
            Position::Newest => None,
            Position::Before(seq) => Some(WirePosition::BeforeSeq(seq)),
            Position::After(seq) => Some(WirePosition::AfterSeq(seq)),
            Position::Around(seq) => Some(WirePosition::AroundSeq(seq)),
            Position::BeforeTime(time) => Some(WirePosition::BeforeTime(timestamp(time))),
            Position::AfterTime(time) => Some(WirePosition::AfterTime(timestamp(time))),
            Position::AroundTime(time) => Some(WirePosition::AroundTime(timestamp(time))),
        }
    }
}

/// Returns a moment as it crosses the wire.
pub fn timestamp(time: TimeMs) -> prost_types::Timestamp {
    let milliseconds = time.milliseconds();
    let nanos = milliseconds.rem_euclid(1000) * 1_000_000;
    prost_types::Timestamp {
        seconds: milliseconds.div_euclid(1000),
        nanos: i32::try_from(nanos).unwrap_or(0),
    }
}

impl Session {
    /// Returns one page of at most `page_size` messages (the server cuts it to 500, and to 1 MiB), in the order of
    /// their `seq`.
    pub async fn messages(
        &self,
        conversation_id: &str,
        position: Position,
        page_size: usize,
        patience: Patience,
    ) -> Result<pb::ListMessagesResponse, ClientError> {
        let request = pb::ListMessagesRequest {
            conversation_id: conversation_id.to_owned(),
            position: position.into(),
            page_size: u32::try_from(page_size.clamp(1, PAGE_SIZE_MAX)).unwrap_or(1),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.list_messages(request.clone()).await
        };
        attempts(patience, call).await
    }

    /// Returns at most `limit` messages of a conversation in the order of their `seq`, however many pages that takes.
    /// Around a place at most half of them lie before it.
    pub async fn history(
        &self,
        conversation_id: &str,
        position: Position,
        limit: usize,
        patience: Patience,
    ) -> Result<Vec<pb::Message>, ClientError> {
        let part = |position, limit| self.part(conversation_id, position, limit, patience);
        let around = match position {
            _ if limit == 0 => return Ok(Vec::new()),
            Position::Around(seq) => seq,
            Position::AroundTime(time) => match part(Position::AfterTime(time), 1).await?.first() {
                Some(message) => message.seq,
                None => return part(Position::Newest, limit).await,
            },
            _ => return part(position, limit).await,
        };
        let mut found = part(Position::Before(around), limit / 2).await?;
        let rest = limit - found.len();
        found.extend(part(Position::After(around.saturating_sub(1)), rest).await?);
        Ok(found)
    }

    /// The same for places that lie at one end of what is wanted.
    async fn part(
        &self,
        conversation_id: &str,
        mut position: Position,
        limit: usize,
        patience: Patience,
    ) -> Result<Vec<pb::Message>, ClientError> {
        let page = |position, size| self.messages(conversation_id, position, size, patience);
        if matches!(position, Position::After(_) | Position::AfterTime(_)) {
            let mut found: Vec<pb::Message> = Vec::new();
            while found.len() < limit {
                let page = page(position, limit - found.len()).await?;
                let Some(last) = page.messages.last().map(|message| message.seq) else {
                    break;
                };
                if matches!(position, Position::After(seq) if last <= seq) {
                    return Err(ClientError::BadAnswer("next page"));
                }
                position = Position::After(last);
                found.extend(page.messages);
                if last >= page.last_seq {
                    break;
                }
            }
            found.truncate(limit);
            return Ok(found);
        }
        let mut pages: Vec<Vec<pb::Message>> = Vec::new();
        let mut left = limit;
        while left > 0 {
            let page = page(position, left).await?;
            let mut messages = page.messages;
            messages.drain(..messages.len().saturating_sub(left));
            let Some(first) = messages.first().map(|message| message.seq) else {
                break;
            };
            if matches!(position, Position::Before(seq) if first >= seq) {
                return Err(ClientError::BadAnswer("page before"));
            }
            left -= messages.len();
            position = Position::Before(first);
            pages.push(messages);
            if first <= page.history_floor_seq.saturating_add(1) {
                break;
            }
        }
        Ok(pages.into_iter().rev().flatten().collect())
    }

    /// Returns all conversations of the user, in the order in which they were made.
    pub async fn conversations(
        &self,
        patience: Patience,
    ) -> Result<Vec<pb::Conversation>, ClientError> {
        let page = |page_token: String| async move {
            let request = pb::ListConversationsRequest {
                page_size: u32::try_from(PAGE_SIZE_MAX).unwrap_or(0),
                page_token,
            };
            let call = async || {
                let mut conversations = self.connection().conversations();
                conversations.list_conversations(request.clone()).await
            };
            let page = attempts(patience, call).await?;
            Ok(Page {
                bytes: page.encoded_len(),
                items: page.conversations,
                next: page.next_page_token,
            })
        };
        let what = "end of the list of conversations";
        all_pages(CONVERSATIONS_BYTES_MAX, what, page).await
    }

    /// Returns the DIRECT conversation with a user (with oneself: the notes), if it was ever started. Unlike
    /// [`Session::start_conversation`] it makes none.
    pub async fn conversation_with(
        &self,
        name: &UserName,
        patience: Patience,
    ) -> Result<Option<pb::Conversation>, ClientError> {
        let all = self.conversations(patience).await?;
        let direct = |it: &pb::Conversation| {
            it.kind() == pb::ConversationKind::Direct && it.name == name.as_str()
        };
        Ok(all.into_iter().find(direct))
    }

    /// Returns one conversation.
    pub async fn conversation(
        &self,
        conversation_id: &str,
        patience: Patience,
    ) -> Result<pb::Conversation, ClientError> {
        let request = pb::GetConversationRequest {
            conversation_id: conversation_id.to_owned(),
        };
        let call = async || {
            let mut conversations = self.connection().conversations();
            conversations.get_conversation(request.clone()).await
        };
        let answer = attempts(patience, call).await?;
        answer
            .conversation
            .ok_or(ClientError::BadAnswer("conversation"))
    }
}
