//! What is told and kept of what was entered, when the program ends.

use std::{path::Path, sync::Arc, time::Instant as Clock};

use tokio::time::timeout;

use super::{
    support::{message, nobody, seat, up},
    *,
};
use crate::{
    client::{
        app::{
            acts::{Act, Deeds, Spot},
            room::Place,
            written::{To, WRITTEN_MAX},
        },
        journal::Journal,
        net::{
            error::ClientError,
            live::fake_tests::Stage,
            outbox::{OUTBOX_MESSAGES_MAX, StoreId},
            tls::Assurance,
        },
        ui::{
            keymap::Chord,
            model::{
                composer::{Mode, Quote},
                outgoing::State,
            },
            runtime::{keeper::Keeper, perform::on_the_wire, terminal::Nowhere},
        },
    },
    pb::{self, reply::Result as Answer},
};

fn edit(text: &str) -> Effect {
    let spot = Spot {
        place: Place::User("bob".parse().unwrap()),
        id: Some("c1".to_owned()),
    };
    Effect::Act(Act::At(spot, Deeds::Edit(1, text.parse().unwrap())))
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
    let (failure, _door) = tokio::join!(seat.told(), refuse);
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
    assert_eq!(seat.left().await, Ok(()));
    let seat = super::support::seat(home.path(), nobody()).await;
    assert!(seat.ui.model.outgoing.is_empty());
}

#[tokio::test]
async fn a_change_that_was_not_answered_or_not_done_is_told() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let (mut seat, _door) = up(home.path(), &mut stage, 1).await;
    // This server knows of no edits.
    seat.ui.perform(edit("better")).unwrap();
    let failure = seat.told().await;
    assert!(
        failure.starts_with("not done: the new text \"better\": "),
        "{failure}"
    );

    let mut seat = super::support::seat(home.path(), nobody()).await;
    seat.ui.perform(edit("better")).unwrap();
    // Only asked: of no weight.
    seat.ui.perform(Effect::Act(Act::Blocked)).unwrap();
    let failure = seat.told().await;
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
    let failure = seat.told().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(
        failure.starts_with("1 message was not sent yet and kept"),
        "{failure}"
    );
    assert!(door.inbound.message().await.is_ok());
    drop(holder);

    let (mut seat, _door) = up(home.path(), &mut stage, 2).await;
    assert_eq!(seat.ui.link.unsent(), 1);
    let began = Clock::now();
    let failure = seat
        .ui
        .leave(Ok(()), async {})
        .await
        .unwrap_err()
        .to_string();
    assert!(
        // Less than the time that is given to a disk.
        began.elapsed() < Duration::from_millis(1_800),
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
    let wire = super::super::perform::on_the_wire(&message("are you there?"), None);
    let event = LinkEvent::NotSent(wire, error);
    seat.ui.step(Step::Link(event)).unwrap();
    let failure = seat.told().await;
    assert_eq!(failure, "to bob: \"are you there?\": 1 message was refused");
}

#[tokio::test]
async fn what_is_being_written_is_kept_however_soon_it_ends() {
    let home = tempfile::tempdir().unwrap();
    for count in 0..10 {
        let mut seat = seat(home.path(), nobody()).await;
        seat.open("c1");
        seat.ui.model.composer.paste("x");
        let cache = seat.ui.cache.clone().unwrap();
        assert_eq!(seat.ui.leave(Ok(()), async {}).await, Ok(()));
        cache.close().unwrap();
        drop(cache);
        let mut seat = super::support::seat(home.path(), nobody()).await;
        let drafts = seat.ui.model.drafts();
        assert_eq!(drafts.len(), 1, "{count}: {drafts:?}");
        let cache = seat.ui.cache.clone().unwrap();
        assert_eq!(seat.ui.leave(Ok(()), async {}).await, Ok(()));
        cache.close().unwrap();
    }
}

/// A journal whose disk hangs until the sender is gone.
fn on_a_disk_that_hangs(folder: &std::path::Path) -> (Ledger, std::sync::mpsc::Sender<()>) {
    let (server, user) = ("127.0.0.1:7777".parse().unwrap(), "ann".parse().unwrap());
    let journal = Journal::open(folder, &server, Assurance::Plaintext, &user);
    let (go, gate) = std::sync::mpsc::channel();
    let keeper = Keeper::start(journal.unwrap().0, move |_| {
        let _ = gate.recv();
    });
    (Ledger::new(Some(keeper.unwrap()), &[], false), go)
}

#[tokio::test]
async fn a_journal_that_hangs_holds_up_no_key_and_the_end_waits_two_seconds_at_the_most() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let (mut seat, mut door) = up(home.path(), &mut stage, 1).await;
    let (ledger, go) = on_a_disk_that_hangs(home.path());
    seat.ui.ledger = ledger;
    seat.open("c1");
    let (keys, screen) = (seat.keys.clone(), std::sync::Arc::clone(&seat.screen));
    let type_in = async {
        for key in ["h", "i", "enter", "y", "o"] {
            let key = Msg::Key(Chord::parse(key).unwrap());
            keys.send(Input::Msg(key)).await.unwrap();
        }
        let shows = |text: &str| screen.lock().unwrap().screen().contents().contains(text);
        while !(shows("hi") && shows("yo")) {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    seat.run(type_in).await;
    // It is shown, and goes nowhere before it is kept.
    assert_eq!((seat.ui.ledger.waiting(), seat.ui.link.unsent()), (1, 0));
    assert_eq!(seat.ui.model.outgoing.counts(), (1, 0));
    let began = Clock::now();
    let failure = seat.told().await;
    let elapsed = began.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    let start = "to ann: \"hi\": 1 message was not sent, and the disk did not answer in time";
    assert!(failure.starts_with(start), "{failure}");
    // It did come to the disk in the end.
    drop(go);
    let waits = async {
        loop {
            let back = super::support::seat(home.path(), nobody()).await;
            match back.ui.link.unsent() {
                0 => assert_eq!(back.left().await, Ok(())),
                _ => break back,
            }
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(20), waits).await;
    assert_eq!(back.unwrap().ui.link.unsent(), 1);
    assert!(door.inbound.message().await.is_ok());
}

/// The draft that is kept for c1, as the next program finds it.
async fn draft_after_a_kill(cache: crate::client::cache::Cache, folder: &Path) -> String {
    cache.close().unwrap();
    let back = seat(folder, nobody()).await;
    let drafts = back.ui.model.begun().into_iter();
    let texts: Vec<String> = drafts.map(|it| it.text).collect();
    back.ui.cache.as_ref().unwrap().close().unwrap();
    texts.join("|")
}

#[tokio::test]
async fn what_was_entered_is_a_draft_until_it_is_in_the_journal() {
    for is_ended in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let mut first = seat(home.path(), nobody()).await;
        let (ledger, go) = on_a_disk_that_hangs(home.path());
        first.ui.ledger = ledger;
        first.open("c1");
        let keys = first.keys.clone();
        let type_in = async {
            let key = |key: &str| Input::Msg(Msg::Key(Chord::parse(key).unwrap()));
            keys.send(key("h")).await.unwrap();
            keys.send(key("i")).await.unwrap();
            // It is kept, and entered.
            keys.send(Input::Msg(Msg::Focused(false))).await.unwrap();
            keys.send(key("enter")).await.unwrap();
        };
        first.run(type_in).await;
        assert_eq!(first.ui.ledger.waiting(), 1);
        let cache = first.ui.cache.clone().unwrap();
        if is_ended {
            // The disk does not answer, which is told; what is kept may be all that there is of it.
            let told = first.told().await;
            assert!(told.starts_with("to ann: \"hi\""), "{told}");
            assert_eq!(draft_after_a_kill(cache, home.path()).await, "hi");
            continue;
        }
        drop(go);
        let word = first.ui.ledger.next().await;
        // Now a kill would leave both; a moment later only the message.
        first.ui.kept(word);
        first.ui.finish_batch().unwrap();
        assert_eq!(first.ui.link.unsent(), 1);
        assert_eq!(draft_after_a_kill(cache, home.path()).await, "");
    }
}

#[tokio::test]
async fn what_is_entered_just_before_the_end_is_no_draft_any_more() {
    let home = tempfile::tempdir().unwrap();
    let mut first = seat(home.path(), nobody()).await;
    first.open("c1");
    for msg in [Msg::Paste("hi".to_owned()), Msg::Focused(false)] {
        first.ui.happened(msg).unwrap();
    }
    first.ui.finish_batch().unwrap();
    let enter = Msg::Key(Chord::parse("enter").unwrap());
    first.ui.happened(enter).unwrap();
    let cache = first.ui.cache.clone().unwrap();
    let told = first.told().await;
    assert!(
        told.starts_with("1 message was not sent yet and kept"),
        "{told}"
    );
    assert_eq!(draft_after_a_kill(cache, home.path()).await, "");
}

#[tokio::test]
async fn without_a_cache_what_was_begun_is_in_the_journal_until_a_cache_has_it() {
    let home = tempfile::tempdir().unwrap();
    // Another program has the cache.
    let holder = seat(home.path(), nobody()).await;
    for is_killed in [false, true] {
        let mut second = seat(home.path(), nobody()).await;
        assert!(second.ui.cache.is_none());
        second.open("c1");
        match is_killed {
            true => assert_eq!(second.ui.model.composer.text(), "half a"),
            false => assert_eq!(second.ui.model.composer.paste("half a"), 0),
        }
        match is_killed {
            false => assert_eq!(second.left().await, Ok(())),
            true => {
                // As it is some seconds after the last key.
                let begun = second.ui.model.begun();
                second.ui.ledger.keep_texts(begun);
                let word = second.ui.ledger.next().await;
                second.ui.kept(word);
                assert!(second.ui.ledger.has_kept_texts());
                second.ui.ledger.close();
                while second.ui.ledger.next_or_end().await.is_some() {}
            }
        }
        // It waits until the conversation is known.
        let mut third = seat(home.path(), nobody()).await;
        assert_eq!(third.ui.model.begun().len(), 1);
        third.open("c1");
        assert_eq!(third.ui.model.composer.text(), "half a");
        assert_eq!(third.left().await, Ok(()));
    }
    assert_eq!(holder.left().await, Ok(()));
    let first = seat(home.path(), nobody()).await;
    assert_eq!(first.ui.model.begun().len(), 1);
    assert!(first.ui.moves_begun);
    assert_eq!(first.left().await, Ok(()));
    // Now the cache has it, and only that.
    let mut second = seat(home.path(), nobody()).await;
    assert!(!second.ui.moves_begun);
    second.open("c1");
    assert_eq!(second.ui.model.composer.text(), "half a");
    assert_eq!(second.left().await, Ok(()));
}

#[tokio::test]
async fn what_can_be_kept_nowhere_is_asked_about_once_and_told() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let cache = seat.ui.cache.take();
    (seat.ui.stored, seat.ui.ledger) = (None, Ledger::default());
    seat.open("c1");
    let quit = || Msg::Key(Chord::parse("ctrl+q").unwrap());
    let paste = Msg::Paste("half a".to_owned());
    seat.ui.happened(paste).unwrap();
    seat.ui.happened(quit()).unwrap();
    assert!(!seat.ui.is_over && seat.ui.model.overlay.is_some());
    // Taken back, and asked anew; who insists leaves.
    seat.ui
        .happened(Msg::Key(Chord::parse("n").unwrap()))
        .unwrap();
    assert!(seat.ui.model.overlay.is_none());
    seat.ui.happened(quit()).unwrap();
    assert!(!seat.ui.is_over);
    seat.ui.happened(quit()).unwrap();
    assert!(seat.ui.is_over);
    let failure = seat.ui.leave(Ok(()), pending()).await.unwrap_err();
    let failure = failure.to_string();
    assert!(
        failure.starts_with("to ann: \"half a\": 1 text that was begun is lost"),
        "{failure}"
    );
    drop(cache);
    // Where another login follows it goes along.
    let mut next = super::support::seat(home.path(), nobody()).await;
    (next.ui.cache, next.ui.stored, next.ui.ledger) = (None, None, Ledger::default());
    next.ui.model.composer.paste("to whom?");
    next.ui.next = Next::Another;
    assert_eq!(next.ui.leave(Ok(()), pending()).await, Ok(()));
    assert_eq!(next.ui.lost.len(), 1);
}

#[tokio::test]
async fn an_edit_that_was_begun_is_there_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    seat.open("c1");
    seat.ui.model.composer.paste("draft");
    let quote = Quote {
        seq: 7,
        sender: "ann".into(),
        text: "old".into(),
    };
    seat.ui.model.composer.edit_message(quote.clone(), "old");
    seat.ui.model.composer.paste(" and new");
    assert_eq!(seat.left().await, Ok(()));
    let mut seat = super::support::seat(home.path(), nobody()).await;
    seat.ui.model.open(Some("c1".into()));
    assert_eq!(seat.ui.model.composer.text(), "old and new");
    assert_eq!(seat.ui.model.composer.mode(), &Mode::Edit(quote));
    seat.ui.model.composer.leave_mode();
    assert_eq!(seat.ui.model.composer.text(), "draft");
}

#[tokio::test]
async fn past_what_the_outbox_takes_a_text_stays_where_it_is_written() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    seat.ui.ledger = Ledger::default();
    for _ in 0..OUTBOX_MESSAGES_MAX {
        // They are not shown, as after a server that tells of what it does not answer.
        seat.ui.perform(Effect::Send(message("x"))).unwrap();
    }
    assert_eq!(seat.ui.link.unsent(), OUTBOX_MESSAGES_MAX);
    seat.open("c1");
    seat.ui.happened(Msg::Paste("one more".to_owned())).unwrap();
    seat.ui
        .happened(Msg::Key(Chord::parse("enter").unwrap()))
        .unwrap();
    assert_eq!(seat.ui.model.composer.text(), "one more");
    assert_eq!(seat.ui.link.unsent(), OUTBOX_MESSAGES_MAX);
    // One that was refused and is tried again stays refused, with the reason.
    let again = message("again");
    seat.ui.model.outgoing.push(again.clone()).unwrap();
    seat.ui.perform(Effect::Send(again.clone())).unwrap();
    seat.ui.happened(Msg::Focused(true)).unwrap();
    let shown = seat.ui.model.outgoing.get(again.id).unwrap();
    assert!(matches!(&shown.state, State::Failed { .. }), "{shown:?}");
    assert_eq!(seat.ui.link.unsent(), OUTBOX_MESSAGES_MAX);
}

#[tokio::test]
async fn what_the_next_login_may_not_find_is_told_before_it() {
    let home = tempfile::tempdir().unwrap();
    for is_stuck in [false, true] {
        let mut seat = seat(home.path(), nobody()).await;
        let (server, user) = ("127.0.0.1:7777".parse().unwrap(), "ann".parse().unwrap());
        let journal = Journal::open(home.path(), &server, Assurance::Plaintext, &user);
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let keeper = Keeper::start(journal.unwrap().0, move |_| {
            let _ = gate.recv();
        });
        let refused = super::super::perform::on_the_wire(&message("are you there?"), None);
        let left = [(refused, Some("no bob".to_owned()))];
        seat.ui.ledger = Ledger::new(Some(keeper.unwrap()), &left, true);
        seat.ui.next = Next::LogIn("over".to_owned());
        let stuck = is_stuck.then_some(go);
        let told = seat.left().await;
        match is_stuck {
            // It is taken over by what comes next.
            false => assert_eq!(told, Ok(())),
            true => assert!(
                told.unwrap_err()
                    .starts_with("1 message was refused and kept"),
                "the journal is not closed"
            ),
        }
        drop(stuck);
    }
}

#[tokio::test]
async fn what_is_more_than_is_kept_is_told() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    for count in 0..=WRITTEN_MAX {
        seat.ui.model.give_back(Written {
            to: To::Edit {
                conversation: format!("c{count}"),
                seq: 7,
                old: "old".to_owned(),
            },
            text: format!("new {count}"),
        });
    }
    seat.ui.model.composer.paste("to whom?");
    // The oldest had no room in memory, and the last has none on the disk.
    let told = seat.told().await;
    assert_eq!(
        told,
        "as an edit: \"new 256\": 2 texts that were begun are lost: no more than 256 are kept on this machine"
    );
    let seat = super::support::seat(home.path(), nobody()).await;
    assert_eq!(seat.ui.model.begun().len(), WRITTEN_MAX);
    assert_eq!(seat.left().await, Ok(()));
}

#[tokio::test]
async fn the_screen_is_given_up_with_nothing_of_this_account_on_it() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    // As pictures are, this is not in the cells of a frame.
    let shown = Arc::clone(&seat.screen);
    shown.lock().unwrap().process(b"\x1b[Hof ann");
    let instead = Screen::new((80, 24), Nowhere).unwrap();
    let mut screen = seat.ui.give_up_screen(instead).unwrap();
    screen.draw(|_| {}).unwrap();
    while !screen.is_free() {
        let more = timeout(Duration::from_secs(20), screen.more_is_shown());
        more.await.unwrap().unwrap();
    }
    assert_eq!(shown.lock().unwrap().screen().contents().trim(), "");
}

#[tokio::test]
async fn what_another_store_has_no_place_for_is_not_lost_while_the_program_ends() {
    let home = tempfile::tempdir().unwrap();
    let to_group = |text: &str| crate::client::ui::model::outgoing::Outgoing {
        to: Place::Group("c1".to_owned()),
        ..message(text)
    };
    for store in [StoreId::new("old"), None] {
        let mut seat = seat(home.path(), nobody()).await;
        let message = on_the_wire(&to_group("a secret"), store);
        assert_eq!(seat.ui.ledger.add(message.clone(), Instant::now()), None);
        let word = seat.ui.ledger.next().await;
        let (message, _) = seat.ui.ledger.word(word);
        let message = message.unwrap();
        let event = LinkEvent::NotSent(message.clone(), ClientError::OtherStore);
        assert!(seat.ui.last_of_link(event));
        let told = seat.told().await;
        assert!(told.starts_with("1 message was refused and kept"), "{told}");
        // It is there with what it says, and goes nowhere by itself.
        let mut next = super::support::seat(home.path(), nobody()).await;
        let shown = next.ui.model.outgoing.get(message.id).unwrap();
        assert!(matches!(shown.state, State::Failed { .. }));
        assert_eq!(
            (shown.text.as_str(), next.ui.link.unsent()),
            ("a secret", 0)
        );
        next.ui.perform(Effect::Drop(message.id)).unwrap();
        assert_eq!(next.left().await, Ok(()));
    }
}
