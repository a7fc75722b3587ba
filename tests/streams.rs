//! What a stream of events brings, through the real server: where it begins, that nothing is missing and nothing comes
//! twice, who gets what, and how it ends.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tinychat::pb::{
    Conversation, ConversationKind, Event, GetConversationRequest, GetServerInfoRequest,
    ListMessagesRequest, LogoutRequest, Presence, ReadMarker, ResetReason, UsersRequest,
    WhoAmIRequest, event::Body, list_messages_request::Position, reply::Result as Answer,
};
use tokio::task::JoinSet;
use tonic::Code;

use crate::support::{
    Account, PATIENCE, Server, Start,
    account::{new_id, text_of},
    both_stores,
    feed::{DOORS, Door, From, acknowledge, after, ask_unary, mark_read, send, start_conversation},
    in_time, reason,
};

both_stores! {
    a_stream_begins_with_a_complete_welcome,
    a_new_device_gets_states_then_unread_messages_in_order,
    a_stream_resumes_at_every_cursor_while_others_send,
    without_a_cursor_a_stream_resumes_at_the_acknowledged_one,
    a_limited_backlog_leaves_gaps_that_pages_fill,
    a_useless_cursor_is_a_reset_and_a_first_sync,
    every_device_of_every_member_gets_every_event,
    frames_are_batches_under_load_and_single_events_when_quiet,
    logout_ends_the_streams_of_its_device_alone,
    a_stream_that_says_hello_after_the_logout_is_refused,
    a_reader_that_paused_gets_everything_in_order,
    read_markers_reach_own_devices_at_once_and_others_coalesced,
    unread_is_arithmetic,
    a_user_is_online_while_any_device_holds_a_stream,
    the_peer_learns_of_a_conversation_just_before_its_first_message,
}

fn body(event: &Event) -> &Body {
    event.body.as_ref().expect("an event without a body")
}

/// The word for each event and, for a message, its text.
fn words(events: &[Event]) -> Vec<String> {
    let word = |event: &Event| match body(event) {
        Body::Welcome(_) => "welcome".to_owned(),
        Body::Message(message) => text_of(message).to_owned(),
        Body::ConversationChanged(_) => "conversation".to_owned(),
        Body::MessageEdited(_) => "edited".to_owned(),
        Body::MessageDeleted(_) => "deleted".to_owned(),
        Body::ReactionChanged(_) => "reacted".to_owned(),
        Body::MemberChanged(_) => "member".to_owned(),
        Body::ReadMarker(marker) => format!("read {}", marker.read_seq),
        Body::Gap(gap) => format!("gap {}-{}", gap.from_seq, gap.to_seq),
        Body::Reset(_) => "reset".to_owned(),
        Body::CaughtUp(_) => "caught up".to_owned(),
        Body::GoingAway(_) => "going away".to_owned(),
        Body::SettingsChanged(_) => "settings".to_owned(),
        Body::BlocksChanged(_) => "blocks".to_owned(),
        Body::Presence(_) | Body::Typing(_) | Body::Delivered(_) => "ephemeral".to_owned(),
    };
    events.iter().map(word).collect()
}

/// The cursor of the message of this text.
fn cursor_of(events: &[Event], text: &str) -> String {
    let found = events
        .iter()
        .find(|event| matches!(body(event), Body::Message(message) if text_of(message) == text));
    found.expect("no such message").cursor.clone()
}

fn states(events: &[Event]) -> Vec<Conversation> {
    let states = events.iter().filter_map(|event| match body(event) {
        Body::ConversationChanged(changed) => changed.conversation.clone(),
        _ => None,
    });
    states.collect()
}

/// Waits for a condition that the server must be asked about.
macro_rules! until {
    ($what:expr, $condition:expr) => {{
        let end = Instant::now() + PATIENCE;
        while !$condition {
            assert!(Instant::now() < end, "not in time: {}", $what);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }};
}

async fn a_stream_begins_with_a_complete_welcome(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let mut chat = ann.connection.chat();
    let info = chat.get_server_info(GetServerInfoRequest {});
    let info = in_time("info", info).await.unwrap().into_inner();
    let me = ann.connection.auth().who_am_i(WhoAmIRequest {}).await;
    let me = me.unwrap().into_inner();
    for door in DOORS {
        let events = ann.replayed(door, From::default()).await;
        assert_eq!(words(&events), ["welcome", "caught up"], "{door:?}");
        let Body::Welcome(welcome) = body(&events[0]) else {
            panic!("{door:?}: {events:?}");
        };
        let user = welcome.user.clone().unwrap();
        assert_eq!(
            (user.name.as_str(), user.presence()),
            ("ann", Presence::Online)
        );
        assert_eq!(user.id, me.user.as_ref().unwrap().id);
        assert_eq!(welcome.device, me.device);
        assert_eq!(welcome.device.as_ref().unwrap().name, "test");
        assert_eq!(welcome.server_version, env!("CARGO_PKG_VERSION"));
        assert_eq!((&welcome.epoch, welcome.limits), (&info.epoch, info.limits));
        assert!(welcome.time.is_some());
        assert_eq!(events[0].cursor, "", "nobody resumes from a welcome");
        assert_ne!(events[1].cursor, "");
    }
}

async fn a_new_device_gets_states_then_unread_messages_in_order(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let eve = Account::register(&server, "eve").await;
    for (who, to, text) in [
        (&ann, "bob", "a1"),
        (&eve, "bob", "e1"),
        (&ann, "bob", "a2"),
        (&bob, "ann", "b3"),
        (&eve, "bob", "e2"),
        (&bob, "bob", "note"),
        (&ann, "bob", "a4"),
    ] {
        who.send(to, text).await;
    }
    let with_ann = bob.conversation_with("ann").await.id;
    ask_unary(&bob, mark_read(&with_ann, 2)).await;
    let due = ["welcome", "conversation", "conversation", "conversation"];
    let due = due
        .into_iter()
        .chain(["e1", "b3", "e2", "note", "a4", "caught up"]);
    let due: Vec<&str> = due.collect();
    for door in DOORS {
        let events = Account::login(&server, "bob").await;
        let events = events.replayed(door, From::default()).await;
        assert_eq!(words(&events), due, "{door:?}");
        let bare = events.iter().map(|event| event.cursor.is_empty());
        let bare: Vec<bool> = bare.collect();
        let expected = (0..due.len()).map(|place| place < 4);
        assert!(bare.into_iter().eq(expected), "which cursors are empty");
        let states = states(&events);
        // name, members, last, read, unread, newest
        let told = states.iter().map(|state| {
            assert_eq!(state.kind(), ConversationKind::Direct);
            assert_eq!(state.members.len() as u32, state.members_count);
            let newest = state.last_message.as_ref().map(text_of);
            let counts = (state.last_seq, state.read_seq, state.unread);
            (state.name.as_str(), state.members_count, counts, newest)
        });
        let mut told: Vec<_> = told.collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                ("ann", 2, (4, 2, 1), Some("a4")),
                ("bob", 1, (1, 0, 0), Some("note")),
                ("eve", 2, (2, 0, 2), Some("e2")),
            ]
        );
    }
}

/// What makes up a log event, as far as it stays the same in a replay.
fn log_event(event: &Event) -> Option<(String, String)> {
    let what = match body(event) {
        Body::Message(message) => format!("{message:?}"),
        // A replay tells the state of now.
        Body::ConversationChanged(changed) => changed.conversation.as_ref().unwrap().id.clone(),
        _ => return None,
    };
    (!event.cursor.is_empty()).then(|| (event.cursor.clone(), what))
}

fn last_markers(events: &[Event]) -> BTreeMap<(String, String), u64> {
    let markers = events.iter().filter_map(|event| match body(event) {
        Body::ReadMarker(ReadMarker {
            conversation_id,
            user_id,
            read_seq,
        }) => Some(((conversation_id.clone(), user_id.clone()), *read_seq)),
        _ => None,
    });
    markers.collect()
}

async fn a_stream_resumes_at_every_cursor_while_others_send(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    Account::register(&server, "kim").await;
    let eve = Account::register(&server, "eve").await;
    let mut feed = bob.live(Door::Chat).await;
    for round in 0..8 {
        let sent = ann.send("bob", &format!("ann {round}")).await;
        bob.send("ann", &format!("bob {round}")).await;
        ask_unary(&bob, mark_read(&sent.conversation_id, sent.seq)).await;
        match round {
            2 => drop(bob.conversation_with("kim").await),
            4 => drop(bob.send("bob", "note").await),
            _ => {}
        }
        ask_unary(&ann, mark_read(&sent.conversation_id, sent.seq)).await;
    }
    ann.send("bob", "the middle").await;
    let mut whole = feed.until_text("the middle").await;
    let cursors = whole.iter().map(|event| event.cursor.clone());
    let cursors: Vec<String> = cursors.filter(|cursor| !cursor.is_empty()).collect();
    assert!(cursors.len() > 25, "{}", cursors.len());

    let stopping = Arc::new(AtomicBool::new(false));
    let mut sending = JoinSet::new();
    sending.spawn({
        let (eve, stopping) = (eve.clone(), Arc::clone(&stopping));
        async move {
            let mut count = 0;
            while !stopping.load(Ordering::Relaxed) {
                eve.send("bob", &format!("eve {count}")).await;
                count += 1;
            }
            eve.send("bob", "the end").await;
            count
        }
    });
    // All are opened while the other sends, and read to its end.
    let mut resumed = JoinSet::new();
    let mut opened = 0;
    let mut bob = bob;
    for (index, cursor) in cursors.iter().cloned().enumerate() {
        // A device has at most five streams.
        bob = match index % 5 {
            0 => Account::login(&server, "bob").await,
            _ => bob.on(&server),
        };
        let mut stream = bob.feed(DOORS[index % 2], after(&cursor)).await;
        let first = stream.next().await;
        assert_eq!(words(&[first]), ["welcome"]);
        opened += 1;
        resumed.spawn(async move { (cursor, stream.until_text("the end").await) });
    }
    assert_eq!(opened, cursors.len());
    stopping.store(true, Ordering::Relaxed);
    assert!(sending.join_next().await.unwrap().unwrap() > 3);
    whole.extend(feed.until_text("the end").await);

    while let Some(ended) = resumed.join_next().await {
        let (cursor, events) = ended.unwrap();
        let place = whole.iter().position(|event| event.cursor == cursor);
        let missed = &whole[place.unwrap() + 1..];
        let due: Vec<_> = missed.iter().filter_map(log_event).collect();
        let came: Vec<_> = events.iter().filter_map(log_event).collect();
        assert_eq!(came, due, "after {cursor}");
        let caught_up = words(&events)
            .iter()
            .filter(|word| *word == "caught up")
            .count();
        assert_eq!(caught_up, 1, "after {cursor}");
        // Rows come with their last value alone.
        assert_eq!(
            last_markers(&events),
            last_markers(missed),
            "after {cursor}"
        );
    }
}

async fn without_a_cursor_a_stream_resumes_at_the_acknowledged_one(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    for number in 1..=5 {
        ann.send("bob", &format!("m{number}")).await;
    }
    let first = bob.replayed(Door::Subscribe, From::default()).await;
    let mut feed = bob.live(Door::Chat).await;
    let by_frame = feed.ask(Some(acknowledge(&cursor_of(&first, "m3")))).await;
    assert!(matches!(by_frame, Answer::Acknowledge(_)), "{by_frame:?}");
    let due = ["welcome", "m4", "m5", "caught up"];
    for door in DOORS {
        assert_eq!(words(&bob.replayed(door, From::default()).await), due);
    }
    // A lower one changes nothing, by any door.
    ask_unary(&bob, acknowledge(&cursor_of(&first, "m1"))).await;
    feed.ask(Some(acknowledge(&cursor_of(&first, "m2")))).await;
    for door in DOORS {
        assert_eq!(words(&bob.replayed(door, From::default()).await), due);
    }
    // Another device of the same user stands where it stood: nowhere.
    let other = Account::login(&server, "bob").await;
    let other = other.replayed(Door::Chat, From::default()).await;
    assert_eq!(words(&other).len(), 8, "welcome, state, five, caught up");
    // And a cursor goes before what was acknowledged.
    let again = bob
        .replayed(Door::Chat, after(&cursor_of(&first, "m1")))
        .await;
    assert_eq!(
        words(&again),
        ["welcome", "m2", "m3", "m4", "m5", "caught up"]
    );
}

#[tokio::test]
async fn an_acknowledged_cursor_survives_a_crash_after_about_a_second() {
    let mut server = Server::start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    ann.send("bob", "m1").await;
    ann.send("bob", "m2").await;
    let mut feed = bob.feed(Door::Chat, From::default()).await;
    let events = feed.until_caught_up().await;
    // Nothing else is lazy here: the stream stays open. Any commit of the server changes the version.
    let file = server.again().data().join("tinychat.db");
    assert!(file.exists(), "the store is called otherwise: {file:?}");
    let reader = rusqlite::Connection::open(file).unwrap();
    let version = || -> i64 {
        reader
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .unwrap()
    };
    let before = version();
    feed.ask(Some(acknowledge(&cursor_of(&events, "m1")))).await;
    let asked = Instant::now();
    until!("the cursor is committed", version() != before);
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    drop(reader);
    server.kill9();
    let server = server.restart();
    let events = bob.on(&server).replayed(Door::Chat, From::default()).await;
    assert_eq!(words(&events), ["welcome", "m2", "caught up"]);
}

async fn a_limited_backlog_leaves_gaps_that_pages_fill(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let eve = Account::register(&server, "eve").await;
    ann.send("bob", "a1").await;
    let begin = bob.replayed(Door::Chat, From::default()).await;
    let begin = begin.last().unwrap().cursor.clone();
    for number in 2..=7 {
        ann.send("bob", &format!("a{number}")).await;
    }
    eve.send("bob", "e1").await;
    eve.send("bob", "e2").await;
    for door in DOORS {
        let from = |cursor| From {
            cursor,
            backlog_max: 2,
            ..From::default()
        };
        let resumed = bob.replayed(door, from(Some(begin.clone()))).await;
        let due = ["welcome", "gap 2-5", "conversation", "a6", "a7"];
        // The conversation with eve is new; its event stands in the log between.
        let mut came = words(&resumed);
        let place = came.iter().position(|word| word == "conversation").unwrap();
        assert!(place > 1, "gaps come before every log event: {came:?}");
        came.retain(|word| word != "conversation");
        let due: Vec<&str> = due
            .into_iter()
            .filter(|word| *word != "conversation")
            .collect();
        assert_eq!(came[..4], due[..]);
        assert_eq!(came[4..], ["e1", "e2", "caught up"], "{door:?}");

        let device = Account::login(&server, "bob").await;
        let events = device.replayed(door, from(None)).await;
        let mut came = words(&events);
        assert_eq!(came.remove(0), "welcome");
        assert_eq!(came.remove(0), "conversation");
        assert_eq!(came.remove(0), "conversation");
        assert_eq!(
            came,
            ["gap 1-5", "a6", "a7", "e1", "e2", "caught up"],
            "{door:?}"
        );
        let gap = events.iter().find_map(|event| match body(event) {
            Body::Gap(gap) => Some((event, gap.clone())),
            _ => None,
        });
        let (event, gap) = gap.unwrap();
        assert_eq!(event.cursor, "");
        let page = ListMessagesRequest {
            conversation_id: gap.conversation_id,
            position: Some(Position::AfterSeq(gap.from_seq - 1)),
            page_size: (gap.to_seq - gap.from_seq + 1) as u32,
        };
        let page = bob.connection.conversations().list_messages(page).await;
        let page = page.unwrap().into_inner().messages;
        let texts: Vec<&str> = page.iter().map(text_of).collect();
        assert_eq!(texts, ["a1", "a2", "a3", "a4", "a5"]);

        // A limit that is not reached leaves nothing out.
        let enough = From {
            backlog_max: 7,
            ..From::default()
        };
        let came = words(&device.replayed(door, enough).await);
        assert!(!came.iter().any(|word| word.starts_with("gap")), "{came:?}");
    }
}

async fn a_useless_cursor_is_a_reset_and_a_first_sync(start: Start) {
    let server = start.start();
    let other = Server::start();
    let stranger = Account::register(&other, "ann").await;
    let foreign = stranger.replayed(Door::Chat, From::default()).await;
    let foreign = foreign.last().unwrap().cursor.clone();
    let ann = Account::register(&server, "ann").await;
    ann.send("ann", "one").await;
    ann.send("ann", "two").await;
    let fresh = ann.replayed(Door::Chat, From::default()).await;
    let end = fresh.last().unwrap().cursor.clone();
    // Cursors are opaque to clients; here one is made that the store will give only later.
    let (epoch, _) = end.split_once('-').unwrap();
    let beyond = format!("{epoch}-ffffff");
    for door in DOORS {
        for (cursor, why) in [
            ("", ResetReason::CursorUndecodable),
            ("garbage", ResetReason::CursorUndecodable),
            (&format!("{end}0 "), ResetReason::CursorUndecodable),
            ("\u{1b}[2J", ResetReason::CursorUndecodable),
            (&foreign, ResetReason::EpochUnknown),
            (&beyond, ResetReason::BeyondEnd),
        ] {
            let mut events = ann.replayed(door, after(cursor)).await;
            let Body::Reset(reset) = body(&events[1]).clone() else {
                panic!("{cursor:?}: {:?}", words(&events));
            };
            assert_eq!(reset.reason(), why, "{cursor:?}");
            assert_eq!(events.remove(1).cursor, "");
            // The welcome tells another time.
            assert_eq!(events[1..], fresh[1..], "{cursor:?}");
            assert_eq!(words(&events[..1]), ["welcome"]);
        }
        let refused = ask_unary(&ann, acknowledge(&foreign)).await;
        let Answer::Error(error) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.reason, "CURSOR_INVALID");
    }
}

async fn every_device_of_every_member_gets_every_event(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let ann_too = Account::login(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let bob_too = Account::login(&server, "bob").await;
    let eve = Account::register(&server, "eve").await;
    let mut feeds = Vec::new();
    for account in [&ann, &ann_too, &bob, &bob_too] {
        for door in DOORS {
            feeds.push(account.live(door).await);
        }
    }
    let mut outside = eve.live(Door::Chat).await;
    for number in 0..10 {
        let request = send("bob", &format!("{number}"), &new_id());
        let answer = feeds[0].ask(Some(request)).await;
        assert!(matches!(answer, Answer::Send(_)), "{answer:?}");
    }
    ann.send("bob", "the end").await;
    let mut whole: Option<Vec<Event>> = None;
    for feed in &mut feeds {
        let events = feed.until_text("the end").await;
        let whole = whole.get_or_insert_with(|| events.clone());
        assert_eq!(
            &events, whole,
            "all get the same, the sender's own stream included"
        );
    }
    assert_eq!(
        words(&whole.unwrap()).len(),
        1 + 11,
        "the conversation, then the messages"
    );
    eve.send("eve", "alone").await;
    let came = words(&outside.until_text("alone").await);
    assert_eq!(came, ["conversation", "alone"], "strangers see nothing");
}

async fn frames_are_batches_under_load_and_single_events_when_quiet(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    ann.send("bob", "the first").await;
    for door in DOORS {
        let mut feed = bob.live(door).await;
        feed.sizes.clear();
        for number in 0..5 {
            ann.send("bob", &format!("{number}")).await;
            feed.next().await;
        }
        assert_eq!(feed.sizes, [1; 5], "quiet: {door:?}");

        feed.sizes.clear();
        let mut sender = ann.live(Door::Chat).await;
        let mut ids = Vec::new();
        for number in 0..2_000 {
            let text = format!("{door:?} {number}");
            ids.push(sender.say(Some(send("bob", &text, &new_id()))).await);
            // Answers must not lie unread for ever.
            if ids.len() == 200 {
                for id in ids.drain(..) {
                    assert!(matches!(sender.answer(id).await, Answer::Send(_)));
                }
            }
        }
        let events = feed.until_text(&format!("{door:?} 1999")).await;
        assert_eq!(events.len(), 2_000);
        let frames = feed.sizes.len();
        assert!(
            frames * 2 < events.len(),
            "{frames} frames for {} events",
            events.len()
        );
    }
}

async fn logout_ends_the_streams_of_its_device_alone(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let other = Account::login(&server, "ann").await;
    let mut doomed = Vec::new();
    let mut spared = Vec::new();
    for door in DOORS {
        doomed.push(ann.on(&server).live(door).await);
        spared.push(other.live(door).await);
    }
    let logout = ann.connection.auth().logout(LogoutRequest {}).await;
    logout.unwrap();
    let began = Instant::now();
    for feed in &mut doomed {
        let status = feed.end().await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        assert_eq!(reason(&status), "TOKEN_INVALID");
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let late = ann.try_subscribe(None).await.unwrap_err();
    assert_eq!(reason(&late), "TOKEN_INVALID");
    other.send("ann", "still here").await;
    for feed in &mut spared {
        feed.until_text("still here").await;
    }
}

async fn a_stream_that_says_hello_after_the_logout_is_refused(start: Start) {
    use tinychat::pb::{ChatRequest, Hello, chat_request::Request};
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let (requests, queue) = tokio::sync::mpsc::channel(8);
    let queue = tokio_stream::wrappers::ReceiverStream::new(queue);
    let mut chat = ann.on(&server).connection.chat();
    let stream = in_time("headers before hello", chat.chat(queue)).await;
    let mut stream = stream.unwrap().into_inner();
    ann.connection
        .auth()
        .logout(LogoutRequest {})
        .await
        .unwrap();
    let hello = ChatRequest {
        request_id: 1,
        request: Some(Request::Hello(Hello::default())),
    };
    requests.send(hello).await.ok();
    let answer = in_time("the end of the stream", stream.message()).await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
}

async fn a_reader_that_paused_gets_everything_in_order(start: Start) {
    const COUNT: u64 = 6_000;
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    // They read nothing more until all is sent: far more than their windows and the ring hold.
    let mut slow = Vec::new();
    for door in DOORS {
        slow.push(bob.on(&server).live(door).await);
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
    for feed in &mut slow {
        let mut last = 0;
        while last < COUNT {
            let event = feed.next().await;
            if let Body::Message(message) = body(&event) {
                assert_eq!(message.seq, last + 1);
                last = message.seq;
            }
        }
        // And it is live again.
        assert_eq!(last, COUNT);
    }
    ann.send("bob", "live again").await;
    for feed in &mut slow {
        let came = words(&feed.until_text("live again").await);
        assert_eq!(came, ["live again"]);
    }
}

async fn read_markers_reach_own_devices_at_once_and_others_coalesced(start: Start) {
    const COUNT: u64 = 60;
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let bob_too = Account::login(&server, "bob").await;
    let mut conversation = String::new();
    for number in 0..COUNT {
        conversation = ann.send("bob", &format!("{number}")).await.conversation_id;
    }
    let mut peer = ann.live(Door::Chat).await;
    let mut own = bob_too.live(Door::Subscribe).await;
    let began = Instant::now();
    for seq in 1..=COUNT {
        let answer = ask_unary(&bob, mark_read(&conversation, seq)).await;
        assert!(matches!(answer, Answer::MarkRead(_)), "{answer:?}");
    }
    let marked = Instant::now();
    let all_read = |it: &Body| matches!(it, Body::ReadMarker(marker) if marker.read_seq == COUNT);
    let events = own.until(all_read).await;
    assert!(
        marked.elapsed() < Duration::from_millis(900),
        "{:?}",
        marked.elapsed()
    );
    let seqs: Vec<String> = (1..=COUNT).map(|seq| format!("read {seq}")).collect();
    assert_eq!(words(&events), seqs, "each move at once");

    let events = peer.until(all_read).await;
    assert!(
        marked.elapsed() < Duration::from_secs(3),
        "{:?}",
        marked.elapsed()
    );
    // The first at once, then one for each second that passed.
    let most = 2 + began.elapsed().as_secs() as usize;
    assert!(events.len() <= most, "{:?}", words(&events));
    let shown = events.iter().map(|event| match body(event) {
        Body::ReadMarker(marker) => marker.read_seq,
        other => panic!("{other:?}"),
    });
    assert!(shown.is_sorted(), "{:?}", words(&events));
}

async fn unread_is_arithmetic(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    for (who, to) in [
        (&ann, "bob"),
        (&ann, "bob"),
        (&ann, "bob"),
        (&bob, "ann"),
        (&ann, "bob"),
        (&bob, "ann"),
        (&ann, "bob"),
    ] {
        who.send(to, "text").await;
    }
    let state = bob.conversation_with("ann").await;
    assert_eq!((state.last_seq, state.read_seq, state.unread), (7, 0, 5));
    let state = ann.conversation_with("bob").await;
    assert_eq!(
        (state.read_seq, state.unread),
        (0, 2),
        "sending marks nothing read"
    );
    let id = state.id;
    let mut feed = bob.live(Door::Chat).await;
    // By frame and by call; a lower one changes nothing.
    for (seq, now, unread) in [
        (2, 2, 3),
        (1, 2, 3),
        (4, 4, 2),
        (5, 5, 1),
        (6, 6, 1),
        (7, 7, 0),
    ] {
        let by_frame = feed.ask(Some(mark_read(&id, seq))).await;
        let by_call = ask_unary(&bob, mark_read(&id, seq)).await;
        assert_eq!(by_frame, by_call);
        let Answer::MarkRead(marked) = by_call else {
            panic!("{by_call:?}");
        };
        assert_eq!((marked.read_seq, marked.unread), (now, unread), "at {seq}");
        let state = bob.conversation_with("ann").await;
        assert_eq!((state.read_seq, state.unread), (now, unread), "at {seq}");
    }
    let beyond = ask_unary(&bob, mark_read(&id, 8)).await;
    assert!(matches!(beyond, Answer::Error(error) if error.reason == "SEQ_BEYOND_END"));
    // Notes to self are never unread.
    ann.send("ann", "note").await;
    let notes = ann.conversation_with("ann").await;
    assert_eq!((notes.last_seq, notes.read_seq, notes.unread), (1, 0, 0));
    let read = ask_unary(&ann, mark_read(&notes.id, 1)).await;
    assert!(matches!(read, Answer::MarkRead(it) if (it.read_seq, it.unread) == (1, 0)));
}

async fn a_user_is_online_while_any_device_holds_a_stream(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let bob_too = Account::login(&server, "bob").await;
    let seen = async |presence: Presence| {
        let request = UsersRequest {
            presence: presence.into(),
            ..UsersRequest::default()
        };
        let users = ann.connection.chat().users(request).await.unwrap();
        let users = users.into_inner();
        assert_eq!(users.total_size as usize, users.users.len());
        users.users
    };
    let presence = async || {
        let all = seen(Presence::Unspecified).await;
        let names: Vec<&str> = all.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["ann", "bob"], "sorted, online or not");
        all[1].clone()
    };
    let user = presence().await;
    assert_eq!(user.presence(), Presence::Offline);
    assert_eq!(user.last_seen_time, None, "never had a stream");
    let first = bob.on(&server).live(Door::Chat).await;
    let second = bob_too.on(&server).live(Door::Subscribe).await;
    let user = presence().await;
    assert_eq!(
        (user.presence(), user.last_seen_time),
        (Presence::Online, None)
    );
    let online = seen(Presence::Online).await;
    assert!(online.len() == 1 && online[0].name == "bob", "{online:?}");
    let offline = seen(Presence::Offline).await;
    assert!(
        offline.len() == 1 && offline[0].name == "ann",
        "{offline:?}"
    );

    // The other device still holds a stream, and the end of the first has reached the server when a new one has.
    drop(first);
    drop(bob.on(&server).live(Door::Chat).await);
    assert_eq!(presence().await.presence(), Presence::Online);
    drop(second);
    until!("offline", presence().await.presence() == Presence::Offline);
    until!(
        "when it was seen",
        presence().await.last_seen_time.is_some()
    );
    let seen_at = presence().await.last_seen_time.unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ago = now.as_secs() as i64 - seen_at.seconds;
    assert!((0..=10).contains(&ago), "{ago} s ago");
    let _third = bob.live(Door::Chat).await;
    let user = presence().await;
    assert_eq!(
        (user.presence(), user.last_seen_time),
        (Presence::Online, None)
    );
}

async fn the_peer_learns_of_a_conversation_just_before_its_first_message(start: Start) {
    let server = start.start();
    let ann = Account::register(&server, "ann").await;
    let ann_too = Account::login(&server, "ann").await;
    let bob = Account::register(&server, "bob").await;
    let mut own = ann_too.live(Door::Subscribe).await;
    let mut peer = bob.live(Door::Chat).await;
    let mut chat = ann.live(Door::Chat).await;
    let started = chat.ask(Some(start_conversation("BOB"))).await;
    let Answer::StartConversation(started) = started else {
        panic!("{started:?}");
    };
    let state = started.conversation.unwrap();
    assert_eq!((state.name.as_str(), state.last_seq), ("bob", 0));
    let again = ann_too.conversation_with("bob").await;
    assert_eq!(again, state, "there is one such conversation");

    // The caller's devices learn of it; the peer sees nothing.
    let event = own.next().await;
    assert_eq!(words(std::slice::from_ref(&event)), ["conversation"]);
    assert_ne!(event.cursor, "");
    assert!(bob.conversations().await.is_empty());
    let get = GetConversationRequest {
        conversation_id: state.id.clone(),
    };
    let refused = bob.connection.conversations().get_conversation(get).await;
    assert_eq!(reason(&refused.unwrap_err()), "CONVERSATION_NOT_FOUND");
    let fresh = Account::login(&server, "bob").await;
    let fresh = fresh.replayed(Door::Chat, From::default()).await;
    assert_eq!(words(&fresh), ["welcome", "caught up"]);
    let before = fresh[1].cursor.clone();

    ann.send("bob", "hello").await;
    let events = peer.until_text("hello").await;
    assert_eq!(words(&events), ["conversation", "hello"], "nothing before");
    let shared = states(&events).remove(0);
    assert_eq!(shared.id, state.id);
    let names: Vec<&str> = shared
        .members
        .iter()
        .map(|member| member.name.as_str())
        .collect();
    assert_eq!(names, ["ann", "bob"], "sorted by id");
    // What differs from member to member is not in what they share.
    let per_user = (shared.name.as_str(), shared.read_seq, shared.unread);
    assert_eq!((per_user, shared.last_message), (("", 0, 0), None));
    for (who, name, unread) in [("ann", "bob", 0), ("bob", "ann", 1)] {
        let device = Account::login(&server, who).await;
        let events = device.replayed(Door::Chat, From::default()).await;
        let state = states(&events).remove(0);
        assert_eq!(
            (state.name.as_str(), state.unread),
            (name, unread),
            "for {who}"
        );
        assert_eq!(state.last_message.as_ref().map(text_of), Some("hello"));
    }
    // And whoever resumes from before it gets the same.
    let resumed = bob.replayed(Door::Subscribe, after(&before)).await;
    assert_eq!(
        words(&resumed),
        ["welcome", "conversation", "hello", "caught up"]
    );
    let log = |events: &[Event]| events.iter().filter_map(log_event).collect::<Vec<_>>();
    assert_eq!(log(&resumed), log(&events));
}
