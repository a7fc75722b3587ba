//! What keys do to what is written; the rest is among the cases of `keys`.

use super::{
    super::support::{ann, ann_with_bob, entered, front, notice, press, typed, without_typing},
    *,
};

#[test]
fn an_older_text_comes_in_the_first_line_and_the_draft_comes_back() {
    let mut model = ann_with_bob();
    for line in ["one", "two\nlines"] {
        model.chats.front_mut().unwrap().history.push(line);
    }
    typed(&mut model, "draft");
    press(&mut model, "up");
    assert_eq!(model.composer.text(), "two\nlines");
    press(&mut model, "up");
    assert_eq!(model.composer.text(), "two\nlines", "a line up");
    press(&mut model, "up");
    assert_eq!(model.composer.text(), "one");
    press(&mut model, "down");
    press(&mut model, "down");
    assert_eq!(model.composer.text(), "draft");
    press(&mut model, "down");
    assert_eq!(model.composer.text(), "draft");
}

#[test]
fn where_nothing_was_said_there_is_nothing_to_edit() {
    let mut model = ann();
    assert_eq!(press(&mut model, "up"), []);
    assert_eq!(
        notice(&model),
        "You have said nothing here that could be edited."
    );
    press(&mut model, "esc");
    assert_eq!(notice(&model), "", "Esc takes it away");
}

#[test]
fn what_does_not_fit_is_said() {
    let mut model = ann_with_bob();
    model.composer.paste(&"x".repeat(TEXT_BYTES_MAX));
    typed(&mut model, "y");
    assert_eq!(
        notice(&model),
        "A text can have 16384 bytes; 1 more were left out. Send it in parts."
    );
}

#[test]
fn another_text_in_the_place_of_a_draft_can_be_undone() {
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    replace(&mut model, "/mute ");
    assert_eq!(model.composer.text(), "/mute ");
    press(&mut model, "ctrl+_");
    press(&mut model, "ctrl+_");
    assert_eq!(model.composer.text(), "draft");
}

#[test]
fn blanks_alone_do_not_stay_when_enter_finds_nothing_to_send() {
    for blanks in [" ", "   \t", " \n ", "\u{a0}\u{3000}"] {
        let mut model = ann_with_bob();
        model.composer.paste(blanks);
        assert_eq!(without_typing(press(&mut model, "enter")), []);
        assert_eq!(model.composer.text(), "");
        entered(&mut model, "/start #ops");
        assert_eq!(front(&model).room.label(), "#ops", "it is a command");
    }
}

#[test]
fn blanks_that_go_away_take_nothing_along() {
    let mut model = ann_with_bob();
    // The answer that was begun stays begun.
    model.focus = Focus::Messages(5);
    press(&mut model, "r");
    let mode = model.composer.mode().clone();
    typed(&mut model, "  ");
    press(&mut model, "enter");
    assert_eq!((model.composer.text(), model.composer.mode()), ("", &mode));
    // What was written before a line of the history is there again.
    let mut model = ann_with_bob();
    typed(&mut model, "draft");
    replace(&mut model, " ");
    press(&mut model, "enter");
    assert_eq!(model.composer.text(), "draft");
}
