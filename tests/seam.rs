//! The seam between replay and live: wherever a device resumes, replay and what is heard after it are the log, with no
//! hole and no repeat.
//!
//! The model is what a store tells its listener: every event with its place and its readers. Histories are random; the
//! seed of each run is printed, and `TINYCHAT_TEST_SEED` runs it again.

#![expect(clippy::unwrap_used, reason = "a test says no by panicking")]

use std::{collections::BTreeMap, env, future::Future, sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use tinychat::{
    domain::{
        event::{Event, EventBody, ReadMarker},
        ids::{ConversationId, Offset, Seq, UserId},
        user::UserRef,
    },
    store::ReplayFrom,
};
use tokio::{runtime::Runtime, task::JoinSet, time::sleep};

use crate::store_conformance::subject::{self, Subject, after, new, to};

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

const PEOPLE: usize = 3;

/// Something that one of the people does.
#[derive(Clone, Debug)]
enum Step {
    /// One commit with messages from one to another, who may be the same.
    Send(Vec<(usize, usize)>),
    Start(usize, usize),
    /// Moves a marker to a part of the conversation, in percent.
    Read(usize, usize, u64),
}

fn steps(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let pair = || (0..PEOPLE, 0..PEOPLE);
    let step = prop_oneof![
        4 => proptest::collection::vec(pair(), 1..4).prop_map(Step::Send),
        1 => pair().prop_map(|(who, peer)| Step::Start(who, peer)),
        4 => (pair(), 0..=100_u64).prop_map(|((who, peer), part)| Step::Read(who, peer, part)),
    ];
    proptest::collection::vec(step, length)
}

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

/// The people and their store.
#[derive(Clone)]
struct World {
    subject: Subject,
    people: Arc<[UserRef]>,
}

impl World {
    async fn new(subject: Subject) -> Self {
        let mut people = Vec::new();
        for name in ["ann", "bob", "eve"] {
            people.push(subject.user(name).await);
        }
        Self {
            subject,
            people: people.into(),
        }
    }

    /// Does a step at a time. `known` are the conversations that the caller has come across.
    async fn step(
        &self,
        step: &Step,
        at_ms: i64,
        known: &mut BTreeMap<(usize, usize), ConversationId>,
    ) {
        match step {
            Step::Send(pairs) => {
                let message = |(who, peer): &(usize, usize)| {
                    new(&self.people[*who], to(&self.people[*peer]), "x")
                };
                let messages = pairs.iter().map(message).collect();
                let answers = self.subject.store.append(messages).await.unwrap();
                for ((who, peer), answer) in pairs.iter().zip(answers) {
                    let conversation = answer.unwrap().conversation;
                    known.insert((*who, *peer), conversation);
                    known.insert((*peer, *who), conversation);
                }
            }
            Step::Start(who, peer) => {
                let (user, peer_ref) = (&self.people[*who], &self.people[*peer]);
                let view = self.subject.start(user, peer_ref).await;
                known.insert((*who, *peer), view.conversation.id);
            }
            Step::Read(who, peer, part) => {
                let Some(id) = known.get(&(*who, *peer)) else {
                    return;
                };
                let user = &self.people[*who];
                let view = self.subject.view(user, *id).await.unwrap();
                let seq = view.conversation.last_seq.number() * part / 100;
                self.subject.read(user, *id, seq, after(at_ms)).await;
            }
        }
    }

    /// Everything that was committed so far, in the order in which it was heard.
    async fn model(&self) -> Vec<(Event, Vec<UserId>)> {
        let model = self.subject.events_after(Offset::ZERO).await;
        let offsets = model.iter().map(|(event, _)| event.offset.number());
        assert!(
            offsets.eq(1..=model.len() as u64),
            "heard without hole or repeat"
        );
        model
    }
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
    fn check(&self, model: &[(Event, Vec<UserId>)]) {
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
        let mut log = log.into_iter();
        for event in &self.events {
            if let EventBody::ReadMarker(marker) = &event.body {
                let planned = rows.remove(&key(marker));
                let got = Some((event.offset, marker.read_seq));
                assert_eq!(got, planned, "{context}: a row once, at its last value");
                continue;
            }
            let missed = log.next();
            let missed = missed.unwrap_or_else(|| panic!("{context}: too much: {event:?}"));
            match (&event.body, &missed.body) {
                // It is told as the state of now.
                (EventBody::ConversationChanged(now), EventBody::ConversationChanged(then)) => {
                    assert_eq!(event.offset, missed.offset, "{context}");
                    assert_eq!((now.id, &now.kind), (then.id, &then.kind), "{context}");
                    assert!(now.last_seq >= then.last_seq, "{context}");
                }
                _ => assert_eq!(event, missed, "{context}"),
            }
        }
        let left = log.next();
        assert!(left.is_none(), "{context}: missing: {left:?}");
        // A row may be left out only if it changes again in what is heard live.
        rows.retain(|key, _| !changed_later.contains_key(key));
        assert!(rows.is_empty(), "{context}: missing rows: {rows:?}");
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
            let mut known = BTreeMap::new();
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
            for resumed in resumed {
                resumed.check(&model);
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
        for (event, readers) in model {
            match &event.body {
                _ if !readers.contains(&user.id) => {}
                EventBody::Message(message) => {
                    let (_, messages) = counts.entry(message.conversation).or_default();
                    messages.push((message.seq, message.sender.id));
                }
                EventBody::ReadMarker(marker) if marker.user == user.id => {
                    counts.entry(marker.conversation).or_default().0 = marker.read_seq;
                }
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
                    let mut known = BTreeMap::new();
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
            for resumed in resumed.iter().flatten() {
                resumed.check(&model);
            }
        });
        Ok(())
    };
    runner(4).run(&histories, history).unwrap();
}
