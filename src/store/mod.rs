//! The durable truth: accounts, devices, conversations and the log of everything that happened.
//!
//! What every store promises:
//!
//! 1. A write that is answered `Ok` is on stable storage (SQLite with durability FULL), and only then do readers and
//!    the `on_commit` listener see it. `acknowledge` and `touch` alone are lazy: within a second.
//! 2. Offsets are given in commit order and `seq` without gaps; commits are heard in that order, each exactly once.
//! 3. A send is keyed by (sender, client id) in the same transaction: a repeat gives the first answer.
//! 4. The readers of an event are exactly the members at its offset.
//! 5. Reading never waits for writing, and never holds anything between two calls.
//!
//! A store knows nothing of sessions, tokens in the clear, or the wire.

pub mod blobs;
mod block;
mod error;
mod files;
mod matcher;
pub mod memory;
mod pages;
mod replaying;
mod request;
pub mod sqlite;
mod switch;

use std::{collections::HashSet, fmt, future::Future, pin::Pin, str::FromStr, sync::Arc};

pub use error::{
    ActError, BlockError, CreateDeviceError, CreateUserError, MarkReadError, OpenError,
    SearchError, SendRefusal, StartError, StoreError,
};
pub use files::{CreateUploadError, Expired, Files, UploadState};
pub use pages::{ChannelPage, ConversationPage, InviteLinkPage, MemberPage, MessagePage, UserPage};
pub use replaying::{
    Place, REPLAY_BYTES_MAX, REPLAY_EVENTS_MAX, Replay, ReplayFrom, ReplayPage, ReplayRest,
    ReplaySource, StateRow,
};

use crate::domain::{
    clock::TimeMs,
    commit::Commit,
    conversation::{
        ConversationChange, ConversationView, Delivered, Marker, Member, NewConversation,
        NotifySettings, ReadState,
    },
    ids::{ClientMessageId, ConversationId, DeviceId, Epoch, InviteLinkId, Offset, Seq, UserId},
    invite::{InviteLink, NewInviteLink},
    message::{Message, NewMessage, SendRequest, Sent},
    name::{ChannelName, DeviceName, UserName},
    page::{PageSize, PositionAsked},
    reaction::{Emoji, Reaction},
    role::Role,
    scope::Scopes,
    search::{Found, Hit, Search},
    secret::{InviteHash, TokenHash},
    text::MessageText,
    user::{Device, DeviceKind, DeviceSeen, User, UserRef},
};

/// A future that a trait object can return.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Hears of every commit, in order, after it is on stable storage. Must not wait.
pub type OnCommit = Arc<dyn Fn(Commit) + Send + Sync>;

/// How users prove who they are; a store keeps to the mode in which its first account was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// With a password.
    Password,
    /// Not at all.
    Trust,
}

impl AuthMode {
    /// The word for it, in flags and in the store.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Trust => "trust",
        }
    }
}

impl fmt::Display for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for AuthMode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "password" => Ok(Self::Password),
            "trust" => Ok(Self::Trust),
            _ => Err(format!("{word:?} is no auth mode; use password or trust")),
        }
    }
}

/// What proves a user: the PHC string of a password; none in trust mode.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[password hash]")
    }
}

/// A user with what proves it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// None in trust mode.
    pub password: Option<PasswordHash>,
}

/// A login or a token to be stored.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Whose.
    pub user: UserId,
    /// What finds it again.
    pub token: TokenHash,
    /// For people.
    pub name: DeviceName,
    /// When.
    pub created: TimeMs,
    /// A login or a token.
    pub kind: DeviceKind,
    /// What its token may do.
    pub scopes: Scopes,
    /// From when on its token is void.
    pub expires: Option<TimeMs>,
    /// The hash of the password that was proved, if one was: only while it stands is the device made. Otherwise a login
    /// that began before a change of the password could end after it.
    pub proof: Option<PasswordHash>,
    /// The device that makes it, if one does: only while it has not ended, or a token that is just being revoked could
    /// leave another one behind.
    pub made_by: Option<DeviceId>,
}

impl NewDevice {
    /// A login, which may do everything and has no end.
    pub const fn login(user: UserId, token: TokenHash, name: DeviceName, created: TimeMs) -> Self {
        Self {
            user,
            token,
            name,
            created,
            kind: DeviceKind::Login,
            scopes: Scopes::ALL,
            expires: None,
            proof: None,
            made_by: None,
        }
    }
}

/// Which users to list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only names that contain this; empty: all.
    pub contains: String,
    /// Only these.
    pub only: Option<Arc<HashSet<UserId>>>,
    /// None of these.
    pub except: Option<Arc<HashSet<UserId>>>,
}

/// A place to keep everything. See the head of this file for what it promises.
pub trait Store: Files + Send + Sync + 'static {
    /// The store's identity.
    fn epoch(&self) -> Epoch;

    /// The end of the log: everything up to here is committed.
    fn end(&self) -> Offset;

    /// The mode in which the first account was made.
    fn auth_mode(&self) -> AuthMode;

    /// Makes an account.
    fn create_user(
        &self,
        name: UserName,
        password: Option<PasswordHash>,
        created: TimeMs,
    ) -> Answer<'_, Result<User, CreateUserError>>;

    /// Finds an account by name.
    fn find_account(&self, name: UserName) -> Answer<'_, Result<Option<Account>, StoreError>>;

    /// Lists accounts by name, after the given one.
    fn list_users(
        &self,
        filter: UserFilter,
        after: Option<UserName>,
        size: PageSize,
    ) -> Answer<'_, Result<UserPage, StoreError>>;

    /// Stores a login or a token, and ends those of the user that have expired by `created`. A login past
    /// `DEVICES_PER_USER_MAX` retires the login that was seen longest ago and is not in `streaming` (if all are, the
    /// one seen longest ago); a token past `TOKENS_PER_USER_MAX` is refused. The devices that ended are answered, too.
    fn create_device(
        &self,
        device: NewDevice,
        streaming: Arc<HashSet<DeviceId>>,
    ) -> Answer<'_, Result<(Device, Vec<DeviceId>), CreateDeviceError>>;

    /// Lists the devices of a user by id, expired ones included until the next is made.
    fn list_devices(&self, user: UserId) -> Answer<'_, Result<Vec<DeviceSeen>, StoreError>>;

    /// Finds the login of a token.
    fn find_device(
        &self,
        token: TokenHash,
    ) -> Answer<'_, Result<Option<(User, Device)>, StoreError>>;

    /// Renames a device. One that has ended is left alone.
    fn rename_device(
        &self,
        device: DeviceId,
        name: DeviceName,
    ) -> Answer<'_, Result<(), StoreError>>;

    /// Ends a device of this user: its token finds nothing any more. False if there is none (any more).
    fn end_device(&self, user: UserId, device: DeviceId) -> Answer<'_, Result<bool, StoreError>>;

    /// Sets another password, if `old` still stands; with `keep` it ends all other devices of the user in the same
    /// commit. `None`: another password stands. Else the devices that ended.
    fn set_password(
        &self,
        user: UserId,
        old: PasswordHash,
        new: PasswordHash,
        keep: Option<DeviceId>,
    ) -> Answer<'_, Result<Option<Vec<DeviceId>>, StoreError>>;

    /// Notes that a device and its user were there (lazy).
    fn touch(&self, user: UserId, device: DeviceId, at: TimeMs);

    /// Notes that a device made a call (lazy). Its user was not seen by that.
    fn note_use(&self, device: DeviceId, at: TimeMs);

    /// Commits messages, in this order, and answers each. See promises 1 to 4. They are queued by the call, not when the
    /// future is polled: the order of calls is the order in the log.
    fn append(
        &self,
        messages: Vec<NewMessage>,
    ) -> Answer<'static, Result<Vec<Result<Sent, SendRefusal>>, StoreError>>;

    /// Finds the acknowledgement of a send, if the very same was acknowledged before.
    fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        request: SendRequest,
    ) -> Answer<'_, Result<Option<Result<Sent, SendRefusal>>, StoreError>>;

    /// Gets the DIRECT conversation with a user, making it if need be. The peer sees nothing of it yet; the caller's
    /// devices hear of it by a private event.
    fn start_direct(
        &self,
        user: UserRef,
        peer: UserName,
    ) -> Answer<'_, Result<ConversationView, StartError>>;

    /// Makes a group or channel with its owner and its first members, who hear of it by one event.
    fn create_conversation(
        &self,
        owner: UserRef,
        new: NewConversation,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>>;

    /// Changes a group or channel. A change to what it is already is told to nobody.
    /// A history that is opened opens nothing that was said before.
    fn update_conversation(
        &self,
        by: UserRef,
        conversation: ConversationId,
        change: ConversationChange,
    ) -> Answer<'_, Result<ConversationView, ActError>>;

    /// Lists all channels by name, after the given one, whose names contain a text.
    fn list_channels(
        &self,
        user: UserId,
        contains: String,
        after: Option<ChannelName>,
        size: PageSize,
    ) -> Answer<'_, Result<ChannelPage, StoreError>>;

    /// Makes a user a member of a channel. One who is a member stays as he is; the first of an empty channel owns it.
    ///
    /// A new member's devices get the state by a private event just before all members hear of the joining. The member
    /// has read all that was said before, and reads it only if the conversation's `history` says so.
    fn join_channel(
        &self,
        user: UserRef,
        channel: ChannelName,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>>;

    /// Ends the caller's membership: the event of it is the last that the caller gets.
    fn leave_conversation(
        &self,
        user: UserRef,
        conversation: ConversationId,
    ) -> Answer<'_, Result<(), ActError>>;

    /// Makes users members, as joining does, all of them or none; lifts bans if the caller may.
    fn add_members(
        &self,
        by: UserRef,
        conversation: ConversationId,
        names: Vec<UserName>,
        at: TimeMs,
    ) -> Answer<'_, Result<Vec<Member>, ActError>>;

    /// Ends the membership of another; with `ban` joining is refused from now on, also to one who is no member.
    fn remove_member(
        &self,
        by: UserRef,
        conversation: ConversationId,
        name: UserName,
        ban: bool,
        at: TimeMs,
    ) -> Answer<'_, Result<(), ActError>>;

    /// Gives a member another role. The last owner keeps the role.
    fn set_role(
        &self,
        by: UserRef,
        conversation: ConversationId,
        name: UserName,
        role: Role,
    ) -> Answer<'_, Result<Member, ActError>>;

    /// Lists members (or those who are banned, for those who run the conversation) by user id, after the given one.
    fn list_members(
        &self,
        user: UserId,
        conversation: ConversationId,
        banned: bool,
        after: Option<UserId>,
        size: PageSize,
    ) -> Answer<'_, Result<MemberPage, ActError>>;

    /// Makes an invite link of a group or channel. Those of the conversation that have come to their end are forgotten.
    fn create_invite_link(
        &self,
        by: UserRef,
        conversation: ConversationId,
        new: NewInviteLink,
    ) -> Answer<'_, Result<InviteLink, ActError>>;

    /// Lists the invite links of a group or channel by id, after the given one: all for those who run it, their own for
    /// others. Those that have come to their end at this time are left out.
    fn list_invite_links(
        &self,
        user: UserId,
        conversation: ConversationId,
        now: TimeMs,
        after: Option<InviteLinkId>,
        size: PageSize,
    ) -> Answer<'_, Result<InviteLinkPage, ActError>>;

    /// Makes an invite link void that the caller may see.
    fn revoke_invite_link(
        &self,
        by: UserId,
        conversation: ConversationId,
        link: InviteLinkId,
    ) -> Answer<'_, Result<(), ActError>>;

    /// Makes a user a member as joining a channel does, by a link whose creator is a member who speaks at this moment, and
    /// counts the use. One who is a member stays as he is, and no use is counted.
    fn join_by_invite(
        &self,
        user: UserRef,
        code: InviteHash,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>>;

    /// Blocks a user: what that means stands with `ChatService.BlockUser`. Own devices hear of it, if it changes
    /// anything. Answers who it is.
    fn block_user(
        &self,
        user: UserId,
        name: UserName,
        at: TimeMs,
    ) -> Answer<'_, Result<UserRef, BlockError>>;

    /// Ends a block.
    fn unblock_user(&self, user: UserId, name: UserName)
    -> Answer<'_, Result<UserRef, BlockError>>;

    /// Lists whom a user blocks, by id.
    fn blocked(&self, user: UserId) -> Answer<'_, Result<Vec<UserRef>, StoreError>>;

    /// Everybody whom a user blocks or who blocks the user.
    fn apart(&self, user: UserId) -> Answer<'_, Result<HashSet<UserId>, StoreError>>;

    /// How far each other member has got and read the messages of a DIRECT or a small group, by id, without those with
    /// whom there is a block; none of others. The messages have arrived up to the highest cursor of a device.
    fn markers(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Vec<Marker>, ActError>>;

    /// The highest cursor of a user's devices.
    fn delivered_to(&self, user: UserId) -> Answer<'_, Result<Offset, StoreError>>;

    /// In which conversations that show markers messages of others lie after a place up to another, with the last of them
    /// and the members to be told (without those with whom there is a block): the conversations with the newest messages
    /// first, `DELIVERED_CONVERSATIONS_MAX` at the most.
    fn delivered_between(
        &self,
        user: UserId,
        after: Offset,
        to: Offset,
    ) -> Answer<'_, Result<Vec<Delivered>, StoreError>>;

    /// Gives a message of the caller another text. The same text again changes nothing.
    fn edit_message(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
        text: MessageText,
    ) -> Answer<'_, Result<Message, ActError>>;

    /// Erases the text of a message and its reactions. Deleting again changes nothing.
    fn delete_message(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
    ) -> Answer<'_, Result<Message, ActError>>;

    /// Gives an emoji to a message or takes it back, and answers all reactions that it has. What is so already changes
    /// nothing.
    fn react(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
        emoji: Emoji,
        add: bool,
    ) -> Answer<'_, Result<Vec<Reaction>, ActError>>;

    /// Moves a read marker up; a lower value changes nothing. Own devices hear of it at once, others within about a
    /// second, and of the last value only.
    fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> Answer<'_, Result<ReadState, MarkReadError>>;

    /// Moves a device's cursor up (lazy). The caller has checked that it is not beyond the end.
    fn acknowledge(&self, device: DeviceId, cursor: Offset) -> Result<(), StoreError>;

    /// Reads one conversation as a member sees it; `None` to everybody else.
    fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Option<ConversationView>, StoreError>>;

    /// Lists the conversations of a user by id, after the given one.
    fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Answer<'_, Result<ConversationPage, StoreError>>;

    /// Reads a page of messages; `None` to everybody who is not a member. Ends at `PAGE_BYTES_MAX` of text: pages
    /// that lie before or newest keep their end, the others their beginning, and around keeps its middle.
    fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        position: PositionAsked,
        size: PageSize,
    ) -> Answer<'_, Result<Option<MessagePage>, StoreError>>;

    /// Finds messages, the newest first, before the given place: of the conversations that the user is a member of, what
    /// the user may read there. What is committed is found, what is deleted or edited away is not. A page ends at
    /// `PAGE_BYTES_MAX` of text, and may end early, even empty, where much was looked at: `next` says whether to go on.
    fn search(
        &self,
        user: UserId,
        search: Search,
        before: Option<Offset>,
        size: PageSize,
    ) -> Answer<'_, Result<Found<Hit>, SearchError>>;

    /// Lists messages of others that mention a user, the newest first, before the given place: of the conversations that
    /// the user is a member of, what the user may read there. Pages end as those of `search` do.
    fn list_mentions(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<Offset>,
        size: PageSize,
    ) -> Answer<'_, Result<Found<Message>, StoreError>>;

    /// Puts a conversation aside as unread until it is marked read at its marker or further. Own devices hear of it.
    fn mark_unread(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<(), ActError>>;

    /// Sets what a member wants to be called for. Own devices hear of it, if it changes anything.
    fn set_notify(
        &self,
        user: UserId,
        conversation: ConversationId,
        notify: NotifySettings,
    ) -> Answer<'_, Result<(), ActError>>;

    /// The other members of a conversation, none if there are more than `max` in all; `None` if the user is no member.
    /// Without those with whom there is a block.
    fn other_members(
        &self,
        user: UserId,
        conversation: ConversationId,
        max: usize,
    ) -> Answer<'_, Result<Option<Vec<UserId>>, StoreError>>;

    /// Everybody with whom a user shares a conversation of at most `max` members, without the user, each once, and without
    /// those with whom there is a block. Of one who is in more than `FELLOWS_CONVERSATIONS_MAX` conversations those
    /// with the newest events count.
    fn fellows(&self, user: UserId, max: usize) -> Answer<'_, Result<Vec<UserId>, StoreError>>;

    /// Begins a replay of everything that a user has missed. `backlog_max`: most messages for each conversation, the
    /// rest is a gap.
    fn open_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Answer<'_, Result<Replay, StoreError>>;

    /// Reads the next page of a replay and moves it on. State rows that changed again since the replay began are left
    /// out: their change is live.
    fn read_replay<'a>(
        &'a self,
        replay: &'a mut Replay,
    ) -> Answer<'a, Result<ReplayPage, StoreError>>;

    /// Waits until stable storage can no longer be trusted, and says why. Then the process must end.
    fn failed(&self) -> Answer<'_, String>;

    /// Commits what is lazy and closes. Later calls are answered `Closed`.
    fn close(&self) -> Answer<'_, ()>;
}
