//! What has arrived at others, through the real server: who is told of it, how often, and that a block hides it, as it
//! hides who types and who can be reached.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use tinychat::pb::{
    BlockUserRequest, ListMarkersRequest, Presence, UnblockUserRequest, UsersRequest, event::Body,
    reply::Result as Answer,
};

use crate::{
    groups::asking::*,
    presence::{ephemeral, is, listening, names, type_in, until},
    support::{
        Account, Start, both_stores, eventually_async,
        feed::{DOORS, Door, Feed, From, acknowledge, ask_unary},
        in_time,
    },
};

both_stores! {
    what_has_arrived_is_told_to_the_others_who_asked_for_it,
    many_acknowledgements_are_told_once_a_second,
    what_has_arrived_at_one_without_a_stream_is_told_too,
    a_block_hides_both_from_each_other,
    a_block_hides_in_the_list_of_users_who_is_here,
}

/// What of all that is never stored came until each of these did, in words.
async fn until_all(
    feed: &mut Feed,
    names: &BTreeMap<String, String>,
    due: &[String],
) -> Vec<String> {
    let mut missing: BTreeSet<&String> = due.iter().collect();
    let mut all = Vec::new();
    while !missing.is_empty() {
        let word = ephemeral(&feed.next().await, names);
        missing.retain(|due| word.as_ref() != Some(*due));
        all.extend(word);
    }
    all
}

/// Which of these words are of what has arrived.
fn arrivals(words: &[String]) -> Vec<&String> {
    let words = words.iter();
    words.filter(|word| word.contains(" has ")).collect()
}

/// Reads up to the message of this text and acknowledges it, by a frame or a call.
async fn take(who: &Account, feed: &mut Feed, text: &str) {
    let events = feed.until_text(text).await;
    let request = acknowledge(&events.last().unwrap().cursor);
    let answer = match feed.takes_requests() {
        true => feed.ask(Some(request)).await,
        false => ask_unary(who, request).await,
    };
    assert!(matches!(answer, Answer::Acknowledge(_)), "{answer:?}");
}

/// How far the others of a conversation have got its messages, as a member is told who asks.
async fn markers(who: &Account, id: &str) -> Vec<(String, u64)> {
    let conversation_id = id.to_owned();
    let listed = ask!(who, list_markers, ListMarkersRequest { conversation_id });
    let markers = listed.unwrap().markers.into_iter();
    markers
        .map(|it| (it.user.unwrap().name, it.delivered_seq))
        .collect()
}

/// The users of a presence as one sees them, each with whether it is told when that one was here last; and how many there are.
async fn listed(who: &Account, presence: Presence) -> (Vec<(String, Presence, bool)>, u32) {
    let request = UsersRequest {
        presence: presence.into(),
        ..UsersRequest::default()
    };
    let answer = in_time("users", who.connection.chat().users(request)).await;
    let page = answer.unwrap().into_inner();
    let users = page.users.iter();
    let users = users.map(|it| (it.name.clone(), it.presence(), it.last_seen_time.is_some()));
    (users.collect(), page.total_size)
}

async fn block(who: &Account, user: &str) {
    let user_name = user.to_owned();
    let mut chat = who.connection.chat();
    let blocked = chat.block_user(BlockUserRequest { user_name });
    in_time("block", blocked).await.unwrap();
}

async fn unblock(who: &Account, user: &str) {
    let user_name = user.to_owned();
    let mut chat = who.connection.chat();
    let unblocked = chat.unblock_user(UnblockUserRequest { user_name });
    in_time("unblock", unblocked).await.unwrap();
}

async fn what_has_arrived_is_told_to_the_others_who_asked_for_it(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let names = names(&ann).await;
    let news = channel(&ann, "news", &["bob"]).await.id;
    let club = group(&ann, "club", &["bob", "eve"]).await.id;
    let direct = ann.conversation_with("bob").await.id;
    for (round, door) in (1..).zip(DOORS) {
        let mut of_ann = listening(&ann, door).await;
        let mut of_eve = listening(&eve, door).await;
        let mut mute = ann.live(door).await;
        let mut of_bob = bob.live(door).await;
        // A channel tells nobody; and eve takes nothing in.
        let text = |place| format!("{place} {door:?}");
        for (id, place) in [(&news, "channel"), (&club, "group")] {
            say(&ann, id, &text(place)).await;
            take(&bob, &mut of_bob, &text(place)).await;
        }
        let in_club = format!("bob has {round} of {club}");
        let came = until(&mut of_ann, &names, &in_club).await;
        assert_eq!(arrivals(&came), [&in_club], "{door:?}");
        let came = until(&mut of_eve, &names, &in_club).await;
        assert_eq!(arrivals(&came), [&in_club], "{door:?}");
        ann.send("bob", &text("direct")).await;
        take(&bob, &mut of_bob, &text("direct")).await;
        let in_direct = format!("bob has {round} of {direct}");
        let came = until(&mut of_ann, &names, &in_direct).await;
        assert_eq!(arrivals(&came), [&in_direct], "{door:?}");

        let due = vec![("bob".to_owned(), round)];
        eventually_async("the same is listed", async || {
            markers(&ann, &direct).await == due
        })
        .await;
        let others = markers(&ann, &club).await;
        let none = ("eve".to_owned(), 0);
        assert_eq!(others, [due[0].clone(), none]);
        assert!(markers(&ann, &news).await.is_empty());
        // Whoever did not ask, and whoever it is about, hears nothing of it.
        for (who, feed) in [(&ann, &mut mute), (&bob, &mut of_bob)] {
            who.send(&who.name, "the end").await;
            let came = feed.until_text("the end").await;
            let told = came
                .iter()
                .filter(|it| matches!(it.body, Some(Body::Delivered(_))));
            assert_eq!(told.count(), 0, "{door:?}");
        }
    }
}

async fn many_acknowledgements_are_told_once_a_second(start: Start) {
    const MESSAGES: u64 = 200;
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let names = names(&ann).await;
    let id = ann.conversation_with("bob").await.id;
    let mut of_ann = listening(&ann, Door::Chat).await;
    let mut of_bob = bob.live(Door::Chat).await;
    for number in 1..=MESSAGES {
        ann.send("bob", &format!("{number}")).await;
    }
    let events = of_bob.until_text(&format!("{MESSAGES}")).await;
    let began = Instant::now();
    // One after the other, and the last ones once more: all are fine.
    let mut asked = Vec::new();
    for event in events.iter().chain(&events[events.len() - 10..]) {
        if matches!(event.body, Some(Body::Message(_))) {
            asked.push(of_bob.say(Some(acknowledge(&event.cursor))).await);
        }
    }
    for request_id in asked {
        let answer = of_bob.answer(request_id).await;
        assert!(matches!(answer, Answer::Acknowledge(_)), "{answer:?}");
    }
    let last = format!("bob has {MESSAGES} of {id}");
    let came = until(&mut of_ann, &names, &last).await;
    let most = 1 + began.elapsed().as_secs() as usize;
    let told = arrivals(&came).len();
    assert!(told <= most, "{came:?} in {:?}", began.elapsed());
}

async fn what_has_arrived_at_one_without_a_stream_is_told_too(start: Start) {
    let server = start.start();
    let [ann, bob] = registered(&server, ["ann", "bob"]).await;
    let names = names(&ann).await;
    let id = ann.conversation_with("bob").await.id;
    let mut of_ann = listening(&ann, Door::Subscribe).await;
    for seq in 1..=3 {
        ann.send("bob", &format!("{seq}")).await;
        let events = bob.replayed(Door::Chat, From::default()).await;
        let cursor = &events.last().unwrap().cursor;
        let answer = ask_unary(&bob, acknowledge(cursor)).await;
        assert!(matches!(answer, Answer::Acknowledge(_)), "{answer:?}");
        let due = format!("bob has {seq} of {id}");
        let came = until(&mut of_ann, &names, &due).await;
        assert_eq!(arrivals(&came), [&due]);
    }
}

async fn a_block_hides_both_from_each_other(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let names = names(&ann).await;
    let club = group(&ann, "club", &["bob", "eve"]).await.id;
    let after = group(&ann, "after", &["bob", "eve"]).await.id;
    let mut of_ann = listening(&ann, Door::Chat).await;
    let mut of_bob = listening(&bob, Door::Subscribe).await;
    let mut of_eve = listening(&eve, Door::Chat).await;
    // Those with which they acknowledge.
    let mut taking = Vec::new();
    for who in [&ann, &bob, &eve] {
        taking.push(who.live(Door::Chat).await);
    }
    let online = |names: [&str; 2]| names.map(|name| format!("{name} ONLINE"));
    until_all(&mut of_ann, &names, &online(["bob", "eve"])).await;
    until_all(&mut of_bob, &names, &online(["ann", "eve"])).await;
    until_all(&mut of_eve, &names, &online(["ann", "bob"])).await;

    block(&ann, "bob").await;
    let came = until(&mut of_ann, &names, "bob OFFLINE").await;
    assert_eq!(came, ["bob OFFLINE"]);
    let came = until(&mut of_bob, &names, "ann OFFLINE").await;
    assert_eq!(came, ["ann OFFLINE"]);
    // What the two do now, eve sees; what she does after it, they see, and nothing of each other.
    is(&ann, Presence::DoNotDisturb, Presence::DoNotDisturb).await;
    is(&bob, Presence::Away, Presence::Away).await;
    for who in [&ann, &bob] {
        type_in(who, &club, true).await.unwrap();
    }
    say(&eve, &club, "of eve").await;
    take(&ann, &mut taking[0], "of eve").await;
    take(&bob, &mut taking[1], "of eve").await;
    let due: Vec<String> = [("ann", "DO_NOT_DISTURB"), ("bob", "AWAY")]
        .into_iter()
        .flat_map(|(who, presence)| {
            [
                format!("{who} {presence}"),
                format!("{who} types in {club}"),
                format!("{who} has 1 of {club}"),
            ]
        })
        .collect();
    until_all(&mut of_eve, &names, &due).await;
    type_in(&eve, &club, true).await.unwrap();
    is(&eve, Presence::Away, Presence::Away).await;
    say(&ann, &club, "of ann").await;
    say(&bob, &club, "of bob").await;
    for (who, feed) in [&ann, &bob, &eve].into_iter().zip(&mut taking) {
        take(who, feed, "of bob").await;
    }
    let due = [
        "eve AWAY".to_owned(),
        format!("eve types in {club}"),
        format!("eve has 3 of {club}"),
    ];
    for (feed, other) in [(&mut of_ann, "bob"), (&mut of_bob, "ann")] {
        let came = until_all(feed, &names, &due).await;
        let of_the_other = came.iter().filter(|word| word.starts_with(other));
        assert_eq!(of_the_other.count(), 0, "{came:?}");
    }
    let listed = |who: &str| vec![(who.to_owned(), 3)];
    for who in [&ann, &bob] {
        eventually_async("only eve is listed", async || {
            markers(who, &club).await == listed("eve")
        })
        .await;
    }

    unblock(&ann, "bob").await;
    let came = until(&mut of_ann, &names, "bob AWAY").await;
    assert_eq!(came.len(), 1, "{came:?}");
    let came = until(&mut of_bob, &names, "ann DO_NOT_DISTURB").await;
    assert_eq!(came.len(), 1, "{came:?}");
    for (who, feed) in [(&ann, &mut of_bob), (&bob, &mut of_ann)] {
        type_in(who, &after, true).await.unwrap();
        let due = format!("{} types in {after}", who.name);
        until(feed, &names, &due).await;
    }
    say(&ann, &after, "again").await;
    take(&bob, &mut taking[1], "again").await;
    until(&mut of_ann, &names, &format!("bob has 1 of {after}")).await;
    eventually_async("both are listed", async || {
        markers(&ann, &club).await == [("bob".to_owned(), 3), ("eve".to_owned(), 3)]
    })
    .await;
}

async fn a_block_hides_in_the_list_of_users_who_is_here(start: Start) {
    let server = start.start();
    let [ann, bob, eve] = registered(&server, ["ann", "bob", "eve"]).await;
    let user = |name: &str, presence, was_seen| (name.to_owned(), presence, was_seen);
    let (here, gone) = (Presence::Online, Presence::Offline);
    // Eve was here, and is not any more.
    drop(eve.live(Door::Chat).await);
    let was_seen = (vec![user("eve", gone, true)], 1);
    let _streams = [ann.live(Door::Chat).await, bob.live(Door::Subscribe).await];
    for who in [&ann, &bob, &eve] {
        eventually_async("both are here, and eve has gone", async || {
            listed(who, gone).await == was_seen
        })
        .await;
        let both = vec![user("ann", here, false), user("bob", here, false)];
        assert_eq!(listed(who, here).await, (both, 2));
    }
    block(&bob, "ann").await;
    for (who, other) in [(&ann, "bob"), (&bob, "ann")] {
        let own = user(&who.name, here, false);
        let hidden = user(other, gone, false);
        assert_eq!(listed(who, here).await, (vec![own], 1));
        let others = vec![hidden.clone(), user("eve", gone, true)];
        assert_eq!(listed(who, gone).await, (others, 2));
        let (all, count) = listed(who, Presence::Unspecified).await;
        assert!(all.contains(&hidden) && count == 3, "{all:?}");
        assert_eq!(listed(who, Presence::Away).await, (vec![], 0));
    }
    assert_eq!(listed(&eve, here).await.1, 2, "others see both");
    // Nor when the other was here last.
    block(&eve, "ann").await;
    let (all, _) = listed(&ann, Presence::Unspecified).await;
    assert_eq!(all[2], user("eve", gone, false));
    unblock(&eve, "ann").await;
    unblock(&bob, "ann").await;
    assert_eq!(listed(&ann, here).await.1, 2);
    assert_eq!(listed(&ann, gone).await, was_seen);
}
