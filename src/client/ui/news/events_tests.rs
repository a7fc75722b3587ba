//! What happens, live.

use super::{
    super::{
        News,
        support::{BOB, OPS, TRIP, ann, calls, chat, id, message, notice, quietly, said, waiting},
        take,
    },
    *,
};
use crate::{
    client::{
        app::file::tests::{file, picture},
        ui::{
            layout::transcript::layouts,
            model::{
                markers::Delivery,
                message::{Deed, Reaction},
            },
        },
    },
    domain::{
        clock::TimeMs,
        conversation::{NotifyLevel, NotifySettings},
    },
};

fn mention(seq: u64, sender: &str, text: &str) -> Message {
    Message {
        mentions: vec!["ann".into()],
        ..message(seq, sender, text)
    }
}

fn typing(user: &str, is_typing: bool) -> News {
    News::Typing {
        chat: BOB.into(),
        user: user.into(),
        is_typing,
    }
}

#[test]
fn what_calls_rings_and_says_who_where_and_what() {
    let mut model = ann();
    model.is_focused = false;
    let long = format!("two\nlines \u{1b}[2J {}", "x".repeat(999));
    let effects = take(&mut model, said(BOB, message(6, "bob", &long)));
    let (title, body) = calls(&effects).unwrap();
    assert_eq!(title, "bob");
    assert!(body.starts_with("two⏎lines ␛[2J xxx"), "{body}");
    assert_eq!(body.chars().count(), BODY_CHARS + 1);
    let shared = Message {
        files: vec![
            file("f1", "a;\u{7}\u{202e}b.txt", "x"),
            picture("f2", "b.png"),
        ],
        ..message(7, "bob", "")
    };
    let effects = take(&mut model, said(BOB, shared));
    let body = calls(&effects).unwrap().1;
    assert_eq!(body, "[file a;␇\u{fffd}b.txt and 1 more]");
    let effects = take(&mut model, said(OPS, mention(6, "bob", "@ann hi")));
    assert_eq!(calls(&effects), Some(("bob in #ops", "@ann hi")));
    let endless = "n".repeat(9_999);
    let effects = take(&mut model, said(TRIP, mention(6, &endless, "@ann")));
    assert!(calls(&effects).unwrap().0.chars().count() < 100);
}

#[test]
fn what_calls_nobody_is_quiet() {
    let muted = MemberSettings {
        notify: NotifySettings {
            level: NotifyLevel::None,
            until: None,
        },
        ..MemberSettings::default()
    };
    type Case = (&'static str, bool, fn(&mut Model), News);
    let cases: [Case; 9] = [
        (
            "of a group",
            false,
            |_| {},
            said(TRIP, message(6, "bob", "x")),
        ),
        (
            "by this user",
            false,
            |_| {},
            said(BOB, mention(6, "ann", "x")),
        ),
        (
            "come again",
            false,
            |_| {},
            said(BOB, mention(5, "bob", "x")),
        ),
        (
            "not to be disturbed",
            false,
            |model| model.presence = Presence::DoNotDisturb,
            said(TRIP, mention(6, "bob", "x")),
        ),
        (
            "missed",
            false,
            |model| model.link = LinkState::CatchingUp,
            said(TRIP, mention(6, "bob", "x")),
        ),
        (
            "blocked",
            false,
            |model| model.set_blocked(Blocked::new(["bob".into()])),
            said(TRIP, mention(6, "bob", "x")),
        ),
        (
            "in front of a person",
            false,
            |_| {},
            said(BOB, message(6, "bob", "x")),
        ),
        (
            "in front of nobody",
            true,
            |model| model.is_focused = false,
            said(BOB, message(6, "bob", "x")),
        ),
        (
            "beside what is in front",
            true,
            |_| {},
            said(OPS, mention(6, "bob", "x")),
        ),
    ];
    for (name, is_called, given, news) in cases {
        let mut model = ann();
        given(&mut model);
        let effects = take(&mut model, news.clone());
        assert_eq!(calls(&effects).is_some(), is_called, "{name}");
        if let News::Message { chat, .. } = &news {
            model = ann();
            given(&mut model);
            let chat = model.chats.get_mut(chat).unwrap();
            chat.set_settings(muted);
            assert_eq!(take(&mut model, news), [], "{name}, muted");
        }
    }
}

#[test]
fn a_screen_is_laid_out_only_for_what_would_call() {
    let mut model = ann();
    model.open(Some(TRIP.into()));
    layouts::take();
    take(&mut model, said(TRIP, message(6, "bob", "x")));
    take(&mut model, said(BOB, message(6, "bob", "x")));
    assert_eq!(layouts::take(), 0);
    quietly(&mut model, said(TRIP, mention(7, "bob", "@ann")));
    assert_eq!(layouts::take(), 1);
}

#[test]
fn who_reads_further_up_is_not_called_either() {
    let mut model = ann();
    model.chats.front_mut().unwrap().scroll_to(2, 0);
    quietly(&mut model, said(BOB, message(6, "bob", "x")));
    let me = model.me.clone();
    assert_eq!(chat(&model, BOB).new_below(&me), 1);
}

#[test]
fn what_is_not_known_is_asked_for_once() {
    let mut model = ann();
    let asked = [Effect::State("c-new".into())];
    let first = take(&mut model, said("c-new", message(1, "dan", "x")));
    assert_eq!(first, asked);
    quietly(&mut model, said("c-new", message(2, "dan", "x")));
    let deleted = Change::Deleted {
        seq: 1,
        revision: 1,
    };
    quietly(
        &mut model,
        News::Changed {
            chat: "c-new".into(),
            change: deleted,
        },
    );
    assert_eq!(model.people.name("u-dan"), Some(&"dan".into()));
}

#[test]
fn an_own_message_stands_where_it_was_sent_from_or_in_its_conversation() {
    let mut model = ann();
    model.outgoing.push(waiting(1)).unwrap();
    let arrived = Message {
        client_id: Some(id(1)),
        ..message(6, "ann", "waits")
    };
    quietly(&mut model, said(BOB, arrived));
    assert!(model.outgoing.get(id(1)).is_none());
    assert!(chat(&model, BOB).window.get(6).is_some());
    // A name that another one used is none of these.
    model.outgoing.push(waiting(2)).unwrap();
    let forged = Message {
        client_id: Some(id(2)),
        ..message(7, "bob", "x")
    };
    take(&mut model, said(BOB, forged));
    assert!(model.outgoing.get(id(2)).is_some());
}

#[test]
fn changes_are_seen_and_ring_for_nobody() {
    let mut model = ann();
    let mut change = |change| {
        quietly(
            &mut model,
            News::Changed {
                chat: OPS.into(),
                change,
            },
        );
        chat(&model, OPS).window.get(3).unwrap().clone()
    };
    let edited = change(Change::Edited(Box::new(Message {
        revision: 1,
        ..mention(3, "bob", "new")
    })));
    assert_eq!(edited.text, Some("new".into()));
    let reacted = change(Change::Reacted {
        seq: 3,
        reactions: vec![Reaction {
            emoji: "👍".into(),
            count: 1,
            is_mine: false,
        }],
        deed: Some(Deed {
            is_mine: true,
            emoji: "👍".into(),
            is_added: true,
        }),
    });
    assert!(reacted.reactions[0].is_mine);
    let deleted = change(Change::Deleted {
        seq: 3,
        revision: 2,
    });
    assert_eq!(deleted.text, None);
}

#[test]
fn markers_are_of_this_user_elsewhere_or_of_the_others() {
    let mut model = ann();
    take(&mut model, said(OPS, message(6, "bob", "x")));
    take(&mut model, said(OPS, message(7, "bob", "x")));
    let mut marked = |chat: &str, user: &str, delivered, read| {
        let news = News::Marker {
            chat: chat.into(),
            user_id: format!("u-{user}"),
            marker: Marker { delivered, read },
        };
        quietly(&mut model, news);
        model.clone()
    };
    let model = marked(OPS, "ann", 0, 6);
    assert_eq!(chat(&model, OPS).counts().unread, 1);
    assert_eq!(chat(&model, OPS).delivery(6), Delivery::Sent);
    let model = marked(BOB, "bob", 5, 0);
    assert_eq!(chat(&model, BOB).delivery(5), Delivery::Delivered);
    let model = marked(BOB, "bob", 0, 5);
    assert_eq!(chat(&model, BOB).delivery(5), Delivery::Read);
    let model = marked(BOB, "bob", 3, 3);
    assert_eq!(
        chat(&model, BOB).delivery(5),
        Delivery::Read,
        "it goes back"
    );
    assert!(
        marked("c-new", "bob", 1, 1)
            .chats
            .get(&"c-new".into())
            .is_none()
    );
}

#[test]
fn what_was_set_elsewhere_holds_here() {
    let mut model = ann();
    let aside = MemberSettings {
        marked_unread: true,
        ..MemberSettings::default()
    };
    let set = |chat: &str| News::Settings {
        chat: chat.into(),
        settings: aside,
    };
    quietly(&mut model, set(OPS));
    let asked = [Effect::State("c-new".into())];
    assert_eq!(take(&mut model, set("c-new")), asked);
    assert!(chat(&model, OPS).is_unread());
}

#[test]
fn other_blocks_make_mentions_be_counted_anew() {
    let mut model = ann();
    take(&mut model, said(OPS, mention(6, "bob", "x")));
    assert_eq!(chat(&model, OPS).counts().mentions, 1);
    quietly(&mut model, News::Blocks(Blocked::new(["bob".into()])));
    assert_eq!(model.counts_to_ask(), [ChatId::from(OPS)]);
    quietly(&mut model, News::Blocks(Blocked::new(["bob".into()])));
    assert_eq!(model.counts_to_ask(), []);
}

#[test]
fn presence_is_kept_by_id_and_a_name_is_learned_if_it_is_said() {
    let mut model = ann();
    let mut seen = |user: &str, presence| {
        let news = News::Presence {
            user_id: "u-bob".to_owned(),
            user: user.into(),
            presence,
        };
        quietly(&mut model, news);
        model.people.clone()
    };
    let people = seen("", Presence::Away);
    assert_eq!(people.presence_of(&"bob".into()), Presence::Away);
    let people = seen("rob", Presence::Online);
    assert_eq!(people.presence_of(&"rob".into()), Presence::Online);
    let people = seen("", Presence::Offline);
    assert_eq!(people.presence_of(&"rob".into()), Presence::Offline);
}

#[test]
fn others_type_until_they_say_something() {
    let mut model = ann();
    model.set_blocked(Blocked::new(["carol".into()]));
    for user in ["ann", "carol"] {
        quietly(&mut model, typing(user, true));
    }
    let typing_now = |model: &Model| chat(model, BOB).typing.users(model.now).count();
    assert_eq!(typing_now(&model), 0);
    quietly(&mut model, typing("bob", true));
    assert_eq!(typing_now(&model), 1);
    quietly(&mut model, said(BOB, message(6, "bob", "x")));
    assert_eq!(typing_now(&model), 0);
    quietly(&mut model, typing("bob", true));
    quietly(&mut model, typing("bob", false));
    assert_eq!(typing_now(&model), 0);
    quietly(&mut model, typing("bob", true));
    model.tick(TimeMs::new(2_000_000));
    assert_eq!((typing_now(&model), notice(&mut model)), (0, String::new()));
}
