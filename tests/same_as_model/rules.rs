//! The rules of groups and channels as a small model: what one of the people is answered, and what it makes of the room.
//! There is nothing of a store and nothing of the wire in it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tinychat::{
    domain::{
        ids::{ConversationId, Seq},
        role::Role,
        user::UserRef,
    },
    store::{ActError, SendRefusal},
};

pub const PEOPLE: usize = 4;
pub const EMOJI: [&str; 3] = ["👍", "🎉", "+1"];

/// Something that one of the people does, in one of the rooms that were made so far.
#[derive(Clone, Debug)]
pub enum Step {
    Create {
        who: usize,
        channel: bool,
        all: bool,
        with: Vec<usize>,
    },
    Join {
        who: usize,
        room: usize,
    },
    Leave {
        who: usize,
        room: usize,
    },
    Add {
        who: usize,
        room: usize,
        whom: Vec<usize>,
    },
    Remove {
        who: usize,
        room: usize,
        whom: usize,
        ban: bool,
    },
    SetRole {
        who: usize,
        room: usize,
        whom: usize,
        role: Role,
    },
    Topic {
        who: usize,
        room: usize,
        topic: u8,
    },
    Send {
        who: usize,
        room: usize,
        reply: Option<u64>,
    },
    Edit {
        who: usize,
        room: usize,
        seq: u64,
        text: u8,
    },
    Delete {
        who: usize,
        room: usize,
        seq: u64,
    },
    React {
        who: usize,
        room: usize,
        seq: u64,
        emoji: usize,
        add: bool,
    },
    Read {
        who: usize,
        room: usize,
        seq: u64,
    },
}

impl Step {
    /// The room that it is about; none: it makes one.
    pub fn room(&self) -> Option<usize> {
        match self {
            Self::Create { .. } => None,
            Self::Join { room, .. }
            | Self::Leave { room, .. }
            | Self::Add { room, .. }
            | Self::Remove { room, .. }
            | Self::SetRole { room, .. }
            | Self::Topic { room, .. }
            | Self::Send { room, .. }
            | Self::Edit { room, .. }
            | Self::Delete { room, .. }
            | Self::React { room, .. }
            | Self::Read { room, .. } => Some(*room),
        }
    }

    /// Who does it.
    pub fn who(&self) -> usize {
        match self {
            Self::Create { who, .. }
            | Self::Join { who, .. }
            | Self::Leave { who, .. }
            | Self::Add { who, .. }
            | Self::Remove { who, .. }
            | Self::SetRole { who, .. }
            | Self::Topic { who, .. }
            | Self::Send { who, .. }
            | Self::Edit { who, .. }
            | Self::Delete { who, .. }
            | Self::React { who, .. }
            | Self::Read { who, .. } => *who,
        }
    }
}

pub fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PEOPLE;
    let room = || 0..4_usize;
    let seq = || 0..8_u64;
    let some = || proptest::collection::vec(0..PEOPLE, 0..3);
    let role = prop::sample::select(Role::ALL.to_vec());
    prop_oneof![
        2 => (who(), any::<bool>(), any::<bool>(), some())
            .prop_map(|(who, channel, all, with)| Step::Create { who, channel, all, with }),
        3 => (who(), room()).prop_map(|(who, room)| Step::Join { who, room }),
        2 => (who(), room()).prop_map(|(who, room)| Step::Leave { who, room }),
        3 => (who(), room(), some()).prop_map(|(who, room, whom)| Step::Add { who, room, whom }),
        2 => (who(), room(), who(), any::<bool>())
            .prop_map(|(who, room, whom, ban)| Step::Remove { who, room, whom, ban }),
        3 => (who(), room(), who(), role)
            .prop_map(|(who, room, whom, role)| Step::SetRole { who, room, whom, role }),
        1 => (who(), room(), 0..2_u8).prop_map(|(who, room, topic)| Step::Topic { who, room, topic }),
        12 => (who(), room(), prop::option::weighted(0.3, seq()))
            .prop_map(|(who, room, reply)| Step::Send { who, room, reply }),
        5 => (who(), room(), seq(), 0..3_u8)
            .prop_map(|(who, room, seq, text)| Step::Edit { who, room, seq, text }),
        2 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Delete { who, room, seq }),
        5 => (who(), room(), seq(), 0..EMOJI.len(), any::<bool>())
            .prop_map(|(who, room, seq, emoji, add)| Step::React { who, room, seq, emoji, add }),
        3 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Read { who, room, seq }),
    ]
}

/// A message as the model has it.
#[derive(Clone, Debug)]
pub struct Said {
    pub sender: usize,
    pub text: Option<String>,
    pub reply: Option<u64>,
    pub revision: u64,
    /// In the order in which they were given.
    pub reactions: Vec<(&'static str, usize)>,
}

/// A member as the model has it.
#[derive(Clone, Copy, Debug)]
pub struct In {
    pub role: Role,
    pub floor: u64,
    /// Where the conversation stood when the membership began.
    pub since: u64,
    pub read: u64,
}

/// A group or channel as the model has it.
#[derive(Clone, Debug)]
pub struct Room {
    pub id: ConversationId,
    pub channel: bool,
    pub all: bool,
    pub topic: String,
    pub members: BTreeMap<usize, In>,
    pub banned: BTreeSet<usize>,
    pub said: Vec<Said>,
}

impl Room {
    /// One in which nobody is yet.
    pub fn new(id: ConversationId, channel: bool, all: bool) -> Self {
        Self {
            id,
            channel,
            all,
            topic: String::new(),
            members: BTreeMap::new(),
            banned: BTreeSet::new(),
            said: Vec::new(),
        }
    }

    pub fn last(&self) -> u64 {
        self.said.len() as u64
    }

    pub fn take_in(&mut self, who: usize, role: Role) {
        let floor = if self.all { 0 } else { self.last() };
        let (since, read) = (self.last(), self.last());
        let member = In {
            role,
            floor,
            since,
            read,
        };
        self.members.insert(who, member);
    }

    pub fn owners(&self) -> usize {
        let owners = self.members.values();
        owners.filter(|member| member.role == Role::Owner).count()
    }

    pub fn member(&self, who: usize) -> Result<In, ActError> {
        let found = self.members.get(&who).copied();
        found.ok_or(ActError::NotMember(self.id))
    }

    pub fn sees(&self, who: usize, seq: u64, must_speak: bool) -> Result<In, ActError> {
        let member = self.member(who)?;
        if must_speak && member.role == Role::ReadOnly {
            return Err(ActError::ReadOnly);
        }
        if seq <= member.floor || seq > self.last() {
            return Err(ActError::MessageNotFound(Seq::new(seq)));
        }
        Ok(member)
    }

    pub fn message(&mut self, seq: u64) -> &mut Said {
        &mut self.said[usize::try_from(seq).unwrap() - 1]
    }
}

pub type Refused<T = ()> = Result<T, ActError>;

/// What others sent after the marker, counted one by one.
pub fn unread(room: &Room, who: usize, member: &In) -> u64 {
    let after = room
        .said
        .iter()
        .zip(1..)
        .filter(|(_, seq)| *seq > member.read);
    after.filter(|(said, _)| said.sender != who).count() as u64
}

/// A message of the model as one of the people sees it.
pub fn said(room: &Room, who: usize, seq: u64) -> (u64, String) {
    let said = &room.said[usize::try_from(seq).unwrap() - 1];
    let mut text = said.text.clone().unwrap_or_else(|| "(deleted)".to_owned());
    text += &format!(" r{} re{}", said.revision, said.reply.unwrap_or_default());
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

pub fn emoji_of(text: &str) -> &'static str {
    EMOJI.into_iter().find(|emoji| *emoji == text).unwrap()
}

/// What the rules say that a step is answered, and what it makes of the room.
pub fn expect(room: &mut Room, step: &Step, people: &[UserRef]) -> Refused<String> {
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
        Step::Send { who, reply, .. } => {
            let Ok(member) = room.member(*who) else {
                return Ok(format!("{:?}", SendRefusal::NotMember(room.id)));
            };
            if member.role == Role::ReadOnly {
                return Ok(format!("{:?}", SendRefusal::ReadOnly));
            }
            if let Some(seq) = reply.filter(|seq| *seq <= member.floor || *seq > room.last()) {
                return Ok(format!("{:?}", SendRefusal::ReplyToUnknown(Seq::new(seq))));
            }
            room.said.push(Said {
                sender: *who,
                text: Some("first".to_owned()),
                reply: *reply,
                revision: 0,
                reactions: Vec::new(),
            });
            Ok(room.last().to_string())
        }
        Step::Edit { who, seq, text, .. } => {
            room.sees(*who, *seq, true)?;
            let message = room.message(*seq);
            if message.sender != *who {
                return Err(ActError::MessageNotYours);
            }
            let new = format!("text {text}");
            match &message.text {
                None => return Err(ActError::MessageDeleted),
                Some(old) if *old == new => {}
                Some(_) => {
                    message.text = Some(new);
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
            member.read = member.read.max(*seq);
            let member = *member;
            Ok(format!("{} {}", member.read, unread(room, *who, &member)))
        }
    }
}
