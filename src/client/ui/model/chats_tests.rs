//! Tests of the order of conversations.

use super::{
    super::{chat::tests::room, message::tests::said, tally::Counts},
    *,
};
use crate::domain::conversation::{MemberSettings, NotifySettings};

const NOW: TimeMs = TimeMs::new(1_000_000);

fn me() -> UserName {
    "ann".parse().unwrap()
}

fn id(text: &str) -> ChatId {
    text.into()
}

fn say(chats: &mut Chats, chat: &str, seq: u64, mentions_all: bool) -> bool {
    let message = Message {
        mentions_all,
        ..said(seq, "bob", "x")
    };
    chats.take_message(&id(chat), message, &me(), &Blocked::default())
}

/// Two of each kind; the higher the number, the longer ago.
fn chats() -> Chats {
    let mut chats = Chats::default();
    for (number, kind) in [Kind::Direct, Kind::Group, Kind::Channel]
        .iter()
        .enumerate()
    {
        for again in 1..=2 {
            let name = format!("{}{again}", ["d", "g", "c"][number]);
            let time = TimeMs::new(100_000 - again);
            chats.learn(room(&name, *kind, &name), Some(time));
        }
    }
    chats
}

fn order(chats: &Chats) -> String {
    let ids: Vec<&str> = chats
        .ordered(NOW)
        .iter()
        .map(|it| it.id().as_str())
        .collect();
    ids.join(" ")
}

fn mute(chats: &mut Chats, chat: &str) {
    let notify = NotifySettings {
        level: NotifyLevel::None,
        until: None,
    };
    let settings = MemberSettings {
        marked_unread: false,
        notify,
    };
    chats.get_mut(&id(chat)).unwrap().set_settings(settings);
}

#[test]
fn what_calls_stands_first_in_its_section_then_what_is_unread() {
    let mut chats = chats();
    assert_eq!(order(&chats), "d1 d2 g1 g2 c1 c2");
    assert!(say(&mut chats, "c2", 1, false) && say(&mut chats, "d2", 1, false));
    assert_eq!(order(&chats), "d2 d1 g1 g2 c2 c1");
    say(&mut chats, "c1", 1, true);
    assert_eq!(order(&chats), "d2 d1 g1 g2 c1 c2");
    say(&mut chats, "c2", 2, false);
    assert_eq!(order(&chats), "d2 d1 g1 g2 c1 c2", "a mention stays above");
    chats.order = Order::Recent;
    assert_eq!(order(&chats), "d2 d1 g1 g2 c2 c1");
    assert_eq!(chats.totals(NOW), (4, 2));
    mute(&mut chats, "c1");
    assert_eq!(chats.totals(NOW), (3, 1));
    assert!(!say(&mut chats, "zz", 1, false));
}

#[test]
fn the_next_ones_are_found_around_the_ends() {
    let mut chats = chats();
    let neighbour = |chats: &Chats, is_next| chats.neighbour(is_next, NOW).unwrap();
    assert_eq!(neighbour(&chats, true), id("d1"));
    assert_eq!(neighbour(&chats, false), id("c2"));
    assert!(chats.set_front(Some(id("c2"))) && !chats.set_front(Some(id("c2"))));
    assert_eq!(neighbour(&chats, true), id("d1"));
    assert_eq!(neighbour(&chats, false), id("c1"));
    assert_eq!(
        (chats.next_unread(NOW), chats.first_mention(NOW)),
        (None, None)
    );
    say(&mut chats, "g1", 1, false);
    say(&mut chats, "c1", 1, true);
    mute(&mut chats, "g1");
    assert_eq!(
        chats.next_unread(NOW),
        Some(id("c1")),
        "muted ones come last"
    );
    assert_eq!(chats.first_mention(NOW), Some(id("c1")));
    chats.set_front(Some(id("c1")));
    assert_eq!(chats.next_unread(NOW), Some(id("g1")));
    assert_eq!(chats.names()[0], (id("c1"), "#c1".to_owned()));
    chats.forget(&id("c1"));
    assert!(chats.front().is_none());
    assert_eq!(Chats::default().neighbour(true, NOW), None);
    assert_eq!(Chats::default().neighbour(false, NOW), None);
}

#[test]
fn what_was_put_aside_is_unread_until_it_is_taken_up() {
    let mut chats = chats();
    let settings = MemberSettings {
        marked_unread: true,
        ..MemberSettings::default()
    };
    chats.get_mut(&id("g2")).unwrap().set_settings(settings);
    assert_eq!(order(&chats), "d1 d2 g2 g1 c1 c2");
    assert_eq!(chats.next_unread(NOW), Some(id("g2")));
}

#[test]
fn places_are_found_and_a_state_that_is_told_again_changes_no_order() {
    let mut chats = chats();
    let place = Place::Channel("c2".parse().unwrap());
    assert_eq!(chats.at(&place).unwrap().id(), &id("c2"));
    chats.learn(room("c2", Kind::Channel, "c2"), None);
    assert_eq!(order(&chats), "d1 d2 g1 g2 c1 c2");
    chats.learn(room("c3", Kind::Channel, "c3"), None);
    assert_eq!(
        order(&chats),
        "d1 d2 g1 g2 c3 c1 c2",
        "a new one stands first"
    );
}

#[test]
fn messages_in_memory_are_bounded_over_all() {
    let mut chats = Chats::default();
    for number in 0..20 {
        let name = format!("d{number}");
        let chat = chats.learn(room(&name, Kind::Direct, &name), Some(TimeMs::new(number)));
        chat.unwrap().take_counts(Counts::default());
        chats.set_front(Some(id("d0")));
        for seq in 1..=3_000 {
            say(&mut chats, &name, seq, false);
        }
    }
    let lens: Vec<usize> = (0..20)
        .map(|number| chats.get(&id(&format!("d{number}"))).unwrap().window.len())
        .collect();
    assert!(lens.iter().sum::<usize>() <= MESSAGES_MAX);
    assert_eq!((lens[0], lens[1], lens[19]), (3_000, 100, 3_000));
    assert!(
        chats
            .learn(room(&"x".repeat(300), Kind::Direct, "x"), None)
            .is_none()
    );
}

#[test]
fn memory_is_bounded_by_bytes_too_and_without_going_elsewhere() {
    let mut chats = Chats::default();
    let long = "x".repeat(16 * 1024);
    for chat in 0..40 {
        chats.learn(room(&format!("c{chat}"), Kind::Group, "g"), None);
    }
    for seq in 1..=200 {
        for chat in 0..40 {
            let id = ChatId::from(format!("c{chat}").as_str());
            chats.take_message(&id, said(seq, "bob", &long), &me(), &Blocked::default());
        }
    }
    let bytes: usize = chats.iter().map(|chat| chat.window.bytes()).sum();
    assert!(bytes <= BYTES_MAX + 64 * 17 * 1024, "{bytes}");
    let newest = chats.get(&"c39".into()).unwrap();
    assert!(newest.window.get(200).is_some());
}
