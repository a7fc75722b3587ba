//! Tests of the window: against a server that has all messages and a reader that asks until nothing is missing.

use proptest::prelude::*;

use super::{
    super::message::{Reaction, tests::said},
    *,
};

fn page(ask: Ask, from: u64, to: u64, floor: u64) -> Page {
    page_of(ask, from, to, floor, 100)
}

fn page_of(ask: Ask, from: u64, to: u64, floor: u64, last_seq: u64) -> Page {
    let messages = (from..=to).map(|seq| said(seq, "bob", "x")).collect();
    Page {
        ask,
        messages,
        ends: Some(Ends { floor, last_seq }),
    }
}

fn numbers<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<u64> {
    messages.map(|message| message.seq).collect()
}

#[test]
fn what_is_missing_is_asked_for_from_the_place_that_is_looked_at() {
    let mut window = Window::default();
    assert_eq!(window.missing(Place::End, 10, 0, 0), None);
    assert_eq!(window.missing(Place::End, 10, 0, 100), Some(Ask::Newest));
    window.take_page(page(Ask::Newest, 91, 100, 0));
    assert_eq!(window.missing(Place::End, 10, 0, 100), None);
    assert_eq!(
        window.missing(Place::End, 11, 0, 100),
        Some(Ask::Before(91))
    );
    assert_eq!(
        window.missing(Place::At(50), 5, 5, 100),
        Some(Ask::Around(50))
    );
    window.take_page(page(Ask::Around(50), 45, 55, 0));
    assert_eq!(window.missing(Place::At(50), 5, 5, 100), None);
    assert_eq!(
        window.missing(Place::At(50), 5, 6, 100),
        Some(Ask::After(55))
    );
    assert_eq!(
        window.missing(Place::At(50), 7, 6, 100),
        Some(Ask::Before(45))
    );
    assert_eq!(numbers(window.upwards(47)), [47, 46, 45]);
    assert_eq!(numbers(window.downwards(54)), [54, 55]);
    assert_eq!(window.downwards(60).count(), 0);
    window.insert(said(102, "bob", "x"));
    assert_eq!(numbers(window.upwards(102)), [102]);
    assert_eq!(
        window.missing(Place::End, 2, 0, 102),
        Some(Ask::Before(102))
    );
}

#[test]
fn the_beginning_is_known_and_what_a_page_passes_over_is_not_asked_for_again() {
    let mut window = Window::default();
    window.take_page(page_of(Ask::Newest, 11, 20, 10, 20));
    assert_eq!(window.missing(Place::End, 50, 0, 20), None);
    assert!(window.is_beginning(11) && !window.is_beginning(12));
    let mut holed = page(Ask::Before(11), 3, 5, 0);
    holed.messages.push(said(8, "bob", "x"));
    let mut window = Window::default();
    window.take_page(page_of(Ask::Newest, 11, 20, 0, 20));
    window.take_page(holed);
    assert_eq!(
        numbers(window.upwards(12)),
        [12, 11, 8, 5, 4, 3],
        "6, 7, 9 and 10 cannot be read"
    );
    assert_eq!(numbers(window.downwards(5)).len(), 12);
    assert_eq!(window.missing(Place::End, 50, 0, 20), Some(Ask::Before(3)));
    window.take_page(Page {
        ask: Ask::Before(3),
        messages: Vec::new(),
        ends: Some(Ends {
            floor: 0,
            last_seq: 20,
        }),
    });
    assert_eq!(window.missing(Place::End, 50, 0, 20), None);
    assert!(window.is_beginning(3));
}

#[test]
fn a_page_that_was_asked_for_before_a_change_does_not_undo_it() {
    let mut window = Window::default();
    let edited = Message {
        revision: 2,
        ..said(5, "bob", "new")
    };
    assert!(!window.change(Change::Edited(Box::new(edited))));
    assert!(!window.change(Change::Deleted {
        seq: 6,
        revision: 1
    }));
    let reactions = vec![Reaction {
        emoji: "x".into(),
        count: 1,
        is_mine: true,
    }];
    window.change(Change::Reacted {
        seq: 5,
        reactions: reactions.clone(),
        deed: None,
    });
    window.take_page(page_of(Ask::Newest, 1, 9, 0, 9));
    let text = |seq| window.get(seq).and_then(|message| message.text.clone());
    assert_eq!((text(5), text(6)), (Some("new".into()), None));
    assert_eq!(window.get(5).unwrap().reactions, reactions);
    assert!(window.changes.is_empty());
    for number in 0..1_000 {
        window.change(Change::Deleted {
            seq: 100 + number,
            revision: 1,
        });
    }
    assert_eq!(window.changes.len(), CHANGES_MAX);
}

#[test]
fn what_is_far_from_the_place_that_is_looked_at_goes_first() {
    let whole = || {
        let mut window = Window::default();
        window.take_page(page(Ask::Newest, 1, 100, 0));
        window
    };
    let kept = |place| {
        let mut window = whole();
        window.trim(place, 10);
        let kept = numbers(window.all());
        (kept[0], kept[9])
    };
    assert_eq!(kept(Place::End), (91, 100));
    assert_eq!(kept(Place::At(1)), (1, 10));
    assert_eq!(kept(Place::At(50)), (46, 55));
    let mut window = whole();
    window.trim(Place::At(1), 10);
    assert_eq!(window.missing(Place::End, 5, 0, 100), Some(Ask::Newest));
}

/// What comes to the window.
#[derive(Clone, Debug)]
enum Step {
    /// The newest message comes, or one that was there before comes again as it was so many changes ago.
    Live(usize),
    Edit(usize),
    Delete(usize),
    Ask(Ask, usize),
    /// The oldest page that is on its way comes, as it was when it was asked for.
    Arrive,
    Trim(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let ask = prop_oneof![
        Just(Ask::Newest),
        (1_u64..60).prop_map(Ask::Before),
        (0_u64..60).prop_map(Ask::After),
        (1_u64..60).prop_map(Ask::Around),
    ];
    prop_oneof![
        4 => any::<usize>().prop_map(Step::Live),
        2 => any::<usize>().prop_map(Step::Edit),
        1 => any::<usize>().prop_map(Step::Delete),
        3 => (ask, 1_usize..9).prop_map(|(ask, size)| Step::Ask(ask, size)),
        3 => Just(Step::Arrive),
        1 => any::<usize>().prop_map(Step::Trim),
    ]
}

fn answer(server: &[Message], floor: u64, ask: Ask, size: usize) -> Page {
    let readable: Vec<Message> = server.iter().filter(|it| it.seq > floor).cloned().collect();
    let at = |seq: u64| readable.partition_point(|it| it.seq < seq);
    let range = match ask {
        Ask::Newest => readable.len().saturating_sub(size)..readable.len(),
        Ask::Before(seq) => at(seq).saturating_sub(size)..at(seq),
        Ask::After(seq) => at(seq + 1)..readable.len().min(at(seq + 1) + size),
        Ask::Around(seq) => {
            let from = at(seq).saturating_sub(size / 2);
            from..readable.len().min(from + size)
        }
    };
    Page {
        ask,
        messages: readable[range].to_vec(),
        ends: Some(Ends {
            floor,
            last_seq: server.len() as u64,
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_order_of_events_and_pages_gives_the_messages_of_the_server(
        steps in prop::collection::vec(step(), 0..60),
        floor in 0_u64..8,
        looked_at in 1_u64..60,
    ) {
        let mut server: Vec<Message> = Vec::new();
        let mut window = Window::default();
        let mut on_its_way: VecDeque<Page> = VecDeque::new();
        let change = |window: &mut Window, server: &mut Vec<Message>, at: usize, deletes: bool| {
            if server.is_empty() {
                return;
            }
            let at = at % server.len();
            let message = &mut server[at];
            if message.text.is_none() {
                return;
            }
            message.revision += 1;
            let (seq, revision) = (message.seq, message.revision);
            message.text = (!deletes).then(|| format!("{revision}").as_str().into());
            if seq > floor {
                window.change(match deletes {
                    true => Change::Deleted { seq, revision },
                    false => Change::Edited(Box::new(message.clone())),
                });
            }
        };
        for step in steps {
            match step {
                Step::Live(again) => {
                    if again % 4 == 0 && !server.is_empty() {
                        let old = &server[again % server.len()];
                        let stale = Message { revision: 0, text: Some("0".into()), ..old.clone() };
                        if window.get(old.seq).is_some() {
                            window.insert(stale);
                        }
                    }
                    let message = said(server.len() as u64 + 1, "bob", "0");
                    server.push(message.clone());
                    if message.seq > floor {
                        window.insert(message);
                    }
                }
                Step::Edit(at) => change(&mut window, &mut server, at, false),
                Step::Delete(at) => change(&mut window, &mut server, at, true),
                Step::Ask(ask, size) => on_its_way.push_back(answer(&server, floor, ask, size)),
                Step::Arrive => {
                    if let Some(page) = on_its_way.pop_front() {
                        window.take_page(page);
                    }
                }
                // What is thrown away while a page is on its way is asked for again.
                Step::Trim(at) if on_its_way.is_empty() => {
                    window.trim(Place::At(at as u64 % 60), 10);
                }
                Step::Trim(_) => {}
            }
            for message in window.all() {
                prop_assert_eq!(message, &server[usize::try_from(message.seq).unwrap() - 1]);
            }
        }
        // Asking until nothing is missing ends, and everything is there.
        let last = server.len() as u64;
        for place in [Place::At(looked_at), Place::End] {
            for _ in 0..100 {
                let Some(ask) = window.missing(place, 100, 100, last) else { break };
                window.take_page(answer(&server, floor, ask, 5));
            }
            prop_assert_eq!(window.missing(place, 100, 100, last), None);
        }
        let readable: Vec<u64> = (floor + 1..=last).collect();
        prop_assert_eq!(numbers(window.all()), readable.clone());
        prop_assert_eq!(numbers(window.downwards(floor + 1)), readable);
    }
}

#[test]
fn bytes_are_counted_and_bounded() {
    let long = "x".repeat(16 * 1024);
    let mut window = Window::default();
    let edit = |seq, text: &str| {
        let message = Message {
            revision: 1,
            ..said(seq, "bob", text)
        };
        Change::Edited(Box::new(message))
    };
    for seq in 1..=1_000 {
        window.insert(said(seq, "bob", &long));
        window.trim(Place::End, MESSAGES_MAX);
    }
    assert!(window.bytes() <= BYTES_MAX && window.len() > 400);
    assert!(window.get(1_000).is_some());
    for seq in 600..=1_000 {
        window.change(edit(seq, "short"));
    }
    for seq in 2_000..2_500 {
        window.change(edit(seq, &long));
    }
    assert!(window.bytes() <= 401 * 400 + 200 * 17_000 + CHANGES_BYTES_MAX);
    window.insert(said(2_499, "bob", "old"));
    assert_eq!(window.get(2_499).unwrap().text, Some(long.as_str().into()));
    window.forget(0, u64::MAX);
    assert_eq!(window.messages_bytes, 0);
    window.trim(Place::End, 0);
    assert_eq!(window.bytes(), 0);
}
