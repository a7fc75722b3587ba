//! What is told and kept of what was entered, when the program ends.

use std::time::Instant as Clock;

use super::{
    tests::{Seat, acknowledged, nobody, seat},
    *,
};
use crate::{
    client::{
        app::{
            acts::{Act, Deeds, Spot},
            room::Place,
        },
        net::live::fake_tests::{Door, Stage, caught_up, said, welcome},
        ui::model::outgoing::{Outgoing, State},
    },
    domain::clock::TimeMs,
    pb::{self, reply::Result as Answer},
};

fn message(text: &str) -> Outgoing {
    Outgoing {
        id: ClientMessageId::mint(),
        to: Place::User("bob".parse().unwrap()),
        text: text.parse().unwrap(),
        reply_to: None,
        time: TimeMs::new(0),
        state: State::Waiting,
    }
}

fn edit(text: &str) -> Effect {
    let spot = Spot {
        place: Place::User("bob".parse().unwrap()),
        id: Some("c1".to_owned()),
    };
    Effect::Act(Act::At(spot, Deeds::Edit(1, text.parse().unwrap())))
}

/// A seat that is connected, and the server's side.
async fn up(home: &std::path::Path, stage: &mut Stage, seq: u64) -> (Seat, Door) {
    let mut seat = seat(home, stage.address).await;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), said(seq), caught_up()]).await;
        acknowledged(&mut door).await;
        door
    };
    let door = seat.run(play).await;
    (seat, door)
}

#[tokio::test]
async fn what_is_refused_while_the_program_ends_is_told_and_there_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let (mut seat, mut door) = up(home.path(), &mut stage, 1).await;
    let message = message("are you there?");
    seat.ui.model.outgoing.push(message.clone()).unwrap();
    seat.ui.perform(Effect::Send(message.clone())).unwrap();
    let refuse = async {
        let (request, _) = door.next_send().await;
        let error = pb::Error {
            code: 5,
            message: "no bob".to_owned(),
            ..pb::Error::default()
        };
        door.answer(request, Answer::Error(error)).await;
        door
    };
    let (failure, _door) = tokio::join!(seat.ui.leave(Ok(()), pending()), refuse);
    let failure = failure.unwrap_err().to_string();
    assert!(
        failure.starts_with("1 message was refused and kept"),
        "{failure}"
    );

    // It waits for what a person says, and is not sent by itself.
    let (mut seat, _door) = up(home.path(), &mut stage, 2).await;
    let shown = seat.ui.model.outgoing.get(message.id).unwrap();
    assert_eq!(
        shown.state,
        State::Failed {
            why: "no bob".into()
        }
    );
    assert_eq!(seat.ui.link.unsent(), 0);
    seat.ui.perform(Effect::Drop(message.id)).unwrap();
    assert_eq!(seat.ui.leave(Ok(()), pending()).await, Ok(()));
    let seat = super::tests::seat(home.path(), nobody()).await;
    assert!(seat.ui.model.outgoing.is_empty());
}

#[tokio::test]
async fn a_change_that_was_not_answered_or_not_done_is_told() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let (mut seat, _door) = up(home.path(), &mut stage, 1).await;
    // This server knows of no edits.
    seat.ui.perform(edit("better")).unwrap();
    let failure = seat
        .ui
        .leave(Ok(()), pending())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        failure.starts_with("not done: the new text \"better\": "),
        "{failure}"
    );

    let mut seat = super::tests::seat(home.path(), nobody()).await;
    seat.ui.perform(edit("better")).unwrap();
    // Only asked: of no weight.
    seat.ui.perform(Effect::Act(Act::Blocked)).unwrap();
    let failure = seat
        .ui
        .leave(Ok(()), pending())
        .await
        .unwrap_err()
        .to_string();
    let expected = "1 change is not answered, see whether it is done: the new text \"better\"";
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn it_takes_two_seconds_at_the_most_and_none_if_somebody_does_not_wait() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let (mut seat, mut door) = up(home.path(), &mut stage, 1).await;
    // The server says nothing, and the disk hangs.
    seat.ui.perform(Effect::Send(message("one"))).unwrap();
    seat.ui.link.mark_read("c1", 1);
    let cache = std::fs::read_dir(home.path()).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension()
            .is_some_and(|it| it == "cache")
            .then_some(path)
    });
    let holder = rusqlite::Connection::open(cache.unwrap()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let cache = seat.ui.cache.as_ref().unwrap();
    for count in 2..9 {
        cache.apply(vec![Change::Cursor(count.to_string())]);
    }
    let began = Clock::now();
    let failure = seat
        .ui
        .leave(Ok(()), pending())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        began.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        began.elapsed()
    );
    assert!(
        failure.starts_with("1 message was not sent yet and kept"),
        "{failure}"
    );
    assert!(door.inbound.message().await.is_ok());
    drop(holder);

    let (seat, _door) = up(home.path(), &mut stage, 2).await;
    assert_eq!(seat.ui.link.unsent(), 1);
    let began = Clock::now();
    let failure = seat
        .ui
        .leave(Ok(()), async {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    assert!(
        failure.starts_with("1 message was not sent yet and kept"),
        "{failure}"
    );
}

#[tokio::test]
async fn what_was_refused_and_could_not_be_kept_is_named() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    seat.ui.ledger = Ledger::default();
    let error = tonic::Status::not_found("no bob").into();
    let wire = super::super::perform::on_the_wire(&message("are you there?"));
    let event = LinkEvent::NotSent(wire, error);
    seat.ui.step(Step::Link(event)).unwrap();
    let failure = seat
        .ui
        .leave(Ok(()), pending())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(failure, "to bob: \"are you there?\": 1 message was refused");
}

#[tokio::test]
async fn what_is_being_written_is_kept_however_soon_it_ends() {
    let home = tempfile::tempdir().unwrap();
    for count in 0..10 {
        let mut seat = seat(home.path(), nobody()).await;
        let state = pb::Conversation {
            id: "c1".to_owned(),
            notify: Some(pb::NotifySettings::default()),
            ..pb::Conversation::default()
        };
        let kept = seat.ui.memory.states(std::slice::from_ref(&state));
        seat.ui.changes.extend(kept);
        let state = crate::client::ui::translate::state(state, &seat.ui.model.me);
        seat.ui.take(News::Chat(Box::new(state))).unwrap();
        assert!(seat.ui.model.open(Some("c1".into())));
        seat.ui.model.composer.paste("x");
        let cache = seat.ui.cache.clone().unwrap();
        assert_eq!(seat.ui.leave(Ok(()), async {}).await, Ok(()));
        cache.close().unwrap();
        drop(cache);
        let seat = super::tests::seat(home.path(), nobody()).await;
        let drafts = seat.ui.model.drafts();
        assert_eq!(drafts.len(), 1, "{count}: {drafts:?}");
        let cache = seat.ui.cache.clone().unwrap();
        assert_eq!(seat.ui.leave(Ok(()), async {}).await, Ok(()));
        cache.close().unwrap();
    }
}
