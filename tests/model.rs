//! Groups, channels and conversations between two, acts, mentions, settings and blocks against a small reference model:
//! random histories of several people give the same answers from a store and from the model, and whoever resumes at any
//! place gets exactly what the model says was missed.
//!
//! The model is written from the rules, with nothing of a store in it: `same_as_model` asks the real server the same. The
//! seed of each run is printed, and `TINYCHAT_TEST_SEED` runs it again.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod heard;
pub mod rules;
pub mod steps;
pub mod words;

use std::future::Future;

use tinychat::{
    domain::{
        conversation::{ConversationChange, ConversationKind, HistoryAccess, NewConversation},
        event::EventBody,
        ids::{ConversationId, Offset, Seq},
        message::{Message, Target},
        page::{PageSize, Position, PositionAsked},
        search::Search,
        user::UserRef,
    },
    store::ReplayFrom,
};
use tokio::runtime::Runtime;

use self::{
    heard::Heard,
    rules::{Model, Place, Room, topic_of},
    steps::{EMOJI, PEOPLE, Step, TEXTS, notify, step},
    words::{Answer, reactions, shown},
};
use crate::{
    seam,
    store_conformance::subject::{self, NOON, Subject, new, text, to},
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

const NAMES: [&str; PEOPLE] = ["ann", "bob", "eve", "dan"];

/// The people's store, and the model beside it.
struct World {
    subject: Subject,
    model: Model,
}

impl World {
    async fn new(subject: Subject) -> Self {
        let mut people = Vec::new();
        for name in NAMES {
            people.push(subject.user(name).await);
        }
        let model = Model::new(people, "");
        Self { subject, model }
    }

    /// Does a step in the store and in the model, and compares the answers, what is told to one user alone, and what
    /// each of the people sees of the room then.
    async fn step(&mut self, step: &Step) {
        if !self.model.can(step) {
            return;
        }
        let (end, rooms) = (self.subject.store.end(), self.model.rooms.len());
        let (got, id) = self.act(step).await;
        let expected = self.model.step(step);
        assert_eq!(got, expected, "{step:?}");
        let told = self.subject.events_after(end).await.into_iter();
        let told = told.filter_map(|(event, readers)| match event.body {
            body @ (EventBody::SettingsChanged(_) | EventBody::BlocksChanged(_)) => {
                Some((body, readers))
            }
            _ => None,
        });
        let told: Vec<_> = told.collect();
        let due = self.model.told.iter().cloned();
        let due: Vec<_> = due.map(|(body, user)| (body, vec![user])).collect();
        assert_eq!(told, due, "{step:?}");

        if self.model.rooms.len() > rooms {
            self.model.rooms[rooms].id = id.unwrap();
            self.look(rooms).await;
        } else if let Some(room) = self.model.room_of(step) {
            self.look(room).await;
        } else {
            for room in 0..rooms {
                self.look(room).await;
            }
        }
    }

    /// What the store answers, in few words, and the conversation in which something is said or that is made.
    async fn act(&self, step: &Step) -> (Answer, Option<ConversationId>) {
        match step {
            Step::Create {
                who,
                channel,
                all,
                with,
            } => self.create(*who, *channel, *all, with).await,
            Step::Direct { who, peer, text } => {
                let target = to(&self.model.people[*peer]);
                self.say(*who, target, None, *text).await
            }
            Step::Send {
                who, reply, text, ..
            } => {
                let target = Target::Conversation(self.room(step).id);
                self.say(*who, target, *reply, *text).await
            }
            Step::Block { who, whom, on } => (self.block(*who, *whom, *on).await, None),
            step => (self.act_in(self.room(step), step).await, None),
        }
    }

    fn room(&self, step: &Step) -> &Room {
        &self.model.rooms[self.model.room_of(step).unwrap()]
    }

    async fn create(
        &self,
        who: usize,
        channel: bool,
        all: bool,
        with: &[usize],
    ) -> (Answer, Option<ConversationId>) {
        let name = self.model.next_name();
        let made = NewConversation {
            kind: match channel {
                true => ConversationKind::Channel(name.parse().unwrap()),
                false => ConversationKind::Group(name.parse().unwrap()),
            },
            topic: "".parse().unwrap(),
            history: match all {
                true => HistoryAccess::All,
                false => HistoryAccess::SinceJoin,
            },
            members: self.model.names(with),
        };
        let owner = self.model.people[who].clone();
        match self
            .subject
            .store
            .create_conversation(owner, made, NOON)
            .await
        {
            Ok(view) => (Ok("made".to_owned()), Some(view.conversation.id)),
            Err(refusal) => (Err(refusal.into()), None),
        }
    }

    async fn say(
        &self,
        who: usize,
        target: Target,
        reply: Option<u64>,
        text: usize,
    ) -> (Answer, Option<ConversationId>) {
        let people = &self.model.people;
        let mut message = new(&people[who], target, &TEXTS[text].among(people));
        message.request.reply_to = reply.map(Seq::new);
        match self.subject.try_send(message).await {
            Ok(sent) => (Ok(sent.seq.number().to_string()), Some(sent.conversation)),
            Err(refusal) => (Err(refusal.into()), None),
        }
    }

    async fn block(&self, who: usize, whom: usize, on: bool) -> Answer {
        let (store, people) = (&self.subject.store, &self.model.people);
        let (user, name) = (people[who].id, people[whom].name.clone());
        let other = match on {
            true => store.block_user(user, name, NOON).await?,
            false => store.unblock_user(user, name).await?,
        };
        assert_eq!(other, people[whom]);
        assert_eq!(
            store.blocked(user).await.unwrap().contains(&other),
            on,
            "{who} and {whom}"
        );
        Ok("so it is".to_owned())
    }

    /// The same for what is done in a room.
    async fn act_in(&self, room: &Room, step: &Step) -> Answer {
        let (store, people, id) = (&self.subject.store, &self.model.people, room.id);
        let user = people[step.who()].clone();
        let named = |who: &usize| people[*who].name.clone();
        Ok(match step {
            Step::Create { .. } | Step::Direct { .. } | Step::Send { .. } | Step::Block { .. } => {
                panic!("it is done elsewhere")
            }
            Step::Join { .. } => {
                let channel = room.name.parse().unwrap();
                let view = store.join_channel(user, channel, NOON).await?;
                view.role.word().to_owned()
            }
            Step::Leave { .. } => {
                store.leave_conversation(user, id).await?;
                "left".to_owned()
            }
            Step::Add { whom, .. } => {
                let names = self.model.names(whom);
                let members = store.add_members(user, id, names, NOON).await?;
                let words = members
                    .iter()
                    .map(|it| format!("{} {}", it.user.name, it.role.unwrap().word()));
                words.collect::<Vec<_>>().join(", ")
            }
            Step::Remove { whom, ban, .. } => {
                let removed = store.remove_member(user, id, named(whom), *ban, NOON);
                removed.await?;
                "removed".to_owned()
            }
            Step::SetRole { whom, role, .. } => {
                let set = store.set_role(user, id, named(whom), *role).await?;
                set.role.unwrap().word().to_owned()
            }
            Step::Topic { topic, .. } => {
                let change = ConversationChange {
                    topic: Some(topic_of(*topic).parse().unwrap()),
                    ..ConversationChange::default()
                };
                let view = store.update_conversation(user, id, change).await?;
                view.conversation.topic.as_str().to_owned()
            }
            Step::Edit { seq, text: new, .. } => {
                let new = text(&TEXTS[*new].among(people));
                let edited = store.edit_message(user, id, Seq::new(*seq), new);
                shown(&edited.await?)
            }
            Step::Delete { seq, .. } => {
                let deleted = store.delete_message(user, id, Seq::new(*seq));
                shown(&deleted.await?)
            }
            Step::React {
                seq, emoji, add, ..
            } => {
                let emoji = EMOJI[*emoji].parse().unwrap();
                let given = store.react(user, id, Seq::new(*seq), emoji, *add);
                reactions(&given.await?)
            }
            Step::Read { seq, .. } => {
                let read = store.mark_read(user.id, id, Seq::new(*seq), NOON);
                let state = read.await?;
                format!("{} {}", state.read_seq.number(), state.unread)
            }
            Step::Unread { .. } => {
                store.mark_unread(user.id, id).await?;
                "set".to_owned()
            }
            Step::Notify { choice, .. } => {
                store.set_notify(user.id, id, notify(*choice)).await?;
                "set".to_owned()
            }
        })
    }

    /// What each of the people sees of a room is what the model says.
    async fn look(&self, room: usize) {
        let room = &self.model.rooms[room];
        for (who, user) in self.model.people.iter().enumerate() {
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
            assert_eq!(view.read.unread, room.unread(who));
            let called = self.model.mentions(room, who, true).len();
            assert_eq!(view.mentions, called as u64, "mentions of {}", user.name);
            assert_eq!(view.settings, member.settings);
            assert_eq!(page.floor.number(), member.floor);
            let expected = self.model.history(room, who);
            let got = page.messages.iter().map(|it| (it.seq.number(), shown(it)));
            assert_eq!(got.collect::<Vec<_>>(), expected);
            let last = view.last_message.map(|it| (it.seq.number(), shown(&it)));
            assert_eq!(last, expected.last().cloned());
        }
    }
}

impl World {
    /// What each of the people finds, by search and among the mentions, is what the model says.
    async fn find(&self) {
        for (who, user) in self.model.people.iter().enumerate() {
            for unread_only in [false, true] {
                let mentions = |room: &Room| self.model.mentions(room, who, unread_only);
                let expected = self.model.newest_first(who, mentions);
                for size in [2, 500] {
                    let found = self.mentions(user, unread_only, size).await;
                    assert_eq!(found, expected, "{} unread {unread_only}", user.name);
                }
            }
            for (text, query, size) in [(0, "firs", 3), (3, "dan Eve", 2), (4, "\"bob ann\"", 500)]
            {
                let expected = self
                    .model
                    .newest_first(who, |room| room.readable(who, text));
                let found = self.search(user, query, size).await;
                assert_eq!(found, expected, "{} looks for {query}", user.name);
            }
        }
    }

    async fn mentions(&self, user: &UserRef, unread_only: bool, size: u32) -> Vec<Place> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let size = PageSize::asked(size);
            let store = &self.subject.store;
            let page = store.list_mentions(user.id, unread_only, before, size);
            let page = page.await.unwrap();
            found.extend(page.items.iter().map(|message| self.place(message)));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    }

    async fn search(&self, user: &UserRef, query: &str, size: u32) -> Vec<Place> {
        let search = Search {
            query: query.parse().unwrap(),
            conversation: None,
            sender: None,
            after: None,
            before: None,
        };
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let size = PageSize::asked(size);
            let store = &self.subject.store;
            let page = store.search(user.id, search.clone(), before, size);
            let page = page.await.unwrap();
            found.extend(page.items.iter().map(|hit| self.place(&hit.message)));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    }

    /// Where a message of the store stands, and what is seen of it.
    fn place(&self, message: &Message) -> Place {
        let mut rooms = self.model.rooms.iter();
        let room = rooms.position(|room| room.id == message.conversation);
        (room.unwrap(), message.seq.number(), shown(message))
    }

    /// A device that begins is told whom its user blocks, if that is anybody.
    async fn begin(&self) {
        for (who, user) in self.model.people.iter().enumerate() {
            let events = self.subject.replay(user, ReplayFrom::Unread).await;
            let lists = events.into_iter().filter_map(|event| match event.body {
                EventBody::BlocksChanged(list) => Some(list),
                _ => None,
            });
            let due = Some(self.model.blocked(who)).filter(|list| !list.is_empty());
            assert_eq!(lists.collect::<Vec<_>>(), Vec::from_iter(due));
        }
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
            world.begin().await;
            let log = world.subject.events_after(Offset::ZERO).await;
            let heard = Heard { log: &log };
            let end = world.subject.store.end().number();
            // Every place in the first and last ones, and some between.
            for cursor in (0..=end).filter(|it| it % 3 == 0 || *it + 4 > end) {
                let from = Offset::new(cursor);
                for (who, user) in world.model.people.iter().enumerate() {
                    let replayed = world.subject.replay(user, ReplayFrom::After(from)).await;
                    heard.check(&world.model, who, from, &replayed);
                }
            }
        });
        Ok(())
    };
    let cases = if crate::support::long() { 20_000 } else { 200 };
    let steps = proptest::collection::vec(step(), 1..60);
    seam::runner(cases).run(&steps, run).unwrap();
}
