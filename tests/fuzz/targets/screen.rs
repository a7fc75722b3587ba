//! Text of others on its way to the screen, judged by the parser of a terminal.

use tinychat::{
    client::app::{
        file::File,
        line::{self, Zone},
        look::{Found, Snippet},
        model::MessageLine,
        room::Rooms,
        untrusted::Untrusted,
    },
    domain::{clock::TimeMs, user::Presence},
};

use super::super::oracle::Oracle;

#[track_caller]
fn harmless(shown: &str) {
    let faults = Oracle::judge(shown.as_bytes()).faults;
    assert!(faults.is_empty(), "{faults:?} in {shown:?}");
}

/// A moment, a sender and a text, parted by a zero.
pub fn run(data: &[u8]) {
    let (moment, rest) = data.split_at(data.len().min(8));
    let mut bytes = [0; 8];
    bytes[..moment.len()].copy_from_slice(moment);
    let moment = TimeMs::new(i64::from_le_bytes(bytes));
    let text = String::from_utf8_lossy(rest);
    let (sender, text) = text.split_once('\0').unwrap_or(("", &text));
    let (sender, said) = (Untrusted::from(sender), Untrusted::from(text));
    let line = said.render_line();
    assert!(!line.contains(['\n', '\r']));
    harmless(&line);
    // What is safe is not changed any more.
    assert_eq!(Untrusted::from(line.as_str()).render_line(), line);
    let block = said.render_block();
    harmless(&block);
    let indented = |line: &str| line.starts_with("  ");
    assert!(block.split('\n').skip(1).all(indented), "{block:?}");
    for chars in [0, 1, 30] {
        let start = said.render_start(chars);
        assert!(start.chars().count() <= chars + 1);
        harmless(&start);
    }
    harmless(&format!("{said:?}"));
    let zone = Zone::Fixed(chrono::FixedOffset::east_opt(5 * 3600).unwrap());
    let file = File {
        hash: None,
        id: text.to_owned(),
        name: said.clone(),
        size_bytes: u64::MAX,
        media_type: sender.clone(),
        image: Some((u32::MAX, 0)),
        thumbnail_id: Some(text.to_owned()),
    };
    let file = file.bounded();
    for shown in [file.line(1), file.shown_name(30), file.shown_kind()] {
        assert!(!shown.contains(['\n', '\r']));
        harmless(&shown);
    }
    let message = MessageLine {
        conversation: line.clone(),
        seq: 1,
        sender: sender.clone(),
        time: moment,
        text: Some(said.clone()),
        files: vec![file.clone(); 2],
        reply_to: 1,
        is_edited: true,
        reactions: vec![(said.clone(), 2)],
        mentions: vec![sender.clone()],
        mentions_all: true,
    };
    let place = Rooms::default().whereabouts(text, &sender);
    harmless(&place);
    // The same text in two pieces.
    let half = text.char_indices().nth(text.chars().count() / 2);
    let (before, behind) = text.split_at(half.map_or(0, |(at, _)| at));
    let pieces = Snippet::new([(before.into(), false), (behind.into(), true)]);
    let found = |snippet| Found {
        message: message.clone(),
        snippet,
    };
    for zone in [zone, Zone::Local] {
        for shown in [
            line::message(&message, None, zone),
            line::numbered(&message, zone),
            line::quotation(&sender, Some(&said)),
            line::short(&message, zone),
            line::found(&found(None), &place, zone),
            line::found(&found(Some(pieces.clone())), &place, zone),
        ] {
            assert!(shown.starts_with(['<', '>']));
            harmless(&shown);
        }
    }
    harmless(&line::user(&sender, Presence::DoNotDisturb));
}
