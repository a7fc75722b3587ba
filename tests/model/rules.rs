//! The rules, as a model of one room: what each step makes of it, and what each of the people is answered.

use std::collections::{BTreeMap, BTreeSet};

use tinychat::{
    domain::{
        conversation::{MemberSettings, NotifyLevel, NotifySettings},
        ids::{ConversationId, Seq},
        message::Message,
        reaction::Reaction,
        role::Role,
        user::UserRef,
    },
    store::{ActError, SendRefusal},
};

use super::{EMOJI, NAMES, Refused, Step};
use crate::store_conformance::subject::after;

/// Something to say, and whom it names.
pub struct Text {
    pub text: &'static str,
    names: &'static [usize],
    all: bool,
}

const fn named(text: &'static str, names: &'static [usize], all: bool) -> Text {
    Text { text, names, all }
}

/// What people say.
pub const TEXTS: [Text; 6] = [
    named("first", &[], false),
    named("second", &[], false),
    named("hi @bob, hi @all", &[1], true),
    named("@eve. (@dan) @EVE", &[2, 3], false),
    named("x@bob @ann-, @nobody", &[0], false),
    named("@all!", &[], true),
];

/// What people want to be called for.
pub fn notify(choice: usize) -> NotifySettings {
    let (level, until) = match choice {
        0 => (NotifyLevel::All, None),
        1 => (NotifyLevel::Mentions, None),
        _ => (NotifyLevel::None, Some(after(1_000))),
    };
    NotifySettings { level, until }
}

/// A message as the model has it.
#[derive(Clone, Debug)]
pub struct Said {
    /// The step that said it.
    pub number: u64,
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
    pub memberships: BTreeSet<u64>,
}

/// A member as the model has it.
#[derive(Clone, Copy, Debug)]
pub struct In {
    /// Its number among those of the room: one who comes back has another.
    pub membership: u64,
    pub role: Role,
    pub floor: u64,
    pub read: u64,
    pub settings: MemberSettings,
}

/// A group or channel as the model has it.
#[derive(Clone, Debug)]
pub struct Room {
    pub id: ConversationId,
    pub channel: bool,
    pub all: bool,
    pub topic: String,
    pub members: BTreeMap<usize, In>,
    /// How many memberships have begun.
    pub memberships: u64,
    pub banned: BTreeSet<usize>,
    pub said: Vec<Said>,
}

impl Room {
    pub fn last(&self) -> u64 {
        self.said.len() as u64
    }

    pub fn take_in(&mut self, who: usize, role: Role) {
        let floor = if self.all { 0 } else { self.last() };
        let read = self.last();
        self.memberships += 1;
        let member = In {
            membership: self.memberships,
            role,
            floor,
            read,
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

    fn sees(&self, who: usize, seq: u64, must_speak: bool) -> Result<In, ActError> {
        let member = self.member(who)?;
        if must_speak && member.role == Role::ReadOnly {
            return Err(ActError::ReadOnly);
        }
        if seq <= member.floor || seq > self.last() {
            return Err(ActError::MessageNotFound(Seq::new(seq)));
        }
        Ok(member)
    }

    /// Whom a text mentions that somebody writes now, and whether that is everybody.
    fn mentions(&self, who: usize, text: usize) -> (Vec<usize>, bool) {
        let Text { names, all, .. } = TEXTS[text];
        let named = names.iter().copied();
        let named = named.filter(|it| *it != who && self.members.contains_key(it));
        (named.collect(), all && runs(self.members[&who].role))
    }

    fn message(&mut self, seq: u64) -> &mut Said {
        &mut self.said[usize::try_from(seq).unwrap() - 1]
    }
}

impl Said {
    /// Whether it mentions a member, so that the member is told of it.
    fn is_for(&self, who: usize, member: &In) -> bool {
        let as_all = self.all && self.memberships.contains(&member.membership);
        self.sender != who && (self.mentions.contains(&who) || as_all)
    }
}

fn runs(role: Role) -> bool {
    matches!(role, Role::Owner | Role::Admin)
}

/// What others sent after the marker, counted one by one.
pub fn unread(room: &Room, who: usize, member: &In) -> u64 {
    let after = room
        .said
        .iter()
        .zip(1..)
        .filter(|(_, seq)| *seq > member.read);
    after.filter(|(said, _)| said.sender != who).count() as u64
}

/// The messages that mention a member, the newest last.
pub fn mentions(room: &Room, who: usize, unread_only: bool) -> Vec<u64> {
    let Some(member) = room.members.get(&who) else {
        return Vec::new();
    };
    let read = if unread_only { member.read } else { 0 };
    let said = room.said.iter().zip(1..);
    said.filter(|(said, seq)| *seq > member.floor.max(read) && said.is_for(who, member))
        .map(|(_, seq)| seq)
        .collect()
}

/// The messages with a text that a member may read, the newest last.
pub fn readable(room: &Room, who: usize, text: usize) -> Vec<u64> {
    let Some(member) = room.members.get(&who) else {
        return Vec::new();
    };
    let said = room.said.iter().zip(1..);
    said.filter(|(said, seq)| *seq > member.floor && said.text == Some(text))
        .map(|(_, seq)| seq)
        .collect()
}

/// A message of the model as one of the people sees it.
pub fn said(room: &Room, who: usize, seq: u64) -> (u64, String) {
    let said = &room.said[usize::try_from(seq).unwrap() - 1];
    let mut text = said
        .text
        .map_or("(deleted)", |text| TEXTS[text].text)
        .to_owned();
    text += &format!(" r{} re{}", said.revision, said.reply.unwrap_or_default());
    let names = said.mentions.iter().map(|it| format!(" @{}", NAMES[*it]));
    text.extend(names);
    text += if said.all { " @all" } else { "" };
    (seq, text + &reactions_of(said, who))
}

pub fn reactions_of(said: &Said, who: usize) -> String {
    let mut order: Vec<&str> = Vec::new();
    for (emoji, _) in &said.reactions {
        if !order.contains(emoji) {
            order.push(emoji);
        }
    }
    let count = |emoji: &str| {
        let given = said.reactions.iter().filter(|(it, _)| *it == emoji);
        let mine = said.reactions.contains(&(emoji_of(emoji), who));
        format!(" {emoji}{}{}", given.count(), if mine { "*" } else { "" })
    };
    order.into_iter().map(count).collect()
}

fn emoji_of(text: &str) -> &'static str {
    EMOJI.into_iter().find(|emoji| *emoji == text).unwrap()
}

/// A message of a store in the same words.
pub fn shown(message: &Message) -> String {
    let text = message
        .text
        .as_ref()
        .map_or("(deleted)", |text| text.as_str());
    let reply = message.reply_to.map_or(0, Seq::number);
    let names = message.mentions.users.iter();
    let names: String = names.map(|user| format!(" @{}", user.name)).collect();
    let all = if message.mentions.all { " @all" } else { "" };
    let reactions = words(&message.reactions);
    let revision = message.revision;
    format!("{text} r{revision} re{reply}{names}{all}{reactions}")
}

pub fn words(reactions: &[Reaction]) -> String {
    let word = |it: &Reaction| {
        let mine = if it.mine { "*" } else { "" };
        format!(" {}{}{mine}", it.emoji.as_str(), it.count)
    };
    reactions.iter().map(word).collect()
}

/// What the rules say that a step is answered, and what it makes of the room.
pub fn expect(room: &mut Room, step: &Step, number: u64, people: &[UserRef]) -> Refused<String> {
    let name = |who: &usize| people[*who].name.clone();
    match step {
        Step::Create { .. } => Ok(String::new()),
        Step::Join { who, .. } => {
            if !room.channel {
                return Ok("no channel".to_owned());
            }
            if let Some(member) = room.members.get(who) {
                return Ok(member.role.word().to_owned());
            }
            if room.banned.contains(who) {
                return Err(ActError::Banned);
            }
            let role = if room.members.is_empty() {
                Role::Owner
            } else {
                Role::Member
            };
            room.take_in(*who, role);
            Ok(role.word().to_owned())
        }
        Step::Leave { who, .. } => {
            let member = room.member(*who)?;
            if member.role == Role::Owner && room.owners() == 1 && room.members.len() > 1 {
                return Err(ActError::LastOwner);
            }
            room.members.remove(who);
            Ok("left".to_owned())
        }
        Step::Add { who, whom, .. } => {
            let member = room.member(*who)?;
            if member.role == Role::ReadOnly {
                return Err(ActError::ReadOnly);
            }
            let mut distinct: Vec<usize> = Vec::new();
            for it in whom {
                if !distinct.contains(it) {
                    distinct.push(*it);
                }
            }
            let runs = matches!(member.role, Role::Owner | Role::Admin);
            let stopped = |it: &&usize| !room.members.contains_key(it) && room.banned.contains(it);
            if let Some(banned) = distinct.iter().find(stopped).filter(|_| !runs) {
                return Err(ActError::UserBanned(name(banned)));
            }
            let mut answer = Vec::new();
            for it in distinct {
                if !room.members.contains_key(&it) {
                    room.banned.remove(&it);
                    room.take_in(it, Role::Member);
                }
                answer.push(format!("{} {}", name(&it), room.members[&it].role.word()));
            }
            Ok(answer.join(", "))
        }
        Step::Remove { who, whom, ban, .. } => {
            let by = room.member(*who)?.role;
            if !matches!(by, Role::Owner | Role::Admin) {
                return Err(ActError::RoleTooLow);
            }
            if who == whom {
                let mend = "that is you; leave the conversation instead";
                let invalid =
                    tinychat::domain::invalid::Invalid::new("REMOVES_ONESELF", "user_name", mend);
                return Err(ActError::Invalid(invalid));
            }
            let other = room.members.get(whom).map(|member| member.role);
            if other.is_none() && !ban {
                return Err(ActError::MemberNotFound(name(whom)));
            }
            if by == Role::Admin && matches!(other, Some(Role::Owner | Role::Admin)) {
                return Err(ActError::RoleTooLow);
            }
            if *ban {
                room.banned.insert(*whom);
            }
            room.members.remove(whom);
            Ok("removed".to_owned())
        }
        Step::SetRole {
            who, whom, role, ..
        } => {
            let by = room.member(*who)?.role;
            if !matches!(by, Role::Owner | Role::Admin) {
                return Err(ActError::RoleTooLow);
            }
            let Some(member) = room.members.get(whom).copied() else {
                return Err(ActError::MemberNotFound(name(whom)));
            };
            if member.role == *role {
                return Ok(role.word().to_owned());
            }
            let high = |role: Role| matches!(role, Role::Owner | Role::Admin);
            if by == Role::Admin && (high(member.role) || high(*role)) {
                return Err(ActError::RoleTooLow);
            }
            if member.role == Role::Owner && room.owners() == 1 {
                return Err(ActError::LastOwner);
            }
            room.members.get_mut(whom).unwrap().role = *role;
            Ok(role.word().to_owned())
        }
        Step::Topic { who, topic, .. } => {
            if !matches!(room.member(*who)?.role, Role::Owner | Role::Admin) {
                return Err(ActError::RoleTooLow);
            }
            room.topic = format!("topic {topic}");
            Ok(room.topic.clone())
        }
        Step::Send {
            who, reply, text, ..
        } => {
            let Ok(member) = room.member(*who) else {
                return Ok(format!("{:?}", SendRefusal::NotMember(room.id)));
            };
            if member.role == Role::ReadOnly {
                return Ok(format!("{:?}", SendRefusal::ReadOnly));
            }
            if let Some(seq) = reply.filter(|seq| *seq <= member.floor || *seq > room.last()) {
                return Ok(format!("{:?}", SendRefusal::ReplyToUnknown(Seq::new(seq))));
            }
            let (mentions, all) = room.mentions(*who, *text);
            let memberships = room.members.values().map(|member| member.membership);
            let memberships = memberships.collect();
            room.said.push(Said {
                number,
                sender: *who,
                text: Some(*text),
                reply: *reply,
                revision: 0,
                reactions: Vec::new(),
                mentions,
                all,
                memberships,
            });
            Ok(room.last().to_string())
        }
        Step::Edit { who, seq, text, .. } => {
            room.sees(*who, *seq, true)?;
            let (mentions, all) = room.mentions(*who, *text);
            let message = room.message(*seq);
            if message.sender != *who {
                return Err(ActError::MessageNotYours);
            }
            match message.text {
                None => return Err(ActError::MessageDeleted),
                Some(old) if old == *text => {}
                Some(_) => {
                    message.text = Some(*text);
                    (message.mentions, message.all) = (mentions, all);
                    message.revision += 1;
                }
            }
            Ok(said(room, *who, *seq).1)
        }
        Step::Delete { who, seq, .. } => {
            let role = room.sees(*who, *seq, false)?.role;
            let message = room.message(*seq);
            if message.sender != *who && !matches!(role, Role::Owner | Role::Admin) {
                return Err(ActError::MessageNotYours);
            }
            if message.text.take().is_some() {
                message.revision += 1;
                message.reactions.clear();
                message.mentions.clear();
                message.all = false;
            }
            Ok(said(room, *who, *seq).1)
        }
        Step::React {
            who,
            seq,
            emoji,
            add,
            ..
        } => {
            room.sees(*who, *seq, true)?;
            let message = room.message(*seq);
            if message.text.is_none() {
                return Err(ActError::MessageDeleted);
            }
            let given = (EMOJI[*emoji], *who);
            match (message.reactions.contains(&given), *add) {
                (false, true) => message.reactions.push(given),
                (true, false) => message.reactions.retain(|it| *it != given),
                _ => {}
            }
            Ok(reactions_of(message, *who))
        }
        Step::Read { who, seq, .. } => {
            let last = room.last();
            let Some(member) = room.members.get_mut(who).filter(|_| *seq <= last) else {
                return Ok("refused".to_owned());
            };
            if *seq >= member.read {
                member.read = *seq;
                member.settings.marked_unread = false;
            }
            let member = *member;
            Ok(format!("{} {}", member.read, unread(room, *who, &member)))
        }
        Step::Unread { who, .. } => {
            room.member(*who)?;
            let member = room.members.get_mut(who);
            member.unwrap().settings.marked_unread = true;
            Ok("put aside".to_owned())
        }
        Step::Notify { who, choice, .. } => {
            room.member(*who)?;
            let member = room.members.get_mut(who);
            member.unwrap().settings.notify = notify(*choice);
            Ok("set".to_owned())
        }
    }
}
