//! Conversations in memory: what they are, who is in them, what happened there, and what a member sees of them.
//!
//! A row knows its own part of the log: its messages, and where each event without a `seq` stands. What is done to
//! members stands in `members`, what is done to messages in `acts`.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use super::{State, messages::Logged};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{
            Conversation, ConversationKind, ConversationView, HistoryAccess, Member,
            MemberSettings, ReadState,
        },
        event::{EventBody, MemberChanged},
        ids::{ConversationId, Offset, Seq, UserId},
        limits::{CHANNEL_MEMBERS_MAX, GROUP_MEMBERS_MAX, MARKERS_SHOWN_MEMBERS_MAX},
        name::{Topic, UserName},
        page::PageSize,
        role::Role,
        user::UserRef,
    },
    store::{ActError, ConversationPage, StartError},
};

/// One conversation.
pub(super) struct ConversationRow {
    pub(super) id: ConversationId,
    /// DIRECT: with the people it is between, whether they have a membership row yet or not.
    pub(super) kind: ConversationKind,
    pub(super) topic: Topic,
    pub(super) history: HistoryAccess,
    /// With all of the history: joiners read what lies after it.
    pub(super) open_from: Seq,
    pub(super) members: BTreeMap<UserId, MemberRow>,
    /// Who may not join, as members of no role.
    pub(super) bans: BTreeMap<UserId, Member>,
    /// The message of `seq` n stands at n - 1, so offsets rise here, too.
    pub(super) messages: Vec<Logged>,
    /// Those that mention anybody.
    pub(super) mentioning: BTreeSet<Seq>,
    /// What happened beside messages, at its place in the log.
    pub(super) changes: BTreeMap<Offset, Happening>,
}

/// An event without a `seq` of its own.
pub(super) enum Happening {
    /// The conversation was made or changed: what it was then.
    Conversation(Conversation),
    /// Somebody's membership changed.
    Member(MemberChanged),
    /// The last edit or the deletion of a message.
    Message(Seq),
    /// The last change of the reactions to a message.
    Reactions(Seq),
}

/// One member.
pub(super) struct MemberRow {
    pub(super) user: UserRef,
    pub(super) role: Role,
    pub(super) since: TimeMs,
    /// The member reads events after this …
    pub(super) joined: Offset,
    /// … and messages after this.
    pub(super) floor: Seq,
    pub(super) read_seq: Seq,
    /// Where `read_seq` changed last.
    pub(super) read_offset: Offset,
    /// Own messages of this membership so far.
    pub(super) sent: u64,
    /// Own messages up to `read_seq`.
    pub(super) sent_at_read: u64,
    /// The marker that others have been shown …
    pub(super) shown_seq: Seq,
    /// … where …
    pub(super) shown_offset: Offset,
    /// … and when, if ever.
    pub(super) shown: Option<TimeMs>,
    pub(super) settings: MemberSettings,
    /// Where they changed last.
    pub(super) settings_offset: Offset,
}

impl MemberRow {
    /// One who has just become a member, and reads everything.
    pub(super) fn new(user: UserRef, role: Role, joined: Offset, since: TimeMs) -> Self {
        Self {
            user,
            role,
            since,
            joined,
            floor: Seq::ZERO,
            read_seq: Seq::ZERO,
            read_offset: Offset::ZERO,
            sent: 0,
            sent_at_read: 0,
            shown_seq: Seq::ZERO,
            shown_offset: Offset::ZERO,
            shown: None,
            settings: MemberSettings::default(),
            settings_offset: Offset::ZERO,
        }
    }

    pub(super) fn read_state(&self, last_seq: Seq) -> ReadState {
        ReadState::of(last_seq, self.read_seq, self.sent, self.sent_at_read)
    }

    /// As others see it.
    pub(super) fn member(&self) -> Member {
        Member {
            user: self.user.clone(),
            role: Some(self.role),
            since: self.since,
        }
    }
}

/// How many members a conversation of this kind may have.
pub(super) const fn members_max(kind: &ConversationKind) -> usize {
    match kind {
        ConversationKind::Direct(_) => 2,
        ConversationKind::Group(_) => GROUP_MEMBERS_MAX,
        ConversationKind::Channel(_) => CHANNEL_MEMBERS_MAX,
    }
}

impl ConversationRow {
    /// One without members and messages.
    pub(super) const fn new(
        id: ConversationId,
        kind: ConversationKind,
        topic: Topic,
        history: HistoryAccess,
    ) -> Self {
        Self {
            id,
            kind,
            topic,
            history,
            open_from: Seq::ZERO,
            members: BTreeMap::new(),
            bans: BTreeMap::new(),
            messages: Vec::new(),
            mentioning: BTreeSet::new(),
            changes: BTreeMap::new(),
        }
    }

    pub(super) const fn is_direct(&self) -> bool {
        matches!(self.kind, ConversationKind::Direct(_))
    }

    pub(super) fn last_seq(&self) -> Seq {
        Seq::new(self.messages.len() as u64)
    }

    pub(super) fn members_count(&self) -> u64 {
        match &self.kind {
            ConversationKind::Direct(people) => people.len() as u64,
            ConversationKind::Group(_) | ConversationKind::Channel(_) => self.members.len() as u64,
        }
    }

    /// What all see of it now.
    pub(super) fn shared(&self) -> Conversation {
        Conversation {
            id: self.id,
            kind: self.kind.clone(),
            topic: self.topic.clone(),
            history: self.history,
            members_count: self.members_count(),
            last_seq: self.last_seq(),
        }
    }

    /// What a member sees of it now.
    fn view(&self, member: &MemberRow, blocked: &BTreeSet<UserId>) -> ConversationView {
        let last_seq = self.last_seq();
        let last = self.messages.last().filter(|_| last_seq > member.floor);
        ConversationView {
            conversation: self.shared(),
            role: member.role,
            read: member.read_state(last_seq),
            mentions: self.unread_mentions(member, blocked),
            settings: member.settings,
            last_message: last.map(|logged| logged.shown_to(member.user.id)),
        }
    }

    /// Where the last of what all members are told stands, read markers included.
    pub(super) fn last_offset(&self) -> Offset {
        let message = self.messages.last().map(|logged| logged.offset);
        let change = self.changes.last_key_value().map(|(offset, _)| *offset);
        let shown = self.members.values().map(|member| member.shown_offset);
        let shown = shown.max();
        message.max(change).max(shown).unwrap_or(Offset::ZERO)
    }

    /// Everybody who reads its events.
    pub(super) fn readers(&self) -> Arc<[UserId]> {
        self.members.keys().copied().collect()
    }

    /// Everybody who reads what happens to this message.
    pub(super) fn readers_of(&self, seq: Seq) -> Arc<[UserId]> {
        let members = self.members.iter();
        let readers = members.filter(|(_, member)| member.floor < seq);
        readers.map(|(user, _)| *user).collect()
    }

    /// Whether this member is the only owner.
    pub(super) fn is_last_owner(&self, member: &MemberRow) -> bool {
        let is_owner = |member: &&MemberRow| member.role == Role::Owner;
        is_owner(&member) && self.members.values().filter(is_owner).count() == 1
    }

    /// Whether members are shown how far the others have read.
    pub(super) fn shows_markers(&self) -> bool {
        match self.kind {
            ConversationKind::Direct(_) => true,
            ConversationKind::Group(_) => self.members.len() <= MARKERS_SHOWN_MEMBERS_MAX,
            ConversationKind::Channel(_) => false,
        }
    }
}

impl State {
    /// Makes the row of a new conversation and answers its id.
    pub(super) fn add_row(
        &mut self,
        kind: ConversationKind,
        topic: Topic,
        history: HistoryAccess,
    ) -> ConversationId {
        // Rows stay for ever, so the next id is not used yet.
        let id = ConversationId::new(self.conversations.len() as u64 + 1);
        let row = ConversationRow::new(id, kind, topic, history);
        self.conversations.insert(id, row);
        id
    }

    /// The DIRECT conversation of two people, if there is one.
    pub(super) fn find_direct(&self, user: UserId, peer: UserId) -> Option<ConversationId> {
        self.directs.get(&(user.min(peer), user.max(peer))).copied()
    }

    /// Gets or makes the DIRECT conversation of two people. Nobody is a member of a new one.
    pub(super) fn direct(&mut self, user: &UserRef, peer: &UserRef) -> ConversationId {
        if let Some(id) = self.find_direct(user.id, peer.id) {
            return id;
        }
        let mut people = vec![user.clone(), peer.clone()];
        people.sort_by_key(|person| person.id);
        people.dedup_by_key(|person| person.id);
        let kind = ConversationKind::Direct(people);
        let id = self.add_row(kind, Topic::default(), HistoryAccess::All);
        let pair = (user.id.min(peer.id), user.id.max(peer.id));
        self.directs.insert(pair, id);
        id
    }

    /// Makes the membership row of one side of a DIRECT if it is missing.
    pub(super) fn join_direct(&mut self, id: ConversationId, user: &UserRef) {
        let missing = |row: &ConversationRow| !row.members.contains_key(&user.id);
        if self.conversations.get(&id).is_some_and(missing) {
            // When it began is not told of a DIRECT.
            let since = TimeMs::default();
            let member = MemberRow::new(user.clone(), Role::Member, self.log.end, since);
            self.put_member(id, member);
        }
    }

    /// Stores a new membership.
    pub(super) fn put_member(&mut self, id: ConversationId, member: MemberRow) {
        if let Some(row) = self.users.row_mut(member.user.id) {
            row.conversations.insert(id);
        }
        if let Some(row) = self.conversations.get_mut(&id) {
            row.members.insert(member.user.id, member);
        }
    }

    /// Tells one user alone what a conversation is now.
    pub(super) fn tell_privately(&mut self, id: ConversationId, user: UserId) {
        let Some(row) = self.conversations.get(&id) else {
            return;
        };
        let now = row.shared();
        let body = EventBody::ConversationChanged(now.clone());
        let offset = self.log.push(body, [user].into());
        if let Some(row) = self.users.row_mut(user) {
            row.private.insert(offset, now);
        }
    }

    /// Tells all members what a conversation is now.
    pub(super) fn tell_changed(&mut self, id: ConversationId) {
        if let Some(row) = self.conversations.get_mut(&id) {
            let now = row.shared();
            let body = EventBody::ConversationChanged(now.clone());
            let offset = self.log.push(body, row.readers());
            row.changes.insert(offset, Happening::Conversation(now));
        }
    }

    pub(super) fn start_direct(
        &mut self,
        user: &UserRef,
        peer: UserName,
    ) -> Result<ConversationView, StartError> {
        let Some(peer) = self.users.named(&peer) else {
            return Err(StartError::UserNotFound(peer));
        };
        let id = self.direct(user, &peer);
        if self.view(user.id, id).is_none() {
            self.join_direct(id, user);
            self.tell_privately(id, user.id);
        }
        self.view(user.id, id)
            .ok_or(StartError::UserNotFound(peer.name))
    }

    /// A conversation and the membership that a user has there.
    pub(super) fn membership(
        &self,
        user: UserId,
        id: ConversationId,
    ) -> Result<(&ConversationRow, &MemberRow), ActError> {
        let row = self.conversations.get(&id);
        row.and_then(|row| Some((row, row.members.get(&user)?)))
            .ok_or(ActError::NotMember(id))
    }

    /// What a user sees of a conversation; `None` unless it is a member.
    pub(super) fn view(&self, user: UserId, id: ConversationId) -> Option<ConversationView> {
        let row = self.conversations.get(&id)?;
        let member = row.members.get(&user)?;
        Some(row.view(member, &self.users.row(user)?.blocks))
    }

    pub(super) fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> ConversationPage {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = self.users.row(user).map(|row| &row.conversations);
        let mut rest = all
            .into_iter()
            .flat_map(|ids| ids.range((start, Bound::Unbounded)))
            .filter_map(|id| self.view(user, *id));
        ConversationPage {
            views: rest.by_ref().take(size.items()).collect(),
            more: rest.next().is_some(),
        }
    }
}
