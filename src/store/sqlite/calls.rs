//! The calls of the store: each queues a job for the writer or runs a read, and waits for its outcome.
//!
//! What a job does stands with its subject: `rooms`, `acts`, `markers`, `settings`, `invites`, `blocks`, `accounts`; what
//! a read does in `reading`, `inbox`, `delivered` and `replay`.

use std::{collections::HashSet, sync::Arc};

use super::{
    SqliteStore, accounts, blocks, delivered, inbox, invites, reading, rows,
    writer::{JOB_BYTES, Kind},
};
use crate::{
    domain::{
        clock::TimeMs,
        conversation::{
            ConversationChange, ConversationView, Delivered, Marker, Member, NewConversation,
            NotifySettings, ReadState,
        },
        ids::{
            ClientMessageId, ConversationId, DeviceId, Epoch, InviteLinkId, Offset, Seq, UserId,
        },
        invite::{InviteLink, NewInviteLink},
        message::{Message, NewMessage, SendRequest, Sent},
        name::{ChannelName, DeviceName, UserName},
        page::{PageSize, PositionAsked},
        reaction::{Emoji, Reaction},
        role::Role,
        search::{Found, Hit, Search},
        secret::{InviteHash, TokenHash},
        text::MessageText,
        user::{Device, DeviceSeen, User, UserRef},
    },
    store::{
        Account, ActError, Answer, AuthMode, BlockError, ChannelPage, ConversationPage,
        CreateDeviceError, CreateUserError, InviteLinkPage, MarkReadError, MemberPage, MessagePage,
        NewDevice, PasswordHash, Replay, ReplayFrom, ReplayPage, SearchError, SendRefusal,
        StartError, Store, StoreError, UserFilter, UserPage,
    },
};

/// What one of the members that a job makes counts in the queue.
const MEMBER_BYTES: usize = 128;

impl Store for SqliteStore {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end(&self) -> Offset {
        self.writer.end()
    }

    fn auth_mode(&self) -> AuthMode {
        self.mode
    }

    fn create_user(
        &self,
        name: UserName,
        password: Option<PasswordHash>,
        created: TimeMs,
    ) -> Answer<'_, Result<User, CreateUserError>> {
        let taken = CreateUserError::NameTaken(name.clone());
        let made = self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::create_user(batch, name, password, created)
        });
        Box::pin(async move { made.await?.ok_or(taken) })
    }

    fn find_account(&self, name: UserName) -> Answer<'_, Result<Option<Account>, StoreError>> {
        self.read(move |snapshot| accounts::find_account(snapshot, &name))
    }

    fn list_users(
        &self,
        filter: UserFilter,
        after: Option<UserName>,
        size: PageSize,
    ) -> Answer<'_, Result<UserPage, StoreError>> {
        self.read(move |snapshot| accounts::list_users(snapshot, &filter, after.as_ref(), size))
    }

    fn create_device(
        &self,
        device: NewDevice,
        streaming: Arc<HashSet<DeviceId>>,
    ) -> Answer<'_, Result<(Device, Vec<DeviceId>), CreateDeviceError>> {
        let made = self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::create_device(batch, &device, &streaming)
        });
        Box::pin(async move { made.await? })
    }

    fn list_devices(&self, user: UserId) -> Answer<'_, Result<Vec<DeviceSeen>, StoreError>> {
        self.read(move |snapshot| accounts::list_devices(snapshot, user))
    }

    fn find_device(
        &self,
        token: TokenHash,
    ) -> Answer<'_, Result<Option<(User, Device)>, StoreError>> {
        self.read(move |snapshot| accounts::find_device(snapshot, token))
    }

    fn rename_device(
        &self,
        device: DeviceId,
        name: DeviceName,
    ) -> Answer<'_, Result<(), StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::rename_device(batch, device, &name)
        })
    }

    fn end_device(&self, user: UserId, device: DeviceId) -> Answer<'_, Result<bool, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::end_device(batch, user, device)
        })
    }

    fn set_password(
        &self,
        user: UserId,
        old: PasswordHash,
        new: PasswordHash,
        keep: Option<DeviceId>,
    ) -> Answer<'_, Result<Option<Vec<DeviceId>>, StoreError>> {
        self.write(Kind::Other, JOB_BYTES, move |batch| {
            accounts::set_password(batch, user, &old, &new, keep)
        })
    }

    fn touch(&self, user: UserId, device: DeviceId, at: TimeMs) {
        let mut lazy = self.writer.lazy();
        lazy.seen.insert(device, (user, at));
    }

    fn note_use(&self, device: DeviceId, at: TimeMs) {
        let mut lazy = self.writer.lazy();
        lazy.used.insert(device, at);
    }

    fn append(
        &self,
        messages: Vec<NewMessage>,
    ) -> Answer<'static, Result<Vec<Result<Sent, SendRefusal>>, StoreError>> {
        let texts: usize = messages
            .iter()
            .map(|message| message.request.text.as_str().len())
            .sum();
        let bytes = texts + messages.len() * JOB_BYTES;
        self.write(Kind::Sends, bytes, move |batch| {
            messages
                .into_iter()
                .map(|message| batch.append(message))
                .collect()
        })
    }

    fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        request: SendRequest,
    ) -> Answer<'_, Result<Option<Result<Sent, SendRefusal>>, StoreError>> {
        let fingerprint = self.key.fingerprint(&request);
        self.read(move |snapshot| rows::sent(snapshot, sender, client_id, fingerprint))
    }

    fn start_direct(
        &self,
        user: UserRef,
        peer: UserName,
    ) -> Answer<'_, Result<ConversationView, StartError>> {
        let unknown = StartError::UserNotFound(peer.clone());
        let reader = user.id;
        let started = self.write(Kind::Other, JOB_BYTES, move |batch| {
            match batch.user_by_name(&peer)? {
                Some(peer) => batch.start_direct(&user, &peer).map(Some),
                None => Ok(None),
            }
        });
        Box::pin(async move {
            let Some(id) = started.await? else {
                return Err(unknown);
            };
            // Nobody is taken out of a DIRECT.
            let gone = || {
                StoreError::Broken(format!("the conversation {id} has no member {reader}")).into()
            };
            self.conversation(reader, id).await?.ok_or_else(gone)
        })
    }

    fn create_conversation(
        &self,
        owner: UserRef,
        new: NewConversation,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        let reader = owner.id;
        let bytes = JOB_BYTES + new.members.len() * MEMBER_BYTES;
        let made = self.write(Kind::Other, bytes, move |batch| {
            batch.create_conversation(&owner, new, at)
        });
        self.then_view(reader, made)
    }

    fn update_conversation(
        &self,
        by: UserRef,
        conversation: ConversationId,
        change: ConversationChange,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        let changed = self.write(Kind::Other, JOB_BYTES, move |batch| {
            let changed = batch.update_conversation(by.id, conversation, change)?;
            Ok(changed.map(|()| conversation))
        });
        self.then_view(by.id, changed)
    }

    fn list_channels(
        &self,
        user: UserId,
        contains: String,
        after: Option<ChannelName>,
        size: PageSize,
    ) -> Answer<'_, Result<ChannelPage, StoreError>> {
        self.read(move |snapshot| {
            reading::list_channels(snapshot, user, &contains, after.as_ref(), size)
        })
    }

    fn join_channel(
        &self,
        user: UserRef,
        channel: ChannelName,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        let reader = user.id;
        let joined = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.join_channel(&user, &channel, at)
        });
        self.then_view(reader, joined)
    }

    fn leave_conversation(
        &self,
        user: UserRef,
        conversation: ConversationId,
    ) -> Answer<'_, Result<(), ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.leave_conversation(&user, conversation)
        })
    }

    fn add_members(
        &self,
        by: UserRef,
        conversation: ConversationId,
        names: Vec<UserName>,
        at: TimeMs,
    ) -> Answer<'_, Result<Vec<Member>, ActError>> {
        self.act(JOB_BYTES + names.len() * MEMBER_BYTES, move |batch| {
            batch.add_members(&by, conversation, &names, at)
        })
    }

    fn remove_member(
        &self,
        by: UserRef,
        conversation: ConversationId,
        name: UserName,
        ban: bool,
        at: TimeMs,
    ) -> Answer<'_, Result<(), ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.remove_member(&by, conversation, name, ban, at)
        })
    }

    fn set_role(
        &self,
        by: UserRef,
        conversation: ConversationId,
        name: UserName,
        role: Role,
    ) -> Answer<'_, Result<Member, ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.set_role(&by, conversation, name, role)
        })
    }

    fn list_members(
        &self,
        user: UserId,
        conversation: ConversationId,
        banned: bool,
        after: Option<UserId>,
        size: PageSize,
    ) -> Answer<'_, Result<MemberPage, ActError>> {
        self.ask(move |snapshot| {
            reading::list_members(snapshot, user, conversation, banned, after, size)
        })
    }

    fn create_invite_link(
        &self,
        by: UserRef,
        conversation: ConversationId,
        new: NewInviteLink,
    ) -> Answer<'_, Result<InviteLink, ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.create_invite_link(by, conversation, new)
        })
    }

    fn list_invite_links(
        &self,
        user: UserId,
        conversation: ConversationId,
        now: TimeMs,
        after: Option<InviteLinkId>,
        size: PageSize,
    ) -> Answer<'_, Result<InviteLinkPage, ActError>> {
        self.ask(move |snapshot| invites::list(snapshot, user, conversation, now, after, size))
    }

    fn revoke_invite_link(
        &self,
        by: UserId,
        conversation: ConversationId,
        link: InviteLinkId,
    ) -> Answer<'_, Result<(), ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.revoke_invite_link(by, conversation, link)
        })
    }

    fn join_by_invite(
        &self,
        user: UserRef,
        code: InviteHash,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        let reader = user.id;
        let joined = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.join_by_invite(&user, code, at)
        });
        self.then_view(reader, joined)
    }

    fn block_user(
        &self,
        user: UserId,
        name: UserName,
        at: TimeMs,
    ) -> Answer<'_, Result<UserRef, BlockError>> {
        let blocked = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.block_user(user, &name, at)
        });
        Box::pin(async move { blocked.await? })
    }

    fn unblock_user(
        &self,
        user: UserId,
        name: UserName,
    ) -> Answer<'_, Result<UserRef, BlockError>> {
        let unblocked = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.unblock_user(user, &name)
        });
        Box::pin(async move { unblocked.await? })
    }

    fn blocked(&self, user: UserId) -> Answer<'_, Result<Vec<UserRef>, StoreError>> {
        self.read(move |snapshot| blocks::blocked(snapshot, user))
    }

    fn apart(&self, user: UserId) -> Answer<'_, Result<HashSet<UserId>, StoreError>> {
        self.read(move |snapshot| blocks::apart(snapshot, user))
    }

    fn markers(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Vec<Marker>, ActError>> {
        // Before the look into the store: what a batch writes in between is then in both.
        let waiting = self.writer.lazy().cursors.clone();
        self.ask(move |snapshot| delivered::markers(snapshot, user, conversation, &waiting))
    }

    fn delivered_to(&self, user: UserId) -> Answer<'_, Result<Offset, StoreError>> {
        Box::pin(async move {
            let cursors = self
                .read(move |snapshot| delivered::cursors(snapshot, user))
                .await?;
            // What a batch writes between the two is missed here: that is less, not more.
            let lazy = self.writer.lazy();
            let cursors = cursors.into_iter().map(|(device, stored)| {
                let waiting = lazy.cursors.get(&device).copied();
                stored.max(waiting.unwrap_or(stored))
            });
            Ok(cursors.max().unwrap_or(Offset::ZERO))
        })
    }

    fn delivered_between(
        &self,
        user: UserId,
        after: Offset,
        to: Offset,
    ) -> Answer<'_, Result<Vec<Delivered>, StoreError>> {
        self.read(move |snapshot| delivered::delivered_between(snapshot, user, after, to))
    }

    fn edit_message(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
        text: MessageText,
    ) -> Answer<'_, Result<Message, ActError>> {
        self.act(JOB_BYTES + text.as_str().len(), move |batch| {
            batch.edit_message(&by, conversation, seq, text)
        })
    }

    fn delete_message(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
    ) -> Answer<'_, Result<Message, ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.delete_message(&by, conversation, seq)
        })
    }

    fn react(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
        emoji: Emoji,
        add: bool,
    ) -> Answer<'_, Result<Vec<Reaction>, ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.react(&by, conversation, seq, emoji, add)
        })
    }

    fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> Answer<'_, Result<ReadState, MarkReadError>> {
        let marked = self.write(Kind::Other, JOB_BYTES, move |batch| {
            batch.mark_read(user, conversation, seq, at)
        });
        Box::pin(async move { marked.await? })
    }

    fn acknowledge(&self, device: DeviceId, cursor: Offset) -> Result<(), StoreError> {
        self.writer.check_open()?;
        let mut lazy = self.writer.lazy();
        let latest = lazy.cursors.entry(device).or_insert(cursor);
        *latest = cursor.max(*latest);
        Ok(())
    }

    fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Option<ConversationView>, StoreError>> {
        self.read(move |snapshot| rows::view(snapshot, user, conversation))
    }

    fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Answer<'_, Result<ConversationPage, StoreError>> {
        self.read(move |snapshot| reading::list_conversations(snapshot, user, after, size))
    }

    fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        position: PositionAsked,
        size: PageSize,
    ) -> Answer<'_, Result<Option<MessagePage>, StoreError>> {
        self.read(move |snapshot| {
            reading::list_messages(snapshot, user, conversation, position, size)
        })
    }

    fn search(
        &self,
        user: UserId,
        search: Search,
        before: Option<Offset>,
        size: PageSize,
    ) -> Answer<'_, Result<Found<Hit>, SearchError>> {
        Box::pin(
            self.search
                .search(&self.readers, user, search, before, size),
        )
    }

    fn list_mentions(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<Offset>,
        size: PageSize,
    ) -> Answer<'_, Result<Found<Message>, StoreError>> {
        self.read(move |snapshot| inbox::list_mentions(snapshot, user, unread_only, before, size))
    }

    fn mark_unread(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<(), ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.mark_unread(user, conversation)
        })
    }

    fn set_notify(
        &self,
        user: UserId,
        conversation: ConversationId,
        notify: NotifySettings,
    ) -> Answer<'_, Result<(), ActError>> {
        self.act(JOB_BYTES, move |batch| {
            batch.set_notify(user, conversation, notify)
        })
    }

    fn other_members(
        &self,
        user: UserId,
        conversation: ConversationId,
        max: usize,
    ) -> Answer<'_, Result<Option<Vec<UserId>>, StoreError>> {
        self.read(move |snapshot| reading::other_members(snapshot, user, conversation, max))
    }

    fn fellows(&self, user: UserId, max: usize) -> Answer<'_, Result<Vec<UserId>, StoreError>> {
        self.read(move |snapshot| reading::fellows(snapshot, user, max))
    }

    fn open_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Answer<'_, Result<Replay, StoreError>> {
        Box::pin(self.begin_replay(user, from, backlog_max))
    }

    fn read_replay<'a>(
        &'a self,
        replay: &'a mut Replay,
    ) -> Answer<'a, Result<ReplayPage, StoreError>> {
        Box::pin(self.go_on_with_replay(replay))
    }

    fn failed(&self) -> Answer<'_, String> {
        Box::pin(self.faults.failed())
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.writer.close().await;
            // After the last commit, so that nothing of it is left to be erased.
            self.search.close().await;
            self.readers.close();
        })
    }
}
