//! Conversations as all members see them, and as one member does.

use super::{
    clock::TimeMs,
    ids::{ConversationId, Seq, UserId},
    message::Message,
    name::{ChannelName, GroupName, Topic, UserName},
    role::Role,
    user::UserRef,
};

/// What kind of conversation it is, with what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationKind {
    /// The one or two people it is between, sorted by id; one: notes to self.
    Direct(Vec<UserRef>),
    /// Those who were added.
    Group(GroupName),
    /// Everybody may find and join it.
    Channel(ChannelName),
}

impl ConversationKind {
    /// Its number in the store: never changed, stores depend on it.
    pub const fn number(&self) -> u8 {
        match self {
            Self::Direct(_) => 1,
            Self::Group(_) => 2,
            Self::Channel(_) => 3,
        }
    }

    /// The name of a group or channel.
    pub fn own_name(&self) -> Option<&str> {
        match self {
            Self::Direct(_) => None,
            Self::Group(name) => Some(name.as_str()),
            Self::Channel(name) => Some(name.as_str()),
        }
    }
}

/// What those who become members may read of what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryAccess {
    /// Nothing.
    SinceJoin,
    /// All of it.
    All,
}

/// What all members see alike. Stands in shared events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Never changes.
    pub id: ConversationId,
    /// The kind never changes; the name may.
    pub kind: ConversationKind,
    /// What it is about.
    pub topic: Topic,
    /// What those who become members may read.
    pub history: HistoryAccess,
    /// How many members there are; for DIRECT: how many people it is between.
    pub members_count: u64,
    /// Highest `seq`.
    pub last_seq: Seq,
}

impl Conversation {
    /// What the conversation is called for one of its people: for DIRECT the other's name, or the own for notes to
    /// self.
    pub fn name_for(&self, user: UserId) -> Option<&str> {
        match &self.kind {
            ConversationKind::Direct(people) => {
                let other = people.iter().find(|person| person.id != user);
                other.or(people.first()).map(|person| person.name.as_str())
            }
            ConversationKind::Group(_) | ConversationKind::Channel(_) => self.kind.own_name(),
        }
    }
}

/// What one member sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationView {
    /// What all see.
    pub conversation: Conversation,
    /// What the member may do.
    pub role: Role,
    /// How far the member has read.
    pub read: ReadState,
    /// Messages after the marker that mention the member, `MENTIONS_COUNTED_MAX` at the most.
    pub mentions: u64,
    /// What the member set for it.
    pub settings: MemberSettings,
    /// The newest message, if the member may read it.
    pub last_message: Option<Message>,
}

/// Which messages of a conversation a member wants to be called for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotifyLevel {
    /// All.
    #[default]
    All,
    /// Those that mention the member.
    Mentions,
    /// None: it is muted.
    None,
}

impl NotifyLevel {
    /// Its number in the store: never changed, stores depend on it.
    pub const fn number(self) -> u8 {
        match self {
            Self::All => 1,
            Self::Mentions => 2,
            Self::None => 3,
        }
    }

    /// The level of a number of the store.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::All),
            2 => Some(Self::Mentions),
            3 => Some(Self::None),
            _ => None,
        }
    }
}

/// Which messages a member wants to be called for, and until when that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifySettings {
    /// Which.
    pub level: NotifyLevel,
    /// From then on it is `All` again; `None`: it stays.
    pub until: Option<TimeMs>,
}

impl NotifySettings {
    /// What holds at a time.
    pub fn at(self, now: TimeMs) -> Self {
        match self.until {
            Some(until) if until <= now => Self::default(),
            _ => self,
        }
    }
}

/// What a member set for a conversation. Nobody else learns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberSettings {
    /// It was put aside as unread.
    pub marked_unread: bool,
    /// What the member wants to be called for.
    pub notify: NotifySettings,
}

/// One member, or one who is banned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserRef,
    /// What the member may do; `None` for one who is banned.
    pub role: Option<Role>,
    /// When the membership or the ban began.
    pub since: TimeMs,
}

/// How far a member has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Who.
    pub user: UserRef,
    /// Everything up to here is read.
    pub read_seq: Seq,
    /// Everything up to here has arrived at a device of the user, or is read.
    pub delivered_seq: Seq,
}

/// Messages that have arrived at a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where.
    pub conversation: ConversationId,
    /// Everything up to here has arrived.
    pub seq: Seq,
    /// Who is to be told.
    pub others: Vec<UserId>,
}

/// A group or channel to be made.
#[derive(Clone, Debug)]
pub struct NewConversation {
    /// Never DIRECT.
    pub kind: ConversationKind,
    /// What it is about.
    pub topic: Topic,
    /// What those who become members later may read.
    pub history: HistoryAccess,
    /// Who is a member from the beginning, beside the owner.
    pub members: Vec<UserName>,
}

/// What of a group or channel is to be changed; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationChange {
    /// The name, as text: which rule it must keep depends on the kind.
    pub name: Option<String>,
    /// The topic.
    pub topic: Option<Topic>,
    /// What those who become members from now on may read.
    pub history: Option<HistoryAccess>,
}

/// How far a member has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadState {
    /// Everything up to here is read.
    pub read_seq: Seq,
    /// Messages of others after it.
    pub unread: u64,
}

impl ReadState {
    /// Unread is arithmetic: what lies after the marker, less what the member sent there.
    ///
    /// `sent` counts the member's own messages, `sent_at_read` those of them up to `read_seq`.
    pub const fn of(last_seq: Seq, read_seq: Seq, sent: u64, sent_at_read: u64) -> Self {
        let unread = last_seq
            .since(read_seq)
            .saturating_sub(sent.saturating_sub(sent_at_read));
        Self { read_seq, unread }
    }
}
