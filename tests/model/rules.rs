//! The rules, as a model of all rooms and of who blocks whom: what each step makes of them, and what each of the people is
//! answered and sees. There is nothing of a store and nothing of the wire in it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use tinychat::{
    domain::{
        conversation::MemberSettings,
        event::{EventBody, SettingsChanged},
        ids::{ConversationId, Seq, UserId},
        invalid::Invalid,
        name::UserName,
        role::Role,
        user::UserRef,
    },
    store::{ActError, BlockError, MarkReadError, SendRefusal},
};

use super::{
    steps::{EMOJI, Step, TEXTS, Text, notify},
    words::{Answer, Line, Refusal, reaction},
};

/// A message as the model has it.
#[derive(Clone, Debug)]
pub struct Said {
    /// The step that said it.
    number: u64,
    pub sender: usize,
    /// Which of the texts.
    pub text: Option<usize>,
    pub reply: Option<u64>,
    pub revision: u64,
    /// In the order in which they were given.
    pub reactions: Vec<(&'static str, usize)>,
    /// Whom its text mentions.
    pub mentions: Vec<usize>,
    pub all: bool,
    /// The memberships of those to whom it was said.
    memberships: BTreeSet<u64>,
}

/// A member as the model has it.
#[derive(Clone, Copy, Debug)]
pub struct In {
    /// Its number among those of the room: one who comes back has another.
    membership: u64,
    pub role: Role,
    pub floor: u64,
    /// Where the conversation stood when the membership began.
    pub since: u64,
    pub read: u64,
    pub settings: MemberSettings,
}

/// What kind of room it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Group,
    Channel,
    /// Between these two, the first one first.
    Direct([usize; 2]),
}

/// A conversation as the model has it.
#[derive(Clone, Debug)]
pub struct Room {
    /// Another one than that of any other room; whoever knows what it really is may put it in.
    pub id: ConversationId,
    pub kind: Kind,
    /// Of a conversation between two: one that nothing has.
    pub name: String,
    all: bool,
    pub topic: String,
    pub members: BTreeMap<usize, In>,
    /// How many memberships have begun.
    memberships: u64,
    banned: BTreeSet<usize>,
    pub said: Vec<Said>,
}

impl Room {
    pub fn last(&self) -> u64 {
        self.said.len() as u64
    }

    pub fn message(&self, seq: u64) -> &Said {
        &self.said[index(seq)]
    }

    fn message_mut(&mut self, seq: u64) -> &mut Said {
        &mut self.said[index(seq)]
    }

    fn take_in(&mut self, who: usize, role: Role) {
        let floor = if self.all { 0 } else { self.last() };
        self.memberships += 1;
        let member = In {
            membership: self.memberships,
            role,
            floor,
            since: self.last(),
            read: self.last(),
            settings: MemberSettings::default(),
        };
        self.members.insert(who, member);
    }

    fn owners(&self) -> usize {
        let owners = self.members.values();
        owners.filter(|member| member.role == Role::Owner).count()
    }

    fn member(&self, who: usize) -> Result<In, ActError> {
        let found = self.members.get(&who).copied();
        found.ok_or(ActError::NotMember(self.id))
    }

    /// A member of a group or channel.
    fn grouped(&self, who: usize) -> Result<In, ActError> {
        let member = self.member(who)?;
        match self.kind {
            Kind::Direct(_) => Err(ActError::Direct),
            Kind::Group | Kind::Channel => Ok(member),
        }
    }

    fn check_sees(&self, member: In, seq: u64) -> Result<(), ActError> {
        match seq > member.floor && seq <= self.last() {
            true => Ok(()),
            false => Err(ActError::MessageNotFound(Seq::new(seq))),
        }
    }

    /// The other of a conversation between two.
    fn peer(&self, who: usize) -> Option<usize> {
        match self.kind {
            Kind::Direct(pair) => pair.into_iter().find(|it| *it != who),
            Kind::Group | Kind::Channel => None,
        }
    }

    /// Whom a text mentions that somebody writes now, and whether that is everybody.
    fn called(&self, who: usize, text: usize) -> (Vec<usize>, bool) {
        let Text { names, all, .. } = TEXTS[text];
        let named = names.iter().copied();
        let named = named.filter(|it| *it != who && self.members.contains_key(it));
        (named.collect(), all && runs(self.members[&who].role))
    }

    /// What others sent after the marker, counted one by one.
    pub fn unread(&self, who: usize) -> u64 {
        let read = self.members[&who].read;
        let after = self.said.iter().zip(1..).filter(|(_, seq)| *seq > read);
        after.filter(|(said, _)| said.sender != who).count() as u64
    }

    /// The messages of a text that a member may read.
    pub fn readable(&self, who: usize, text: usize) -> Vec<u64> {
        let Some(member) = self.members.get(&who) else {
            return Vec::new();
        };
        let said = self.said.iter().zip(1..);
        said.filter(|(said, seq)| *seq > member.floor && said.text == Some(text))
            .map(|(_, seq)| seq)
            .collect()
    }
}

fn index(seq: u64) -> usize {
    usize::try_from(seq).unwrap() - 1
}

impl Said {
    /// Whether it mentions a member, so that the member is told of it.
    fn is_for(&self, who: usize, member: &In) -> bool {
        let as_all = self.all && self.memberships.contains(&member.membership);
        self.sender != who && (self.mentions.contains(&who) || as_all)
    }

    /// Its reactions as one of the people sees them.
    pub fn reactions(&self, who: usize) -> String {
        let mut order: Vec<&str> = Vec::new();
        for (emoji, _) in &self.reactions {
            if !order.contains(emoji) {
                order.push(emoji);
            }
        }
        let word = |emoji: &str| {
            let given = self.reactions.iter().filter(|(it, _)| *it == emoji);
            let mine = given.clone().any(|(_, by)| *by == who);
            reaction(emoji, given.count() as u64, mine)
        };
        order.into_iter().map(word).collect()
    }
}

fn runs(role: Role) -> bool {
    matches!(role, Role::Owner | Role::Admin)
}

/// What stands between two people.
enum Block {
    /// The one blocks the other.
    Own(UserName),
    /// Only the other blocks the one.
    Theirs(UserName),
}

impl From<Block> for ActError {
    fn from(block: Block) -> Self {
        match block {
            Block::Own(name) => Self::UserBlocked(name),
            Block::Theirs(name) => Self::BlockedByUser(name),
        }
    }
}

impl From<Block> for SendRefusal {
    fn from(block: Block) -> Self {
        match block {
            Block::Own(name) => Self::UserBlocked(name),
            Block::Theirs(name) => Self::BlockedByUser(name),
        }
    }
}

/// Where a message stands (the number of the room, `seq`), and what one of the people sees of it.
pub type Place = (usize, u64, String);

/// All that the people did.
#[derive(Clone, Debug)]
pub struct Model {
    pub people: Vec<UserRef>,
    pub rooms: Vec<Room>,
    /// The first of each pair blocks the second.
    blocks: BTreeSet<(usize, usize)>,
    /// What the last step told to the devices of one user alone. (Of what everybody heard a store keeps the log.)
    pub told: Vec<(EventBody, UserId)>,
    /// The names of rooms begin with it.
    tag: String,
    steps: u64,
}

impl Model {
    pub fn new(people: Vec<UserRef>, tag: &str) -> Self {
        Self {
            people,
            rooms: Vec::new(),
            blocks: BTreeSet::new(),
            told: Vec::new(),
            tag: tag.to_owned(),
            steps: 0,
        }
    }

    /// What the next room is called.
    pub fn next_name(&self) -> String {
        format!("{}r{}", self.tag, self.rooms.len())
    }

    pub fn names(&self, whom: &[usize]) -> Vec<UserName> {
        whom.iter().map(|it| self.name(*it)).collect()
    }

    fn name(&self, who: usize) -> UserName {
        self.people[who].name.clone()
    }

    /// The room that a step is about; none: there is none so far, or it is about people.
    pub fn room_of(&self, step: &Step) -> Option<usize> {
        match step {
            Step::Direct { who, peer, .. } => {
                let kind = between(*who, *peer);
                self.rooms.iter().position(|room| room.kind == kind)
            }
            step => step.room()?.checked_rem(self.rooms.len()),
        }
    }

    /// Whether there is what a step is about.
    pub fn can(&self, step: &Step) -> bool {
        step.room().is_none() || !self.rooms.is_empty()
    }

    /// Whom one of the people blocks, by id.
    pub fn blocked(&self, who: usize) -> Vec<UserRef> {
        let own = self.blocks.iter().filter(|(by, _)| *by == who);
        own.map(|(_, whom)| self.people[*whom].clone()).collect()
    }

    /// The messages of a room that mention one of the people, but for those of whom this one blocks.
    pub fn mentions(&self, room: &Room, who: usize, unread_only: bool) -> Vec<u64> {
        let Some(member) = room.members.get(&who) else {
            return Vec::new();
        };
        let read = if unread_only { member.read } else { 0 };
        let said = room.said.iter().zip(1..);
        let heard = said.filter(|(said, _)| !self.blocks.contains(&(who, said.sender)));
        heard
            .filter(|(said, seq)| *seq > member.floor.max(read) && said.is_for(who, member))
            .map(|(_, seq)| seq)
            .collect()
    }

    /// A message as one of the people sees it.
    pub fn said(&self, room: &Room, who: usize, seq: u64) -> (u64, String) {
        let said = room.message(seq);
        let text = said.text.map(|text| TEXTS[text].among(&self.people));
        let mentions = said.mentions.iter();
        let line = Line {
            text: text.as_deref(),
            revision: said.revision,
            reply: said.reply.unwrap_or_default(),
            mentions: mentions.map(|it| self.people[*it].name.as_str()).collect(),
            all: said.all,
            reactions: said.reactions(who),
        };
        (seq, line.words())
    }

    /// All that one of the people may read of a room.
    pub fn history(&self, room: &Room, who: usize) -> Vec<(u64, String)> {
        let after = room.members[&who].floor;
        let seqs = after + 1..=room.last();
        seqs.map(|seq| self.said(room, who, seq)).collect()
    }

    /// Messages of all rooms, in the order in which lists give them, as one of the people sees them.
    pub fn newest_first(&self, who: usize, of: impl Fn(&Room) -> Vec<u64>) -> Vec<Place> {
        let mut found = Vec::new();
        for (number, room) in self.rooms.iter().enumerate() {
            for seq in of(room) {
                let (seq, shown) = self.said(room, who, seq);
                found.push((room.message(seq).number, (number, seq, shown)));
            }
        }
        found.sort_by_key(|(step, _)| Reverse(*step));
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// Does a step that can be done, and says what is answered.
    pub fn step(&mut self, step: &Step) -> Answer {
        self.steps += 1;
        self.told.clear();
        match (step, self.room_of(step)) {
            (
                Step::Create {
                    who,
                    channel,
                    all,
                    with,
                },
                _,
            ) => self.create(*who, *channel, *all, with),
            (Step::Block { who, whom, on }, _) => self.block(*who, *whom, *on),
            (Step::Direct { who, peer, text }, None) => self.first_words(*who, *peer, *text),
            (step, number) => {
                let number = number.unwrap();
                let before = self.rooms[number].clone();
                let mut room = before.clone();
                let answer = self.act(&mut room, step);
                self.told = self.told_of(&before, &room);
                self.rooms[number] = room;
                answer
            }
        }
    }

    /// The settings that the devices of their user are told of. Those of a membership come and go with it, untold.
    fn told_of(&self, before: &Room, after: &Room) -> Vec<(EventBody, UserId)> {
        let changed = after.members.iter().filter(|(who, now)| {
            let then = before.members.get(who);
            then.is_some_and(|then| {
                then.membership == now.membership && then.settings != now.settings
            })
        });
        let told = changed.map(|(who, member)| {
            let changed = SettingsChanged {
                conversation: after.id,
                settings: member.settings,
            };
            (EventBody::SettingsChanged(changed), self.people[*who].id)
        });
        told.collect()
    }

    fn new_room(&self, kind: Kind, all: bool) -> Room {
        Room {
            id: ConversationId::new(self.rooms.len() as u64 + 1),
            kind,
            name: self.next_name(),
            all,
            topic: String::new(),
            members: BTreeMap::new(),
            memberships: 0,
            banned: BTreeSet::new(),
            said: Vec::new(),
        }
    }

    fn create(&mut self, who: usize, channel: bool, all: bool, with: &[usize]) -> Answer {
        self.check_meets(who, with)?;
        let kind = match channel {
            true => Kind::Channel,
            false => Kind::Group,
        };
        let mut room = self.new_room(kind, all);
        for member in with {
            room.take_in(*member, Role::Member);
        }
        room.take_in(who, Role::Owner);
        self.rooms.push(room);
        Ok("made".to_owned())
    }

    /// The first message between two, which makes their conversation, unless it is refused.
    fn first_words(&mut self, who: usize, peer: usize, text: usize) -> Answer {
        let mut room = self.new_room(between(who, peer), true);
        for member in [who, peer] {
            room.take_in(member, Role::Member);
        }
        let answer = self.say(&mut room, who, None, text)?;
        self.rooms.push(room);
        Ok(answer)
    }

    fn block(&mut self, who: usize, whom: usize, on: bool) -> Answer {
        if who == whom {
            return Err(BlockError::Oneself.into());
        }
        let changes = match on {
            true => self.blocks.insert((who, whom)),
            false => self.blocks.remove(&(who, whom)),
        };
        if changes {
            let told = EventBody::BlocksChanged(self.blocked(who));
            self.told.push((told, self.people[who].id));
        }
        Ok("so it is".to_owned())
    }

    /// What stands between one of the people and another, if anything does.
    fn block_between(&self, who: usize, other: usize) -> Option<Block> {
        let blocks = |by, whom| self.blocks.contains(&(by, whom));
        match (blocks(who, other), blocks(other, who)) {
            (true, _) => Some(Block::Own(self.name(other))),
            (false, true) => Some(Block::Theirs(self.name(other))),
            (false, false) => None,
        }
    }

    /// Refuses to bring others to where one of the people is.
    fn check_meets(&self, who: usize, others: &[usize]) -> Result<(), ActError> {
        let mut blocks = { others.iter() }.filter_map(|it| self.block_between(who, *it));
        blocks.next().map_or(Ok(()), |block| Err(block.into()))
    }

    /// What stands in the way of saying something in a room.
    fn block_in(&self, room: &Room, who: usize) -> Option<Block> {
        self.block_between(who, room.peer(who)?)
    }

    /// A member who says something about a message, or takes something back.
    fn speaks_of(&self, room: &Room, who: usize, seq: u64, back: bool) -> Result<(), ActError> {
        let member = room.member(who)?;
        if let Some(block) = self.block_in(room, who).filter(|_| !back) {
            return Err(block.into());
        }
        if member.role == Role::ReadOnly {
            return Err(ActError::ReadOnly);
        }
        room.check_sees(member, seq)
    }

    fn say(
        &self,
        room: &mut Room,
        who: usize,
        reply: Option<u64>,
        text: usize,
    ) -> Result<String, SendRefusal> {
        let member = room.member(who);
        let member = member.map_err(|_| SendRefusal::NotMember(room.id))?;
        if let Some(block) = self.block_in(room, who) {
            return Err(block.into());
        }
        if member.role == Role::ReadOnly {
            return Err(SendRefusal::ReadOnly);
        }
        if let Some(seq) = reply.filter(|seq| room.check_sees(member, *seq).is_err()) {
            return Err(SendRefusal::ReplyToUnknown(Seq::new(seq)));
        }
        let (mentions, all) = room.called(who, text);
        let memberships = room.members.values().map(|member| member.membership);
        let memberships = memberships.collect();
        room.said.push(Said {
            number: self.steps,
            sender: who,
            text: Some(text),
            reply,
            revision: 0,
            reactions: Vec::new(),
            mentions,
            all,
            memberships,
        });
        Ok(room.last().to_string())
    }

    /// What a step in a room is answered, and what it makes of the room.
    fn act(&self, room: &mut Room, step: &Step) -> Answer {
        let answer = match step {
            Step::Create { .. } | Step::Block { .. } => panic!("that is in no room"),
            Step::Direct { who, text, .. } => return Ok(self.say(room, *who, None, *text)?),
            Step::Send {
                who, reply, text, ..
            } => return Ok(self.say(room, *who, *reply, *text)?),
            Step::Read { who, seq, .. } => return Ok(read(room, *who, *seq)?),
            Step::Join { who, .. } => join(room, *who),
            Step::Leave { who, .. } => leave(room, *who),
            Step::Add { who, whom, .. } => self.add(room, *who, whom),
            Step::Remove { who, whom, ban, .. } => self.remove(room, *who, *whom, *ban),
            Step::SetRole {
                who, whom, role, ..
            } => self.set_role(room, *who, *whom, *role),
            Step::Topic { who, topic, .. } => set_topic(room, *who, *topic),
            Step::Edit { who, seq, text, .. } => self.edit(room, *who, *seq, *text),
            Step::Delete { who, seq, .. } => self.delete(room, *who, *seq),
            Step::React {
                who,
                seq,
                emoji,
                add,
                ..
            } => self.react(room, *who, *seq, EMOJI[*emoji], *add),
            Step::Unread { who, .. } => set(room, *who, |settings| settings.marked_unread = true),
            Step::Notify { who, choice, .. } => {
                set(room, *who, |settings| settings.notify = notify(*choice))
            }
        };
        answer.map_err(Refusal::Act)
    }

    fn add(&self, room: &mut Room, who: usize, whom: &[usize]) -> Result<String, ActError> {
        let member = room.grouped(who)?;
        if member.role == Role::ReadOnly {
            return Err(ActError::ReadOnly);
        }
        let mut distinct: Vec<usize> = Vec::new();
        for it in whom {
            if !distinct.contains(it) {
                distinct.push(*it);
            }
        }
        let new = distinct.iter().copied();
        let new: Vec<usize> = new.filter(|it| !room.members.contains_key(it)).collect();
        self.check_meets(who, &new)?;
        let banned = new.iter().find(|it| room.banned.contains(it));
        if let Some(banned) = banned.filter(|_| !runs(member.role)) {
            return Err(ActError::UserBanned(self.name(*banned)));
        }
        for it in new {
            room.banned.remove(&it);
            room.take_in(it, Role::Member);
        }
        let words = distinct.iter().map(|it| {
            let role = room.members[it].role;
            format!("{} {}", self.name(*it), role.word())
        });
        Ok(words.collect::<Vec<_>>().join(", "))
    }

    fn remove(
        &self,
        room: &mut Room,
        who: usize,
        whom: usize,
        ban: bool,
    ) -> Result<String, ActError> {
        let by = room.grouped(who)?.role;
        if !runs(by) {
            return Err(ActError::RoleTooLow);
        }
        if who == whom {
            let mend = "that is you; leave the conversation instead";
            return Err(Invalid::new("REMOVES_ONESELF", "user_name", mend).into());
        }
        let other = room.members.get(&whom).map(|member| member.role);
        if other.is_none() && !ban {
            return Err(ActError::MemberNotFound(self.name(whom)));
        }
        if by == Role::Admin && other.is_some_and(runs) {
            return Err(ActError::RoleTooLow);
        }
        if ban {
            room.banned.insert(whom);
        }
        room.members.remove(&whom);
        Ok("removed".to_owned())
    }

    fn set_role(
        &self,
        room: &mut Room,
        who: usize,
        whom: usize,
        role: Role,
    ) -> Result<String, ActError> {
        let by = room.grouped(who)?.role;
        if !runs(by) {
            return Err(ActError::RoleTooLow);
        }
        let Some(member) = room.members.get(&whom).copied() else {
            return Err(ActError::MemberNotFound(self.name(whom)));
        };
        if member.role == role {
            return Ok(role.word().to_owned());
        }
        if by == Role::Admin && (runs(member.role) || runs(role)) {
            return Err(ActError::RoleTooLow);
        }
        if member.role == Role::Owner && room.owners() == 1 {
            return Err(ActError::LastOwner);
        }
        room.members.get_mut(&whom).unwrap().role = role;
        Ok(role.word().to_owned())
    }

    fn edit(&self, room: &mut Room, who: usize, seq: u64, text: usize) -> Result<String, ActError> {
        self.speaks_of(room, who, seq, false)?;
        let (mentions, all) = room.called(who, text);
        let message = room.message_mut(seq);
        if message.sender != who {
            return Err(ActError::MessageNotYours);
        }
        match message.text {
            None => return Err(ActError::MessageDeleted),
            Some(old) if old == text => {}
            Some(_) => {
                message.text = Some(text);
                (message.mentions, message.all) = (mentions, all);
                message.revision += 1;
            }
        }
        Ok(self.said(room, who, seq).1)
    }

    fn delete(&self, room: &mut Room, who: usize, seq: u64) -> Result<String, ActError> {
        let member = room.member(who)?;
        room.check_sees(member, seq)?;
        let message = room.message_mut(seq);
        if message.sender != who && !runs(member.role) {
            return Err(ActError::MessageNotYours);
        }
        if message.text.take().is_some() {
            message.revision += 1;
            message.reactions.clear();
            message.mentions.clear();
            message.all = false;
        }
        Ok(self.said(room, who, seq).1)
    }

    fn react(
        &self,
        room: &mut Room,
        who: usize,
        seq: u64,
        emoji: &'static str,
        add: bool,
    ) -> Result<String, ActError> {
        self.speaks_of(room, who, seq, !add)?;
        let message = room.message_mut(seq);
        if message.text.is_none() {
            return Err(ActError::MessageDeleted);
        }
        let given = (emoji, who);
        match (message.reactions.contains(&given), add) {
            (false, true) => message.reactions.push(given),
            (true, false) => message.reactions.retain(|it| *it != given),
            _ => {}
        }
        Ok(message.reactions(who))
    }
}

fn between(who: usize, peer: usize) -> Kind {
    Kind::Direct([who.min(peer), who.max(peer)])
}

fn join(room: &mut Room, who: usize) -> Result<String, ActError> {
    if room.kind != Kind::Channel {
        let name = room.name.parse().unwrap();
        return Err(ActError::ChannelNotFound(name));
    }
    if let Some(member) = room.members.get(&who) {
        return Ok(member.role.word().to_owned());
    }
    if room.banned.contains(&who) {
        return Err(ActError::Banned);
    }
    let role = match room.members.is_empty() {
        true => Role::Owner,
        false => Role::Member,
    };
    room.take_in(who, role);
    Ok(role.word().to_owned())
}

fn leave(room: &mut Room, who: usize) -> Result<String, ActError> {
    let member = room.grouped(who)?;
    if member.role == Role::Owner && room.owners() == 1 && room.members.len() > 1 {
        return Err(ActError::LastOwner);
    }
    room.members.remove(&who);
    Ok("left".to_owned())
}

fn set_topic(room: &mut Room, who: usize, topic: u8) -> Result<String, ActError> {
    if !runs(room.grouped(who)?.role) {
        return Err(ActError::RoleTooLow);
    }
    room.topic = topic_of(topic);
    Ok(room.topic.clone())
}

/// What a topic says.
pub fn topic_of(topic: u8) -> String {
    format!("topic {topic}")
}

fn read(room: &mut Room, who: usize, seq: u64) -> Result<String, MarkReadError> {
    let (id, last) = (room.id, room.last());
    let Some(member) = room.members.get_mut(&who) else {
        return Err(MarkReadError::NotMember(id));
    };
    if seq > last {
        return Err(MarkReadError::BeyondEnd(Seq::new(last)));
    }
    if seq >= member.read {
        member.read = seq;
        member.settings.marked_unread = false;
    }
    let read = member.read;
    Ok(format!("{read} {}", room.unread(who)))
}

/// Sets something for one of the people.
fn set(
    room: &mut Room,
    who: usize,
    change: impl FnOnce(&mut MemberSettings),
) -> Result<String, ActError> {
    let id = room.id;
    let member = room.members.get_mut(&who);
    change(&mut member.ok_or(ActError::NotMember(id))?.settings);
    Ok("set".to_owned())
}
