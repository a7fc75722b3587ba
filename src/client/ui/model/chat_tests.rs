//! Tests of one conversation.

use super::{
    super::{message::tests::said, window::Ends},
    *,
};
use crate::domain::conversation::NotifySettings;

/// A conversation with a user or of a name.
pub fn room(id: &str, kind: Kind, name: &str) -> Room {
    Room {
        id: id.to_owned(),
        kind,
        name: name.into(),
        members_count: 2,
        ..Room::default()
    }
}

fn me() -> UserName {
    "ann".parse().unwrap()
}

fn chat() -> Chat {
    Chat::new(room("c1", Kind::Direct, "bob"))
}

fn say(chat: &mut Chat, seq: u64, sender: &str) -> bool {
    chat.take_message(said(seq, sender, "x"), &me(), &Blocked::default())
}

#[test]
fn new_messages_count_once_and_own_ones_do_not() {
    let mut chat = chat();
    assert!(say(&mut chat, 1, "bob") && say(&mut chat, 2, "ann"));
    assert!(!say(&mut chat, 1, "bob"));
    assert_eq!((chat.counts().unread, chat.window.len()), (1, 2));
    assert_eq!(chat.to_mark(), Some(2));
    assert!(chat.read_to(2));
    assert_eq!((chat.to_mark(), chat.is_unread()), (None, false));
}

#[test]
fn the_place_is_held_while_messages_come_and_older_ones_are_loaded() {
    let mut chat = chat();
    for seq in 11..=20 {
        say(&mut chat, seq, "bob");
    }
    chat.scroll_to(15, 1);
    assert_eq!((chat.new_below(&me()), chat.to_mark()), (0, None));
    say(&mut chat, 21, "bob");
    say(&mut chat, 22, "ann");
    say(&mut chat, 23, "bob");
    chat.take_page(Page {
        ask: Ask::Before(11),
        messages: (1..=10).map(|seq| said(seq, "bob", "x")).collect(),
        ends: Some(Ends {
            floor: 0,
            last_seq: 23,
        }),
    });
    let place = Scroll::At {
        seq: 15,
        hidden_rows: 1,
    };
    assert_eq!((chat.scroll(), chat.new_below(&me())), (place, 2));
    chat.scroll_to(21, 0);
    assert_eq!(chat.new_below(&me()), 1);
    chat.trim(5);
    assert!(chat.window.get(21).is_some());
    chat.scroll_to(23, 0);
    assert_eq!((chat.scroll(), chat.new_below(&me())), (Scroll::AtEnd, 0));
}

#[test]
fn the_unread_line_stays_while_the_conversation_is_in_front() {
    let mut chat = chat();
    chat.take_counts(Counts {
        last_seq: 9,
        read_seq: 4,
        unread: 5,
        mentions: 0,
    });
    chat.open();
    chat.read_to(9);
    assert_eq!(chat.unread_line(), Some(4));
    chat.close();
    chat.open();
    assert_eq!(chat.unread_line(), None);
}

#[test]
fn who_is_called_depends_on_what_was_set_and_until_when() {
    let mut chat = Chat::new(room("c2", Kind::Channel, "ops"));
    let (nobody, at) = (Blocked::default(), TimeMs::new);
    let plain = said(1, "bob", "x");
    let mention = Message {
        mentions_all: true,
        ..plain.clone()
    };
    let calls = |chat: &Chat, message, now| chat.calls(message, &me(), &nobody, at(now));
    assert!(calls(&chat, &mention, 0) && !calls(&chat, &plain, 0));
    chat.set_settings(MemberSettings {
        marked_unread: true,
        notify: NotifySettings {
            level: NotifyLevel::None,
            until: Some(at(10)),
        },
    });
    assert!(!calls(&chat, &mention, 9) && calls(&chat, &mention, 10));
    // What all members are told does not change that.
    chat.set_room(room("c2", Kind::Channel, "new"));
    assert!(chat.is_unread() && !calls(&chat, &mention, 9));
}

#[test]
fn edits_and_deletions_change_mentions_and_not_unread() {
    let mut chat = chat();
    let named = |seq, revision| Message {
        revision,
        mentions: vec!["ann".into()],
        ..said(seq, "bob", "@ann")
    };
    let nobody = Blocked::default();
    chat.take_message(named(1, 0), &me(), &nobody);
    let plain = Message {
        revision: 2,
        ..said(1, "bob", "x")
    };
    chat.take_change(Change::Edited(Box::new(plain)), &me(), &nobody);
    assert_eq!((chat.counts().unread, chat.counts().mentions), (1, 0));
    let late = Change::Edited(Box::new(named(1, 1)));
    chat.take_change(late, &me(), &nobody);
    assert_eq!((chat.counts().mentions, chat.is_unsure()), (0, false));
    chat.take_change(Change::Edited(Box::new(named(1, 3))), &me(), &nobody);
    assert_eq!(chat.counts().mentions, 1);
    let deleted = Change::Deleted {
        seq: 1,
        revision: 4,
    };
    chat.take_change(deleted, &me(), &nobody);
    chat.take_message(named(1, 0), &me(), &nobody);
    assert_eq!((chat.counts().unread, chat.counts().mentions), (1, 0));
    assert!(!chat.is_unsure());
}

#[test]
fn an_own_message_shows_how_far_it_has_come() {
    let mut chat = chat();
    assert_eq!(chat.delivery(1), Delivery::Sent);
    let marker = |delivered, read| Marker { delivered, read };
    chat.advance("u2", marker(1, 0));
    assert_eq!(chat.delivery(1), Delivery::Delivered);
    chat.advance("u2", marker(0, 1));
    assert_eq!(
        (chat.delivery(1), chat.delivery(2)),
        (Delivery::Read, Delivery::Sent)
    );
    chat.room.members_count = 1;
    assert_eq!(chat.delivery(1), Delivery::Sent, "notes to self");
}

#[test]
fn a_message_ends_the_typing_of_its_sender_and_can_be_found_again() {
    let mut chat = chat();
    chat.typing.set(&"bob".into(), true, TimeMs::new(0));
    say(&mut chat, 1, "bob");
    assert_eq!(chat.typing.next_end(), None);
    say(&mut chat, 2, "ann");
    assert_eq!(chat.last_own(&me()).unwrap().seq, 2);
    let answer = Message {
        reply_to: 1,
        ..said(3, "ann", "y")
    };
    assert_eq!(
        chat.quoted(&answer),
        Some((&"bob".into(), Some(&"x".into())))
    );
    assert_eq!(chat.missing(5, 0), None);
}
