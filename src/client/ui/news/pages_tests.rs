//! Pages, moments and hits.

use super::{
    super::{
        News,
        support::{BOB, OPS, TRIP, ann, chat, is_known, message, newest, notice, quietly},
        take,
    },
    *,
};
use crate::{
    client::{
        app::model::MessageLine,
        ui::{
            model::{
                chat::Scroll,
                composer::Composer,
                message::{Change, Message},
                overlay::HITS_MAX,
                window::{Ends, MESSAGES_MAX},
            },
            update,
        },
    },
    domain::clock::TimeMs,
};

fn answer(chat: &str, page: Result<Page, Untrusted>) -> News {
    News::Page {
        chat: chat.into(),
        ask: Ask::Newest,
        page,
    }
}

fn found(seq: u64) -> Found {
    Found {
        message: MessageLine {
            conversation: OPS.to_owned(),
            seq,
            sender: "bob".into(),
            time: TimeMs::new(0),
            text: Some("x".into()),
            files: Vec::new(),
            reply_to: 0,
            is_edited: false,
            reactions: Vec::new(),
            mentions: Vec::new(),
            mentions_all: false,
        },
        snippet: None,
    }
}

fn searching(model: &mut Model, number: u64) {
    model.overlay = Some(Overlay::Search(Box::new(SearchPane {
        input: Composer::default(),
        is_here_only: false,
        mentions: None,
        number,
        is_asking: true,
        search: None,
        hits: Vec::new(),
        next: String::new(),
        problem: Some("old".to_owned()),
        chosen: 0,
    })));
}

fn pane(model: &Model) -> &SearchPane {
    match &model.overlay {
        Some(Overlay::Search(pane)) => pane,
        other => panic!("no search: {other:?}"),
    }
}

fn hits(number: u64, hits: Result<(Vec<Found>, &str), &str>) -> News {
    let hits = hits.map(|(found, next)| (found, next.to_owned()));
    News::Hits {
        number,
        hits: hits.map_err(Into::into),
    }
}

#[test]
fn a_page_is_not_under_way_any_more_whatever_became_of_it() {
    let key = (ChatId::from(BOB), Ask::Newest);
    let other = (ChatId::from(BOB), Ask::Before(3));
    for (page, told) in [
        (Ok(newest(vec![message(6, "bob", "new")])), ""),
        (Err("away\u{7}".into()), "Messages are not shown: away␇"),
    ] {
        let mut model = ann();
        model.asked_pages.extend([key.clone(), other.clone()]);
        let is_here = page.is_ok();
        assert_eq!(take(&mut model, answer(BOB, page)), []);
        assert_eq!(notice(&mut model), told);
        assert!(model.asked_pages.iter().eq([&other]));
        assert_eq!(chat(&model, BOB).window.get(6).is_some(), is_here);
    }
}

#[test]
fn of_what_nobody_looks_at_no_failure_is_said_and_nothing_comes_back() {
    let mut model = ann();
    quietly(&mut model, answer(OPS, Err("away".into())));
    quietly(&mut model, answer("c-gone", Err("away".into())));
    let page = newest(vec![message(1, "bob", "x")]);
    quietly(&mut model, answer("c-gone", Ok(page)));
    assert!(!is_known(&model, "c-gone"));
}

#[test]
fn messages_in_memory_are_bounded() {
    let mut model = ann();
    let last_seq = u64::try_from(MESSAGES_MAX + 500).unwrap();
    let page = Page {
        ask: Ask::Newest,
        messages: (1..=last_seq).map(|seq| message(seq, "bob", "x")).collect(),
        ends: Some(Ends { floor: 0, last_seq }),
    };
    quietly(&mut model, answer(BOB, Ok(page)));
    assert_eq!(chat(&model, BOB).window.len(), MESSAGES_MAX);
    assert!(chat(&model, BOB).window.get(last_seq).is_some());
}

#[test]
fn a_moment_is_gone_to_if_its_conversation_is_still_in_front() {
    let mut model = ann();
    let answer = |chat: &str, seq| News::Found {
        chat: chat.into(),
        seq,
    };
    quietly(&mut model, answer(BOB, Ok(Some(2))));
    assert!(matches!(
        chat(&model, BOB).scroll(),
        Scroll::At { seq: 2, .. }
    ));
    let jump = model.jump.take().unwrap();
    assert_eq!((jump.chat, jump.seq), (ChatId::from(BOB), 2));
    quietly(&mut model, answer(OPS, Ok(Some(2))));
    assert_eq!(model.jump, None);
    take(&mut model, answer(BOB, Ok(None)));
    assert_eq!(notice(&mut model), "Nothing was said there at that time.");
    take(&mut model, answer(BOB, Err("away".into())));
    assert_eq!(notice(&mut model), "Not found: away");
}

#[test]
fn only_the_newest_question_is_answered_and_only_once() {
    let mut model = ann();
    quietly(&mut model, hits(1, Ok((vec![found(1)], ""))));
    assert_eq!(model.overlay, None, "the pane is closed");
    searching(&mut model, 2);
    quietly(&mut model, hits(1, Ok((vec![found(1)], ""))));
    assert!(pane(&model).hits.is_empty() && pane(&model).is_asking);
    for _ in 0..2 {
        quietly(&mut model, hits(2, Ok((vec![found(2)], "more"))));
        let pane = pane(&model);
        assert_eq!((pane.hits.len(), pane.next.as_str()), (1, "more"));
        assert_eq!((pane.is_asking, &pane.problem), (false, &None));
        assert_eq!(pane.hits[0].place, "#ops");
    }
}

#[test]
fn further_hits_come_behind_and_their_number_is_bounded() {
    let mut model = ann();
    searching(&mut model, 2);
    for _ in 0..3 {
        if let Some(Overlay::Search(pane)) = &mut model.overlay {
            pane.is_asking = true;
        }
        let page = (1..=HITS_MAX as u64 - 500).map(found).collect();
        quietly(&mut model, hits(2, Ok((page, "more"))));
    }
    assert_eq!(pane(&model).hits.len(), HITS_MAX);
    searching(&mut model, 3);
    quietly(&mut model, hits(3, Err("no\u{7}")));
    let pane = pane(&model);
    assert_eq!(pane.problem.as_deref(), Some("no␇"));
    assert!(pane.hits.is_empty() && !pane.is_asking);
}

#[test]
fn what_was_found_stays_when_no_more_can_be_had() {
    let mut model = ann();
    searching(&mut model, 2);
    quietly(&mut model, hits(2, Ok((vec![found(2)], "more"))));
    if let Some(Overlay::Search(pane)) = &mut model.overlay {
        pane.is_asking = true;
    }
    take(&mut model, hits(2, Err("away")));
    let shown = pane(&model);
    assert_eq!((shown.hits.len(), &shown.problem), (1, &None));
    assert_eq!(shown.next, "more", "it can be asked for again");
    assert_eq!(notice(&mut model), "No more is shown: away");
}

/// What is said of message 1 of the group by a page that is asked for before that happens, and of which it comes after.
fn late(happens: impl FnOnce(&mut Model)) -> Option<Untrusted> {
    let mut model = ann();
    let trip = ChatId::from(TRIP);
    model.ask_page(&trip, Ask::Newest);
    happens(&mut model);
    let page = newest(vec![message(1, "bob", "old"), message(2, "bob", "x")]);
    quietly(&mut model, answer(TRIP, Ok(page)));
    let window = &chat(&model, TRIP).window;
    window.get(1).and_then(|message| message.text.clone())
}

fn happens_to(model: &mut Model, change: Change) {
    let chat = TRIP.into();
    quietly(model, News::Changed { chat, change });
}

fn edited(seq: u64, text: &str) -> Change {
    let message = message(seq, "bob", text);
    Change::Edited(Box::new(Message {
        revision: 1,
        ..message
    }))
}

fn forget(model: &mut Model) {
    model.chats.get_mut(&TRIP.into()).unwrap().trim(0);
}

#[test]
fn a_page_that_is_late_brings_no_text_back() {
    let deleted = Change::Deleted {
        seq: 1,
        revision: 1,
    };
    assert_eq!(late(|_| {}), Some("x".into()), "what is here stays");
    // What happened to a message that was here, and is not any more.
    for change in [deleted.clone(), edited(1, "new")] {
        let text = late(|model| {
            happens_to(model, change);
            model.chats.get_mut(&TRIP.into()).unwrap().trim(2);
        });
        assert_ne!(text, Some("old".into()));
    }
    // All of it is forgotten.
    let text = late(|model| {
        happens_to(model, deleted.clone());
        forget(model);
    });
    assert_eq!(text, None);
    let text = late(|model| {
        forget(model);
        happens_to(model, deleted.clone());
        forget(model);
    });
    assert_eq!(text, None);
    // More happened than is kept.
    let text = late(|model| {
        forget(model);
        happens_to(model, edited(1, "new"));
        (10..300).for_each(|seq| happens_to(model, edited(seq, "new")));
    });
    assert_eq!(text, None);
}

#[test]
fn what_a_late_page_was_to_bring_is_asked_for_again_once() {
    let mut model = ann();
    model.ask_page(&BOB.into(), Ask::Newest);
    model.chats.get_mut(&BOB.into()).unwrap().trim(0);
    (10..300).for_each(|seq| {
        let chat = BOB.into();
        let change = edited(seq, "new");
        quietly(&mut model, News::Changed { chat, change });
    });
    let page = || newest((1..=5).map(|seq| message(seq, "bob", "x")).collect());
    quietly(&mut model, answer(BOB, Ok(page())));
    assert!(chat(&model, BOB).window.is_empty());
    assert_eq!(update::fill(&mut model).len(), 1);
    quietly(&mut model, answer(BOB, Ok(page())));
    assert_eq!(chat(&model, BOB).window.len(), 5);
    assert_eq!(update::fill(&mut model), []);
}
