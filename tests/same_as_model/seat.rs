//! One device of one of the people: what it was told of its user's conversations, and beside them what only the devices
//! of its user are told.

use std::collections::BTreeMap;

use tinychat::pb::{Event, MemberChange, NotifySettings, UserRef, event::Body};

use crate::support::{
    Account,
    device::{Device, sender_of},
    feed::{Door, Feed},
};

/// What a user set for a conversation, as the wire has it: whether it was put aside, and what to be called for.
pub type Set = (bool, Option<NotifySettings>);

/// One device of one of the people.
pub struct Seat {
    pub account: Account,
    pub device: Device,
    pub feed: Option<Feed>,
    pub door: Door,
    /// What was read of each room when the device began with nothing: it is told what comes after that.
    pub begins: BTreeMap<usize, u64>,
    pub acknowledged: Option<String>,
    /// What its user set for each conversation, by id; one that it was told nothing of is not in it.
    pub set: BTreeMap<String, Set>,
    /// Whom its user blocks, by id.
    pub blocked: Vec<UserRef>,
}

impl Seat {
    /// One that knows nothing.
    pub fn new(account: Account, door: Door) -> Self {
        Self {
            device: Device::new(&account.name),
            account,
            feed: None,
            door,
            begins: BTreeMap::new(),
            acknowledged: None,
            set: BTreeMap::new(),
            blocked: Vec::new(),
        }
    }

    /// It loses all that it was told.
    pub fn forget(&mut self) {
        self.device = Device::new(&self.account.name);
        self.set.clear();
        self.blocked.clear();
    }

    /// Takes an event.
    pub fn take(&mut self, event: Event) {
        let is_own = match event.body.as_ref().expect("an event without a body") {
            Body::SettingsChanged(it) => {
                let set = (it.marked_unread, it.notify);
                self.set.insert(it.conversation_id.clone(), set);
                true
            }
            Body::BlocksChanged(it) => {
                self.blocked.clone_from(&it.users);
                true
            }
            Body::ConversationChanged(changed) => {
                // What all are told alike has nothing of any user.
                if let Some(state) = &changed.conversation
                    && state.notify.is_some()
                {
                    let set = (state.marked_unread, state.notify);
                    self.set.insert(state.id.clone(), set);
                }
                false
            }
            Body::MemberChanged(changed) => {
                use MemberChange::{Banned, Left, Removed};
                let user = changed.user.as_ref();
                if user.is_some_and(|user| user.name == self.account.name)
                    && matches!(changed.change(), Left | Removed | Banned)
                {
                    self.set.remove(&changed.conversation_id);
                }
                false
            }
            _ => false,
        };
        if is_own {
            self.device.cursor = Some(event.cursor);
            return;
        }
        let deleted = match &event.body {
            Some(Body::MessageDeleted(it)) => Some((it.conversation_id.clone(), it.seq)),
            _ => None,
        };
        self.device.take(event);
        // Whom it mentioned is gone with its text.
        if let Some((conversation, seq)) = deleted
            && let Some(room) = self.device.rooms.get_mut(&conversation)
            && let Some(message) = room.messages.get_mut(&seq)
            && message.deleted
        {
            message.mentions.clear();
            message.mentions_all = false;
        }
    }

    /// How many messages that its user has not read mention the user, without those of whom the user blocks.
    pub fn mentions(&self, conversation: &str) -> usize {
        let Some(room) = self.device.rooms.get(conversation) else {
            return 0;
        };
        let me = self.account.name.as_str();
        let after = room.messages.range(room.read_seq + 1..);
        let heard = after.map(|(_, message)| message).filter(|message| {
            let sender = sender_of(message);
            sender != me && self.blocked.iter().all(|user| user.name != sender)
        });
        let called = heard.filter(|message| {
            message.mentions_all || message.mentions.iter().any(|user| user.name == me)
        });
        called.count()
    }
}
