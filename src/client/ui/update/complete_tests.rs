//! What Tab offers for a text, and how it is taken.

use super::*;
use crate::client::{
    app::acts::MemberLine,
    ui::update::support::{ann_with_bob, press, typed},
};

fn offers(text: &str) -> (usize, Vec<String>) {
    let model = ann_with_bob();
    let (from, found) = offered(&model, text, text.len());
    (from, found.into_iter().map(|it| it.insert).collect())
}

fn inserts(text: &str) -> Vec<String> {
    offers(text).1
}

#[test]
fn each_place_completes_what_can_stand_there() {
    for (text, from, expected) in [
        ("@", 0, vec!["@bob ", "@carol ", "@dan "]),
        ("hi @c", 3, vec!["@carol "]),
        ("hi @a", 3, vec!["@all "]),
        ("hi #o", 3, vec!["#ops "]),
        ("/qu", 0, vec!["/quit"]),
        (
            "/un",
            0,
            vec!["/unreact ", "/unlink ", "/unread ", "/unblock "],
        ),
        ("/kick c", 6, vec!["carol "]),
        ("/group x c", 9, vec!["carol "]),
        ("/invite bob c", 12, vec!["carol "]),
        ("/role bob a", 10, vec!["admin "]),
        ("/notify m", 8, vec!["mentions "]),
        ("/mute o", 6, vec!["off "]),
        ("/start #", 7, vec!["#ops "]),
        ("/start tr", 7, vec!["\"trip\" "]),
        ("/start c", 7, vec!["carol "]),
        ("/join o", 6, vec!["#ops "]),
        ("/search from:c", 8, vec!["from:carol "]),
        ("/search in:#o", 8, vec!["in:#ops "]),
        ("/search x si", 10, vec!["since:"]),
        ("/reply 3 hi @c", 12, vec!["@carol "]),
        ("hi :hundred", 3, vec![]),
        ("hi :tad", 3, vec!["🎉"]),
        ("hi", 0, vec![]),
        ("/nothing x", 9, vec![]),
        ("/quit x", 6, vec![]),
        ("//kick c", 7, vec![]),
        ("/kick c\nd", 8, vec![]),
        ("", 0, vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(offers(text), (from, expected), "{text:?}");
    }
    assert!(inserts("/").len() > 30 && inserts("@zzz").is_empty());
}

#[test]
fn who_speaks_comes_first_and_what_is_no_name_is_nobody() {
    let mut model = ann_with_bob();
    let front = model.chats.front_mut().unwrap();
    let member = |name: &str| MemberLine {
        name: name.into(),
        role: None,
    };
    front.members = Some(vec![member("berta"), member("b\u{1b}[2J")]);
    let names = names::users(&model, "b");
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["bob", "berta"]);
}

#[test]
fn one_is_put_in_at_once_and_several_are_chosen_from() {
    let mut model = ann_with_bob();
    typed(&mut model, "@ca");
    press(&mut model, "tab");
    assert_eq!(model.composer.text(), "@carol ");
    assert!(model.composer.offer().is_none());
    press(&mut model, "ctrl+u");
    typed(&mut model, "/un");
    press(&mut model, "tab");
    press(&mut model, "tab");
    assert_eq!(model.composer.offer().unwrap().chosen, 1);
    press(&mut model, "shift+tab");
    press(&mut model, "down");
    press(&mut model, "up");
    assert_eq!(model.composer.offer().unwrap().chosen, 0);
    assert_eq!(
        press(&mut model, "enter"),
        [],
        "Enter takes it and sends nothing"
    );
    assert_eq!(model.composer.text(), "/unreact ");
}

#[test]
fn further_letters_narrow_and_what_ends_the_word_takes_it() {
    let mut model = ann_with_bob();
    typed(&mut model, "/un");
    press(&mut model, "tab");
    typed(&mut model, "b");
    let offer = model.composer.offer().unwrap();
    assert_eq!(offer.candidates.len(), 1);
    typed(&mut model, " c");
    assert_eq!(model.composer.text(), "/unblock c", "one space, not two");
    press(&mut model, "ctrl+u");
    typed(&mut model, "/un");
    press(&mut model, "tab");
    typed(&mut model, "x");
    assert!(model.composer.offer().is_none());
    press(&mut model, "backspace");
    press(&mut model, "tab");
    press(&mut model, "esc");
    assert_eq!(
        (model.composer.text(), model.composer.offer()),
        ("/un", None)
    );
}
