//! What becomes of files that were sent: with the message that holds them, at the end, and where the store is another one.

use super::{
    support::{message, nobody, seat},
    *,
};
use crate::{
    client::{
        app::{
            room::Place,
            transfers::{Job, Uploaded, Wish},
        },
        carrier::{Carrier, Errand},
        net::{outbox::StoreId, session::Patience, tls::Assurance},
        transfer::records::Record,
        ui::{
            model::outgoing::{Full, Outgoing, State},
            runtime::perform::on_the_wire,
        },
    },
    domain::ids::ClientMessageId,
    pb::{self, event::Body},
};

fn id(number: u8) -> ClientMessageId {
    ClientMessageId::from_bytes([number; 16])
}

/// Files that are there, as a transfer of bob's brings them.
fn uploaded(ui: &mut Ui, number: u8) -> Step {
    let wish = Wish::Send(vec!["a.png".to_owned()].into());
    let place = Place::User("bob".parse().unwrap());
    ui.model.transfers.wish(wish, Some(place), None).unwrap();
    let id = id(number);
    ui.carrier.note(id, vec![Record::default()]);
    let files = vec!["f1".to_owned()];
    Step::Moved(u32::from(number), Moved::Uploaded(Uploaded { id, files }))
}

fn files() -> Outgoing {
    Outgoing {
        text: crate::domain::text::MessageText::none(),
        attachments: vec!["f1".to_owned()],
        ..message("x")
    }
}

/// All that was said since.
fn all_said(ui: &mut Ui) -> String {
    let (now, mut all) = (ui.model.now, Vec::new());
    while let Some(notice) = ui.model.notices.shown(now) {
        all.push(notice.text.clone());
        ui.model.notices.dismiss(now);
    }
    all.join("\n")
}

#[tokio::test]
async fn uploads_are_gone_on_with_until_their_message_is_on_a_disk() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let step = uploaded(&mut seat.ui, 1);
    seat.ui.step(step).unwrap();
    assert_eq!(seat.ui.ledger.waiting(), 1);
    assert!(seat.ui.carrier.notes(id(1)));
    let word = seat.ui.ledger.next().await;
    seat.ui.step(Step::Kept(word)).unwrap();
    assert!(!seat.ui.carrier.notes(id(1)));
    // What nothing can keep is on the disk of the server at the best.
    seat.ui.ledger = Ledger::default();
    let step = uploaded(&mut seat.ui, 2);
    seat.ui.step(step).unwrap();
    assert!(seat.ui.carrier.notes(id(2)));
    let sent = on_the_wire(seat.ui.model.outgoing.get(id(2)).unwrap(), None);
    let sent = LinkEvent::Sent(sent, pb::SendResponse::default());
    seat.ui.step(Step::Link(sent)).unwrap();
    assert!(!seat.ui.carrier.notes(id(2)));
}

#[tokio::test]
async fn files_whose_message_finds_no_room_are_not_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    for _ in 0..crate::client::net::outbox::OUTBOX_MESSAGES_MAX {
        seat.ui.link.send_again(on_the_wire(&message("x"), None));
    }
    assert_eq!(seat.ui.full(), Some(Full::Messages));
    let step = uploaded(&mut seat.ui, 1);
    seat.ui.step(step).unwrap();
    let said = all_said(&mut seat.ui);
    assert!(
        said.contains("the same command goes on with them"),
        "{said}"
    );
    // Nothing holds what the command takes up again.
    assert!(!seat.ui.carrier.notes(id(1)));
    assert!(seat.ui.model.transfers.is_empty());
}

#[tokio::test]
async fn what_is_on_its_way_at_the_end_is_told() {
    let home = tempfile::tempdir().unwrap();
    for (next, then) in [
        (Next::Leave, "the same command goes on with it"),
        (Next::Another, "the same command goes on with it"),
        (
            Next::LogIn("ended".to_owned()),
            "the same command goes on with it",
        ),
        (Next::LoggedOut, "it ended with the login"),
    ] {
        let mut seat = seat(home.path(), nobody()).await;
        uploaded(&mut seat.ui, 1);
        seat.ui.next = next.clone();
        let failure = seat.ui.leave(Ok(()), pending()).await.unwrap_err();
        let Failure::Told { code, text, .. } = failure else {
            panic!("{next:?}");
        };
        assert_eq!(code, 4);
        assert!(
            text.starts_with("1 transfer was under way (sending a.png); "),
            "{text}"
        );
        assert!(text.contains(then), "{next:?}: {text}");
    }
}

#[tokio::test]
async fn what_could_not_be_noted_is_not_said_to_be_kept_at_the_end() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let file = home.path().join("a.png");
    std::fs::write(&file, b"a").unwrap();
    uploaded(&mut seat.ui, 1);
    // No folder for records.
    let session = seat.ui.asker.session().clone();
    let (server, me) = ("127.0.0.1:1".parse().unwrap(), "ann".parse().unwrap());
    let of = (&server, Assurance::Plaintext, &me);
    seat.ui.carrier = Carrier::new(Errand::new(session, of, &file, Patience::Endless));
    let job = Job::Send(vec![file.display().to_string()].into());
    seat.ui.carrier.begin(1, job);
    while seat.ui.carrier.is_noted() {
        tokio::task::yield_now().await;
    }
    let failure = seat.ui.leave(Ok(()), pending()).await.unwrap_err();
    let told = failure.to_string();
    assert!(told.ends_with("the same command sends that anew"), "{told}");
}

#[tokio::test]
async fn what_is_tried_again_is_of_the_store_for_which_it_was_written() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let message = files();
    let of = StoreId::new("old");
    seat.ui
        .ledger
        .refuse(on_the_wire(&message, of.clone()), "no", true);
    seat.ui.perform(Effect::Send(message.clone())).unwrap();
    let word = seat.ui.ledger.next().await;
    let (sent, _) = seat.ui.ledger.word(word);
    assert_eq!(sent, Some(on_the_wire(&message, of)));
}

#[tokio::test]
async fn messages_to_groups_of_another_store_go_to_nobody_and_what_they_say_is_kept() {
    let to_group = |text: &str| Outgoing {
        to: Place::Group("c1".to_owned()),
        ..message(text)
    };
    // While it runs, and as an earlier program left it.
    for is_reset in [true, false] {
        let home = tempfile::tempdir().unwrap();
        let mut seat = seat(home.path(), nobody()).await;
        let secret = to_group("a secret");
        seat.ui.model.outgoing.push(secret.clone()).unwrap();
        seat.ui.perform(Effect::Send(secret.clone())).unwrap();
        let word = seat.ui.ledger.next().await;
        seat.ui.step(Step::Kept(word)).unwrap();
        let reset = pb::Event {
            body: Some(Body::Reset(pb::Reset::default())),
            ..pb::Event::default()
        };
        let error = crate::client::net::error::ClientError::OtherStore;
        let event = match is_reset {
            true => LinkEvent::Event(reset),
            false => LinkEvent::NotSent(on_the_wire(&secret, None), error),
        };
        seat.ui.step(Step::Link(event)).unwrap();
        assert!(seat.ui.model.outgoing.is_empty());
        assert_eq!(seat.ui.model.composer.text(), "a secret");
        let said = all_said(&mut seat.ui);
        let why = match is_reset {
            true => {
                "1 message to a group is not sent, since its groups are others. The text \"a secret\" is kept as a draft."
            }
            false => "; send it again where it belongs. The text \"a secret\" is kept as a draft.",
        };
        assert!(said.contains(why), "{said}");
        // Nothing waits, and nothing is to be told of at the end.
        assert!(seat.ui.ledger.report(0).is_empty());
        // What was stored before is not what has come back.
        let word = crate::client::cache::Word::Stored(None);
        seat.ui.word(word).unwrap();
        assert!(seat.ui.moves_begun);
        // A program that is killed right then has the text at its next start, and no message.
        drop(seat);
        let back = super::support::seat(home.path(), nobody()).await;
        assert!(back.ui.model.outgoing.is_empty());
        let begun = back.ui.model.begun().into_iter();
        let begun: Vec<String> = begun.map(|it| it.text).collect();
        assert_eq!(begun, ["a secret"]);
    }
}

#[tokio::test]
async fn messages_with_files_of_another_store_are_told_and_gone() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let (waits, refused, at_disk) = (files(), files(), files());
    for message in [&waits, &refused, &at_disk] {
        seat.ui.model.outgoing.push(message.clone()).unwrap();
        seat.ui.perform(Effect::Send(message.clone())).unwrap();
    }
    for _ in [&waits, &refused] {
        let word = seat.ui.ledger.next().await;
        seat.ui.step(Step::Kept(word)).unwrap();
    }
    let error = tonic::Status::not_found("no bob").into();
    let event = LinkEvent::NotSent(on_the_wire(&refused, None), error);
    seat.ui.step(Step::Link(event)).unwrap();
    let state = &seat.ui.model.outgoing.get(refused.id).unwrap().state;
    assert!(matches!(state, State::Failed { .. }));
    let reset = pb::Event {
        body: Some(Body::Reset(pb::Reset::default())),
        ..pb::Event::default()
    };
    seat.ui.step(Step::Link(LinkEvent::Event(reset))).unwrap();
    let said = all_said(&mut seat.ui);
    assert!(
        said.contains("3 messages with files are not sent"),
        "{said}"
    );
    assert!(seat.ui.model.outgoing.is_empty());
    let error = crate::client::net::error::ClientError::OtherStore;
    let event = LinkEvent::NotSent(on_the_wire(&waits, None), error);
    seat.ui.step(Step::Link(event)).unwrap();
    // That was told.
    assert_eq!(all_said(&mut seat.ui), "");
    assert_eq!(seat.ui.ledger.waiting(), 0);
    // Nothing of them comes back.
    let _ = seat.ui.leave(Ok(()), pending()).await;
    let again = super::support::seat(home.path(), nobody()).await;
    assert!(again.ui.model.outgoing.is_empty());
    assert_eq!(again.ui.link.unsent(), 0);
}

#[tokio::test]
async fn the_store_of_what_is_kept_is_known_before_the_server_says_it() {
    let home = tempfile::tempdir().unwrap();
    let first = seat(home.path(), nobody()).await;
    let cache = first.ui.cache.as_ref().unwrap();
    cache.apply(vec![crate::client::cache::Change::Epoch("e1".to_owned())]);
    assert_eq!(first.ui.link.store(), None);
    assert_eq!(first.left().await, Ok(()));
    let mut second = seat(home.path(), nobody()).await;
    let e1 = StoreId::new("e1");
    assert_eq!(second.ui.link.store(), e1.as_ref());
    let to_group = Outgoing {
        to: Place::Group("c1".to_owned()),
        ..message("a secret")
    };
    second.ui.perform(Effect::Send(to_group.clone())).unwrap();
    let word = second.ui.ledger.next().await;
    let (sent, _) = second.ui.ledger.word(word);
    assert_eq!(sent, Some(on_the_wire(&to_group, e1)));
}
