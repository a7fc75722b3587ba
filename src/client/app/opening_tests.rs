//! Which link is opened, and what is said where none is.

use super::{
    super::{
        model::{MessageLine, Msg},
        news::News,
        update::{
            tests::{ann_with_bob, said},
            update,
        },
    },
    *,
};

fn typed(model: &mut Model, line: &str) -> Vec<Effect> {
    update(model, Msg::Typed(line.to_owned()))
}

fn came(model: &mut Model, seq: u64, text: &str) {
    update(model, Msg::Message(said("c-bob", seq, "bob", text)));
}

fn opens(link: &str) -> Vec<Effect> {
    vec![Effect::Open(link.to_owned())]
}

fn tells(effects: &[Effect]) -> &str {
    match effects {
        [Effect::Print(told)] => told,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_link_here_is_opened_or_that_of_a_message() {
    let mut model = ann_with_bob();
    assert_eq!(typed(&mut model, "/open"), [say(NOTHING)]);
    came(
        &mut model,
        3,
        "see https://x.org/\u{1b}[2J, https://y.org, and https://y.org",
    );
    came(&mut model, 4, "(https://z.org).");
    came(&mut model, 5, "no link, and ssh://x none");
    update(
        &mut model,
        Msg::Message(said("c7", 9, "bob", "https://elsewhere.org")),
    );
    assert_eq!(typed(&mut model, "/open"), opens("https://z.org"));
    assert_eq!(
        tells(&typed(&mut model, "/open 3")),
        "<> Message [3] has 2 links; /open 3 1 opens the first:\n1 https://x.org/␛[2J\n2 https://y.org"
    );
    assert_eq!(typed(&mut model, "/OPEN [3]  2"), opens("https://y.org"));
    let told = typed(&mut model, "/open 4 2");
    assert_eq!(tells(&told), "<> Message [4] has 1 link, so there is no 2.");
    assert!(tells(&typed(&mut model, "/open 5")).starts_with("<> No link is known of message [5]"));
    for line in ["/open x", "/open 3 0", "/open 3 x", "/open 3 1 1"] {
        assert!(
            tells(&typed(&mut model, line)).starts_with("<> /open"),
            "{line}"
        );
    }
    typed(&mut model, "/stop");
    assert_eq!(typed(&mut model, "/open"), [say(nowhere())]);
}

#[test]
fn what_is_edited_deleted_hidden_or_of_another_store_is_not_opened() {
    let mut model = ann_with_bob();
    came(&mut model, 3, "https://x.org");
    came(&mut model, 4, "https://y.org");
    let edited = MessageLine {
        is_edited: true,
        ..said("c-bob", 4, "bob", "https://z.org")
    };
    update(&mut model, Msg::News(News::Edited(edited)));
    assert_eq!(typed(&mut model, "/open"), opens("https://z.org"));
    let deleted = News::Deleted {
        conversation: "c-bob".to_owned(),
        seq: 4,
        by: "bob".into(),
    };
    update(&mut model, Msg::News(deleted));
    assert_eq!(typed(&mut model, "/open"), opens("https://x.org"));
    update(&mut model, Msg::Reset);
    assert_eq!(model.links, Links::default());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut links = Links::default();
    let many = |number: usize| format!("https://x.org/{number} ").repeat(3);
    let many: String = (0..2 * LINKS_MAX).map(many).collect();
    let (bob, many) = ("bob".into(), many.as_str().into());
    for seq in 1..=300 {
        links.remember("c7", seq, &bob, Some(&many));
    }
    let id = "c".repeat(ID_BYTES_MAX + 1);
    links.remember(&id, 1, &bob, Some(&many));
    assert_eq!(links.0.len(), MESSAGES_MAX);
    let last = links.0.back().unwrap();
    assert_eq!((last.seq, last.links.len()), (300, LINKS_MAX));
}
