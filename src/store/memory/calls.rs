//! The calls of the store in memory: each does its work under the lock, in the part that knows how.

use std::{collections::HashSet, future::ready, sync::Arc};

use super::MemoryStore;
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

impl Store for MemoryStore {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn end(&self) -> Offset {
        self.shared.lock().log.end
    }

    fn auth_mode(&self) -> AuthMode {
        self.auth_mode
    }

    fn create_user(
        &self,
        name: UserName,
        password: Option<PasswordHash>,
        created: TimeMs,
    ) -> Answer<'_, Result<User, CreateUserError>> {
        self.answer(|state| state.users.create(name, password, created))
    }

    fn find_account(&self, name: UserName) -> Answer<'_, Result<Option<Account>, StoreError>> {
        self.answer(|state| Ok(state.users.account(&name)))
    }

    fn list_users(
        &self,
        filter: UserFilter,
        after: Option<UserName>,
        size: PageSize,
    ) -> Answer<'_, Result<UserPage, StoreError>> {
        self.answer(|state| Ok(state.users.list(&filter, after.as_ref(), size)))
    }

    fn create_device(
        &self,
        device: NewDevice,
        streaming: Arc<HashSet<DeviceId>>,
    ) -> Answer<'_, Result<(Device, Vec<DeviceId>), CreateDeviceError>> {
        self.answer(|state| state.users.create_device(device, &streaming))
    }

    fn list_devices(&self, user: UserId) -> Answer<'_, Result<Vec<DeviceSeen>, StoreError>> {
        self.answer(|state| Ok(state.users.devices(user)))
    }

    fn find_device(
        &self,
        token: TokenHash,
    ) -> Answer<'_, Result<Option<(User, Device)>, StoreError>> {
        self.answer(|state| Ok(state.users.find_device(&token)))
    }

    fn rename_device(
        &self,
        device: DeviceId,
        name: DeviceName,
    ) -> Answer<'_, Result<(), StoreError>> {
        self.answer(|state| {
            state.users.rename_device(device, name);
            Ok(())
        })
    }

    fn end_device(&self, user: UserId, device: DeviceId) -> Answer<'_, Result<bool, StoreError>> {
        self.answer(|state| Ok(state.users.end_device(user, device)))
    }

    fn set_password(
        &self,
        user: UserId,
        old: PasswordHash,
        new: PasswordHash,
        keep: Option<DeviceId>,
    ) -> Answer<'_, Result<Option<Vec<DeviceId>>, StoreError>> {
        self.answer(|state| Ok(state.users.set_password(user, &old, new, keep)))
    }

    fn touch(&self, user: UserId, device: DeviceId, at: TimeMs) {
        let mut state = self.shared.lock();
        if !state.closed {
            state.users.touch(user, device, at);
        }
    }

    fn note_use(&self, device: DeviceId, at: TimeMs) {
        self.shared.lock().users.note_use(device, at);
    }

    fn append(
        &self,
        messages: Vec<NewMessage>,
    ) -> Answer<'static, Result<Vec<Result<Sent, SendRefusal>>, StoreError>> {
        self.answer(|state| {
            let sends = messages.into_iter();
            Ok(sends.map(|message| state.send(message)).collect())
        })
    }

    fn find_sent(
        &self,
        sender: UserId,
        client_id: ClientMessageId,
        request: SendRequest,
    ) -> Answer<'_, Result<Option<Result<Sent, SendRefusal>>, StoreError>> {
        self.answer(|state| Ok(state.find_sent(sender, client_id, &request)))
    }

    fn start_direct(
        &self,
        user: UserRef,
        peer: UserName,
    ) -> Answer<'_, Result<ConversationView, StartError>> {
        self.answer(|state| state.start_direct(&user, peer))
    }

    fn create_conversation(
        &self,
        owner: UserRef,
        new: NewConversation,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        self.answer(|state| state.create_conversation(&owner, new, at))
    }

    fn update_conversation(
        &self,
        by: UserRef,
        conversation: ConversationId,
        change: ConversationChange,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        self.answer(|state| state.update_conversation(&by, conversation, change))
    }

    fn list_channels(
        &self,
        user: UserId,
        contains: String,
        after: Option<ChannelName>,
        size: PageSize,
    ) -> Answer<'_, Result<ChannelPage, StoreError>> {
        self.answer(|state| Ok(state.list_channels(user, &contains, after.as_ref(), size)))
    }

    fn join_channel(
        &self,
        user: UserRef,
        channel: ChannelName,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        self.answer(|state| state.join_channel(&user, channel, at))
    }

    fn leave_conversation(
        &self,
        user: UserRef,
        conversation: ConversationId,
    ) -> Answer<'_, Result<(), ActError>> {
        self.answer(|state| state.leave_conversation(&user, conversation))
    }

    fn add_members(
        &self,
        by: UserRef,
        conversation: ConversationId,
        names: Vec<UserName>,
        at: TimeMs,
    ) -> Answer<'_, Result<Vec<Member>, ActError>> {
        self.answer(|state| state.add_members(&by, conversation, names, at))
    }

    fn remove_member(
        &self,
        by: UserRef,
        conversation: ConversationId,
        name: UserName,
        ban: bool,
        at: TimeMs,
    ) -> Answer<'_, Result<(), ActError>> {
        self.answer(|state| state.remove_member(&by, conversation, name, ban, at))
    }

    fn set_role(
        &self,
        by: UserRef,
        conversation: ConversationId,
        name: UserName,
        role: Role,
    ) -> Answer<'_, Result<Member, ActError>> {
        self.answer(|state| state.set_role(&by, conversation, name, role))
    }

    fn list_members(
        &self,
        user: UserId,
        conversation: ConversationId,
        banned: bool,
        after: Option<UserId>,
        size: PageSize,
    ) -> Answer<'_, Result<MemberPage, ActError>> {
        self.answer(|state| state.list_members(user, conversation, banned, after, size))
    }

    fn create_invite_link(
        &self,
        by: UserRef,
        conversation: ConversationId,
        new: NewInviteLink,
    ) -> Answer<'_, Result<InviteLink, ActError>> {
        self.answer(|state| state.create_invite_link(by, conversation, new))
    }

    fn list_invite_links(
        &self,
        user: UserId,
        conversation: ConversationId,
        now: TimeMs,
        after: Option<InviteLinkId>,
        size: PageSize,
    ) -> Answer<'_, Result<InviteLinkPage, ActError>> {
        self.answer(|state| state.list_invite_links(user, conversation, now, after, size))
    }

    fn revoke_invite_link(
        &self,
        by: UserId,
        conversation: ConversationId,
        link: InviteLinkId,
    ) -> Answer<'_, Result<(), ActError>> {
        self.answer(|state| state.revoke_invite_link(by, conversation, link))
    }

    fn join_by_invite(
        &self,
        user: UserRef,
        code: InviteHash,
        at: TimeMs,
    ) -> Answer<'_, Result<ConversationView, ActError>> {
        self.answer(|state| state.join_by_invite(&user, code, at))
    }

    fn block_user(
        &self,
        user: UserId,
        name: UserName,
        _at: TimeMs,
    ) -> Answer<'_, Result<UserRef, BlockError>> {
        self.answer(|state| state.block_user(user, name))
    }

    fn unblock_user(
        &self,
        user: UserId,
        name: UserName,
    ) -> Answer<'_, Result<UserRef, BlockError>> {
        self.answer(|state| state.unblock_user(user, name))
    }

    fn blocked(&self, user: UserId) -> Answer<'_, Result<Vec<UserRef>, StoreError>> {
        self.answer(|state| Ok(state.blocked(user)))
    }

    fn apart(&self, user: UserId) -> Answer<'_, Result<HashSet<UserId>, StoreError>> {
        self.answer(|state| Ok(state.apart(user)))
    }

    fn markers(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Vec<Marker>, ActError>> {
        self.answer(|state| state.markers(user, conversation))
    }

    fn delivered_to(&self, user: UserId) -> Answer<'_, Result<Offset, StoreError>> {
        self.answer(|state| Ok(state.users.delivered_to(user)))
    }

    fn delivered_between(
        &self,
        user: UserId,
        after: Offset,
        to: Offset,
    ) -> Answer<'_, Result<Vec<Delivered>, StoreError>> {
        self.answer(|state| Ok(state.delivered_between(user, after, to)))
    }

    fn edit_message(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
        text: MessageText,
    ) -> Answer<'_, Result<Message, ActError>> {
        self.answer(|state| state.edit_message(&by, conversation, seq, text))
    }

    fn delete_message(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
    ) -> Answer<'_, Result<Message, ActError>> {
        self.answer(|state| state.delete_message(&by, conversation, seq))
    }

    fn react(
        &self,
        by: UserRef,
        conversation: ConversationId,
        seq: Seq,
        emoji: Emoji,
        add: bool,
    ) -> Answer<'_, Result<Vec<Reaction>, ActError>> {
        self.answer(|state| state.react(&by, conversation, seq, &emoji, add))
    }

    fn mark_read(
        &self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        at: TimeMs,
    ) -> Answer<'_, Result<ReadState, MarkReadError>> {
        let answer = self.answer(|state| state.mark_read(user, conversation, seq, at));
        self.shared.woken.notify_all();
        answer
    }

    fn acknowledge(&self, device: DeviceId, cursor: Offset) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.users.acknowledge(device, cursor);
        Ok(())
    }

    fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<Option<ConversationView>, StoreError>> {
        self.answer(|state| Ok(state.view(user, conversation)))
    }

    fn list_conversations(
        &self,
        user: UserId,
        after: Option<ConversationId>,
        size: PageSize,
    ) -> Answer<'_, Result<ConversationPage, StoreError>> {
        self.answer(|state| Ok(state.list_conversations(user, after, size)))
    }

    fn list_messages(
        &self,
        user: UserId,
        conversation: ConversationId,
        position: PositionAsked,
        size: PageSize,
    ) -> Answer<'_, Result<Option<MessagePage>, StoreError>> {
        self.answer(|state| Ok(state.list_messages(user, conversation, position, size)))
    }

    fn search(
        &self,
        user: UserId,
        search: Search,
        before: Option<Offset>,
        size: PageSize,
    ) -> Answer<'_, Result<Found<Hit>, SearchError>> {
        Box::pin(ready(self.find(user, &search, before, size)))
    }

    fn list_mentions(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<Offset>,
        size: PageSize,
    ) -> Answer<'_, Result<Found<Message>, StoreError>> {
        self.answer(|state| Ok(state.list_mentions(user, unread_only, before, size)))
    }

    fn mark_unread(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<'_, Result<(), ActError>> {
        self.answer(|state| state.mark_unread(user, conversation))
    }

    fn set_notify(
        &self,
        user: UserId,
        conversation: ConversationId,
        notify: NotifySettings,
    ) -> Answer<'_, Result<(), ActError>> {
        self.answer(|state| state.set_notify(user, conversation, notify))
    }

    fn other_members(
        &self,
        user: UserId,
        conversation: ConversationId,
        max: usize,
    ) -> Answer<'_, Result<Option<Vec<UserId>>, StoreError>> {
        self.answer(|state| Ok(state.other_members(user, conversation, max)))
    }

    fn fellows(&self, user: UserId, max: usize) -> Answer<'_, Result<Vec<UserId>, StoreError>> {
        self.answer(|state| Ok(state.fellows(user, max)))
    }

    fn open_replay(
        &self,
        user: UserId,
        from: ReplayFrom,
        backlog_max: Option<u64>,
    ) -> Answer<'_, Result<Replay, StoreError>> {
        self.answer(|state| Ok(state.open_replay(user, from, backlog_max)))
    }

    fn read_replay<'a>(
        &'a self,
        replay: &'a mut Replay,
    ) -> Answer<'a, Result<ReplayPage, StoreError>> {
        self.answer(|state| Ok(state.read_replay(replay)))
    }

    fn failed(&self) -> Answer<'_, String> {
        Box::pin(std::future::pending())
    }

    fn close(&self) -> Answer<'_, ()> {
        self.stop();
        Box::pin(ready(()))
    }
}
