//! What the writer remembers between batches: conversations with their members, and names.
//!
//! It is the only one that writes, so what it has read stays true. After a rollback all of it is forgotten.

use std::{collections::HashMap, sync::Arc, time::Instant};

use crate::{
    domain::{
        clock::TimeMs,
        conversation::{Conversation, ConversationKind, HistoryAccess, MemberSettings},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::MARKERS_SHOWN_MEMBERS_MAX,
        name::{ChannelName, Topic, UserName},
        role::Role,
    },
    store::request::RequestKey,
};

/// Conversations and names that are remembered: some 10 MiB. Past it the writer starts afresh.
const REMEMBERED_MAX: usize = 32 * 1024;
/// Members that are remembered over all conversations, at some 150 bytes each: six channels of the largest size. Past
/// it the writer starts afresh.
const REMEMBERED_MEMBERS_MAX: usize = 64 * 1024;

/// A member as the writer knows it: its row.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub user: UserId,
    pub role: Role,
    /// Reads messages after it …
    pub floor: Seq,
    /// … and events after it.
    pub joined: Offset,
    pub since: TimeMs,
    pub read_seq: Seq,
    pub read_offset: Offset,
    pub shown_seq: Seq,
    pub shown_offset: Offset,
    pub shown: TimeMs,
    pub sent: u64,
    pub sent_at_read: u64,
    pub settings: MemberSettings,
    pub settings_offset: Offset,
    pub dirty: bool,
}

impl Member {
    /// One whose membership begins: everything that was said is read.
    pub fn new(user: UserId, role: Role, joined: Offset, since: TimeMs, read: Seq) -> Self {
        Self {
            user,
            role,
            floor: Seq::ZERO,
            joined,
            since,
            read_seq: read,
            read_offset: Offset::ZERO,
            shown_seq: read,
            shown_offset: Offset::ZERO,
            shown: TimeMs::default(),
            sent: 0,
            sent_at_read: 0,
            settings: MemberSettings::default(),
            settings_offset: Offset::ZERO,
            dirty: true,
        }
    }

    /// Whether the member reads this message, if there is one.
    pub fn sees(&self, seq: Seq) -> bool {
        seq > self.floor
    }
}

/// A conversation as the writer knows it: its row and its members.
#[derive(Debug)]
pub(super) struct Known {
    pub kind: ConversationKind,
    pub topic: Topic,
    pub history: HistoryAccess,
    /// With all of the history: joiners read what lies after it.
    pub open_from: Seq,
    pub last_seq: Seq,
    pub last_offset: Offset,
    /// Sorted by id.
    pub members: Vec<Member>,
    pub readers: Arc<[UserId]>,
    /// Of a DIRECT: those of its two who block the other.
    pub blockers: Vec<UserId>,
    pub dirty: bool,
}

impl Known {
    pub fn member(&mut self, user: UserId) -> Option<&mut Member> {
        let place = self.place(user).ok()?;
        self.members.get_mut(place)
    }

    pub fn find(&self, user: UserId) -> Option<&Member> {
        self.members.get(self.place(user).ok()?)
    }

    fn place(&self, user: UserId) -> Result<usize, usize> {
        self.members
            .binary_search_by_key(&user, |member| member.user)
    }

    /// Takes in a member, in place of the one that the user may have been.
    pub fn add(&mut self, member: Member) {
        match self.place(member.user) {
            Ok(place) => self.members[place] = member,
            Err(place) => self.members.insert(place, member),
        }
        self.readers = self.members.iter().map(|member| member.user).collect();
    }

    /// Takes out a member.
    pub fn remove(&mut self, user: UserId) -> Option<Member> {
        let place = self.place(user).ok()?;
        let member = self.members.remove(place);
        self.readers = self.members.iter().map(|member| member.user).collect();
        Some(member)
    }

    /// Those who read what happens to a message.
    pub fn readers_of(&self, seq: Seq) -> Arc<[UserId]> {
        if self.members.iter().all(|member| member.sees(seq)) {
            return Arc::clone(&self.readers);
        }
        let seeing = self.members.iter().filter(|member| member.sees(seq));
        seeing.map(|member| member.user).collect()
    }

    /// Whether members are told how far the others have read.
    pub fn shows_markers(&self) -> bool {
        match self.kind {
            ConversationKind::Direct(_) => true,
            ConversationKind::Group(_) => self.members.len() <= MARKERS_SHOWN_MEMBERS_MAX,
            ConversationKind::Channel(_) => false,
        }
    }

    /// How many owners there are.
    pub fn owners(&self) -> usize {
        let owners = self.members.iter();
        owners.filter(|member| member.role == Role::Owner).count()
    }

    pub fn to_domain(&self, id: ConversationId) -> Conversation {
        let members_count = match &self.kind {
            ConversationKind::Direct(people) => people.len(),
            ConversationKind::Group(_) | ConversationKind::Channel(_) => self.members.len(),
        };
        Conversation {
            id,
            kind: self.kind.clone(),
            topic: self.topic.clone(),
            history: self.history,
            members_count: members_count as u64,
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
    /// How many members all of these have, about: those who left count until the memory is dropped.
    pub members: usize,
    pub pairs: HashMap<(UserId, UserId), ConversationId>,
    pub names: HashMap<UserName, UserId>,
    pub channels: HashMap<ChannelName, ConversationId>,
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
            members: 0,
            pairs: HashMap::new(),
            names: HashMap::new(),
            channels: HashMap::new(),
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
        self.drop_remembered();
        let now = Instant::now();
        self.to_show
            .extend(self.shown.drain(..).map(|marker| (marker, now)));
    }

    /// The batch is committed.
    pub fn settle(&mut self) {
        self.end = self.next_end;
        self.shown.clear();
        if self.conversations.len() + self.names.len() > REMEMBERED_MAX
            || self.members > REMEMBERED_MEMBERS_MAX
        {
            self.drop_remembered();
        }
    }

    fn drop_remembered(&mut self) {
        self.members = 0;
        self.conversations.clear();
        self.pairs.clear();
        self.names.clear();
        self.channels.clear();
    }
}
