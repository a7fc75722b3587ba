//! What was looked for is marked in what was found, and nothing else is.

use ratatui::style::Modifier;

use super::super::models::*;
use crate::client::{
    app::{
        look::{Found, Snippet},
        model::MessageLine,
    },
    ui::model::{
        composer::Composer,
        overlay::{Hit, Overlay, SearchPane},
    },
};

/// What a hit with these pieces marks on the screen: the cells that are underlined, run by run.
fn marked(pieces: &[(&str, bool)]) -> Vec<String> {
    let pieces = pieces.iter();
    let snippet = Snippet::new(pieces.map(|(text, is_match)| ((*text).into(), *is_match)));
    let message = MessageLine {
        conversation: "x".to_owned(),
        seq: 2,
        sender: "bob".into(),
        time: at(0, 9, 12),
        text: Some("not shown".into()),
        reply_to: 0,
        is_edited: false,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    };
    let (mut model, ops) = office();
    model.overlay = Some(Overlay::Search(Box::new(SearchPane {
        input: Composer::default(),
        is_here_only: false,
        mentions: None,
        number: 1,
        is_asking: false,
        search: None,
        hits: vec![Hit {
            chat: ops,
            place: "#ops".to_owned(),
            found: Found {
                message,
                snippet: Some(snippet),
            },
        }],
        next: String::new(),
        problem: None,
        chosen: 0,
    })));
    let (buffer, _) = drawn(&mut model, (80, 24), &theme("dark"));
    let mut runs: Vec<String> = Vec::new();
    let mut is_in_run = false;
    for column in 0..80 {
        let cell = &buffer[(column, 5)];
        let is_marked = cell.modifier.contains(Modifier::UNDERLINED);
        match runs.last_mut().filter(|_| is_in_run) {
            Some(run) if is_marked => run.push_str(cell.symbol()),
            _ if is_marked => runs.push(cell.symbol().to_owned()),
            _ => {}
        }
        is_in_run = is_marked;
    }
    runs
}

#[test]
fn stars_of_the_text_mark_nothing() {
    let pieces = [("2 * 3 is ", false), ("six", true), (" and *not* 7", false)];
    assert_eq!(marked(&pieces), ["six"]);
    assert_eq!(
        marked(&[("**bold ", false), ("build*", true), ("*", false)]),
        ["build*"]
    );
    assert_eq!(marked(&[("a*b*c", false)]), [""; 0]);
    let pieces = [("the ", false), ("build", true), (" ", false), ("is", true)];
    assert_eq!(marked(&pieces), ["build", "is"]);
}
