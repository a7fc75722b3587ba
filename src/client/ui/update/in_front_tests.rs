//! A terminal that forgets to say that it came to the front.

use super::{
    super::layout,
    support::{ann_with_bob, keys, message},
    *,
};

#[test]
fn whoever_does_something_has_the_terminal_in_front() {
    let key = Msg::Key(Chord::parse("a").unwrap());
    let mouse = |deed| Msg::Mouse {
        deed,
        column: 3,
        row: 23,
    };
    for deed in [key, Msg::Paste("hello".to_owned()), mouse(Mouse::Click)] {
        let mut model = ann_with_bob();
        update(&mut model, &keys(), Msg::Focused(false));
        let bob = ChatId::from("c-bob");
        model.take_message(&bob, message(6, "bob", "there?"));
        assert_eq!(layout::to_mark(&model), None);
        let now = model.now;
        update(&mut model, &keys(), Msg::Tick(now));
        update(&mut model, &keys(), Msg::Resized(80, 24));
        update(&mut model, &keys(), mouse(Mouse::ScrollDown));
        assert!(!model.is_focused, "the wheel needs no focus");
        update(&mut model, &keys(), deed.clone());
        assert_eq!(layout::to_mark(&model), Some((bob, 6)), "{deed:?}");
        update(&mut model, &keys(), Msg::Focused(false));
        assert!(!model.is_focused, "it says so anew");
    }
}
