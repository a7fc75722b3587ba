//! How far a replay is: what a store remembers between two pages of it. It holds nothing of the store.

use crate::domain::{
    event::{Event, Gap},
    ids::{ConversationId, DeviceId, Offset, Seq, UserId},
};

/// Where a replay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayFrom {
    /// After this place.
    After(Offset),
    /// As a device that never acknowledged: what its user has not read.
    Unread,
    /// Where the device acknowledged last; `Unread` if it never did.
    Acknowledged(DeviceId),
}

/// A replay that is under way: where it stands in each conversation. Holds nothing of the store.
#[derive(Debug)]
pub struct Replay {
    /// Everything up to here is part of it; what comes later is live.
    pub end: Offset,
    /// Whether it began as `Unread` does: the states of all conversations come first.
    pub first_sync: bool,
    /// What the backlog limit left out.
    pub gaps: Vec<Gap>,
    /// What is still to be read, private to the store that made it.
    pub(crate) rest: ReplayRest,
}

/// The part of a replay that is not read yet: sources of offsets that are merged.
#[derive(Debug, Default)]
pub struct ReplayRest {
    /// Who reads.
    pub(crate) reader: Option<UserId>,
    /// One for each conversation with missed events.
    pub(crate) sources: Vec<ReplaySource>,
    /// State rows that changed, by offset, highest first.
    pub(crate) rows: Vec<(Offset, StateRow)>,
}

/// A row whose last value is owed to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateRow {
    /// The read marker of a user in a conversation.
    Marker(ConversationId, UserId),
    /// What the reader set for a conversation.
    Settings(ConversationId),
    /// Whom the reader blocks.
    Blocks,
}

/// What is still to be read of one conversation in one time of membership (or of the reader's private events).
#[derive(Debug)]
pub struct ReplaySource {
    /// Which part of the log.
    pub(crate) place: Place,
    /// Messages from here …
    pub(crate) next_seq: Seq,
    /// … to here, both included.
    pub(crate) last_seq: Seq,
    /// Events without a `seq` after this; `None`: leave them out.
    pub(crate) events_after: Option<Offset>,
    /// Where the membership ended: nothing after it is given, and nothing that tells of what came after it.
    pub(crate) left: Option<Offset>,
    /// The reader reads messages after this; what happened to others is left out.
    pub(crate) floor: Seq,
    /// What happened to messages from here to here is left out, as they are.
    pub(crate) gap: Option<(Seq, Seq)>,
    /// Offsets that were looked up and not used yet, highest first.
    pub(crate) ahead: Vec<Offset>,
}

/// The part of the log that an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A conversation: all its members read it.
    Conversation(ConversationId),
    /// The private events of one user.
    Private(UserId),
}

/// One page of a replay.
#[derive(Debug, Default)]
pub struct ReplayPage {
    /// Events by offset. Empty when the replay is at its end.
    pub events: Vec<Event>,
}

/// Most events in one page of a replay: a page is one step of reading, no transaction outlives it.
pub const REPLAY_EVENTS_MAX: usize = 1_000;
/// Bytes of text at which a page of a replay ends: what a device that reads slowly holds in memory at the most.
pub const REPLAY_BYTES_MAX: usize = 256 * 1024;
