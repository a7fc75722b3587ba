//! Presence and typing without a server: beats are made by hand, and sessions are pulled when a test says so.

use futures_util::FutureExt as _;
use prost::Message as _;

use super::*;
use crate::{
    domain::{
        clock::{ManualClock, TimeMs},
        conversation::{ConversationKind, HistoryAccess, NewConversation},
        ids::ConversationId,
        user::UserRef,
    },
    pb::{self, Welcome, event::Body},
    store::{AuthMode, ReplayFrom, memory::MemoryStore},
};

/// A hub over a store with users called `user0`, `user1` and so on.
struct World {
    hub: Arc<Hub>,
    users: Vec<UserRef>,
    groups: usize,
}

impl World {
    async fn of(users: usize) -> Self {
        let store = Arc::new(MemoryStore::open(AuthMode::Trust, Arc::new(|_| {})));
        let mut all = Vec::new();
        for number in 0..users {
            let name = format!("user{number}").parse().unwrap();
            let user = store.create_user(name, None, TimeMs::new(0)).await;
            all.push(user.unwrap().to_ref());
        }
        Self {
            hub: Hub::new(store, Arc::new(ManualClock::at(TimeMs::new(0)))),
            users: all,
            groups: 0,
        }
    }

    fn id(&self, user: usize) -> UserId {
        self.users[user].id
    }

    /// Makes a group of users.
    async fn group(&mut self, users: &[usize]) -> ConversationId {
        self.groups += 1;
        let name = |user: &usize| self.users[*user].name.clone();
        let new = NewConversation {
            kind: ConversationKind::Group(format!("group {}", self.groups).parse().unwrap()),
            topic: "".parse().unwrap(),
            history: HistoryAccess::SinceJoin,
            members: users[1..].iter().map(name).collect(),
        };
        let owner = self.users[users[0]].clone();
        let store = &self.hub.store;
        let made = store.create_conversation(owner, new, TimeMs::new(0)).await;
        made.unwrap().conversation.id
    }

    /// A stream of a device that has caught up, and has asked what there is to ask.
    async fn live(&self, user: usize, device: u64, ephemeral: bool) -> Session {
        let opening = Opening {
            welcome: Welcome::default(),
            reset: None,
            from: ReplayFrom::Unread,
            backlog_max: None,
            ephemeral,
            leaving: CancellationToken::new(),
            expires: None,
        };
        let mut session = self.hub.open(self.id(user), DeviceId::new(device), opening);
        while !matches!(
            session.next().await,
            Next::Frame {
                caught_up: true,
                ..
            }
        ) {}
        assert_eq!(self.came(&mut session), [""; 0]);
        session
    }

    /// What has come to a session, in words.
    fn came(&self, session: &mut Session) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(Next::Frame { runs, .. }) = session.next().now_or_never() {
            let frame = pb::SubscribeResponse::decode(runs.concat().as_slice()).unwrap();
            for event in frame.events {
                assert_eq!(event.cursor, "");
                words.push(match event.body.unwrap() {
                    Body::Presence(it) => {
                        let user = self
                            .users
                            .iter()
                            .find(|user| user.id.to_string() == it.user_id);
                        let word = it.presence().as_str_name().replace("PRESENCE_", "");
                        format!("{} {word}", user.unwrap().name)
                    }
                    Body::Typing(it) => format!("{} types {}", it.user.unwrap().name, it.typing),
                    other => format!("{other:?}"),
                });
            }
        }
        words
    }

    /// Two beats: what changed before is told with the second at the latest.
    async fn beats(&self) {
        self.hub.beat().await;
        self.hub.beat().await;
    }

    fn type_to(&self, user: usize, typist: usize, typing: bool) {
        let (typist, to) = (self.users[typist].clone(), [self.id(user)]);
        let conversation = ConversationId::new(1);
        self.hub.tell_typing(conversation, typist, typing, &to);
    }
}

#[tokio::test]
async fn presence_is_folded_over_devices_and_what_one_said_ends_with_its_streams() {
    let world = World::of(1).await;
    let user = world.id(0);
    let say = |device, presence| world.hub.say(user, DeviceId::new(device), presence);
    assert_eq!(world.hub.presence(user), Presence::Offline);
    assert_eq!(say(1, Presence::Away), None, "no stream");
    let first = world.live(0, 1, false).await;
    let again = world.live(0, 1, false).await;
    assert_eq!(say(2, Presence::Away), None, "no stream of this device");
    assert_eq!(say(1, Presence::Away), Some(Presence::Away));
    let second = world.live(0, 2, false).await;
    assert_eq!(world.hub.presence(user), Presence::Online);
    assert_eq!(say(2, Presence::Away), Some(Presence::Away));
    let not_now = Presence::DoNotDisturb;
    assert_eq!(say(1, not_now), Some(not_now));
    assert_eq!(say(2, Presence::Online), Some(not_now), "it outweighs");
    assert_eq!(world.hub.presences(), HashMap::from([(user, not_now)]));
    drop(first);
    assert_eq!(world.hub.presence(user), not_now, "it has one more stream");
    drop(again);
    assert_eq!(world.hub.presence(user), Presence::Online);
    let again = world.live(0, 1, false).await;
    assert_eq!(
        say(2, Presence::Away),
        Some(Presence::Online),
        "it came back"
    );
    drop((again, second));
    assert_eq!(world.hub.presence(user), Presence::Offline);
    let everybody = world.hub.everybody();
    assert!(everybody.said.is_empty() && !everybody.has_news());
}

#[tokio::test]
async fn fellows_are_told_what_still_differs_a_beat_later() {
    let mut world = World::of(3).await;
    world.group(&[0, 1]).await;
    let mut asked = world.live(1, 11, true).await;
    let mut did_not_ask = world.live(1, 12, false).await;
    let mut stranger = world.live(2, 21, true).await;
    world.beats().await;
    let nothing = [""; 0];
    assert_eq!(world.came(&mut asked), nothing, "the other is offline");

    let stream = world.live(0, 1, false).await;
    world.hub.beat().await;
    assert_eq!(world.came(&mut asked), nothing, "too young");
    world.hub.beat().await;
    assert_eq!(world.came(&mut asked), ["user0 ONLINE"]);
    // Gone and back, away and back: no news, however the beats fall.
    drop(stream);
    world.hub.beat().await;
    let stream = world.live(0, 1, false).await;
    world.beats().await;
    let say = |presence| world.hub.say(world.id(0), DeviceId::new(1), presence);
    say(Presence::Away).unwrap();
    say(Presence::Online).unwrap();
    world.beats().await;
    assert_eq!(world.came(&mut asked), nothing);
    // The last state only.
    say(Presence::DoNotDisturb).unwrap();
    say(Presence::Away).unwrap();
    world.beats().await;
    assert_eq!(world.came(&mut asked), ["user0 AWAY"]);
    drop(stream);
    world.beats().await;
    assert_eq!(world.came(&mut asked), ["user0 OFFLINE"]);
    assert_eq!(world.came(&mut did_not_ask), nothing);
    assert_eq!(world.came(&mut stranger), nothing);
    assert!(!world.hub.everybody().has_news());
}

#[tokio::test]
async fn who_comes_is_told_what_was_told_last_and_then_what_changes() {
    let mut world = World::of(4).await;
    world.group(&[0, 1, 2, 3]).await;
    let mut first = world.live(1, 11, true).await;
    let _away = world.live(3, 31, false).await;
    world
        .hub
        .say(world.id(3), DeviceId::new(31), Presence::Away);
    world.beats().await;
    assert_eq!(world.came(&mut first), ["user3 AWAY"]);

    let stream = world.live(0, 1, false).await;
    let mut second = world.live(2, 21, true).await;
    world.hub.beat().await;
    let told = ["user1 ONLINE", "user3 AWAY"];
    assert_eq!(world.came(&mut second), told, "user0 is no news yet");
    world.hub.beat().await;
    assert_eq!(world.came(&mut second), ["user0 ONLINE"]);
    assert_eq!(world.came(&mut first), ["user0 ONLINE", "user2 ONLINE"]);
    // One who came and went before it was told is passed over.
    let another = world.live(1, 12, true).await;
    drop((stream, another));
    world.beats().await;
    assert_eq!(world.came(&mut second), ["user0 OFFLINE"]);
}

#[tokio::test]
async fn a_beat_tells_256_changes_and_the_next_one_the_rest() {
    let mut world = World::of(300).await;
    for begin in [1, 100, 199] {
        let members: Vec<usize> = [0].into_iter().chain(begin..begin + 99).collect();
        world.group(&members).await;
    }
    let mut asked = world.live(0, 1_000, true).await;
    world.beats().await;
    let mut streams = Vec::new();
    for user in 1..298 {
        streams.push(world.live(user, user as u64, false).await);
    }
    world.hub.beat().await;
    let mut came = Vec::new();
    for due in [256, 41, 0] {
        world.hub.beat().await;
        let now = world.came(&mut asked);
        assert_eq!(now.len(), due);
        came.extend(now);
    }
    let due: Vec<String> = (1..298).map(|user| format!("user{user} ONLINE")).collect();
    assert_eq!(came, due, "in the order in which they came");
    // One that comes now hears of all at once.
    let mut another = world.live(0, 1_001, true).await;
    world.hub.beat().await;
    assert_eq!(world.came(&mut another), due);
}

#[tokio::test]
async fn a_flood_of_typing_leaves_the_ring_alone() {
    let mut world = World::of(2).await;
    world.group(&[0, 1]).await;
    let mut session = world.live(1, 11, true).await;
    let mut did_not_ask = world.live(1, 12, false).await;
    let ring = world.hub.everybody().users[&world.id(1)].ring.clone();
    let mut commit = pb::SubscribeResponse::default();
    commit.events.push(pb::Event {
        cursor: String::new(),
        body: Some(Body::CaughtUp(pb::CaughtUp {})),
    });
    for number in 0..RING_COMMITS as u64 {
        for _ in 0..1_000 {
            world.type_to(1, 0, true);
        }
        // Only the ring has it.
        let runs = Arc::from([Bytes::from(commit.encode_to_vec())]);
        let last = Offset::new(1_000 + number);
        ring.send(Item::Events { last, runs }).unwrap();
    }
    let words = world.came(&mut session);
    let commits = words.iter().filter(|word| word.starts_with("CaughtUp"));
    assert_eq!(commits.count(), RING_COMMITS);
    assert_eq!(words.len(), RING_COMMITS + 64, "the newest that fit");
    assert_eq!(world.came(&mut did_not_ask).len(), RING_COMMITS);
}

#[tokio::test]
async fn whoever_lags_loses_what_is_not_stored_and_is_told_anew() {
    let mut world = World::of(2).await;
    world.group(&[0, 1]).await;
    let _stream = world.live(0, 1, false).await;
    let mut session = world.live(1, 11, true).await;
    world.hub.beat().await;
    assert_eq!(world.came(&mut session), ["user0 ONLINE"]);
    world.type_to(1, 0, true);
    world.type_to(1, 0, false);
    let due = ["user0 types true", "user0 types false"];
    assert_eq!(world.came(&mut session), due);

    world.type_to(1, 0, true);
    world.hub.look();
    assert_eq!(world.came(&mut session), [""; 0]);
    world.type_to(1, 0, true);
    assert_eq!(world.came(&mut session), ["user0 types true"]);
    world.hub.beat().await;
    assert_eq!(world.came(&mut session), ["user0 ONLINE"]);
}
