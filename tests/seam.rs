//! The seam between replay and live: wherever a device resumes, replay and what is heard after it are the log, with no
//! hole and no repeat.
//!
//! The model is what a store tells its listener: every event with its place and its readers. Histories are random; the
//! seed of each run is printed, and `TINYCHAT_TEST_SEED` runs it again.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

mod world;

use std::{collections::BTreeMap, env, future::Future, time::Duration};

use data_encoding::HEXLOWER;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use tinychat::{
    domain::{
        event::{Event, EventBody, MemberChange, ReadMarker},
        ids::{ConversationId, Offset, Seq, UserId},
    },
    store::ReplayFrom,
};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};
use world::{Copy, Known, PEOPLE, Step, World, steps};

use crate::store_conformance::subject::{self, Subject};

/// Makes the tests of each store; the names are those of the constructors.
macro_rules! seam {
    ($($store:ident),+) => {
        $(mod $store {
            #[test]
            fn resume_at_every_cursor_gives_exactly_what_was_missed() {
                super::at_every_cursor(super::subject::$store);
            }

            #[test]
            fn replay_and_live_meet_without_hole_or_repeat() {
                super::while_others_write(super::subject::$store);
            }
        })+
    };
}

seam! { memory, sqlite }

/// A runner whose seed is printed, and can be given.
pub fn runner(cases: u32) -> TestRunner {
    let seed = match env::var("TINYCHAT_TEST_SEED") {
        Ok(seed) => HEXLOWER.decode(seed.as_bytes()).unwrap(),
        Err(_) => {
            let mut seed = vec![0; 32];
            getrandom::fill(&mut seed).unwrap();
            seed
        }
    };
    println!("TINYCHAT_TEST_SEED={}", HEXLOWER.encode(&seed));
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// What one device got that resumed.
struct Resumed {
    user: UserId,
    from: Offset,
    end: Offset,
    events: Vec<Event>,
}

impl Resumed {
    async fn read(world: &World, who: usize, from: Offset, pause: Duration) -> Self {
        let user = &world.people[who];
        let from_place = ReplayFrom::After(from);
        let mut replay = world.subject.open(user, from_place, None).await;
        let end = replay.end;
        // Whoever is told of this place may resume there at once.
        assert!(end <= world.subject.store.end());
        assert!(from <= end && !replay.first_sync && replay.gaps.is_empty());
        sleep(pause).await;
        Self {
            user: user.id,
            from,
            end,
            events: world.subject.rest(&mut replay).await,
        }
    }

    /// Compares with what was committed: the replay must be exactly what this user missed up to its end, since what is
    /// heard live begins just after that.
    fn check(&self, model: &[(Event, Vec<UserId>)], last: &Last) {
        let context = format!("{} from {:?} to {:?}", self.user, self.from, self.end);
        let mut log = Vec::new();
        let mut rows = BTreeMap::new();
        let mut changed_later = BTreeMap::new();
        for (event, readers) in model {
            if event.offset <= self.from || !readers.contains(&self.user) {
                continue;
            }
            let missed = event.offset <= self.end;
            match &event.body {
                EventBody::ReadMarker(marker) if missed => {
                    rows.insert(key(marker), (event.offset, marker.read_seq));
                }
                EventBody::ReadMarker(marker) => {
                    changed_later.insert(key(marker), event.offset);
                }
                _ if missed => log.push(event),
                _ => {}
            }
        }
        let mut log = log.into_iter().peekable();
        for event in &self.events {
            if let EventBody::ReadMarker(marker) = &event.body {
                let planned = rows.remove(&key(marker));
                let got = Some((event.offset, marker.read_seq));
                let (heard, readers) = &model[event.offset.number() as usize - 1];
                let was_out = !readers.contains(&self.user);
                if was_out || last.is_out_after(&key(marker), self.user, event.offset) {
                    // It is part of the state that a reader finds who comes, and may have moved on while nobody else
                    // was there to be told.
                    assert!(was_out || planned.is_some(), "{context}: {event:?}");
                    let EventBody::ReadMarker(heard) = &heard.body else {
                        panic!("{context}: {event:?}");
                    };
                    assert_eq!(key(marker), key(heard), "{context}");
                    assert!(marker.read_seq >= heard.read_seq, "{context}: {event:?}");
                    continue;
                }
                assert_eq!(got, planned, "{context}: a row once, at its last value");
                continue;
            }
            // A later one of the same sort tells all that this one did: in the replay, or live.
            while log
                .next_if(|it| it.offset < event.offset && last.is_replaced(it))
                .is_some()
            {}
            let missed = log.next();
            let missed = missed.unwrap_or_else(|| panic!("{context}: too much: {event:?}"));
            assert_eq!(event.offset, missed.offset, "{context}: {missed:?}");
            match (&event.body, &missed.body) {
                // It is told as the state of now.
                (EventBody::ConversationChanged(now), EventBody::ConversationChanged(then)) => {
                    assert_eq!((now.id, &now.kind), (then.id, &then.kind), "{context}");
                    assert!(now.last_seq >= then.last_seq, "{context}");
                }
                (EventBody::Message(now), EventBody::Message(then)) if last.touches(now) => {
                    assert_eq!(now.id(), then.id(), "{context}");
                    assert_eq!(now.client_id, then.client_id, "{context}");
                    assert!(now.revision >= then.revision, "{context}");
                }
                (EventBody::MessageEdited(now), EventBody::MessageEdited(then)) => {
                    assert_eq!(now.id(), then.id(), "{context}");
                    assert!(now.revision >= then.revision, "{context}");
                }
                // It was deleted when this was read.
                (EventBody::MessageDeleted(now), EventBody::MessageEdited(then)) => {
                    assert_eq!((now.conversation, now.seq), (then.conversation, then.seq));
                    assert!(last.is_replaced(missed), "{context}: {event:?}");
                }
                (EventBody::ReactionsChanged(now), EventBody::ReactionsChanged(then)) => {
                    assert_eq!((now.conversation, now.seq), (then.conversation, then.seq));
                    assert!(now.act.is_none(), "{context}: {event:?}");
                }
                _ => assert_eq!(event, missed, "{context}"),
            }
        }
        let left = log.find(|it| !last.is_replaced(it));
        assert!(left.is_none(), "{context}: missing: {left:?}");
        // A row may be left out only if it changes again in what is heard live, or is gone.
        rows.retain(|key, (at, _)| {
            !changed_later.contains_key(key) && !last.is_out_after(key, self.user, *at)
        });
        assert!(rows.is_empty(), "{context}: missing rows: {rows:?}");
        self.comes_to_the_same(model, &context);
    }

    /// What the device had, what it got and what it hears from then on come to what it would have had without a break.
    fn comes_to_the_same(&self, model: &[(Event, Vec<UserId>)], context: &str) {
        let heard = model.iter().filter(|it| it.1.contains(&self.user));
        let heard = heard.map(|(event, _)| event);
        let (mut broken, mut whole) = (Copy::default(), Copy::default());
        for event in heard.clone() {
            whole.take(self.user, event);
        }
        let before = heard.clone().filter(|event| event.offset <= self.from);
        let later = heard.filter(|event| event.offset > self.end);
        for event in before.chain(&self.events).chain(later) {
            broken.take(self.user, event);
        }
        assert_eq!(broken, whole, "{context}");
    }
}

/// What is told last of messages and memberships, in all that was committed.
struct Last {
    /// The last edit or deletion (false) and the last change of the reactions (true) of a message.
    acts: BTreeMap<(ConversationId, Seq, bool), Offset>,
    /// Where somebody was taken out last.
    out: BTreeMap<(ConversationId, UserId), Offset>,
}

impl Last {
    fn of(model: &[(Event, Vec<UserId>)]) -> Self {
        let (mut acts, mut out) = (BTreeMap::new(), BTreeMap::new());
        for (event, _) in model {
            if let Some((id, seq, reactions)) = about(event) {
                acts.insert((id, seq, reactions), event.offset);
            }
            match &event.body {
                // It takes the reactions along.
                EventBody::MessageDeleted(it) => {
                    acts.insert((it.conversation, it.seq, true), event.offset);
                }
                EventBody::MemberChanged(it)
                    if !matches!(
                        it.change,
                        MemberChange::Added(_) | MemberChange::Joined(_) | MemberChange::Role(_)
                    ) =>
                {
                    out.insert((it.conversation, it.user.id), event.offset);
                }
                _ => {}
            }
        }
        Self { acts, out }
    }

    /// Whether a later event says what is so now.
    fn is_replaced(&self, event: &Event) -> bool {
        about(event).is_some_and(|about| self.acts[&about] > event.offset)
    }

    /// Whether anything was done to a message.
    fn touches(&self, message: &tinychat::domain::message::Message) -> bool {
        let key = |reactions| (message.conversation, message.seq, reactions);
        [false, true]
            .iter()
            .any(|it| self.acts.contains_key(&key(*it)))
    }

    /// Whether the marker's user or its reader went out after that.
    fn is_out_after(
        &self,
        (id, user): &(ConversationId, UserId),
        reader: UserId,
        at: Offset,
    ) -> bool {
        let out = |user| self.out.get(&(*id, user)).is_some_and(|out| *out > at);
        out(*user) || out(reader)
    }
}

/// The message that an event is about, and whether it is about its reactions.
fn about(event: &Event) -> Option<(ConversationId, Seq, bool)> {
    match &event.body {
        EventBody::MessageEdited(it) => Some((it.conversation, it.seq, false)),
        EventBody::MessageDeleted(it) => Some((it.conversation, it.seq, false)),
        EventBody::ReactionsChanged(it) => Some((it.conversation, it.seq, true)),
        _ => None,
    }
}

fn key(marker: &ReadMarker) -> (ConversationId, UserId) {
    (marker.conversation, marker.user)
}

fn at_every_cursor<F: Future<Output = Subject>>(open: impl Fn() -> F) {
    let runtime = Runtime::new().unwrap();
    let history = |history: Vec<Step>| {
        runtime.block_on(async {
            let world = World::new(open().await).await;
            let mut known = Known::default();
            for (number, step) in history.iter().enumerate() {
                // Some markers come within a second of the last and some do not.
                let at_ms = i64::try_from(number).unwrap() * 350;
                world.step(step, at_ms, &mut known).await;
            }
            let mut resumed = Vec::new();
            for cursor in 0..=world.subject.store.end().number() {
                for who in 0..PEOPLE {
                    let from = Offset::new(cursor);
                    resumed.push(Resumed::read(&world, who, from, Duration::ZERO).await);
                }
            }
            let model = world.model().await;
            assert!(model.iter().all(|(_, readers)| readers.is_sorted()));
            let last = Last::of(&model);
            for resumed in resumed {
                resumed.check(&model, &last);
            }
            unread_is_recounted(&world, &model).await;
        });
        Ok(())
    };
    runner(32).run(&steps(1..50), history).unwrap();
}

/// Unread by the store's arithmetic is unread by the model.
async fn unread_is_recounted(world: &World, model: &[(Event, Vec<UserId>)]) {
    for user in world.people.iter() {
        let mut counts: BTreeMap<ConversationId, (Seq, Vec<(Seq, UserId)>)> = BTreeMap::new();
        let mut last: BTreeMap<ConversationId, Seq> = BTreeMap::new();
        for (event, readers) in model {
            if let EventBody::Message(message) = &event.body {
                last.insert(message.conversation, message.seq);
            }
            match &event.body {
                _ if !readers.contains(&user.id) => {}
                EventBody::Message(message) => {
                    let (_, messages) = counts.entry(message.conversation).or_default();
                    messages.push((message.seq, message.sender.id));
                }
                EventBody::ReadMarker(marker) if marker.user == user.id => {
                    counts.entry(marker.conversation).or_default().0 = marker.read_seq;
                }
                // Whoever comes has read all that was said before.
                EventBody::MemberChanged(it) if it.user.id == user.id => match it.change {
                    MemberChange::Role(_) => {}
                    MemberChange::Added(_) | MemberChange::Joined(_) => {
                        let read = last.get(&it.conversation).copied();
                        let read = (read.unwrap_or(Seq::ZERO), Vec::new());
                        counts.insert(it.conversation, read);
                    }
                    MemberChange::Left | MemberChange::Removed | MemberChange::Banned => {
                        counts.remove(&it.conversation);
                    }
                },
                _ => {}
            }
        }
        for (id, (read_seq, messages)) in counts {
            let unread = messages
                .iter()
                .filter(|(seq, sender)| *seq > read_seq && *sender != user.id);
            let view = world.subject.view(user, id).await.unwrap();
            assert_eq!(view.read.read_seq, read_seq);
            assert_eq!(view.read.unread, unread.count() as u64);
        }
    }
}

fn while_others_write<F: Future<Output = Subject>>(open: impl Fn() -> F) {
    /// Long enough for markers to be shown late: 150 steps of 8 ms are more than a second.
    const STEPS: usize = 150;
    let runtime = Runtime::new().unwrap();
    let histories = proptest::collection::vec(steps(STEPS..STEPS + 1), PEOPLE);
    let history = |histories: Vec<Vec<Step>>| {
        runtime.block_on(async {
            let world = World::new(open().await).await;
            let mut writers = JoinSet::new();
            for history in histories {
                let world = world.clone();
                writers.spawn(async move {
                    let mut known = Known::default();
                    for (number, step) in history.iter().enumerate() {
                        let at_ms = i64::try_from(number).unwrap() * 8;
                        world.step(step, at_ms, &mut known).await;
                        sleep(Duration::from_millis(8)).await;
                    }
                });
            }
            let mut readers = JoinSet::new();
            for who in 0..PEOPLE {
                let world = world.clone();
                readers.spawn(async move {
                    let mut resumed = Vec::new();
                    for turn in 0..300 {
                        let end = world.subject.store.end().number();
                        // From every third of the log, and often from its very end.
                        let from = Offset::new(end * (turn % 4) / 3);
                        let from = from.min(Offset::new(end));
                        let pause = Duration::from_millis(turn % 7);
                        resumed.push(Resumed::read(&world, who, from, pause).await);
                    }
                    resumed
                });
            }
            writers.join_all().await;
            let resumed = readers.join_all().await;
            let model = world.model().await;
            let last = Last::of(&model);
            for resumed in resumed.iter().flatten() {
                resumed.check(&model, &last);
            }
        });
        Ok(())
    };
    runner(4).run(&histories, history).unwrap();
}
