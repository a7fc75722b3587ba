//! What is kept of events and answers, and what is filled in where they leave something out.

use super::*;
use crate::client::{
    app::room::{Kind, Room},
    cache::{CachedChat, FirstPaint},
};

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn user(id: &str, name: &str) -> Option<pb::UserRef> {
    Some(pb::UserRef {
        id: id.to_owned(),
        name: name.to_owned(),
    })
}

fn event(cursor: &str, body: Body) -> pb::Event {
    pb::Event {
        cursor: cursor.to_owned(),
        body: Some(body),
    }
}

fn said(seq: u64, seconds: i64) -> pb::Message {
    pb::Message {
        conversation_id: "c1".to_owned(),
        seq,
        sender: user("u2", "bob"),
        sent_time: at(seconds),
        ..pb::Message::default()
    }
}

/// The state of the conversation with bob, as its own user gets it.
fn own_state() -> pb::Conversation {
    pb::Conversation {
        id: "c1".to_owned(),
        kind: ConversationKind::Group.into(),
        name: "trip".to_owned(),
        topic: "old".to_owned(),
        members_count: 2,
        my_role: pb::Role::Admin.into(),
        last_seq: 4,
        read_seq: 3,
        unread: 1,
        mentions: 1,
        marked_unread: true,
        notify: Some(pb::NotifySettings::default()),
        ..pb::Conversation::default()
    }
}

fn of_conversation(cursor: &str, conversation: pb::Conversation) -> pb::Event {
    let conversation = Some(conversation);
    let changed = pb::ConversationChanged { conversation };
    event(cursor, Body::ConversationChanged(changed))
}

fn memory() -> Memory {
    let mut memory = Memory::new("ann".parse().unwrap(), &FirstPaint::default());
    let welcome = pb::Welcome {
        user: Some(pb::User {
            id: "u1".to_owned(),
            ..pb::User::default()
        }),
        epoch: "e1".to_owned(),
        ..pb::Welcome::default()
    };
    let changes = memory.event(&event("", Body::Welcome(welcome)));
    assert_eq!(changes, [Change::Epoch("e1".to_owned())]);
    memory
}

/// The conversations of a model in which the one of these tests has these counts.
fn chats(counts: Counts) -> Chats {
    let mut chats = Chats::default();
    let room = Room {
        id: "c1".to_owned(),
        kind: Kind::Group,
        ..Room::default()
    };
    chats.learn(room, None).unwrap().take_counts(counts);
    chats
}

fn kept(changes: &[Change]) -> pb::Conversation {
    match changes {
        [Change::Conversation { state, .. }] => (**state).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_state_that_is_kept_is_whole_whatever_an_event_leaves_out() {
    let mut memory = memory();
    let shared = pb::Conversation {
        topic: "new".to_owned(),
        members_count: 3,
        last_seq: 4,
        my_role: 0,
        read_seq: 0,
        unread: 0,
        mentions: 0,
        marked_unread: false,
        notify: None,
        ..own_state()
    };
    // Of what is not known nothing is made up.
    let early = memory.event(&of_conversation("x-1", shared.clone()));
    assert_eq!(early, []);
    assert_eq!(
        kept(&memory.event(&of_conversation("", own_state()))),
        own_state()
    );
    let expected = pb::Conversation {
        topic: "new".to_owned(),
        members_count: 3,
        ..own_state()
    };
    let whole = kept(&memory.event(&of_conversation("x-2", shared)));
    assert_eq!(whole, expected);
    // Of a conversation of two all are told no name.
    let direct = pb::Conversation {
        id: "d1".to_owned(),
        kind: ConversationKind::Direct.into(),
        name: "bob".to_owned(),
        ..own_state()
    };
    memory.states(std::slice::from_ref(&direct));
    let shared = pb::Conversation {
        name: String::new(),
        notify: None,
        ..direct
    };
    let whole = kept(&memory.event(&of_conversation("x-3", shared)));
    assert_eq!(whole.name, "bob");
}

#[test]
fn what_a_member_sets_and_is_changes_the_state() {
    let mut memory = memory();
    memory.states(&[own_state()]);
    let notify = Some(pb::NotifySettings {
        level: pb::NotifyLevel::None.into(),
        until_time: None,
    });
    let set = pb::SettingsChanged {
        conversation_id: "c1".to_owned(),
        marked_unread: false,
        notify,
    };
    let state = kept(&memory.event(&event("x-1", Body::SettingsChanged(set))));
    assert_eq!((state.marked_unread, state.notify), (false, notify));
    let member = |user, change: MemberChange, role: pb::Role| {
        let changed = pb::MemberChanged {
            conversation_id: "c1".to_owned(),
            user,
            change: change.into(),
            role: role.into(),
            by: None,
            members_count: 7,
        };
        event("x-2", Body::MemberChanged(changed))
    };
    let other = member(user("u2", "bob"), MemberChange::Role, pb::Role::ReadOnly);
    let state = kept(&memory.event(&other));
    assert_eq!((state.members_count, state.my_role()), (7, pb::Role::Admin));
    let me = member(user("u1", "ann"), MemberChange::Role, pb::Role::Owner);
    assert_eq!(kept(&memory.event(&me)).my_role(), pb::Role::Owner);
    let gone = member(
        user("u1", "ann"),
        MemberChange::Banned,
        pb::Role::Unspecified,
    );
    let conversation = "c1".to_owned();
    assert_eq!(memory.event(&gone), [Change::Gone { conversation }]);
    assert_eq!(memory.event(&other), [], "it is not there any more");
}

#[test]
fn counts_are_those_of_the_model_and_the_cursor_comes_last() {
    let mut memory = memory();
    memory.states(&[own_state()]);
    let counts = Counts {
        last_seq: 5,
        read_seq: 3,
        unread: 2,
        mentions: 1,
    };
    assert_eq!(memory.finish(&chats(counts)).len(), 1);
    let message = said(6, 9);
    let changes = memory.event(&event("x-7", Body::Message(message.clone())));
    assert_eq!(changes, [Change::Message(Box::new(message))]);
    memory.event(&event("", Body::CaughtUp(pb::CaughtUp {})));
    let counts = Counts {
        last_seq: 6,
        unread: 3,
        ..counts
    };
    let expected = [
        Change::Counts {
            conversation: "c1".to_owned(),
            last_activity: 9_000,
            last_seq: 6,
            read_seq: 3,
            unread: 3,
            mentions: 1,
        },
        Change::Cursor("x-7".to_owned()),
    ];
    assert_eq!(memory.finish(&chats(counts)), expected);
    assert_eq!(memory.finish(&chats(counts)), [], "nothing twice");
    // A mark of this user, here or elsewhere, is what the model makes of it.
    assert!(memory.touch("c1"));
    assert_eq!(memory.finish(&chats(counts)), []);
    let marker = pb::ReadMarker {
        conversation_id: "c1".to_owned(),
        user_id: "u1".to_owned(),
        read_seq: 6,
    };
    assert_eq!(memory.event(&event("x-8", Body::ReadMarker(marker))), []);
    let read = Counts {
        read_seq: 6,
        unread: 0,
        mentions: 0,
        ..counts
    };
    let ends = memory.finish(&chats(read));
    assert!(matches!(
        ends[0],
        Change::Counts {
            unread: 0,
            read_seq: 6,
            ..
        }
    ));
    assert_eq!(ends[1..], [Change::Cursor("x-8".to_owned())]);
}

#[test]
fn no_cursor_and_no_state_outlive_their_store() {
    let mut memory = memory();
    memory.states(&[own_state()]);
    memory.event(&event("x-1", Body::Message(said(5, 1))));
    let reset = |memory: &mut Memory| memory.event(&event("", Body::Reset(pb::Reset::default())));
    // What is kept from then on is of the store that was named.
    let with = |epoch: &str| [Change::Reset, Change::Epoch(epoch.to_owned())];
    assert_eq!(reset(&mut memory), with("e1"));
    assert_eq!(memory.finish(&Chats::default()), []);
    let shared = pb::Conversation {
        notify: None,
        ..own_state()
    };
    assert_eq!(memory.event(&of_conversation("x-2", shared)), []);
    memory.event(&event("x-3", Body::Message(said(5, 1))));
    let other = pb::Welcome {
        epoch: "e2".to_owned(),
        ..pb::Welcome::default()
    };
    memory.event(&event("", Body::Welcome(other)));
    assert_eq!(memory.finish(&Chats::default()), []);
    assert_eq!(reset(&mut memory), with("e2"));
}

#[test]
fn what_is_new_stands_above_though_the_clock_goes_back() {
    let mut memory = memory();
    let state = |id: &str, seconds| pb::Conversation {
        id: id.to_owned(),
        last_message: Some(said(4, seconds)),
        ..own_state()
    };
    memory.states(&[state("c2", 100), state("c1", 50)]);
    memory.event(&event("x-1", Body::Message(said(5, 10))));
    let counts = Counts {
        last_seq: 5,
        ..Counts::default()
    };
    let ends = memory.finish(&chats(counts));
    let activity = |change: &Change| match change {
        Change::Counts { last_activity, .. } | Change::Conversation { last_activity, .. } => {
            *last_activity
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(activity(&ends[0]), 100_000);
    // One that comes to be stands above those that were there.
    let new = pb::Conversation {
        id: "c3".to_owned(),
        ..own_state()
    };
    assert_eq!(activity(&memory.states(&[new])[0]), 100_000);
    // One that comes again changes no order.
    memory.event(&event("x-2", Body::Message(said(5, 999))));
    let ends = memory.finish(&chats(counts));
    assert_eq!(ends, [Change::Cursor("x-2".to_owned())]);
}

#[test]
fn what_happens_to_messages_and_people_is_kept_as_it_came() {
    let mut memory = memory();
    memory.states(&[own_state()]);
    let edited = pb::MessageEdited {
        message: Some(said(2, 1)),
    };
    let edited = memory.event(&event("x", Body::MessageEdited(edited)));
    assert_eq!(edited, [Change::Edited(Box::new(said(2, 1)))]);
    let deleted = pb::MessageDeleted {
        conversation_id: "c1".to_owned(),
        seq: 2,
        ..pb::MessageDeleted::default()
    };
    let change = memory.event(&event("x", Body::MessageDeleted(deleted.clone())));
    assert_eq!(change, [Change::Deleted(deleted)]);
    for (who, expected) in [(user("u1", "ann"), true), (user("u2", "bob"), false)] {
        let reacted = pb::ReactionChanged {
            conversation_id: "c1".to_owned(),
            seq: 2,
            user: who,
            ..pb::ReactionChanged::default()
        };
        let changes = memory.event(&event("x", Body::ReactionChanged(reacted)));
        assert!(
            matches!(&changes[..], [Change::Reactions { is_mine, .. }] if *is_mine == expected)
        );
    }
    let marker = pb::ReadMarker {
        conversation_id: "c1".to_owned(),
        user_id: "u2".to_owned(),
        read_seq: 3,
    };
    let read = memory.event(&event("x", Body::ReadMarker(marker)));
    assert!(matches!(
        &read[..],
        [Change::Marker {
            read_seq: 3,
            delivered_seq: 3,
            ..
        }]
    ));
    let gap = pb::Gap {
        conversation_id: "c1".to_owned(),
        from_seq: 5,
        to_seq: 9,
    };
    let hole = memory.event(&event("", Body::Gap(gap.clone())));
    assert_eq!(hole, [Change::Hole(gap)]);
    let page = [said(1, 1), pb::Message::default()];
    let page = memory.page("c1", &page);
    assert_eq!(page, [Change::Message(Box::new(said(1, 1)))]);
}

#[test]
fn a_server_that_leaves_out_everything_or_never_ends_does_no_harm() {
    let mut memory = memory();
    let long = "x".repeat(257);
    for id in ["", &long] {
        let message = pb::Message {
            conversation_id: id.to_owned(),
            seq: 1,
            ..pb::Message::default()
        };
        assert_eq!(memory.event(&event("", Body::Message(message))), []);
        let state = pb::Conversation {
            id: id.to_owned(),
            ..own_state()
        };
        assert_eq!(memory.states(&[state]), []);
        assert_eq!(marked("c1", id, (1, 1)), None);
    }
    assert_eq!(memory.event(&pb::Event::default()), []);
    for count in 0..CHATS_MAX + 10 {
        memory.states(&[pb::Conversation {
            id: format!("c{count}"),
            ..own_state()
        }]);
    }
    assert_eq!(memory.chats.len(), CHATS_MAX);
    assert_eq!(memory.touched.len(), CHATS_MAX);
}

#[test]
fn what_no_honest_server_sends_is_not_kept_and_nothing_older_in_its_place() {
    let mut memory = memory();
    memory.states(&[own_state()]);
    let long = "x".repeat(40 * 1024);
    let text = Some(pb::message::Content::Text(long.clone()));
    let large = pb::Message {
        content: text,
        ..said(2, 1)
    };
    let crowded = pb::Message {
        mentions: vec![pb::UserRef::default(); 10_000],
        ..said(2, 1)
    };
    let gap = pb::Gap {
        conversation_id: "c1".to_owned(),
        from_seq: 2,
        to_seq: 2,
    };
    for message in [large.clone(), crowded] {
        let hole = [Change::Hole(gap.clone())];
        assert_eq!(memory.page("c1", std::slice::from_ref(&message)), hole);
        let came = event("x", Body::Message(message.clone()));
        assert_eq!(memory.event(&came), hole);
        let message = Some(message);
        let edited = event("x", Body::MessageEdited(pb::MessageEdited { message }));
        assert_eq!(memory.event(&edited), hole);
    }
    let state = pb::Conversation {
        name: long.clone(),
        topic: long.clone(),
        members: vec![pb::UserRef::default(); 10_000],
        last_message: Some(large),
        ..own_state()
    };
    let state = kept(&memory.states(&[state]));
    assert!(prost::Message::encoded_len(&state) < 2_000);
    assert_eq!(state.last_message, None);
    let user = pb::UserRef {
        id: long.clone(),
        name: long.clone(),
    };
    let reaction = pb::Reaction {
        emoji: long.clone(),
        ..pb::Reaction::default()
    };
    let changed = pb::ReactionChanged {
        conversation_id: "c1".to_owned(),
        seq: 1,
        emoji: long.clone(),
        user: Some(user.clone()),
        reactions: vec![reaction; 10_000],
        ..pb::ReactionChanged::default()
    };
    let [Change::Reactions { event: small, .. }] =
        &memory.event(&event("x", Body::ReactionChanged(changed)))[..]
    else {
        panic!("reactions")
    };
    assert!(prost::Message::encoded_len(small) < 8_000);
    let deleted = pb::MessageDeleted {
        conversation_id: "c1".to_owned(),
        deleted_by: Some(user.clone()),
        ..pb::MessageDeleted::default()
    };
    let [Change::Deleted(deleted)] = &memory.event(&event("x", Body::MessageDeleted(deleted)))[..]
    else {
        panic!("deleted")
    };
    assert_eq!(deleted.deleted_by, None);
    let Change::Blocked(users) = blocked(&vec![user; 10_000]) else {
        panic!("blocked")
    };
    assert!(users.len() <= 1_000 && users[0].name.len() < 100);
    // Nor what would stand for a place.
    memory.finish(&chats(Counts::default()));
    memory.event(&event(&long, Body::CaughtUp(pb::CaughtUp {})));
    assert_eq!(memory.finish(&chats(Counts::default())), []);
    let page: Vec<pb::Message> = (1..5_000).map(|seq| said(seq, 1)).collect();
    assert_eq!(memory.page("c1", &page).len(), PAGE_MAX);
}

#[test]
fn what_the_model_has_no_more_is_gone_from_the_cache() {
    let mut memory = memory();
    let other = pb::Conversation {
        id: "c2".to_owned(),
        ..own_state()
    };
    memory.states(&[own_state(), other]);
    let conversation = "c2".to_owned();
    let chats = chats(Counts::default());
    assert_eq!(memory.forget_gone(&chats), [Change::Gone { conversation }]);
    assert_eq!(memory.forget_gone(&chats), []);
    assert!(memory.chats.contains_key("c1"));
}

#[test]
fn it_begins_with_what_the_cache_has() {
    let paint = FirstPaint {
        chats: vec![CachedChat {
            state: own_state(),
            last_activity: 70,
        }],
        ..FirstPaint::default()
    };
    let mut memory = Memory::new("ann".parse().unwrap(), &paint);
    assert_eq!(memory.my_id(), None);
    let shared = pb::Conversation {
        notify: None,
        my_role: 0,
        ..own_state()
    };
    let changes = memory.event(&of_conversation("x-1", shared));
    assert_eq!(kept(&changes), own_state());
    assert!(matches!(
        changes[0],
        Change::Conversation {
            last_activity: 70,
            ..
        }
    ));
    assert_eq!(memory.direct_members(&ChatId::from("c1")), None);
}
