//! The loop without a terminal, against a server that plays a part.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    support::{acknowledged, marked, message, nobody, seat},
    *,
};
use crate::{
    client::{
        app::file::tests::picture,
        net::live::fake_tests::{Stage, caught_up, said, welcome},
        paper::Sheet,
        picture::{
            made_tests::{file, noise},
            terminal::{Report, Way as Drawing},
        },
        ui::{
            model::{
                intake::Intake,
                notices::Notices,
                outgoing::Outgoing,
                previews::{
                    Canvas,
                    tests::{BLOCKS, made},
                },
            },
            runtime::settings::Surroundings,
            view::models::{at, office, say_so},
        },
    },
    pb::chat_request::Request,
};

#[tokio::test]
async fn what_is_stored_is_acknowledged_and_the_next_start_resumes_there() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let address = stage.address;
    let mut first = seat(home.path(), address).await;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        assert_eq!(door.hello.resume_cursor, None);
        assert!(door.hello.ephemeral_events);
        door.give([welcome(), said(1), said(2), caught_up()]).await;
        assert_eq!(acknowledged(&mut door).await, "2");
        door.give([said(3)]).await;
        assert_eq!(acknowledged(&mut door).await, "3");
        door
    };
    let door = first.run(play).await;
    drop(door);
    assert_eq!(first.left().await, Ok(()));

    let mut second = seat(home.path(), address).await;
    let screen = Arc::clone(&second.screen);
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        assert_eq!(door.hello.resume_cursor.as_deref(), Some("3"));
        // Something is shown, although the server has not said a word.
        while screen.lock().unwrap().screen().contents().trim().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    second.run(play).await;
}

/// Lets some time pass in which everything there is to be drawn is drawn.
async fn drawn() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn without_a_cache_only_what_was_on_the_screen_is_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    // Another program has the cache.
    let holder = seat(home.path(), nobody()).await;
    assert!(holder.ui.cache.is_some());
    let mut seat = seat(home.path(), stage.address).await;
    assert!(seat.ui.cache.is_none());
    let (gate, keys) = (Arc::clone(&seat.gate), seat.keys.clone());
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        drawn().await;
        let still = gate.lock().await;
        door.give([said(1), said(2)]).await;
        let early = timeout(Duration::from_millis(300), acknowledged(&mut door));
        assert!(early.await.is_err(), "the terminal stands still");
        // As if all keys were pressed: nothing is held up by it.
        for _ in 0..50 {
            let focus = Input::Msg(Msg::Focused(true));
            keys.send(focus).await.unwrap();
        }
        drop(still);
        assert_eq!(acknowledged(&mut door).await, "2");
    };
    seat.run(play).await;
    assert_eq!(holder.left().await, Ok(()));
}

#[tokio::test]
async fn only_what_was_on_the_screen_is_marked_read() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    seat.open("c1");
    let gate = Arc::clone(&seat.gate);
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        drawn().await;
        let still = gate.lock().await;
        door.give([said(1), said(2)]).await;
        let early = timeout(Duration::from_millis(300), marked(&mut door));
        assert!(early.await.is_err(), "the terminal stands still");
        drop(still);
        assert_eq!(marked(&mut door).await, ("c1".to_owned(), 2));
        // What comes a moment later is marked with the next second.
        door.give([said(3)]).await;
        door.give([said(4)]).await;
        assert_eq!(marked(&mut door).await, ("c1".to_owned(), 4));
    };
    seat.run(play).await;
    let counts = seat.ui.model.chats.front().unwrap().counts();
    assert_eq!((counts.read_seq, counts.unread), (4, 0));
}

#[tokio::test]
async fn nothing_happens_while_nothing_happens() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        door
    };
    let _door = seat.run(play).await;
    // This server knows of no conversations, which is said for some seconds, and asked again after a while.
    seat.ui.model.notices = Notices::default();
    seat.ui.model.intake = Intake::default();
    seat.ui.drawn.is_dirty = false;
    assert_eq!(seat.ui.wake_at(), None, "no timer");
    let shown = seat.ui.screen.shown();
    assert!((1..10).contains(&shown), "{shown} frames");
}

#[tokio::test]
async fn while_the_server_is_away_a_frame_is_drawn_when_a_second_has_passed() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    // An attempt can be under way just when this ends.
    for _ in 0..20 {
        let wait = tokio::time::sleep(Duration::from_millis(1_500));
        seat.run(wait).await;
        if matches!(seat.ui.model.link, LinkState::Down { .. }) {
            break;
        }
        seat.ui.is_over = false;
    }
    assert!(matches!(seat.ui.model.link, LinkState::Down { .. }));
    let shown = seat.ui.screen.shown();
    // Each attempt that fails is another one, and the first come fast.
    assert!((1..30).contains(&shown), "{shown} frames");
}

#[tokio::test]
async fn what_is_sent_while_the_server_is_away_is_kept_and_sent_by_the_next_program() {
    let home = tempfile::tempdir().unwrap();
    let mut away = seat(home.path(), nobody()).await;
    let message = Outgoing {
        reply_to: Some(7),
        ..message("are you there?")
    };
    away.ui.perform(Effect::Send(message.clone())).unwrap();
    away.run(async {}).await;
    let failure = away.told().await;
    assert!(
        failure.contains("1 message was not sent yet and kept"),
        "{failure}"
    );

    let mut stage = Stage::new().await;
    let mut back = seat(home.path(), stage.address).await;
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        loop {
            let frame = door.inbound.message().await.unwrap().unwrap();
            if let Some(Request::Send(send)) = frame.request {
                return (send.client_message_id, send.text, send.reply_to_seq);
            }
        }
    };
    let sent = back.run(play).await;
    assert_eq!(
        sent,
        (message.id.to_string(), "are you there?".to_owned(), 7)
    );
}

#[tokio::test]
async fn that_somebody_types_goes_out_at_once_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let typing = |id: &str, is_typing| Effect::Typing {
        chat: id.into(),
        is_typing,
    };
    // There is no stream yet.
    seat.ui.perform(typing("early", true)).unwrap();
    let play = async {
        let mut door = stage.doors.recv().await.unwrap();
        door.give([welcome(), said(1), caught_up()]).await;
        acknowledged(&mut door).await;
        door
    };
    let mut door = seat.run(play).await;
    seat.ui.perform(typing("c1", true)).unwrap();
    seat.ui.perform(typing("c1", false)).unwrap();
    seat.ui.is_over = false;
    let play = async {
        let mut told = Vec::new();
        while told.len() < 2 {
            let frame = door.inbound.message().await.unwrap().unwrap();
            if let Some(Request::SetTyping(typing)) = frame.request {
                told.push((typing.conversation_id, typing.typing));
            }
        }
        told
    };
    let told = seat.run(play).await;
    assert_eq!(told, [("c1".to_owned(), true), ("c1".to_owned(), false)]);
}

#[tokio::test]
async fn an_ended_login_is_told_with_what_stays_kept() {
    let home = tempfile::tempdir().unwrap();
    let mut stage = Stage::new().await;
    let mut seat = seat(home.path(), stage.address).await;
    let play = async {
        let door = stage.doors.recv().await.unwrap();
        door.give([welcome(), caught_up()]).await;
        let ended = tonic::Status::unauthenticated("this login was ended; log in again");
        door.out.send(Err(ended)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // The screen stays until the user leaves.
    seat.run(play).await;
    let failure = seat.ui.leave(Ok(()), pending()).await.unwrap_err();
    let Failure::Told { code, text, .. } = failure else {
        panic!("told");
    };
    assert_eq!(
        (code, text.as_str()),
        (3, "this login was ended; log in again")
    );
}

#[tokio::test]
async fn what_the_terminal_says_of_itself_is_how_pictures_are_shown_from_then_on() {
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let around = Surroundings::of(|name| {
        let value = match name {
            "TERM" => "xterm-256color",
            "COLORTERM" => "truecolor",
            "LANG" => "en_GB.UTF-8",
            _ => return None,
        };
        Some(value.to_owned())
    });
    seat.ui.images = Showing::new(around);
    let canvas = seat.ui.images.canvas();
    assert!(seat.ui.model.previews.draw_on(canvas) && !seat.ui.model.previews.are_pixels());
    let (images, keys) = (seat.ui.images.clone(), seat.keys.clone());
    let play = async {
        images.told(
            Report {
                has_kitty: true,
                ..Report::default()
            },
            None,
        );
        keys.send(Input::Told).await.unwrap();
    };
    seat.run(play).await;
    assert!(seat.ui.model.previews.are_pixels());
}

/// What was shown, piece by piece, and when.
type Pieces = Arc<std::sync::Mutex<Vec<(Instant, String)>>>;

struct Timed(Pieces);

impl Sheet for Timed {
    fn show(&mut self, text: &[u8]) -> std::io::Result<()> {
        let text = String::from_utf8(text.to_vec()).unwrap();
        self.0.lock().unwrap().push((Instant::now(), text));
        Ok(())
    }
}

/// Waits until so many pieces have this in them.
async fn shown(pieces: &Pieces, what: &str, count: usize) {
    let is_there = || {
        let pieces = pieces.lock().unwrap();
        pieces.iter().filter(|(_, it)| it.contains(what)).count() >= count
    };
    while !is_there() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn pixels_come_where_things_stand_still_and_never_with_what_is_typed() {
    /// How long nobody does anything before.
    const CALM: Duration = Duration::from_millis(120);
    let home = tempfile::tempdir().unwrap();
    let mut seat = seat(home.path(), nobody()).await;
    let (mut model, ops) = office();
    model.size = (80, 24);
    model.previews.draw_on(Canvas {
        way: Drawing::Kitty,
        ..BLOCKS
    });
    say_so(&mut model, &ops, "bob", at(0, 11, 1), "", |message| {
        message.files = vec![picture("f1", "a.png")];
    });
    for effect in previews(&mut model) {
        let Effect::Preview(want) = effect else {
            panic!("{effect:?}");
        };
        let bytes = file(&noise(320, 180), image::ImageFormat::Png);
        model
            .previews
            .take(want.number, Ok(made(&want, 4_000_000, &bytes)));
    }
    seat.ui.model = model;
    let pieces = Pieces::default();
    seat.ui.screen = Screen::new((80, 24), Timed(Arc::clone(&pieces))).unwrap();
    let (keys, begun) = (seat.keys.clone(), Instant::now());
    let play = async {
        shown(&pieces, "\x1b_G", 2).await;
        let (level, text) = (Level::Info, "¤ is news".into());
        let news = News::Said { level, text };
        let news = Input::Msg(Msg::News(Box::new(news)));
        keys.send(news).await.unwrap();
        shown(&pieces, "¤", 1).await;
        let typed = Instant::now();
        let paste = Msg::Paste("§".to_owned());
        keys.send(Input::Msg(paste)).await.unwrap();
        shown(&pieces, "\x1b_Ga=p", 1).await;
        typed
    };
    let typed = seat.run(play).await;
    let pieces = pieces.lock().unwrap();
    let is_pixels = |text: &str| text.contains("\x1b_G");
    let first = pieces.iter().find(|(_, text)| is_pixels(text)).unwrap();
    assert!(first.0 >= begun + CALM, "it had just come");
    let place = |what| {
        let place = pieces.iter().position(|(_, text)| text.contains(what));
        place.unwrap()
    };
    for text in ['¤', '§'] {
        assert!(!is_pixels(&pieces[place(text)].1), "{text} comes alone");
    }
    let rest = pieces[place('§')..].iter();
    let rest: Vec<_> = rest.filter(|(_, text)| is_pixels(text)).collect();
    assert!(!rest.is_empty() && rest.iter().all(|(at, _)| *at >= typed + CALM));
}
