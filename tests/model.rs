//! Groups, channels, acts, mentions and settings against a small reference model: random histories of several people give
//! the same answers from a store and from the model, and whoever resumes at any place gets exactly what the model says was
//! missed.
//!
//! The model is written from the rules, with nothing of a store in it. The seed of each run is printed, and
//! `TINYCHAT_TEST_SEED` runs it again.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod heard;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use proptest::prelude::*;
use tinychat::{
    domain::{
        conversation::{ConversationChange, ConversationKind, HistoryAccess, NewConversation},
        ids::{ConversationId, Offset, Seq},
        message::{Message, Target},
        page::{PageSize, Position, PositionAsked},
        role::Role,
        search::Search,
        user::UserRef,
    },
    store::{ActError, ReplayFrom},
};
use tokio::runtime::Runtime;

use self::{
    heard::Heard,
    rules::{Room, TEXTS, expect, mentions, notify, readable, said, shown, unread, words},
};
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

const NAMES: [&str; 4] = ["ann", "bob", "eve", "dan"];
const PEOPLE: usize = NAMES.len();
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
        text: usize,
    },
    Edit {
        who: usize,
        room: usize,
        seq: u64,
        text: usize,
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
    Unread {
        who: usize,
        room: usize,
    },
    Notify {
        who: usize,
        room: usize,
        choice: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..PEOPLE;
    let room = || 0..4_usize;
    let seq = || 0..8_u64;
    let text = || 0..TEXTS.len();
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
        12 => (who(), room(), prop::option::weighted(0.3, seq()), text())
            .prop_map(|(who, room, reply, text)| Step::Send { who, room, reply, text }),
        5 => (who(), room(), seq(), text())
            .prop_map(|(who, room, seq, text)| Step::Edit { who, room, seq, text }),
        2 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Delete { who, room, seq }),
        5 => (who(), room(), seq(), 0..EMOJI.len(), any::<bool>())
            .prop_map(|(who, room, seq, emoji, add)| Step::React { who, room, seq, emoji, add }),
        3 => (who(), room(), seq()).prop_map(|(who, room, seq)| Step::Read { who, room, seq }),
        2 => (who(), room()).prop_map(|(who, room)| Step::Unread { who, room }),
        2 => (who(), room(), 0..3_usize)
            .prop_map(|(who, room, choice)| Step::Notify { who, room, choice }),
    ]
}

/// The people, their store, and the model beside it.
struct World {
    subject: Subject,
    people: Vec<UserRef>,
    rooms: Vec<Room>,
    made: usize,
    /// How many steps were done.
    steps: u64,
}

type Refused<T = ()> = Result<T, ActError>;

impl World {
    async fn new(subject: Subject) -> Self {
        let mut people = Vec::new();
        for name in NAMES {
            people.push(subject.user(name).await);
        }
        let (rooms, made) = (Vec::new(), 0);
        Self {
            subject,
            people,
            rooms,
            made,
            steps: 0,
        }
    }

    fn names(&self, whom: &[usize]) -> Vec<tinychat::domain::name::UserName> {
        whom.iter()
            .map(|it| self.people[*it].name.clone())
            .collect()
    }

    /// Does a step in the store and in the model, and compares the answers.
    async fn step(&mut self, step: &Step) {
        self.steps += 1;
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
            | Step::Read { room, .. }
            | Step::Unread { room, .. }
            | Step::Notify { room, .. } => *room,
        };
        if room >= self.rooms.len() {
            return;
        }
        let mut room_now = self.rooms[room].clone();
        let got = self.act(&room_now, step).await;
        let expected = expect(&mut room_now, step, self.steps, &self.people);
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
            memberships: 0,
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
            Step::Send {
                who, reply, text, ..
            } => {
                let text = TEXTS[*text].text;
                let mut message = new(&user(who), Target::Conversation(id), text);
                message.request.reply_to = reply.map(Seq::new);
                Ok(match self.subject.try_send(message).await {
                    Ok(sent) => sent.seq.number().to_string(),
                    Err(refusal) => format!("{refusal:?}"),
                })
            }
            Step::Edit { who, seq, text, .. } => {
                let text = TEXTS[*text].text.parse().unwrap();
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
            Step::Unread { who, .. } => {
                store.mark_unread(self.people[*who].id, id).await?;
                Ok("put aside".to_owned())
            }
            Step::Notify { who, choice, .. } => {
                let set = store.set_notify(self.people[*who].id, id, notify(*choice));
                set.await?;
                Ok("set".to_owned())
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
                PositionAsked::At(Position::Newest),
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
            let called = mentions(room, who, true).len();
            assert_eq!(view.mentions, called as u64, "mentions of {}", user.name);
            assert_eq!(view.settings, member.settings);
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

impl World {
    /// What each of the people finds, by search and among the mentions, is what the model says.
    async fn find(&self) {
        for (who, user) in self.people.iter().enumerate() {
            for unread_only in [false, true] {
                let expected = self.newest_first(who, |room| mentions(room, who, unread_only));
                for size in [2, 500] {
                    let found = self.mentions(user, unread_only, size).await;
                    assert_eq!(found, expected, "{} unread {unread_only}", user.name);
                }
            }
            for (text, query, size) in [(0, "firs", 3), (3, "dan Eve", 2), (4, "\"bob ann\"", 500)]
            {
                let expected = self.newest_first(who, |room| readable(room, who, text));
                let found = self.search(user, query, size).await;
                assert_eq!(found, expected, "{} looks for {query}", user.name);
            }
        }
    }

    /// Messages of all rooms, in the order in which lists give them, as one of the people sees them.
    fn newest_first(&self, who: usize, of: impl Fn(&Room) -> Vec<u64>) -> Vec<Line> {
        let mut lines = Vec::new();
        for room in &self.rooms {
            for seq in of(room) {
                let number = room.said[usize::try_from(seq).unwrap() - 1].number;
                let (_, shown) = said(room, who, seq);
                lines.push((number, (room.id, seq, shown)));
            }
        }
        lines.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        lines.into_iter().map(|(_, line)| line).collect()
    }

    async fn mentions(&self, user: &UserRef, unread_only: bool, size: u32) -> Vec<Line> {
        let (mut lines, mut before) = (Vec::new(), None);
        loop {
            let size = PageSize::asked(size);
            let page = self
                .subject
                .store
                .list_mentions(user.id, unread_only, before, size);
            let page = page.await.unwrap();
            lines.extend(page.items.iter().map(line));
            before = page.next;
            if before.is_none() {
                return lines;
            }
        }
    }

    async fn search(&self, user: &UserRef, query: &str, size: u32) -> Vec<Line> {
        let search = Search {
            query: query.parse().unwrap(),
            conversation: None,
            sender: None,
            after: None,
            before: None,
        };
        let (mut lines, mut before) = (Vec::new(), None);
        loop {
            let size = PageSize::asked(size);
            let page = self
                .subject
                .store
                .search(user.id, search.clone(), before, size);
            let page = page.await.unwrap();
            lines.extend(page.items.iter().map(|hit| line(&hit.message)));
            before = page.next;
            if before.is_none() {
                return lines;
            }
        }
    }
}

/// A message in a list: where it stands, and what is seen of it.
type Line = (ConversationId, u64, String);

fn line(message: &Message) -> Line {
    (message.conversation, message.seq.number(), shown(message))
}

fn history(all: bool) -> HistoryAccess {
    match all {
        true => HistoryAccess::All,
        false => HistoryAccess::SinceJoin,
    }
}

fn histories<F: Future<Output = Subject>>(open: impl Fn() -> F) {
    let runtime = Runtime::new().unwrap();
    let run = |steps: Vec<Step>| {
        runtime.block_on(async {
            let mut world = World::new(open().await).await;
            for step in &steps {
                world.step(step).await;
            }
            world.find().await;
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
