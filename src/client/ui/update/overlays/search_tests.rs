//! What is asked for as it is typed, what comes of the answers, and where a hit leads.

use super::{
    super::super::{
        super::{
            effect::Effect,
            layout,
            model::{Focus, LinkState, Model, chat::Scroll, window::Ask},
        },
        fill,
        support::{
            ann, ann_with_bob, counts, entered, front, notice, open_overlay, press, search, typed,
        },
        taking,
    },
    *,
};
use crate::client::{
    app::{look::Found, model::MessageLine, room::Place},
    ui::{model::overlay::Hit, news::News},
};

fn found(conversation: &str, seq: u64) -> Found {
    Found {
        message: MessageLine {
            conversation: conversation.to_owned(),
            seq,
            sender: "bob".into(),
            time: crate::domain::clock::TimeMs::new(0),
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

fn with_hits(model: &mut Model, hits: &[(&str, u64)], next: &str) {
    let hits: Vec<Hit> = hits
        .iter()
        .map(|(id, seq)| Hit::of(found(id, *seq), &model.chats))
        .collect();
    let Some(Overlay::Search(pane)) = &mut model.overlay else {
        panic!();
    };
    pane.hits.extend(hits);
    pane.next = next.to_owned();
    pane.is_asking = false;
}

fn asked(effects: &[Effect]) -> Vec<(u64, &Search)> {
    let one = |effect| match effect {
        &Effect::Search { number, ref search } => (number, search.as_ref()),
        other => panic!("{other:?}"),
    };
    effects.iter().map(one).collect()
}

#[test]
fn it_is_asked_as_it_is_typed_each_time_with_a_new_number() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "f3");
    assert_eq!(typed(&mut model, "b"), [], "one letter finds everything");
    let effects = typed(&mut model, "ui");
    let asks = asked(&effects);
    assert_eq!(asks.len(), 2);
    assert_eq!((asks[0].0, asks[0].1.look.words.as_str()), (2, "bu"));
    assert_eq!((asks[1].0, asks[1].1.look.words.as_str()), (3, "bui"));
    assert_eq!(press(&mut model, "left"), [], "nothing else is typed");
    with_hits(&mut model, &[("c-bob", 2)], "");
    press(&mut model, "ctrl+u");
    let pane = search(&model);
    assert_eq!(
        (pane.number, pane.hits.len(), pane.is_asking),
        (4, 0, false)
    );
    press(&mut model, "esc");
    open_overlay(&mut model, "f3");
    let effects = typed(&mut model, "xy");
    assert_eq!(asked(&effects)[0].0, 6, "no number comes twice");
}

#[test]
fn the_words_are_those_of_the_command_and_tab_looks_here_only() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "f3");
    typed(&mut model, "from:bo");
    let pane = search(&model);
    assert!(
        pane.problem
            .as_deref()
            .unwrap()
            .contains("no word to look for")
    );
    let effects = typed(&mut model, "b x");
    let (_, last) = *asked(&effects).last().unwrap();
    assert_eq!(last.look.from, Some("bob".parse().unwrap()));
    let effects = press(&mut model, "tab");
    let (_, here) = asked(&effects)[0];
    let bob = Place::User("bob".parse().unwrap());
    assert_eq!(here.spot.as_ref().unwrap().place, bob);
    assert!(search(&model).is_here_only);
    // What is typed says better where.
    let effects = typed(&mut model, " in:#ops");
    let (_, there) = *asked(&effects).last().unwrap();
    assert_ne!(there.spot.as_ref().unwrap().place, bob);
    let mut model = ann();
    open_overlay(&mut model, "f3");
    assert_eq!(press(&mut model, "tab"), []);
    assert!(notice(&model).starts_with("No conversation is open"));
}

#[test]
fn without_a_server_it_says_so() {
    let mut model = ann_with_bob();
    model.link = LinkState::Starting;
    open_overlay(&mut model, "f3");
    assert_eq!(typed(&mut model, "build"), []);
    assert!(
        search(&model)
            .problem
            .as_deref()
            .unwrap()
            .starts_with("The server is away")
    );
}

#[test]
fn the_end_of_the_list_gets_the_next_page_once() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "f3");
    typed(&mut model, "xy");
    with_hits(&mut model, &[("c-bob", 2), ("c-bob", 1)], "p2");
    let effects = press(&mut model, "down");
    assert_eq!(asked(&effects)[0].1.page, "p2");
    assert_eq!(asked(&effects)[0].0, search(&model).number);
    assert_eq!(press(&mut model, "down"), [], "it is on its way");
    with_hits(&mut model, &[("c-bob", 3)], "");
    press(&mut model, "down");
    assert_eq!(
        (press(&mut model, "down"), search(&model).chosen),
        (vec![], 2)
    );
}

#[test]
fn a_hit_is_gone_to_and_its_page_asked_for() {
    let mut model = ann_with_bob();
    model
        .chats
        .get_mut(&"c-ops".into())
        .unwrap()
        .take_counts(counts(500, 500));
    open_overlay(&mut model, "f3");
    typed(&mut model, "xy");
    with_hits(&mut model, &[("c-ops", 77)], "");
    let effects = press(&mut model, "enter");
    assert!(effects.contains(&Effect::Front(Some("c-ops".into()))));
    assert_eq!(
        front(&model).scroll(),
        Scroll::At {
            seq: 77,
            hidden_rows: 0
        }
    );
    assert_eq!(model.overlay, None);
    assert!(matches!(
        fill(&mut model).as_slice(),
        [Effect::Page {
            ask: Ask::Around(77),
            ..
        }]
    ));
    assert!(model.jump.is_some() && model.focus == Focus::Composer);
    // It is selected as soon as it is there.
    let messages = (70..80).map(|seq| super::super::super::support::message(seq, "bob", "x"));
    let page = super::super::super::support::page(Ask::Around(77), messages.collect(), 500);
    model.asked_pages.clear();
    model.chats.front_mut().unwrap().take_page(page);
    fill(&mut model);
    assert_eq!((model.focus, &model.jump), (Focus::Messages(77), &None));
}

#[test]
fn a_hit_of_nowhere_is_not_gone_to() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "f3");
    typed(&mut model, "xy");
    assert_eq!(press(&mut model, "enter"), [], "nothing is found yet");
    with_hits(&mut model, &[("c-none", 7)], "");
    assert_eq!(press(&mut model, "enter"), []);
    assert!(notice(&model).starts_with("You are not in that conversation"));
}

fn came(model: &mut Model, page: &str, outcome: Result<Outcome, Untrusted>) -> Vec<Effect> {
    let act = Box::new(Act::Mentions {
        all: false,
        page: page.to_owned(),
    });
    let outcome = outcome.map(Box::new);
    taking::take(model, News::Acted { act, outcome })
}

#[test]
fn mentions_are_listed_paged_and_gone_to() {
    let mut model = ann_with_bob();
    entered(&mut model, "/mentions");
    typed(&mut model, "ignored");
    assert!(search(&model).is_asking);
    let first = Outcome::Found(vec![found("c-bob", 2)], "p2".to_owned());
    let effects = came(&mut model, "", Ok(first.clone()));
    assert_eq!(
        (search(&model).hits.len(), search(&model).input.text()),
        (1, "")
    );
    came(&mut model, "", Ok(first));
    assert_eq!(
        search(&model).hits.len(),
        1,
        "an answer that is not waited for"
    );
    assert_eq!(press(&mut model, "down"), [], "it is asked for already");
    let page = "p2".to_owned();
    assert_eq!(effects, [Effect::Act(Act::Mentions { all: false, page })]);
    came(
        &mut model,
        "p2",
        Ok(Outcome::Found(vec![found("c-bob", 1)], String::new())),
    );
    assert_eq!(search(&model).hits.len(), 2);
    press(&mut model, "down");
    press(&mut model, "enter");
    assert_eq!(model.focus, Focus::Messages(1));
}

#[test]
fn no_mentions_and_no_answer_are_told() {
    let mut model = ann_with_bob();
    entered(&mut model, "/mentions");
    came(
        &mut model,
        "",
        Ok(Outcome::Found(Vec::new(), String::new())),
    );
    let problem = search(&model).problem.clone().unwrap();
    assert!(problem.starts_with("Nothing that is unread mentions you"));
    press(&mut model, "esc");
    entered(&mut model, "/mentions");
    came(&mut model, "", Err("the server\u{1b} is ill".into()));
    assert_eq!(
        search(&model).problem.as_deref(),
        Some("the server␛ is ill")
    );
}

#[test]
fn pages_come_by_themselves_until_the_screen_is_full_and_the_place_is_kept() {
    let mut model = ann_with_bob();
    open_overlay(&mut model, "f3");
    typed(&mut model, "xy");
    let answer = |model: &mut Model, count: u64| {
        let found = (1..=count).map(|seq| found("c-bob", seq)).collect();
        let number = search(model).number;
        let hits = Ok((found, format!("behind {number}")));
        taking::take(model, News::Hits { number, hits })
    };
    let mut pages = 1;
    while !answer(&mut model, 3).is_empty() {
        pages += 1;
        assert!(search(&model).is_asking && pages < 9);
    }
    let screen = layout::overlay_rows(&model);
    let count = search(&model).hits.len();
    assert!(screen < count && count <= screen + 3, "{count} of {screen}");
    // A screen before the end the next ones are asked for.
    let mut effects = Vec::new();
    for _ in 0..count - screen {
        assert_eq!(effects, []);
        effects = press(&mut model, "down");
    }
    assert_eq!(asked(&effects).len(), 1);
    let chosen = search(&model).chosen;
    answer(&mut model, 3);
    assert_eq!(search(&model).chosen, chosen);
    // A server that says that there is more and brings nothing is not asked without end.
    while search(&model).is_asking {
        answer(&mut model, 0);
    }
    assert_eq!(answer(&mut model, 0), []);
}
