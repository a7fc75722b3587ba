//! What becomes of messages that were sent.

use super::{
    super::{
        News,
        support::{BOB, ann, chat, id, message, notice, quietly, said, waiting},
        take,
    },
    *,
};
use crate::client::app::transfers::{Far, Follows, Uploaded, Wish};
use crate::client::ui::model::{
    markers::Delivery,
    message::Message,
    outgoing::{Full, MESSAGES_MAX, State},
};

fn delivery(model: &Model, number: u8) -> Option<Delivery> {
    model.outgoing.get(id(number)).map(Outgoing::delivery)
}

#[test]
fn the_answer_and_the_message_may_come_in_any_order() {
    let event = |number: u8, seq| {
        let message = Message {
            client_id: Some(id(number)),
            ..message(seq, "ann", "waits")
        };
        said(BOB, message)
    };
    let answer = |number: u8, seq| News::Sent {
        id: id(number),
        seq,
    };
    let mut model = ann();
    for number in [1, 2] {
        model.outgoing.push(waiting(number)).unwrap();
    }
    quietly(&mut model, answer(1, 6));
    assert_eq!(delivery(&model, 1), Some(Delivery::Sent));
    quietly(&mut model, event(1, 6));
    quietly(&mut model, event(2, 7));
    quietly(&mut model, answer(2, 7));
    quietly(&mut model, answer(2, 7));
    assert_eq!((delivery(&model, 1), delivery(&model, 2)), (None, None));
    assert_eq!(chat(&model, BOB).counts().last_seq, 7);
    assert_eq!(chat(&model, BOB).counts().unread, 0);
}

#[test]
fn what_was_refused_stays_and_says_why() {
    for (news, told) in [
        (
            News::NotSent {
                id: id(1),
                why: "too\u{1b} long".into(),
            },
            "Not sent: too␛ long",
        ),
        (
            News::Held {
                id: id(1),
                why: "no scope".into(),
            },
            "Not sent, and kept for a login that may: no scope",
        ),
    ] {
        let mut model = ann();
        model.outgoing.push(waiting(1)).unwrap();
        assert_eq!(take(&mut model, news), []);
        assert_eq!(notice(&mut model), told);
        assert_eq!(delivery(&model, 1), Some(Delivery::Failed));
        assert!(model.outgoing.retry(id(1)).is_some());
    }
}

#[test]
fn what_an_earlier_program_left_is_shown_and_is_no_more_than_is_kept() {
    let mut model = ann();
    take(&mut model, News::Left(vec![waiting(1), waiting(2)]));
    assert_eq!(
        notice(&mut model),
        "2 messages of last time not answered yet; sending again."
    );
    assert_eq!(model.outgoing.counts(), (2, 0));
    let many = (0..MESSAGES_MAX + 9).map(|number| {
        let mut bytes = [9; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Outgoing {
            id: ClientMessageId::from_bytes(bytes),
            ..waiting(0)
        }
    });
    take(&mut model, News::Left(many.collect()));
    assert_eq!(model.outgoing.counts(), (MESSAGES_MAX, 0));
    assert_eq!(
        model.outgoing.get(id(1)).map(|it| &it.state),
        Some(&State::Waiting)
    );
}

#[test]
fn what_was_refused_by_an_earlier_program_waits_for_what_is_to_become_of_it() {
    let mut model = ann();
    let refused = Outgoing {
        state: State::Failed {
            why: "no bob".into(),
        },
        ..waiting(1)
    };
    take(&mut model, News::Left(vec![refused, waiting(2)]));
    assert_eq!(
        notice(&mut model),
        "1 message of last time not answered yet; sending again. 1 message of last time refused; send again or drop what \
         is marked."
    );
    assert_eq!(model.outgoing.counts(), (1, 1));
}

#[test]
fn texts_of_before_stand_behind_those_that_were_sent_meanwhile() {
    let mut model = ann();
    model.chats.front_mut().unwrap().history.push("now");
    for chat in [BOB, "c-new"] {
        quietly(
            &mut model,
            News::Lines {
                chat: chat.into(),
                lines: vec!["old".to_owned(), "older\nyet".to_owned()],
            },
        );
    }
    let history = &chat(&model, BOB).history;
    let all: Vec<&str> = (0..9).map_while(|at| history.newest(at)).collect();
    assert_eq!(all, ["now", "older\nyet", "old"]);
}

#[test]
fn files_that_are_there_are_sent_where_they_were_meant_for() {
    let mut model = ann();
    let place = Place::User("bob".parse().unwrap());
    let send = || Wish::Send(vec!["a.png".to_owned()].into());
    for number in [1, 2] {
        let follows = model.transfers.wish(send(), Some(place.clone()), None);
        assert!(matches!(follows, Ok(Follows::Begin(it, ..)) if it == number));
    }
    let moved = |number, moved| News::Moved { number, moved };
    quietly(&mut model, moved(1, Moved::On(Far::default())));
    let uploaded = Uploaded {
        id: id(9),
        files: vec!["f1".to_owned()],
    };
    let effects = take(&mut model, moved(1, Moved::Uploaded(uploaded)));
    let [Effect::Send(sent)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (sent.id, &sent.to, &*sent.attachments),
        (id(9), &place, &["f1".to_owned()][..])
    );
    assert_eq!(model.outgoing.get(id(9)), Some(sent));
    take(&mut model, moved(2, Moved::Failed("no\u{1b} room".into())));
    assert_eq!(notice(&mut model), "[2] Not sent: no␛ room.");
    assert!(model.transfers.is_empty());
    // Where no further message is taken they are not lost.
    let follows = model.transfers.wish(send(), Some(place), None);
    assert!(matches!(follows, Ok(Follows::Begin(3, ..))));
    model.outgoing.set_full(Some(Full::Messages));
    let uploaded = Uploaded {
        id: id(8),
        files: vec!["f1".to_owned()],
    };
    assert_eq!(take(&mut model, moved(3, Moved::Uploaded(uploaded))), []);
    let said = notice(&mut model);
    assert!(
        said.starts_with("[3] Not sent: 1000 messages are waiting"),
        "{said}"
    );
    assert!(
        said.ends_with("the same command goes on with them."),
        "{said}"
    );
}
