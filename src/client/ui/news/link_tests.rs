//! How the link goes.

use super::{
    super::{
        News,
        support::{
            BOB, OPS, ann, chat, counts, is_known, message, nobody, notice, quietly, said, waiting,
        },
        take,
    },
    *,
};
use crate::client::{
    app::room::Kind,
    ui::{
        layout::transcript::layouts,
        model::{
            composer::{Mode, Quote},
            overlay::{Overlay, Question, TextPage, Then},
        },
    },
};

fn connected() -> News {
    News::Connected {
        my_id: Some("u-ann".to_owned()),
    }
}

fn lost() -> News {
    News::Lost {
        retry_at: TimeMs::new(2_000_000),
    }
}

#[test]
fn all_states_are_asked_for_once_in_a_run() {
    let mut model = nobody();
    assert_eq!(take(&mut model, connected()), [Effect::States]);
    assert_eq!(
        (model.my_id.as_deref(), &model.link),
        (Some("u-ann"), &LinkState::CatchingUp)
    );
    take(&mut model, News::CaughtUp);
    assert_eq!(model.link, LinkState::Up);
    take(&mut model, lost());
    quietly(&mut model, News::Connected { my_id: None });
    assert_eq!(model.my_id.as_deref(), Some("u-ann"));
}

#[test]
fn how_this_user_can_be_reached_is_said_anew() {
    let mut model = ann();
    model.presence = Presence::Away;
    assert_eq!(
        take(&mut model, connected()),
        [Effect::StayAs(Presence::Away)]
    );
}

#[test]
fn what_was_missed_is_told_once_and_rings_for_nobody() {
    let mut model = ann();
    model.is_focused = false;
    take(&mut model, lost());
    take(&mut model, connected());
    for (chat, seq, sender) in [
        (BOB, 6, "bob"),
        (BOB, 7, "bob"),
        (BOB, 7, "bob"),
        (BOB, 8, "ann"),
        (OPS, 6, "carol"),
        (OPS, 5, "carol"),
    ] {
        quietly(&mut model, said(chat, message(seq, sender, "@ann")));
    }
    take(&mut model, News::CaughtUp);
    assert_eq!(notice(&mut model), "3 new messages in 2 conversations.");
    take(&mut model, lost());
    take(&mut model, connected());
    quietly(&mut model, News::CaughtUp);
    assert_eq!(chat(&model, OPS).counts().unread, 1);
}

#[test]
fn what_is_only_of_now_goes_with_the_link() {
    let ended = News::Ended {
        why: "logged out".into(),
    };
    for (news, is_down) in [(lost(), true), (ended, false)] {
        let mut model = ann();
        model.people.set_presence("u-bob", Presence::Online);
        take(
            &mut model,
            News::Typing {
                chat: BOB.into(),
                user: "bob".into(),
                is_typing: true,
            },
        );
        assert_eq!(chat(&model, BOB).typing.users(model.now).count(), 1);
        quietly(&mut model, news);
        assert_eq!(matches!(model.link, LinkState::Down { .. }), is_down);
        assert_eq!(matches!(model.link, LinkState::Ended { .. }), !is_down);
        assert_eq!(model.people.presence_of(&"bob".into()), Presence::Offline);
        assert_eq!(chat(&model, BOB).typing.users(model.now).count(), 0);
    }
}

#[test]
fn another_store_leaves_what_is_written_but_nothing_that_it_was_for() {
    let mut model = ann();
    model.outgoing.push(waiting(1)).unwrap();
    model.composer.paste("to bob");
    model.composer.reply_to(Quote {
        seq: 3,
        sender: "bob".into(),
        text: "x".into(),
    });
    model.overlay = Some(Overlay::Ask(Question {
        text: "Leave #ops?".to_owned(),
        then: Then::Quit,
    }));
    assert_eq!(take(&mut model, News::Reset), [Effect::States]);
    assert!(notice(&mut model).contains("another store"));
    assert!(model.chats.is_empty() && model.overlay.is_none());
    assert_eq!(model.outgoing.counts(), (1, 0));
    assert_eq!(
        (model.composer.text(), model.composer.mode()),
        ("to bob", &Mode::Write)
    );
    // A text that is read is of no store.
    let page = Some(Overlay::Text(TextPage {
        title: String::new(),
        rows: Vec::new(),
        first_row: 0,
    }));
    model.overlay.clone_from(&page);
    take(&mut model, News::Reset);
    assert_eq!(model.overlay, page);
}

#[test]
fn however_often_the_store_changes_all_states_are_asked_for_once_at_a_time() {
    let mut model = nobody();
    let failed = || News::States {
        states: Err("another store".into()),
        blocked: None,
    };
    assert_eq!(take(&mut model, connected()), [Effect::States]);
    for _ in 0..5 {
        assert_eq!(take(&mut model, News::Reset), []);
    }
    notice(&mut model);
    // What was asked of the first has come back: it is asked once more.
    assert_eq!(take(&mut model, failed()), [Effect::States]);
    assert_eq!(notice(&mut model), "");
    assert_eq!(take(&mut model, News::Reset), []);
    take(&mut model, lost());
    take(&mut model, failed());
    assert_eq!(take(&mut model, connected()), [Effect::States]);
    let states = News::States {
        states: Ok(Vec::new()),
        blocked: Some(Default::default()),
    };
    assert_eq!(take(&mut model, states), []);
    assert_eq!(take(&mut model, News::Reset), [Effect::States]);
}

#[test]
fn what_was_left_out_is_read_anew_and_counts_are_asked_for() {
    let mut model = ann();
    model.link = LinkState::CatchingUp;
    let gap = |chat: &str, from, to| News::Gap {
        chat: chat.into(),
        from,
        to,
    };
    quietly(&mut model, gap(BOB, 4, 9));
    let left: Vec<u64> = chat(&model, BOB).window.all().map(|it| it.seq).collect();
    assert_eq!(left, [1, 2, 3]);
    take(&mut model, said(BOB, message(10, "bob", "x")));
    assert_eq!(chat(&model, BOB).counts(), counts(10, 5));
    assert!(chat(&model, BOB).is_unsure());
    take(&mut model, News::CaughtUp);
    assert_eq!(model.counts_to_ask(), [ChatId::from(BOB)]);
    let asked = Effect::State("c-new".into());
    assert_eq!(take(&mut model, gap("c-new", 1, 9)), [asked]);
    assert_eq!(take(&mut model, gap("c-new", 10, 12)), []);
    assert!(!is_known(&model, "c-new"));
    assert_eq!(chat(&model, OPS).room.kind, Kind::Channel);
}

#[test]
fn whatever_was_missed_one_screen_is_laid_out_for_it() {
    for is_focused in [true, false] {
        let mut model = ann();
        model.is_focused = is_focused;
        take(&mut model, lost());
        take(&mut model, connected());
        layouts::take();
        for seq in 6..506 {
            quietly(&mut model, said(BOB, message(seq, "bob", "x")));
        }
        assert_eq!(layouts::take(), 0);
        take(&mut model, News::CaughtUp);
        // Nobody sees anything on one that is not in front.
        assert_eq!(layouts::take(), usize::from(is_focused));
        let told = match is_focused {
            true => "",
            false => "500 new messages in 1 conversation.",
        };
        assert_eq!(notice(&mut model), told);
    }
}
