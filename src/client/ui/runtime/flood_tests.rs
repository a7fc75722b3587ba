//! What a server can make of the loop: not more than there is room for, and nothing that a key has to wait for.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    support::{Seat, acknowledged, nobody, seat},
    *,
};
use crate::client::{
    net::live::fake_tests::{Stage, caught_up, said, waits, welcome},
    ui::{keymap::Chord, runtime::asks::Answer},
};

#[tokio::test]
async fn of_the_answers_that_have_all_there_is_one_at_a_time_and_the_newest_counts() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let ui = &mut seat.ui;
    let before = ui.asks.len();
    for _ in 0..1_000 {
        ui.perform(Effect::States).unwrap();
    }
    assert_eq!(ui.asks.len() - before, 1);
    let answer = |ui: &Ui| Asked {
        era: ui.era,
        deed: None,
        answer: Answer::from(News::States {
            states: Err("gone".into()),
            blocked: None,
        }),
    };
    ui.model.intake.has_asked = true;
    ui.answered(answer(ui)).unwrap();
    assert!(ui.model.intake.has_asked, "one more is under way");
    assert_eq!(ui.asks.len() - before, 2);
    ui.answered(answer(ui)).unwrap();
    assert!(!ui.model.intake.has_asked);
    assert_eq!(ui.asks.len() - before, 2);
}

#[tokio::test]
async fn nothing_more_is_taken_from_a_server_that_makes_for_too_many_questions() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let gate = Arc::new(Semaphore::new(0));
    for _ in 0..ASKS_MAX {
        let gate = Arc::clone(&gate);
        seat.ui.asks.spawn(async move {
            let _open = gate.acquire().await;
            let answer = Answer::default();
            Asked {
                era: 0,
                deed: None,
                answer,
            }
        });
    }
    // The link is not even looked at: nobody is at the door.
    let early = seat.run(async {
        let door = stage.doors.recv();
        tokio::time::timeout(Duration::from_millis(300), door)
            .await
            .is_ok()
    });
    assert!(!early.await);
    gate.add_permits(1);
    seat.ui.is_over = false;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), said(1), caught_up()]).await;
        assert_eq!(acknowledged(&mut door).await, "1");
    };
    seat.run(play).await;
}

#[tokio::test]
async fn whoever_does_something_while_the_server_is_away_brings_a_try_but_few() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let long = Duration::from_secs(26);
    let press = |seat: &mut Seat, msg: Msg| {
        waits(&mut seat.ui.link, long);
        seat.ui.tick();
        let now = seat.ui.model.now;
        let retry_at = TimeMs::new(now.milliseconds() + 26_000);
        seat.ui.model.link = LinkState::Down { retry_at };
        seat.ui.step(Step::Input(Some(Input::Msg(msg)))).unwrap();
        let LinkState::Down { retry_at } = seat.ui.model.link else {
            panic!("{:?}", seat.ui.model.link);
        };
        Duration::from_millis(retry_at.since_ms(now))
    };
    let key = || Msg::Key(Chord::parse("enter").unwrap());
    assert_eq!(press(&mut seat, key()), Duration::ZERO);
    // The next one comes too soon after that, and is not lost.
    let soon = press(&mut seat, key());
    assert!(soon > Duration::ZERO && soon <= RETRY_EVERY, "{soon:?}");
    for msg in [Msg::Paste("x".to_owned()), Msg::Focused(true)] {
        seat.ui.retried = None;
        assert_eq!(press(&mut seat, msg), Duration::ZERO);
    }
    seat.ui.retried = None;
    for msg in [Msg::Focused(false), Msg::Resized(80, 24)] {
        assert_eq!(press(&mut seat, msg), long, "nobody did anything");
    }
}
