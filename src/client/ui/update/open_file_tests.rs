//! Files that are opened outside: after a question, and only those that are looked at.

use super::*;
use crate::client::{
    app::file::tests::{file, picture},
    ui::{model::Focus, update::support::*},
};

/// A chat with bob, in whose last message are a link and files.
fn shared(text: &str, files: Vec<File>) -> (Model, u64) {
    let mut model = ann_with_bob();
    let seq = front(&model).counts().last_seq + 1;
    let id = front(&model).id().clone();
    let message = Message {
        files,
        ..message(seq, "bob", text)
    };
    model.take_message(&id, message);
    (model, seq)
}

fn question(model: &Model) -> &str {
    match &model.overlay {
        Some(Overlay::Ask(question)) => &question.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_opened_after_a_question_that_names_it() {
    let graph = picture("f13", "graph\u{202e}gnp.png");
    let (mut model, seq) = shared("", vec![graph.clone()]);
    for line in [
        "/open".to_owned(),
        format!("/open {seq}"),
        format!("/open {seq} 1"),
    ] {
        assert_eq!(without_typing(entered(&mut model, &line)), []);
        let asked = question(&model);
        assert!(
            asked.contains("(1920x1080, 2 MiB)") && asked.contains(".png"),
            "{asked}"
        );
        assert!(!asked.contains('\u{202e}'));
        let effects = press(&mut model, "y");
        assert_eq!(effects, [Effect::OpenFile(Box::new(graph.clone()), seq)]);
        assert_eq!(model.overlay, None);
    }
    model.focus = Focus::Messages(seq);
    assert_eq!(press(&mut model, "o"), []);
    assert_eq!(press(&mut model, "n"), []);
    assert_eq!(model.overlay, None, "anything else does not");
}

#[test]
fn links_and_files_of_one_message_are_picked_from() {
    let files = vec![
        file("f1", "notes.txt", "text/plain"),
        picture("f2", "b.png"),
    ];
    let (mut model, seq) = shared("see https://x.org", files.clone());
    entered(&mut model, &format!("/open {seq}"));
    assert_eq!(labels(&model), ["https://x.org", "notes.txt", "b.png"]);
    press(&mut model, "enter");
    entered(&mut model, &format!("/open {seq} 3"));
    assert!(question(&model).contains("b.png"));
    press(&mut model, "esc");
    let effects = without_typing(entered(&mut model, &format!("/open {seq} 1")));
    assert_eq!(effects, [Effect::Open("https://x.org".to_owned())]);
    entered(&mut model, &format!("/open {seq} 4"));
    assert!(model.overlay.is_none() && notice(&model).contains("there is no 4"));
}

#[test]
fn what_is_run_is_too_large_or_cannot_be_fetched_is_not_asked_about() {
    let large = File {
        size_bytes: OPENED_BYTES_MAX + 1,
        ..picture("f1", "a.png")
    };
    for refused in [
        file("f1", "run.sh", "text/plain"),
        file("f1", "a.png.desktop", "image/png"),
        file("f1", "page.html", "text/html"),
        file("f1", "", "image/png"),
        file("", "a.png", "image/png"),
        large,
    ] {
        let (mut model, _) = shared("", vec![refused]);
        assert_eq!(without_typing(entered(&mut model, "/open")), []);
        assert_eq!(model.overlay, None);
        assert!(
            notice(&model).starts_with("Not opened: "),
            "{}",
            notice(&model)
        );
    }
}
