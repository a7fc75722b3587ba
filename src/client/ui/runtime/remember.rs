//! What is kept on this machine of what comes from the server: events and answers in, changes of the cache out. Pure.
//!
//! Promises:
//! 1. The state of a conversation that is kept is whole: what events to all members leave out is that of before. One of
//!    which nothing was known stays out until its own state comes.
//! 2. A cursor comes last, behind everything that happened up to it, counts included, and none outlives another store.
//! 3. It is bounded, whatever comes, in number and in bytes, and so is each change: what does not fit is not kept (see
//!    `fitting`), and of a message that does not fit no older text stays.
//!
//! Counts are those of the model, since only it can reckon them. Knows no cache and no screen.

use std::collections::{BTreeSet, HashMap};

use crate::{
    client::{
        cache::{self, Change},
        translate,
        ui::model::{chat::ChatId, chats::Chats, tally::Counts},
    },
    domain::{limits::PAGE_SIZE_MAX, name::UserName},
    pb::{self, ConversationKind, MemberChange, event::Body},
};

use super::fitting::{self, is_id, is_mark};

/// Conversations that are remembered: as many as the model has.
pub(super) const CHATS_MAX: usize = 10_000;
/// Messages of one page, and members of a conversation whose marks come with one answer, of which more is not looked at.
const PAGE_MAX: usize = PAGE_SIZE_MAX;

/// See the head of the file.
#[derive(Debug)]
pub struct Memory {
    me: UserName,
    my_id: Option<String>,
    epoch: Option<String>,
    chats: HashMap<String, Known>,
    /// The newest activity of all.
    newest: u64,
    /// Conversations whose counts may be others than were kept.
    touched: BTreeSet<String>,
    /// What everything so far leads up to.
    cursor: Option<String>,
}

#[derive(Debug)]
struct Known {
    /// As it was kept last, without the newest message.
    state: pb::Conversation,
    /// When something was said last, in milliseconds since 1970: the order of the list.
    activity: u64,
    /// The same, as it was kept last.
    kept_activity: u64,
}

impl Memory {
    /// Remembers what a cache has.
    pub fn new(me: UserName, paint: &cache::FirstPaint) -> Self {
        let known = paint.chats.iter().take(CHATS_MAX).map(|chat| {
            let known = Known {
                state: chat.state.clone(),
                activity: chat.last_activity,
                kept_activity: chat.last_activity,
            };
            (chat.state.id.clone(), known)
        });
        let newest = paint.chats.iter().map(|chat| chat.last_activity).max();
        Self {
            me,
            my_id: None,
            epoch: None,
            chats: known.collect(),
            newest: newest.unwrap_or(0),
            touched: BTreeSet::new(),
            cursor: None,
        }
    }

    /// The id of this user, once the server said it.
    pub fn my_id(&self) -> Option<&str> {
        self.my_id.as_deref()
    }

    /// The two members of a DIRECT conversation, or the one; `None` of others.
    pub fn direct_members(&self, chat: &ChatId) -> Option<&[pb::UserRef]> {
        let known = self.chats.get(chat.as_str())?;
        let is_direct = known.state.kind() == ConversationKind::Direct;
        is_direct.then_some(known.state.members.as_slice())
    }

    /// Takes in an event; its cursor comes with [`Memory::finish`].
    pub fn event(&mut self, event: &pb::Event) -> Vec<Change> {
        let Some(body) = &event.body else {
            return Vec::new();
        };
        let changes = self.body(body);
        if is_mark(&event.cursor) {
            self.cursor = Some(event.cursor.clone());
        }
        changes
    }

    fn body(&mut self, body: &Body) -> Vec<Change> {
        match body {
            Body::Welcome(welcome) => self.welcome(welcome),
            Body::Reset(_) => {
                self.forget_all();
                // All that comes from now on is of the store that was named before.
                let epoch = self.epoch.clone().map(Change::Epoch);
                [Change::Reset].into_iter().chain(epoch).collect()
            }
            Body::Message(message) => self.message(message),
            Body::MessageEdited(edited) => {
                let message = edited.message.as_ref();
                let message = message.filter(|it| self.touch(&it.conversation_id));
                message
                    .map(|it| kept(it, Change::Edited))
                    .into_iter()
                    .collect()
            }
            Body::MessageDeleted(deleted) if self.touch(&deleted.conversation_id) => {
                vec![Change::Deleted(pb::MessageDeleted {
                    conversation_id: deleted.conversation_id.clone(),
                    deleted_by: None,
                    ..*deleted
                })]
            }
            Body::ReactionChanged(changed) if is_id(&changed.conversation_id) => {
                let user = changed.user.as_ref();
                let is_mine = user.is_some_and(|user| user.name == self.me.as_str());
                let event = fitting::reactions(changed);
                vec![Change::Reactions { event, is_mine }]
            }
            Body::ConversationChanged(changed) => {
                let state = changed.conversation.as_ref();
                state.and_then(|it| self.state(it)).into_iter().collect()
            }
            Body::MemberChanged(changed) => self.member(changed).into_iter().collect(),
            Body::SettingsChanged(changed) => {
                let set = |state: &mut pb::Conversation| {
                    state.marked_unread = changed.marked_unread;
                    state.notify = changed.notify;
                };
                let change = self.changed(&changed.conversation_id, set);
                change.into_iter().collect()
            }
            Body::ReadMarker(marker) if Some(&marker.user_id) == self.my_id.as_ref() => {
                self.touch(&marker.conversation_id);
                Vec::new()
            }
            Body::ReadMarker(marker) => {
                let (id, user, seq) = (&marker.conversation_id, &marker.user_id, marker.read_seq);
                // What is read has arrived.
                marked(id, user, (seq, seq)).into_iter().collect()
            }
            Body::Delivered(marker) => {
                let (id, user) = (&marker.conversation_id, &marker.user_id);
                let marked = marked(id, user, (0, marker.delivered_seq));
                marked.into_iter().collect()
            }
            Body::BlocksChanged(changed) => vec![blocked(&changed.users)],
            Body::Gap(gap) if self.touch(&gap.conversation_id) => vec![Change::Hole(gap.clone())],
            _ => Vec::new(),
        }
    }

    fn welcome(&mut self, welcome: &pb::Welcome) -> Vec<Change> {
        let my_id = welcome.user.as_ref().map(|user| user.id.clone());
        self.my_id = my_id.filter(|id| is_id(id));
        if !is_mark(&welcome.epoch) {
            return Vec::new();
        }
        let epoch = Some(welcome.epoch.clone());
        if self.epoch.is_some() && self.epoch != epoch {
            self.forget_all();
        }
        self.epoch = epoch;
        vec![Change::Epoch(welcome.epoch.clone())]
    }

    fn message(&mut self, message: &pb::Message) -> Vec<Change> {
        if !self.touch(&message.conversation_id) {
            return Vec::new();
        }
        let time = activity(message);
        if let Some(known) = self.chats.get_mut(&message.conversation_id)
            && message.seq > known.state.last_seq
        {
            // The clock of the server may go back; what is new stands above what was there all the same.
            self.newest = self.newest.max(time.unwrap_or(0));
            known.activity = self.newest;
        }
        vec![kept(message, Change::Message)]
    }

    fn member(&mut self, changed: &pb::MemberChanged) -> Option<Change> {
        let user = changed.user.as_ref()?;
        let is_me = user.name == self.me.as_str();
        let ends = [
            MemberChange::Left,
            MemberChange::Removed,
            MemberChange::Banned,
        ];
        if is_me && ends.contains(&changed.change()) {
            let conversation = changed.conversation_id.clone();
            self.chats.remove(&conversation);
            self.touched.remove(&conversation);
            return is_id(&conversation).then_some(Change::Gone { conversation });
        }
        self.changed(&changed.conversation_id, |state| {
            state.members_count = changed.members_count;
            if is_me {
                state.my_role = changed.role;
            }
        })
    }

    /// Takes in the state of a conversation from an event or an answer.
    fn state(&mut self, state: &pb::Conversation) -> Option<Change> {
        // What is of one user only goes together: all of it is there, or none.
        let is_own = state.notify.is_some();
        let is_full = self.chats.len() >= CHATS_MAX;
        let known = self.chats.get(&state.id);
        if known.is_none() && (!is_own || is_full) || !is_id(&state.id) {
            return None;
        }
        let said = state.last_message.as_ref().and_then(activity);
        let mut whole = fitting::conversation(state);
        let mut time = said.unwrap_or(0);
        if let Some(known) = known {
            let old = &known.state;
            time = time.max(known.activity);
            whole.last_seq = whole.last_seq.max(old.last_seq);
            if !is_own {
                if whole.name.is_empty() {
                    whole.name.clone_from(&old.name);
                }
                whole.my_role = old.my_role;
                whole.read_seq = old.read_seq;
                whole.unread = old.unread;
                whole.mentions = old.mentions;
                whole.marked_unread = old.marked_unread;
                whole.notify = old.notify;
            }
        } else if said.is_none() {
            // A new one stands above those that were there.
            time = self.newest;
        }
        self.newest = self.newest.max(time);
        let known = Known {
            state: pb::Conversation {
                last_message: None,
                ..whole.clone()
            },
            activity: time,
            kept_activity: time,
        };
        self.chats.insert(state.id.clone(), known);
        self.touch(&state.id);
        Some(Change::Conversation {
            state: Box::new(whole),
            last_activity: time,
        })
    }

    /// Takes in whole states that were asked for.
    pub fn states(&mut self, states: &[pb::Conversation]) -> Vec<Change> {
        let states = states.iter().take(CHATS_MAX);
        states.filter_map(|it| self.state(it)).collect()
    }

    /// Drops the conversations that the model has no more: an answer may tell of one that was left since it was asked for,
    /// and the list of all does not tell of those that are gone.
    pub fn forget_gone(&mut self, chats: &Chats) -> Vec<Change> {
        let is_gone = |id: &&String| chats.get(&ChatId::from(id.as_str())).is_none();
        let gone: Vec<String> = self.chats.keys().filter(is_gone).cloned().collect();
        for id in &gone {
            self.chats.remove(id);
            self.touched.remove(id);
        }
        let gone = gone.into_iter();
        gone.map(|conversation| Change::Gone { conversation })
            .collect()
    }

    /// Takes in a page of messages of a conversation that was asked for.
    pub fn page(&mut self, chat: &str, messages: &[pb::Message]) -> Vec<Change> {
        let of_it = messages
            .iter()
            .filter(|message| message.conversation_id == chat && is_id(chat))
            .take(PAGE_MAX);
        of_it.map(|it| kept(it, Change::Message)).collect()
    }

    /// Takes in how far others have come, which was asked for.
    pub fn markers(&self, chat: &str, markers: &[pb::Marker]) -> Vec<Change> {
        let marked = |it: &pb::Marker| {
            let user = it.user.as_ref()?;
            marked(chat, &user.id, (it.read_seq, it.delivered_seq))
        };
        markers.iter().filter_map(marked).take(PAGE_MAX).collect()
    }

    /// Notes that the counts of a conversation may be others now; false: it cannot be kept.
    pub fn touch(&mut self, chat: &str) -> bool {
        if !is_id(chat) {
            return false;
        }
        if self.chats.contains_key(chat) {
            self.touched.insert(chat.to_owned());
        }
        true
    }

    /// Returns what a batch ends with: the counts as the model has them now, then the cursor.
    pub fn finish(&mut self, chats: &Chats) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in std::mem::take(&mut self.touched) {
            let chat = chats.get(&ChatId::from(id.as_str()));
            if let (Some(known), Some(chat)) = (self.chats.get_mut(&id), chat) {
                changes.extend(known.counts(id, chat.counts()));
            }
        }
        changes.extend(self.cursor.take().map(Change::Cursor));
        changes
    }

    fn changed(&mut self, id: &str, change: impl FnOnce(&mut pb::Conversation)) -> Option<Change> {
        let known = self.chats.get_mut(id)?;
        change(&mut known.state);
        known.kept_activity = known.activity;
        let (state, last_activity) = (Box::new(known.state.clone()), known.activity);
        self.touch(id);
        Some(Change::Conversation {
            state,
            last_activity,
        })
    }

    fn forget_all(&mut self) {
        self.chats.clear();
        self.touched.clear();
        (self.cursor, self.newest) = (None, 0);
    }
}

impl Known {
    fn counts(&mut self, conversation: String, counts: Counts) -> Option<Change> {
        let state = &mut self.state;
        let kept = (state.last_seq, state.read_seq, state.unread, state.mentions);
        let now = (
            counts.last_seq.max(state.last_seq),
            counts.read_seq,
            counts.unread,
            counts.mentions,
        );
        if kept == now && self.kept_activity == self.activity {
            return None;
        }
        (state.last_seq, state.read_seq, state.unread, state.mentions) = now;
        self.kept_activity = self.activity;
        Some(Change::Counts {
            conversation,
            last_activity: self.activity,
            last_seq: state.last_seq,
            read_seq: state.read_seq,
            unread: state.unread,
            mentions: state.mentions,
        })
    }
}

/// What keeps a message, or takes care that nothing older is kept in its place.
fn kept(message: &pb::Message, change: fn(Box<pb::Message>) -> Change) -> Change {
    match fitting::message(message) {
        Some(message) => change(Box::new(message)),
        None => Change::Hole(pb::Gap {
            conversation_id: message.conversation_id.clone(),
            from_seq: message.seq,
            to_seq: message.seq,
        }),
    }
}

/// What keeps whom the user blocks.
pub(super) fn blocked(users: &[pb::UserRef]) -> Change {
    Change::Blocked(fitting::blocked(users))
}

/// When a message was sent, if that was said.
fn activity(message: &pb::Message) -> Option<u64> {
    let time = translate::time(Some(message.sent_time?)).milliseconds();
    u64::try_from(time).ok()
}

fn marked(chat: &str, user: &str, (read_seq, delivered_seq): (u64, u64)) -> Option<Change> {
    (is_id(chat) && is_id(user)).then(|| Change::Marker {
        conversation: chat.to_owned(),
        user_id: user.to_owned(),
        read_seq,
        delivered_seq,
    })
}

#[cfg(test)]
#[path = "remember_tests.rs"]
mod tests;
