//! How the line mode ends: with a link that is never asked to connect.

use super::{
    super::{
        super::app::{
            model::{Effect, Model, Msg},
            room::Place,
            transfers::{Far, Moved, Stage},
            update::update,
        },
        sending::tests::{ann, message, plain, refused, typed},
        *,
    },
    *,
};

fn lost() -> LinkEvent {
    LinkEvent::Disconnected {
        reason: refused(),
        retry_in: Duration::ZERO,
    }
}

#[tokio::test]
async fn what_was_told_to_wait_does_not_hold_up_the_end_of_the_input() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("a"), "a").unwrap();
    let mut lines = plain(home.path(), true);
    lines.model.is_read_by_a_person = true;
    let path = home.path().join("a").display().to_string();
    typed(&mut lines, &format!("/send {path}"));
    typed(&mut lines, "/pause");
    assert!(lines.happened(Msg::InputEnded).is_ok());
    assert!(matches!(lines.leaving, Leaving::Sending(_)));
    lines.close_if_all_is_sent();
    assert!(matches!(lines.leaving, Leaving::Closing(_)));
    let told = lines.left().unwrap_err().to_string();
    assert!(
        told.starts_with("1 transfer was under way (sending a)"),
        "{told}"
    );
    // One that goes on is waited for.
    let mut lines = plain(home.path(), true);
    lines.model.is_read_by_a_person = true;
    typed(&mut lines, &format!("/send {path}"));
    assert!(lines.happened(Msg::InputEnded).is_ok());
    lines.close_if_all_is_sent();
    assert!(matches!(lines.leaving, Leaving::Sending(_)));
    // Until somebody does not want to wait any more: what is there is kept.
    lines.leave(true);
    assert!(matches!(lines.leaving, Leaving::Sending(Some(until)) if until <= Instant::now()));
    lines.late();
    assert!(matches!(lines.leaving, Leaving::Closing(_)));
}

#[tokio::test]
async fn the_end_of_the_input_waits_for_files_as_long_as_the_server_is_there() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("a"), "a").unwrap();
    let path = home.path().join("a").display().to_string();
    let mut lines = plain(home.path(), true);
    lines.model.is_read_by_a_person = true;
    lines.model.link = LinkState::Up;
    typed(&mut lines, &format!("/send {path}"));
    assert!(lines.happened(Msg::InputEnded).is_ok());
    assert_eq!(lines.leaving, Leaving::Sending(None));
    let mut marks = Vec::new();
    assert!(lines.link_event(lost(), &mut marks).is_ok());
    let Leaving::Away(until) = lines.leaving else {
        panic!("{:?}", lines.leaving);
    };
    // However often that is told.
    assert!(lines.link_event(lost(), &mut marks).is_ok());
    assert_eq!(lines.leaving, Leaving::Away(until));
    lines.close_if_all_is_sent();
    assert_eq!(lines.leaving, Leaving::Away(until));
    // It comes back, and goes.
    assert!(lines.link_event(LinkEvent::Connected, &mut marks).is_ok());
    assert_eq!(lines.leaving, Leaving::Back(until));
    assert!(lines.link_event(lost(), &mut marks).is_ok());
    assert_eq!(lines.leaving, Leaving::Away(until));
    lines.late();
    assert!(matches!(lines.leaving, Leaving::Closing(_)));
    let told = lines.left().unwrap_err().to_string();
    assert!(
        told.ends_with("what is there is kept, and the same command goes on with it"),
        "{told}"
    );
}

#[tokio::test]
async fn the_end_of_the_input_waits_for_files_also_if_the_server_was_away_and_comes_back() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("a"), "a").unwrap();
    let path = home.path().join("a").display().to_string();
    let mut lines = plain(home.path(), true);
    lines.model.is_read_by_a_person = true;
    lines.model.link = LinkState::Down;
    typed(&mut lines, &format!("/send {path}"));
    assert!(lines.happened(Msg::InputEnded).is_ok());
    let Leaving::Away(until) = lines.leaving else {
        panic!("{:?}", lines.leaving);
    };
    lines.close_if_all_is_sent();
    assert_eq!(lines.leaving, Leaving::Away(until));
    // What has come before the end of the input is no news of the server, and what comes is.
    let far = |bytes| {
        Moved::On(Far {
            stage: Stage::Moving,
            file: 1,
            bytes,
            of: 10,
            ..Far::default()
        })
    };
    assert!(lines.moved(1, far(0)).is_ok());
    assert_eq!(lines.leaving, Leaving::Away(until), "it is tried again");
    assert!(lines.moved(1, far(4)).is_ok());
    let Leaving::Away(later) = lines.leaving else {
        panic!("{:?}", lines.leaving);
    };
    assert!(later > until);
    assert!(lines.moved(1, far(4)).is_ok());
    assert_eq!(lines.leaving, Leaving::Away(later));
    assert!(
        lines
            .link_event(LinkEvent::Connected, &mut Vec::new())
            .is_ok()
    );
    assert_eq!(lines.leaving, Leaving::Back(later));
    assert!(lines.moved(1, far(5)).is_ok());
    assert_eq!(lines.leaving, Leaving::Sending(None));
    // Whoever hurries does not wait for it.
    let mut lines = plain(home.path(), true);
    lines.model.link = LinkState::Down;
    typed(&mut lines, &format!("/send {path}"));
    assert!(lines.happened(Msg::Interrupted).is_ok());
    assert!(matches!(lines.leaving, Leaving::Sending(Some(_))));
}

#[tokio::test]
async fn messages_wait_for_a_server_that_goes_away_only_so_long_and_not_if_they_are_lost() {
    let home = tempfile::tempdir().unwrap();
    for is_kept in [true, false] {
        let mut lines = plain(home.path(), false);
        lines.kept.fail(!is_kept);
        lines.model.link = LinkState::Down;
        typed(&mut lines, "hi");
        assert!(lines.happened(Msg::InputEnded).is_ok());
        assert_eq!(matches!(lines.leaving, Leaving::Away(_)), is_kept);
        let mut marks = Vec::new();
        assert!(lines.link_event(LinkEvent::Connected, &mut marks).is_ok());
        // One that is back, answers nothing and goes is waited for no longer than before.
        let before = lines.leaving;
        assert_eq!(matches!(before, Leaving::Back(_)), is_kept);
        assert!(lines.link_event(lost(), &mut marks).is_ok());
        assert_eq!(matches!(lines.leaving, Leaving::Away(_)), is_kept);
        assert!(lines.link_event(LinkEvent::Connected, &mut marks).is_ok());
        assert_eq!(lines.leaving, before);
        // What cannot be kept by then is waited for.
        lines.kept.fail(true);
        typed(&mut lines, "more");
        assert!(lines.link_event(lost(), &mut marks).is_ok());
        assert_eq!(lines.leaving, Leaving::Sending(None));
        lines.leaving = before;
        assert!(
            lines
                .sent(&message(1, "hi"), &pb::SendResponse::default())
                .is_ok()
        );
        assert_eq!(lines.leaving, Leaving::Sending(None));
    }
}

#[tokio::test]
async fn the_end_of_the_input_says_what_it_waits_for() {
    let mut model = Model::new(ann(), Zone::Local);
    model.is_read_by_a_person = true;
    model.focus = Some(Place::User("bob".parse().unwrap()));
    update(&mut model, Msg::Typed("/send a b".to_owned()));
    let effects = update(&mut model, Msg::InputEnded);
    let [Effect::Print(said), Effect::Leave { hurry: false }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert!(
        said.starts_with("<> 1 transfer is under way (sending 2 files); ")
            && said.ends_with("as long as the server is there and ten seconds longer. Ctrl-C ends that, and the end says what is kept."),
        "{said}"
    );
    // Whoever hurries is told at the end.
    let effects = update(&mut model, Msg::Interrupted);
    assert_eq!(effects, [Effect::Leave { hurry: true }]);
}
