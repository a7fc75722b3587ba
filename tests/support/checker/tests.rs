//! Hand-made histories: a good one passes, and each kind of fault in it is found.

use super::*;

fn sent(client_id: &str, invoked: u64, acked: Option<(u64, u64)>) -> Sent {
    Sent {
        sender: "ann".to_owned(),
        client_id: client_id.to_owned(),
        text: format!("text of {client_id}"),
        invoked,
        acked: acked.map(|(seq, at)| Ack {
            conversation: "c1".to_owned(),
            seq,
            at,
        }),
    }
}

fn copy(seq: u64, client_id: &str) -> Copied {
    Copied {
        conversation: "c1".to_owned(),
        seq,
        sender: "ann".to_owned(),
        client_id: client_id.to_owned(),
        text: Some(format!("text of {client_id}")),
        revision: 0,
        reactions: Vec::new(),
    }
}

fn reading(user: &str, copies: &[Copied]) -> Reading {
    Reading {
        user: user.to_owned(),
        how: "pages",
        copies: copies.to_vec(),
        ..Reading::default()
    }
}

/// Three sends, the last of unknown outcome; both members read all three.
fn good() -> History {
    let copies = [copy(1, "a"), copy(2, "b"), copy(3, "c")];
    History {
        sends: vec![
            sent("a", 1, Some((1, 2))),
            sent("b", 3, Some((2, 4))),
            sent("c", 5, None),
        ],
        members: [("c1", ["ann", "bob"])]
            .map(|(id, users)| (id.to_owned(), users.map(str::to_owned).into()))
            .into(),
        readings: vec![reading("ann", &copies), reading("bob", &copies)],
        ..History::default()
    }
}

/// Changes the good history and returns which promises the checker sees broken.
fn broken(change: impl FnOnce(&mut History)) -> BTreeSet<Promise> {
    let mut history = good();
    change(&mut history);
    check(&history)
        .iter()
        .map(|broken| broken.promise)
        .collect()
}

/// Changes every reading alike.
fn everybody(history: &mut History, change: impl Fn(&mut Vec<Copied>)) {
    for reading in &mut history.readings {
        change(&mut reading.copies);
    }
}

#[test]
fn a_good_history_passes() {
    assert_eq!(broken(|_| {}), [].into());
}

#[test]
fn a_send_of_unknown_outcome_may_be_absent() {
    let absent = broken(|history| everybody(history, |copies| drop(copies.pop())));
    assert_eq!(absent, [].into());
}

#[test]
fn an_acknowledged_message_that_nobody_can_read_is_found() {
    let lost = broken(|history| everybody(history, |copies| copies.truncate(1)));
    assert_eq!(lost, [Promise::NothingAcknowledgedIsLost].into());
}

#[test]
fn a_conversation_that_is_gone_altogether_is_found() {
    let lost = broken(|history| everybody(history, Vec::clear));
    assert_eq!(lost, [Promise::NothingAcknowledgedIsLost].into());
}

#[test]
fn an_acknowledged_message_at_another_place_is_found() {
    let moved = broken(|history| {
        everybody(history, |copies| {
            *copies = vec![copy(1, "b"), copy(2, "a")];
        });
    });
    let expected = [Promise::NothingAcknowledgedIsLost, Promise::RealTimeOrder];
    assert_eq!(moved, expected.into());
}

#[test]
fn a_message_that_was_never_sent_is_found() {
    let more = broken(|history| everybody(history, |copies| copies.push(copy(4, "ghost"))));
    assert_eq!(more, [Promise::NothingIsInvented].into());
}

#[test]
fn a_changed_text_is_found() {
    let changed = broken(|history| {
        everybody(history, |copies| {
            copies[0].text = Some("something else".to_owned());
        });
    });
    assert_eq!(changed, [Promise::NothingIsInvented].into());
}

#[test]
fn a_retry_that_became_a_second_message_is_found() {
    let twice = broken(|history| everybody(history, |copies| copies.push(copy(4, "b"))));
    assert_eq!(twice, [Promise::ExactlyOnce].into());
}

#[test]
fn a_gap_is_found() {
    let gap = broken(|history| everybody(history, |copies| copies[2].seq = 4));
    assert_eq!(gap, [Promise::NoGaps].into());
}

#[test]
fn a_repeat_within_one_stream_is_found() {
    let repeat = broken(|history| {
        history.readings[1].copies.insert(1, copy(1, "a"));
    });
    assert_eq!(repeat, [Promise::NoRepeats].into());
}

#[test]
fn a_device_that_lacks_the_end_is_found() {
    let short = broken(|history| drop(history.readings[1].copies.pop()));
    assert_eq!(short, [Promise::AllDevicesEqual].into());
}

#[test]
fn a_device_that_read_nothing_is_found() {
    let nothing = broken(|history| history.readings[1].copies.clear());
    assert_eq!(nothing, [Promise::AllDevicesEqual].into());
    let nobody = broken(|history| drop(history.readings.pop()));
    assert_eq!(nobody, [Promise::AllDevicesEqual].into());
}

#[test]
fn two_messages_in_the_wrong_order_are_found() {
    let order = broken(|history| {
        history.sends[0].acked = None;
        history.sends[2] = sent("c", 5, Some((1, 6)));
        everybody(history, |copies| {
            *copies = vec![copy(1, "c"), copy(2, "b"), copy(3, "a")];
        });
    });
    assert_eq!(order, [Promise::RealTimeOrder].into());
}

#[test]
fn a_reader_who_is_no_member_is_found() {
    let stranger = broken(|history| {
        let copies = history.readings[0].copies.clone();
        history.readings.push(reading("eve", &copies));
    });
    assert_eq!(stranger, [Promise::AllDevicesEqual].into());
}

#[test]
fn what_the_recorder_found_odd_counts() {
    let odd = broken(|history| history.oddities.push("a reset".to_owned()));
    assert_eq!(odd, [Promise::NothingOdd].into());
}

/// An act of Ann upon the message of this place.
fn acted(seq: u64, act: Act, invoked: u64, done: Option<(u64, u64)>) -> Acted {
    Acted {
        by: "ann".to_owned(),
        conversation: "c1".to_owned(),
        seq,
        act,
        invoked,
        done: done.map(|(at, revision)| Done { at, revision }),
    }
}

fn edit(text: &str) -> Act {
    Act::Edit(text.to_owned())
}

fn react(by: &str, add: bool, invoked: u64, done: Option<(u64, u64)>) -> Acted {
    Acted {
        by: by.to_owned(),
        ..acted(2, Act::React("+1".to_owned(), add), invoked, done)
    }
}

fn moved(came: bool, acked: bool) -> Moved {
    Moved {
        user: "bob".to_owned(),
        conversation: "c1".to_owned(),
        came,
        acked,
    }
}

fn shown(since: u64, seq: u64) -> Shown {
    Shown {
        since,
        conversation: "c1".to_owned(),
        seq,
        text: "text of c".to_owned(),
    }
}

/// The good history, in which then the first message is edited twice, the second gets reactions by both, and the third
/// is deleted.
fn good_with_acts(history: &mut History) {
    history.acts = vec![
        acted(1, edit("a2"), 10, Some((11, 1))),
        acted(1, edit("a3"), 12, Some((13, 2))),
        react("ann", true, 14, Some((15, 0))),
        react("bob", true, 16, Some((17, 0))),
        react("bob", false, 18, Some((19, 0))),
        react("bob", true, 20, Some((21, 0))),
        acted(3, Act::Delete, 22, Some((23, 1))),
        acted(3, Act::FoundDeleted, 24, Some((25, 0))),
    ];
    history.moves = vec![moved(false, true), moved(true, true)];
    for reading in &mut history.readings {
        reading.copies[0].text = Some("a3".to_owned());
        reading.copies[0].revision = 2;
        reading.copies[1].reactions = vec![Given {
            emoji: "+1".to_owned(),
            count: 2,
            mine: true,
        }];
        reading.copies[2].text = None;
        reading.copies[2].revision = 1;
        reading.shown = vec![shown(22, 3), shown(30, 1)];
    }
}

/// Changes the good history with acts and returns which promises the checker sees broken.
fn broken_acts(change: impl FnOnce(&mut History)) -> BTreeSet<Promise> {
    broken(|history| {
        good_with_acts(history);
        change(history);
    })
}

#[test]
fn a_good_history_with_acts_passes() {
    assert_eq!(broken_acts(|_| {}), [].into());
}

#[test]
fn a_lost_edit_is_found() {
    for (text, revision) in [("text of a", 0), ("a2", 1), ("a2", 2), ("text of a", 2)] {
        let lost = broken_acts(|history| {
            everybody(history, |copies| {
                copies[0].text = Some(text.to_owned());
                copies[0].revision = revision;
            });
        });
        assert_eq!(lost, [Promise::EditsStay].into(), "{text} {revision}");
    }
}

#[test]
fn an_edit_of_unknown_outcome_may_be_there_or_not() {
    for (text, revision) in [("a2", 1), ("a3", 2), ("text of a", 2)] {
        let absent = broken_acts(|history| {
            history.acts[1].done = None;
            everybody(history, |copies| {
                copies[0].text = Some(text.to_owned());
                copies[0].revision = revision;
            });
        });
        let due = match text {
            "text of a" => BTreeSet::from([Promise::EditsStay]),
            _ => BTreeSet::new(),
        };
        assert_eq!(absent, due, "{text}");
    }
}

#[test]
fn a_revision_that_went_back_or_too_far_is_found() {
    for revision in [0, 1, 3] {
        let wrong = broken_acts(|history| {
            everybody(history, |copies| copies[0].revision = revision);
        });
        assert_eq!(wrong, [Promise::EditsStay].into(), "{revision}");
    }
    // A replay may have left out some of them.
    let one = broken_acts(|history| history.readings[1].copies[0].revision = 1);
    assert_eq!(one, [].into());
}

#[test]
fn a_text_that_nobody_wrote_is_found() {
    let invented = broken_acts(|history| {
        everybody(history, |copies| copies[0].text = Some("a4".to_owned()));
    });
    assert_eq!(invented, [Promise::NothingIsInvented].into());
}

#[test]
fn a_deleted_text_that_came_back_is_found() {
    let back = broken_acts(|history| {
        everybody(history, |copies| {
            copies[2].text = Some("text of c".to_owned());
        });
    });
    assert_eq!(back, [Promise::DeletedStaysGone].into());
    // Somebody else had found it deleted, though nobody knows what became of the deletion.
    let back = broken_acts(|history| {
        history.acts[6].done = None;
        everybody(history, |copies| {
            copies[2].text = Some("text of c".to_owned());
        });
    });
    assert_eq!(back, [Promise::DeletedStaysGone].into());
    let kept = broken_acts(|history| {
        history.acts.truncate(7);
        history.acts[6].done = None;
        everybody(history, |copies| {
            copies[2].text = Some("text of c".to_owned());
            copies[2].revision = 0;
        });
    });
    assert_eq!(kept, [].into());
}

#[test]
fn a_deleted_text_that_one_door_showed_later_is_found() {
    let later = broken_acts(|history| history.readings[1].shown.push(shown(24, 3)));
    assert_eq!(later, [Promise::DeletedStaysGone].into());
    let reactions = broken_acts(|history| {
        everybody(history, |copies| {
            copies[2].reactions = copies[1].reactions.clone();
        });
    });
    assert_eq!(reactions, [Promise::DeletedStaysGone].into());
}

#[test]
fn a_message_that_nobody_deleted_and_has_no_text_is_found() {
    let gone = broken_acts(|history| everybody(history, |copies| copies[1].text = None));
    let due = [Promise::NothingIsInvented, Promise::DeletedStaysGone];
    assert_eq!(gone, due.into());
}

#[test]
fn a_lost_reaction_is_found() {
    let lost = broken_acts(|history| {
        everybody(history, |copies| copies[1].reactions.clear());
    });
    assert_eq!(lost, [Promise::ReactionsStay].into());
    let fewer = broken_acts(|history| {
        everybody(history, |copies| copies[1].reactions[0].count = 1);
    });
    assert_eq!(fewer, [Promise::ReactionsStay].into());
    let whose = broken_acts(|history| {
        history.readings[1].copies[1].reactions[0].mine = false;
    });
    assert_eq!(whose, [Promise::ReactionsStay].into());
}

#[test]
fn a_reaction_that_was_taken_back_or_never_given_is_found() {
    let stays = broken_acts(|history| drop(history.acts.remove(5)));
    assert_eq!(stays, [Promise::ReactionsStay].into());
    let never = broken_acts(|history| {
        everybody(history, |copies| {
            copies[1].reactions[0].emoji = "other".to_owned();
        });
    });
    assert_eq!(never, [Promise::ReactionsStay].into());
}

#[test]
fn a_reaction_of_unknown_outcome_may_be_there_or_not() {
    for count in [1, 2] {
        let open = broken_acts(|history| {
            history.acts[5].done = None;
            everybody(history, |copies| copies[1].reactions[0].count = count);
        });
        assert_eq!(open, [].into());
    }
}

#[test]
fn a_device_with_an_older_text_or_other_reactions_is_found() {
    let older = broken_acts(|history| {
        history.readings[1].copies[0].text = Some("a2".to_owned());
    });
    assert_eq!(older, [Promise::AllDevicesEqual].into());
    let other = broken_acts(|history| {
        history.readings[1].copies[1].reactions[0].count = 1;
    });
    assert_eq!(other, [Promise::AllDevicesEqual].into());
}

#[test]
fn a_device_that_begins_later_must_have_the_rest() {
    let begins = |history: &mut History| {
        let mut late = history.readings[1].clone();
        late.begins.insert("c1".to_owned(), 1);
        late.copies.remove(0);
        history.readings.push(late);
    };
    assert_eq!(broken_acts(begins), [].into());
    let lacks = broken_acts(|history| {
        begins(history);
        history.readings[2].copies.pop();
    });
    assert_eq!(lacks, [Promise::AllDevicesEqual].into());
    let hole = broken_acts(|history| {
        begins(history);
        history.readings[2].copies.remove(0);
    });
    let due = [Promise::NoGaps, Promise::AllDevicesEqual];
    assert_eq!(hole, due.into());
    let nothing = broken_acts(|history| {
        begins(history);
        history.readings[2].copies.clear();
    });
    assert_eq!(nothing, [Promise::AllDevicesEqual].into());
}

#[test]
fn a_lost_coming_or_going_is_found() {
    // Of the two Bob went last, and is there all the same.
    let went = broken_acts(|history| history.moves.push(moved(false, true)));
    assert_eq!(went, [Promise::MembersStay].into());
    let open = broken_acts(|history| history.moves.push(moved(false, false)));
    assert_eq!(open, [].into());
    let lost = broken_acts(|history| {
        history.members.get_mut("c1").unwrap().remove("bob");
        history.readings.pop();
    });
    assert_eq!(lost, [Promise::MembersStay].into());
}
