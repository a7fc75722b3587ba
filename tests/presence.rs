//! Who types and who can be reached, through the real server: who is told, how often, and that it disturbs nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tinychat::pb::{
    CreateTokenRequest, Event, Presence, Scope, SetPresenceRequest, SetTypingRequest, UsersRequest,
    chat_request::Request, event::Body, reply::Result as Answer,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    groups::asking::*,
    support::{
        Account, Start,
        account::new_id,
        both_stores, eventually_async,
        feed::{DOORS, Door, Feed, From, send, twin},
        in_time, reason,
    },
};

both_stores! {
    presence_is_folded_over_devices_wherever_it_is_shown,
    fellows_who_asked_are_told_of_presence_and_nobody_else,
    what_changes_often_is_told_as_it_is_in_the_end,
    typing_is_told_to_the_others_who_asked_for_it,
    typing_is_toldagain_after_three_seconds,
    more_than_a_hundred_members_are_too_many,
    a_flood_of_typing_disturbs_no_message,
    whoever_lags_misses_who_typed,
    what_may_not_be_is_refused_by_both_doors,
    typing_has_a_rate,
    the_last_frame_of_a_stream_wins,
}

/// From where this device stands, with what is never stored.
pub fn with_ephemeral() -> From {
    From {
        ephemeral: true,
        ..From::default()
    }
}

/// A stream that has caught up and brings what is never stored.
pub async fn listening(who: &Account, door: Door) -> Feed {
    let mut feed = who.feed(door, with_ephemeral()).await;
    feed.until_caught_up().await;
    feed
}

pub async fn type_in(who: &Account, id: &str, typing: bool) -> Result<(), Status> {
    let mut chat = who.connection.chat();
    let request = set_typing(id, typing);
    let told = in_time("set typing", chat.set_typing(request)).await;
    told.map(drop)
}

fn set_typing(id: &str, typing: bool) -> SetTypingRequest {
    SetTypingRequest {
        conversation_id: id.to_owned(),
        typing,
    }
}

async fn be(who: &Account, presence: i32) -> Result<Presence, Status> {
    let mut chat = who.connection.chat();
    let request = SetPresenceRequest { presence };
    let folded = in_time("set presence", chat.set_presence(request)).await;
    folded.map(|folded| folded.into_inner().presence())
}

pub async fn is(who: &Account, presence: Presence, folded: Presence) {
    assert_eq!(be(who, presence.into()).await.unwrap(), folded);
}

/// Users of a presence, or of any, with what each is.
async fn users(who: &Account, presence: Presence) -> Vec<(String, Presence)> {
    let request = UsersRequest {
        presence: presence.into(),
        page_size: 500,
        ..UsersRequest::default()
    };
    let users = in_time("users", who.connection.chat().users(request)).await;
    let users = users.unwrap().into_inner().users.into_iter();
    users
        .map(|user| (user.name.clone(), user.presence()))
        .collect()
}

/// The names of all users by their ids.
pub async fn names(who: &Account) -> BTreeMap<String, String> {
    let request = UsersRequest {
        page_size: 500,
        ..UsersRequest::default()
    };
    let users = in_time("users", who.connection.chat().users(request)).await;
    let users = users.unwrap().into_inner().users.into_iter();
    users.map(|user| (user.id, user.name)).collect()
}

/// What is never stored, in words; `None`: it is something else.
pub fn ephemeral(event: &Event, names: &BTreeMap<String, String>) -> Option<String> {
    let word = match event.body.as_ref().unwrap() {
        Body::Presence(it) => {
            let presence = it.presence().as_str_name().replace("PRESENCE_", "");
            format!("{} {presence}", names[&it.user_id])
        }
        Body::Typing(it) => {
            let user = it.user.as_ref().unwrap();
            assert_eq!(names[&user.id], user.name);
            let does = if it.typing { "types" } else { "stops" };
            format!("{} {does} in {}", user.name, it.conversation_id)
        }
        Body::Delivered(it) => {
            let (id, seq) = (&it.conversation_id, it.delivered_seq);
            format!("{} has {seq} of {id}", names[&it.user_id])
        }
        _ => return None,
    };
    assert_eq!(event.cursor, "", "nobody resumes from it");
    Some(word)
}

/// What is never stored, up to and with this.
pub async fn until(feed: &mut Feed, names: &BTreeMap<String, String>, last: &str) -> Vec<String> {
    let mut all = Vec::new();
    while all.last().is_none_or(|word| word != last) {
        all.extend(ephemeral(&feed.next().await, names));
    }
    all
}

/// What is never stored and of who types, up to the message of this text.
async fn typed(feed: &mut Feed, names: &BTreeMap<String, String>, text: &str) -> Vec<String> {
    let events = feed.until_text(text).await;
    let typed = events
        .iter()
        .filter(|event| matches!(event.body, Some(Body::Typing(_))));
    typed.filter_map(|event| ephemeral(event, names)).collect()
}

async fn presence_is_folded_over_devices_wherever_it_is_shown(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let other = Account::login(&server, "ann").await;
    let shown = async || users(&bob, Presence::Unspecified).await[0].1;
    let welcomed = async |who: &Account, door| {
        let mut feed = who.feed(door, From::default()).await;
        let events = feed.until_caught_up().await;
        let Some(Body::Welcome(welcome)) = &events[0].body else {
            panic!("{events:?}");
        };
        (feed, welcome.user.as_ref().unwrap().presence())
    };
    for door in DOORS {
        let (first, presence) = welcomed(&ann, door).await;
        assert_eq!(presence, Presence::Online, "{door:?}");
        is(&ann, Presence::Away, Presence::Away).await;
        assert_eq!(shown().await, Presence::Away);
        let away = [("ann".to_owned(), Presence::Away)];
        assert_eq!(users(&bob, Presence::Away).await, away);
        assert!(users(&bob, Presence::Online).await.is_empty());
        let offline = [("bob".to_owned(), Presence::Offline)];
        assert_eq!(users(&bob, Presence::Offline).await, offline);
        let (again, presence) = welcomed(&ann, door).await;
        assert_eq!(presence, Presence::Away, "it holds for the device");

        let (second, presence) = welcomed(&other, door).await;
        assert_eq!(presence, Presence::Online, "one device is online");
        is(&other, Presence::Away, Presence::Away).await;
        is(&other, Presence::DoNotDisturb, Presence::DoNotDisturb).await;
        is(&ann, Presence::Online, Presence::DoNotDisturb).await;
        let quiet = [("ann".to_owned(), Presence::DoNotDisturb)];
        assert_eq!(users(&bob, Presence::DoNotDisturb).await, quiet);
        drop(second);
        eventually_async("what it said ends with it", async || {
            shown().await == Presence::Online
        })
        .await;
        let (second, presence) = welcomed(&other, door).await;
        assert_eq!(presence, Presence::Online, "it has said nothing yet");
        drop((first, again, second));
        eventually_async("offline", async || shown().await == Presence::Offline).await;
    }
}

async fn fellows_who_asked_are_told_of_presence_and_nobody_else(start: Start) {
    let server = start.start();
    let [ann, bob, eve, joe] = registered(&server, ["ann", "bob", "eve", "joe"]).await;
    let names = names(&ann).await;
    group(&ann, "club", &["bob"]).await;
    group(&bob, "others", &["joe"]).await;
    joe.send("eve", "hello").await;
    let _of_bob = bob.live(Door::Chat).await;
    let mut mute = ann.live(Door::Subscribe).await;
    for door in DOORS {
        let mut of_ann = listening(&ann, door).await;
        let mut of_eve = listening(&eve, door).await;
        // At its beginning, who is not offline; and of an own device, nothing.
        assert_eq!(until(&mut of_ann, &names, "bob ONLINE").await.len(), 1);
        is(&bob, Presence::Away, Presence::Away).await;
        let came = until(&mut of_ann, &names, "bob AWAY").await;
        assert_eq!(came, ["bob AWAY"], "{door:?}");
        is(&bob, Presence::Online, Presence::Online).await;
        let came = until(&mut of_ann, &names, "bob ONLINE").await;
        assert_eq!(came, ["bob ONLINE"]);
        // Eve meets neither of them, but joe, who comes only now.
        let of_joe = joe.on(&server).live(door).await;
        let came = until(&mut of_eve, &names, "joe ONLINE").await;
        assert_eq!(came, ["joe ONLINE"]);
        drop(of_joe);
        let came = until(&mut of_eve, &names, "joe OFFLINE").await;
        assert_eq!(came, ["joe OFFLINE"]);
    }
    ann.send("ann", "the end").await;
    let came = mute.until_text("the end").await;
    let told = came.iter().filter_map(|event| ephemeral(event, &names));
    assert_eq!(told.count(), 0, "it did not ask");
}

async fn what_changes_often_is_told_as_it_is_in_the_end(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let names = names(&ann).await;
    group(&ann, "club", &["bob"]).await;
    let mut of_bob = bob.on(&server).live(Door::Chat).await;
    let mut of_ann = listening(&ann, Door::Subscribe).await;
    assert_eq!(until(&mut of_ann, &names, "bob ONLINE").await.len(), 1);
    let began = Instant::now();
    for _ in 0..50 {
        for presence in [Presence::Away, Presence::DoNotDisturb, Presence::Online] {
            is(&bob, presence, presence).await;
        }
        // A device that comes back at once.
        drop(of_bob);
        of_bob = bob.on(&server).live(Door::Chat).await;
    }
    is(&bob, Presence::DoNotDisturb, Presence::DoNotDisturb).await;
    let all = until(&mut of_ann, &names, "bob DO_NOT_DISTURB").await;
    // One in each second that passed, and what came in between if that took longer.
    let most = 1 + began.elapsed().as_secs() as usize;
    assert!(all.len() <= most, "{all:?} in {:?}", began.elapsed());
    let quick = began.elapsed() < Duration::from_secs(3);
    assert!(
        !(quick && all.contains(&"bob OFFLINE".to_owned())),
        "{all:?}"
    );
}

async fn typing_is_told_to_the_others_who_asked_for_it(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let names = names(&ann).await;
    let other = Account::login(&server, "ann").await;
    for door in DOORS {
        let id = group(&ann, &format!("club {door:?}"), &["bob"]).await.id;
        let mut asking = ann.live(Door::Chat).await;
        let mut of_bob = listening(&bob, door).await;
        let mut silent = [
            bob.live(door).await,
            listening(&other, door).await,
            listening(&eve, door).await,
        ];
        let began = Instant::now();
        let typing = Some(Request::SetTyping(set_typing(&id, true)));
        let answer = asking.ask(typing).await;
        assert!(matches!(answer, Answer::SetTyping(_)), "{answer:?}");
        // Repeated, stopped, stopped again, and again begun: each is fine, and told to nobody but the first end.
        for typing in [true, false, false, true, false] {
            type_in(&ann, &id, typing).await.unwrap();
        }
        let took = began.elapsed();
        say(&ann, &id, "written").await;
        let came = typed(&mut of_bob, &names, "written").await;
        let due = [format!("ann types in {id}"), format!("ann stops in {id}")];
        if took < Duration::from_secs(3) {
            assert_eq!(came, due, "{door:?}");
        }
        for (who, to) in [(&ann, "bob"), (&ann, "ann"), (&ann, "eve")] {
            who.send(to, &format!("to {to} {door:?}")).await;
        }
        for (feed, to) in silent.iter_mut().zip(["bob", "ann", "eve"]) {
            let came = typed(feed, &names, &format!("to {to} {door:?}")).await;
            assert!(came.is_empty(), "{door:?}, to {to}: {came:?}");
        }
        // Whoever comes later hears nothing of it, by a cursor of before either.
        let device = Account::login(&server, "bob").await;
        let replayed = device.replayed(door, with_ephemeral()).await;
        assert!(replayed.iter().all(|it| ephemeral(it, &names).is_none()));
    }
}

async fn typing_is_toldagain_after_three_seconds(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let names = names(&ann).await;
    let id = group(&ann, "club", &["bob"]).await.id;
    let mut of_bob = listening(&bob, Door::Subscribe).await;
    let due = format!("ann types in {id}");
    let began = Instant::now();
    type_in(&ann, &id, true).await.unwrap();
    until(&mut of_bob, &names, &due).await;
    let again = async {
        loop {
            type_in(&ann, &id, true).await.unwrap();
        }
    };
    tokio::select! {
        () = again => {}
        _ = until(&mut of_bob, &names, &due) => {}
    }
    let after = began.elapsed();
    assert!(after >= Duration::from_secs(3), "again after {after:?}");
}

async fn more_than_a_hundred_members_are_too_many(start: Start) {
    let server = start.start();
    let [ann, bob, joe, eve] = registered(&server, ["ann", "bob", "joe", "eve"]).await;
    let mut members = vec!["bob".to_owned(), "joe".to_owned(), "eve".to_owned()];
    for number in 0..97 {
        let name = format!("user{number}");
        Account::register(&server, &name).await;
        members.push(name);
    }
    let names = names(&ann).await;
    let (last, others) = members.split_last().unwrap();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let id = group(&ann, "hundred", &others).await.id;
    let direct = joe.send("bob", "hello").await.conversation_id;
    let mut of_bob = listening(&bob, Door::Chat).await;
    type_in(&ann, &id, true).await.unwrap();
    assert_eq!(
        until(&mut of_bob, &names, &format!("ann types in {id}")).await,
        [format!("ann types in {id}")]
    );
    let of_eve = eve.on(&server).live(Door::Chat).await;
    assert_eq!(
        until(&mut of_bob, &names, "eve ONLINE").await,
        ["eve ONLINE"]
    );
    drop(of_eve);
    assert_eq!(
        until(&mut of_bob, &names, "eve OFFLINE").await,
        ["eve OFFLINE"]
    );

    add(&ann, &id, &[last]).await.unwrap();
    for (who, conversation) in [(&joe, &id), (&eve, &id), (&joe, &direct)] {
        type_in(who, conversation, true).await.unwrap();
    }
    let due = format!("joe types in {direct}");
    assert_eq!(until(&mut of_bob, &names, &due).await, [due]);
    let _of_eve = eve.live(Door::Chat).await;
    let _of_joe = joe.live(Door::Chat).await;
    assert_eq!(
        until(&mut of_bob, &names, "joe ONLINE").await,
        ["joe ONLINE"]
    );
}

async fn a_flood_of_typing_disturbs_no_message(start: Start) {
    const MESSAGES: u64 = 500;
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let mut typists = Vec::new();
    for number in 0..20 {
        let typist = Account::register(&server, &format!("user{number}")).await;
        let id = typist.send("bob", "hello").await.conversation_id;
        typists.push((typist, id));
    }
    let names = names(&ann).await;
    let mut feeds = [
        listening(&bob, Door::Chat).await,
        listening(&bob, Door::Subscribe).await,
        bob.live(Door::Subscribe).await,
    ];
    let flood = async {
        loop {
            for (typist, id) in &typists {
                for typing in [true, false] {
                    type_in(typist, id, typing).await.unwrap();
                }
            }
        }
    };
    let sending = async {
        for number in 0..MESSAGES {
            ann.send("bob", &format!("{number}")).await;
        }
    };
    tokio::select! {
        () = flood => {}
        () = sending => {}
    }
    for (index, feed) in feeds.iter_mut().enumerate() {
        let events = feed.until_text(&format!("{}", MESSAGES - 1)).await;
        let seqs = events.iter().filter_map(|event| match &event.body {
            Some(Body::Message(message)) => Some(message.seq),
            _ => None,
        });
        assert!(seqs.eq(1..=MESSAGES), "messages are missing");
        let told = events.iter().filter_map(|it| ephemeral(it, &names)).count();
        assert_eq!(told > 0, index < 2, "{told} of the flood");
    }
}

async fn whoever_lags_misses_who_typed(start: Start) {
    const COUNT: u64 = 6_000;
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let names = names(&ann).await;
    let id = eve.send("bob", "hello").await.conversation_id;
    // They read nothing more until all is sent: far more than their windows and the ring hold.
    let mut slow = Vec::new();
    for door in DOORS {
        slow.push(listening(&bob.on(&server), door).await);
    }
    let mut sender = ann.live(Door::Chat).await;
    let mut ids = Vec::new();
    let filler = "x".repeat(200);
    for number in 1..=COUNT {
        ids.push(sender.say(Some(send("bob", &filler, &new_id()))).await);
        if ids.len() == 200 || number == COUNT {
            for id in ids.drain(..) {
                assert!(matches!(sender.answer(id).await, Answer::Send(_)));
            }
        }
    }
    type_in(&eve, &id, true).await.unwrap();
    ann.send("bob", "the last").await;
    for feed in &mut slow {
        let came = typed(feed, &names, "the last").await;
        assert!(came.is_empty(), "{came:?}");
    }
    // Live again, they are told anew who is here, and hear again: of another, since eve has typed just now.
    for feed in &mut slow {
        until(feed, &names, "ann ONLINE").await;
    }
    let id = ann.conversation_with("bob").await.id;
    type_in(&ann, &id, true).await.unwrap();
    for feed in &mut slow {
        until(feed, &names, &format!("ann types in {id}")).await;
    }
}

async fn what_may_not_be_is_refused_by_both_doors(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let id = group(&ann, "club", &["bob"]).await.id;
    let not_found = (Code::NotFound, "CONVERSATION_NOT_FOUND");
    let invalid = (Code::InvalidArgument, "CONVERSATION_ID_INVALID");
    let mut asking = eve.live(Door::Chat).await;
    for typing in [true, false] {
        for (id, (code, why)) in [
            (id.as_str(), not_found),
            ("c999", not_found),
            ("x", invalid),
        ] {
            let status = type_in(&eve, id, typing).await.unwrap_err();
            assert_eq!((status.code(), reason(&status).as_str()), (code, why));
            let request = Some(Request::SetTyping(set_typing(id, typing)));
            let answer = asking.ask(request).await;
            assert_eq!(answer, Answer::Error(twin(&status, "set_typing")));
        }
    }
    // A member who types is one no more when it has left.
    type_in(&bob, &id, true).await.unwrap();
    leave(&bob, &id).await.unwrap();
    for typing in [true, false] {
        let late = type_in(&bob, &id, typing).await;
        refused(late, not_found.0, not_found.1, "typing after leaving");
    }

    let request = CreateTokenRequest {
        name: "bot".to_owned(),
        scopes: vec![Scope::Read.into()],
        expire_time: None,
    };
    let made = in_time("token", ann.connection.auth().create_token(request)).await;
    let token = made.unwrap().into_inner().access_token;
    let reader = Account {
        name: "ann".to_owned(),
        connection: ann.connection.with_token(&token).unwrap(),
        token,
    };
    let (denied, missing) = (Code::PermissionDenied, "SCOPE_MISSING");
    refused(
        type_in(&reader, &id, true).await,
        denied,
        missing,
        "a bot that types",
    );
    let (failed, no_stream) = (Code::FailedPrecondition, "NO_OPEN_STREAM");
    let away = Presence::Away.into();
    refused(
        be(&reader, away).await,
        failed,
        no_stream,
        "presence without a stream",
    );
    // A stream of another device does not count.
    let _of_ann = ann.live(Door::Chat).await;
    refused(
        be(&reader, away).await,
        failed,
        no_stream,
        "presence without a stream",
    );
    let of_reader = reader.live(Door::Subscribe).await;
    assert_eq!(be(&reader, away).await.unwrap(), Presence::Online);
    let unknown = (Code::InvalidArgument, "PRESENCE_INVALID");
    for presence in [0, Presence::Offline.into(), 99] {
        refused(
            be(&reader, presence).await,
            unknown.0,
            unknown.1,
            "presence",
        );
    }
    drop(of_reader);
    eventually_async("the stream ends", async || {
        be(&reader, away)
            .await
            .is_err_and(|it| reason(&it) == no_stream)
    })
    .await;
}

async fn typing_has_a_rate(start: Start) {
    let server = start.with_the_usual_rate().start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let id = group(&ann, "club", &["bob"]).await.id;
    let began = Instant::now();
    let mut passed = 0_u64;
    let status = loop {
        match type_in(&ann, &id, true).await {
            Ok(()) => passed += 1,
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(&status), "RATE_LIMITED");
    let wait = status.get_details_retry_info().unwrap().retry_delay;
    assert!(wait.unwrap() <= Duration::from_millis(100), "{wait:?}");
    let most = 20 + 10 * (1 + began.elapsed().as_secs());
    assert!((20..=most).contains(&passed), "{passed} passed");
    // Others and sends are not counted with it.
    type_in(&bob, &id, true).await.unwrap();
    ann.send("bob", "still here").await;
}

async fn the_last_frame_of_a_stream_wins(start: Start) {
    // Two for each are as many as may wait for a device that does not read.
    const ROOMS: usize = 32;
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let names = names(&ann).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(group(&ann, &format!("club {number}"), &["bob"]).await.id);
    }
    let mut of_bob = listening(&bob, Door::Subscribe).await;
    let mut asking = ann.live(Door::Chat).await;
    // All at once: each is answered by itself, and none may overtake the other of its conversation.
    let mut asked = Vec::new();
    for id in &rooms {
        for typing in [true, false] {
            let frame = Request::SetTyping(set_typing(id, typing));
            asked.push(asking.say(Some(frame)).await);
        }
    }
    for request_id in asked {
        let answer = asking.answer(request_id).await;
        assert!(matches!(answer, Answer::SetTyping(_)), "{answer:?}");
    }
    ann.send("bob", "written").await;
    let came = typed(&mut of_bob, &names, "written").await;
    for id in &rooms {
        let room = format!(" in {id}");
        let words: Vec<_> = came.iter().filter(|word| word.ends_with(&room)).collect();
        let due = [format!("ann types in {id}"), format!("ann stops in {id}")];
        assert_eq!(words, due.iter().collect::<Vec<_>>());
    }
}
