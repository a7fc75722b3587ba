//! A text of several lines, from its beginning to its end.

use super::{
    super::{
        model::Msg,
        update::{tests::ann_with_bob, update},
    },
    *,
};

fn typed(model: &mut Model, lines: &[&str]) -> Vec<Effect> {
    let typed = |line: &&str| update(model, Msg::Typed((*line).to_owned()));
    lines.iter().flat_map(typed).collect()
}

fn bob() -> Place {
    Place::User("bob".parse().unwrap())
}

fn sent(text: &str, reply_to: Option<u64>) -> Effect {
    Effect::Send {
        to: bob(),
        text: text.parse().unwrap(),
        reply_to,
    }
}

#[test]
fn lines_become_one_text_that_is_sent_by_a_dot() {
    let mut model = ann_with_bob();
    let told = typed(&mut model, &["/text"]);
    assert_eq!(
        told,
        [say(
            "The lines that follow are one text to bob. A line of just . sends it, one of just .. forgets it."
        )]
    );
    // Nothing in it is a command, or ends it.
    let lines = [" two", "", "/quit", "//x", ". ", "...", "end\\"];
    assert_eq!(typed(&mut model, &lines), []);
    let expected = sent(" two\n\n/quit\n//x\n. \n...\nend\\", None);
    assert_eq!(typed(&mut model, &["."]), [expected]);
    // It is over: what follows is a line like any other.
    assert_eq!(typed(&mut model, &["."]), [sent(".", None)]);
    assert_eq!(model.unsent, 2);
}

#[test]
fn it_can_answer_a_message_or_be_its_new_text() {
    let mut model = ann_with_bob();
    let effects = typed(&mut model, &["/text reply 3", "a", "b", "."]);
    assert_eq!(effects[1..], [sent("a\nb", Some(3))]);
    let effects = typed(&mut model, &["/TEXT /edit [4]", "a", "b", "."]);
    let [_, Effect::Act(Act::At(spot, deed))] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(spot.place, bob());
    assert_eq!(*deed, Deeds::Edit(4, "a\nb".parse().unwrap()));
    for line in ["/text hello", "/text reply", "/text edit x"] {
        let effects = typed(&mut model, &[line]);
        assert!(
            matches!(effects.as_slice(), [Effect::Print(told)] if told.starts_with("<> /text"))
        );
        assert_eq!(model.several, None, "{line}");
    }
}

#[test]
fn all_of_it_is_sent_or_nothing() {
    let told = |effects: &[Effect]| match effects.last() {
        Some(Effect::Print(told)) => told.clone(),
        other => panic!("{other:?}"),
    };
    let mut model = ann_with_bob();
    let effects = typed(&mut model, &["/text", "a", ".."]);
    assert_eq!(told(&effects), "<> Forgotten: nothing was sent.");
    assert_eq!(model.several, None);
    let effects = typed(&mut model, &["/text", "."]);
    assert!(told(&effects).starts_with("<> Not sent: "), "{effects:?}");

    for (msg, why) in [
        (Msg::TypedUndecodable, "a line of it is not UTF-8"),
        (Msg::TypedTooLong, "longer than any text"),
    ] {
        typed(&mut model, &["/text", "a"]);
        update(&mut model, msg);
        let effects = typed(&mut model, &["b", "."]);
        assert_eq!(effects.len(), 1);
        assert!(told(&effects).contains(why), "{effects:?}");
    }
    typed(&mut model, &["/text"]);
    let long = "x".repeat(1_000);
    for _ in 0..1_000 {
        assert_eq!(typed(&mut model, &[&long]), []);
    }
    let kept = model.several.as_ref().unwrap();
    assert_eq!(kept.lines, [""; 0]);
    let effects = typed(&mut model, &["."]);
    assert!(
        told(&effects).contains("longer than any text"),
        "{effects:?}"
    );

    for msg in [Msg::InputEnded, Msg::Interrupted] {
        typed(&mut model, &["/text", "a"]);
        let effects = update(&mut model, msg);
        let [Effect::Print(told), Effect::Leave { .. }] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        assert!(told.contains("was not ended"), "{told}");
    }
    let mut model = ann_with_bob();
    typed(&mut model, &["/stop"]);
    assert_eq!(typed(&mut model, &["/text"]), [say(nowhere())]);
    assert_eq!(model.several, None);
}

#[test]
fn it_follows_a_channel_to_its_new_name() {
    let place = |name: &str| Place::Channel(name.parse().unwrap());
    let mut several = Several {
        to: place("ops"),
        what: For::New,
        lines: Vec::new(),
        bytes: 0,
        problem: None,
        was_ended: false,
    };
    several.renamed(&place("web"), &place("net"));
    assert_eq!(several.to, place("ops"));
    several.renamed(&place("ops"), &place("net"));
    assert_eq!(several.to, place("net"));
}

fn told(effects: &[Effect]) -> Vec<&str> {
    let told = effects.iter().filter_map(|it| match it {
        Effect::Print(told) => Some(told.as_str()),
        _ => None,
    });
    told.collect()
}

/// The edit that is asked for, if it is.
fn edit(effects: &[Effect]) -> Option<Act> {
    match effects {
        [Effect::Act(act @ Act::At(_, Deeds::Edit(..)))] => Some(act.clone()),
        _ => None,
    }
}

#[test]
fn in_another_store_it_answers_nothing_and_edits_nothing() {
    let mut model = ann_with_bob();
    for (begin, expected) in [
        ("/text reply 3", sent("a", None)),
        ("/text", sent("a", None)),
    ] {
        typed(&mut model, &[begin, "a"]);
        update(&mut model, Msg::Reset);
        assert_eq!(typed(&mut model, &["."]), [expected]);
    }
    typed(&mut model, &["/text edit 3", "a"]);
    update(&mut model, Msg::Reset);
    let effects = typed(&mut model, &["b", "."]);
    let [told] = told(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert!(
        told.starts_with("<> Not sent: the server's store"),
        "{told}"
    );
    assert_eq!((edit(&effects), &model.several), (None, &None));

    // The same where the server was asked before.
    model.is_read_by_a_person = true;
    let act = edit(&typed(&mut model, &["/text edit 3", "a", "."])[1..]).unwrap();
    update(&mut model, Msg::Reset);
    let outcome = Err("no such message".into());
    let effects = update(&mut model, Msg::Acted { act, outcome });
    assert!(self::told(&effects)[1].starts_with("<> Not sent: the server's store"));
    assert_eq!(model.several, None);
}

#[test]
fn an_edit_waits_for_the_server_that_is_away() {
    let mut model = ann_with_bob();
    model.is_read_by_a_person = true;
    typed(&mut model, &["/text edit 3", "a", "b"]);
    update(&mut model, Msg::ConnectionLost);
    let waits = "<> Not sent: the server is away. A line of just . sends it when it is back, one of just .. forgets it.";
    for _ in 0..2 {
        assert_eq!(told(&typed(&mut model, &["."])), [waits]);
    }
    update(&mut model, Msg::Connected);
    let Some(Act::At(_, deed)) = edit(&typed(&mut model, &["."])) else {
        panic!("it is asked for");
    };
    assert_eq!(deed, Deeds::Edit(3, "a\nb".parse().unwrap()));
    assert_eq!(model.several, None);

    // What a program writes next is none of it.
    let mut model = ann_with_bob();
    typed(&mut model, &["/text edit 3", "a"]);
    update(&mut model, Msg::ConnectionLost);
    assert_eq!(
        told(&typed(&mut model, &["."])),
        [format!("<> {}", acts::AWAY)]
    );
    assert_eq!(typed(&mut model, &["c"]), [sent("c", None)]);
}

#[test]
fn an_edit_that_is_refused_is_still_there() {
    let mut model = ann_with_bob();
    model.is_read_by_a_person = true;
    let act = edit(&typed(&mut model, &["/text edit 3", "a", "b", "."])[1..]).unwrap();
    let refused = Msg::Acted {
        act: act.clone(),
        outcome: Err("the server is busy".into()),
    };
    let effects = update(&mut model, refused.clone());
    assert_eq!(
        told(&effects),
        [
            "<> Not done: the server is busy",
            "<> Your text for bob is still there. A line of just . sends it again, one of just .. forgets it."
        ]
    );
    // Sent again as it is, or with more.
    assert_eq!(edit(&typed(&mut model, &["."])), Some(act.clone()));
    update(&mut model, refused.clone());
    let effects = update(&mut model, Msg::InputEnded);
    assert!(told(&effects)[0].ends_with("the server did not take the text of several lines."));
    let act = edit(&typed(&mut model, &["/text edit 3", "a", "."])[1..]).unwrap();
    let outcome = Ok(acts::Outcome::Done);
    update(
        &mut model,
        Msg::Acted {
            act: act.clone(),
            outcome,
        },
    );
    assert_eq!((&model.several, &model.several_asked), (&None, &None));
    // Whatever is refused after it is another matter.
    update(&mut model, refused);
    assert_eq!(model.several, None);
}
