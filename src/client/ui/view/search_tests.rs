//! What was looked for is marked in what was found, and nothing else is.

use ratatui::style::Modifier;

use super::super::models::*;
use crate::client::{
    app::{
        acts::{self, Act},
        look::{Found, Snippet},
        model::MessageLine,
        parse::{Input, parse},
    },
    ui::model::{
        composer::Composer,
        overlay::{Hit, Overlay, SearchPane},
    },
};

fn empty() -> SearchPane {
    SearchPane {
        input: Composer::default(),
        is_here_only: false,
        mentions: None,
        number: 1,
        is_asking: false,
        search: None,
        hits: Vec::new(),
        next: String::new(),
        problem: None,
        chosen: 0,
    }
}

/// What the search says that it looks through, for words that are typed.
fn looked_through(words: &str, is_here_only: bool) -> String {
    let (mut model, _) = office();
    let search = match parse(&format!("/search {words}")) {
        Ok(Input::Command(command)) => match acts::act_of(&model, command) {
            Ok(Act::Search(search)) => Ok(search),
            other => panic!("{other:?}"),
        },
        other => Err(format!("{other:?}")),
    };
    let mut pane = empty();
    pane.is_here_only = is_here_only;
    match search {
        Ok(search) => pane.search = Some(search),
        Err(problem) => pane.problem = Some(problem),
    }
    model.overlay = Some(Overlay::Search(Box::new(pane)));
    let text = shown(&mut model, (80, 24), &theme("dark"));
    let rows = text.lines().map(|row| row.trim_matches(['│', ' ']));
    // Below the line that is typed.
    let below = rows.skip_while(|row| !row.starts_with('›')).nth(1).unwrap();
    below.split("  ").next().unwrap().to_owned()
}

#[test]
fn where_it_looks_is_said_as_the_words_have_it() {
    assert_eq!(looked_through("green", false), "in all conversations");
    assert_eq!(looked_through("green", true), "in #ops");
    assert_eq!(looked_through("green in:#ops", false), "in #ops");
    assert_eq!(looked_through("green in:this", false), "in #ops");
    assert_eq!(looked_through("green in:#elsewhere", true), "in #elsewhere");
    assert_eq!(looked_through("green in:eve", false), "in eve");
    // No word to look for yet.
    assert_eq!(looked_through("in:#ops", false), "");
}

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
        files: Vec::new(),
        reply_to: 0,
        is_edited: false,
        reactions: Vec::new(),
        mentions: Vec::new(),
        mentions_all: false,
    };
    let (mut model, ops) = office();
    model.overlay = Some(Overlay::Search(Box::new(SearchPane {
        hits: vec![Hit {
            chat: ops,
            place: "#ops".to_owned(),
            found: Found {
                message,
                snippet: Some(snippet),
            },
        }],
        ..empty()
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
