//! Worlds in which the model once ended as another than the server: each was found by the property, made small, and mended.

use super::{
    Deed::{Block, Change, Join, Leave, React, Rename, Role, Say, Toggle},
    Step::{
        self, Answer, Connect, Deliver, Disconnect, Fail, Fill, Key, Line, Mark, Open, Page,
        Resize, Scroll, Server, Snapshot, TakeSend, Type,
    },
    ends_as_the_server_is,
    world::Store,
};

/// What is entered: see `LINES`.
const UNREAD: usize = 3;
const JOIN_RANDOM: usize = 6;

fn ends_well(steps: impl IntoIterator<Item = Step>) {
    let ended = ends_as_the_server_is(None, steps.into_iter().collect());
    assert!(ended.is_ok(), "{ended:?}");
}

fn connect() -> Step {
    resume(0)
}

fn resume(back: usize) -> Step {
    Connect {
        back,
        backlog: 0,
        store: Store::Same,
    }
}

fn said(place: usize) -> Step {
    let (by, calls) = (0, 0);
    Server(Say { place, by, calls })
}

#[test]
fn one_that_was_left_while_its_state_was_on_its_way() {
    ends_well([connect(), Deliver(1), Snapshot(0), Server(Leave(1))]);
    let anew = Connect {
        back: 0,
        backlog: 0,
        store: Store::Anew,
    };
    ends_well([anew, Server(Leave(1)), Deliver(4), Snapshot(0)]);
}

#[test]
fn a_question_that_fails_after_an_answer() {
    ends_well([connect(), Deliver(5), Snapshot(0), Answer(0), Fail(0)]);
}

#[test]
fn a_block_that_ends_while_the_list_is_on_its_way() {
    ends_well([
        Server(Block(2)),
        connect(),
        Deliver(1),
        Snapshot(0),
        Server(Block(2)),
        Snapshot(0),
    ]);
}

#[test]
fn a_role_that_changes_while_the_state_is_on_its_way() {
    let rename = Rename {
        place: 0,
        topic: false,
    };
    ends_well([
        connect(),
        Deliver(1),
        Snapshot(0),
        Server(Role(1)),
        Server(rename),
    ]);
}

#[test]
fn a_question_of_another_store_that_fails_later() {
    let anew = Connect {
        back: 0,
        backlog: 0,
        store: Store::Anew,
    };
    ends_well([
        connect(),
        Server(Block(0)),
        Deliver(6),
        Snapshot(0),
        Answer(0),
        Disconnect,
        anew,
        Deliver(3),
        Fail(3),
    ]);
}

#[test]
fn an_own_message_that_a_page_brings_before_its_event() {
    let page = Page {
        place: 0,
        kind: 0,
        seq: 0,
    };
    ends_well([
        connect(),
        Deliver(2),
        Fill,
        Answer(0),
        Type(0),
        page,
        TakeSend(0),
        Snapshot(1),
        Answer(0),
    ]);
}

#[test]
fn an_edit_that_comes_again_in_its_newest_state() {
    let say = Say {
        place: 2,
        by: 0,
        calls: 2,
    };
    let change = Change {
        place: 2,
        number: 0,
        calls: Some(1),
    };
    ends_well([
        Server(say),
        connect(),
        Deliver(2),
        Fail(0),
        Server(change),
        Deliver(5),
        Disconnect,
        resume(3),
        Server(Block(0)),
        Deliver(2),
    ]);
}

#[test]
fn a_page_of_an_earlier_membership() {
    let page = Page {
        place: 2,
        kind: 0,
        seq: 0,
    };
    let deleted = Change {
        place: 2,
        number: 0,
        calls: None,
    };
    ends_well([
        said(2),
        connect(),
        Deliver(6),
        page,
        Snapshot(1),
        Server(Leave(2)),
        Server(deleted),
        Server(Join(2)),
    ]);
}

#[test]
fn a_mark_that_is_taken_back_as_its_conversation_is_put_aside() {
    ends_well([said(2), connect(), Deliver(12), Open(2), Mark, Line(UNREAD)]);
}

#[test]
fn an_answer_to_a_join_that_comes_after_it_was_left_again() {
    ends_well([
        connect(),
        Deliver(12),
        Open(1),
        Line(JOIN_RANDOM),
        Snapshot(1),
        Server(Leave(3)),
    ]);
}

#[test]
fn a_list_of_members_that_is_older_than_what_happened_to_them() {
    let toggle = || Server(Toggle { place: 2, other: 0 });
    let (show, wide) = (Line(12), Resize(120, 40));
    let steps = || vec![connect(), Deliver(12), wide.clone(), Open(2), show.clone()];
    for at in 0..4 {
        let asked = (0..4).map(Snapshot).cycle().skip(at).take(4);
        ends_well(steps().into_iter().chain(asked).chain([toggle()]));
    }
    // The same with the list at the side, by whichever key shows it.
    for key in 0..400 {
        let steps = vec![connect(), Deliver(12), Open(2), Key(key)];
        let late = [Snapshot(1), Snapshot(0), Scroll(0), toggle()];
        ends_well(steps.into_iter().chain(late));
    }
}

#[test]
fn another_store_after_a_stream_that_broke_off_before_its_first_cursor() {
    let another = Connect {
        back: 0,
        backlog: 0,
        store: Store::Another,
    };
    let broken = [said(0), said(0), connect(), Deliver(2), Disconnect];
    ends_well(broken.into_iter().chain([another, Disconnect, said(0)]));
}

#[test]
fn a_message_that_is_sent_again_to_what_is_called_otherwise_by_now() {
    let told = [connect(), Deliver(12), Type(2), TakeSend(0)];
    let (place, topic) = (2, false);
    let away = [Server(Rename { place, topic }), Disconnect];
    let left_out = Connect {
        back: 0,
        backlog: 1,
        store: Store::Same,
    };
    let said = [said(2), said(2), left_out];
    ends_well(told.into_iter().chain(away).chain(said));
}

#[test]
fn a_page_of_before_a_stream_that_resumes_nowhere() {
    let page = Page {
        place: 2,
        kind: 0,
        seq: 0,
    };
    let react = React {
        place: 2,
        number: 0,
        by: 0,
        emoji: 0,
    };
    let anew = [connect(), Deliver(5), said(0), Disconnect, resume(1)];
    let asked = [said(2), Deliver(5), page, Snapshot(1), Answer(0)];
    let missed = [Disconnect, Server(react)];
    ends_well(anew.into_iter().chain(asked).chain(missed));
}

#[test]
fn one_that_was_joined_elsewhere_and_read_to_its_end_before_the_server_told_what_is_set_there() {
    // An earlier program knew those that were there, and the list that is asked for is older than the membership.
    let before = Some((Vec::new(), 0, Vec::new()));
    let asked = [Open(0), connect(), Deliver(3)];
    let asked = asked.into_iter().chain([0, 0, 0].map(Snapshot));
    let joined = [Server(Join(3)), said(3), Deliver(3), Type(3), Mark];
    let ended = ends_as_the_server_is(before, asked.chain(joined).collect());
    assert!(ended.is_ok(), "{ended:?}");
}
