//! Each event, answers, the cache, and a server that leaves everything out.

use super::*;
use crate::{
    client::app::{file::tests::picture, news::Change as MemberChange},
    domain::{conversation::NotifyLevel, role::Role, user::Presence},
    pb::message::Content,
};

#[path = "translate_limits_tests.rs"]
mod limits;

fn me() -> UserName {
    "ann".parse().unwrap()
}

fn user(id: &str, name: &str) -> pb::UserRef {
    pb::UserRef {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn said(seq: u64, text: &str) -> pb::Message {
    pb::Message {
        conversation_id: "c1".to_owned(),
        seq,
        sender: Some(user("u2", "bob")),
        content: Some(Content::Text(text.to_owned())),
        sent_time: at(7),
        ..pb::Message::default()
    }
}

fn news(body: Body) -> Option<News> {
    let event = pb::Event {
        body: Some(body),
        ..pb::Event::default()
    };
    super::event(event, &me(), Some("u1"))
}

fn change(body: Body) -> Change {
    match news(body) {
        Some(News::Changed { chat, change }) if chat.as_str() == "c1" => change,
        other => panic!("{other:?}"),
    }
}

fn own_state(kind: pb::ConversationKind) -> pb::Conversation {
    pb::Conversation {
        id: "c1".to_owned(),
        kind: kind.into(),
        last_seq: 9,
        read_seq: 4,
        unread: 5,
        mentions: 1,
        notify: Some(pb::NotifySettings::default()),
        ..pb::Conversation::default()
    }
}

/// Every body with nothing in it.
fn empty_bodies() -> Vec<Body> {
    vec![
        Body::Welcome(pb::Welcome::default()),
        Body::Message(pb::Message::default()),
        Body::MessageEdited(pb::MessageEdited::default()),
        Body::MessageEdited(pb::MessageEdited {
            message: Some(pb::Message::default()),
        }),
        Body::MessageDeleted(pb::MessageDeleted::default()),
        Body::ReactionChanged(pb::ReactionChanged::default()),
        Body::ConversationChanged(pb::ConversationChanged::default()),
        Body::ConversationChanged(pb::ConversationChanged {
            conversation: Some(pb::Conversation::default()),
        }),
        Body::MemberChanged(pb::MemberChanged::default()),
        Body::ReadMarker(pb::ReadMarker::default()),
        Body::Presence(pb::PresenceChanged::default()),
        Body::Typing(pb::Typing::default()),
        Body::Gap(pb::Gap::default()),
        Body::Reset(pb::Reset::default()),
        Body::CaughtUp(pb::CaughtUp::default()),
        Body::GoingAway(pb::GoingAway::default()),
        Body::SettingsChanged(pb::SettingsChanged::default()),
        Body::BlocksChanged(pb::BlocksChanged::default()),
        Body::Delivered(pb::DeliveredMarker::default()),
    ]
}

#[test]
fn a_server_that_leaves_everything_out_does_no_harm() {
    assert_eq!(super::event(pb::Event::default(), &me(), None), None);
    let known: Vec<News> = empty_bodies().into_iter().filter_map(news).collect();
    let nobody = News::Blocks(translate::blocked(Vec::new()));
    let expected = [
        News::Connected { my_id: None },
        News::Reset,
        News::CaughtUp,
        nobody,
    ];
    assert_eq!(known, expected);
    let empty = state(pb::Conversation::default(), &me());
    assert_eq!(
        (empty.counts, empty.said, empty.my_role),
        (None, None, None)
    );
    assert_eq!(
        page(Ask::Newest, vec![pb::Message::default()], None).messages,
        []
    );
    assert_eq!(member(pb::Member::default()).0, "");
    assert_eq!(marker(pb::Marker::default()).0, "");
    let nothing = News::FirstPaint(Box::default());
    assert_eq!(first_paint(cache::FirstPaint::default(), &me()), nothing);
}

#[test]
fn who_this_is_stands_in_the_welcome() {
    let welcome = |id: &str| {
        let user = pb::User {
            id: id.to_owned(),
            ..pb::User::default()
        };
        news(Body::Welcome(pb::Welcome {
            user: Some(user),
            ..pb::Welcome::default()
        }))
    };
    let my_id = Some("u1".to_owned());
    assert_eq!(welcome("u1"), Some(News::Connected { my_id }));
    let too_long = welcome(&"u".repeat(257));
    assert_eq!(too_long, Some(News::Connected { my_id: None }));
}

#[test]
fn a_message_comes_whole() {
    let client_id = "0190b2a0-0000-7000-8000-000000000001";
    let sent = pb::Message {
        client_message_id: client_id.to_owned(),
        reply_to_seq: 2,
        revision: 3,
        reactions: vec![pb::Reaction {
            emoji: "👍".to_owned(),
            count: 2,
            mine: true,
        }],
        mentions: vec![user("u1", "ann")],
        mentions_all: true,
        attachments: vec![pb::File {
            id: "f12".to_owned(),
            name: "a.png".to_owned(),
            size_bytes: 2 * 1024 * 1024,
            media_type: "image/png".to_owned(),
            blake3: vec![7; 32].into(),
            image: Some(pb::ImageSize {
                width: 1920,
                height: 1080,
            }),
            thumbnail_file_id: "f9".to_owned(),
        }],
        ..said(5, "hi @ann")
    };
    let Some(News::Message {
        chat,
        sender_id,
        message,
    }) = news(Body::Message(sent.clone()))
    else {
        panic!("no message")
    };
    assert_eq!((chat.as_str(), sender_id.as_str()), ("c1", "u2"));
    let expected = Message {
        seq: 5,
        revision: 3,
        sender: "bob".into(),
        time: TimeMs::new(7_000),
        text: Some("hi @ann".into()),
        files: vec![picture("f12", "a.png")],
        client_id: Some(client_id.parse().unwrap()),
        reply_to: 2,
        reactions: vec![Reaction {
            emoji: "👍".into(),
            count: 2,
            is_mine: true,
        }],
        mentions: vec!["ann".into()],
        mentions_all: true,
    };
    assert_eq!(*message, expected);
    let deleted = super::message(pb::Message {
        deleted: true,
        ..sent
    });
    assert_eq!((deleted.text, deleted.mentions_all), (None, false));
    assert_eq!((deleted.mentions, deleted.files), (Vec::new(), Vec::new()));
    let strange = super::message(pb::Message {
        content: None,
        client_message_id: "what?".to_owned(),
        ..said(5, "")
    });
    assert!(
        strange
            .text
            .unwrap()
            .render_line()
            .starts_with("(a message of a kind")
    );
    assert_eq!(strange.client_id, None);
}

#[test]
fn what_happens_to_messages_is_a_change() {
    let edited = pb::Message {
        revision: 1,
        ..said(5, "ho")
    };
    let edit = change(Body::MessageEdited(pb::MessageEdited {
        message: Some(edited.clone()),
    }));
    assert_eq!(edit, Change::Edited(Box::new(message(edited))));
    let deletion = change(Body::MessageDeleted(pb::MessageDeleted {
        conversation_id: "c1".to_owned(),
        seq: 5,
        revision: 2,
        deleted_by: None,
    }));
    let (seq, revision) = (5, 2);
    assert_eq!(deletion, Change::Deleted { seq, revision });
}

#[test]
fn a_reaction_is_of_this_user_by_the_id_and_else_by_the_name() {
    let deed = |user: Option<pb::UserRef>, my_id: Option<&str>| {
        let body = Body::ReactionChanged(pb::ReactionChanged {
            conversation_id: "c1".to_owned(),
            seq: 5,
            reactions: vec![pb::Reaction::default()],
            user,
            emoji: "👍".to_owned(),
            added: true,
        });
        let event = pb::Event {
            body: Some(body),
            ..pb::Event::default()
        };
        match super::event(event, &me(), my_id) {
            Some(News::Changed {
                change: Change::Reacted {
                    deed, reactions, ..
                },
                ..
            }) if reactions.len() == 1 => deed,
            other => panic!("{other:?}"),
        }
    };
    let of = |id: &str, name: &str, my_id| deed(Some(user(id, name)), my_id).unwrap().is_mine;
    assert!(of("u1", "renamed", Some("u1")));
    assert!(!of("u2", "ann", Some("u1")));
    assert!(of("u9", "ann", None));
    assert!(of("", "ann", Some("u1")));
    assert!(!of("", "bob", Some("u1")));
    // Replayed, it stands for many.
    assert_eq!(deed(None, Some("u1")), None);
    let given = deed(Some(user("u2", "bob")), Some("u1")).unwrap();
    assert_eq!((given.emoji, given.is_added), ("👍".into(), true));
}

#[test]
fn only_an_own_state_says_what_is_unread() {
    let own = pb::Conversation {
        name: "ops".to_owned(),
        my_role: pb::Role::Admin.into(),
        last_message: Some(said(9, "x")),
        members: vec![user("u2", "bob")],
        ..own_state(pb::ConversationKind::Group)
    };
    let Some(News::Chat(state)) = news(Body::ConversationChanged(pb::ConversationChanged {
        conversation: Some(own.clone()),
    })) else {
        panic!("no state")
    };
    let counts = Counts {
        last_seq: 9,
        read_seq: 4,
        unread: 5,
        mentions: 1,
    };
    assert_eq!(state.counts, Some(counts));
    assert_eq!(state.my_role, Some(Role::Admin));
    assert_eq!(state.said, Some(TimeMs::new(7_000)));
    assert_eq!(state.people, [], "only a DIRECT one names people");
    assert!(state.room.is_mine && state.room.settings.is_some());
    // What all members are told.
    let shared = pb::Conversation {
        notify: None,
        my_role: 0,
        read_seq: 0,
        unread: 0,
        mentions: 0,
        last_message: None,
        ..own
    };
    let shared = super::state(shared, &me());
    assert_eq!(
        (shared.counts, shared.my_role, shared.said),
        (None, None, None)
    );
    assert_eq!(shared.room.settings, None);
}

#[test]
fn a_conversation_of_two_names_the_other() {
    let of = |members: &[pb::UserRef]| {
        let conversation = pb::Conversation {
            members: members.to_vec(),
            ..own_state(pb::ConversationKind::Direct)
        };
        let state = state(conversation, &me());
        (state.room.name, state.people)
    };
    let (ann, bob) = (user("u1", "ann"), user("u2", "bob"));
    let other = vec![("u2".to_owned(), "bob".into())];
    assert_eq!(of(&[ann.clone(), bob]), ("bob".into(), other));
    assert_eq!(of(&[ann]), ("ann".into(), Vec::new()));
}

#[test]
fn a_message_without_a_time_does_not_say_when_something_was_said() {
    for sent_time in [None, at(i64::MAX)] {
        let conversation = pb::Conversation {
            last_message: Some(pb::Message {
                sent_time,
                ..said(9, "x")
            }),
            ..own_state(pb::ConversationKind::Group)
        };
        assert_eq!(state(conversation, &me()).said, None);
    }
}

#[test]
fn members_come_go_and_change() {
    let changed = |change: pb::MemberChange, role: pb::Role| {
        news(Body::MemberChanged(pb::MemberChanged {
            conversation_id: "c1".to_owned(),
            user: Some(user("u2", "bob")),
            change: change.into(),
            role: role.into(),
            by: Some(user("u3", "cat")),
            members_count: 3,
        }))
    };
    let expected = |change| News::Member {
        chat: "c1".into(),
        user_id: "u2".to_owned(),
        user: "bob".into(),
        change,
        by: "cat".into(),
        members_count: 3,
    };
    let role = changed(pb::MemberChange::Role, pb::Role::ReadOnly);
    assert_eq!(role, Some(expected(MemberChange::Role(Role::ReadOnly))));
    let banned = changed(pb::MemberChange::Banned, pb::Role::Unspecified);
    assert_eq!(banned, Some(expected(MemberChange::Banned)));
    let no_role = changed(pb::MemberChange::Role, pb::Role::Unspecified);
    assert_eq!(no_role, None);
}

#[test]
fn markers_say_what_is_read_and_what_has_arrived() {
    let (conversation_id, user_id) = ("c1".to_owned(), "u2".to_owned());
    let expected = |delivered, read| {
        Some(News::Marker {
            chat: "c1".into(),
            user_id: "u2".to_owned(),
            marker: Marker { delivered, read },
        })
    };
    let read = Body::ReadMarker(pb::ReadMarker {
        conversation_id: conversation_id.clone(),
        user_id: user_id.clone(),
        read_seq: 4,
    });
    assert_eq!(news(read), expected(0, 4));
    let delivered = Body::Delivered(pb::DeliveredMarker {
        conversation_id,
        user_id,
        delivered_seq: 6,
    });
    assert_eq!(news(delivered), expected(6, 0));
    let of = |id: &str, name: &str| {
        let user = Some(user(id, name));
        marker(pb::Marker {
            user,
            read_seq: 4,
            delivered_seq: u64::MAX,
        })
    };
    let reached = Marker {
        delivered: NUMBER_MAX,
        read: 4,
    };
    assert_eq!(of("u2", "bob"), ("u2".to_owned(), "bob".into(), reached));
    assert_eq!(of(&"u".repeat(257), "x").0, "");
}

#[test]
fn what_is_set_who_is_blocked_who_is_there_and_who_types() {
    let settings = Body::SettingsChanged(pb::SettingsChanged {
        conversation_id: "c1".to_owned(),
        marked_unread: true,
        notify: Some(pb::NotifySettings {
            level: pb::NotifyLevel::None.into(),
            until_time: at(1),
        }),
    });
    let Some(News::Settings { settings, .. }) = news(settings) else {
        panic!("no settings")
    };
    assert!(settings.marked_unread);
    assert_eq!(settings.notify.level, NotifyLevel::None);
    assert_eq!(settings.notify.until, Some(TimeMs::new(1_000)));
    let users = vec![user("u2", "bob"), user("u3", "\u{1b}[2J")];
    let Some(News::Blocks(blocked)) = news(Body::BlocksChanged(pb::BlocksChanged { users })) else {
        panic!("no blocks")
    };
    let names: Vec<String> = blocked.names().map(ToString::to_string).collect();
    assert_eq!(names, ["bob"]);
    let presence = Body::Presence(pb::PresenceChanged {
        user_id: "u2".to_owned(),
        presence: pb::Presence::Away.into(),
    });
    let expected = News::Presence {
        user_id: "u2".to_owned(),
        user: Untrusted::default(),
        presence: Presence::Away,
    };
    assert_eq!(news(presence), Some(expected));
    let typing = Body::Typing(pb::Typing {
        conversation_id: "c1".to_owned(),
        user: Some(user("u2", "bob")),
        typing: true,
    });
    let expected = News::Typing {
        chat: "c1".into(),
        user: "bob".into(),
        is_typing: true,
    };
    assert_eq!(news(typing), Some(expected));
    let nobody = Body::Typing(pb::Typing {
        conversation_id: "c1".to_owned(),
        user: None,
        typing: true,
    });
    assert_eq!(news(nobody), None);
}

#[test]
fn a_gap_has_a_beginning_and_an_end() {
    let gap = |from_seq, to_seq| {
        news(Body::Gap(pb::Gap {
            conversation_id: "c1".to_owned(),
            from_seq,
            to_seq,
        }))
    };
    let expected = |from, to| {
        let chat = "c1".into();
        Some(News::Gap { chat, from, to })
    };
    assert_eq!(gap(2, 5), expected(2, 5));
    assert_eq!(gap(0, u64::MAX), expected(1, NUMBER_MAX));
    assert_eq!(gap(6, 5), None);
    assert_eq!(gap(u64::MAX, u64::MAX), None);
}

#[test]
fn a_page_stands_in_its_order_and_without_what_has_no_number() {
    let ends = Ends {
        floor: 1,
        last_seq: u64::MAX,
    };
    let messages = [3, 0, 2, u64::MAX].map(|seq| said(seq, "x")).to_vec();
    let page = page(Ask::Before(4), messages, Some(ends));
    let numbers: Vec<u64> = page.messages.iter().map(|it| it.seq).collect();
    assert_eq!((page.ask, numbers), (Ask::Before(4), vec![2, 3]));
    assert_eq!(page.ends.unwrap().last_seq, NUMBER_MAX);
}

#[test]
fn the_first_paint_keeps_the_order_and_the_counts_of_the_cache() {
    let chat = |id: &str, last_activity| cache::CachedChat {
        state: pb::Conversation {
            id: id.to_owned(),
            ..own_state(pb::ConversationKind::Group)
        },
        last_activity,
    };
    let long = "c".repeat(257);
    let front = cache::Page {
        messages: vec![said(9, "x")],
        ..cache::Page::default()
    };
    let paint = cache::FirstPaint {
        chats: vec![chat("c1", 7_000), chat("c2", 0), chat(&long, 1)],
        front: Some(("c1".to_owned(), front)),
        drafts: [("c1", "a"), ("", "b")]
            .map(|(id, text)| (id.to_owned(), text.to_owned()))
            .to_vec(),
        blocked: vec![user("u2", "bob")],
        ..cache::FirstPaint::default()
    };
    let News::FirstPaint(paint) = first_paint(paint, &me()) else {
        panic!("no first paint")
    };
    let states = paint.states.iter();
    let states: Vec<_> = states.map(|it| (it.room.id.as_str(), it.said)).collect();
    assert_eq!(states, [("c1", Some(TimeMs::new(7_000))), ("c2", None)]);
    assert_eq!(paint.states.first().unwrap().counts.unwrap().unread, 5);
    let (id, page) = paint.front.unwrap();
    assert_eq!(
        (id.as_str(), page.messages.len(), page.ends),
        ("c1", 1, None)
    );
    assert_eq!(paint.drafts, [("c1".into(), "a".to_owned())]);
    assert_eq!(paint.blocked.names().count(), 1);
}

#[test]
fn members_are_named() {
    let member = pb::Member {
        user: Some(user("u2", "bob")),
        role: pb::Role::Owner.into(),
        joined_time: None,
    };
    let line = |role| MemberLine {
        name: "bob".into(),
        role,
    };
    let id = || "u2".to_owned();
    assert_eq!(self::member(member), (id(), line(Some(Role::Owner))));
    assert_eq!(direct_member(&user("u2", "bob")), (id(), line(None)));
}
