//! What happens at that server: people say, change, read, join and leave, and the events tell of it.

use super::{EMOJI, Former, Happening, ME, Membership, OTHERS, Said, Server, at, time, user};
use crate::pb::{self, ConversationKind, MemberChange, Role, event::Body, message::Content};

impl Server {
    /// This user becomes a member.
    pub fn join(&mut self, index: usize) {
        let end = self.end;
        let place = &mut self.places[index];
        if place.me.is_some() {
            return;
        }
        let is_direct = place.kind == ConversationKind::Direct;
        let last_seq = place.last_seq();
        place.me = Some(Membership {
            joined: end,
            floor: if is_direct || place.tells_all {
                0
            } else {
                last_seq
            },
            role: Role::Member,
            read: if is_direct { 0 } else { last_seq },
            read_offset: 0,
            marked_unread: false,
            level: pb::NotifyLevel::All,
            settings_offset: 0,
        });
        self.tell_privately(index);
        if !is_direct {
            self.tell_member(index, ME, MemberChange::Joined, Role::Member);
        }
    }

    /// This user is a member no more.
    pub fn leave(&mut self, index: usize) {
        let place = &mut self.places[index];
        if place.kind == ConversationKind::Direct {
            return;
        }
        let Some(me) = place.me.take() else {
            return;
        };
        let changed = pb::MemberChanged {
            conversation_id: place.id.clone(),
            user: Some(user(ME)),
            change: MemberChange::Left.into(),
            role: Role::Unspecified.into(),
            by: Some(user(ME)),
            members_count: place.members_count(),
        };
        let last_seq = place.last_seq();
        let left = self.tell(Body::MemberChanged(changed.clone()));
        let place = &mut self.places[index];
        place.changes.insert(left, Happening::Member(changed));
        place.former.push(Former {
            joined: me.joined,
            left,
            floor: me.floor,
            last_seq,
        });
    }

    /// Another one joins or leaves.
    pub fn toggle(&mut self, index: usize, other: usize) {
        let place = &mut self.places[index];
        if place.kind == ConversationKind::Direct {
            return;
        }
        let name = OTHERS[other % OTHERS.len()];
        let (change, role) = match place.others.remove(name) {
            true => (MemberChange::Left, Role::Unspecified),
            false => {
                place.others.insert(name);
                (MemberChange::Joined, Role::Member)
            }
        };
        self.tell_member(index, name, change, role);
    }

    /// This user gets another role.
    pub fn set_role(&mut self, index: usize) {
        let place = &mut self.places[index];
        let Some(me) = place
            .me
            .as_mut()
            .filter(|_| place.kind != ConversationKind::Direct)
        else {
            return;
        };
        me.role = match me.role {
            Role::Member => Role::Admin,
            _ => Role::Member,
        };
        let role = me.role;
        self.tell_member(index, ME, MemberChange::Role, role);
    }

    /// The name or topic changes.
    pub fn rename(&mut self, index: usize, topic: bool) {
        let end = self.end;
        let place = &mut self.places[index];
        if place.kind == ConversationKind::Direct {
            return;
        }
        match topic {
            true => place.topic = format!("about {end}"),
            false => place.name = format!("name{end}"),
        }
        self.tell_changed(index);
    }

    /// This user sends something that answers a message, or none.
    pub fn send(&mut self, index: usize, client_id: &str, reply_to: u64) -> Option<u64> {
        let is_there = reply_to <= self.places[index].last_seq();
        is_there.then_some(())?;
        self.say_to(index, ME, 0, client_id, reply_to)
    }

    /// Where a send of this name has come to.
    pub fn place_that_has(&self, client_id: &str) -> Option<usize> {
        let is_it = |said: &Said| said.message.client_message_id == client_id;
        let mut places = self.places.iter();
        places.position(|place| place.messages.iter().any(is_it))
    }

    /// Whether a message is of this user, who can still change it.
    pub fn is_own(&self, index: usize, seq: u64) -> bool {
        let place = &self.places[index];
        let at = usize::try_from(seq).unwrap().checked_sub(1);
        let said = at.and_then(|at| place.messages.get(at));
        let floor = place.me.as_ref().map_or(u64::MAX, |me| me.floor);
        said.is_some_and(|it| it.message.sender == Some(user(ME)) && seq > floor)
    }

    /// This user gives an emoji or takes it back; `None`: that cannot be.
    pub fn give(&mut self, index: usize, seq: u64, emoji: usize, give: bool) -> Option<()> {
        let place = &self.places[index];
        let me = place.me.as_ref().filter(|me| seq > me.floor);
        let said = place
            .messages
            .get(usize::try_from(seq).unwrap().checked_sub(1)?);
        let is_given = said?.given.contains(&(EMOJI[emoji], ME));
        me?;
        if is_given != give {
            self.react(index, at(seq - 1), ME, emoji);
        }
        Some(())
    }

    /// This user puts a conversation aside, or takes it up.
    pub fn put_aside(&mut self, index: usize, is_aside: bool) {
        self.set(index, |me| me.marked_unread = is_aside);
    }

    /// Somebody says something; `None`: that cannot be.
    pub fn say(&mut self, index: usize, by: &'static str, calls: u8) -> Option<u64> {
        self.say_to(index, by, calls, "", 0)
    }

    fn say_to(
        &mut self,
        index: usize,
        by: &'static str,
        calls: u8,
        client_id: &str,
        reply_to_seq: u64,
    ) -> Option<u64> {
        let place = &self.places[index];
        let is_direct = place.kind == ConversationKind::Direct;
        let known = place
            .messages
            .iter()
            .find(|it| !client_id.is_empty() && it.message.client_message_id == client_id);
        if let Some(known) = known {
            return Some(known.message.seq);
        }
        let is_member = match by {
            ME => place.me.is_some(),
            other => place.others.contains(other),
        };
        let other: &str = &place.name;
        if !is_member || is_direct && self.blocked.contains(other) {
            return None;
        }
        if is_direct {
            self.join(index);
        }
        let place = &self.places[index];
        let seq = place.last_seq() + 1;
        let offset = self.end + 1;
        let message = pb::Message {
            conversation_id: place.id.clone(),
            seq,
            message_id: format!("m{offset}"),
            sender: Some(user(by)),
            content: Some(Content::Text(format!("text {offset} of {}", self.store))),
            sent_time: time(offset),
            client_message_id: client_id.to_owned(),
            reply_to_seq,
            ..pb::Message::default()
        };
        let message = mentioning(message, calls, by);
        let told = self.tell_members(index, Body::Message(message.clone()));
        self.places[index].messages.push(Said {
            offset: told,
            message,
            given: Vec::new(),
            changed: None,
            reacted: None,
        });
        Some(seq)
    }

    fn pick(&self, index: usize, number: usize) -> Option<u64> {
        let count = self.places[index].messages.len();
        (count > 0).then(|| (number % count) as u64 + 1)
    }

    /// Somebody edits a message, or deletes it.
    pub fn change(&mut self, index: usize, number: usize, calls: Option<u8>) {
        let Some(seq) = self.pick(index, number) else {
            return;
        };
        let (end, store) = (self.end, self.store);
        let said = &mut self.places[index].messages[at(seq - 1)];
        if said.message.deleted {
            return;
        }
        let message = std::mem::take(&mut said.message);
        let revision = message.revision + 1;
        let by = message.sender.clone().unwrap().name;
        said.message = match calls {
            Some(calls) => {
                let content = Some(Content::Text(format!("edited {end} of {store}")));
                let message = pb::Message {
                    content,
                    revision,
                    ..message
                };
                mentioning(message, calls, &by)
            }
            None => pb::Message {
                content: None,
                deleted: true,
                revision,
                mentions: Vec::new(),
                mentions_all: false,
                ..message
            },
        };
        let body = self.places[index].change_body(seq);
        let offset = self.tell_of(index, seq, body);
        let place = &mut self.places[index];
        let old = place.messages[at(seq - 1)].changed.replace(offset);
        if let Some(old) = old {
            place.changes.remove(&old);
        }
        place.changes.insert(offset, Happening::Message(seq));
    }

    /// Tells of a message if this user can read it.
    fn tell_of(&mut self, index: usize, seq: u64, body: Body) -> u64 {
        let me = self.places[index].me.as_ref();
        match me.is_some_and(|me| seq > me.floor) {
            true => self.tell(body),
            false => self.next(),
        }
    }

    /// Somebody gives an emoji or takes it back.
    pub fn react(&mut self, index: usize, number: usize, by: &'static str, emoji: usize) {
        let Some(seq) = self.pick(index, number) else {
            return;
        };
        let emoji = EMOJI[emoji % EMOJI.len()];
        let place = &mut self.places[index];
        let said = &mut place.messages[at(seq - 1)];
        if said.message.deleted || by == ME && place.me.is_none() {
            return;
        }
        let before = said.given.len();
        said.given.retain(|it| *it != (emoji, by));
        let added = said.given.len() == before;
        if added {
            said.given.push((emoji, by));
        }
        let mut reactions = said.reactions();
        reactions.iter_mut().for_each(|it| it.mine = false);
        let body = Body::ReactionChanged(pb::ReactionChanged {
            conversation_id: place.id.clone(),
            seq,
            reactions,
            user: Some(user(by)),
            emoji: emoji.to_owned(),
            added,
        });
        let offset = self.tell_of(index, seq, body);
        let place = &mut self.places[index];
        let old = place.messages[at(seq - 1)].reacted.replace(offset);
        if let Some(old) = old {
            place.changes.remove(&old);
        }
        place.changes.insert(offset, Happening::Reactions(seq));
    }

    /// This user reads up to a message.
    pub fn read(&mut self, index: usize, seq: u64) {
        let place = &mut self.places[index];
        let last_seq = place.last_seq();
        let Some(me) = place.me.as_mut().filter(|_| seq <= last_seq) else {
            return;
        };
        if seq > me.read {
            me.read = seq;
            let body = place.marker_body();
            let offset = self.tell(body);
            if let Some(me) = &mut self.places[index].me {
                me.read_offset = offset;
            }
        }
        let me = self.places[index].me.as_ref();
        if me.is_some_and(|me| me.read == seq && me.marked_unread) {
            self.set(index, |me| me.marked_unread = false);
        }
    }

    /// This user sets something.
    pub fn set(&mut self, index: usize, change: impl FnOnce(&mut Membership)) {
        let place = &mut self.places[index];
        let Some(me) = &mut place.me else {
            return;
        };
        let before = (me.marked_unread, me.level);
        change(me);
        if before == (me.marked_unread, me.level) {
            return;
        }
        let body = place.settings_body();
        let offset = self.tell(body);
        if let Some(me) = &mut self.places[index].me {
            me.settings_offset = offset;
        }
    }

    /// This user puts a conversation aside, or has it quiet or loud.
    pub fn toggle_setting(&mut self, index: usize, aside: bool) {
        self.set(index, |me| match aside {
            true => me.marked_unread = true,
            false => {
                me.level = match me.level {
                    pb::NotifyLevel::All => pb::NotifyLevel::None,
                    _ => pb::NotifyLevel::All,
                };
            }
        });
    }

    /// This user blocks somebody, or ends that.
    pub fn toggle_block(&mut self, other: usize) {
        let name = OTHERS[other % OTHERS.len()];
        if !self.blocked.remove(name) {
            self.blocked.insert(name);
        }
        let body = self.blocks_body();
        self.blocks_offset = self.tell(body);
    }
}

fn mentioning(mut message: pb::Message, calls: u8, by: &str) -> pb::Message {
    message.mentions = match calls % 4 {
        1 if by != ME => vec![user(ME)],
        2 => vec![user("dan")],
        _ => Vec::new(),
    };
    message.mentions_all = calls % 4 == 3;
    message
}
