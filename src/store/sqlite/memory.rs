//! What the writer remembers between batches: conversations with their members, and names.
//!
//! It is the only one that writes, so what it has read stays true. After a rollback all of it is forgotten.

use std::{collections::HashMap, sync::Arc, time::Instant};

use crate::{
    domain::{
        clock::TimeMs,
        conversation::{Conversation, ConversationKind},
        ids::{ConversationId, Offset, Seq, UserId},
        name::UserName,
        user::UserRef,
    },
    store::request::RequestKey,
};

/// Conversations and names that are remembered: some 10 MiB. Past it the writer starts afresh.
const REMEMBERED_MAX: usize = 32 * 1024;

/// A member as the writer knows it: its row.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub user: UserId,
    pub joined: Offset,
    pub read_seq: Seq,
    pub read_offset: Offset,
    pub shown_seq: Seq,
    pub shown_offset: Offset,
    pub shown: TimeMs,
    pub sent: u64,
    pub sent_at_read: u64,
    pub dirty: bool,
}

/// A conversation as the writer knows it: its row and its members.
#[derive(Debug)]
pub(super) struct Known {
    /// Sorted by id; one for notes to self.
    pub pair: Vec<UserRef>,
    pub last_seq: Seq,
    pub last_offset: Offset,
    pub members: Vec<Member>,
    pub readers: Arc<[UserId]>,
    pub dirty: bool,
}

impl Known {
    pub fn member(&mut self, user: UserId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.user == user)
    }

    pub fn to_domain(&self, id: ConversationId) -> Conversation {
        Conversation {
            id,
            kind: ConversationKind::Direct,
            members: self.pair.clone(),
            last_seq: self.last_seq,
        }
    }
}

/// What the writer remembers between batches.
pub(super) struct Memory {
    pub key: RequestKey,
    /// The end of the log as it is committed.
    pub end: Offset,
    /// The end of the log as the batch has it.
    pub next_end: Offset,
    pub conversations: HashMap<ConversationId, Known>,
    pub pairs: HashMap<(UserId, UserId), ConversationId>,
    pub names: HashMap<UserName, UserId>,
    pub dirty: Vec<ConversationId>,
    /// Markers that others have not heard of, and when they are due.
    pub to_show: HashMap<(ConversationId, UserId), Instant>,
    /// Those of them that the batch shows; due again if it is rolled back.
    pub shown: Vec<(ConversationId, UserId)>,
}

impl Memory {
    /// The memory of a store that was just opened.
    pub fn new(key: RequestKey, end: Offset, to_show: Vec<(ConversationId, UserId)>) -> Self {
        let now = Instant::now();
        Self {
            key,
            end,
            next_end: end,
            conversations: HashMap::new(),
            pairs: HashMap::new(),
            names: HashMap::new(),
            dirty: Vec::new(),
            to_show: to_show.into_iter().map(|marker| (marker, now)).collect(),
            shown: Vec::new(),
        }
    }

    /// The end of the log.
    pub const fn end(&self) -> Offset {
        self.end
    }

    /// Whether others must still hear of a marker.
    pub fn has_markers_to_show(&self) -> bool {
        !self.to_show.is_empty()
    }

    /// The batch was rolled back: nothing of it is true.
    pub fn forget(&mut self) {
        self.next_end = self.end;
        self.dirty.clear();
        self.conversations.clear();
        self.pairs.clear();
        self.names.clear();
        let now = Instant::now();
        self.to_show
            .extend(self.shown.drain(..).map(|marker| (marker, now)));
    }

    /// The batch is committed.
    pub fn settle(&mut self) {
        self.end = self.next_end;
        self.shown.clear();
        if self.conversations.len() + self.names.len() > REMEMBERED_MAX {
            self.conversations.clear();
            self.pairs.clear();
            self.names.clear();
        }
    }
}
