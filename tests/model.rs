//! Groups, channels and acts against a small reference model: random histories of several people give the same answers
//! from a store and from the model, and whoever resumes at any place gets exactly what the model says was missed.
//!
//! The model is written from the rules, with nothing of a store in it. The seed of each run is printed, and
//! `TINYCHAT_TEST_SEED` runs it again.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use proptest::prelude::*;
use tinychat::{
    domain::{
        conversation::{ConversationChange, ConversationKind, HistoryAccess, NewConversation},
        event::{Event, EventBody},
        ids::{ConversationId, Offset, Seq, UserId},
        message::{Message, Target},
        page::{PageSize, Position},
        reaction::Reaction,
        role::Role,
        user::UserRef,
    },
    store::{ActError, ReplayFrom, SendRefusal},
};
use tokio::runtime::Runtime;

use crate::{
    seam,
    store_conformance::subject::{self, NOON, Subject, new},
};

/// Makes the tests of each store; the names are those of the constructors.
macro_rules! model {
    ($($store:ident),+) => {
        $(mod $store {
            #[test]
            fn random_histories_are_answered_as_by_the_model() {
                super::histories(super::subject::$store);
            }
        })+
    };
}

model! { memory, sqlite }

const PEOPLE: usize = 4;
const EMOJI: [&str; 3] = ["👍", "🎉", "+1"];

/// Something that one of the people does, in one of the rooms that were made so far.
#[derive(Clone, Debug)]
enum Step {
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

fn step() -> impl Strategy<Value = Step> {
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
struct Said {
    sender: usize,
    text: Option<String>,
    reply: Option<u64>,
    revision: u64,
    /// In the order in which they were given.
    reactions: Vec<(&'static str, usize)>,
}

/// A member as the model has it.
#[derive(Clone, Copy, Debug)]
struct In {
    role: Role,
    floor: u64,
    read: u64,
}

/// A group or channel as the model has it.
#[derive(Clone, Debug)]
struct Room {
    id: ConversationId,
    channel: bool,
    all: bool,
    topic: String,
    members: BTreeMap<usize, In>,
    banned: BTreeSet<usize>,
    said: Vec<Said>,
}

impl Room {
    fn last(&self) -> u64 {
        self.said.len() as u64
    }

    fn take_in(&mut self, who: usize, role: Role) {
        let floor = if self.all { 0 } else { self.last() };
        let read = self.last();
        self.members.insert(who, In { role, floor, read });
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

    fn message(&mut self, seq: u64) -> &mut Said {
        &mut self.said[usize::try_from(seq).unwrap() - 1]
    }
}

/// The people, their store, and the model beside it.
struct World {
    subject: Subject,
    people: Vec<UserRef>,
    rooms: Vec<Room>,
    made: usize,
}

type Refused<T = ()> = Result<T, ActError>;

impl World {
    async fn new(subject: Subject) -> Self {
        let mut people = Vec::new();
        for name in ["ann", "bob", "eve", "dan"] {
            people.push(subject.user(name).await);
        }
        let (rooms, made) = (Vec::new(), 0);
        Self {
            subject,
            people,
            rooms,
            made,
        }
    }

    fn names(&self, whom: &[usize]) -> Vec<tinychat::domain::name::UserName> {
        whom.iter()
            .map(|it| self.people[*it].name.clone())
            .collect()
    }

    /// Does a step in the store and in the model, and compares the answers.
    async fn step(&mut self, step: &Step) {
        if let Step::Create {
            who,
            channel,
            all,
            with,
        } = step
        {
            return self.create(*who, *channel, *all, with).await;
        }
        let room = match step {
            Step::Create { .. } => return,
            Step::Join { room, .. }
            | Step::Leave { room, .. }
            | Step::Add { room, .. }
            | Step::Remove { room, .. }
            | Step::SetRole { room, .. }
            | Step::Topic { room, .. }
            | Step::Send { room, .. }
            | Step::Edit { room, .. }
            | Step::Delete { room, .. }
            | Step::React { room, .. }
            | Step::Read { room, .. } => *room,
        };
        if room >= self.rooms.len() {
            return;
        }
        let mut room_now = self.rooms[room].clone();
        let got = self.act(&room_now, step).await;
        let expected = expect(&mut room_now, step, &self.people);
        assert_eq!(got, expected, "{step:?}");
        self.rooms[room] = room_now;
        self.look(room).await;
    }

    async fn create(&mut self, who: usize, channel: bool, all: bool, with: &[usize]) {
        self.made += 1;
        let name = format!("room{}", self.made);
        let kind = match channel {
            true => ConversationKind::Channel(name.parse().unwrap()),
            false => ConversationKind::Group(name.parse().unwrap()),
        };
        let made = NewConversation {
            kind,
            topic: "".parse().unwrap(),
            history: history(all),
            members: self.names(with),
        };
        let owner = self.people[who].clone();
        let view = self.subject.store.create_conversation(owner, made, NOON);
        let view = view.await.unwrap();
        let mut room = Room {
            id: view.conversation.id,
            channel,
            all,
            topic: String::new(),
            members: BTreeMap::new(),
            banned: BTreeSet::new(),
            said: Vec::new(),
        };
        for member in with {
            room.take_in(*member, Role::Member);
        }
        room.take_in(who, Role::Owner);
        self.rooms.push(room);
        self.look(self.rooms.len() - 1).await;
    }

    /// What the store answers, in few words.
    async fn act(&self, room: &Room, step: &Step) -> Refused<String> {
        let (store, id) = (&self.subject.store, room.id);
        let user = |who: &usize| self.people[*who].clone();
        let name = |who: &usize| self.people[*who].name.clone();
        match step {
            Step::Create { .. } => Ok(String::new()),
            Step::Join { who, .. } => {
                let view = store.conversation(self.people[0].id, id).await.unwrap();
                drop(view);
                let Some(channel) = self.channel_of(id).await else {
                    return Ok("no channel".to_owned());
                };
                let view = store.join_channel(user(who), channel, NOON).await?;
                Ok(view.role.word().to_owned())
            }
            Step::Leave { who, .. } => {
                store.leave_conversation(user(who), id).await?;
                Ok("left".to_owned())
            }
            Step::Add { who, whom, .. } => {
                let names = self.names(whom);
                let members = store.add_members(user(who), id, names, NOON).await?;
                let words = members
                    .iter()
                    .map(|it| format!("{} {}", it.user.name, it.role.unwrap().word()));
                Ok(words.collect::<Vec<_>>().join(", "))
            }
            Step::Remove { who, whom, ban, .. } => {
                let removed = store.remove_member(user(who), id, name(whom), *ban, NOON);
                removed.await?;
                Ok("removed".to_owned())
            }
            Step::SetRole {
                who, whom, role, ..
            } => {
                let set = store.set_role(user(who), id, name(whom), *role).await?;
                Ok(set.role.unwrap().word().to_owned())
            }
            Step::Topic { who, topic, .. } => {
                let change = ConversationChange {
                    topic: Some(format!("topic {topic}").parse().unwrap()),
                    ..ConversationChange::default()
                };
                let view = store.update_conversation(user(who), id, change).await?;
                Ok(view.conversation.topic.as_str().to_owned())
            }
            Step::Send { who, reply, .. } => {
                let mut message = new(&user(who), Target::Conversation(id), "first");
                message.request.reply_to = reply.map(Seq::new);
                Ok(match self.subject.try_send(message).await {
                    Ok(sent) => sent.seq.number().to_string(),
                    Err(refusal) => format!("{refusal:?}"),
                })
            }
            Step::Edit { who, seq, text, .. } => {
                let text = format!("text {text}").parse().unwrap();
                let edited = store
                    .edit_message(user(who), id, Seq::new(*seq), text)
                    .await?;
                Ok(shown(&edited))
            }
            Step::Delete { who, seq, .. } => {
                let deleted = store.delete_message(user(who), id, Seq::new(*seq)).await?;
                Ok(shown(&deleted))
            }
            Step::React {
                who,
                seq,
                emoji,
                add,
                ..
            } => {
                let emoji = EMOJI[*emoji].parse().unwrap();
                let reactions = store
                    .react(user(who), id, Seq::new(*seq), emoji, *add)
                    .await?;
                Ok(words(&reactions))
            }
            Step::Read { who, seq, .. } => {
                let read = store.mark_read(self.people[*who].id, id, Seq::new(*seq), NOON);
                Ok(match read.await {
                    Ok(state) => format!("{} {}", state.read_seq.number(), state.unread),
                    Err(_) => "refused".to_owned(),
                })
            }
        }
    }

    async fn channel_of(&self, id: ConversationId) -> Option<tinychat::domain::name::ChannelName> {
        let size = PageSize::asked(500);
        let page = self
            .subject
            .store
            .list_channels(self.people[0].id, String::new(), None, size);
        let channels = page.await.unwrap().channels.into_iter();
        channels
            .map(|(channel, _)| channel)
            .find_map(|channel| match channel.kind {
                ConversationKind::Channel(name) if channel.id == id => Some(name),
                _ => None,
            })
    }

    /// What each of the people sees of a room is what the model says.
    async fn look(&self, room: usize) {
        let room = &self.rooms[room];
        for (who, user) in self.people.iter().enumerate() {
            let view = self.subject.view(user, room.id).await;
            let page = self.subject.store.list_messages(
                user.id,
                room.id,
                Position::Newest,
                PageSize::asked(500),
            );
            let page = page.await.unwrap();
            let Some(member) = room.members.get(&who) else {
                assert!(
                    view.is_none() && page.is_none(),
                    "{} is no member",
                    user.name
                );
                continue;
            };
            let (view, page) = (view.unwrap(), page.unwrap());
            assert_eq!(view.role, member.role);
            assert_eq!(view.conversation.members_count, room.members.len() as u64);
            assert_eq!(view.conversation.topic.as_str(), room.topic);
            assert_eq!(view.read.read_seq.number(), member.read);
            assert_eq!(view.read.unread, unread(room, who, member));
            assert_eq!(page.floor.number(), member.floor);
            let expected = (member.floor + 1..=room.last()).map(|seq| said(room, who, seq));
            let got = page.messages.iter().map(|it| (it.seq.number(), shown(it)));
            assert_eq!(got.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
            let last = view.last_message.map(|it| (it.seq.number(), shown(&it)));
            let visible = room.last() > member.floor;
            assert_eq!(last, visible.then(|| said(room, who, room.last())));
        }
    }
}

fn history(all: bool) -> HistoryAccess {
    match all {
        true => HistoryAccess::All,
        false => HistoryAccess::SinceJoin,
    }
}

/// What others sent after the marker, counted one by one.
fn unread(room: &Room, who: usize, member: &In) -> u64 {
    let after = room
        .said
        .iter()
        .zip(1..)
        .filter(|(_, seq)| *seq > member.read);
    after.filter(|(said, _)| said.sender != who).count() as u64
}

/// A message of the model as one of the people sees it.
fn said(room: &Room, who: usize, seq: u64) -> (u64, String) {
    let said = &room.said[usize::try_from(seq).unwrap() - 1];
    let mut text = said.text.clone().unwrap_or_else(|| "(deleted)".to_owned());
    text += &format!(" r{} re{}", said.revision, said.reply.unwrap_or_default());
    (seq, text + &reactions_of(said, who))
}

fn reactions_of(said: &Said, who: usize) -> String {
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
fn shown(message: &Message) -> String {
    let text = message
        .text
        .as_ref()
        .map_or("(deleted)", |text| text.as_str());
    let reply = message.reply_to.map_or(0, Seq::number);
    format!(
        "{text} r{} re{reply}{}",
        message.revision,
        words(&message.reactions)
    )
}

fn words(reactions: &[Reaction]) -> String {
    let word = |it: &Reaction| {
        let mine = if it.mine { "*" } else { "" };
        format!(" {}{}{mine}", it.emoji.as_str(), it.count)
    };
    reactions.iter().map(word).collect()
}

/// What the rules say that a step is answered, and what it makes of the room.
fn expect(room: &mut Room, step: &Step, people: &[UserRef]) -> Refused<String> {
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

/// The message that an event is about.
fn about(event: &Event) -> Option<(ConversationId, Seq, bool)> {
    match &event.body {
        EventBody::MessageEdited(it) => Some((it.conversation, it.seq, false)),
        EventBody::MessageDeleted(it) => Some((it.conversation, it.seq, false)),
        EventBody::ReactionsChanged(it) => Some((it.conversation, it.seq, true)),
        _ => None,
    }
}

/// What everybody heard, for what is asked of a replay.
struct Heard<'a> {
    log: &'a [(Event, Vec<UserId>)],
}

impl Heard<'_> {
    /// The last edit or deletion of a message, or the last change of its reactions, wherever it stands. A deletion takes
    /// the reactions along.
    fn last_about(&self, id: ConversationId, seq: Seq, reactions: bool) -> Option<Offset> {
        let mut last = None;
        for (event, _) in self.log {
            let Some((_, _, is_reaction)) = about(event).filter(|it| (it.0, it.1) == (id, seq))
            else {
                continue;
            };
            if is_reaction == reactions {
                last = Some(event.offset);
            } else if reactions && matches!(event.body, EventBody::MessageDeleted(_)) {
                last = None;
            }
        }
        last
    }

    /// Checks a replay of one user from one place.
    fn check(&self, world: &World, who: usize, from: Offset, replayed: &[Event]) {
        let user = world.people[who].id;
        let missed = self.log.iter().filter(|(event, readers)| {
            event.offset > from && readers.contains(&user) && self.still_there(event)
        });
        let mut missed = missed.map(|(event, _)| event);
        for event in replayed.iter().filter(|it| !is_marker(it)) {
            let context = format!("user {who} from {from:?}: {event:?}");
            let expected = missed.next();
            let expected = expected.unwrap_or_else(|| panic!("{context}: too much"));
            assert_eq!(event.offset, expected.offset, "{context}, not {expected:?}");
            self.same(world, who, event, expected, &context);
        }
        let left = missed.next();
        assert!(left.is_none(), "user {who} from {from:?}: missing {left:?}");
    }

    fn still_there(&self, event: &Event) -> bool {
        !is_marker(event)
            && about(event).is_none_or(|(id, seq, reactions)| {
                self.last_about(id, seq, reactions) == Some(event.offset)
            })
    }

    fn same(&self, world: &World, who: usize, event: &Event, then: &Event, context: &str) {
        let room = |id| world.rooms.iter().find(|room| room.id == id).unwrap();
        match (&event.body, &then.body) {
            (EventBody::Message(now), EventBody::Message(then)) => {
                let room = room(now.conversation);
                let (_, full) = said(room, who, now.seq.number());
                let ended = self.left(world, who, now.conversation, event.offset);
                let changed_later = |reactions| {
                    let last = self.last_about(now.conversation, now.seq, reactions);
                    ended.zip(last).is_some_and(|(left, last)| last > left)
                };
                let got = shown(now);
                match (changed_later(false), changed_later(true)) {
                    (true, _) => {
                        assert!(now.text.is_none() && now.reactions.is_empty(), "{context}")
                    }
                    (false, true) => assert!(now.reactions.is_empty(), "{context}"),
                    (false, false) => assert_eq!(got, full, "{context}"),
                }
                assert_eq!(now.sender, then.sender, "{context}");
            }
            (EventBody::ConversationChanged(now), EventBody::ConversationChanged(then)) => {
                assert_eq!((now.id, &now.kind), (then.id, &then.kind), "{context}");
                let is_member = room(now.id).members.contains_key(&who);
                let topic = match is_member {
                    true => room(now.id).topic.as_str(),
                    false => then.topic.as_str(),
                };
                assert_eq!(now.topic.as_str(), topic, "{context}");
            }
            (EventBody::ReactionsChanged(now), EventBody::ReactionsChanged(_)) => {
                let said =
                    &room(now.conversation).said[usize::try_from(now.seq.number()).unwrap() - 1];
                assert_eq!(words(&now.reactions), reactions_of(said, who), "{context}");
                assert!(now.act.is_none(), "{context}");
            }
            _ => assert_eq!(event, then, "{context}"),
        }
    }

    /// Where the membership in which somebody read this ended, if it did.
    fn left(
        &self,
        world: &World,
        who: usize,
        id: ConversationId,
        offset: Offset,
    ) -> Option<Offset> {
        use tinychat::domain::event::MemberChange::{Banned, Left, Removed};
        let user = world.people[who].id;
        let ends = self.log.iter().filter_map(|(event, _)| match &event.body {
            EventBody::MemberChanged(it)
                if it.conversation == id
                    && it.user.id == user
                    && matches!(it.change, Left | Removed | Banned) =>
            {
                Some(event.offset)
            }
            _ => None,
        });
        ends.into_iter().find(|end| *end >= offset)
    }
}

fn is_marker(event: &Event) -> bool {
    matches!(event.body, EventBody::ReadMarker(_))
}

fn histories<F: Future<Output = Subject>>(open: impl Fn() -> F) {
    let runtime = Runtime::new().unwrap();
    let run = |steps: Vec<Step>| {
        runtime.block_on(async {
            let mut world = World::new(open().await).await;
            for step in &steps {
                world.step(step).await;
            }
            let log = world.subject.events_after(Offset::ZERO).await;
            let heard = Heard { log: &log };
            let end = world.subject.store.end().number();
            // Every place in the first and last ones, and some between.
            for cursor in (0..=end).filter(|it| it % 3 == 0 || *it + 4 > end) {
                let from = Offset::new(cursor);
                for who in 0..PEOPLE {
                    let user = &world.people[who];
                    let replayed = world.subject.replay(user, ReplayFrom::After(from)).await;
                    heard.check(&world, who, from, &replayed);
                }
            }
        });
        Ok(())
    };
    let cases = if crate::support::long() { 20_000 } else { 200 };
    let steps = proptest::collection::vec(step(), 1..60);
    seam::runner(cases).run(&steps, run).unwrap();
}
