//! Presence and typing without a server: beats are made by hand, and sessions are pulled when a test says so.

use futures_util::FutureExt as _;
use prost::Message as _;

use super::{presence::FELLOWS_TOLD_MAX, *};
use crate::{
    domain::{
        clock::{ManualClock, TimeMs},
        commit::Commit,
        conversation::{ConversationKind, HistoryAccess, NewConversation},
        event::Ephemeral,
        ids::ConversationId,
        message::{NewMessage, SendRequest, Target},
        user::UserRef,
    },
    pb::{self, Welcome, event::Body},
    store::{AuthMode, ReplayFrom, memory::MemoryStore},
};

/// A hub over a store with users called `user0`, `user1` and so on.
pub(super) struct World {
    pub hub: Arc<Hub>,
    pub users: Vec<UserRef>,
    commits: Arc<Mutex<Vec<Commit>>>,
    groups: usize,
}

impl World {
    pub async fn of(users: usize) -> Self {
        let commits: Arc<Mutex<Vec<Commit>>> = Arc::default();
        let heard = Arc::clone(&commits);
        let on_commit = Arc::new(move |commit| heard.lock().unwrap().push(commit));
        let store = Arc::new(MemoryStore::open(AuthMode::Trust, on_commit));
        let mut all = Vec::new();
        for number in 0..users {
            let name = format!("user{number}").parse().unwrap();
            let user = store.create_user(name, None, TimeMs::new(0)).await;
            all.push(user.unwrap().to_ref());
        }
        Self {
            hub: Hub::new(store, Arc::new(ManualClock::at(TimeMs::new(0)))),
            users: all,
            commits,
            groups: 0,
        }
    }

    pub fn id(&self, user: usize) -> UserId {
        self.users[user].id
    }

    /// Makes a group of users.
    pub async fn group(&mut self, users: &[usize]) -> ConversationId {
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
    pub async fn live(&self, user: usize, device: u64, ephemeral: bool) -> Session {
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
    pub fn came(&self, session: &mut Session) -> Vec<String> {
        let mut words = Vec::new();
        let name = |id: &str| {
            let mut users = self.users.iter();
            users
                .find(|user| user.id.to_string() == id)
                .unwrap()
                .name
                .to_string()
        };
        while let Some(Next::Frame { runs, .. }) = session.next().now_or_never() {
            let frame = pb::SubscribeResponse::decode(runs.concat().as_slice()).unwrap();
            for event in frame.events {
                // What is stored comes to one who reads the store again.
                if matches!(event.body, Some(Body::BlocksChanged(_))) {
                    continue;
                }
                assert_eq!(event.cursor, "");
                words.push(match event.body.unwrap() {
                    Body::Presence(it) => {
                        let word = it.presence().as_str_name().replace("PRESENCE_", "");
                        format!("{} {word}", name(&it.user_id))
                    }
                    Body::Delivered(it) => {
                        let (place, seq) = (it.conversation_id, it.delivered_seq);
                        format!("{} has {seq} of {place}", name(&it.user_id))
                    }
                    Body::Typing(it) => format!("{} types {}", it.user.unwrap().name, it.typing),
                    other => format!("{other:?}"),
                });
            }
        }
        words
    }

    /// Two beats: what changed before is told with the second at the latest.
    pub async fn beats(&self) {
        self.hub.beat().await;
        self.hub.beat().await;
    }

    /// The hub hears what was committed since it did last.
    fn hear(&self) {
        let commits = std::mem::take(&mut *self.commits.lock().unwrap());
        let of = |commit| self.hub.note_new_fellows(commit);
        commits.iter().for_each(of);
    }

    /// Sends a message to a user.
    async fn send(&self, from: usize, to: usize) {
        let message = NewMessage {
            sender: self.users[from].clone(),
            client_id: "0198f0a0-0000-7000-8000-000000000000".parse().unwrap(),
            request: SendRequest {
                target: Target::User(self.users[to].name.clone()),
                text: "hello".parse().unwrap(),
                reply_to: None,
                attachments: Vec::new(),
            },
            sent: TimeMs::new(0),
        };
        let sent = self.hub.store.append(vec![message]).await.unwrap();
        sent.into_iter().for_each(|sent| assert!(sent.is_ok()));
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

#[tokio::test]
async fn whoever_went_while_a_session_lagged_is_told_to_be_offline() {
    let mut world = World::of(3).await;
    world.group(&[0, 1, 2]).await;
    let mut streams = vec![world.live(0, 1, false).await];
    let mut session = world.live(1, 11, true).await;
    let mut another = world.live(1, 12, true).await;
    world.hub.beat().await;
    assert_eq!(world.came(&mut session), ["user0 ONLINE"]);
    world.came(&mut another);
    // It falls behind with what has not come to it yet.
    streams.clear();
    world.beats().await;
    world.hub.look();
    assert_eq!(world.came(&mut session), [""; 0]);
    assert_eq!(world.came(&mut another), [""; 0]);
    // One that comes now is not told who is offline.
    let mut new = world.live(1, 13, true).await;
    world.hub.beat().await;
    let due = ["user0 OFFLINE", "user2 OFFLINE"];
    assert_eq!(world.came(&mut session), due);
    assert_eq!(world.came(&mut another), due);
    assert_eq!(world.came(&mut new), [""; 0]);
    streams.push(world.live(2, 21, false).await);
    world.beats().await;
    for session in [&mut session, &mut another, &mut new] {
        assert_eq!(world.came(session), ["user2 ONLINE"]);
    }
}

#[tokio::test]
async fn a_session_is_told_of_4_096_fellows_and_first_of_those_who_are_here() {
    let mut world = World::of(2).await;
    world.group(&[0, 1]).await;
    let _stream = world.live(1, 11, false).await;
    let strangers = (1_000..9_000).map(UserId::new);
    let fellows = || strangers.clone().chain([world.id(1)]).collect();
    let here = Ephemeral::Presence(world.id(1), Presence::Online);
    let everybody = world.hub.everybody();
    let told = everybody.told_of(fellows(), false);
    assert_eq!(told, [vec![here.clone()], Vec::new()]);
    let [told, offline] = everybody.told_of(fellows(), true);
    assert_eq!((told, offline.len()), (vec![here], FELLOWS_TOLD_MAX - 1));
}

#[tokio::test]
async fn two_who_part_are_offline_to_each_other_until_they_meet() {
    let mut world = World::of(3).await;
    world.group(&[0, 1, 2]).await;
    let (ann, bob) = (world.id(0), world.id(1));
    let mut sessions = [
        world.live(0, 1, true).await,
        world.live(1, 11, true).await,
        world.live(2, 21, true).await,
    ];
    world.beats().await;
    for session in &mut sessions {
        assert_eq!(world.came(session).len(), 2);
    }
    let name = world.users[1].name.clone();
    let store = &world.hub.store;
    store
        .block_user(ann, name.clone(), TimeMs::new(0))
        .await
        .unwrap();
    world.hub.part(ann, bob);
    let parted = [vec!["user1 OFFLINE"], vec!["user0 OFFLINE"], vec![]];
    for (session, due) in sessions.iter_mut().zip(&parted) {
        assert_eq!(world.came(session), *due);
    }
    // Nothing more between them; and whoever lags is told the same anew.
    let say = |user, device, presence| world.hub.say(user, DeviceId::new(device), presence);
    say(ann, 1, Presence::Away).unwrap();
    say(bob, 11, Presence::DoNotDisturb).unwrap();
    world.beats().await;
    let due = ["user0 AWAY", "user1 DO_NOT_DISTURB"];
    assert_eq!(world.came(&mut sessions[2]), due);
    for session in &mut sessions[..2] {
        assert_eq!(world.came(session), [""; 0]);
    }
    world.hub.look();
    for session in &mut sessions {
        assert_eq!(world.came(session), [""; 0]);
    }
    world.hub.beat().await;
    let told = [
        vec!["user1 OFFLINE", "user2 ONLINE"],
        vec!["user0 OFFLINE", "user2 ONLINE"],
        due.to_vec(),
    ];
    for (session, due) in sessions.iter_mut().zip(&told) {
        assert_eq!(world.came(session), *due);
    }

    store.unblock_user(ann, name).await.unwrap();
    world.hub.meet(ann, bob);
    let met = [vec!["user1 DO_NOT_DISTURB"], vec!["user0 AWAY"], vec![]];
    for (session, due) in sessions.iter_mut().zip(&met) {
        assert_eq!(world.came(session), *due);
    }
    // One who has asked is told what is so after it, not before.
    let mut new = world.live(0, 2, true).await;
    world.hub.part(ann, bob);
    store
        .block_user(bob, world.users[0].name.clone(), TimeMs::new(0))
        .await
        .unwrap();
    assert_eq!(world.came(&mut new), [""; 0]);
    world.hub.beat().await;
    assert_eq!(world.came(&mut new), ["user2 ONLINE"]);
}

#[tokio::test]
async fn what_a_beat_has_read_is_not_told_between_those_who_part_meanwhile() {
    let world = World::of(3).await;
    let [ann, bob, eve] = [0, 1, 2].map(|user| world.id(user));
    world.hub.part(ann, bob);
    let parted = |a, b| world.hub.everybody().have_parted(a, b);
    assert!(!parted(ann, bob), "no beat is under way");
    world.hub.everybody().parted = Some(HashSet::new());
    world.hub.part(bob, ann);
    assert!(parted(ann, bob) && parted(bob, ann) && !parted(ann, eve));
    world.hub.meet(ann, bob);
    assert!(!parted(ann, bob));
    world.hub.part(ann, bob);
    world.hub.beat().await;
    assert!(!parted(ann, bob), "the next beat reads it from the store");

    // Read before they parted, a change and what has arrived are told to others alone.
    let mut world = world;
    let club = world.group(&[0, 1, 2]).await;
    let mut sessions = [world.live(0, 1, true).await, world.live(2, 21, true).await];
    world.beats().await;
    for session in &mut sessions {
        world.came(session);
    }
    let _of_bob = world.live(1, 11, false).await;
    world.hub.everybody().changes.ripen();
    world.hub.everybody().parted = Some([(ann.min(bob), ann.max(bob))].into());
    world.hub.tell_changes().await;
    let arrived = crate::domain::conversation::Delivered {
        conversation: club,
        seq: crate::domain::ids::Seq::new(1),
        others: vec![ann, eve],
    };
    assert_eq!(world.hub.tell_arrival(bob, &arrived), 1);
    assert_eq!(world.came(&mut sessions[0]), [""; 0]);
    let due = ["user1 ONLINE".to_owned(), format!("user1 has 1 of {club}")];
    assert_eq!(world.came(&mut sessions[1]), due);
}

#[tokio::test]
async fn who_are_new_to_each_other_are_told_how_they_can_be_reached() {
    let mut world = World::of(4).await;
    let mut sessions = Vec::new();
    for user in 0..3 {
        let device = 10 * user as u64;
        sessions.push(world.live(user, device, true).await);
    }
    world.beats().await;
    let away = Presence::Away;
    world.hub.say(world.id(1), DeviceId::new(10), away).unwrap();
    world.beats().await;
    let all = |world: &World, sessions: &mut Vec<Session>| -> Vec<Vec<String>> {
        let came = sessions.iter_mut().map(|session| world.came(session));
        came.collect()
    };
    let nothing: Vec<Vec<String>> = vec![Vec::new(); 3];
    world.hear();
    assert_eq!(all(&world, &mut sessions), nothing);

    // The first message to somebody: it is told after a beat, both ways.
    let (user, peer) = (world.users[0].clone(), world.users[1].name.clone());
    world.hub.store.start_direct(user, peer).await.unwrap();
    world.hear();
    world.beats().await;
    assert_eq!(all(&world, &mut sessions), nothing, "nothing was said yet");
    world.send(0, 1).await;
    world.hear();
    assert_eq!(all(&world, &mut sessions), nothing);
    world.beats().await;
    let due = [vec!["user1 AWAY"], vec!["user0 ONLINE"], vec![]];
    assert_eq!(all(&world, &mut sessions), due);
    assert!(!world.hub.everybody().has_news());

    // A new member is told of those who are here, and they of it. What nobody is told anew stays as it was.
    let club = world.group(&[2, 3]).await;
    world.hear();
    world.beats().await;
    all(&world, &mut sessions);
    let (by, name) = (world.users[2].clone(), world.users[1].name.clone());
    let store = Arc::clone(&world.hub.store);
    let added = store
        .add_members(by, club, vec![name], TimeMs::new(0))
        .await;
    added.unwrap();
    world.hear();
    assert_eq!(all(&world, &mut sessions), nothing);
    // Away and back in between is no news for others, but the new fellow still has to be told.
    let say = |presence| world.hub.say(world.id(1), DeviceId::new(10), presence);
    say(Presence::Online).unwrap();
    say(away).unwrap();
    world.beats().await;
    let mut came = all(&world, &mut sessions);
    came.iter_mut().for_each(|words| words.dedup());
    let of_user1 = vec!["user0 ONLINE", "user2 ONLINE", "user3 OFFLINE"];
    assert_eq!(came, [vec!["user1 AWAY"], of_user1, vec!["user1 AWAY"]]);

    // Those between whom there is a block are no fellows, wherever they meet.
    let (user, name) = (world.id(0), world.users[2].name.clone());
    store.block_user(user, name, TimeMs::new(0)).await.unwrap();
    let (by, name) = (world.users[2].clone(), world.users[0].name.clone());
    let refused = store
        .add_members(by, club, vec![name], TimeMs::new(0))
        .await;
    refused.unwrap_err();
    let lobby = world.group(&[1, 2]).await;
    world.hear();
    world.beats().await;
    all(&world, &mut sessions);
    let (by, name) = (world.users[1].clone(), world.users[0].name.clone());
    let added = store
        .add_members(by, lobby, vec![name], TimeMs::new(0))
        .await;
    added.unwrap();
    world.hear();
    assert_eq!(all(&world, &mut sessions), nothing);
    world.beats().await;
    let came = all(&world, &mut sessions);
    assert!(
        !came[0].iter().any(|word| word.starts_with("user2")),
        "{came:?}"
    );
    assert_eq!(came[2], [""; 0]);
    assert!(came[1].contains(&"user0 ONLINE".to_owned()), "{came:?}");
}
